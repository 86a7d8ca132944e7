//! `minted`: sessions of a signing role, whose end STS states when it creates them.
//!
//! A session minted from a role's own credentials is role chaining, which STS caps at one hour:
//! enough for most links, and proof where nothing else is to be had.

use std::sync::Arc;

use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;
use tokio::sync::Mutex;

use super::credentials::timestamp;
use super::{Evidence, Session};
use crate::signer::SignerSettings;
use crate::sts::{Sts, StsError};
use crate::window::SessionEnd;

/// A younger session than this is never replaced: it would gain less than it costs.
const RENEW_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// How soon a refused `AssumeRole` is tried again; the policy may have been mended meanwhile.
const RETRY_REFUSED: SignedDuration = SignedDuration::from_secs(30);

/// How soon an `AssumeRole` that got no answer is tried again. The SDK has already retried.
const RETRY_UNREACHABLE: SignedDuration = SignedDuration::from_secs(2);

/// `AssumeRole` gave no session.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MintError {
    /// STS said no.
    #[error(
        "STS refused AssumeRole on SIGNING_ROLE_ARN ({0}); allow sts:AssumeRole in the execution \
         role's policy and in the signing role's trust policy"
    )]
    Refused(String),
    /// No answer in time, or a passing fault.
    #[error("{0}")]
    Unreachable(String),
}

/// Mints sessions of one role, one at a time.
#[derive(Debug)]
pub struct Minter {
    role_arn: String,
    sts: Sts,
    signer_settings: SignerSettings,
    /// Held while STS is asked, so that everything concurrent waits for one call.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    minted: Option<(Arc<Session>, Timestamp)>,
    failed: Option<(MintError, Timestamp)>,
}

impl Minter {
    /// Mints sessions of `role_arn`.
    #[must_use]
    pub fn new(role_arn: String, sts: Sts, signer_settings: SignerSettings) -> Self {
        Self { role_arn, sts, signer_settings, state: Mutex::default() }
    }

    /// A minted session: the one in hand if it keeps a link of `wanted` seconds signed `now`, or
    /// is too young to be replaced; else a new one, asked for with `credentials`. When STS gives
    /// none, the one in hand serves for as long as it lives.
    ///
    /// # Errors
    ///
    /// [`MintError`] when there is no living session and STS gives none.
    pub async fn session(
        &self,
        credentials: &Credentials,
        wanted: u64,
        now: Timestamp,
    ) -> Result<Arc<Session>, MintError> {
        let mut state = self.state.lock().await;
        if let Some((session, minted_at)) = &state.minted {
            let young = now.duration_since(*minted_at) < RENEW_AFTER;
            if session.keeps(wanted, now) || (young && session.keeps(1, now)) {
                return Ok(Arc::clone(session));
            }
        }
        let failed = match state.recent_failure(now) {
            Some(error) => error,
            None => match self.mint(credentials).await {
                Ok(session) => {
                    state.minted = Some((Arc::clone(&session), now));
                    state.failed = None;
                    return Ok(session);
                }
                Err(error) => {
                    tracing::warn!(reason = error.to_string(), "no signing session was minted");
                    state.failed = Some((error.clone(), now));
                    error
                }
            },
        };
        match &state.minted {
            Some((session, _)) if session.keeps(1, now) => Ok(Arc::clone(session)),
            _ => Err(failed),
        }
    }

    async fn mint(&self, credentials: &Credentials) -> Result<Arc<Session>, MintError> {
        let minted =
            self.sts.assume_role(credentials, &self.role_arn).await.map_err(
                |error| match error {
                    StsError::Unreachable(reason) => MintError::Unreachable(reason),
                    refused @ StsError::Refused { .. } => MintError::Refused(refused.to_string()),
                },
            )?;
        let end = minted.expiry().and_then(timestamp).ok_or_else(|| {
            MintError::Unreachable("STS answered without an expiry within the calendar".to_owned())
        })?;
        let end = SessionEnd::At(end);
        Ok(Arc::new(Session::new(minted, Evidence::Minted, end, &self.signer_settings)))
    }
}

impl State {
    fn recent_failure(&self, now: Timestamp) -> Option<MintError> {
        let (error, failed_at) = self.failed.as_ref()?;
        let pause = match error {
            MintError::Refused(_) => RETRY_REFUSED,
            MintError::Unreachable(_) => RETRY_UNREACHABLE,
        };
        (now.duration_since(*failed_at) < pause).then(|| error.clone())
    }
}
