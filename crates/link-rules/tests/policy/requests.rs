//! What the random requests are, and what the oracle takes each of them to have under a condition key,
//! by AWS's documents. Nothing here is shared with the code under test.

use link_rules::policy::{S3Request, Upload, UploadOperation};

use crate::oracle::Key;

/// What a random link or upload is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) operation: Operation,
    pub(crate) version_id: Option<&'static str>,
    pub(crate) through_access_point: bool,
    pub(crate) sent: Sent,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operation {
    Get,
    Put,
    Form,
    Create,
    Part,
    Complete,
    Abort,
    ListParts,
}

/// The headers of an upload, or the fields of a form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) acl: Option<&'static str>,
    pub(crate) encryption: Option<&'static str>,
    pub(crate) kms_key: Option<&'static str>,
    pub(crate) lock_mode: Option<&'static str>,
    pub(crate) if_none_match: Option<&'static str>,
    /// Each with the header that has them, and their keys with commas between.
    pub(crate) tags: Option<Tags>,
}

/// Tags of an upload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tags {
    header: &'static str,
    keys: &'static str,
    /// What the tag `Team` may be: by S3's word for the case of tags' keys, and by IAM's.
    team: &'static [Option<&'static str>],
}

pub(crate) const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234";
pub(crate) const OTHER_ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/5678";

pub(crate) const ACLS: [Option<&str>; 3] =
    [None, Some("private"), Some("bucket-owner-full-control")];
pub(crate) const ENCRYPTIONS: [Option<&str>; 3] = [None, Some("AES256"), Some("aws:kms")];
pub(crate) const KMS_KEYS: [Option<&str>; 4] = [None, Some(ARN), Some("1234"), Some("alias/a")];
pub(crate) const LOCK_MODES: [Option<&str>; 3] = [None, Some("GOVERNANCE"), Some("COMPLIANCE")];
pub(crate) const IF_NONE_MATCH: [Option<&str>; 2] = [None, Some("*")];
pub(crate) const TAGS: [Option<Tags>; 6] = [
    None,
    Some(Tags { header: "Team=dark%20red", keys: "Team", team: &[Some("dark red")] }),
    Some(Tags { header: "class=a&T%65am=blue", keys: "class,Team", team: &[Some("blue")] }),
    Some(Tags { header: "team=blue", keys: "team", team: &[None, Some("blue")] }),
    Some(Tags {
        header: "Team=blue&team=dark+red",
        keys: "Team,team",
        team: &[Some("blue"), Some("dark red")],
    }),
    Some(Tags { header: "class=%C3%BC", keys: "class", team: &[None] }),
];

/// All values that make a difference to the random policies, of a key that nobody knows.
fn any_value(key: Key) -> &'static [Option<&'static str>] {
    match key {
        Key::Acl => &[
            None,
            Some("private"),
            Some("PRIVATE"),
            Some("bucket-*"),
            Some("bucket-owner-full-control"),
            Some("public-read"),
        ],
        Key::Encryption => &[None, Some("AES256"), Some("aes256"), Some("aws:kms"), Some("aws:*")],
        Key::OfKms => &[None, Some(ARN), Some(OTHER_ARN), Some("*/1234"), Some("alias/a")],
        Key::LockMode => &[None, Some("GOVERNANCE"), Some("COMPLIANCE"), Some("other")],
        Key::IfNoneMatch => &[None, Some("\"etag\""), Some("*")],
        Key::Team => {
            &[None, Some("dark red"), Some("Dark Red"), Some("blue"), Some("b*"), Some("x")]
        }
        Key::TagKeys => &[None, Some("Team"), Some("team"), Some("t*"), Some("class"), Some("x")],
        Key::CreatesObject => &[None, Some("true"), Some("false")],
        _ => &[],
    }
}

