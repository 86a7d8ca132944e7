//! Which session signs: of those available, the one that keeps the longest part of what was asked.

use std::sync::Arc;

use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use link_rules::window::SessionEnd;

use super::Session;
use super::execution_role::{ExecutionRole, NoCredentials, Unproven};
use super::minting::{MintError, Minter};
use crate::aws::{AwsError, CallerIdentity, MINTED_SECONDS, Sts};
use crate::invocation::Invocation;
use crate::memory::{Failure, Memory};

/// For how many access keys STS's answer is remembered: the role's own, minted ones, and those that
/// they replaced.
const REMEMBERED_IDENTITIES: usize = 4;

/// How long later invocations wait before STS is asked again whose an access key is.
const RETRY_IDENTITY: SignedDuration = SignedDuration::from_secs(2);

/// All sessions that this function can sign with.
#[derive(Debug)]
pub struct Sessions {
    execution_role: ExecutionRole,
    minter: Option<Minter>,
    sts: Sts,
    /// Whose an access key is.
    identities: Memory<String, Arc<CallerIdentity>, AwsError>,
}

/// STS did not say whose an access key is.
impl Failure for AwsError {
    fn pause(&self) -> Option<SignedDuration> {
        Some(RETRY_IDENTITY)
    }
}

/// The session that was selected, and why others were not available.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The execution role's credentials.
    pub credentials: Credentials,
    /// The session that keeps the longest part of what was asked. `None` if the end of no session
    /// is known.
    pub session: Option<Arc<Session>>,
    /// Why nothing proves the end of the execution role's own session. `None` if something does.
    pub unproven: Option<Unproven>,
    /// When STS was last asked to attest the end of the execution role's own session. `None` if it
    /// was not asked.
    pub attestation_asked_at: Option<Timestamp>,
    /// Why no session was minted. `None` if one was minted, if none was needed, or if no signing
    /// role is set.
    pub not_minted: Option<MintError>,
}

impl Sessions {
    /// Signs with the execution role's session, and with minted sessions if there is a `minter`.
    #[must_use]
    pub fn new(execution_role: ExecutionRole, minter: Option<Minter>, sts: Sts) -> Self {
        Self { execution_role, minter, sts, identities: Memory::new(REMEMBERED_IDENTITIES) }
    }

    /// Whether a signing role is set.
    pub(crate) fn can_mint(&self) -> bool {
        self.minter.is_some()
    }

    /// The role that sessions are minted from, if one is set.
    pub(crate) fn signing_role_arn(&self) -> Option<&str> {
        self.minter.as_ref().map(Minter::role_arn)
    }

    /// Selects the session that keeps the longest part of a link of `wanted` seconds that is signed
    /// now. A session is minted only if the execution role's own does not keep all of it, and only
    /// if the new one could last longer.
    ///
    /// A call that failed since the invocation began is not made again. What STS attested counts only if
    /// it names the function that was invoked.
    ///
    /// # Errors
    ///
    /// `NoCredentials` when the provider has no credentials of the execution role.
    pub async fn select(
        &self,
        wanted: u64,
        invocation: &Invocation,
    ) -> Result<Selection, NoCredentials> {
        let current = self.execution_role.current(wanted, invocation).await?;
        let (session, unproven) = match current.session {
            Ok(session) => (Some(session), None),
            Err(unproven) => (None, Some(unproven)),
        };
        let mut selection = Selection {
            credentials: current.credentials,
            session,
            unproven,
            attestation_asked_at: current.asked_at,
            not_minted: None,
        };

        let own = selection.session.as_ref();
        let now = invocation.now();
        let is_enough = own.is_some_and(|own| own.keeps(wanted, now) || outlasts_minted(own, now));
        if let (false, Some(minter)) = (is_enough, &self.minter) {
            match minter.session(&selection.credentials, wanted, invocation).await {
                Ok(minted) if own.is_none_or(|own| outlasts(&minted, own)) => {
                    selection.session = Some(minted);
                }
                Ok(_) => {}
                Err(error) => selection.not_minted = Some(error),
            }
        }
        Ok(selection)
    }

    /// The execution role's credentials, if they were in the environment. Nobody is asked.
    pub(crate) fn credentials_at_once(&self) -> Option<&Credentials> {
        self.execution_role.credentials_at_once()
    }

