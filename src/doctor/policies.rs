//! Block Public Access, what the bucket's policy does to a link, and which policies can't be looked at.

use jiff::Timestamp;
use link_rules::arn::Arn;
use link_rules::object::ObjectRef;
use link_rules::policy::S3Request;
use link_rules::policy::describe;
use link_rules::policy::{Effect, Evaluation};
use link_rules::window::Bounds;

use super::commands::command;
use super::iam::Kind;
use super::{Check, DoctorContext, Outcome};
use crate::links::{PolicyContext, PolicySetting};

/// What the bucket's policy does, if it could be read.
pub(super) struct Policies {
    verdict: Option<Evaluation>,
}

/// What follows from the bucket's policy for a window.
pub(super) struct PolicyBounds {
    /// Whether a statement refuses it to everybody, so that nothing is signed.
    pub(super) refuse: bool,
    /// Whether the policy could be read, and each of its statements.
    pub(super) are_known: bool,
    /// What the policy leaves of a window.
    pub(super) bounds: Bounds,
}

impl Policies {
    /// Asks the policy about a link that is signed `now`.
    pub(super) fn read(examined: &DoctorContext<'_>, now: Timestamp) -> Self {
        Self { verdict: verdict(examined, now) }
    }

    /// What follows for the window of a link.
    pub(super) fn bounds(&self) -> PolicyBounds {
        let verdict = self.verdict.as_ref();
        PolicyBounds {
            refuse: verdict.is_some_and(|verdict| verdict.refused_by().is_some()),
            are_known: verdict.is_some_and(|verdict| verdict.unreadable().is_none()),
            bounds: Bounds {
                policy_age: verdict.and_then(Evaluation::least_age),
                policy_instant: verdict.and_then(Evaluation::least_instant),
                object_instant: None,
            },
        }
    }

    /// The checks, in their order.
    pub(super) fn checks(&self, examined: &DoctorContext<'_>) -> Vec<Check> {
        let mut checks = vec![block_public_access(examined)];
        checks.extend(self.statements(examined));
        checks.push(policy_status(examined));
        checks.push(other_policies(examined));
        checks
    }

    /// One check for each statement that may refuse the link.
    fn statements(&self, examined: &DoctorContext<'_>) -> Vec<Check> {
        if let Some(check) = unread(examined) {
            return vec![check];
        }
        let new = |outcome, sentence: String| Check::new("bucket-policy", outcome, sentence);
        let Some(verdict) = &self.verdict else {
            let why = "What the policy does can't be told, because there are no credentials.";
            return vec![new(Outcome::Unknown, why.to_owned())];
        };
        if verdict.statements.is_empty() {
            let none = "No Deny of the bucket's policy concerns this link.";
            return vec![new(Outcome::Ok, none.to_owned())];
        }
        let statements = verdict.statements.iter().map(|statement| {
            let (outcome, more) = outcome(examined, statement.effect);
            new(outcome, format!("The policy's {}.{more}", describe(statement)))
        });
        statements.collect()
    }
}

/// The check where the policy could not be read.
pub(super) fn unread(examined: &DoctorContext<'_>) -> Option<Check> {
    let why = examined.facts.policy.as_ref().err()?;
    let (outcome, more) = what_of_the_unread(examined);
    // Of a bucket that was not looked at nothing is given.
    let more = if examined.facts.bucket.is_ok() { more } else { "" };
    Some(Check::new("bucket-policy", outcome, format!("{why}{more}")))
}

/// What becomes of what nobody can judge by the policy.
fn what_of_the_unread<'a>(examined: &DoctorContext<'a>) -> (Outcome, &'a str) {
    let question = examined.question;
    match examined.links.policies.setting() {
        PolicySetting::Require => (
            Outcome::Refuses,
            question.either(
                " With BUCKET_POLICY=require there is no link without it.",
                " With BUCKET_POLICY=require there is no upload without it.",
            ),
        ),
        PolicySetting::Heed => (
            Outcome::Unknown,
            question.either(
                " Links are given all the same, and the policy may end them.",
                " Uploads are signed all the same, and the policy may refuse them.",
            ),
        ),
        PolicySetting::Ignore => (Outcome::Unknown, ""),
    }
}

/// What a statement's effect comes to, and what else there is to say about it.
pub(super) fn outcome<'a>(examined: &DoctorContext<'a>, effect: Effect) -> (Outcome, &'a str) {
    let ignored = match examined.links.policies.setting() {
        PolicySetting::Ignore => examined.question.either(
            " BUCKET_POLICY=ignore: links are given as if the policy were not there.",
            " BUCKET_POLICY=ignore: uploads are signed as if the policy were not there.",
        ),
        PolicySetting::Heed | PolicySetting::Require => "",
    };
    match effect {
        Effect::Refuses { .. } => (Outcome::Refuses, ignored),
        Effect::Limits { .. } => (Outcome::Limits, ignored),
        Effect::Depends { .. } => (Outcome::Depends, ignored),
        Effect::Unreadable { .. } => {
            let (outcome, more) = what_of_the_unread(examined);
            (outcome, if ignored.is_empty() { more } else { ignored })
        }
    }
}

