//! Reads buckets' policies, and asks [`link_rules::policy`] what they do to a link.
//!
//! Signing says nothing about a policy, and neither does the one-byte check: a policy may refuse a
//! link later, or only to others. Policies of organisations, VPC endpoints and boundaries can do the
//! same and can't be read from here.

use std::sync::Arc;

use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use link_rules::arn::{bucket_arn, is_access_point, is_multi_region};
use link_rules::object::ObjectRef;
use link_rules::policy::describe;
use link_rules::policy::{
    Evaluation, Policy, RequestContext, SignatureVersion, SigningPrincipal, TokenIssued,
};
use link_rules::window::Bounds;
use serde::Serialize;
use thiserror::Error;

use super::LinkError;
use crate::aws::{Aws, AwsError, REMEMBERED_BUCKETS, answered};
use crate::invocation::Invocation;
use crate::memory::{Age, Failure, Memory, Unanswered};
use crate::sessions::{CallerIdentity, Evidence, Session};

/// How long a policy that was read is used, and how long S3's refusal to show it is remembered. S3
/// itself takes up to minutes to follow a change of a policy.
const REREAD: SignedDuration = SignedDuration::from_mins(5);

/// How long later invocations wait before S3 is asked again for a policy that it did not give.
const RETRY: SignedDuration = SignedDuration::from_secs(2);

/// What the operator wants of buckets' policies (`BUCKET_POLICY`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PolicySetting {
    /// Windows keep to what the policy allows. A policy that can't be read is passed over, and the
    /// answer says so.
    #[default]
    Heed,
    /// There is no link without the policy.
    Require,
    /// Policies are not read.
    Ignore,
}

/// What an answer says of the bucket's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PolicyReading {
    /// The window keeps to the policy. A bucket without a policy counts as well.
    Heeded,
    /// The policy could not be read.
    Unreadable,
    /// The operator wants no policy to be read.
    Ignored,
}

/// Why a policy is not known.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub(crate) struct Unreadable(String);

/// A link that is about to be signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PolicyContext<'a> {
    /// The object, and the version that the link names.
    pub(crate) object: ObjectRef<'a>,
    /// The session that signs.
    pub(crate) session: &'a Session,
    /// Whose session that is. `None` if it is not known.
    pub(crate) signer: Option<&'a CallerIdentity>,
}

/// S3 gave no answer when it was asked for a policy.
#[derive(Clone, Debug)]
struct Silent(String);

impl Failure for Silent {
    fn pause(&self) -> Option<SignedDuration> {
        Some(RETRY)
    }
}

/// A policy, or S3's refusal to show it.
type Reading = Result<Arc<Policy>, Unreadable>;

/// Reads policies and remembers them.
#[derive(Debug)]
pub(crate) struct BucketPolicies {
    aws: Aws,
    setting: PolicySetting,
    known: Memory<String, Reading, Silent>,
}

impl BucketPolicies {
    /// Asks S3 through `aws`, as far as `setting` says.
    #[must_use]
    pub(crate) fn new(aws: Aws, setting: PolicySetting) -> Self {
        Self { aws, setting, known: Memory::new(REMEMBERED_BUCKETS) }
    }

    /// What the operator wants of policies.
    pub(crate) fn setting(&self) -> PolicySetting {
        self.setting
    }

    /// Whether the operator wants policies to be read.
    pub(super) fn are_read(&self) -> bool {
        self.setting != PolicySetting::Ignore
    }

    /// Whether it matters to a policy that was read who signs.
    pub(super) fn some_turn_on_the_signer(&self) -> bool {
        self.known.any(|policy| policy.as_ref().is_ok_and(|policy| policy.turns_on_the_signer()))
    }

