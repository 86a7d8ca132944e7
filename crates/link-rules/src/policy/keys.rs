//! What is known of each condition key when a link is signed.
//!
//! Sources: Amazon S3 API reference, "Amazon S3 Signature Version 4 Authentication Specific Policy
//! Keys"; IAM user guide, "AWS global condition context keys"; Service Authorization Reference,
//! "Actions, resources, and condition keys for Amazon S3".

use super::pattern::UNKNOWN_PART;
use super::request_context::{RequestContext, SignatureVersion, TokenIssued};
use super::scalar::Scalar;
use crate::arn::{Arn, IdentityKind};

/// What is known of a condition key.
pub(super) enum Subject {
    /// The key has one of these values, and nothing else. `None`: the request does not have it.
    Known(Vec<Option<Value>>),
    /// The value is not known here.
    Unknown {
        /// Whether every request has the key. If not, that is unknown too.
        always_present: bool,
        /// Whether it is the recipient's: another recipient may have another value.
        recipients: bool,
    },
}

/// A value of a condition key.
pub(super) enum Value {
    /// A text. It may hold [`UNKNOWN_PART`].
    Text(String),
    /// `s3:authType`: `REST-QUERY-STRING`. Amazon's own example writes it in another case and says
    /// that it matches. So a value in another case may match.
    AuthType,
    /// An instant.
    Instant(Scalar),
    /// `s3:signatureAge`: the milliseconds since the link was signed.
    SignatureAge,
    /// `aws:CurrentTime`: the second in which the link is opened, as a date.
    CurrentTime,
    /// `aws:EpochTime`: the same as a date or as a number.
    EpochTime,
}

/// The keys whose value each recipient brings along.
const RECIPIENTS: [&str; 10] = [
    "aws:referer",
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:sourcevpcarn",
    "aws:sourcevpce",
    "aws:useragent",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "aws:vpceorgpaths",
    "aws:vpcsourceip",
];

/// The keys that a request signed by this project never has: those of requests that an AWS service
/// sends, and those of other operations.
const ABSENT: [&str; 12] = [
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "s3:delimiter",
    "s3:max-keys",
    "s3:prefix",
];

impl RequestContext<'_> {
    /// What is known of a key in lower case.
    pub(super) fn subject(&self, key: &str) -> Subject {
        let known = |value: &str| Subject::Known(vec![Some(Value::Text(value.to_owned()))]);
        let optional = |value: Option<&str>| value.map_or_else(Subject::unknown, known);
        match key {
            "s3:signatureage" => Subject::Known(vec![Some(Value::SignatureAge)]),
            "aws:currenttime" => Subject::Known(vec![Some(Value::CurrentTime)]),
            "aws:epochtime" => Subject::Known(vec![Some(Value::EpochTime)]),
            "s3:authtype" => Subject::Known(vec![Some(Value::AuthType)]),
            "s3:signatureversion" => match self.signature {
                SignatureVersion::SigV4 => known("AWS4-HMAC-SHA256"),
                SignatureVersion::SigV4A => Subject::Known(vec![
                    Some(Value::Text("AWS4-ECDSA-P256-SHA256".to_owned())),
                    Some(Value::Text("AWS4-HMAC-SHA256".to_owned())),
                ]),
            },
            "aws:securetransport" => match self.https {
                Some(https) => known(if https { "true" } else { "false" }),
                None => Subject::Unknown { always_present: true, recipients: false },
            },
            "aws:viaawsservice" | "aws:principalisawsservice" => known("false"),
            "aws:requestedregion" => optional(self.region),
            "s3:versionid" => match self.version_id {
                Some(version_id) => known(version_id),
                None => Subject::absent(),
            },
            // The documentation says that the key does not see query strings. Whether S3 then takes
            // it for absent, or for what a link's payload is, it does not say.
            "s3:x-amz-content-sha256" => {
                Subject::Known(vec![None, Some(Value::Text("UNSIGNED-PAYLOAD".to_owned()))])
            }
            "s3:tlsversion" => {
                Subject::Unknown { always_present: self.https == Some(true), recipients: true }
            }
            "aws:userid" => optional(self.signer.user_id),
            "aws:tokenissuetime" => match self.signer.token_issued {
                TokenIssued::At(instant) => {
                    Subject::Known(vec![Some(Value::Instant(instant.into()))])
                }
                TokenIssued::Unknown => {
                    Subject::Unknown { always_present: true, recipients: false }
                }
                TokenIssued::Never => Subject::absent(),
            },
            "aws:multifactorauthage" if self.signer.multi_factor == Some(false) => {
                Subject::absent()
            }
            // IAM gives the key to most temporary credentials, but not to all.
            "aws:multifactorauthpresent" if self.signer.multi_factor == Some(false) => {
                Subject::Known(vec![None, Some(Value::Text("false".to_owned()))])
            }
            "aws:principalarn" | "aws:principalaccount" | "aws:principaltype" | "aws:username" => {
                self.subject_of_identity(key)
            }
            key if RECIPIENTS.contains(&key) => {
                Subject::Unknown { always_present: false, recipients: true }
            }
            // S3 refuses a request with a header `x-amz-…` that is not signed, and a link signs
            // none of them.
            key if ABSENT.contains(&key) || key.starts_with("s3:x-amz-") => Subject::absent(),
            _ => Subject::unknown(),
        }
    }

    /// The keys that follow from who signs.
    fn subject_of_identity(&self, key: &str) -> Subject {
        let Some(us) = self.signer.identity() else { return Subject::unknown() };
        let known = |value: String| Subject::Known(vec![Some(Value::Text(value))]);
        match (key, us.kind) {
            ("aws:principalaccount", _) => known(us.account.to_owned()),
            ("aws:principaltype", IdentityKind::Root) => known("Account".to_owned()),
            ("aws:principaltype", IdentityKind::User { .. }) => known("User".to_owned()),
            ("aws:principaltype", _) => known("AssumedRole".to_owned()),
            ("aws:principalarn", IdentityKind::Session { role, .. }) => {
                known(self.signer.role_arn.map_or_else(
                    || Arn::role(us.partition, us.account, &format!("{UNKNOWN_PART}{role}")),
                    ToOwned::to_owned,
                ))
            }
            ("aws:principalarn", _) => {
                self.signer.arn.map_or_else(Subject::unknown, |arn| known(arn.to_owned()))
            }
            ("aws:username", IdentityKind::User { name }) => known(name.to_owned()),
            ("aws:username", _) => Subject::absent(),
            _ => Subject::unknown(),
        }
    }
}

impl Subject {
    fn absent() -> Self {
        Self::Known(vec![None])
    }

    fn unknown() -> Self {
        Self::Unknown { always_present: false, recipients: false }
    }
}
