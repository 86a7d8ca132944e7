//! Snapshots of the execution role's credentials, and what their provider states of their end.
//!
//! Inside Lambda the credentials are in the environment. They are set once for the life of the
//! execution environment, and no end is stated. Elsewhere the SDK's default chain finds credentials
//! (container endpoint, SnapStart, SSO, IMDS, process, profile), usually with an end.

use std::fmt;
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

use crate::aws::Aws;

/// For how many access keys the earliest end is remembered. No host has as many valid keys at once.
const REMEMBERED_KEYS: usize = 16;

/// Where the execution role's credentials come from.
pub struct CredentialsSource(Source);

enum Source {
    /// Read from the environment when the function started. They never change.
    Environment(Credentials),
    /// The SDK's default chain. It is built when it is first asked, because that reads files and
    /// may open sockets.
    DefaultChain { aws: Aws, chain: OnceCell<SharedCredentialsProvider> },
    /// Any other provider.
    Provider(SharedCredentialsProvider),
}

impl CredentialsSource {
    /// Credentials that were read from the environment. They never change, so they are not read
    /// again.
    #[must_use]
    pub fn environment(credentials: Credentials) -> Self {
        Self(Source::Environment(credentials))
    }

    /// The SDK's default chain, in the region of `aws` and through its HTTP client.
    pub(crate) fn default_chain(aws: Aws) -> Self {
        Self(Source::DefaultChain { aws, chain: OnceCell::new() })
    }

    /// Any other provider: for tests, and for hosts of another kind.
    #[must_use]
    pub fn provider(provider: impl ProvideCredentials + 'static) -> Self {
        Self(Source::Provider(SharedCredentialsProvider::new(provider)))
    }

    /// Whether a later snapshot can hold other credentials.
    pub(super) fn can_change(&self) -> bool {
        self.constant().is_none()
    }

    /// The credentials, if they were in the environment and never change.
    pub(super) fn constant(&self) -> Option<&Credentials> {
        match &self.0 {
            Source::Environment(credentials) => Some(credentials),
            Source::DefaultChain { .. } | Source::Provider(_) => None,
        }
    }

    /// Takes a snapshot.
    ///
    /// # Errors
    ///
    /// The provider's own error when it has no credentials or can't be reached.
    pub(super) async fn snapshot(&self) -> Result<Credentials, CredentialsError> {
        match &self.0 {
            Source::Environment(credentials) => Ok(credentials.clone()),
            Source::DefaultChain { aws, chain } => {
                let chain = chain.get_or_init(|| build_chain(aws)).await;
                chain.provide_credentials().await
            }
            Source::Provider(provider) => provider.provide_credentials().await,
        }
    }
}

/// Shows which source it is, never the credentials.
impl fmt::Debug for CredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::Environment(_) => "CredentialsSource::Environment",
            Source::DefaultChain { .. } => "CredentialsSource::DefaultChain",
            Source::Provider(_) => "CredentialsSource::Provider",
        })
    }
}

async fn build_chain(aws: &Aws) -> SharedCredentialsProvider {
    let region = Region::new(aws.region().to_owned());
    let config = ProviderConfig::empty()
        .with_behavior_version(Some(BehaviorVersion::latest()))
        .with_region(Some(region.clone()))
        .with_http_client(aws.http().client())
        .with_sleep_impl(TokioSleep::new())
        .with_time_source(SystemTimeSource::new());
    let chain = DefaultCredentialsChain::builder().configure(config).region(region).build().await;
    SharedCredentialsProvider::new(chain)
}

/// The earliest end ever stated for each access key.
///
/// When IMDS has only expired credentials, the SDK's provider moves their stated expiry 10 to 15
/// minutes ahead, so that requests are still tried ("static stability"). A session can't become
/// longer, so the earliest end stated for a key is the true one.
#[derive(Debug, Default)]
pub(super) struct EarliestEnds(Vec<(String, Timestamp)>);

impl EarliestEnds {
    /// The end of `credentials`: the stated one, or an earlier one that was stated for the same key
    /// before. `None` when the provider states no end.
    pub(super) fn end_of(&mut self, credentials: &Credentials) -> Option<Timestamp> {
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

/// An instant of the SDK's as a [`Timestamp`]. `None` if it lies outside jiff's calendar.
pub(super) fn timestamp(time: SystemTime) -> Option<Timestamp> {
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
