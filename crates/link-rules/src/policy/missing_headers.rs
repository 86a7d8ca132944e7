//! Which header would keep a `Deny` from an upload.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::StatementEvaluation;
use super::conditions::{Condition, Knowledge};
use super::upload_keys::{TAG, TAG_KEYS, TAGGING, header_of};

/// All but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A header that an upload lacks, and without which a statement refuses it. Of its tags it may have
/// some, but not this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingHeader {
    /// Its name in lower case. A form has a field of this name, but `acl` for `x-amz-acl`, and
    /// `tagging` with XML for `x-amz-tagging`.
    pub name: &'static str,
    /// The values of which it must have one. They are as the policy has them, so some may hold
    /// wildcards or policy variables. A tag is `key=value`, encoded, and its value is empty where the
    /// policy asks for the key alone. None: any value is enough.
    pub values: Vec<String>,
}

/// The headers of which any one is enough for the statement not to apply, if it has one of its
/// values. None: no header that an upload could still have lifts the statement.
///
/// They say nothing of other statements, nor of what S3 makes of the header.
#[must_use]
pub fn missing_headers(statement: &StatementEvaluation) -> Vec<MissingHeader> {
    let missing = statement.conditions.iter().filter(|(_, known)| *known == Knowledge::Missing);
    missing.filter_map(|(condition, _)| missing_header(condition)).collect()
}

fn missing_header(condition: &Condition) -> Option<MissingHeader> {
    let values = condition.values_that_lift()?;
    let key = condition.lower_key();
    if let Some(name) = header_of(key) {
        return Some(MissingHeader { name, values: values.to_vec() });
    }
    let tags = if key == TAG_KEYS {
        values.iter().map(|tag| pair(tag, "")).collect()
    } else if key.starts_with(TAG) {
        let tag = condition.key.get(TAG.len()..)?;
        let value = |value: &String| pair(tag, value);
        if values.is_empty() { vec![pair(tag, "")] } else { values.iter().map(value).collect() }
    } else {
        return None;
    };
    Some(MissingHeader { name: TAGGING, values: tags })
}

/// A tag as the header has it.
fn pair(tag: &str, value: &str) -> String {
    let encode = |text| utf8_percent_encode(text, ENCODED);
    format!("{}={}", encode(tag), encode(value))
}
