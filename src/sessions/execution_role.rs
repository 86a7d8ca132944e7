//! The execution role's own session: its credentials, and the best evidence of their end.
//!
//! The evidence belongs to one access key. A new key (after a rotation or a SnapStart restore)
//! starts without any.

use std::fmt;
use std::sync::Arc;

use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use link_rules::arn::FunctionArn;
use link_rules::window::SessionEnd;
use thiserror::Error;
use tokio::sync::Mutex;

use super::attestation::{AttestationError, Attested, attested_end};
use super::credentials::{CredentialsSource, EarliestEnds};
use super::{Evidence, Session};
use crate::aws::{Sts, error_chain, failure_counts};
use crate::invocation::Invocation;

/// How long later invocations wait before STS is asked again for an attestation that it could not
/// give.
const ATTESTATION_RETRY: SignedDuration = SignedDuration::from_secs(30);

/// How long to wait before STS is asked again for an attestation that it refused. The operator may
/// have switched federation on by then, and a policy that was new has reached STS.
const REFUSAL_RETRY: SignedDuration = SignedDuration::from_mins(5);

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
    /// When STS was last asked to attest the end. `None` if it was not asked.
    pub(super) asked_at: Option<Timestamp>,
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
    /// The provider's last failure while there were no credentials, and when it happened.
    no_credentials: Option<(NoCredentials, Timestamp)>,
    current: Option<Current>,
}

/// The newest snapshot of credentials, and what is known of it.
struct Current {
    known: ExecutionSession,
    read_at: Timestamp,
    /// When STS last refused to attest, or failed to answer in the middle of an invocation. A
    /// failure of the initialisation, and a call that was interrupted by a freeze, are not kept: the
    /// invocation that needs the answer asks again.
    attestation_failed_at: Option<Timestamp>,
    /// The function that STS's token names, until it is compared with the one that was invoked.
    attested_function: Option<FunctionArn>,
}

impl ExecutionRole {
    /// Keeps the session of the credentials that `source` gives.
    #[must_use]
    pub fn new(source: CredentialsSource, sts: Sts, settings: ExecutionRoleSettings) -> Self {
        Self { source, sts, settings, state: Mutex::default() }
    }

    /// The current credentials and what is known of their end. The provider and STS are asked only
    /// if that can help to sign a link of `wanted` seconds.
    ///
    /// # Errors
    ///
    /// [`NoCredentials`] when the provider has none.
    pub(super) async fn current(
        &self,
        wanted: u64,
        invocation: &Invocation,
    ) -> Result<ExecutionSession, NoCredentials> {
        let mut state = self.state.lock().await;
        let current = self.read_if_due(&mut state, wanted, invocation).await?;
        if current.should_attest(invocation) {
            self.attest(current, invocation).await;
        }
        compare_functions(current, invocation);
        Ok(current.known.clone())
    }

