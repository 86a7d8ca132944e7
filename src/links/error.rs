//! Why there is no link.

use jiff::Timestamp;
use link_rules::access::{Crowd, Principal};
use link_rules::object::ObjectKeyError;
use link_rules::problem::ProblemKind;
use link_rules::text;
use link_rules::window::TooShort;
use thiserror::Error;

use super::spelling::url_decoded;
use crate::invocation::OutOfTime;
use crate::presign::SignError;

/// How many characters of a caller's name a sentence shows.
const MAX_NAME: usize = 200;

/// Why there is no link. `Display` is a sentence for the caller: what happened, and the fix. It
/// never holds a secret, a session token, a signature or a link.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum LinkError {
    /// No gateway authenticated the caller, and no grant admits anonymous callers to this object.
    #[error(
        "The gateway authenticated nobody, and no grant admits anonymous callers to this. Sign in \
         and ask again."
    )]
    Unauthenticated,
    /// No grant covers this principal, bucket and key. The error is the same whether or not the
    /// object exists.
    #[error(
        "No grant gives this principal this object. The principal is {principal:?}, as the gateway \
         authenticated it. {}",
        .mistake.map_or("Ask the operator for an entry in GRANTS.", KeyMistake::fix)
    )]
    NotGranted {
        /// As whom the caller was seen.
        principal: String,
        /// How the key is written that a grant covers if it is written right.
        mistake: Option<KeyMistake>,
    },
    /// The caller can't be told from others, so nothing can be the caller's own.
    #[error("{}", one_of_many(*.0))]
    OneOfMany(Crowd),
    /// The caller's name is longer than the table of shares can keep.
    #[error(
        "The name that your token or ARN gives you has {bytes} bytes. Owners of shares have names of \
         {max_bytes} bytes at most: sign in with another name (a JWT's \"sub\", an authorizer's \
         \"principalId\")."
    )]
    NameTooLong {
        /// The length of the name.
        bytes: usize,
        /// The longest that is kept.
        max_bytes: usize,
    },
    /// A grant covers the object, but not its old versions. The error is the same for a version
    /// that never existed.
    #[error(
        "version_id is not the object's current version, or the object is deleted, and the grant \
         gives no old versions. Leave version_id out, or ask the operator for \"versions\": true in \
         GRANTS."
    )]
    VersionNotGranted,
    /// The request names no bucket, and the grants name several.
    #[error("bucket: the grants name several buckets, so say which one is meant")]
    BucketNotNamed,
    /// The object's own content type is to be shown, and no grant trusts the files' writers.
    #[error(
        "disposition: \"inline\" needs a content_type that can't run script, such as \
         \"application/pdf\", because the object's own type may be HTML. Add one, or leave out the \
         disposition. Where the files' writers are trusted, the operator can say so in GRANTS: \
         \"trusted_content\": true"
    )]
    InlineWithoutContentType,
    /// A link can't name this key.
    #[error(transparent)]
    Key(#[from] ObjectKeyError),
    /// No window as long as `min_expires_in` can be kept.
    #[error(
        "The longest window that can be kept now is {} s, limited by the {}; at least \
         {min_expires_in} s were asked for.",
        .too_short.available_expires_in,
        .too_short.limited_by.as_str()
    )]
    WindowTooShort {
        /// The window that could be kept.
        too_short: TooShort,
        /// The least that was asked for, in seconds.
        min_expires_in: u64,
        /// The end of the session that would have signed. `None` for long-term keys.
        session_expires_at: Option<Timestamp>,
    },
    /// The link was opened once, or S3 was asked for the current version, and S3 refused.
    #[error("{0}")]
    ObjectUnavailable(String),
    /// The link was opened once, and the object is archived. It opens once it is restored.
    #[error("{0}")]
    Archived(String),
    /// The link was opened once, and the bucket's policy opens the object only when a scan has ended.
    #[error("{0}")]
    BeingScanned(String),
    /// Nothing proves how long the session lasts that would sign.
    #[error("{0}")]
    SessionUnproven(String),
    /// S3, STS or the provider of credentials did not answer as it must.
    #[error("{0}")]
    Upstream(String),
    /// The invocation would have ended before the link was made.
    #[error(
        "The function ran out of time before S3 or STS answered: ask for fewer links at once, or \
         without \"check\"."
    )]
    OutOfTime,
    /// The operator wants no link without the bucket's policy (`BUCKET_POLICY=require`), and the
    /// policy could not be read.
    #[error("BUCKET_POLICY=require, and the bucket's policy can't be read: {reason}")]
    PolicyUnreadable {
        /// Why it can't be read, and the fix.
        reason: String,
    },
    /// The settings name a bucket that links can't be signed for.
    #[error("{0}")]
    Misconfigured(String),
    /// This function broke a rule of its own. The error is a bug.
    #[error("{0}")]
    Internal(String),
}

/// A key in a form that S3's keys do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyMistake {
    /// It is an address such as `s3://bucket/key`.
    Address,
    /// It begins with a slash, and a grant covers it without.
    Slash,
    /// It is URL-encoded, and a grant covers it decoded.
    UrlEncoded,
}

impl KeyMistake {
    /// What is wrong with `key`. `is_granted` says whether a grant covers another key.
    pub(super) fn of(key: &str, is_granted: impl Fn(&str) -> bool) -> Option<Self> {
        if key.starts_with("s3://") || key.starts_with("https://") {
            Some(Self::Address)
        } else if key.strip_prefix('/').is_some_and(&is_granted) {
            Some(Self::Slash)
        } else if url_decoded(key).is_some_and(|decoded| is_granted(&decoded)) {
            Some(Self::UrlEncoded)
        } else {
            None
        }
    }

