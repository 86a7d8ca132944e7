//! Signed uploads: one request, a form, or parts. Each signature has a window of its own.
//!
//! - [`request`] is what is asked for, [`signed`] what is given,
//! - [`placement`] decides under which grant, and under which key,
//! - [`limits`] refuses what the grant does not allow, and [`headers`] says which headers each request has,
//! - [`planned`] tells the doctor of all that without signing,
//! - [`error`] says why not, [`log`] has the log lines and counters.
//!
//! Whoever signs downloads can't write: uploads are signed with sessions of a role of their own
//! (`UPLOAD_ROLE_ARN`). A part is signed when it is due, so an upload may outlive any session.
//!
//! This room knows no HTTP and no event, and asks S3 nothing about an upload but how the bucket is set: the
//! caller's program sends every request itself. It decides no window: [`mod@link_rules::window`] does.

mod error;
mod headers;
mod limits;
mod log;
mod placement;
mod planned;
mod request;
mod signed;

use std::sync::Arc;

use aws_credential_types::Credentials;
use futures_util::future;
use jiff::Timestamp;
use link_rules::access::{Action, Grant, Grants, Principal, UploadRules};
use link_rules::object::{ObjectKey, ObjectRef};
use link_rules::policy::S3Request;
use link_rules::upload::{MAX_PUT_BYTES, MIN_FORM_EXPIRES_IN, Parts};
use link_rules::window::{self, RequestedWindow, Window};

pub(crate) use self::error::UploadError;
use self::headers::Headers;
pub(crate) use self::log::log_signed;
pub(crate) use self::placement::{Placement, of_key as placement_of_key};
pub(crate) use self::planned::visit_requests;
pub(crate) use self::request::{NewUpload, ProposedKey, Step, UploadRequest};
pub(crate) use self::signed::SignedUpload;
use crate::aws::{Aws, Sts};
use crate::invocation::Invocation;
use crate::links::{KnownPolicy, LinkError, Links, PolicyContext, PolicyReading, check_signer};
use crate::presign::{Form, NewObject, Operation, StepOfUpload};
use crate::sessions::{CallerIdentity, Minter, Session};

/// Everything it takes to sign uploads.
#[derive(Debug)]
pub(crate) struct Uploads {
    links: Arc<Links>,
    /// Mints sessions of the role that may write.
    minter: Minter,
}

/// What a client sends.
struct ToSend {
    method: &'static str,
    operation: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    /// `None`: it is no form.
    fields: Option<Vec<(String, String)>>,
}

/// What the signatures of one request need.
struct Prepared<'a> {
    request: &'a UploadRequest,
    grant: &'a Grant,
    rules: &'a UploadRules,
    key: String,
    session: Arc<Session>,
    region: String,
    /// `None`: the operator wants no policy to be read.
    policy: Option<KnownPolicy>,
    /// Whose credentials sign. `None` if it is not known, or if it does not matter.
    signer: Option<Arc<CallerIdentity>>,
    /// When a lifecycle rule ends an upload in parts that begins now.
    unfinished_until: Option<Timestamp>,
}

impl Uploads {
    /// Signs with sessions of the role `role_arn`.
    pub(crate) fn new(role_arn: String, links: Arc<Links>, aws: Aws) -> Self {
        Self { links, minter: Minter::of_uploads(role_arn, Sts::new(aws)) }
    }

    /// The session that signs requests of `wanted` seconds. `credentials` are the execution role's.
    ///
    /// # Errors
    ///
    /// [`LinkError::SessionUnproven`], which says why there is none.
    pub(crate) async fn session(
        &self,
        credentials: &Credentials,
        wanted: u64,
        invocation: &Invocation,
    ) -> Result<Arc<Session>, LinkError> {
        let session = self.minter.session(credentials, wanted, invocation).await;
        session.map_err(|error| LinkError::SessionUnproven(error.to_string()))
    }

    /// The role that signs uploads.
    pub(crate) fn role_arn(&self) -> &str {
        self.minter.role_arn()
    }

    /// Signs what `request` asks for, for `principal`: one entry, or one for each part. Wrap it in
    /// [`Invocation::in_time`].
    ///
    /// # Errors
    ///
    /// [`UploadError`]. Nothing is signed then.
    pub(crate) async fn sign(
        &self,
        principal: &Principal,
        request: &UploadRequest,
        invocation: &Invocation,
    ) -> Result<Vec<SignedUpload>, UploadError> {
        let prepared = self.prepare(principal, request, invocation).await?;
        self.sign_steps(&prepared, invocation)
    }

