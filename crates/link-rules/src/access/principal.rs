//! Who asks for a link.
//!
//! The room `events` makes principals from what the gateway authenticated, never from a body, a
//! query or a header. This module authenticates nobody.

use super::Claims;

/// Who asks for a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The ARN of the IAM user or of the role's session that signed the request. IAM vouches for it.
    Iam(String),
    /// A caller whom another authorizer vouches for. Whoever issues such names and claims may let
    /// callers choose them.
    Authorized {
        /// A JWT's `sub`, or a Lambda authorizer's `principalId`.
        name: String,
        /// A JWT's claims, or a Lambda authorizer's context.
        claims: Claims,
    },
    /// The gateway let the request through without authenticating the caller.
    Anonymous,
    /// There is no caller. S3 reported that an object was created, and its link is mailed.
    S3Event,
}

impl Principal {
    /// The name used in logs.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Iam(name) | Self::Authorized { name, .. } => name,
            Self::Anonymous => "anonymous",
            Self::S3Event => "s3-event",
        }
    }

    /// The name, if there is a caller whom a gateway authenticated.
    #[must_use]
    pub fn authenticated(&self) -> Option<&str> {
        match self {
            Self::Iam(name) | Self::Authorized { name, .. } => Some(name),
            Self::Anonymous | Self::S3Event => None,
        }
    }

    /// What an authorizer vouches for besides the name. IAM vouches for nothing else.
    pub(super) fn claims(&self) -> Option<&Claims> {
        match self {
            Self::Authorized { claims, .. } => Some(claims),
            Self::Iam(_) | Self::Anonymous | Self::S3Event => None,
        }
    }
}
