//! What is known of each condition key when a link is signed, or another request.
//!
//! Sources: Amazon S3 API reference, "Amazon S3 Signature Version 4 Authentication Specific Policy
//! Keys"; IAM user guide, "AWS global condition context keys"; Service Authorization Reference,
//! "Actions, resources, and condition keys for Amazon S3".

use std::borrow::Cow;

use super::pattern::{Text, UNKNOWN_PART};
use super::request_context::{
    RequestContext, S3Request, SignatureVersion, TokenIssued, UploadOperation,
};
use super::scalar::Scalar;
use crate::arn::{Arn, IdentityKind, is_access_point};

/// What is known of a condition key.
pub(super) enum Subject<'a> {
    /// The key has one of these values, and nothing else. `None`: the request does not have it.
    Known(Vec<Option<Value<'a>>>),
    /// The value is not known here.
    Unknown {
        /// Whether every request has the key. If not, that is unknown too.
        always_present: bool,
        /// Whether it is the recipient's: another recipient may have another value.
        recipients: bool,
    },
}

/// A value of a condition key.
pub(super) enum Value<'a> {
    /// A text. It may hold [`UNKNOWN_PART`].
    Text(Text<'a>),
    /// `s3:authType`.
    AuthType(AuthType),
    /// Several texts at once, at least one, of a key that has a value for each tag.
    Several(Vec<Value<'a>>),
    /// `s3:object-lock-remaining-retention-days`, which time lessens, and it is not known when.
    RemainingDays,
    /// An instant.
    Instant(Scalar),
    /// A time, which goes on while the link is not opened.
    Time,
}

/// How a request shows who signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthType {
    /// `REST-QUERY-STRING`: a URL that was signed.
    QueryString,
    /// `POST`: a form.
    Post,
}

/// A condition key whose value goes on with time. Every link has all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeKey {
    /// `s3:signatureAge`: the milliseconds since the link was signed.
    SignatureAge,
    /// `aws:CurrentTime`: the second in which the link is opened, as a date.
    CurrentTime,
    /// `aws:EpochTime`: the same as a date or as a number.
    EpochTime,
}

impl TimeKey {
    /// A key in lower case. `None`: its value stays as it is.
    pub(super) fn parse(key: &str) -> Option<Self> {
        match key {
            "s3:signatureage" => Some(Self::SignatureAge),
            "aws:currenttime" => Some(Self::CurrentTime),
            "aws:epochtime" => Some(Self::EpochTime),
            _ => None,
        }
    }
}

/// `s3:authType`, as [`RequestContext::subject`] has it.
pub(super) const AUTH_TYPE: &str = "s3:authtype";

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

