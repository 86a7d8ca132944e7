//! The execution role's own session: its credentials and the best evidence of their end.
//!
//! Everything here is kept per access key: a new key (rotation, SnapStart restore) starts over.

use std::fmt;
use std::sync::Arc;

use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;
use tokio::sync::Mutex;

use super::attested::{AttestationError, attested_end};
use super::credentials::{CredentialsSource, EarliestEnds};
use super::{Evidence, Session};
use crate::outbound;
use crate::signer::SignerSettings;
use crate::sts::Sts;
use crate::window::SessionEnd;

/// How soon STS is asked again for an attestation it could not give in time.
const ATTESTATION_RETRY: SignedDuration = SignedDuration::from_secs(30);

/// How soon a provider is asked again for credentials that last longer than those in hand.
const RELOAD: SignedDuration = SignedDuration::from_secs(30);

/// How soon credentials without a stated end are read again, in case the key has been rotated.
/// The SDK's own identity cache waits as long.
const RELOAD_WITHOUT_END: SignedDuration = SignedDuration::from_mins(15);

/// What the operator decided about the execution role's session.
#[derive(Clone, Debug, Default)]
pub struct ExecutionSettings {
    /// This function's name, which an attestation must bear.
    pub function_name: String,
    /// `ALLOW_LONG_TERM_KEYS`.
    pub allow_long_term_keys: bool,
    /// When the session is assumed to end, if the operator assumes anything
    /// (`ASSUMED_SESSION_SECONDS`). STS is then not asked.
    pub assumed_end: Option<Timestamp>,
}

/// Why nothing proves the end of the execution role's session.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unproven {
    /// No attestation, for now or for as long as the key lives.
    #[error(transparent)]
    NotAttested(#[from] AttestationError),
    /// Long-term keys without the operator's consent.
    #[error(
        "the credentials are a long-term key, whose links no session would end; use a role, or \
         set ALLOW_LONG_TERM_KEYS=true if that is what you want"
    )]
    LongTermKey,
}

/// The execution role's credentials, examined.
#[derive(Clone, Debug)]
pub struct Examined {
    /// The snapshot that was examined.
    pub credentials: Credentials,
    /// The session, if anything proves (or the operator assumes) its end.
    pub session: Result<Arc<Session>, Unproven>,
}

/// No credentials at all.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there are no credentials to sign with: {0}")]
pub struct NoCredentials(pub String);

/// Keeps the execution role's session.
pub struct ExecutionRole {
    source: CredentialsSource,
    sts: Sts,
    settings: ExecutionSettings,
    signer_settings: SignerSettings,
    /// Held while STS or the provider is asked, so that everything concurrent waits for one call.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    earliest_ends: EarliestEnds,
    current: Option<Current>,
}

struct Current {
    examined: Examined,
    read_at: Timestamp,
    attestation_tried_at: Option<Timestamp>,
}

impl ExecutionRole {
    /// Keeps the session of the credentials that `source` gives.
    #[must_use]
    pub fn new(
        source: CredentialsSource,
        sts: Sts,
        settings: ExecutionSettings,
        signer_settings: SignerSettings,
    ) -> Self {
        Self { source, sts, settings, signer_settings, state: Mutex::default() }
    }

