//! Why does an upload not arrive? The questions of the usual guides to uploads by presigned URL. Nothing is
//! uploaded to learn it, and nothing is decided here: the room `uploads` and `link_rules` are asked.
//!
//! | check | question | module |
//! |---|---|---|
//! | `signer` | who signs, and until when? | [`signer`](super::signer) |
//! | `permission` | may the session upload? | [`permission`] |
//! | `grant` | who may upload what under which key? | [`grant`] |
//! | `bucket-policy` | which `Deny` refuses it, and which header is missing? | [`policies`] |
//! | `other-policies` | what can't be looked at? | [`policies`](super::policies) |
//! | `region`, `encryption`, `lifecycle` | where does it go, with which key, and what ends it? | [`storage`] |
//! | `cors` | may scripts of pages upload? | [`cors`] |
//! | `window` | how long may an upload begin that is signed now? | [`bounds`](super::bounds) |
//! | `revocation` | what ends the uploads that are signed? | [`revocation`](super::revocation) |

mod cors;
mod facts;
mod grant;
mod permission;
mod policies;
mod storage;

use jiff::Timestamp;
use link_rules::access::UploadRules;
use link_rules::upload::MIN_FORM_EXPIRES_IN;
use link_rules::window::SIGNATURE_MAX_EXPIRES_IN;

use super::policies::PolicyBounds;
use super::s3_facts::S3Facts;
use super::signer::{self, Signing};
use super::{Check, DoctorContext, Outcome, Question, bounds, revocation};
use crate::invocation::Invocation;
use crate::links::Links;
use crate::uploads::Uploads;

/// The checks, in their order.
pub(super) async fn examine(
    links: &Links,
    uploads: Option<&Uploads>,
    question: &Question,
    bucket: Option<&str>,
    invocation: &Invocation,
) -> Vec<Check> {
    let grants = invocation.grants();
    let placed = bucket.map(|bucket| grant::find(grants, question, bucket));
    let placed = placed.as_ref().and_then(|placed| placed.as_ref().ok());
    let wanted = placed.map_or(SIGNATURE_MAX_EXPIRES_IN, |placed| placed.grant.max_expires_in);
    let signing = signer::find_for_uploads(links, uploads, wanted, invocation);
    let signing = match invocation.in_time(signing).await {
        Ok(signing) => signing,
        Err(error) => Signing::unknown(&error.into()),
    };
    // S3 and policies are asked about the key that an upload would have.
    let key = placed.map_or(&question.key, |placed| &placed.key);
    let about = &Question { key: key.clone(), ..question.clone() };
    let rules = placed.map(|placed| placed.rules);
    let facts = S3Facts::take(links, about, rules, bucket, &signing, invocation).await;
    let grant = placed.map(|placed| (placed.position, placed.grant));
    let examined =
        DoctorContext { links, question: about, grant, signing: &signing, facts: &facts };

    let now = invocation.now();
    let policies = policies::Policies::read(&examined, rules, now);
    let mut checks = vec![
        signer::check(&signing),
        permission::check(&examined),
        grant::check(grants, question, bucket, placed),
    ];
    let window = window(&examined, rules, &policies.bounds(), now);
    checks.extend(policies.checks);
    checks.push(super::policies::other_policies(&examined));
    checks.push(super::storage::region(&examined));
    checks.push(storage::encryption(&examined, rules));
    checks.extend(storage::lifecycle(&examined, now));
    checks.extend(cors::checks(&examined, rules));
    checks.push(window);
    checks.push(revocation::check_uploads(&examined, now));
    checks
}

/// The window of an upload. A form's is a quarter of an hour at least.
fn window(
    examined: &DoctorContext<'_>,
    rules: Option<&UploadRules>,
    policies: &PolicyBounds,
    now: Timestamp,
) -> Check {
    let mut check = bounds::check(examined, policies, now);
    let has_forms = rules.is_some_and(|rules| rules.forms);
    if has_forms && check.outcome != Outcome::Refuses && check.is_shorter_than(MIN_FORM_EXPIRES_IN)
    {
        let no_form = format!(" A form needs {MIN_FORM_EXPIRES_IN} s, so none is signed.");
        check.sentence.push_str(&no_form);
    }
    check
}
