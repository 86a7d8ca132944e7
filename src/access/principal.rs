//! Who asks for a link.
//!
//! The room `events` makes principals from what the gateway authenticated, never from a body, a
//! query or a header. This module authenticates nobody.

/// Who asks for a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    /// The name that a gateway's authorizer vouches for: a JWT's `sub`, the ARN of an IAM user or
    /// role, or a Lambda authorizer's `principalId`.
    Authenticated(String),
    /// The gateway let the request through without authenticating the caller.
    Anonymous,
    /// There is no caller. S3 reported that an object was created, and its link is mailed.
    S3Event,
}

impl Principal {
    /// The name used in logs.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Authenticated(name) => name,
            Self::Anonymous => "anonymous",
            Self::S3Event => "s3-event",
        }
    }
}
