//! What S3 is asked: one byte through a freshly signed URL, and the bucket's settings. All of it is
//! asked at once, and nothing is decided here.
//!
//! A bucket that no grant names is not asked about: nobody gets a link to it, and whoever may ask
//! the doctor need not be allowed to look at every bucket that the function's role can see.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{
    ArchiveStatus, CorsRule, PublicAccessBlockConfiguration, ServerSideEncryption, StorageClass,
};
use link_rules::access::{Grant, Principal, UploadRules};
use link_rules::arn::{bucket_arn, is_access_point};
use link_rules::lifecycle::LifecycleRules;
use link_rules::object::{ObjectKey, ObjectRef};
use link_rules::policy::Policy;
use link_rules::response_headers::ResponseHeaders;
use link_rules::window::{self, Bounds, RequestedWindow, SessionEnd};

use super::Question;
use super::signer::Signing;
use crate::aws::{AwsError, answered};
use crate::invocation::Invocation;
use crate::links::{
    Denial, Expiration, Form, LinkError, Links, Method, ProbeAnswer, StepAnswer, StorageInfo,
    is_there, lifecycle_rules, other_spelling, probe,
};
use crate::presign::{GetObject, Operation, Side};

/// The window of the URL that the object is opened with, in seconds. Nobody sees the URL.
const PROBE_EXPIRES_IN: u64 = 60;

/// What was seen, or a sentence that says why it was not.
pub(super) type Finding<T> = Result<T, String>;

/// What S3 answered.
#[derive(Debug)]
pub(super) struct S3Facts {
    /// The bucket that was looked at.
    pub(super) bucket: Finding<String>,
    /// The region that links are signed for.
    pub(super) region: Finding<String>,
    /// The region that S3 names.
    pub(super) real_region: Finding<String>,
    pub(super) object: Finding<ObjectFinding>,
    pub(super) policy: Finding<Arc<Policy>>,
    /// `None`: the bucket has no such setting.
    pub(super) public_access_block: Finding<Option<PublicAccessBlockConfiguration>>,
    /// Whether the policy is public. `None`: the bucket has no policy.
    pub(super) policy_is_public: Finding<Option<bool>>,
    /// The encryption of new objects: its algorithm, and the KMS key where one is named.
    pub(super) default_encryption: Finding<Option<(String, Option<String>)>>,
    /// The lifecycle rules that cover the key.
    pub(super) lifecycle: Finding<LifecycleRules>,
    /// What scripts of pages may ask of the bucket. Nothing of it concerns a link.
    pub(super) cors: Finding<Vec<CorsRule>>,
    /// What an upload may do.
    pub(super) steps: Finding<UploadSteps>,
    /// Whether the version that the question names is the current one. `None`: it does not matter.
    pub(super) current_version: Option<Result<(), LinkError>>,
}

/// What S3 answered about the object.
#[derive(Debug)]
pub(super) enum ObjectFinding {
    /// No URL could be signed, for this reason.
    NotSigned(String),
    /// S3 gave no answer.
    Silent(String),
    /// S3 answered.
    Answered(Box<Answered>),
}

/// S3's answers about the object.
#[derive(Debug)]
pub(super) struct Answered {
    /// To the one byte through a signed URL.
    pub(super) get: ProbeAnswer,
    /// To HEAD, if the URL did not open. `Err` holds the status, if there was any.
    pub(super) head: Option<Result<(StorageInfo, Expiration), Option<u16>>>,
    /// Whether the signer may list the bucket, so that S3 tells what is missing. `None` if it does
    /// not matter, or if S3 did not say.
    pub(super) may_list: Option<bool>,
    /// The form of the missing key under which there is an object that the same grant covers.
    pub(super) other_form: Option<Form>,
}

/// S3's answers to steps of an upload that is not there. `Err`: it gave none.
#[derive(Debug)]
pub(super) struct UploadSteps {
    /// To `CompleteMultipartUpload`, which takes the permission of every upload.
    pub(super) complete: Result<StepAnswer, String>,
    /// To `ListParts`, which takes one of its own.
    pub(super) list: Result<StepAnswer, String>,
}

