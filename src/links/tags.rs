//! An object's tags, and files that the bucket's policy opens only with one: a malware scan gives it when it
//! has found nothing.
//!
//! S3's refusal names the policy and not the tag. So when S3 refuses a link, and a `Deny` of the policy asks for
//! a tag, the object's tags are read, if the function may. Without that permission the refusal stays a
//! policy's. This module scans nothing.
//!
//! Source: Amazon `GuardDuty` user guide, "Using tag-based access control (TBAC) with Malware Protection for
//! S3".

use aws_credential_types::Credentials;
use aws_sdk_s3::types::Tag;
use link_rules::object::ObjectRef;
use link_rules::policy::Evaluation;
use link_rules::text;

use crate::aws::{Aws, AwsError, answered};
use crate::invocation::Invocation;

/// What the condition keys begin with that are about an object's tags, in lower case.
const EXISTING_TAG: &str = "s3:existingobjecttag/";

/// How many characters of a tag's value a sentence shows.
const MAX_SHOWN: usize = 60;

/// The object's tags.
///
/// # Errors
///
/// [`AwsError`]: S3 refuses, or does not answer.
pub(super) async fn of(
    aws: &Aws,
    object: ObjectRef<'_>,
    credentials: &Credentials,
    invocation: &Invocation,
) -> Result<Vec<(String, String)>, AwsError> {
    let ObjectRef { bucket, region, key, version_id } = object;
    let s3 = aws.s3(region, credentials, invocation);
    let call = s3.get_object_tagging().bucket(bucket).key(key);
    let answer = answered(call.set_version_id(version_id.map(str::to_owned)).send()).await?;
    Ok(answer.tag_set().iter().map(pair).collect())
}

/// A tag's key and its value.
pub(super) fn pair(tag: &Tag) -> (String, String) {
    (tag.key().to_owned(), tag.value().to_owned())
}

/// A tag that a `Deny` of the policy asks for: its key, and the values with which it lets the object be read.
pub(super) fn wanted(evaluation: &Evaluation) -> Option<(&str, &[String])> {
    let conditions = evaluation.statements.iter().flat_map(|statement| &statement.conditions);
    conditions.map(|(condition, _)| condition).find_map(|condition| {
        let key = condition.key.get(EXISTING_TAG.len()..)?;
        let is_tag = condition.key.to_ascii_lowercase().starts_with(EXISTING_TAG);
        // Only a `Deny` that another value or none would meet keeps a file back until it is tagged.
        let is_negated = condition.operator.to_ascii_lowercase().starts_with("stringnot");
        (is_tag && is_negated && !key.is_empty()).then_some((key, &condition.values[..]))
    })
}

/// Why an object is kept back, as the end of a sentence about S3's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeptBack {
    /// It has no such tag yet.
    BeingScanned(String),
    /// It has another value.
    ByTheScan(String),
}

/// Why an object with these tags is kept back. `None`: it has a tag that is wanted.
pub(super) fn why_kept_back(
    (key, values): (&str, &[String]),
    tags: &[(String, String)],
) -> Option<KeptBack> {
    let wanted = values.join(" or ");
    match tags.iter().find(|(name, _)| name == key) {
        None => Some(KeptBack::BeingScanned(format!(
            "The bucket's policy opens the file once its tag {key} is {wanted}, and it has no such tag yet: a \
             scan that sets it has not ended. Try again in some minutes."
        ))),
        Some((_, value)) if !values.contains(value) => Some(KeptBack::ByTheScan(format!(
            "The bucket's policy opens the file only if its tag {key} is {wanted}, and it is {:?}: the scan \
             that set it does not let the file out. Ask the bucket's owner.",
            text::shortened(&text::visible(value), MAX_SHOWN)
        ))),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_the_tag_is_being_scanned_and_one_with_another_value_is_kept_back() {
        let wanted = ("Scan", &["CLEAN".to_owned()][..]);
        let tags = |value: &str| vec![("Scan".to_owned(), value.to_owned())];
        let why = |tags: &[(String, String)]| why_kept_back(wanted, tags);
        assert!(
            matches!(why(&[]), Some(KeptBack::BeingScanned(why)) if why.contains("has not ended"))
        );
        let of_value = |value: &str| match why(&tags(value)) {
            Some(KeptBack::ByTheScan(why)) => why,
            other => panic!("{other:?}"),
        };
        assert!(of_value("THREATS_FOUND").contains("it is \"THREATS_FOUND\""));
        assert_eq!(why(&tags("CLEAN")), None);
        assert!(!of_value(&"x".repeat(500)).contains(&"x".repeat(100)));
    }
}
