//! May the session upload?

use super::super::{Check, DoctorContext, Outcome};
use crate::links::{Denial, StepAnswer};

/// What resuming and giving up an upload in parts take.
const OF_PARTS: [&str; 2] = ["s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"];

/// The check.
pub(super) fn check(examined: &DoctorContext<'_>) -> Check {
    let new = |outcome, sentence: String| Check::new("permission", outcome, sentence);
    let silent = |reason: &str| {
        let sentence = format!("S3 could not be asked whether the session may upload: {reason}.");
        new(Outcome::Unknown, sentence)
    };
    let steps = match &examined.facts.steps {
        Err(why) => return new(Outcome::Unknown, why.clone()),
        Ok(steps) => steps,
    };
    let complete = match &steps.complete {
        Err(reason) => return silent(reason),
        Ok(complete) => complete,
    };
    if complete.status == 412 {
        let sentence = "There is an object under this key, and the grant spares what is there. Name another \
                        key, or add \"overwrite\": true to the grant.";
        return new(Outcome::Refuses, sentence.to_owned());
    }
    if !complete.misses_the_upload() {
        if complete.status >= 500 {
            let status = complete.status;
            let sentence = format!("S3 answered {status} and may not do so again: ask again.");
            return new(Outcome::Unknown, sentence);
        }
        let check = new(Outcome::Refuses, why_not(examined, complete, &["s3:PutObject"]));
        return if is_denied(complete) { check.with_commands(simulate(examined)) } else { check };
    }
    match &steps.list {
        Ok(list) if is_denied(list) => {
            let why = why_not(examined, list, &OF_PARTS);
            let sentence = format!("The session may upload, but no upload in parts goes on: {why}");
            new(Outcome::Depends, sentence).with_commands(simulate(examined))
        }
        _ => {
            let sentence = "The session may upload: S3 missed the upload that a signed request was to \
                            complete, and nothing else. Nothing was written. Headers and KMS are other checks.";
            new(Outcome::Ok, sentence.to_owned())
        }
    }
}

fn is_denied(answer: &StepAnswer) -> bool {
    answer.status == 403 && matches!(answer.code.as_str(), "" | "AccessDenied")
}

fn why_not(examined: &DoctorContext<'_>, answer: &StepAnswer, permissions: &[&str]) -> String {
    if !is_denied(answer) {
        return answer.why_not();
    }
    let signer = examined.signing.principal().map(|principal| principal.arn);
    let signer = signer.unwrap_or_else(|| "the upload role".to_owned());
    let permissions = permissions.join(" and ");
    let why = match answer.denial {
        Some(Denial::Denied(kind)) => {
            format!("a {kind} denies {permissions} to {signer}. S3 says so itself.")
        }
        Some(Denial::NotAllowed(kind)) => {
            format!("no {kind} allows {permissions} to {signer}. Allow it there.")
        }
        Some(Denial::Kms | Denial::CustomerKey) | None => format!(
            "{signer} may not do it. Allow it {permissions} on the object, and look for a Deny."
        ),
    };
    format!("S3 answered 403 {}: {why}", answer.code)
}

fn simulate(examined: &DoctorContext<'_>) -> Vec<String> {
    let Some(object) = examined.object_arn() else { return Vec::new() };
    let actions = ["s3:PutObject"].into_iter().chain(OF_PARTS).collect();
    examined.signing.simulate(&[(actions, &object)])
}