    /// The execution role's credentials. STS is not asked.
    ///
    /// # Errors
    ///
    /// [`NoCredentials`] when the provider has none.
    pub(crate) async fn credentials(
        &self,
        invocation: &Invocation,
    ) -> Result<Credentials, NoCredentials> {
        self.execution_role.credentials(invocation).await
    }

    /// Whose `credentials` these are. STS is asked once for each access key.
    ///
    /// # Errors
    ///
    /// [`AwsError`]. The invocation that met the error does not ask again, and later ones wait for
    /// [`RETRY_IDENTITY`].
    pub(crate) async fn caller_identity(
        &self,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<Arc<CallerIdentity>, AwsError> {
        let ask =
            |_| async { self.sts.caller_identity(credentials, invocation).await.map(Arc::new) };
        let key = credentials.access_key_id().to_owned();
        let identity = self.identities.get(&key, |_, _| true, ask, invocation).await;
        identity.map_err(|unanswered| unanswered.error)
    }

    /// Forgets the execution role's credentials. After a SnapStart restore they are no longer
    /// valid.
    pub fn forget(&self) {
        self.execution_role.forget();
    }
}

impl Selection {
    /// Why nothing proves the end of any session, and three ways to fix that. `can_mint` says
    /// whether a signing role is set.
    pub(crate) fn why_unproven(&self, can_mint: bool) -> String {
        let reasons = [
            self.unproven.as_ref().map(|reason| format!("{reason}.")),
            self.not_minted.as_ref().map(|reason| format!("{reason}.")),
        ];
        let reasons = reasons.into_iter().flatten().collect::<Vec<_>>().join(" ");
        // Neither STS nor a setting makes a session of these. The reason says what does.
        if matches!(self.unproven, Some(Unproven::LongTermKey | Unproven::SamPlaceholder)) {
            return format!("No link is promised: {reasons}");
        }
        let minting = if can_mint {
            "let this function assume the role in SIGNING_ROLE_ARN"
        } else {
            "set SIGNING_ROLE_ARN to a role that this function may assume (its own, if the role's \
             trust policy names it)"
        };
        format!(
            "Nothing proves how long the signing session lasts, so no link is promised. {reasons} \
             There are three ways to fix this: (1) run `aws iam \
             enable-outbound-web-identity-federation` and allow sts:GetWebIdentityToken; \
             (2) {minting}; (3) on a laptop only, set ASSUMED_SESSION_SECONDS, which makes every \
             answer say \"proven\": false."
        )
    }
}

/// Whether `own` ends later than any session that could be minted now.
fn outlasts_minted(own: &Session, now: Timestamp) -> bool {
    let longest = SignedDuration::from_secs(MINTED_SECONDS.into());
    own.expires_at().is_none_or(|end| end.duration_since(now) > longest)
}

fn outlasts(minted: &Session, own: &Session) -> bool {
    match (minted.end, own.end) {
        (_, SessionEnd::Never) => false,
        (SessionEnd::Never, SessionEnd::At(_)) => true,
        (SessionEnd::At(minted), SessionEnd::At(own)) => minted > own,
    }
}

#[cfg(test)]
mod tests {
    use super::super::attestation::AttestationError;
    use super::*;

    #[test]
    fn without_a_proof_every_reason_is_stated_and_every_fix() {
        let selection = Selection {
            credentials: Credentials::new("ASIA", "the-secret", None, None, "test"),
            session: None,
            unproven: Some(AttestationError::Disabled.into()),
            attestation_asked_at: None,
            not_minted: Some(MintError::Refused {
                setting: "SIGNING_ROLE_ARN",
                reason: "status 403, AccessDenied".to_owned(),
            }),
        };
        let sentences = selection.why_unproven(true);
        for part in [
            "outbound web identity federation is switched off",
            "STS refused AssumeRole on SIGNING_ROLE_ARN (status 403, AccessDenied)",
            "`aws iam enable-outbound-web-identity-federation`",
            "allow sts:GetWebIdentityToken",
            "let this function assume the role in SIGNING_ROLE_ARN",
            "ASSUMED_SESSION_SECONDS",
        ] {
            assert!(sentences.contains(part), "{part}: {sentences}");
        }
        assert!(!sentences.contains("the-secret"));
        let without_role = Selection { not_minted: None, ..selection }.why_unproven(false);
        assert!(without_role.contains("set SIGNING_ROLE_ARN to a role"), "{without_role}");
        assert!(!without_role.contains("AssumeRole"), "{without_role}");
    }
}
