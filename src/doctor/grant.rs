//! Who is granted the object, by which grant, and for how long.

use std::fmt;

use link_rules::access::{Action, Grant, Grants, Needs, Principal};
use link_rules::object::ObjectKey;

use super::{Check, Outcome, Question};
use crate::links::LinkError;

/// How many prefixes or buckets a sentence names.
const MAX_NAMED: usize = 8;

/// The grant that a link would be given under, with its position in `GRANTS`. If the question names
/// no principal, it is the one that allows the longest window to somebody.
pub(super) fn find<'a>(
    grants: &'a Grants,
    question: &Question,
    bucket: &str,
) -> Option<(usize, &'a Grant)> {
    let needs = Needs { old_versions: question.version_id.is_some(), trusted_content: false };
    match &question.principal {
        Some(principal) => {
            let grant = grants.find_for(needs, principal, Action::Get, bucket, &question.key)?;
            let position = grants.iter().position(|other| std::ptr::eq(other, grant))?;
            Some((position, grant))
        }
        None => covering(grants, question, bucket).max_by_key(|(position, grant)| {
            let old_versions = needs.old_versions && grant.versions;
            // The first of equals.
            (old_versions, grant.max_expires_in, std::cmp::Reverse(*position))
        }),
    }
}

/// The grants that cover the object for somebody, each with its position.
pub(super) fn covering<'a>(
    grants: &'a Grants,
    question: &Question,
    bucket: &str,
) -> impl Iterator<Item = (usize, &'a Grant)> {
    grants.iter().enumerate().filter(move |(_, grant)| {
        grant.bucket == bucket
            && grant.allows(question.action)
            && grant.covers_for_somebody(&question.key)
    })
}

/// The check. `current_version` says whether the version that the question names is the current
/// one, where it was looked at.
pub(super) fn check(
    grants: &Grants,
    question: &Question,
    bucket: Option<&str>,
    found: Option<(usize, &Grant)>,
    current_version: Option<&Result<(), LinkError>>,
) -> Check {
    let refuses = |sentence: String| Check::new("grant", Outcome::Refuses, sentence);
    let bucket = match object_named(grants, question, bucket) {
        Ok(bucket) => bucket,
        Err(why) => return refuses(why),
    };
    let Some((position, grant)) = found else {
        return refuses(why_not_granted(grants, question, bucket));
    };
    let by = format!(
        "GRANTS[{position}] (prefix {:?}) gives links of up to {} s",
        grant.prefix.to_string(),
        grant.max_expires_in
    );
    if let Some(version_id) = &question.version_id
        && !grant.versions
        && question.principal != Some(Principal::S3Event)
    {
        let current = format!("links to the current version only, and {version_id:?}");
        match current_version {
            Some(Ok(())) => {}
            Some(Err(LinkError::VersionNotGranted)) => {
                return refuses(format!(
                    "GRANTS[{position}] gives {current} is not it, or the object is deleted. Leave \
                     version_id out, or add \"versions\": true to the grant."
                ));
            }
            Some(Err(error)) => {
                let sentence = format!("GRANTS[{position}] gives {current} may not be it: {error}");
                return Check::new("grant", Outcome::Unknown, sentence);
            }
            None => {
                let sentence = format!(
                    "GRANTS[{position}] gives {current} may not be it: S3 could not be asked."
                );
                return Check::new("grant", Outcome::Unknown, sentence);
            }
        }
    }
    if let Some(principal) = &question.principal {
        return Check::new("grant", Outcome::Ok, format!("{by} to {:?}.", principal.name()));
    }
    let sentence = format!(
        "{by}, but no \"principal\" was named. Name one to learn whether the grant admits it: an ARN, \
         the name in a token, \"anonymous\" or \"s3-event\"."
    );
    Check::new("grant", Outcome::Unknown, sentence)
}

/// The bucket, if there is one and the key can be signed. Else why not.
pub(super) fn object_named<'a>(
    grants: &Grants,
    question: &Question,
    bucket: Option<&'a str>,
) -> Result<&'a str, String> {
    let Some(bucket) = bucket else {
        return Err(format!(
            "The grants name several buckets, so say in \"bucket\" which one is meant: {}.",
            named(grants.buckets().map(|grant| &grant.bucket))
        ));
    };
    match ObjectKey::parse(&question.key) {
        Ok(_) => Ok(bucket),
        Err(error) => Err(format!("{}.", error.to_string().trim_end_matches('.'))),
    }
}

/// Why no grant covers the object for the principal.
pub(super) fn why_not_granted(grants: &Grants, question: &Question, bucket: &str) -> String {
    let of_bucket = || grants.iter().filter(|grant| grant.bucket == bucket);
    if of_bucket().next().is_none() {
        let buckets = named(grants.buckets().map(|grant| &grant.bucket));
        return format!(
            "GRANTS names no bucket {bucket:?}, so nobody gets {} and S3 is not asked about it. It \
             names {buckets}.",
            question.either("a link", "an upload")
        );
    }
    if question.is_upload() && of_bucket().all(|grant| grant.uploads.is_none()) {
        return format!(
            "No grant of bucket {bucket:?} has the action \"put\". Add one with \"max_size\" and a prefix \
             of its own."
        );
    }
    let asks_for_claims =
        covering(grants, question, bucket).any(|(_, grant)| grant.asks_for_claims());
    let covering: Vec<_> = covering(grants, question, bucket)
        .map(|(position, grant)| {
            format!("GRANTS[{position}] (prefix {:?})", grant.prefix.to_string())
        })
        .take(MAX_NAMED)
        .collect();
    match &question.principal {
        Some(principal) if !covering.is_empty() => {
            let fix = if asks_for_claims {
                "Say in \"claims\" which claims its token has, add the principal there, or add a grant."
            } else {
                "Add the principal there, or add a grant."
            };
            let (covering, name) = (covering.join(" and "), principal.name());
            format!("{covering} covers this key, but not for {name:?}. {fix}")
        }
        _ => format!(
            "No grant covers this key in bucket {bucket:?}, whoever asks: the prefixes are {}. Check \
             the key, or add a grant.",
            named(
                of_bucket()
                    .filter(|grant| grant.allows(question.action))
                    .map(|grant| grant.prefix.to_string())
            )
        ),
    }
}

/// The first few names, in quotes.
pub(super) fn named(names: impl Iterator<Item = impl fmt::Debug>) -> String {
    let mut names: Vec<_> = names.map(|name| format!("{name:?}")).collect();
    if names.len() > MAX_NAMED {
        let more = names.len() - MAX_NAMED;
        names.truncate(MAX_NAMED);
        names.push(format!("{more} more"));
    }
    names.join(", ")
}
