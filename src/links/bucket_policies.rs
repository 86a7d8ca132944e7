//! Reads buckets' policies, and asks [`link_rules::policy`] what they do to a link.
//!
//! Signing says nothing about a policy, and neither does the one-byte check: a policy may refuse a
//! link later, or only to others. Policies of organisations, VPC endpoints and boundaries can do the
//! same and can't be read from here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use link_rules::access::Action;
use link_rules::arn::{bucket_arn, is_access_point, is_multi_region};
use link_rules::object::ObjectRef;
use link_rules::policy::describe;
use link_rules::policy::{
    Evaluation, Policy, RequestContext, S3Request, SignatureVersion, SigningPrincipal, TokenIssued,
};
use link_rules::window::Bounds;
use serde::Serialize;
use thiserror::Error;

use super::LinkError;
use crate::aws::{Aws, AwsError, AwsSettings, REMEMBERED_BUCKETS, answered};
use crate::invocation::Invocation;
use crate::memory::{Age, Failure, Memory, Unanswered};
use crate::sessions::{CallerIdentity, Evidence, Session};

/// How long a policy that was read is used, and how long S3's refusal to show it is remembered. S3
/// itself takes up to minutes to follow a change of a policy.
const REREAD: SignedDuration = SignedDuration::from_mins(5);

/// How long a policy that was read is used for a share and for a press of one. A press promises two
/// minutes at least, so a policy that is older could end what is promised under it.
const REREAD_FOR_SHARES: SignedDuration = SignedDuration::from_mins(2);

/// How old a policy may be that is still called the bucket's. While S3 gives no answer, one that is
/// older goes on shortening windows.
const GREATEST_AGE: SignedDuration = SignedDuration::from_mins(15);

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
    /// The policy could not be read, or AWS does not document what one of its statements means.
    Unreadable,
    /// The operator wants no policy to be read.
    Ignored,
}

/// Why a policy is not known.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub(crate) struct Unreadable(String);

/// What is known of a bucket's policy.
#[derive(Clone, Debug)]
pub(crate) struct KnownPolicy {
    /// The policy that was read last. Windows keep to it, however long ago that was. `None`: it was
    /// never read.
    pub(crate) policy: Option<Arc<Policy>>,
    /// Why nobody can say that this is the policy.
    pub(super) unreadable: Option<Unreadable>,
}

/// A link that is about to be signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PolicyContext<'a> {
    /// The object, and the version that the link names.
    pub(crate) object: ObjectRef<'a>,
    /// What is asked of S3.
    pub(crate) request: S3Request<'a>,
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

/// What S3 answered.
#[derive(Debug)]
struct Reading {
    /// The policy that was read last, and when.
    policy: Option<(Arc<Policy>, Timestamp)>,
    /// S3's refusal to show it, if that was the last answer.
    refusal: Option<Unreadable>,
    /// Whether the log says that the policy is too old.
    is_told: AtomicBool,
}

impl Reading {
    /// What is known of the policy. `silence` is why S3 did not answer when it was asked again.
    fn known(&self, bucket: &str, silence: Option<&str>, now: Timestamp) -> KnownPolicy {
        let policy = self.policy.as_ref().map(|(policy, _)| Arc::clone(policy));
        let unreadable = self.refusal.clone().or_else(|| {
            let (_, read_at) = self.policy.as_ref()?;
            let age = now.duration_since(*read_at);
            let reason = silence.filter(|_| age > GREATEST_AGE)?;
            if !self.is_told.swap(true, Ordering::Relaxed) {
                warn_of_unreadable(bucket, reason);
            }
            Some(Unreadable(format!("{reason}; it was read last at {read_at}")))
        });
        KnownPolicy { policy, unreadable }
    }
}

fn warn_of_unreadable(bucket: &str, reason: &str) {
    tracing::warn!(bucket, reason, "a bucket's policy can't be read");
}

