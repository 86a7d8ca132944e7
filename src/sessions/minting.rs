//! `minted`: sessions of a signing role. STS states their end when it creates them.
//!
//! A session that is minted with a role's own credentials is role chaining, which STS caps at one
//! hour. That is enough for most links, and it is proof where nothing else proves the end.
//!
//! Source of the cap: IAM user guide, "Methods to assume a role".

use std::sync::Arc;

use aws_credential_types::Credentials;
use jiff::SignedDuration;
use link_rules::window::SessionEnd;
use thiserror::Error;

use super::credentials::timestamp;
use super::{Evidence, Session};
use crate::aws::{AwsError, Sts};
use crate::invocation::Invocation;
use crate::memory::{Age, Failure, Memory, Unanswered};

/// A session younger than this is not replaced. The new one would last at most this much longer,
/// which is not worth a call.
const RENEW_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// How long later invocations wait before a refused `AssumeRole` is tried again. The policy may be fixed by then.
const RETRY_REFUSED: SignedDuration = SignedDuration::from_secs(30);

/// How long later invocations wait before an `AssumeRole` without an answer is tried again. The
/// pause is short, because a call without an answer says little about the next one. The invocation
/// that met the failure does not try again, whatever its length.
const RETRY_UNREACHABLE: SignedDuration = SignedDuration::from_secs(2);

/// `AssumeRole` gave no session.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MintError {
    /// STS refused the call.
    #[error(
        "STS refused AssumeRole on {setting} ({reason}); allow sts:AssumeRole in the execution \
         role's policy and in that role's trust policy"
    )]
    Refused {
        /// The setting that names the role.
        setting: &'static str,
        /// STS's answer.
        reason: String,
    },
    /// STS did not answer in time, it has a fault, or its answer can't be used. A later call may
    /// succeed.
    #[error("STS could not answer AssumeRole ({0})")]
    Unreachable(String),
}

/// Mints sessions of one role, one at a time.
#[derive(Debug)]
pub struct Minter {
    /// The setting that names the role.
    setting: &'static str,
    role_arn: String,
    sts: Sts,
    /// The newest session.
    minted: Memory<(), Arc<Session>, MintError>,
}

impl Failure for MintError {
    fn pause(&self) -> Option<SignedDuration> {
        Some(match self {
            Self::Refused { .. } => RETRY_REFUSED,
            Self::Unreachable(_) => RETRY_UNREACHABLE,
        })
    }

    fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

impl Minter {
    /// Mints sessions of the role that signs links (`SIGNING_ROLE_ARN`).
    #[must_use]
    pub fn new(role_arn: String, sts: Sts) -> Self {
        Self { setting: "SIGNING_ROLE_ARN", role_arn, sts, minted: Memory::new(1) }
    }

    /// Mints sessions of the role that signs uploads (`UPLOAD_ROLE_ARN`).
    #[must_use]
    pub fn of_uploads(role_arn: String, sts: Sts) -> Self {
        Self { setting: "UPLOAD_ROLE_ARN", ..Self::new(role_arn, sts) }
    }

    /// The role that sessions are minted from.
    pub(crate) fn role_arn(&self) -> &str {
        &self.role_arn
    }

    /// A minted session for a link of `wanted` seconds that is signed now.
    ///
    /// The current session is used if it keeps all of the link or is too young to be replaced.
    /// Otherwise a new one is minted with `credentials`. If STS gives none, the current session is
    /// used until it ends.
    ///
    /// # Errors
    ///
    /// [`MintError`] when the current session has ended, or there is none, and STS gives no new
    /// one.
    pub(crate) async fn session(
        &self,
        credentials: &Credentials,
        wanted: u64,
        invocation: &Invocation,
    ) -> Result<Arc<Session>, MintError> {
        let is_fresh = |session: &Arc<Session>, age: Age| {
            let now = invocation.now();
            session.keeps(wanted, now) || (age.age < RENEW_AFTER && session.keeps(1, now))
        };
        let ask = |_| async {
            let minted = self.mint(credentials, invocation).await;
            minted.inspect_err(|error| {
                tracing::warn!(reason = error.to_string(), "no signing session was minted");
            })
        };
        match self.minted.get(&(), is_fresh, ask, invocation).await {
            Ok(session) => Ok(session),
            Err(Unanswered { before: Some(session), .. }) if session.keeps(1, invocation.now()) => {
                Ok(session)
            }
            Err(unanswered) => Err(unanswered.error),
        }
    }

    async fn mint(
        &self,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<Arc<Session>, MintError> {
        let minted = self.sts.assume_role(credentials, &self.role_arn, invocation).await;
        let minted = minted.map_err(|error| MintError::of(self.setting, &error))?;
        let end = minted.expiry().and_then(timestamp).ok_or_else(|| {
            MintError::Unreachable("an answer without an expiry within the calendar".to_owned())
        })?;
        let session = Session::new(minted, Evidence::Minted, SessionEnd::At(end))
            .of_role(Some(self.role_arn.clone()));
        // Such a session signs nothing. Without this, every link would mint another one.
        if !session.keeps(1, invocation.now()) {
            return Err(MintError::Unreachable("a session that has already ended".to_owned()));
        }
        Ok(Arc::new(session))
    }
}

impl MintError {
    fn of(setting: &'static str, error: &AwsError) -> Self {
        let reason = error.to_string();
        match error {
            // STS names a code whenever it refuses. An answer without one is not STS's own.
            AwsError::Refused { code, .. } if !code.is_empty() => Self::Refused { setting, reason },
            _ => Self::Unreachable(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_code_makes_a_refusal() {
        let refused = |code: &str| {
            MintError::of(
                "UPLOAD_ROLE_ARN",
                &AwsError::Refused { status: 403, code: code.to_owned() },
            )
            .to_string()
        };
        assert!(
            refused("AccessDenied")
                .contains("UPLOAD_ROLE_ARN (status 403, AccessDenied); allow sts:")
        );
        assert_eq!(refused(""), "STS could not answer AssumeRole (status 403)");

        let error = AwsError::NoResponse("no answer: connection refused".to_owned());
        assert_eq!(
            MintError::of("SIGNING_ROLE_ARN", &error).to_string(),
            "STS could not answer AssumeRole (no answer: connection refused)"
        );
    }
}
