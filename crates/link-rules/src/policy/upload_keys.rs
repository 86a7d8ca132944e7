//! The condition keys of an upload: what is known of them from the headers that are signed, or from
//! the fields of a form.
//!
//! Which keys `s3:PutObject` has, and what each is about: Service Authorization Reference, "Actions,
//! resources, and condition keys for Amazon S3". Three things AWS does not document, so each of their
//! readings is asked:
//!
//! - **Parts and completion.** The reference says "the request's header", and parts do not take those of
//!   the upload. Until 2018 S3 refused parts under a policy that demands `x-amz-acl`, which it no longer
//!   does (aws-cli#1674); it refused them for missing tags in 2020 (boto3#2675).
//! - **Forms.** Whether a field counts as the header of its name. S3 did not count
//!   `x-amz-server-side-encryption` in 2014 (fine-uploader#1147).
//! - **The case of tags' keys.** IAM's user guide says of names of keys that they have no case, and S3's
//!   of tags' keys that they do.

use super::keys::{Subject, Value};
use super::pattern::Text;
use super::request_context::{Upload, UploadOperation};
use super::scalar::Scalar;
use crate::arn::Arn;
use crate::form;

const ENCRYPTION: &str = "x-amz-server-side-encryption";
const KMS_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const RETAIN_UNTIL: &str = "x-amz-object-lock-retain-until-date";
const CONTENT_SHA256: &str = "x-amz-content-sha256";

/// The condition keys in lower case that are about a header, each with the header.
const HEADERS: [(&str, &str); 18] = [
    ("s3:if-match", "if-match"),
    ("s3:if-none-match", "if-none-match"),
    ("s3:object-lock-legal-hold", "x-amz-object-lock-legal-hold"),
    ("s3:object-lock-mode", "x-amz-object-lock-mode"),
    ("s3:object-lock-retain-until-date", RETAIN_UNTIL),
    ("s3:x-amz-acl", "x-amz-acl"),
    ("s3:x-amz-copy-source", "x-amz-copy-source"),
    ("s3:x-amz-grant-full-control", "x-amz-grant-full-control"),
    ("s3:x-amz-grant-read", "x-amz-grant-read"),
    ("s3:x-amz-grant-read-acp", "x-amz-grant-read-acp"),
    ("s3:x-amz-grant-write", "x-amz-grant-write"),
    ("s3:x-amz-grant-write-acp", "x-amz-grant-write-acp"),
    ("s3:x-amz-metadata-directive", "x-amz-metadata-directive"),
    ("s3:x-amz-server-side-encryption", ENCRYPTION),
    ("s3:x-amz-server-side-encryption-aws-kms-key-id", KMS_KEY),
    (
        "s3:x-amz-server-side-encryption-customer-algorithm",
        "x-amz-server-side-encryption-customer-algorithm",
    ),
    ("s3:x-amz-storage-class", "x-amz-storage-class"),
    ("s3:x-amz-website-redirect-location", "x-amz-website-redirect-location"),
];

/// The header of an upload's tags, as a query.
pub(super) const TAGGING: &str = "x-amz-tagging";

/// The beginning of the keys in lower case that are about one tag. The tag's key follows.
pub(super) const TAG: &str = "s3:requestobjecttag/";

/// `s3:RequestObjectTagKeys`. It has a value for each tag.
pub(super) const TAG_KEYS: &str = "s3:requestobjecttagkeys";

/// The header that a condition key in lower case is about. `None`: it is about no header, or about
/// tags, or about what the header of a signed body alone says.
pub(super) fn header_of(key: &str) -> Option<&'static str> {
    HEADERS.iter().find(|(name, _)| *name == key).map(|(_, header)| *header)
}

