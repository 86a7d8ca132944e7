//! Who may upload, by which grant, and under which key.

use link_rules::access::{Grant, Grants, KeysFrom, UploadRules};

use super::super::grant::{covering, named, object_named, why_not_granted};
use super::super::{Check, Outcome, Question};
use crate::links::LinkError;
use crate::uploads::{UploadError, placement_of_key};

/// Under which grant an upload would be, with its position in `GRANTS`, and under which key.
#[derive(Debug)]
pub(super) struct Placed<'a> {
    pub(super) position: usize,
    pub(super) grant: &'a Grant,
    pub(super) rules: &'a UploadRules,
    pub(super) key: String,
}

/// Finds that out. If the question names no principal, it is the grant that allows somebody the longest
/// window. The error is a sentence.
pub(super) fn find<'a>(
    grants: &'a Grants,
    question: &Question,
    bucket: &str,
) -> Result<Placed<'a>, String> {
    let Some(principal) = &question.principal else {
        // The first of equals.
        let longest = covering(grants, question, bucket)
            .filter_map(|(position, grant)| Some((position, grant, grant.uploads.as_ref()?)))
            .max_by_key(|(position, grant, _)| {
                (grant.max_expires_in, std::cmp::Reverse(*position))
            });
        let (position, grant, rules) =
            longest.ok_or_else(|| why_not_granted(grants, question, bucket))?;
        return Ok(Placed { position, grant, rules, key: question.key.clone() });
    };
    let placed = placement_of_key(principal, bucket, &question.key, grants);
    let placed = placed.map_err(|error| match error {
        UploadError::NotGranted { .. } => why_not_granted(grants, question, bucket),
        UploadError::Link(LinkError::Unauthenticated) => {
            "Only callers whom a gateway authenticated may upload, whatever the grants say."
                .to_owned()
        }
        error => error.to_string(),
    })?;
    let position = grants.iter().position(|other| std::ptr::eq(other, placed.grant));
    let position = position.unwrap_or_default();
    Ok(Placed { position, grant: placed.grant, rules: placed.rules, key: placed.key })
}

/// The check.
pub(super) fn check(
    grants: &Grants,
    question: &Question,
    bucket: Option<&str>,
    placed: Option<&Placed<'_>>,
) -> Check {
    let new = |outcome, sentence: String| Check::new("grant", outcome, sentence);
    let bucket = match object_named(grants, question, bucket) {
        Ok(bucket) => bucket,
        Err(why) => return new(Outcome::Refuses, why),
    };
    let Some(placed) = placed else {
        let why = find(grants, question, bucket).err().unwrap_or_default();
        return new(Outcome::Refuses, why);
    };
    let (allowed, keys) = (allowed(placed, question), keys(placed, question));
    if question.principal.is_some() {
        return new(Outcome::Ok, format!("{allowed} {keys}"));
    }
    let sentence = format!(
        "{allowed} {keys} No \"principal\" was named. Name one to learn whether the grant admits it: an ARN, or \
         the name in a token."
    );
    new(Outcome::Unknown, sentence)
}

/// What the grant lets uploads be.
fn allowed(placed: &Placed<'_>, question: &Question) -> String {
    let Placed { position, grant, rules, .. } = placed;
    let types = match rules.content_types() {
        [] => "of any type".to_owned(),
        types => format!("of the types {}", named(types.iter().map(ToString::to_string))),
    };
    let whom = match &question.principal {
        Some(principal) => format!("{:?}", principal.name()),
        None => "somebody".to_owned(),
    };
    let (prefix, max_size) = (grant.prefix.to_string(), rules.max_size);
    let forms = if rules.forms { ", by form too" } else { "" };
    let seconds = grant.max_expires_in;
    format!(
        "GRANTS[{position}] (prefix {prefix:?}) lets {whom} upload files of up to {max_size} bytes, {types}{forms}. \
         A signature works for up to {seconds} s."
    )
}

/// Who names the key.
fn keys(placed: &Placed<'_>, question: &Question) -> String {
    match placed.rules.keys {
        KeysFrom::Caller if placed.rules.overwrite => {
            "The caller names the key, and an object that is there is replaced.".to_owned()
        }
        KeysFrom::Caller => {
            "The caller names the key, and an object that is there stays.".to_owned()
        }
        KeysFrom::Function if placed.key == question.key && question.principal.is_some() => {
            "The function made this key.".to_owned()
        }
        KeysFrom::Function => {
            let name = placed.key.rsplit('/').next().unwrap_or_default();
            format!(
                "The function makes the key: the folder, a UUID as a folder in it, and the name {name:?}."
            )
        }
    }
}