impl Operation {
    pub(crate) fn action(self, has_version: bool) -> &'static str {
        match self {
            Self::Get if has_version => "s3:getobjectversion",
            Self::Get => "s3:getobject",
            Self::Put | Self::Form | Self::Create | Self::Part | Self::Complete => "s3:putobject",
            Self::Abort => "s3:abortmultipartupload",
            Self::ListParts => "s3:listmultipartuploadparts",
        }
    }

    pub(crate) fn is_upload(self) -> bool {
        !matches!(self, Self::Get | Self::Abort | Self::ListParts)
    }

    /// The same for the code under test.
    pub(crate) fn request<'a>(self, headers: &'a [(&'a str, &'a str)]) -> S3Request<'a> {
        let put = |operation| S3Request::PutObject(Upload { operation, headers });
        match self {
            Self::Get => S3Request::GetObject,
            Self::Put => put(UploadOperation::PutObject),
            Self::Form => put(UploadOperation::Form),
            Self::Create => put(UploadOperation::CreateMultipartUpload),
            Self::Part => put(UploadOperation::UploadPart),
            Self::Complete => put(UploadOperation::CompleteMultipartUpload),
            Self::Abort => S3Request::AbortMultipartUpload,
            Self::ListParts => S3Request::ListMultipartUploadParts,
        }
    }
}

impl Link {
    /// The headers or fields by their names.
    pub(crate) fn headers(&self) -> Vec<(&'static str, &'static str)> {
        let is_form = self.operation == Operation::Form;
        let Sent { acl, encryption, kms_key, lock_mode, if_none_match, tags } = self.sent;
        let named = [
            ("content-type", Some("text/plain")),
            (if is_form { "acl" } else { "x-amz-acl" }, acl),
            ("x-amz-server-side-encryption", encryption),
            ("x-amz-server-side-encryption-aws-kms-key-id", kms_key),
            ("x-amz-object-lock-mode", lock_mode),
            ("if-none-match", if_none_match),
            (
                if is_form { "tagging" } else { "x-amz-tagging" },
                tags.map(|tags| if is_form { "<Tagging/>" } else { tags.header }),
            ),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// All that the request may have under a key that uploads alone have. Empty for other keys.
    pub(crate) fn may_have(&self, key: Key) -> Vec<Option<&'static str>> {
        let unknown = any_value(key).to_vec();
        if unknown.is_empty() {
            return unknown;
        }
        if !self.operation.is_upload() {
            // S3 refuses headers `x-amz-…` that are not signed. Of the others nothing is said.
            let is_header = matches!(key, Key::Acl | Key::Encryption | Key::OfKms);
            return if is_header { vec![None] } else { unknown };
        }
        let is_form = self.operation == Operation::Form;
        let continues = matches!(self.operation, Operation::Part | Operation::Complete);
        let value = match key {
            Key::CreatesObject => {
                let creates = !matches!(self.operation, Operation::Create | Operation::Part);
                return vec![Some(if creates { "true" } else { "false" })];
            }
            Key::Team | Key::TagKeys => {
                return match self.sent.tags {
                    None if continues => unknown,
                    None => vec![None],
                    // They are XML, which the evaluator does not read.
                    Some(_) if is_form => unknown,
                    Some(tags) if key == Key::Team => tags.team.to_vec(),
                    Some(tags) => vec![Some(tags.keys)],
                };
            }
            Key::OfKms => match (self.sent.kms_key, self.sent.encryption) {
                // S3 may resolve it to the ARN of a key.
                (Some(id), _) if !id.starts_with("arn:") && is_form => return unknown,
                (Some(id), _) if !id.starts_with("arn:") => {
                    return unknown.into_iter().flatten().map(Some).collect();
                }
                // S3 chooses a key, and may say so or not.
                (None, Some("aws:kms")) => return unknown,
                (value, _) => value,
            },
            Key::Acl => self.sent.acl,
            Key::Encryption => self.sent.encryption,
            Key::LockMode => self.sent.lock_mode,
            Key::IfNoneMatch => self.sent.if_none_match,
            _ => None,
        };
        match value {
            None if continues && key != Key::IfNoneMatch => unknown,
            None => vec![None],
            // A field may count or not.
            Some(value) if is_form => vec![None, Some(value)],
            Some(value) => vec![Some(value)],
        }
    }
}