/// Reads policies and remembers them.
#[derive(Debug)]
pub(crate) struct BucketPolicies {
    aws: Aws,
    setting: PolicySetting,
    known: Memory<String, Arc<Reading>, Silent>,
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
        self.known.any(|reading| {
            reading.policy.as_ref().is_some_and(|(policy, _)| policy.turns_on_the_signer())
        })
    }

    /// The policy of `bucket`, which is in `region`, for a link that is for `action`. S3 is asked with
    /// `credentials` if it was not asked for five minutes, or for two about a share. `None`: the operator
    /// wants no policy to be read.
    ///
    /// # Errors
    ///
    /// [`LinkError::PolicyUnreadable`] if the operator wants no link without the policy.
    pub(crate) async fn of(
        &self,
        action: Action,
        bucket: &str,
        region: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<Option<KnownPolicy>, LinkError> {
        if !self.are_read() {
            return Ok(None);
        }
        let reread = match action {
            Action::Get | Action::Put => REREAD,
            Action::Share => REREAD_FOR_SHARES,
        };
        let known = self.read(reread, bucket, region, credentials, invocation).await;
        match known.unreadable {
            Some(unreadable) if self.setting == PolicySetting::Require => {
                Err(LinkError::PolicyUnreadable { reason: unreadable.0 })
            }
            _ => Ok(Some(known)),
        }
    }

    /// Reads the policy of `bucket`, whatever the setting, so that the first link need not wait.
    pub(super) async fn read_first(
        &self,
        bucket: &str,
        region: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) {
        self.read(REREAD, bucket, region, credentials, invocation).await;
    }

    async fn read(
        &self,
        reread: SignedDuration,
        bucket: &str,
        region: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> KnownPolicy {
        let is_fresh = |_: &Arc<Reading>, age: Age| age.age < reread;
        let ask = |before| self.ask(bucket, region, credentials, before, invocation);
        match self.known.get(&bucket.to_owned(), is_fresh, ask, invocation).await {
            Ok(reading) => reading.known(bucket, None, invocation.now()),
            Err(Unanswered { error: Silent(reason), before: Some(reading) }) => {
                reading.known(bucket, Some(&reason), invocation.now())
            }
            Err(Unanswered { error: Silent(reason), before: None }) => {
                KnownPolicy { policy: None, unreadable: Some(Unreadable(reason)) }
            }
        }
    }

    /// The policy of `bucket` as it is now, whatever the setting and however lately it was read.
    /// Links keep to it from now on. If S3 does not show it, they keep to the one that was read before,
    /// and it is [`Unreadable`] here.
    pub(crate) async fn read_anew(
        &self,
        bucket: &str,
        region: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<Arc<Policy>, Unreadable> {
        let ask = |before| self.ask(bucket, region, credentials, before, invocation);
        let reading = match self.known.get_anew(&bucket.to_owned(), ask, invocation).await {
            Ok(reading) => reading,
            Err(Unanswered { error: Silent(reason), .. }) => return Err(Unreadable(reason)),
        };
        match (&reading.refusal, &reading.policy) {
            (Some(refusal), _) => Err(refusal.clone()),
            (None, Some((policy, _))) => Ok(Arc::clone(policy)),
            (None, None) => Ok(Arc::default()),
        }
    }

    /// S3's answer: a policy, or that it may not be read. `before` is the answer before this one.
    async fn ask(
        &self,
        bucket: &str,
        region: &str,
        credentials: &Credentials,
        before: Option<Arc<Reading>>,
        invocation: &Invocation,
    ) -> Result<Arc<Reading>, Silent> {
        let answer = self.ask_s3(bucket, region, credentials, invocation).await?;
        let is_told = AtomicBool::default();
        Ok(Arc::new(match answer {
            Ok(policy) => {
                Reading { policy: Some((policy, invocation.now())), refusal: None, is_told }
            }
            Err(unreadable) => {
                if before.as_ref().is_none_or(|before| before.refusal.is_none()) {
                    warn_of_unreadable(bucket, &unreadable.0);
                }
                // The policy that was read before may still be the bucket's.
                let policy = before.and_then(|before| before.policy.clone());
                Reading { policy, refusal: Some(unreadable), is_told }
            }
        }))
    }

    async fn ask_s3(
        &self,
        bucket: &str,
        region: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<Result<Arc<Policy>, Unreadable>, Silent> {
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

    /// What a policy lets a link have that is signed at `signed_at`, and whether that is all of it. `known`
    /// is `None` where the operator wants no policy to be read.
    ///
    /// # Errors
    ///
    /// [`LinkError::ObjectUnavailable`] if the policy refuses the link to everybody, and
    /// [`LinkError::PolicyUnreadable`] if nobody knows whether it does and the operator wants no such link.
    pub(crate) fn bounds(
        &self,
        known: Option<&KnownPolicy>,
        planned: &PolicyContext<'_>,
        signed_at: Timestamp,
    ) -> Result<(PolicyReading, Bounds), LinkError> {
        let Some(known) = known else {
            return Ok((PolicyReading::Ignored, Bounds::default()));
        };
        let reading = match known.unreadable {
            None => PolicyReading::Heeded,
            Some(_) => PolicyReading::Unreadable,
        };
        let Some(policy) = known.policy.as_ref().filter(|policy| !policy.denies_nothing()) else {
            return Ok((reading, Bounds::default()));
        };
        let verdict = self.evaluate(policy, planned, signed_at);
        if let Some(statement) = verdict.refused_by() {
            return Err(LinkError::ObjectUnavailable(format!(
                "the bucket's policy refuses this link to everybody: {}",
                describe(statement)
            )));
        }
        let reading = match verdict.unreadable() {
            None => reading,
            Some(statement) if self.setting == PolicySetting::Require => {
                return Err(LinkError::PolicyUnreadable { reason: describe(statement) });
            }
            Some(_) => PolicyReading::Unreadable,
        };
        let bounds = Bounds {
            policy_age: verdict.least_age(),
            policy_instant: verdict.least_instant(),
            object_instant: None,
        };
        Ok((reading, bounds))
    }

    /// What `policy` does to a link that is signed at `signed_at`.
    pub(crate) fn evaluate(
        &self,
        policy: &Policy,
        planned: &PolicyContext<'_>,
        signed_at: Timestamp,
    ) -> Evaluation {
        // AWS's own endpoints are asked over TLS. What stands behind another one is not known.
        let AwsSettings { s3_endpoint, s3_public_endpoint, .. } = self.aws.settings();
        let https = (s3_endpoint.is_none() && s3_public_endpoint.is_none()).then_some(true);
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
    let PolicyContext { object, session, signer, .. } = *planned;
    let ObjectRef { bucket, region, key, version_id } = object;
    RequestContext {
        request: planned.request,
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
