//! May the signer read the object?

use super::s3_facts::{Answered, ObjectFinding};
use super::{Check, DoctorContext, Outcome};
use crate::links::{Denial, Form};

/// The check.
pub(super) fn check(examined: &DoctorContext<'_>) -> Check {
    let new = |outcome, sentence: String| Check::new("object", outcome, sentence);
    let answered = match &examined.facts.object {
        Err(why) => return new(Outcome::Unknown, why.clone()),
        Ok(ObjectFinding::NotSigned(why)) => return new(Outcome::Refuses, why.clone()),
        Ok(ObjectFinding::Silent(reason)) => {
            let sentence = format!("S3 could not be asked whether a link opens: {reason}.");
            return new(Outcome::Unknown, sentence);
        }
        Ok(ObjectFinding::Answered(answered)) => answered,
    };
    let get = &answered.get;
    if get.opens() {
        let mut sentence = match get.status {
            416 => "A link that was signed just now opens the object, which is empty.".to_owned(),
            _ => {
                "A link that was signed just now opens the object: one byte of it came.".to_owned()
            }
        };
        if examined.links.aws.settings().s3_public_endpoint.is_some() {
            sentence.push_str(
                " It was signed for the S3 that the function calls. S3_PUBLIC_ENDPOINT, where links \
                 lead, was not tried.",
            );
        }
        return new(Outcome::Ok, sentence);
    }
    let Some(reason) = get.why_not() else { return new(Outcome::Unknown, String::new()) };
    match (get.status, get.code.as_str()) {
        (500.., _) => {
            let sentence =
                format!("S3 answered {} and may not do so again: ask again.", get.status);
            new(Outcome::Unknown, sentence)
        }
        (403, "" | "AccessDenied") => {
            let sentence =
                format!("S3 answered 403 {}: {}", get.code, explain_denial(examined, answered));
            new(Outcome::Refuses, sentence).with_commands(simulate(examined))
        }
        (403, code @ "InvalidObjectState") if examined.facts.stored().is_some() => {
            let sentence =
                format!("S3 answered 403 {code}: the object is archived. See \"storage-class\".");
            new(Outcome::Refuses, sentence)
        }
        _ => {
            let hint = answered.other_form.map_or("", Form::hint);
            new(Outcome::Refuses, format!("{reason} {hint}").trim_end().to_owned())
        }
    }
}

/// Why access is denied, as far as S3's answers tell.
fn explain_denial(examined: &DoctorContext<'_>, answered: &Answered) -> String {
    let signer = examined.signing.principal().map(|principal| principal.arn);
    let signer = signer.unwrap_or_else(|| "the signing role".to_owned());
    let action = examined.question.permission();
    let stored = examined.facts.stored();
    let kms = || {
        let key = stored.and_then(|(storage, _)| storage.kms_key.clone());
        let key = key.unwrap_or_else(|| "its KMS key".to_owned());
        format!(
            "the object is there, and {signer} may not decrypt it. Allow kms:Decrypt on {key}, in \
             the role's policy and in the key's."
        )
    };
    match answered.get.denial {
        _ if examined.facts.is_kms_to_blame() => return kms(),
        Some(Denial::Denied(kind)) => {
            return format!("a {kind} denies {action} to {signer}. S3 says so itself.");
        }
        Some(Denial::NotAllowed(kind)) => {
            return format!("no {kind} allows {action} to {signer}. Allow it there.");
        }
        Some(Denial::Kms | Denial::CustomerKey) | None => {}
    }
    match (&answered.head, answered.may_list) {
        (Some(Ok(_)), _) => format!(
            "the object is there, and {signer} may read it, but not through a presigned URL. Look for \
             s3:authType and s3:signatureAge in the policies of the bucket and of the organization."
        ),
        (Some(Err(Some(404))), _) => "there is no such object.".to_owned(),
        (_, Some(true)) => format!(
            "the object is forbidden, not missing: S3 would answer 404 then, because {signer} may list \
             the bucket. Allow {action} on the object, and look for a Deny."
        ),
        _ => format!(
            "the object is missing, or {signer} may not read it. S3 does not tell which without \
             s3:ListBucket. Allow that on the bucket to be told, in its policy for example, and \
             {action} on the object. Another account's Requester Pays bucket refuses all links so."
        ),
    }
}

/// The lines that ask IAM whether the signer's own policies allow the request.
fn simulate(examined: &DoctorContext<'_>) -> Vec<String> {
    let Some(object) = examined.object_arn() else { return Vec::new() };
    let mut asked = vec![(vec![examined.question.permission()], object.as_str())];
    let key = examined.facts.stored().and_then(|(storage, _)| storage.kms_key.as_deref());
    asked.extend(key.map(|key| (vec!["kms:Decrypt"], key)));
    examined.signing.simulate(&asked)
}