fn verdict(examined: &DoctorContext<'_>, now: Timestamp) -> Option<Evaluation> {
    evaluate(examined, S3Request::GetObject, now)
}

/// What the policy does to a request that is signed `now`.
pub(super) fn evaluate(
    examined: &DoctorContext<'_>,
    request: S3Request<'_>,
    now: Timestamp,
) -> Option<Evaluation> {
    let (facts, question) = (examined.facts, examined.question);
    let session = examined.signing.session_for_policies(now)?;
    let planned = PolicyContext {
        request,
        object: ObjectRef {
            bucket: facts.bucket.as_ref().ok()?,
            region: facts.region.as_ref().ok()?,
            key: &question.key,
            version_id: question.version_id.as_deref(),
        },
        session: &session,
        signer: examined.signing.identity.as_deref().ok(),
    };
    let policy = facts.policy.as_ref().ok()?;
    Some(examined.links.policies.evaluate(policy, &planned, now))
}

fn block_public_access(examined: &DoctorContext<'_>) -> Check {
    let not_links = "It does not touch links: they are signed, so they are not public access.";
    let new = |outcome, sentence: String| Check::new("block-public-access", outcome, sentence);
    let block = match &examined.facts.public_access_block {
        Err(why) => {
            let sentence =
                format!("{why} Whatever its state, links are signed, and not touched by it.");
            return new(Outcome::Unknown, sentence);
        }
        Ok(None) => {
            let sentence = format!(
                "Block Public Access is not set for the bucket, though it may be for the account. \
                 {not_links}"
            );
            return new(Outcome::Ok, sentence);
        }
        Ok(Some(block)) => block,
    };
    let settings = [
        ("BlockPublicAcls", block.block_public_acls),
        ("IgnorePublicAcls", block.ignore_public_acls),
        ("BlockPublicPolicy", block.block_public_policy),
        ("RestrictPublicBuckets", block.restrict_public_buckets),
    ];
    let off: Vec<_> = settings
        .into_iter()
        .filter(|(_, is_on)| *is_on != Some(true))
        .map(|(name, _)| name)
        .collect();
    let state = match off.len() {
        0 => "on".to_owned(),
        4 => "off for the bucket".to_owned(),
        _ => format!("on but for {}", off.join(", ")),
    };
    new(Outcome::Ok, format!("Block Public Access is {state}. {not_links}"))
}

fn policy_status(examined: &DoctorContext<'_>) -> Check {
    let new = |outcome, sentence: &str| Check::new("policy-status", outcome, sentence);
    match &examined.facts.policy_is_public {
        Err(why) => new(Outcome::Unknown, why),
        Ok(Some(true)) => new(
            Outcome::Ok,
            "The bucket's policy is public: what it allows opens without any link.",
        ),
        Ok(Some(false)) => new(Outcome::Ok, "The bucket's policy is not public."),
        Ok(None) => new(Outcome::Ok, "The bucket has no policy, so none is public."),
    }
}

/// The policies that may refuse a link, at once or at some age, and that the function can't look at.
pub(super) fn other_policies(examined: &DoctorContext<'_>) -> Check {
    let signer = examined.signing.principal();
    let account = signer.as_ref().and_then(|signer| Some(Arn::parse(&signer.arn)?.account));
    let account = account.unwrap_or("ACCOUNT");
    let region = examined.facts.region.as_deref().unwrap_or("REGION");
    let of_organisation = |kind| {
        let list = ["aws", "organizations", "list-policies-for-target", "--target-id", account];
        command(&[&list[..], &["--filter", kind]].concat())
    };
    let mut commands = vec![
        "# In the organisation's management account, and once more for each parent \
         (`aws organizations list-parents`):"
            .to_owned(),
        of_organisation("RESOURCE_CONTROL_POLICY"),
        of_organisation("SERVICE_CONTROL_POLICY"),
    ];
    if let Some(role) = signer.as_ref().filter(|signer| signer.kind == Kind::Role) {
        for operation in ["list-role-policies", "list-attached-role-policies", "get-role"] {
            commands.push(command(&["aws", "iam", operation, "--role-name", &role.name]));
        }
    }
    let service = format!("Name=service-name,Values=com.amazonaws.{region}.s3");
    let endpoints = ["aws", "ec2", "describe-vpc-endpoints", "--region", region, "--filters"];
    commands.push(command(&[&endpoints[..], &[&service]].concat()));
    let what = examined.question.either("a link", "an upload");
    let sentence = format!(
        "Policies of the organisation, of the signing role with its boundary and session, and of VPC \
         endpoints can't be looked at from here. They may refuse {what}, or one of some age. Write a cap on \
         the age into \"max_expires_in\" of the grant."
    );
    Check::new("other-policies", Outcome::Unknown, sentence).with_commands(commands)
}