    fn fix(self) -> &'static str {
        match self {
            Self::Address => {
                "The key is an address: send the bucket as \"bucket\", and what stands behind it as \"key\"."
            }
            Self::Slash => {
                "A grant covers the key without the slash at its beginning: leave that out."
            }
            Self::UrlEncoded => {
                "A grant covers the key once it is URL-decoded: send it as it is in S3, without %20 and \
                 the like."
            }
        }
    }
}

fn one_of_many(crowd: Crowd) -> &'static str {
    match crowd {
        Crowd::IdentityPool => {
            "All users of your Cognito identity pool arrive here under one ARN, because function URLs leave \
             out who of them calls. Such a caller owns no shares and uploads nothing: call through an API of API Gateway, or \
             sign in with a token."
        }
        Crowd::Distribution => {
            "All visitors of the CloudFront distribution arrive here under one ARN. Such a caller owns no \
             shares and uploads nothing: sign in at the API itself."
        }
    }
}

impl LinkError {
    /// A principal's name as a sentence shows it.
    pub(crate) fn shown_name(principal: &Principal) -> String {
        text::shortened(principal.name(), MAX_NAME)
    }

    /// [`LinkError::NotGranted`] to this principal.
    pub(crate) fn not_granted(principal: &Principal) -> Self {
        Self::NotGranted { principal: Self::shown_name(principal), mistake: None }
    }

    /// The same, about a key that is perhaps written wrong.
    pub(super) fn not_granted_key(principal: &Principal, mistake: Option<KeyMistake>) -> Self {
        Self::NotGranted { principal: Self::shown_name(principal), mistake }
    }

    /// The row of the table of problems.
    pub(crate) fn kind(&self) -> ProblemKind {
        match self {
            Self::Unauthenticated => ProblemKind::Unauthenticated,
            Self::NotGranted { .. }
            | Self::OneOfMany(_)
            | Self::NameTooLong { .. }
            | Self::VersionNotGranted => ProblemKind::NotGranted,
            Self::BucketNotNamed
            | Self::InlineWithoutContentType
            | Self::Key(ObjectKeyError::Length(_)) => ProblemKind::InvalidRequest,
            Self::Key(ObjectKeyError::DotSegment) => ProblemKind::KeyNotLinkable,
            Self::WindowTooShort { .. } => ProblemKind::WindowTooShort,
            Self::ObjectUnavailable(_) | Self::Archived(_) | Self::BeingScanned(_) => {
                ProblemKind::ObjectUnavailable
            }
            Self::SessionUnproven(_) => ProblemKind::SessionUnproven,
            Self::Upstream(_) => ProblemKind::Upstream,
            Self::OutOfTime => ProblemKind::OutOfTime,
            Self::PolicyUnreadable { .. } => ProblemKind::PolicyUnreadable,
            Self::Misconfigured(_) => ProblemKind::Misconfigured,
            Self::Internal(_) => ProblemKind::Internal,
        }
    }
}

impl From<OutOfTime> for LinkError {
    fn from(_: OutOfTime) -> Self {
        Self::OutOfTime
    }
}

impl From<SignError> for LinkError {
    fn from(error: SignError) -> Self {
        let sentence = error.to_string();
        match error {
            SignError::NoEndpoint { .. } | SignError::UnsupportedScheme { .. } => {
                Self::Misconfigured(sentence)
            }
            SignError::NotSigned { .. } => Self::Internal(sentence),
        }
    }
}

#[cfg(test)]
impl LinkError {
    /// Every variant, and each of a variant's cases that callers can tell apart.
    pub(crate) fn one_of_each() -> Vec<Self> {
        use link_rules::window::LimitedBy;

        let too_short = TooShort { available_expires_in: 7, limited_by: LimitedBy::Session };
        let why = || "why".to_owned();
        let end = Timestamp::UNIX_EPOCH;
        vec![
            Self::Unauthenticated,
            Self::NotGranted { principal: "alice".to_owned(), mistake: None },
            Self::OneOfMany(Crowd::IdentityPool),
            Self::NameTooLong { bytes: 3_000, max_bytes: 1_024 },
            Self::VersionNotGranted,
            Self::BucketNotNamed,
            Self::InlineWithoutContentType,
            Self::Key(ObjectKeyError::Length(0)),
            Self::Key(ObjectKeyError::DotSegment),
            Self::WindowTooShort { too_short, min_expires_in: 9, session_expires_at: Some(end) },
            Self::ObjectUnavailable(why()),
            Self::Archived(why()),
            Self::BeingScanned(why()),
            Self::SessionUnproven(why()),
            Self::Upstream(why()),
            Self::OutOfTime,
            Self::PolicyUnreadable { reason: why() },
            Self::Misconfigured(why()),
            Self::Internal(why()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_a_grant_covers_if_it_is_written_right_is_said() {
        let is_granted = |key: &str| key.starts_with("private-files/") && !key.contains('%');
        for (key, mistake) in [
            ("s3://files/private-files/a", Some(KeyMistake::Address)),
            ("/private-files/a", Some(KeyMistake::Slash)),
            ("private-files%2Fa%20b", Some(KeyMistake::UrlEncoded)),
            ("/other/a", None),
            ("other%2Fa", None),
            ("private-files/%ff", None),
        ] {
            assert_eq!(KeyMistake::of(key, is_granted), mistake, "{key}");
        }
    }
}
