//! Who is asking. Doors make principals out of what the gateway authenticated, never out of a
//! body, a query or a header; this module does not authenticate anybody.

/// Who asks for a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The name a gateway's authorizer vouches for: a JWT's `sub`, an IAM user's or role's ARN, a
    /// Lambda authorizer's `principalId`.
    Authenticated(String),
    /// The gateway let the request through without authenticating anybody.
    Anonymous,
    /// Nobody asks: S3 says that an object was created, and its link is mailed.
    S3Event,
}

impl Principal {
    /// The name used in logs.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Authenticated(name) => name,
            Self::Anonymous => "anonymous",
            Self::S3Event => "s3-event",
        }
    }
}
