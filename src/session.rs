//! Sessions: the credentials that sign, and how long they are known to last.
//!
//! - [`credentials`] takes snapshots of the execution role's credentials,
//! - [`attested`] reads their end out of a token that STS issues about them,
//! - [`execution`] keeps the execution role's session together with its evidence,
//! - [`minted`] assumes a signing role, whose end STS states,
//! - [`sessions`] picks the session that keeps the longest part of what was asked.
//!
//! Sources of every fact about lifetimes stand beside the code that relies on them. Nothing in
//! here decides how long a link lives: that is [`crate::window`].

pub mod attested;
pub mod credentials;
pub mod execution;
pub mod minted;
pub mod sessions;

use std::fmt;

use aws_credential_types::Credentials;
use jiff::Timestamp;
use serde::Serialize;

use crate::signer::{Signer, SignerSettings};
use crate::window::{self, Asked, SessionEnd};

/// How the end of a session is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// Whoever handed out the credentials stated their expiry.
    Declared,
    /// STS stated it in a token about these very credentials.
    Attested,
    /// STS stated it when it created the session for us.
    Minted,
    /// Long-term keys: there is no session to outlive.
    Unlimited,
    /// Nothing but the operator's word (`ASSUMED_SESSION_SECONDS`).
    Assumed,
}

impl Evidence {
    /// The name used in answers and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Attested => "attested",
            Self::Minted => "minted",
            Self::Unlimited => "unlimited",
            Self::Assumed => "assumed",
        }
    }

    /// Whether a promise that rests on this can be believed.
    #[must_use]
    pub fn is_proof(self) -> bool {
        self != Self::Assumed
    }
}

/// Credentials whose end is known: one generation of one access key.
pub struct Session {
    /// The snapshot that was examined, and that signs.
    pub credentials: Credentials,
    /// How `end` is known.
    pub evidence: Evidence,
    /// When S3 stops accepting what these credentials signed.
    pub end: SessionEnd,
    /// Signs with exactly these credentials.
    pub signer: Signer,
}

impl Session {
    /// A session whose `end` is known by `evidence`.
    #[must_use]
    pub fn new(
        credentials: Credentials,
        evidence: Evidence,
        end: SessionEnd,
        signer_settings: &SignerSettings,
    ) -> Self {
        let signer = Signer::new(&credentials, signer_settings);
        Self { credentials, evidence, end, signer }
    }

    /// The instant the session ends; `None` when it has no end.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self.end {
            SessionEnd::At(end) => Some(end),
            SessionEnd::Never => None,
        }
    }

    /// Whether a link of `wanted` seconds, signed `now`, could be kept in full.
    #[must_use]
    pub fn keeps(&self, wanted: u64, now: Timestamp) -> bool {
        keeps(self.end, wanted, now)
    }
}

/// Whether a session with this `end` keeps a link of `wanted` seconds, signed `now`, in full.
fn keeps(end: SessionEnd, wanted: u64, now: Timestamp) -> bool {
    let full_or_nothing = Asked { expires_in: wanted, min_expires_in: wanted };
    window::window(now, full_or_nothing, wanted, end).is_ok()
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