    /// The newest snapshot. The provider is asked for another only if that can help to sign a link of
    /// `wanted` seconds.
    async fn read_if_due<'a>(
        &self,
        state: &'a mut State,
        wanted: u64,
        invocation: &Invocation,
    ) -> Result<&'a mut Current, NoCredentials> {
        let is_due = |current: &Current| self.should_read_again(current, wanted, invocation);
        if state.current.as_ref().is_none_or(is_due) {
            // No pause: the next invocation asks the provider again.
            if let Some((error, failed_at)) = &state.no_credentials
                && invocation.remembers(*failed_at, SignedDuration::ZERO)
            {
                return Err(error.clone());
            }
            let read = self.read(&mut state.earliest_ends, &mut state.current, invocation).await;
            state.no_credentials =
                read.as_ref().err().map(|error| (error.clone(), invocation.now()));
            read?;
        }
        let nothing_read = || NoCredentials("the provider gave none".to_owned());
        state.current.as_mut().ok_or_else(nothing_read)
    }

    /// The credentials, if they were in the environment.
    pub(super) fn credentials_at_once(&self) -> Option<&Credentials> {
        self.source.constant()
    }

    /// The current credentials, whatever is known of their end. Those of the environment are there at
    /// once, even while STS is asked about them.
    ///
    /// # Errors
    ///
    /// [`NoCredentials`] when the provider has none.
    pub(super) async fn credentials(
        &self,
        invocation: &Invocation,
    ) -> Result<Credentials, NoCredentials> {
        if let Some(credentials) = self.source.constant() {
            return Ok(credentials.clone());
        }
        let mut state = self.state.lock().await;
        Ok(self.read_if_due(&mut state, 1, invocation).await?.known.credentials.clone())
    }

    /// Forgets the current credentials, so that the next call reads them again.
    pub(super) async fn forget(&self) {
        self.state.lock().await.current = None;
    }

    fn should_read_again(&self, current: &Current, wanted: u64, invocation: &Invocation) -> bool {
        if !self.source.can_change() {
            return false;
        }
        let now = invocation.now();
        let age = now.duration_since(current.read_at);
        match &current.known.session {
            Ok(session) if session.expires_at().is_some() => {
                let read_by_this_invocation =
                    invocation.remembers(current.read_at, SignedDuration::ZERO);
                (!session.keeps(1, now) && !read_by_this_invocation)
                    || (!session.keeps(wanted, now) && age >= RELOAD)
            }
            _ => age >= RELOAD_WITHOUT_END,
        }
    }

    /// Reads the credentials and brings `current` up to date with them.
    async fn read(
        &self,
        earliest_ends: &mut EarliestEnds,
        current: &mut Option<Current>,
        invocation: &Invocation,
    ) -> Result<(), NoCredentials> {
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
                current.read_at = invocation.now();
                return Ok(());
            }
        };
        let declared_end = earliest_ends.end_of(&credentials);
        let read = match current.take().filter(|current| current.is_of(&credentials)) {
            None => Current {
                known: self.known_before_attestation(credentials, declared_end),
                read_at: invocation.now(),
                attestation_failed_at: None,
                attested_function: None,
            },
            Some(mut same) => {
                same.read_at = invocation.now();
                // The provider may state an earlier end for the same key than it did before.
                if let Some(end) = declared_end
                    && !same.ends_at(end)
                {
                    let end = SessionEnd::At(end);
                    same.known.session = Ok(session(&credentials, Evidence::Declared, end));
                    same.attested_function = None;
                }
                same
            }
        };
        *current = Some(read);
        Ok(())
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
        ExecutionSession { credentials, session, asked_at: None }
    }

    /// Asks STS, and takes its answer into `current`.
    async fn attest(&self, current: &mut Current, invocation: &Invocation) {
        let credentials = &current.known.credentials;
        let name = &self.settings.function_name;
        let asked_at = invocation.now();
        current.known.asked_at = Some(asked_at);
        match attested_end(&self.sts, credentials, name, invocation).await {
            Ok(Attested { end, function, role_arn }) => {
                let end = SessionEnd::At(end);
                let session = Session::new(credentials.clone(), Evidence::Attested, end);
                current.known.session = Ok(Arc::new(session.of_role(role_arn)));
                current.attested_function = Some(function);
            }
            Err(error) => {
                let counts = error.is_refusal() || failure_counts(asked_at, invocation);
                current.attestation_failed_at = counts.then(|| invocation.now());
                current.is_unproven(error);
            }
        }
    }
}

/// Compares the function that STS named with the one that was invoked, once both are known. Partition
/// and account are known only from the context of an invocation. An environment serves one function.
fn compare_functions(current: &mut Current, invocation: &Invocation) {
    let Some(invoked) = invocation.function_arn() else {
        return;
    };
    let Some(attested) = current.attested_function.take() else {
        return;
    };
    match FunctionArn::parse(invoked) {
        None => current.is_unproven(AttestationError::NoFunctionArn),
        Some(invoked) if invoked != attested => {
            current.is_unproven(AttestationError::ANOTHER_FUNCTION);
        }
        Some(_) => {}
    }
}

impl Current {
    /// Whether this is a snapshot of the same key and the same session as `credentials`.
    fn is_of(&self, credentials: &Credentials) -> bool {
        let known = &self.known.credentials;
        credentials.access_key_id() == known.access_key_id()
            && credentials.session_token() == known.session_token()
    }

    /// Takes it that the session's end is not attested, and logs why.
    fn is_unproven(&mut self, error: AttestationError) {
        tracing::warn!(reason = error.to_string(), "the execution role's session is not attested");
        self.known.session = Err(error.into());
    }

    fn ends_at(&self, end: Timestamp) -> bool {
        self.known.session.as_ref().is_ok_and(|session| session.end == SessionEnd::At(end))
    }

    /// Whether STS should be asked. If STS could not answer, later invocations ask it again after
    /// [`ATTESTATION_RETRY`], and after [`REFUSAL_RETRY`] if it refused. A token that proves nothing
    /// is final for the key.
    fn should_attest(&self, invocation: &Invocation) -> bool {
        let Err(Unproven::NotAttested(error)) = &self.known.session else {
            return false;
        };
        let pause = if error.is_refusal() { REFUSAL_RETRY } else { ATTESTATION_RETRY };
        (error.is_refusal() || error.may_pass())
            && !self
                .attestation_failed_at
                .is_some_and(|failed_at| invocation.remembers(failed_at, pause))
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
