//! Which session signs, and what proves when it ends.
//!
//! - [`select`] selects the session that keeps the longest part of what was asked,
//! - [`execution_role`] keeps the execution role's session together with its evidence,
//! - [`credentials`] takes snapshots of the execution role's credentials,
//! - [`attestation`] reads their end from a token that STS issues about them,
//! - [`minting`] assumes a signing role. STS states the end of such a session.
//!
//! The source of every fact about lifetimes is named beside the code that relies on it.
//!
//! This room does not decide how long a link lives: [`mod@link_rules::window`] does. It signs no URL either:
//! the room `presign` does.

mod attestation;
mod credentials;
mod execution_role;
mod minting;
mod select;

use std::fmt;

use aws_credential_types::Credentials;
use jiff::Timestamp;
use serde::Serialize;

pub use self::credentials::CredentialsSource;
pub use self::execution_role::{ExecutionRole, ExecutionRoleSettings};
pub use self::minting::Minter;
pub use self::select::{Selection, Sessions};
pub(crate) use crate::aws::CallerIdentity;
use link_rules::window::{self, Bounds, RequestedWindow, SessionEnd};

/// How the end of a session is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// The provider of the credentials stated their expiry.
    Declared,
    /// STS stated the end in a token about these very credentials.
    Attested,
    /// STS stated the end when it created the session for this function.
    Minted,
    /// The credentials are a long-term key, which has no session.
    Unlimited,
    /// The operator stated the end (`ASSUMED_SESSION_SECONDS`), and nothing else does.
    Assumed,
}

impl Evidence {
    /// The name used in answers and logs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Attested => "attested",
            Self::Minted => "minted",
            Self::Unlimited => "unlimited",
            Self::Assumed => "assumed",
        }
    }

    /// Whether this proves the end. An assumption does not.
    #[must_use]
    pub fn is_proof(self) -> bool {
        self != Self::Assumed
    }
}

/// Credentials whose end is known. There is one session per access key.
pub struct Session {
    /// The snapshot of credentials that `end` is about. Links are signed with exactly these.
    pub credentials: Credentials,
    /// How `end` is known.
    pub evidence: Evidence,
    /// When S3 stops accepting what these credentials signed.
    pub end: SessionEnd,
    /// The ARN of the session's role, with its path. `None` if it is not known.
    pub(crate) role_arn: Option<String>,
}

impl Session {
    /// A session whose `end` is known by `evidence`.
    pub(crate) fn new(credentials: Credentials, evidence: Evidence, end: SessionEnd) -> Self {
        Self { credentials, evidence, end, role_arn: None }
    }

    /// The same session, with its role's ARN.
    pub(crate) fn of_role(self, role_arn: Option<String>) -> Self {
        Self { role_arn, ..self }
    }

    /// The instant at which the session ends, or `None` if it has no end.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self.end {
            SessionEnd::At(end) => Some(end),
            SessionEnd::Never => None,
        }
    }

    /// Whether a link of `wanted` seconds that is signed `now` would work in full.
    pub(crate) fn keeps(&self, wanted: u64, now: Timestamp) -> bool {
        let full_or_nothing = RequestedWindow { expires_in: wanted, min_expires_in: wanted };
        window::window(now, full_or_nothing, wanted, self.end, Bounds::default()).is_ok()
    }
}

/// Shows the access key id and hides the rest, as the SDK's own `Credentials` does.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("access_key_id", &self.credentials.access_key_id())
            .field("evidence", &self.evidence)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
