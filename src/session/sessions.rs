//! Which session signs: of those available, the one that keeps the longest part of what was asked.

use std::sync::Arc;

use aws_credential_types::Credentials;
use jiff::Timestamp;

use super::Session;
use super::execution::{ExecutionRole, NoCredentials, Unproven};
use super::minted::{MintError, Minter};
use crate::sts::{Sts, StsError};
use crate::window::SessionEnd;

/// All sessions this function can sign with.
#[derive(Debug)]
pub struct Sessions {
    execution: ExecutionRole,
    minter: Option<Minter>,
    sts: Sts,
}

/// What was found when a session was looked for: the choice, and why others were not available.
#[derive(Clone, Debug)]
pub struct Found {
    /// The execution role's credentials.
    pub credentials: Credentials,
    /// The session that keeps the longest part of what was asked, if any session's end is known.
    pub best: Option<Arc<Session>>,
    /// Why the execution role's own session is not proven, if it isn't.
    pub unproven: Option<Unproven>,
    /// Why no session was minted. `None`: one was, or none was needed, or no role is named.
    pub not_minted: Option<MintError>,
}

impl Sessions {
    /// Signs with the execution role's session, and with minted ones where a role is named.
    #[must_use]
    pub fn new(execution: ExecutionRole, minter: Option<Minter>, sts: Sts) -> Self {
        Self { execution, minter, sts }
    }

    /// Whether a signing role is named.
    #[must_use]
    pub fn can_mint(&self) -> bool {
        self.minter.is_some()
    }

    /// Looks for the session that keeps a link of `wanted` seconds, signed `now`, the longest.
    /// A session is only minted when the execution role's own does not keep all of it.
    ///
    /// # Errors
    ///
    /// [`NoCredentials`] when the execution role's provider has none.
    pub async fn find(&self, wanted: u64, now: Timestamp) -> Result<Found, NoCredentials> {
        let examined = self.execution.examine(wanted, now).await?;
        let mut found = Found {
            credentials: examined.credentials,
            best: None,
            unproven: None,
            not_minted: None,
        };
        match examined.session {
            Ok(session) => found.best = Some(session),
            Err(unproven) => found.unproven = Some(unproven),
        }
        let kept_in_full = found.best.as_ref().is_some_and(|session| session.keeps(wanted, now));
        if let (false, Some(minter)) = (kept_in_full, &self.minter) {
            match minter.session(&found.credentials, wanted, now).await {
                Ok(minted) if found.best.as_ref().is_none_or(|own| outlasts(&minted, own)) => {
                    found.best = Some(minted);
                }
                Ok(_) => {}
                Err(error) => found.not_minted = Some(error),
            }
        }
        Ok(found)
    }

    /// The ARN `credentials` belong to, as STS says it.
    ///
    /// # Errors
    ///
    /// [`StsError`].
    pub async fn caller_arn(&self, credentials: &Credentials) -> Result<String, StsError> {
        self.sts.caller_arn(credentials).await
    }

    /// Forgets the execution role's credentials: after a SnapStart restore they are gone.
    pub async fn forget(&self) {
        self.execution.forget().await;
    }
}

fn outlasts(minted: &Session, own: &Session) -> bool {
    match (minted.end, own.end) {
        (_, SessionEnd::Never) => false,
        (SessionEnd::Never, SessionEnd::At(_)) => true,
        (SessionEnd::At(minted), SessionEnd::At(own)) => minted > own,
    }
}
