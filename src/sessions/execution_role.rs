//! The execution role's own session: its credentials, and the best evidence of their end.
//!
//! The evidence belongs to one access key. A new key (after a rotation or a SnapStart restore)
//! starts without any.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use link_rules::arn::FunctionArn;
use link_rules::text;
use link_rules::window::SessionEnd;
use thiserror::Error;

use super::attestation::{AttestationError, Attested, attested_end};
use super::credentials::{CredentialsSource, EarliestEnds};
use super::{Evidence, Session};
use crate::aws::{Sts, error_chain};
use crate::invocation::Invocation;
use crate::memory::{Age, Failure, Memory};

/// How long later invocations wait before STS is asked again for an attestation that it could not
/// give.
const ATTESTATION_RETRY: SignedDuration = SignedDuration::from_secs(30);

/// How long to wait before STS is asked again for an attestation that it refused. The operator may
/// have switched federation on by then, and a policy that was new has reached STS.
const REFUSAL_RETRY: SignedDuration = SignedDuration::from_mins(5);

/// For how many sessions STS's attestation is remembered: the current one and those before it.
const REMEMBERED_ATTESTATIONS: usize = 4;

/// How long to wait before a provider is asked again for credentials that last longer than the
/// current ones.
const RELOAD: SignedDuration = SignedDuration::from_secs(30);

/// How long to wait before credentials without a stated end are read again, because the key may
/// have been rotated. The SDK's own identity cache waits as long.
const RELOAD_WITHOUT_END: SignedDuration = SignedDuration::from_mins(15);

/// How many characters of a provider's reason a sentence shows.
const MAX_REASON: usize = 200;

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
        "the credentials are a long-term key, and no session would end its links: use a session, for \
         example of `aws sso login` and AWS_PROFILE, or set ALLOW_LONG_TERM_KEYS=true if that is what you \
         want"
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
#[error(
    "there are no credentials to sign with ({0}): sign in, for example with `aws sso login`, and set \
     AWS_PROFILE to a profile that is there, or the three AWS_… variables of a session"
)]
pub struct NoCredentials(String);

impl Failure for NoCredentials {
    /// The next invocation asks the provider again.
    fn pause(&self) -> Option<SignedDuration> {
        Some(SignedDuration::ZERO)
    }

    /// A chain of providers may take any time, and fails for this invocation all the same.
    fn longest(&self) -> SignedDuration {
        SignedDuration::MAX
    }
}

impl Failure for AttestationError {
    fn pause(&self) -> Option<SignedDuration> {
        if self.may_be_allowed() {
            Some(REFUSAL_RETRY)
        } else {
            // A token that proves nothing is final for its access key.
            self.may_pass().then_some(ATTESTATION_RETRY)
        }
    }

    fn is_refusal(&self) -> bool {
        !self.may_pass()
    }
}

/// Keeps the execution role's session.
pub struct ExecutionRole {
    source: CredentialsSource,
    sts: Sts,
    settings: ExecutionRoleSettings,
    earliest_ends: Mutex<EarliestEnds>,
    snapshots: Memory<(), Arc<Snapshot>, NoCredentials>,
    attestations: Memory<SessionKey, Attestation, AttestationError>,
}

/// A snapshot of credentials.
struct Snapshot {
    credentials: Credentials,
    /// What is known of their end without STS. `None`: STS may attest the end.
    known: Option<Result<Arc<Session>, Unproven>>,
}

/// Tells one session from another by its access key's id and its session token.
#[derive(Clone)]
struct SessionKey(Credentials);

impl PartialEq for SessionKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.access_key_id() == other.0.access_key_id()
            && self.0.session_token() == other.0.session_token()
    }
}

impl Eq for SessionKey {}

impl Hash for SessionKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.access_key_id().hash(state);
    }
}

/// What STS attested.
#[derive(Clone)]
struct Attestation {
    session: Arc<Session>,
    /// The function that STS's token names. Its partition and account are compared with those of the
    /// function that was invoked, which only an invocation's context says.
    function: FunctionArn,
}

impl ExecutionRole {
    /// Keeps the session of the credentials that `source` gives.
    #[must_use]
    pub fn new(source: CredentialsSource, sts: Sts, settings: ExecutionRoleSettings) -> Self {
        Self {
            source,
            sts,
            settings,
            earliest_ends: Mutex::default(),
            snapshots: Memory::new(1),
            attestations: Memory::new(REMEMBERED_ATTESTATIONS),
        }
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
        let snapshot = self.snapshot(wanted, invocation).await?;
        let credentials = snapshot.credentials.clone();
        if let Some(session) = snapshot.known.clone() {
            return Ok(ExecutionSession { credentials, session, asked_at: None });
        }
        let attested = self.attested(&credentials, invocation).await;
        let asked_at = self.attestations.asked_at(&SessionKey(credentials.clone())).await;
        Ok(ExecutionSession { credentials, session: attested.map_err(Into::into), asked_at })
    }

