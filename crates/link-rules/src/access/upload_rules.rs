//! What a grant with the action `put` says of uploads: how large, of which types, under which keys, and
//! with which headers.
//!
//! S3 honours some headers that are not signed, so a caller's `x-amz-…` is signed only if a grant names
//! it. This module signs nothing and knows no request.

use std::collections::{BTreeMap, BTreeSet};

use super::raw_grant::RawGrant;
use crate::arn::{is_arn, is_multi_region};
use crate::form;
use crate::upload::{ContentTypePattern, MAX_OBJECT_BYTES, MIN_FORM_EXPIRES_IN};

/// The metadata that names the recipients of mails. No caller writes it into an upload.
///
/// `mail` reads it of every new object.
const RECIPIENTS: &str = "link-to";

/// What operators may sign into every upload under a grant.
///
/// Source: Amazon S3 API reference, `PutObject`, `CreateMultipartUpload`, `POST Object`, which all take
/// these.
const OPERATORS_HEADERS: [&str; 7] = [
    "x-amz-acl",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-server-side-encryption-context",
    "x-amz-storage-class",
    "x-amz-tagging",
];

/// The checksums that a caller may have signed. S3 refuses a body that has another.
///
/// Source: Amazon S3 user guide, "Checking object integrity for data uploads in Amazon S3".
const CHECKSUMS: [&str; 5] = [
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
];

/// The header that has tags, as a query.
pub const TAGGING: &str = "x-amz-tagging";

/// What the headers of metadata begin with.
const METADATA: &str = "x-amz-meta-";

/// Who names the key of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysFrom {
    /// This function: a folder that has not been there, and the file's name.
    Function,
    /// The caller, within the grant's prefix.
    Caller,
}

/// What a grant lets uploads be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRules {
    /// The largest file, in bytes, 1 to [`MAX_OBJECT_BYTES`].
    pub max_size: u64,
    /// Empty: every media type.
    content_types: Vec<ContentTypePattern>,
    /// Who names the key.
    pub keys: KeysFrom,
    /// Whether an upload may replace an object.
    pub overwrite: bool,
    /// Whether uploads by form (`POST`) are allowed.
    pub forms: bool,
    /// What the operator signs into each upload: lower-case names and values.
    pub headers: BTreeMap<String, String>,
    /// The names of metadata that callers may write.
    metadata: BTreeSet<String>,
    /// The keys of tags that callers may write.
    tags: BTreeSet<String>,
    /// Whether uploads are meant to be mailed about.
    pub(super) mailed: bool,
}

/// Why a header of a caller's is not signed. Completes a sentence that begins with the header's name.
pub type WhyNotSigned = &'static str;

impl UploadRules {
    /// The media types that the grant admits. None: every one.
    #[must_use]
    pub fn content_types(&self) -> &[ContentTypePattern] {
        &self.content_types
    }

    /// Whether operators may sign this header into every upload under a grant. `name` is in lower case.
    #[must_use]
    pub fn is_operators(name: &str) -> bool {
        OPERATORS_HEADERS.contains(&name)
    }

    /// The headers besides checksums that callers may have signed under this grant.
    pub fn callers_headers(&self) -> impl Iterator<Item = String> {
        let metadata = self.metadata.iter().map(|name| format!("{METADATA}{name}"));
        metadata.chain((!self.tags.is_empty()).then(|| TAGGING.to_owned()))
    }

    /// Whether the grant admits this media type.
    #[must_use]
    pub fn admit_content_type(&self, content_type: &str) -> bool {
        self.content_types.is_empty()
            || self.content_types.iter().any(|pattern| pattern.admits(content_type))
    }

