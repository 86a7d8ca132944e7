//! Why does a link not open? Looks at everything that can be known of one, and says it in words.
//!
//! Operators ask with an event that is no HTTP request, so nothing but IAM's
//! `lambda:InvokeFunction` lets anybody ask. The answer holds no link, no secret and no signature.
//!
//! [`examine`] goes through the questions of the usual guides to presigned URLs, in their order:
//!
//! | check | question | module |
//! |---|---|---|
//! | `signer` | who signs, and what proves when the session ends? | [`signer`] |
//! | `object` | may the signer read the object? | [`object`] |
//! | `grant` | who is granted the object, and for how long? | [`grant`] |
//! | `block-public-access`, `bucket-policy`, `policy-status`, `other-policies` | what do policies do? | [`policies`] |
//! | `region`, `encryption`, `storage-class`, `lifecycle` | where and how is the object stored? | [`storage`] |
//! | `window` | how long does a link work that is signed now, and why no longer? | [`bounds`] |
//! | `revocation` | what ends the links that there are? | [`revocation`] |
//!
//! Of an upload (`"action": "put"`) the questions are other ones: [`uploads`] has them.
//!
//! What S3 is asked is in [`s3_facts`]. Whatever can't be looked at is `unknown`, with the permission
//! that it takes. No question fails the others.

mod bounds;
mod commands;
mod diagnosis;
mod grant;
mod iam;
mod object;
mod policies;
mod question;
mod revocation;
mod s3_facts;
mod signer;
mod storage;
mod uploads;

use link_rules::access::Grant;
use link_rules::window::SIGNATURE_MAX_EXPIRES_IN;

pub(crate) use self::diagnosis::Diagnosis;
use self::diagnosis::{Check, Outcome};
pub(crate) use self::question::Question;
use self::s3_facts::S3Facts;
use self::signer::Signing;
use crate::invocation::Invocation;
use crate::links::Links;
use crate::uploads::Uploads;

/// What all checks look at.
struct DoctorContext<'a> {
    links: &'a Links,
    question: &'a Question,
    /// The grant that a link would be given under, with its position in `GRANTS`. If the question
    /// names no principal, it is one that covers the key for somebody.
    grant: Option<(usize, &'a Grant)>,
    signing: &'a Signing,
    facts: &'a S3Facts,
}

impl DoctorContext<'_> {
    /// The object's ARN, if its bucket and its region are known.
    fn object_arn(&self) -> Option<String> {
        let bucket_arn = self.facts.bucket_arn()?;
        Some(format!("{bucket_arn}/{}", self.question.key))
    }
}

/// Examines what becomes of a link, or of an upload, to what `question` names. `uploads` is `None` where
/// they are off.
///
/// Never fails, and ends before the invocation does.
pub(crate) async fn examine(
    links: &Links,
    uploads: Option<&Uploads>,
    question: &Question,
    invocation: &Invocation,
) -> Diagnosis {
    let bucket =
        question.bucket.as_deref().or_else(|| invocation.grants().only_bucket(question.action));
    let checks = if question.is_upload() {
        Box::pin(uploads::examine(links, uploads, question, bucket, invocation)).await
    } else {
        Box::pin(examine_link(links, question, bucket, invocation)).await
    };
    let diagnosis = Diagnosis::new(question, bucket, invocation.now(), checks);
    tracing::info!(
        request_id = invocation.request_id(),
        bucket,
        key = question.key,
        verdict = diagnosis.verdict.as_str(),
        "the doctor was asked"
    );
    diagnosis
}

async fn examine_link(
    links: &Links,
    question: &Question,
    bucket: Option<&str>,
    invocation: &Invocation,
) -> Vec<Check> {
    let grants = invocation.grants();
    let grant = bucket.and_then(|bucket| grant::find(grants, question, bucket));
    let wanted = grant.map_or(SIGNATURE_MAX_EXPIRES_IN, |(_, grant)| grant.max_expires_in);
    let signing = match invocation.in_time(signer::find(links, wanted, invocation)).await {
        Ok(signing) => signing,
        Err(error) => Signing::unknown(&error.into()),
    };
    let facts = S3Facts::take(links, question, None, bucket, &signing, invocation).await;

    let examined = DoctorContext { links, question, grant, signing: &signing, facts: &facts };
    let mut checks = vec![
        signer::check(&signing),
        object::check(&examined),
        grant::check(grants, question, bucket, grant, facts.current_version.as_ref()),
    ];
    let now = invocation.now();
    let policies = policies::Policies::read(&examined, now);
    checks.extend(policies.checks(&examined));
    checks.extend(storage::checks(&examined));
    checks.push(bounds::check(&examined, &policies.bounds(), now));
    checks.push(revocation::check(&examined, now));
    checks
}