    /// The policy of `bucket`, which is in `region`. S3 is asked with `credentials` if it was not
    /// asked for five minutes. `None`: the operator wants no policy to be read.
    ///
    /// # Errors
    ///
    /// [`LinkError::PolicyUnreadable`] if the operator wants no link without the policy. Otherwise
    /// an unreadable policy is the inner error.
    pub(super) async fn of(
        &self,
        bucket: &str,
        region: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<Option<Result<Arc<Policy>, Unreadable>>, LinkError> {
        if !self.are_read() {
            return Ok(None);
        }
        let policy = self.read(bucket, region, credentials, invocation).await;
        match policy {
            Err(unreadable) if self.setting == PolicySetting::Require => {
                Err(LinkError::PolicyUnreadable { reason: unreadable.0 })
            }
            policy => Ok(Some(policy)),
        }
    }

    /// The policy of `bucket`, whatever the setting. One that was read before is better than none, so it
    /// holds on while S3 gives no answer.
    pub(super) async fn read(
        &self,
        bucket: &str,
        region: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Reading {
        let is_fresh = |_: &Reading, age: Age| age.age < REREAD;
        let ask = |before| self.ask(bucket, region, credentials, before, invocation);
        match self.known.get(&bucket.to_owned(), is_fresh, ask, invocation).await {
            Ok(reading) | Err(Unanswered { before: Some(reading), .. }) => reading,
            Err(Unanswered { error: Silent(reason), before: None }) => Err(Unreadable(reason)),
        }
    }

    /// The policy of `bucket` as it is now, whatever the setting and however lately it was read.
    /// Links keep to it from now on. If S3 gives no answer, they keep to the one that was read before,
    /// and it is [`Unreadable`] here.
    pub(crate) async fn read_anew(
        &self,
        bucket: &str,
        region: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Reading {
        let ask = |before| self.ask(bucket, region, credentials, before, invocation);
        match self.known.get_anew(&bucket.to_owned(), ask, invocation).await {
            Ok(reading) => reading,
            Err(Unanswered { error: Silent(reason), .. }) => Err(Unreadable(reason)),
        }
    }

    /// S3's answer: a policy, or that it may not be read. `before` is the answer before this one.
    async fn ask(
        &self,
        bucket: &str,
        region: &str,
        credentials: &Credentials,
        before: Option<Reading>,
        invocation: &Invocation,
    ) -> Result<Reading, Silent> {
        let reading = self.ask_s3(bucket, region, credentials, invocation).await?;
        if let Err(unreadable) = &reading
            && before.is_none_or(|before| before.is_ok())
        {
            tracing::warn!(bucket, reason = unreadable.0, "a bucket's policy can't be read");
        }
        Ok(reading)
    }

    async fn ask_s3(
        &self,
        bucket: &str,
        region: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<Reading, Silent> {
        if is_access_point(bucket) {
            let reason = "S3 shows the policy of a bucket, and not that behind an access point";
            return Ok(Err(Unreadable(reason.to_owned())));
        }
        let s3 = self.aws.s3(region, credentials, invocation);
        match answered(s3.get_bucket_policy().bucket(bucket).send()).await {
            Ok(answer) => {
                let policy = Policy::parse(answer.policy().unwrap_or("{\"Statement\":[]}"));
                Ok(policy.map(Arc::new).map_err(|error| Unreadable(error.to_string())))
            }
            Err(AwsError::Refused { status: 404, code }) if code == "NoSuchBucketPolicy" => {
                Ok(Ok(Arc::new(Policy::default())))
            }
            Err(error @ AwsError::Refused { .. }) => Ok(Err(Unreadable(format!(
                "S3 refused GetBucketPolicy on {bucket:?} ({error}): allow s3:GetBucketPolicy to \
                 the function's role; S3 shows it only to the account that owns the bucket"
            )))),
            Err(error) => {
                let reason = format!("S3 could not be asked for the policy of {bucket:?}: {error}");
                Err(Silent(reason))
            }
        }
    }

    /// What `policy` lets a link have that is signed at `signed_at`.
    ///
    /// # Errors
    ///
    /// [`LinkError::ObjectUnavailable`] if the policy refuses the link to everybody.
    pub(super) fn bounds(
        &self,
        policy: &Policy,
        planned: &PolicyContext<'_>,
        signed_at: Timestamp,
    ) -> Result<Bounds, LinkError> {
        if policy.denies_nothing() {
            return Ok(Bounds::default());
        }
        let verdict = self.evaluate(policy, planned, signed_at);
        if let Some(statement) = verdict.refused_by() {
            return Err(LinkError::ObjectUnavailable(format!(
                "the bucket's policy refuses this link to everybody: {}",
                describe(statement)
            )));
        }
        Ok(Bounds {
            policy_age: verdict.least_age(),
            policy_instant: verdict.least_instant(),
            object_instant: None,
        })
    }

    /// What `policy` does to a link that is signed at `signed_at`.
    pub(crate) fn evaluate(
        &self,
        policy: &Policy,
        planned: &PolicyContext<'_>,
        signed_at: Timestamp,
    ) -> Evaluation {
        // AWS's own endpoints are asked over TLS. What stands behind another one is not known.
        let https = self.aws.settings().s3_endpoint.is_none().then_some(true);
        let bucket_arn = bucket_arn(planned.object.bucket, planned.object.region);
        policy.evaluate(&request_context(planned, &bucket_arn, https, signed_at))
    }
}

/// The question that `planned` asks of its bucket's policy, if it is signed at `signed_at`.
fn request_context<'a>(
    planned: &PolicyContext<'a>,
    bucket_arn: &'a str,
    https: Option<bool>,
    signed_at: Timestamp,
) -> RequestContext<'a> {
    let PolicyContext { object: ObjectRef { bucket, region, key, version_id }, session, signer } =
        *planned;
    RequestContext {
        bucket_arn,
        key,
        version_id,
        region: Some(region),
        https,
        signature: if is_multi_region(bucket) {
            SignatureVersion::SigV4A
        } else {
            SignatureVersion::SigV4
        },
        signer: SigningPrincipal {
            arn: signer.map(|signer| signer.arn.as_str()),
            role_arn: session.role_arn.as_deref(),
            user_id: signer.map(|signer| signer.user_id.as_str()),
            token_issued: match session.evidence {
                Evidence::Unlimited => TokenIssued::Never,
                _ => TokenIssued::Unknown,
            },
            multi_factor: match session.evidence {
                // No multi-factor device takes part when Lambda or AssumeRole makes a session.
                Evidence::Attested | Evidence::Minted => Some(false),
                Evidence::Declared | Evidence::Unlimited | Evidence::Assumed => None,
            },
        },
        signed_at,
    }
}