impl UploadSteps {
    /// Whether S3 would take an upload of the session.
    fn may_upload(&self) -> bool {
        self.complete.as_ref().is_ok_and(StepAnswer::misses_the_upload)
    }
}

impl S3Facts {
    /// Looks at everything. `rules` are those of the grant for an upload.
    pub(super) async fn take(
        links: &Links,
        question: &Question,
        rules: Option<&UploadRules>,
        bucket: Option<&str>,
        signing: &Signing,
        invocation: &Invocation,
    ) -> Self {
        let Some(bucket) = bucket else {
            return Self::not_taken("It was not looked at, because no bucket is named.");
        };
        let Some(grant) = invocation.grants().buckets().find(|grant| grant.bucket == bucket) else {
            return Self::not_taken("It was not looked at, because no grant names this bucket.");
        };
        let Some(own_credentials) = &signing.own_credentials else {
            return Self::not_taken("It was not looked at, because there are no credentials.");
        };
        let look = Lookup { links, question, rules, bucket, signing, own_credentials, invocation };
        Box::pin(look.all(grant)).await
    }

    fn not_taken(why: &str) -> Self {
        Self {
            bucket: Err(why.to_owned()),
            region: Err(why.to_owned()),
            real_region: Err(why.to_owned()),
            object: Err(why.to_owned()),
            policy: Err(why.to_owned()),
            public_access_block: Err(why.to_owned()),
            policy_is_public: Err(why.to_owned()),
            default_encryption: Err(why.to_owned()),
            lifecycle: Err(why.to_owned()),
            cors: Err(why.to_owned()),
            steps: Err(why.to_owned()),
            current_version: None,
        }
    }

    /// How the object is stored and when it ends, if S3 showed it.
    pub(super) fn stored(&self) -> Option<(&StorageInfo, Expiration)> {
        let Ok(ObjectFinding::Answered(answered)) = &self.object else { return None };
        if answered.get.opens() {
            return Some((&answered.get.storage, answered.get.end));
        }
        let (storage, end) = answered.head.as_ref()?.as_ref().ok()?;
        Some((storage, *end))
    }

    /// Whether the object was opened.
    pub(super) fn opened(&self) -> bool {
        matches!(&self.object, Ok(ObjectFinding::Answered(answered)) if answered.get.opens())
    }

    /// Whether S3 answered what was signed for it as it answers in the bucket's own region.
    pub(super) fn is_region_right(&self) -> bool {
        self.opened() || self.steps.as_ref().is_ok_and(UploadSteps::may_upload)
    }

    /// Whether the object's KMS key keeps it from opening: S3 says so, or it shows the object to the
    /// signer and gives nothing of it.
    pub(super) fn is_kms_to_blame(&self) -> bool {
        let Ok(ObjectFinding::Answered(answered)) = &self.object else { return false };
        let Answered { get, head, .. } = &**answered;
        let is_shown = matches!(head, Some(Ok((storage, _))) if storage.is_encrypted_with_kms());
        get.denial == Some(Denial::Kms)
            || get.code.starts_with("KMS")
            || (is_shown && get.denial.is_none() && get.code != "InvalidObjectState")
    }

    /// The bucket's ARN, if its bucket and its region are known.
    pub(super) fn bucket_arn(&self) -> Option<String> {
        let (bucket, region) = (self.bucket.as_ref().ok()?, self.region.as_ref().ok()?);
        Some(bucket_arn(bucket, region))
    }
}

/// What it takes to look.
pub(super) struct Lookup<'a> {
    pub(super) links: &'a Links,
    question: &'a Question,
    /// The rules of the grant for an upload. `None`: it is a link, or there is no such grant.
    pub(super) rules: Option<&'a UploadRules>,
    pub(super) bucket: &'a str,
    pub(super) signing: &'a Signing,
    own_credentials: &'a Credentials,
    pub(super) invocation: &'a Invocation,
}

