//! Who asks for a link.
//!
//! The room `events` makes principals from what the gateway authenticated, never from a body, a
//! query or a header. This module authenticates nobody.

use super::Claims;
use crate::arn::{Identity, IdentityKind};

/// The name of the sessions of all users of a Cognito identity pool.
///
/// Source: Amazon Cognito developer guide, "Role-based access control".
const IDENTITY_POOL_SESSION: &str = "CognitoIdentityCredentials";

/// The role as which CloudFront's origin access control signs, for every visitor.
pub(super) const ORIGIN_ACCESS_CONTROL_ROLE: &str = "OriginAccessControlRole";

/// Who asks for a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The IAM user or the role's session that signed the request. IAM vouches for it.
    Iam(IamCaller),
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

/// A caller for whom IAM vouches: an ARN, and the identity of an identity pool's user, who shares the
/// ARN with all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IamCaller {
    /// The ARN. Behind a space, the identity.
    name: String,
}

/// Why many callers have one ARN and nothing that tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    /// All users of a Cognito identity pool, where the gateway leaves out which of them calls.
    IdentityPool,
    /// All visitors of a CloudFront distribution with origin access control.
    Distribution,
}

impl IamCaller {
    /// The caller with this ARN and, if it is one of an identity pool, this identity.
    #[must_use]
    pub fn new(arn: &str, identity: Option<&str>) -> Self {
        match identity {
            Some(identity) => Self { name: format!("{arn} {identity}") },
            None => Self { name: arn.to_owned() },
        }
    }

    /// The ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        self.name.split_once(' ').map_or(&self.name, |(arn, _)| arn)
    }

    /// The identity, such as `eu-west-1:5b3b7c3c-6d4b-4c3c-8b7a-1a2b3c4d5e6f`.
    #[must_use]
    pub fn identity(&self) -> Option<&str> {
        self.name.split_once(' ').map(|(_, identity)| identity)
    }

    /// The ARN and, behind a space, the identity.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The crowd that this may be any of. Nothing that one of them owns is kept from the others.
    #[must_use]
    pub fn crowd(&self) -> Option<Crowd> {
        let Identity { kind: IdentityKind::Session { role, session }, .. } =
            Identity::parse(self.arn())?
        else {
            return None;
        };
        if role == ORIGIN_ACCESS_CONTROL_ROLE && session.starts_with("EdgeCredentialsProxy") {
            return Some(Crowd::Distribution);
        }
        (session == IDENTITY_POOL_SESSION && self.identity().is_none())
            .then_some(Crowd::IdentityPool)
    }
}

impl From<&str> for IamCaller {
    /// The caller of this name: an ARN, and perhaps an identity behind a space.
    fn from(name: &str) -> Self {
        Self { name: name.to_owned() }
    }
}

impl Principal {
    /// The name used in logs.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Iam(caller) => caller.name(),
            Self::Authorized { name, .. } => name,
            Self::Anonymous => "anonymous",
            Self::S3Event => "s3-event",
        }
    }

    /// The name, if there is a caller whom a gateway authenticated.
    #[must_use]
    pub fn authenticated(&self) -> Option<&str> {
        match self {
            Self::Iam(caller) => Some(caller.name()),
            Self::Authorized { name, .. } => Some(name),
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
