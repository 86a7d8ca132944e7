//! Snapshots of the execution role's credentials, and what their provider says of their end.
//!
//! Inside Lambda they stand in the environment, set once for the life of the execution
//! environment, with no end stated. Elsewhere the SDK's default chain finds them (container
//! endpoint, SnapStart, SSO, IMDS, process, profile), usually with one.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use aws_config::BehaviorVersion;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_types::region::Region;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::outbound::Outbound;

/// How many access keys' earliest ends are remembered: more than any host has alive at once.
const REMEMBERED_KEYS: usize = 16;

/// Where the execution role's credentials come from.
pub struct CredentialsSource(Source);

enum Source {
    /// Read from the environment when the function started; nothing changes them.
    Environment(Credentials),
    /// The SDK's default chain, built when first asked: it reads files and may open sockets.
    DefaultChain {
        region: String,
        outbound: Arc<Outbound>,
        chain: OnceCell<SharedCredentialsProvider>,
    },
    /// Any provider at all.
    Provider(SharedCredentialsProvider),
}

impl CredentialsSource {
    /// Credentials that were read from the environment. They never change, so they are never
    /// read again.
    #[must_use]
    pub fn environment(credentials: Credentials) -> Self {
        Self(Source::Environment(credentials))
    }

    /// The SDK's default chain for `region`.
    #[must_use]
    pub fn default_chain(region: String, outbound: Arc<Outbound>) -> Self {
        Self(Source::DefaultChain { region, outbound, chain: OnceCell::new() })
    }

    /// Any provider: the way in for tests and for hosts of another kind.
    #[must_use]
    pub fn provider(provider: impl ProvideCredentials + 'static) -> Self {
        Self(Source::Provider(SharedCredentialsProvider::new(provider)))
    }

    /// Whether asking again can give other credentials.
    #[must_use]
    pub fn can_change(&self) -> bool {
        !matches!(self.0, Source::Environment(_))
    }

    /// Takes a snapshot.
    ///
    /// # Errors
    ///
    /// The provider's own error, when it has no credentials or can't be reached.
    pub async fn snapshot(&self) -> Result<Credentials, CredentialsError> {
        match &self.0 {
            Source::Environment(credentials) => Ok(credentials.clone()),
            Source::DefaultChain { region, outbound, chain } => {
                let chain = chain.get_or_init(|| build_chain(region, outbound)).await;
                chain.provide_credentials().await
            }
            Source::Provider(provider) => provider.provide_credentials().await,
        }
    }
}

/// Shows which source it is, never what it holds.
impl fmt::Debug for CredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::Environment(_) => "CredentialsSource::Environment",
            Source::DefaultChain { .. } => "CredentialsSource::DefaultChain",
            Source::Provider(_) => "CredentialsSource::Provider",
        })
    }
}

async fn build_chain(region: &str, outbound: &Outbound) -> SharedCredentialsProvider {
    let region = Region::new(region.to_owned());
    let config = ProviderConfig::empty()
        .with_behavior_version(Some(BehaviorVersion::latest()))
        .with_region(Some(region.clone()))
        .with_http_client(outbound.http_client())
        .with_sleep_impl(TokioSleep::new())
        .with_time_source(SystemTimeSource::new());
    let chain = DefaultCredentialsChain::builder().configure(config).region(region).build().await;
    SharedCredentialsProvider::new(chain)
}

/// The earliest end ever stated for each access key.
///
/// When IMDS has nothing but expired credentials, the SDK's provider moves their stated expiry
/// 10–15 minutes ahead so that requests are still tried ("static stability"). A session can't
/// grow, so the earliest end stated for a key is the true one.
#[derive(Debug, Default)]
pub struct EarliestEnds(Vec<(String, Timestamp)>);

impl EarliestEnds {
    /// The end of `credentials`, as first stated for their key if that was earlier. `None` when
    /// their provider states none.
    pub fn end_of(&mut self, credentials: &Credentials) -> Option<Timestamp> {
        let stated = timestamp(credentials.expiry()?)?;
        let known = self.0.iter_mut().find(|(key, _)| key == credentials.access_key_id());
        if let Some((_, earliest)) = known {
            *earliest = stated.min(*earliest);
            return Some(*earliest);
        }
        if self.0.len() == REMEMBERED_KEYS {
            self.0.remove(0);
        }
        self.0.push((credentials.access_key_id().to_owned(), stated));
        Some(stated)
    }
}

/// An instant of the SDK's as one of ours; `None` if it lies outside the calendar.
#[must_use]
pub fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn credentials(key: &str, end: u64) -> Credentials {
        let expiry = SystemTime::UNIX_EPOCH + Duration::from_secs(end);
        Credentials::new(key, "secret", Some("token".to_owned()), Some(expiry), "test")
    }

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    #[test]
    fn an_end_that_moves_ahead_for_the_same_key_is_not_believed() {
        let mut ends = EarliestEnds::default();
        assert_eq!(ends.end_of(&credentials("ASIAONE", 1_000)), at(1_000));
        assert_eq!(ends.end_of(&credentials("ASIAONE", 1_900)), at(1_000));
        assert_eq!(ends.end_of(&credentials("ASIATWO", 5_000)), at(5_000));
        assert_eq!(ends.end_of(&credentials("ASIAONE", 2_800)), at(1_000));
        assert_eq!(ends.end_of(&credentials("ASIAONE", 900)), at(900));
    }

    #[test]
    fn the_memory_of_ends_is_bounded() {
        let mut ends = EarliestEnds::default();
        for key in 0..1_000 {
            ends.end_of(&credentials(&format!("ASIA{key}"), 1_000));
        }
        assert_eq!(ends.0.len(), REMEMBERED_KEYS);
    }
}