impl Lookup<'_> {
    async fn all(&self, grant: &Grant) -> S3Facts {
        let (region, real_region) = if let Some(region) = &grant.region {
            (Ok(region.clone()), None)
        } else {
            let region = self.in_time(self.real_region()).await;
            (region.clone(), Some(region))
        };
        let known_region = match &region {
            Ok(region) => region.clone(),
            Err(why) => {
                let facts =
                    S3Facts::not_taken("It was not looked at: the bucket's region is not known.");
                let (bucket, why) = (Ok(self.bucket.to_owned()), why.clone());
                return S3Facts {
                    bucket,
                    region: Err(why.clone()),
                    real_region: Err(why),
                    ..facts
                };
            }
        };
        let region_now = async {
            match real_region {
                Some(region) => region,
                None => self.in_time(self.real_region()).await,
            }
        };
        let s3 = self.links.aws.s3(&known_region, self.own_credentials, self.invocation);
        let (
            real_region,
            object,
            policy,
            public_access_block,
            policy_is_public,
            encryption,
            lifecycle,
            cors,
            steps,
            current,
        ) = tokio::join!(
            region_now,
            self.of_links(self.object(&known_region)),
            self.in_time(self.policy(&known_region)),
            self.of_links(self.public_access_block(&s3)),
            self.of_links(self.policy_status(&s3)),
            self.in_time(self.default_encryption(&s3)),
            self.in_time(self.lifecycle(&known_region)),
            self.of_uploads(self.cors(&s3)),
            self.of_uploads(self.steps(&known_region)),
            self.current_version(&known_region),
        );
        S3Facts {
            bucket: Ok(self.bucket.to_owned()),
            region,
            real_region,
            object,
            policy,
            public_access_block,
            policy_is_public,
            default_encryption: encryption,
            lifecycle,
            cors,
            steps,
            current_version: current,
        }
    }

    /// What `look` gives, unless the invocation would end before it does.
    async fn in_time<T>(&self, look: impl Future<Output = Finding<T>>) -> Finding<T> {
        self.invocation.in_time(look).await.unwrap_or_else(|_| {
            Err("It was not looked at: the function ran out of time before AWS answered."
                .to_owned())
        })
    }

    /// The same for what concerns links alone.
    async fn of_links<T>(&self, look: impl Future<Output = Finding<T>>) -> Finding<T> {
        if self.question.is_upload() {
            return Err("It does not concern uploads.".to_owned());
        }
        self.in_time(look).await
    }

    /// The same for what concerns uploads alone.
    async fn of_uploads<T>(&self, look: impl Future<Output = Finding<T>>) -> Finding<T> {
        if !self.question.is_upload() {
            return Err("It does not concern links.".to_owned());
        }
        self.in_time(look).await
    }

    async fn real_region(&self) -> Finding<String> {
        let region =
            self.links.regions.region_of(self.bucket, self.own_credentials, self.invocation);
        region.await.map_err(|error| sentence(&error.to_string()))
    }

    async fn policy(&self, region: &str) -> Finding<Arc<Policy>> {
        let policies = &self.links.policies;
        let policy = policies.read_anew(self.bucket, region, self.own_credentials, self.invocation);
        policy.await.map_err(|unreadable| sentence(&unreadable.to_string()))
    }

    async fn public_access_block(
        &self,
        s3: &Client,
    ) -> Finding<Option<PublicAccessBlockConfiguration>> {
        self.check_is_bucket()?;
        let call = s3.get_public_access_block().bucket(self.bucket);
        match answered(call.send()).await {
            Ok(answer) => Ok(answer.public_access_block_configuration),
            Err(error) => self.absent(&error, "s3:GetBucketPublicAccessBlock").map(|()| None),
        }
    }

    async fn policy_status(&self, s3: &Client) -> Finding<Option<bool>> {
        self.check_is_bucket()?;
        let call = s3.get_bucket_policy_status().bucket(self.bucket);
        match answered(call.send()).await {
            Ok(answer) => Ok(answer.policy_status.and_then(|status| status.is_public)),
            Err(error) => self.absent(&error, "s3:GetBucketPolicyStatus").map(|()| None),
        }
    }

    async fn default_encryption(&self, s3: &Client) -> Finding<Option<(String, Option<String>)>> {
        self.check_is_bucket()?;
        let call = s3.get_bucket_encryption().bucket(self.bucket);
        let configuration = match answered(call.send()).await {
            Ok(answer) => answer.server_side_encryption_configuration,
            Err(error) => {
                return self.absent(&error, "s3:GetEncryptionConfiguration").map(|()| None);
            }
        };
        let default = configuration.and_then(|configuration| {
            let rule = configuration.rules.into_iter().next()?;
            let default = rule.apply_server_side_encryption_by_default?;
            Some((default.sse_algorithm.as_str().to_owned(), default.kms_master_key_id))
        });
        // These are an upstream's words too.
        let default = default.map(|(algorithm, key)| {
            let storage = StorageInfo::read(|name| match name {
                "x-amz-server-side-encryption" => Some(algorithm.as_str()),
                "x-amz-server-side-encryption-aws-kms-key-id" => key.as_deref(),
                _ => None,
            });
            (storage.encryption.unwrap_or_default(), storage.kms_key)
        });
        Ok(default)
    }

    /// The rules that cover the key and end links or uploads to it in some way.
    async fn lifecycle(&self, region: &str) -> Finding<LifecycleRules> {
        self.check_is_bucket()?;
        let s3 = self.links.aws.s3_for_lifecycle(region, self.own_credentials, self.invocation);
        let call = s3.get_bucket_lifecycle_configuration().bucket(self.bucket);
        match answered(call.send()).await {
            Ok(answer) => {
                let mut rules = lifecycle_rules(&answer);
                rules.rules.retain(|rule| rule.covers(&self.question.key));
                Ok(rules)
            }
            Err(error) => {
                let absent = self.absent(&error, "s3:GetLifecycleConfiguration");
                absent.map(|()| LifecycleRules::default())
            }
        }
    }

    /// S3 shows settings of buckets. An access point has others.
    pub(super) fn check_is_bucket(&self) -> Finding<()> {
        if is_access_point(self.bucket) {
            let why = "S3 shows this of a bucket, and not of the one behind an access point.";
            return Err(why.to_owned());
        }
        Ok(())
    }

    /// `Ok` if S3 says that there is no such setting.
    pub(super) fn absent(&self, error: &AwsError, permission: &str) -> Finding<()> {
        match error {
            // `NoSuchBucket` is told by the other checks.
            AwsError::Refused { status: 404, code } if code != "NoSuchBucket" => Ok(()),
            AwsError::Refused { status: 403, .. } => {
                let role = self.signing.own_principal().map(|principal| principal.arn);
                let role = role.unwrap_or_else(|| "the function's role".to_owned());
                Err(format!(
                    "S3 does not show it ({error}): allow {permission} on the bucket {:?} to {role}.",
                    self.bucket
                ))
            }
            error => Err(format!("S3 does not show it: {error}.")),
        }
    }

    /// Whether the named version is the current one, where the grant gives no other.
    async fn current_version(&self, region: &str) -> Option<Result<(), LinkError>> {
        let version_id = self.question.version_id.as_deref()?;
        if self.question.principal == Some(Principal::S3Event) {
            return None;
        }
        let object = self.object_in(region);
        let credentials = self.own_credentials;
        let check =
            self.links.versions.check_current(object, version_id, credentials, self.invocation);
        let checked = self.invocation.in_time(check).await;
        Some(checked.unwrap_or_else(|error| Err(error.into())).map(|_| ()))
    }

    /// The object that the question names, which is in `region`.
    pub(super) fn object_in<'b>(&'b self, region: &'b str) -> ObjectRef<'b> {
        let Question { key, version_id, .. } = self.question;
        ObjectRef { bucket: self.bucket, region, key, version_id: version_id.as_deref() }
    }

    /// Opens the object as a recipient would, and asks more where S3 refuses.
    async fn object(&self, region: &str) -> Finding<ObjectFinding> {
        if ObjectKey::parse(&self.question.key).is_err() {
            return Ok(ObjectFinding::NotSigned("No link can name this key.".to_owned()));
        }
        let Some(credentials) = self.signing.credentials() else {
            return Err("It was not looked at, because there are no credentials.".to_owned());
        };
        let url = match self.signed_url(region, credentials) {
            Ok(url) => url,
            Err(reason) => return Ok(ObjectFinding::NotSigned(reason)),
        };
        let get = match probe(&self.links.aws, &url, Method::Get, self.invocation).await {
            Ok(answer) => answer,
            Err(reason) => return Ok(ObjectFinding::Silent(reason)),
        };
        let is_told_more = get.status == 403
            && matches!(get.code.as_str(), "" | "AccessDenied" | "InvalidObjectState");
        let (head, may_list) = if is_told_more || get.code.starts_with("KMS") {
            let s3 = self.links.aws.s3(region, credentials, self.invocation);
            let (head, may_list) = tokio::join!(self.head(&s3), self.may_list(&s3));
            (Some(head), may_list)
        } else {
            (None, None)
        };
        let other_form =
            if get.is_missing() { self.other_form(region, credentials).await } else { None };
        Ok(ObjectFinding::Answered(Box::new(Answered { get, head, may_list, other_form })))
    }

    async fn other_form(&self, region: &str, credentials: &Credentials) -> Option<Form> {
        let (key, form) = other_spelling(&self.question.key)?;
        let grants = self.invocation.grants();
        let position = |question: &Question| {
            super::grant::find(grants, question, self.bucket).map(|(position, _)| position)
        };
        let asked = position(self.question)?;
        let other = Question { key, ..self.question.clone() };
        if other.version_id.is_some() || position(&other) != Some(asked) {
            return None;
        }
        let object = ObjectRef { key: &other.key, ..self.object_in(region) };
        is_there(&self.links.aws, object, credentials, self.invocation).await.then_some(form)
    }

    fn signed_url(&self, region: &str, credentials: &Credentials) -> Result<String, String> {
        let operation = Operation::GetObject(GetObject {
            object: self.object_in(region),
            response_headers: &ResponseHeaders::default(),
        });
        self.sign(&operation, credentials)
    }

    /// A URL for the S3 that the function calls, or why there is none.
    pub(super) fn sign(
        &self,
        operation: &Operation<'_>,
        credentials: &Credentials,
    ) -> Result<String, String> {
        let end = self.signing.session.as_ref().map_or(SessionEnd::Never, |session| session.end);
        let requested = RequestedWindow { expires_in: PROBE_EXPIRES_IN, min_expires_in: 1 };
        let now = self.invocation.now();
        let window = window::window(now, requested, PROBE_EXPIRES_IN, end, Bounds::default())
            .map_err(|_| "The session that signs has ended.".to_owned())?;
        let link_id = uuid::Uuid::new_v4().to_string();
        self.links
            .signer
            .sign_from(Side::Inside, credentials, operation, &link_id, &window)
            .map_err(|error| sentence(&error.to_string()))
    }

    async fn head(&self, s3: &Client) -> Result<(StorageInfo, Expiration), Option<u16>> {
        let call = s3
            .head_object()
            .bucket(self.bucket)
            .key(&self.question.key)
            .set_version_id(self.question.version_id.clone());
        let found = answered(call.send()).await.map_err(|error| error.status())?;
        let end = Expiration::read(found.expiration(), found.restore());
        let storage = StorageInfo::read(|name| match name {
            "x-amz-server-side-encryption" => {
                found.server_side_encryption().map(ServerSideEncryption::as_str)
            }
            "x-amz-server-side-encryption-aws-kms-key-id" => found.ssekms_key_id(),
            "x-amz-storage-class" => found.storage_class().map(StorageClass::as_str),
            "x-amz-archive-status" => found.archive_status().map(ArchiveStatus::as_str),
            "x-amz-restore" => found.restore(),
            "x-amz-version-id" => found.version_id(),
            _ => None,
        });
        Ok((storage, end))
    }

    /// `HeadBucket` takes `s3:ListBucket`, as S3's answer 404 about a missing object does.
    async fn may_list(&self, s3: &Client) -> Option<bool> {
        let call = s3.head_bucket().bucket(self.bucket);
        match answered(call.send()).await {
            Ok(_) => Some(true),
            Err(AwsError::Refused { status: 403, .. }) => Some(false),
            Err(_) => None,
        }
    }
}

/// The text as a sentence.
fn sentence(text: &str) -> String {
    let mut sentence = text.trim_end_matches('.').to_owned();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence.push('.');
    sentence
}
