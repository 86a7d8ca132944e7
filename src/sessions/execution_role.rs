//! The execution role's own session: its credentials, and the best evidence of their end.
//!
//! The evidence belongs to one access key. A new key (after a rotation or a SnapStart restore)
//! starts without any.

use std::fmt;
use std::sync::Arc;

use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;
use tokio::sync::Mutex;

use super::attestation::{AttestationError, attested_end};
use super::credentials::{CredentialsSource, EarliestEnds};
use super::{Evidence, Session};
use crate::aws::{Sts, error_chain};
use crate::window::SessionEnd;

/// How long to wait before STS is asked again for an attestation that it could not give.
const ATTESTATION_RETRY: SignedDuration = SignedDuration::from_secs(30);

/// How long to wait before a provider is asked again for credentials that last longer than the
/// current ones.
const RELOAD: SignedDuration = SignedDuration::from_secs(30);

/// How long to wait before credentials without a stated end are read again, because the key may
/// have been rotated. The SDK's own identity cache waits as long.
const RELOAD_WITHOUT_END: SignedDuration = SignedDuration::from_mins(15);

/// What the operator decided about the execution role's session.
#[derive(Clone, Debug, Default)]
pub struct ExecutionRoleSettings {
    /// This function's name. An attestation must name it.
    pub function_name: String,
    /// Whether links may be signed with a long-term key (`ALLOW_LONG_TERM_KEYS`).
    pub allow_long_term_keys: bool,
    /// When the session is assumed to end (`ASSUMED_SESSION_SECONDS`). If this is set, STS is not
    /// asked.
    pub assumed_end: Option<Timestamp>,
}

/// Why nothing proves the end of the execution role's session.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unproven {
    /// STS did not attest the end.
    #[error(transparent)]
    NotAttested(#[from] AttestationError),
    /// The credentials are a long-term key, and the operator has not allowed those.
    #[error(
        "the credentials are a long-term key, and no session would end its links; use a role, or \
         set ALLOW_LONG_TERM_KEYS=true if that is what you want"
    )]
    LongTermKey,
    /// The credentials are the SAM CLI's placeholder. No AWS account knows them.
    #[error(
        "`sam local` found no credentials and passed a placeholder, `defaultkey`; sign in, and set \
         AWS_PROFILE or the three AWS_… variables of a session in the shell that runs it"
    )]
    SamPlaceholder,
}

/// The access key id that the SAM CLI passes to a local function when it finds no credentials
/// (`samcli/local/lambdafn/env_vars.py`). AWS's own have sixteen or more characters, in upper case.
const SAM_PLACEHOLDER: &str = "defaultkey";

/// The execution role's credentials, and what is known of their end.
#[derive(Clone, Debug)]
pub(super) struct ExecutionSession {
    /// The snapshot of credentials.
    pub(super) credentials: Credentials,
    /// The session, if its end is proven or assumed.
    pub(super) session: Result<Arc<Session>, Unproven>,
}

/// The provider has no credentials.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there are no credentials to sign with: {0}")]
pub struct NoCredentials(String);

/// Keeps the execution role's session.
pub struct ExecutionRole {
    source: CredentialsSource,
    sts: Sts,
    settings: ExecutionRoleSettings,
    /// Locked while STS or the provider is asked, so that concurrent callers wait for one call.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    earliest_ends: EarliestEnds,
    current: Option<Current>,
}

/// The newest snapshot of credentials, and what is known of it.
struct Current {
    known: ExecutionSession,
    read_at: Timestamp,
    attestation_tried_at: Option<Timestamp>,
}

impl ExecutionRole {
    /// Keeps the session of the credentials that `source` gives.
    #[must_use]
    pub fn new(source: CredentialsSource, sts: Sts, settings: ExecutionRoleSettings) -> Self {
        Self { source, sts, settings, state: Mutex::default() }
    }

    /// The current credentials and what is known of their end, as of `now`. The provider and STS
    /// are asked only if that can help to sign a link of `wanted` seconds.
    ///
    /// # Errors
    ///
    /// [`NoCredentials`] when the provider has none.
    pub(super) async fn current(
        &self,
        wanted: u64,
        now: Timestamp,
    ) -> Result<ExecutionSession, NoCredentials> {
        let mut state = self.state.lock().await;
        let State { earliest_ends, current } = &mut *state;
        let current = match current {
            Some(current) if !self.should_read_again(current, wanted, now) => current,
            current => self.read(earliest_ends, current, now).await?,
        };
        if current.should_attest(now) {
            current.attestation_tried_at = Some(now);
            current.known.session = self.attest(&current.known.credentials).await;
        }
        Ok(current.known.clone())
    }