    /// Whether a caller may have this header signed. `name` is in lower case.
    ///
    /// # Errors
    ///
    /// [`WhyNotSigned`], which says what may be signed, or who decides it.
    pub fn check_header(&self, name: &str, value: &str) -> Result<(), WhyNotSigned> {
        if !is_header_value(value) {
            return Err("has a value that is not 1 to 2,048 visible ASCII characters and spaces");
        }
        if self.headers.contains_key(name) {
            return Err("is the operator's: the grant says its value");
        }
        if CHECKSUMS.contains(&name) {
            return Ok(());
        }
        if name == TAGGING {
            let tags = form::decode_pairs(value).unwrap_or_default();
            let is_named = |(key, _): &(String, String)| self.tags.contains(key);
            return if !tags.is_empty() && tags.iter().all(is_named) {
                Ok(())
            } else {
                Err("names a tag that the grant does not: the operator lists them as \"tags\"")
            };
        }
        match name.strip_prefix(METADATA) {
            Some(metadata) if self.metadata.contains(metadata) => Ok(()),
            Some(_) => Err(
                "is metadata that the grant does not name: the operator lists it as \"metadata\"",
            ),
            None => Err(
                "can't be signed: send checksums (x-amz-checksum-…), and the metadata and tags that the grant names",
            ),
        }
    }
}

/// A value that a header can have and that a form's JSON keeps as it is.
fn is_header_value(value: &str) -> bool {
    (1..=2_048).contains(&value.len())
        && value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        && value.trim() == value
}