    /// Gathers what the signatures need, in the order of links: grant, key, session, region, policy.
    async fn prepare<'a>(
        &self,
        principal: &Principal,
        request: &'a UploadRequest,
        invocation: &'a Invocation,
    ) -> Result<Prepared<'a>, UploadError> {
        let Placement { grant, rules, key } =
            placement::find(principal, request, invocation.grants())?;
        ObjectKey::parse(&key).map_err(LinkError::from)?;
        limits::check(request, rules)?;
        let wanted = request.window.capped(grant.max_expires_in);
        let credentials = self.links.sessions.credentials(invocation).await;
        let credentials = credentials.map_err(|error| LinkError::Upstream(error.to_string()))?;
        let session = self.session(&credentials, wanted, invocation).await?;
        let region = self.links.region(grant, &credentials, invocation).await?;
        let policies = &self.links.policies;
        let policy = policies.of(Action::Put, &grant.bucket, &region, &credentials, invocation);
        let unfinished_until = async {
            let begins_parts = matches!(request.step, Step::Create(_));
            let object = begins_parts.then_some(ObjectRef {
                bucket: &grant.bucket,
                region: &region,
                key: &key,
                version_id: None,
            });
            self.links.lifecycle.unfinished_until(object?, &credentials, invocation).await
        };
        let (policy, unfinished_until) = future::join(policy, unfinished_until).await;
        let policy = policy?;
        let signer = self.links.signer_for(policy.as_ref(), &session, invocation).await;
        Ok(Prepared {
            request,
            grant,
            rules,
            key,
            session,
            region,
            policy,
            signer,
            unfinished_until,
        })
    }

    /// Signs the request of the step, or those of its parts.
    fn sign_steps(
        &self,
        prepared: &Prepared<'_>,
        invocation: &Invocation,
    ) -> Result<Vec<SignedUpload>, UploadError> {
        let rules = prepared.rules;
        let object = prepared.object();
        let signed = match &prepared.request.step {
            Step::Parts { upload_id, size, numbers, .. } => {
                let sign = |number: &u64| {
                    self.sign_part(prepared, upload_id, Parts::of(*size), *number, invocation)
                };
                return numbers.iter().map(sign).collect();
            }
            Step::Put(new) => {
                let headers = Headers::of_put(new, rules);
                let signed = headers.borrowed();
                let operation = Operation::PutObject(NewObject { object, headers: &signed });
                self.signed(prepared, &operation, &headers, invocation)?.of_size(new.size)
            }
            Step::Form(new) => self.signed_form(prepared, new, invocation)?,
            Step::Create(new) => {
                let headers = Headers::of_create(new, rules);
                let signed = headers.borrowed();
                let operation =
                    Operation::CreateMultipartUpload(NewObject { object, headers: &signed });
                let signed = self.signed(prepared, &operation, &headers, invocation)?;
                SignedUpload {
                    parts: new.size.map(Parts::of),
                    unfinished_until: prepared.unfinished_until,
                    ..signed.of_size(new.size)
                }
            }
            Step::Complete { upload_id, size, .. } => {
                let headers = Headers::of_complete(*size, rules);
                let signed = headers.borrowed();
                let step = StepOfUpload { object, upload_id, headers: &signed };
                let operation = Operation::CompleteMultipartUpload(step);
                self.signed(prepared, &operation, &headers, invocation)?.of_size(Some(*size))
            }
            Step::List { upload_id, after, .. } => {
                let step = StepOfUpload { object, upload_id, headers: &[] };
                let after = after.map(|number| number.to_string());
                let operation = Operation::ListParts(step, after.as_deref());
                self.signed(prepared, &operation, &Headers::default(), invocation)?
            }
            Step::Abort { upload_id, .. } => {
                let step = StepOfUpload { object, upload_id, headers: &[] };
                let operation = Operation::AbortMultipartUpload(step);
                self.signed(prepared, &operation, &Headers::default(), invocation)?
            }
        };
        Ok(vec![signed])
    }

    fn sign_part(
        &self,
        prepared: &Prepared<'_>,
        upload_id: &str,
        parts: Parts,
        number: u64,
        invocation: &Invocation,
    ) -> Result<SignedUpload, UploadError> {
        let Some(length) = parts.length(number) else {
            return Err(UploadError::Field(format!(
                "partNumber: {number}; a file of {} bytes has {} parts of {} bytes, counted from 1",
                parts.size, parts.count, parts.part_size
            )));
        };
        invocation.check_time().map_err(LinkError::from)?;
        let headers = Headers::of_part(length);
        let signed = headers.borrowed();
        let (object, text) = (prepared.object(), number.to_string());
        let step = StepOfUpload { object, upload_id, headers: &signed };
        let signed =
            self.signed(prepared, &Operation::UploadPart(step, &text), &headers, invocation)?;
        Ok(SignedUpload { part_number: Some(number), ..signed.of_size(Some(length)) })
    }

    /// Signs a URL.
    fn signed(
        &self,
        prepared: &Prepared<'_>,
        operation: &Operation<'_>,
        headers: &Headers,
        invocation: &Invocation,
    ) -> Result<SignedUpload, UploadError> {
        let (window, bucket_policy) = self.window(
            prepared,
            prepared.request.window,
            headers::question(operation),
            invocation,
        )?;
        let link_id = uuid::Uuid::new_v4().to_string();
        let credentials = &prepared.session.credentials;
        let url = self
            .links
            .signer
            .sign(credentials, operation, &link_id, &window)
            .map_err(LinkError::from)?;
        check_signer(&url, &prepared.session)?;
        let to_send = ToSend {
            method: operation.method(),
            operation: operation.name(),
            url,
            headers: headers.for_the_caller(),
            fields: None,
        };
        Ok(prepared.given(to_send, window, bucket_policy, link_id))
    }

    fn signed_form(
        &self,
        prepared: &Prepared<'_>,
        new: &NewUpload,
        invocation: &Invocation,
    ) -> Result<SignedUpload, UploadError> {
        let headers = Headers::of_form(new, prepared.rules);
        let RequestedWindow { expires_in, min_expires_in } = prepared.request.window;
        let min_expires_in = min_expires_in.max(MIN_FORM_EXPIRES_IN);
        let requested = RequestedWindow { expires_in, min_expires_in };
        let borrowed = headers.borrowed();
        let question = headers::question_of_form(&borrowed);
        let (window, bucket_policy) = self.window(prepared, requested, question, invocation)?;
        let length = match new.size {
            Some(size) => size..=size,
            None => 0..=prepared.rules.max_size.min(MAX_PUT_BYTES),
        };
        let fields = headers.fields();
        let form = Form { object: prepared.object(), fields: &fields, length: &length };
        let signed = self.links.signer.sign_form(&prepared.session.credentials, &form, &window);
        let signed = signed.map_err(LinkError::from)?;
        let link_id = uuid::Uuid::new_v4().to_string();
        let to_send = ToSend {
            method: "POST",
            operation: "PostObject",
            url: signed.url,
            headers: Vec::new(),
            fields: Some(signed.fields),
        };
        Ok(prepared.given(to_send, window, bucket_policy, link_id).of_size(new.size))
    }

    /// The window of a signature, and whether it keeps to the bucket's policy.
    fn window(
        &self,
        prepared: &Prepared<'_>,
        requested: RequestedWindow,
        question: S3Request<'_>,
        invocation: &Invocation,
    ) -> Result<(Window, PolicyReading), UploadError> {
        let Prepared { grant, session, policy, signer, .. } = prepared;
        let now = invocation.now();
        let planned = PolicyContext {
            object: prepared.object(),
            request: question,
            session,
            signer: signer.as_deref(),
        };
        let (bucket_policy, bounds) = self.links.policies.bounds(policy.as_ref(), &planned, now)?;
        let window = window::window(now, requested, grant.max_expires_in, session.end, bounds)
            .map_err(|too_short| LinkError::WindowTooShort {
                too_short,
                min_expires_in: requested.min_expires_in,
                session_expires_at: session.expires_at(),
            })?;
        Ok((window, bucket_policy))
    }
}

impl Prepared<'_> {
    /// The object that the upload makes.
    fn object(&self) -> ObjectRef<'_> {
        ObjectRef {
            bucket: &self.grant.bucket,
            region: &self.region,
            key: &self.key,
            version_id: None,
        }
    }

    /// What is given of a request that is signed. It has no body and no parts.
    fn given(
        &self,
        to_send: ToSend,
        window: Window,
        bucket_policy: PolicyReading,
        link_id: String,
    ) -> SignedUpload {
        let ToSend { method, operation, url, headers, fields } = to_send;
        SignedUpload {
            method,
            operation,
            url,
            headers,
            fields,
            size: None,
            parts: None,
            unfinished_until: None,
            part_number: None,
            link_id,
            bucket: self.grant.bucket.clone(),
            key: self.key.clone(),
            window,
            requested_expires_in: self.request.window.expires_in,
            evidence: self.session.evidence,
            session_expires_at: self.session.expires_at(),
            bucket_policy,
        }
    }
}

/// Whether any grant lets somebody upload.
pub(crate) fn are_granted(grants: &Grants) -> bool {
    grants.iter().any(|grant| grant.uploads.is_some())
}