    /// Forgets the current credentials, so that the next call reads them again.
    pub(super) async fn forget(&self) {
        self.state.lock().await.current = None;
    }

    fn should_read_again(&self, current: &Current, wanted: u64, now: Timestamp) -> bool {
        if !self.source.can_change() {
            return false;
        }
        let age = now.duration_since(current.read_at);
        match &current.known.session {
            Ok(session) if session.expires_at().is_some() => {
                !session.keeps(1, now) || (!session.keeps(wanted, now) && age >= RELOAD)
            }
            _ => age >= RELOAD_WITHOUT_END,
        }
    }

    /// Reads the credentials and brings `current` up to date with them.
    async fn read<'a>(
        &self,
        earliest_ends: &mut EarliestEnds,
        current: &'a mut Option<Current>,
        now: Timestamp,
    ) -> Result<&'a mut Current, NoCredentials> {
        let credentials = match self.source.snapshot().await {
            Ok(credentials) => credentials,
            Err(error) => {
                let reason = error_chain(&error);
                let Some(current) = current else {
                    return Err(NoCredentials(reason));
                };
                // Keep the current credentials. `window` refuses them once they are too old.
                tracing::warn!(
                    reason,
                    "the credentials could not be read again; the current ones are kept"
                );
                current.read_at = now;
                return Ok(current);
            }
        };
        let declared_end = earliest_ends.end_of(&credentials);
        let read = match current.take().filter(|current| current.is_of(&credentials)) {
            None => Current {
                known: self.known_before_attestation(credentials, declared_end),
                read_at: now,
                attestation_tried_at: None,
            },
            Some(mut same) => {
                same.read_at = now;
                // The provider may state an earlier end for the same key than it did before.
                if let Some(end) = declared_end
                    && !same.ends_at(end)
                {
                    let end = SessionEnd::At(end);
                    same.known.session = Ok(session(&credentials, Evidence::Declared, end));
                }
                same
            }
        };
        Ok(current.insert(read))
    }

    /// What is known of credentials before STS is asked.
    fn known_before_attestation(
        &self,
        credentials: Credentials,
        declared_end: Option<Timestamp>,
    ) -> ExecutionSession {
        let known = if let Some(end) = declared_end {
            Ok((Evidence::Declared, SessionEnd::At(end)))
        } else if credentials.access_key_id() == SAM_PLACEHOLDER {
            Err(Unproven::SamPlaceholder)
        } else if credentials.session_token().is_none() {
            if self.settings.allow_long_term_keys {
                Ok((Evidence::Unlimited, SessionEnd::Never))
            } else {
                Err(Unproven::LongTermKey)
            }
        } else if let Some(end) = self.settings.assumed_end {
            Ok((Evidence::Assumed, SessionEnd::At(end)))
        } else {
            Err(AttestationError::Unreachable("it has not been asked yet".to_owned()).into())
        };
        let session = known.map(|(evidence, end)| session(&credentials, evidence, end));
        ExecutionSession { credentials, session }
    }

    async fn attest(&self, credentials: &Credentials) -> Result<Arc<Session>, Unproven> {
        match attested_end(&self.sts, credentials, &self.settings.function_name).await {
            Ok(end) => Ok(session(credentials, Evidence::Attested, SessionEnd::At(end))),
            Err(error) => {
                tracing::warn!(
                    reason = error.to_string(),
                    "the execution role's session is not attested"
                );
                Err(error.into())
            }
        }
    }
}

impl Current {
    /// Whether this is a snapshot of the same key and the same session as `credentials`.
    fn is_of(&self, credentials: &Credentials) -> bool {
        let known = &self.known.credentials;
        credentials.access_key_id() == known.access_key_id()
            && credentials.session_token() == known.session_token()
    }

    fn ends_at(&self, end: Timestamp) -> bool {
        self.known.session.as_ref().is_ok_and(|session| session.end == SessionEnd::At(end))
    }

    /// Whether STS should be asked. A refusal is final for the key. If STS could not answer, it is
    /// asked again after [`ATTESTATION_RETRY`].
    fn should_attest(&self, now: Timestamp) -> bool {
        let Err(Unproven::NotAttested(error)) = &self.known.session else {
            return false;
        };
        error.may_pass()
            && self
                .attestation_tried_at
                .is_none_or(|tried_at| now.duration_since(tried_at) >= ATTESTATION_RETRY)
    }
}

fn session(credentials: &Credentials, evidence: Evidence, end: SessionEnd) -> Arc<Session> {
    Arc::new(Session::new(credentials.clone(), evidence, end))
}

/// Shows where the credentials come from, never the credentials.
impl fmt::Debug for ExecutionRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutionRole")
            .field("source", &self.source)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