/// A field that is wrong, and what is wrong with it.
type WrongField = (&'static str, String);

impl RawGrant {
    /// What the grant says of uploads. `None` if it lacks the action `put`.
    pub(super) fn upload_rules(
        &self,
        puts: bool,
        max_expires_in: u64,
    ) -> Result<Option<UploadRules>, WrongField> {
        if !puts {
            let set = [
                ("max_size", self.max_size.is_some()),
                ("content_types", self.content_types.is_some()),
                ("keys", self.keys.is_some()),
                ("overwrite", self.overwrite.is_some()),
                ("forms", self.forms.is_some()),
                ("put_headers", self.put_headers.is_some()),
                ("metadata", self.metadata.is_some()),
                ("tags", self.tags.is_some()),
                ("mailed", self.mailed.is_some()),
            ];
            return match set.into_iter().find(|(_, is_set)| *is_set) {
                Some((field, _)) => {
                    let problem =
                        "is set, and the grant lacks the action \"put\": add it to \"actions\"";
                    Err((field, problem.to_owned()))
                }
                None => Ok(None),
            };
        }
        if is_multi_region(&self.bucket) {
            let problem = "holds \"put\", and uploads to a multi-region access point are not signed: give uploads \
                           a grant of their own, with the bucket's name";
            return Err(("actions", problem.to_owned()));
        }
        let max_size = match self.max_size {
            Some(size) if (1..=MAX_OBJECT_BYTES).contains(&size) => size,
            Some(size) => {
                return Err(("max_size", format!("is {size}: use 1 to {MAX_OBJECT_BYTES} bytes")));
            }
            None => {
                let problem = "is missing, and the grant has the action \"put\": write the largest upload in \
                               bytes, such as 104857600";
                return Err(("max_size", problem.to_owned()));
            }
        };
        let keys = match self.keys.as_deref() {
            None | Some("function") => KeysFrom::Function,
            Some("caller") => KeysFrom::Caller,
            Some(other) => {
                return Err(("keys", format!("is {other:?}: use \"function\" or \"caller\"")));
            }
        };
        let overwrite = self.overwrite.unwrap_or(false);
        if overwrite && keys == KeysFrom::Function {
            let problem =
                "is true, and keys that the function makes are new ones: add \"keys\": \"caller\"";
            return Err(("overwrite", problem.to_owned()));
        }
        let forms = self.forms.unwrap_or(false);
        if forms && is_arn(&self.bucket) {
            let problem = "is true, and forms to an access point are not signed: write the bucket's name, or leave \
                           the field out";
            return Err(("forms", problem.to_owned()));
        }
        if forms && keys == KeysFrom::Caller {
            let problem =
                "is true, and forms can't spare an object that is there: leave \"keys\" out";
            return Err(("forms", problem.to_owned()));
        }
        let headers = operators_headers(self.put_headers.as_ref())?;
        if forms && headers.contains_key(TAGGING) {
            let problem = "holds \"x-amz-tagging\", and the grant has \"forms\", whose tags are XML and are not \
                           signed here: leave one of them out";
            return Err(("put_headers", problem.to_owned()));
        }
        if forms && max_expires_in < MIN_FORM_EXPIRES_IN {
            let problem = format!(
                "is {max_expires_in}, and the grant has \"forms\": a form has a window of \
                 {MIN_FORM_EXPIRES_IN} seconds at least"
            );
            return Err(("max_expires_in", problem));
        }
        Ok(Some(UploadRules {
            max_size,
            content_types: content_types(self.content_types.as_deref())?,
            keys,
            overwrite,
            forms,
            headers,
            metadata: metadata(self.metadata.as_deref())?,
            tags: self.tags.iter().flatten().cloned().collect(),
            mailed: self.mailed.unwrap_or(false),
        }))
    }
}

fn content_types(written: Option<&[String]>) -> Result<Vec<ContentTypePattern>, WrongField> {
    let parse = |written: &String| {
        ContentTypePattern::parse(written).ok_or_else(|| {
            let problem = format!(
                "holds {written:?}: use media types such as \"application/pdf\" and \"image/*\""
            );
            ("content_types", problem)
        })
    };
    written.unwrap_or_default().iter().map(parse).collect()
}

fn operators_headers(
    written: Option<&BTreeMap<String, String>>,
) -> Result<BTreeMap<String, String>, WrongField> {
    let check = |(name, value): (&String, &String)| {
        let name = name.to_ascii_lowercase();
        if !OPERATORS_HEADERS.contains(&name.as_str()) {
            let known = OPERATORS_HEADERS.join(", ");
            return Err(("put_headers", format!("holds {name:?}: the headers are {known}")));
        }
        if !is_header_value(value) {
            let problem = format!(
                "holds a value for {name:?} that no header can have: write visible ASCII characters"
            );
            return Err(("put_headers", problem));
        }
        Ok((name, value.clone()))
    };
    written.into_iter().flatten().map(check).collect()
}

fn metadata(written: Option<&[String]>) -> Result<BTreeSet<String>, WrongField> {
    let check = |name: &String| {
        let name = name.to_ascii_lowercase();
        let name = name.strip_prefix(METADATA).unwrap_or(&name).to_owned();
        if name == RECIPIENTS {
            let problem = "holds \"link-to\", which names the recipients of mails: only the bucket's owner \
                           writes it";
            return Err(("metadata", problem.to_owned()));
        }
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || !name.bytes().all(is_plain) {
            let problem = format!(
                "holds {name:?}: write lowercase letters, digits and hyphens, such as \"author\""
            );
            return Err(("metadata", problem));
        }
        Ok(name)
    };
    written.unwrap_or_default().iter().map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Grants};
    use super::*;

    fn parse(fields: &str) -> Result<Grants, String> {
        let json = format!(
            r#"[{{"bucket":"files","prefix":"in/","principals":["*"],"actions":["put"],{fields}}}]"#
        );
        Grants::parse(&json).map_err(|error| error.to_string())
    }

    fn rules(fields: &str) -> UploadRules {
        parse(fields).unwrap().0[0].uploads.clone().unwrap()
    }

    #[test]
    fn the_function_names_new_keys_unless_the_grant_says_more() {
        let rules = rules(r#""max_size":7"#);
        assert_eq!((rules.max_size, rules.keys), (7, KeysFrom::Function));
        assert!(!rules.overwrite && !rules.forms && !rules.mailed);
        assert!(rules.admit_content_type("text/html"));
        assert!(rules.headers.is_empty());
    }

    #[test]
    fn a_field_that_can_not_be_meant_is_named_with_the_fix() {
        for (fields, expected) in [
            (r#""region":null"#, "[0].max_size is missing"),
            (r#""max_size":0"#, "[0].max_size is 0: use 1 to 53687091200000 bytes"),
            (r#""max_size":1,"keys":"me""#, "[0].keys is \"me\": use"),
            (
                r#""max_size":1,"overwrite":true"#,
                "[0].overwrite is true, and keys that the function",
            ),
            (r#""max_size":1,"keys":"caller","forms":true"#, "[0].forms is true, and forms can't"),
            (
                r#""max_size":1,"forms":true,"max_expires_in":899"#,
                "[0].max_expires_in is 899, and the grant has",
            ),
            (
                r#""max_size":1,"forms":true,"put_headers":{"x-amz-tagging":"a=b"}"#,
                "[0].put_headers holds \"x-amz-tagging\", and the grant has \"forms\"",
            ),
            (r#""max_size":1,"content_types":["pdf"]"#, "[0].content_types holds \"pdf\""),
            (
                r#""max_size":1,"put_headers":{"x-amz-meta-a":"b"}"#,
                "[0].put_headers holds \"x-amz-meta-a\"",
            ),
            (r#""max_size":1,"put_headers":{"x-amz-acl":"a\nb"}"#, "[0].put_headers holds a value"),
            (r#""max_size":1,"metadata":["Link-To"]"#, "[0].metadata holds \"link-to\""),
            (r#""max_size":1,"metadata":["x-amz-meta-link-to"]"#, "[0].metadata holds \"link-to\""),
            (r#""max_size":1,"metadata":["a b"]"#, "[0].metadata holds \"a b\""),
        ] {
            let error = parse(fields).unwrap_err();
            assert!(error.starts_with(expected), "{fields}: {error}");
        }
        let without =
            Grants::parse(r#"[{"bucket":"files","prefix":"in/","principals":["*"],"max_size":1}]"#);
        let error = without.unwrap_err().to_string();
        assert!(
            error.starts_with("[0].max_size is set, and the grant lacks the action \"put\""),
            "{error}"
        );
    }

    #[test]
    fn no_upload_is_granted_that_could_not_be_signed() {
        for (bucket, fields, expected) in [
            (
                "arn:aws:s3::123456789012:accesspoint:a.mrap",
                "",
                "[0].actions holds \"put\", and uploads to a multi",
            ),
            (
                "arn:aws:s3:eu-west-1:123456789012:accesspoint/a",
                r#","forms":true"#,
                "[0].forms is true, and forms to an access point",
            ),
        ] {
            let json = format!(
                r#"[{{"bucket":"{bucket}","prefix":"in/","principals":["*"],"actions":["put"],"max_size":1{fields}}}]"#
            );
            let error = Grants::parse(&json).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn grants_for_uploads_do_not_take_a_caller_s_only_bucket_away() {
        let json = r#"[{"bucket":"files","prefix":"","principals":["*"]},
            {"bucket":"incoming","prefix":"","principals":["*"],"actions":["put"],"max_size":1}]"#;
        let grants = Grants::parse(json).unwrap();
        assert_eq!(grants.only_bucket(Action::Get), Some("files"));
        assert_eq!(grants.only_bucket(Action::Share), Some("files"));
        assert_eq!(grants.only_bucket(Action::Put), Some("incoming"));
        let without = r#"[{"bucket":"files","prefix":"","principals":["*"]}]"#;
        assert_eq!(Grants::parse(without).unwrap().only_bucket(Action::Put), Some("files"));
    }

    #[test]
    fn nobody_uploads_whom_nobody_knows() {
        for principal in ["anonymous", "s3-event"] {
            let json = format!(
                r#"[{{"bucket":"files","prefix":"in/","principals":["{principal}"],"actions":["put"],"max_size":1}}]"#
            );
            let error = Grants::parse(&json).unwrap_err().to_string();
            assert!(error.starts_with("[0].principals holds"), "{error}");
        }
    }

    #[test]
    fn only_headers_that_the_grant_names_are_signed_and_never_the_recipients() {
        let rules = rules(
            r#""max_size":1,"metadata":["author"],"tags":["project"],
               "put_headers":{"X-Amz-Server-Side-Encryption":"aws:kms"}"#,
        );
        for (name, value) in [
            ("x-amz-checksum-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
            ("x-amz-meta-author", "alice"),
            ("x-amz-tagging", "project=a%20b"),
        ] {
            assert_eq!(rules.check_header(name, value), Ok(()), "{name}");
        }
        for (name, value) in [
            ("x-amz-meta-link-to", "eve@example.com"),
            ("x-amz-meta-other", "x"),
            ("x-amz-meta-author", "a\nb"),
            ("x-amz-meta-author", ""),
            ("x-amz-tagging", "project=a&GuardDutyMalwareScanStatus=NO_THREATS_FOUND"),
            ("x-amz-tagging", "&"),
            ("x-amz-server-side-encryption", "AES256"),
            ("x-amz-acl", "public-read"),
            ("x-amz-checksum-md5", "x"),
            ("x-amz-copy-source", "/files/secret"),
            ("x-amz-website-redirect-location", "https://evil.example"),
            ("content-encoding", "gzip"),
            ("host", "evil.example"),
        ] {
            assert!(rules.check_header(name, value).is_err(), "{name}");
        }
    }
}