impl<'a> RequestContext<'a> {
    /// What is known of a key in lower case, which the policy has `as_written`.
    pub(super) fn subject(&self, key: &str, as_written: &str) -> Subject<'a> {
        if TimeKey::parse(key).is_some() {
            return Subject::one(Value::Time);
        }
        if let S3Request::PutObject(upload) = self.request
            && let Some(subject) = upload.subject(key, as_written)
        {
            return subject;
        }
        let optional = |value: Option<&'a str>| value.map_or_else(Subject::unknown, Subject::text);
        match key {
            AUTH_TYPE => Subject::one(Value::AuthType(self.auth_type())),
            "s3:signatureversion" => match self.signature {
                SignatureVersion::SigV4 => Subject::text("AWS4-HMAC-SHA256"),
                SignatureVersion::SigV4A => {
                    Subject::texts(["AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-SHA256"])
                }
            },
            "aws:securetransport" => match self.https {
                Some(https) => Subject::text(if https { "true" } else { "false" }),
                None => Subject::Unknown { always_present: true, recipients: false },
            },
            "aws:viaawsservice" | "aws:principalisawsservice" => Subject::text("false"),
            "aws:requestedregion" => optional(self.region),
            "s3:versionid" => self.version_id.map_or_else(Subject::absent, Subject::text),
            // The documentation says that the key does not see query strings. Whether S3 then takes
            // it for absent, or for what a link's payload is, it does not say.
            "s3:x-amz-content-sha256" => Subject::text("UNSIGNED-PAYLOAD").or_absent(),
            "s3:tlsversion" => {
                Subject::Unknown { always_present: self.https == Some(true), recipients: true }
            }
            "s3:dataaccesspointarn"
            | "s3:dataaccesspointaccount"
            | "s3:accesspointnetworkorigin" => self.subject_of_access_point(key),
            "aws:userid" => optional(self.signer.user_id),
            "aws:tokenissuetime" => match self.signer.token_issued {
                TokenIssued::At(instant) => Subject::one(Value::Instant(instant.into())),
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
                Subject::text("false").or_absent()
            }
            "aws:principalarn" | "aws:principalaccount" | "aws:principaltype" | "aws:username" => {
                self.subject_of_identity(key)
            }
            key if RECIPIENTS.contains(&key) => {
                Subject::Unknown { always_present: false, recipients: true }
            }
            // S3 refuses a request with a header `x-amz-…` that is not signed. A link signs none of
            // them, and an upload none but those that were asked for above.
            key if ABSENT.contains(&key) || key.starts_with("s3:x-amz-") => Subject::absent(),
            _ => Subject::unknown(),
        }
    }

    fn auth_type(&self) -> AuthType {
        match self.request {
            S3Request::PutObject(upload) if upload.operation == UploadOperation::Form => {
                AuthType::Post
            }
            _ => AuthType::QueryString,
        }
    }

    /// The keys that requests through an access point have, and no others.
    ///
    /// Source: Amazon S3 user guide, "Configuring IAM policies for using access points".
    fn subject_of_access_point(&self, key: &str) -> Subject<'a> {
        let Some(arn) = Arn::parse(self.bucket_arn) else { return Subject::unknown() };
        let is_alias = arn.account.is_empty();
        match key {
            _ if is_alias && !is_access_point(arn.resource) => Subject::absent(),
            // Whether the access point lets only a VPC in, nothing here says.
            "s3:accesspointnetworkorigin" => Subject::texts(["Internet", "VPC"]),
            // An alias does not tell its access point's account and name.
            _ if is_alias => Subject::Unknown { always_present: true, recipients: false },
            "s3:dataaccesspointaccount" => Subject::text(arn.account),
            // The colon of `accesspoint:files` is a way to write the slash for clients. Policies are
            // about the slash, but AWS does not document it.
            _ => match self.bucket_arn.replace("accesspoint:", "accesspoint/") {
                with_slash if with_slash == self.bucket_arn => Subject::text(self.bucket_arn),
                with_slash => Subject::texts([Cow::from(self.bucket_arn), with_slash.into()]),
            },
        }
    }

    /// The keys that follow from who signs.
    fn subject_of_identity(&self, key: &str) -> Subject<'a> {
        let Some(us) = self.signer.identity() else { return Subject::unknown() };
        match (key, us.kind) {
            ("aws:principalaccount", _) => Subject::text(us.account),
            ("aws:principaltype", IdentityKind::Root) => Subject::text("Account"),
            ("aws:principaltype", IdentityKind::User { .. }) => Subject::text("User"),
            ("aws:principaltype", _) => Subject::text("AssumedRole"),
            ("aws:principalarn", IdentityKind::Session { role, .. }) => {
                self.signer.role_arn.map_or_else(
                    || {
                        let name = format!("{UNKNOWN_PART}{role}");
                        Subject::text(Arn::role(us.partition, us.account, &name))
                    },
                    Subject::text,
                )
            }
            ("aws:principalarn", _) => self.signer.arn.map_or_else(Subject::unknown, Subject::text),
            ("aws:username", IdentityKind::User { name }) => Subject::text(name),
            ("aws:username", _) => Subject::absent(),
            _ => Subject::unknown(),
        }
    }
}

impl<'a> Subject<'a> {
    pub(super) fn one(value: Value<'a>) -> Self {
        Self::Known(vec![Some(value)])
    }

    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::one(Value::Text(Text::new(text)))
    }

    /// One of several texts, and it is not known which.
    fn texts<T: Into<Cow<'a, str>>>(texts: impl IntoIterator<Item = T>) -> Self {
        let value = |text| Some(Value::Text(Text::new(text)));
        Self::Known(texts.into_iter().map(value).collect())
    }

    pub(super) fn absent() -> Self {
        Self::Known(vec![None])
    }

    /// The same, or the request does not have the key.
    pub(super) fn or_absent(self) -> Self {
        match self {
            Self::Known(mut candidates) => {
                candidates.push(None);
                Self::Known(candidates)
            }
            unknown @ Self::Unknown { .. } => unknown,
        }
    }

    pub(super) fn unknown() -> Self {
        Self::Unknown { always_present: false, recipients: false }
    }
}