    /// The credentials in hand and what is known of their end, as of `now`. Asks the provider and
    /// STS only where that can bring a link of `wanted` seconds closer.
    ///
    /// # Errors
    ///
    /// [`NoCredentials`] when the provider has none.
    pub async fn examine(&self, wanted: u64, now: Timestamp) -> Result<Examined, NoCredentials> {
        let mut state = self.state.lock().await;
        let State { earliest_ends, current } = &mut *state;

        if self.should_read(current.as_ref(), wanted, now) {
            match (self.source.snapshot().await, current.as_mut()) {
                (Ok(credentials), Some(current))
                    if credentials.access_key_id()
                        == current.examined.credentials.access_key_id()
                        && credentials.session_token()
                            == current.examined.credentials.session_token() =>
                {
                    current.read_at = now;
                    // The same key, perhaps with an earlier end than was stated before.
                    if let Some(end) = earliest_ends.end_of(&credentials)
                        && !current.ends_at(end)
                    {
                        current.examined.session =
                            Ok(self.session(&credentials, Evidence::Declared, SessionEnd::At(end)));
                    }
                }
                (Ok(credentials), _) => {
                    let end = earliest_ends.end_of(&credentials);
                    *current = Some(self.start_over(credentials, end, now));
                }
                // What is in hand may still sign; the rule knows for how long.
                (Err(error), Some(current)) => {
                    current.read_at = now;
                    tracing::warn!(
                        reason = outbound::causes(&error),
                        "the credentials could not be read again; going on with those in hand"
                    );
                }
                (Err(error), None) => return Err(NoCredentials(outbound::causes(&error))),
            }
        }

        let Some(current) = current else {
            // Not reached: without a current snapshot `should_read` is true, and reading either
            // makes one or returns.
            return Err(NoCredentials("none were read".to_owned()));
        };
        if current.should_attest(now) {
            current.attestation_tried_at = Some(now);
            current.examined.session = self.attest(&current.examined.credentials).await;
        }
        Ok(current.examined.clone())
    }

    /// Forgets the credentials in hand, so that the next call reads them anew.
    pub async fn forget(&self) {
        self.state.lock().await.current = None;
    }

    fn should_read(&self, current: Option<&Current>, wanted: u64, now: Timestamp) -> bool {
        let Some(current) = current else {
            return true;
        };
        if !self.source.can_change() {
            return false;
        }
        let age = now.duration_since(current.read_at);
        match &current.examined.session {
            Ok(session) if session.expires_at().is_some() => {
                !session.keeps(1, now) || (!session.keeps(wanted, now) && age >= RELOAD)
            }
            _ => age >= RELOAD_WITHOUT_END,
        }
    }

    /// What is known of credentials before STS is asked.
    fn start_over(
        &self,
        credentials: Credentials,
        declared_end: Option<Timestamp>,
        now: Timestamp,
    ) -> Current {
        let known = if let Some(end) = declared_end {
            Ok((Evidence::Declared, SessionEnd::At(end)))
        } else if credentials.session_token().is_none() {
            if self.settings.allow_long_term_keys {
                Ok((Evidence::Unlimited, SessionEnd::Never))
            } else {
                Err(Unproven::LongTermKey)
            }
        } else if let Some(end) = self.settings.assumed_end {
            Ok((Evidence::Assumed, SessionEnd::At(end)))
        } else {
            Err(AttestationError::Unreachable("STS has not been asked yet".to_owned()).into())
        };
        let session = known.map(|(evidence, end)| self.session(&credentials, evidence, end));
        Current {
            examined: Examined { credentials, session },
            read_at: now,
            attestation_tried_at: None,
        }
    }

    async fn attest(&self, credentials: &Credentials) -> Result<Arc<Session>, Unproven> {
        match attested_end(&self.sts, credentials, &self.settings.function_name).await {
            Ok(end) => Ok(self.session(credentials, Evidence::Attested, SessionEnd::At(end))),
            Err(error) => {
                tracing::warn!(
                    reason = error.to_string(),
                    "the execution role's session is not attested"
                );
                Err(error.into())
            }
        }
    }

    fn session(
        &self,
        credentials: &Credentials,
        evidence: Evidence,
        end: SessionEnd,
    ) -> Arc<Session> {
        Arc::new(Session::new(credentials.clone(), evidence, end, &self.signer_settings))
    }
}

impl Current {
    fn ends_at(&self, end: Timestamp) -> bool {
        self.examined.session.as_ref().is_ok_and(|session| session.end == SessionEnd::At(end))
    }

    /// Once per key if STS said no, and not more often than every 30 s if it said nothing.
    fn should_attest(&self, now: Timestamp) -> bool {
        let Err(Unproven::NotAttested(error)) = &self.examined.session else {
            return false;
        };
        error.may_pass()
            && self
                .attestation_tried_at
                .is_none_or(|tried_at| now.duration_since(tried_at) >= ATTESTATION_RETRY)
    }
}

/// Shows where the credentials come from, never what they are.
impl fmt::Debug for ExecutionRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutionRole")
            .field("source", &self.source)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