impl<'a> Upload<'a> {
    /// What is known of a key in lower case, which the policy has `as_written`. `None`: it has the
    /// key that every other request has, or lacks.
    pub(super) fn subject(&self, key: &str, as_written: &str) -> Option<Subject<'a>> {
        if let Some(tag) = as_written.get(TAG.len()..).filter(|_| key.starts_with(TAG)) {
            return Some(self.subject_of_tag(tag));
        }
        Some(match key {
            TAG_KEYS => self.subject_of_tag_keys(),
            // "Whether or not the operation creates an object", says the reference. The guide says of
            // parts, and of what begins an upload, that they do not. Of forms it is inferred that they
            // do.
            //
            // Source: Amazon S3 user guide, "Enforce conditional writes on Amazon S3 buckets".
            "s3:objectcreationoperation" => {
                Subject::text(if self.operation.creates_object() { "true" } else { "false" })
            }
            "s3:object-lock-retain-until-date" => match self.header(RETAIN_UNTIL) {
                Some(date) => self.present(Scalar::iso_8601(date).map(Value::Instant)),
                None => self.without(RETAIN_UNTIL),
            },
            // The days are those from the upload to the date, rounded in a way that is not documented.
            "s3:object-lock-remaining-retention-days" => match self.header(RETAIN_UNTIL) {
                Some(_) => self.present(Some(Value::RemainingDays)),
                None if self.operation.continues_upload() => {
                    Subject::one(Value::RemainingDays).or_absent()
                }
                None => Subject::absent(),
            },
            // Without the header it has what a link has.
            "s3:x-amz-content-sha256" => self.present(Some(text(self.header(CONTENT_SHA256)?))),
            _ => match (header_of(key), key.strip_prefix("s3:")) {
                (Some(KMS_KEY), _) => self.subject_of_kms_key(),
                (Some(header), _) => match self.header(header) {
                    Some(value) => self.present(Some(text(value))),
                    None => self.without(header),
                },
                // The reference has no such key, but the request has the header.
                (None, Some(name)) if self.header(name).is_some() => self.present(None),
                (None, _) => return None,
            },
        })
    }

    /// The value of a header, or of the form's field that stands for it.
    fn header(&self, name: &str) -> Option<&'a str> {
        // Source: Amazon S3 API reference, "POST Object", form fields.
        let is_form = self.operation == UploadOperation::Form;
        let name = if is_form && name == "x-amz-acl" { "acl" } else { name };
        self.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.trim())
    }

    /// A header that the request has. `None`: its value is not known.
    fn present(&self, value: Option<Value<'a>>) -> Subject<'a> {
        let is_form = self.operation == UploadOperation::Form;
        match value {
            Some(value) if is_form => Subject::one(value).or_absent(),
            Some(value) => Subject::one(value),
            None => Subject::Unknown { always_present: !is_form, recipients: false },
        }
    }

    /// A header that the request lacks. S3 honours `If-Match` and `If-None-Match` unsigned as well, so
    /// whoever uploads could add one. The answer is for those who send what was signed.
    fn without(&self, header: &str) -> Subject<'a> {
        let is_of_upload = !matches!(
            header,
            "if-match" | "if-none-match" | "x-amz-copy-source" | "x-amz-metadata-directive"
        );
        if self.operation.continues_upload() && is_of_upload {
            return Subject::unknown();
        }
        Subject::absent()
    }

    /// The key of AWS KMS. Policies name its ARN, but the header may have an id or an alias, and then
    /// it is not documented what the key has. Nor is it of a request that leaves the choice to S3.
    ///
    /// Source: Amazon S3 user guide, "Using server-side encryption with AWS KMS keys", "Requiring
    /// SSE-KMS for all objects".
    fn subject_of_kms_key(&self) -> Subject<'a> {
        let is_key = |id: &&str| {
            Arn::parse(id)
                .is_some_and(|arn| arn.service == "kms" && arn.resource.starts_with("key/"))
        };
        match self.header(KMS_KEY) {
            Some(id) => self.present(Some(id).filter(is_key).map(text)),
            None if self.header(ENCRYPTION).is_some_and(|with| with.starts_with("aws:kms")) => {
                Subject::unknown()
            }
            None => self.without(KMS_KEY),
        }
    }

    /// The upload's tags in their order. `None` if they are not known: those of a form are XML, which
    /// nothing here reads.
    fn tags(&self) -> Option<Vec<(String, String)>> {
        match (self.header(TAGGING), self.operation) {
            (None, UploadOperation::Form) if self.header("tagging").is_none() => Some(Vec::new()),
            (_, UploadOperation::Form) => None,
            (Some(tags), _) => form::decode_pairs(tags).ok(),
            (None, operation) => (!operation.continues_upload()).then(Vec::new),
        }
    }

    fn subject_of_tag_keys(&self) -> Subject<'a> {
        let Some(tags) = self.tags() else { return Subject::unknown() };
        if tags.is_empty() {
            return Subject::absent();
        }
        let key = |(key, _)| Value::Text(Text::new(key));
        Subject::one(Value::Several(tags.into_iter().map(key).collect()))
    }

    /// A tag by its key.
    fn subject_of_tag(&self, tag: &str) -> Subject<'a> {
        let Some(tags) = self.tags() else { return Subject::unknown() };
        let has_it_in_this_case = tags.iter().any(|(key, _)| key == tag);
        let in_any_case = tag.to_lowercase();
        let values = tags.into_iter().filter(|(key, _)| key.to_lowercase() == in_any_case);
        let mut candidates: Vec<_> =
            values.map(|(_, value)| Some(Value::Text(Text::new(value)))).collect();
        if !has_it_in_this_case {
            candidates.push(None);
        }
        Subject::Known(candidates)
    }
}

fn text(value: &str) -> Value<'_> {
    Value::Text(Text::new(value))
}