    /// The current credentials, whatever is known of their end. Those of the environment are there at
    /// once.
    ///
    /// # Errors
    ///
    /// [`NoCredentials`] when the provider has none.
    pub(super) async fn credentials(
        &self,
        invocation: &Invocation,
    ) -> Result<Credentials, NoCredentials> {
        match self.source.constant() {
            Some(credentials) => Ok(credentials.clone()),
            None => Ok(self.snapshot(1, invocation).await?.credentials.clone()),
        }
    }

    /// The credentials, if they were in the environment.
    pub(super) fn credentials_at_once(&self) -> Option<&Credentials> {
        self.source.constant()
    }

    /// Forgets the current credentials, so that the next call reads them again.
    pub(super) fn forget(&self) {
        self.snapshots.forget();
        self.attestations.forget();
    }

    /// The newest snapshot. The provider is asked for another only if that can help to sign a link of
    /// `wanted` seconds.
    async fn snapshot(
        &self,
        wanted: u64,
        invocation: &Invocation,
    ) -> Result<Arc<Snapshot>, NoCredentials> {
        let is_fresh = |snapshot: &Arc<Snapshot>, age: Age| {
            !self.should_read_again(snapshot, age, wanted, invocation.now())
        };
        let ask = |before| self.read(before);
        let snapshot = self.snapshots.get(&(), is_fresh, ask, invocation).await;
        snapshot.map_err(|unanswered| unanswered.error)
    }

    fn should_read_again(
        &self,
        snapshot: &Snapshot,
        age: Age,
        wanted: u64,
        now: Timestamp,
    ) -> bool {
        if !self.source.can_change() {
            return false;
        }
        let attested = || self.attestations.peek(&SessionKey(snapshot.credentials.clone()));
        let session = match &snapshot.known {
            Some(known) => known.as_ref().ok().cloned(),
            None => attested().map(|attestation| attestation.session),
        };
        match session.filter(|session| session.expires_at().is_some()) {
            Some(session) => {
                (!session.keeps(1, now) && !age.is_of_this_invocation)
                    || (!session.keeps(wanted, now) && age.age >= RELOAD)
            }
            None => age.age >= RELOAD_WITHOUT_END,
        }
    }

    /// Takes a snapshot. If the provider has none, `before` is kept.
    async fn read(&self, before: Option<Arc<Snapshot>>) -> Result<Arc<Snapshot>, NoCredentials> {
        let credentials = match self.source.snapshot().await {
            Ok(credentials) => credentials,
            Err(error) => {
                // The last cause says what is missing. The others say which providers were asked.
                let chain = error_chain(&error);
                let reason = chain.rsplit(": ").next().unwrap_or(&chain);
                let reason = text::shortened(&text::visible(reason), MAX_REASON);
                // `window` refuses the credentials before, once they are too old.
                let Some(before) = before else { return Err(NoCredentials(reason)) };
                tracing::warn!(
                    reason,
                    "the credentials could not be read again; the current ones are kept"
                );
                return Ok(before);
            }
        };
        let mut ends = self.earliest_ends.lock().unwrap_or_else(PoisonError::into_inner);
        let declared_end = ends.end_of(&credentials);
        let known = self.known_without_sts(&credentials, declared_end);
        Ok(Arc::new(Snapshot { credentials, known }))
    }

    /// What is known of credentials without STS. `None`: STS may attest their end.
    fn known_without_sts(
        &self,
        credentials: &Credentials,
        declared_end: Option<Timestamp>,
    ) -> Option<Result<Arc<Session>, Unproven>> {
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
        } else {
            Ok((Evidence::Assumed, SessionEnd::At(self.settings.assumed_end?)))
        };
        Some(
            known.map(|(evidence, end)| Arc::new(Session::new(credentials.clone(), evidence, end))),
        )
    }

    /// The session of `credentials`, if STS attests its end and that it is this function's own.
    async fn attested(
        &self,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<Arc<Session>, AttestationError> {
        let key = SessionKey(credentials.clone());
        let ask = |_| async {
            let name = &self.settings.function_name;
            let attested = attested_end(&self.sts, credentials, name, invocation).await;
            let Attested { end, function, role_arn } = attested.inspect_err(log_unproven)?;
            let end = SessionEnd::At(end);
            let session = Session::new(credentials.clone(), Evidence::Attested, end);
            Ok(Attestation { session: Arc::new(session.of_role(role_arn)), function })
        };
        let attestation = self.attestations.get(&key, |_, _| true, ask, invocation).await;
        let Attestation { session, function } = attestation.map_err(|it| it.error)?;
        match contradiction(&function, invocation) {
            None => Ok(session),
            Some(error) => {
                log_unproven(&error);
                self.attestations.fail(&key, error.clone(), invocation).await;
                Err(error)
            }
        }
    }
}

/// Why the function that STS named is not the one that was invoked. `None` if it is, or if no function
/// was invoked yet.
fn contradiction(attested: &FunctionArn, invocation: &Invocation) -> Option<AttestationError> {
    match FunctionArn::parse(invocation.function_arn()?) {
        None => Some(AttestationError::NoFunctionArn),
        Some(invoked) if invoked != *attested => Some(AttestationError::ANOTHER_FUNCTION),
        Some(_) => None,
    }
}

fn log_unproven(error: &AttestationError) {
    tracing::warn!(reason = error.to_string(), "the execution role's session is not attested");
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
