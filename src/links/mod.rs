//! From a request to a link, step by step: grant, key, session, region, version, policy, window,
//! signature; with a check also lifecycle, and the signature once more.
//!
//! The order matters. Whether a caller may have a link is decided before S3 or STS is asked
//! anything. The clock is read when the link is signed, not when the request came in.
//!
//! This room knows no HTTP and no event: `api` turns a [`LinkError`] into an answer, and `mail`
//! into another delivery of the event.

mod bucket_policies;
mod check;
mod error;
mod expiration;
mod grants_source;
mod lifecycle;
mod link;
mod log;
mod probe;
mod spelling;
mod storage_info;
mod tags;
mod version;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use futures_util::future;
use jiff::Timestamp;
use link_rules::access::{Action, Grant, Grants, Needs, Principal};
use link_rules::object::{ObjectKey, ObjectRef};
use link_rules::policy::S3Request;
use link_rules::window::{self, Bounds, DEFAULT_EXPIRES_IN};
use memchr::memmem;
use tokio::time::timeout;

pub(crate) use self::bucket_policies::{
    BucketPolicies, KnownPolicy, PolicyContext, PolicyReading, PolicySetting,
};
use self::error::KeyMistake;
pub(crate) use self::error::LinkError;
pub(crate) use self::expiration::Expiration;
pub use self::grants_source::GrantsObjectError;
pub(crate) use self::grants_source::{GrantsSetting, GrantsSource, ObjectLocation};
pub(crate) use self::lifecycle::{Lifecycle, rules as lifecycle_rules};
pub(crate) use self::link::{Link, LinkRequest, Method};
pub(crate) use self::log::{log_refused, log_refused_for_mail, log_signed, log_signed_for_mail};
pub(crate) use self::probe::{Denial, ProbeAnswer, StepAnswer, probe, probe_step};
pub(crate) use self::spelling::{Form, is_there, other_spelling};
pub(crate) use self::storage_info::StorageInfo;
pub(crate) use self::version::Versions;
use crate::aws::{Aws, Regions};
use crate::invocation::Invocation;
use crate::presign::{GetObject, Operation, Side, Signer};
use crate::sessions::{CallerIdentity, Selection, Session, Sessions};

/// How long the initialisation waits for buckets' policies. Lambda ends an initialisation after ten
/// seconds, and STS may take four of them.
const POLICIES_TIMEOUT: Duration = Duration::from_secs(3);

/// How many buckets' policies are read during initialisation.
const MAX_POLICIES: usize = 16;

/// Everything it takes to make links.
#[derive(Debug)]
pub(crate) struct Links {
    /// The sessions that can sign.
    pub(crate) sessions: Arc<Sessions>,
    /// The regions of buckets.
    pub(crate) regions: Regions,
    /// Asks S3 which version of an object is the current one.
    pub(crate) versions: Versions,
    /// Buckets' policies.
    pub(crate) policies: BucketPolicies,
    /// Buckets' lifecycle rules.
    pub(crate) lifecycle: Lifecycle,
    /// Signs the URLs.
    pub(crate) signer: Signer,
    /// Reaches AWS, for calls of other kinds and for the one-byte check.
    pub(crate) aws: Aws,
}

/// What the signature of a link needs.
pub(crate) struct Prepared<'a> {
    request: &'a LinkRequest,
    bucket: &'a str,
    grant: &'a Grant,
    session: Arc<Session>,
    /// The execution role's credentials, with which S3 is asked.
    credentials: Credentials,
    region: String,
    /// `None`: the operator wants no policy to be read.
    policy: Option<KnownPolicy>,
    /// Whose credentials sign. `None` if it is not known, or if it does not matter.
    signer: Option<Arc<CallerIdentity>>,
    /// When the object ends, or the version that is named stops being what the caller may have. `None`:
    /// nothing says so.
    object_end: Option<Timestamp>,
    /// The object's size in bytes, if a check said it.
    size: Option<u64>,
    /// Whether a link was opened that leads elsewhere than the caller's.
    is_checked_inside: bool,
    /// Whether the link opens the version that it names when that is not the current one.
    opens_when_old: bool,
    /// The id of the link, which stays the same when it is signed again.
    link_id: String,
}

impl Links {
    /// Finds out before the first request what every request needs: how long the session lasts, and
    /// beside that the policies of the buckets that the grants name.
    ///
    /// Never fails: what can't be had now is asked for again by the request that needs it. It takes
    /// as long as the calls may, a few seconds at most.
    pub(crate) async fn initialise(&self, invocation: &Invocation) {
        // Credentials in the environment are there at once. A provider is asked for others, and one
        // question is enough.
        let at_once = self.sessions.credentials_at_once();
        let evidence = self.sessions.select(DEFAULT_EXPIRES_IN, invocation);
        let (selection, ()) = future::join(evidence, self.read_policies(at_once, invocation)).await;
        let Ok(Selection { credentials, session, .. }) = selection else { return };
        if at_once.is_none() {
            self.read_policies(Some(&credentials), invocation).await;
        }
        if let Some(session) = session
            && self.policies.some_turn_on_the_signer()
        {
            // The answer is kept.
            let _ = self.sessions.caller_identity(&session.credentials, invocation).await;
        }
    }

    /// Reads the policies of the buckets that the grants name, if there are credentials.
    async fn read_policies(&self, credentials: Option<&Credentials>, invocation: &Invocation) {
        let Some(credentials) = credentials.filter(|_| self.policies.are_read()) else { return };
        let buckets = invocation.grants().buckets().take(MAX_POLICIES);
        let reads = buckets.map(|grant| self.read_policy(grant, credentials, invocation));
        // What is not read by then is read by the request that needs it.
        let _ = timeout(POLICIES_TIMEOUT, future::join_all(reads)).await;
    }

    /// Finds out where the grant's bucket is and what its policy says. Both are kept.
    async fn read_policy(&self, grant: &Grant, credentials: &Credentials, invocation: &Invocation) {
        if let Ok(region) = self.region(grant, credentials, invocation).await
            && self.policies.are_read()
        {
            self.policies.read_first(&grant.bucket, &region, credentials, invocation).await;
        }
    }

    /// Asks S3 about all buckets of a batch at the same time, so that a slow one delays no other. Does
    /// nothing for one bucket, and asks about no bucket that the caller may have nothing of.
    pub(crate) async fn prepare_buckets(&self, requests: &[&LinkRequest], invocation: &Invocation) {
        let named: HashSet<_> =
            requests.iter().filter_map(|request| request.bucket.as_deref()).collect();
        let grants = invocation.grants();
        let principal = &invocation.caller().principal;
        let is_admitted = |bucket: &str| {
            grants.iter().any(|grant| grant.bucket == bucket && grant.admits(principal))
        };
        let wanted = grants
            .buckets()
            .filter(|grant| named.contains(grant.bucket.as_str()) && is_admitted(&grant.bucket));
        let wanted: Vec<_> = wanted.collect();
        if wanted.len() < 2 {
            return;
        }
        // Whatever fails here fails again where a link is made, and is told there.
        if let Ok(credentials) = self.sessions.credentials(invocation).await {
            let reads = wanted.iter().map(|it| self.read_policy(it, &credentials, invocation));
            let _ = invocation.in_time(future::join_all(reads)).await;
        }
    }

    /// Makes a link for `principal`, and opens it if the request says so. Wrap it in
    /// [`Invocation::in_time`].
    pub(crate) async fn make(
        &self,
        principal: &Principal,
        request: &LinkRequest,
        invocation: &Invocation,
    ) -> Result<Link, LinkError> {
        let prepared = self.prepare(principal, request, invocation).await?;
        self.sign(&prepared, invocation)
    }

    /// Makes a link for `principal`, and opens it once. Returns the object's size in bytes beside it,
    /// as far as S3 says. Wrap it in [`Invocation::in_time`].
    pub(crate) async fn make_checked(
        &self,
        principal: &Principal,
        request: &LinkRequest,
        invocation: &Invocation,
    ) -> Result<(Link, Option<u64>), LinkError> {
        let prepared = self.gather(principal, request, invocation).await?;
        let checked = self.check(prepared, principal, invocation).await?;
        Ok((self.sign(&checked, invocation)?, checked.size))
    }

    /// Does everything for a link that waits, so that [`Links::sign`] need only sign: a check takes
    /// nothing from the window then, and neither do the checks of other links. Wrap it in
    /// [`Invocation::in_time`].
    pub(crate) async fn prepare<'a>(
        &self,
        principal: &Principal,
        request: &'a LinkRequest,
        invocation: &'a Invocation,
    ) -> Result<Prepared<'a>, LinkError> {
        let prepared = self.gather(principal, request, invocation).await?;
        if request.check { self.check(prepared, principal, invocation).await } else { Ok(prepared) }
    }

    /// Gathers what the signature needs.
    async fn gather<'a>(
        &self,
        principal: &Principal,
        request: &'a LinkRequest,
        invocation: &'a Invocation,
    ) -> Result<Prepared<'a>, LinkError> {
        let grant = grant(principal, request, invocation.grants())?;
        let bucket = grant.bucket.as_str();
        let key = ObjectKey::parse(&request.key)?.as_str();
        let wanted = request.window.capped(grant.max_expires_in);
        let (session, credentials) = self.session(wanted, invocation).await?;
        let region = self.region(grant, &credentials, invocation).await?;
        let version_id = request.version_id.as_deref();
        let object = ObjectRef { bucket, region: &region, key, version_id };
        let version_end = if let Some(version_id) = request.version_to_check(principal, grant) {
            let end = self.versions.check_current(object, version_id, &credentials, invocation);
            // A link opens the version for as long as it works. Each press of a share asks again.
            end.await?.filter(|_| request.action == Action::Share)
        } else if request.ends_with_the_object(principal, grant) {
            self.versions.end_of_current(object, &session.credentials, invocation).await?
        } else {
            None
        };
        let action = request.action;
        let policy = self.policies.of(action, bucket, &region, &credentials, invocation).await?;
        let signer = self.signer_for(policy.as_ref(), &session, invocation).await;
        Ok(Prepared {
            request,
            bucket,
            grant,
            session,
            credentials,
            region,
            policy,
            signer,
            object_end: version_end,
            size: None,
            is_checked_inside: false,
            opens_when_old: request.opens_when_old(principal, grant),
            link_id: uuid::Uuid::new_v4().to_string(),
        })
    }

    /// The session that keeps a link of `wanted` seconds the longest, and the execution role's
    /// credentials, with which S3 is asked for regions.
    async fn session(
        &self,
        wanted: u64,
        invocation: &Invocation,
    ) -> Result<(Arc<Session>, Credentials), LinkError> {
        let selection = self
            .sessions
            .select(wanted, invocation)
            .await
            .map_err(|error| LinkError::Upstream(error.to_string()))?;
        match selection.session {
            Some(session) => Ok((session, selection.credentials)),
            None => {
                Err(LinkError::SessionUnproven(selection.why_unproven(self.sessions.can_mint())))
            }
        }
    }

    /// Whose session signs, if that matters to the policy. `None` also if STS does not say it.
    pub(crate) async fn signer_for(
        &self,
        policy: Option<&KnownPolicy>,
        session: &Session,
        invocation: &Invocation,
    ) -> Option<Arc<CallerIdentity>> {
        // Who signs matters only to some policies.
        policy?.policy.as_ref().filter(|policy| policy.turns_on_the_signer())?;
        self.sessions.caller_identity(&session.credentials, invocation).await.ok()
    }

    /// The region of the grant's bucket: the one that the grant states, or the one that S3 names.
    pub(crate) async fn region(
        &self,
        grant: &Grant,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<String, LinkError> {
        match &grant.region {
            Some(region) => Ok(region.clone()),
            None => self
                .regions
                .region_of(&grant.bucket, credentials, invocation)
                .await
                .map_err(|error| LinkError::Upstream(error.to_string())),
        }
    }

    /// Signs a link of which everything is known. It waits for nothing, and whoever signs twice gets one
    /// link with two windows.
    pub(crate) fn sign(
        &self,
        prepared: &Prepared<'_>,
        invocation: &Invocation,
    ) -> Result<Link, LinkError> {
        self.sign_from(Side::Outside, prepared, invocation)
    }

    /// The same for a link that is opened from `side`.
    fn sign_from(
        &self,
        side: Side,
        prepared: &Prepared<'_>,
        invocation: &Invocation,
    ) -> Result<Link, LinkError> {
        let Prepared { request, grant, session, policy, signer, .. } = prepared;
        let object = prepared.object();
        let max_expires_in = grant.max_expires_in;
        let now = invocation.now();
        let request_to_s3 = S3Request::GetObject;
        let planned =
            PolicyContext { object, request: request_to_s3, session, signer: signer.as_deref() };
        let (bucket_policy, bounds) = self.policies.bounds(policy.as_ref(), &planned, now)?;
        let bounds = Bounds { object_instant: prepared.object_end, ..bounds };
        let window = window::window(now, request.window, max_expires_in, session.end, bounds)
            .map_err(|too_short| LinkError::WindowTooShort {
                too_short,
                min_expires_in: request.window.min_expires_in,
                session_expires_at: session.expires_at(),
            })?;
        let get = GetObject { object, response_headers: &request.response_headers };
        let operation = match request.method {
            Method::Get => Operation::GetObject(get),
            Method::Head => Operation::HeadObject(get),
        };
        let link_id = &prepared.link_id;
        let url =
            self.signer.sign_from(side, &session.credentials, &operation, link_id, &window)?;
        check_signer(&url, session)?;
        Ok(Link {
            url,
            link_id: prepared.link_id.clone(),
            method: request.method,
            is_checked_inside: prepared.is_checked_inside,
            bucket: object.bucket.to_owned(),
            region: object.region.to_owned(),
            key: object.key.to_owned(),
            window,
            requested_expires_in: request.window.expires_in,
            evidence: session.evidence,
            session_expires_at: session.expires_at(),
            bucket_policy,
            bounds,
        })
    }
}

impl Prepared<'_> {
    /// The object that the link is for.
    fn object(&self) -> ObjectRef<'_> {
        ObjectRef {
            bucket: self.bucket,
            region: &self.region,
            key: &self.request.key,
            version_id: self.request.version_id.as_deref(),
        }
    }
}

/// The grant that covers the request.
fn grant<'a>(
    principal: &Principal,
    request: &LinkRequest,
    grants: &'a Grants,
) -> Result<&'a Grant, LinkError> {
    let bucket = request.bucket.as_deref().or_else(|| grants.only_bucket(request.action));
    if let Some(bucket) = bucket {
        let needs = Needs {
            old_versions: request.version_id.is_some(),
            trusted_content: request.response_headers.show_the_objects_own_type(),
        };
        let found = grants.find_for(needs, principal, request.action, bucket, &request.key);
        if let Some(grant) = found {
            if needs.trusted_content && !grant.trusted_content {
                return Err(LinkError::InlineWithoutContentType);
            }
            return Ok(grant);
        }
    } else if grants.admit(principal) {
        return Err(LinkError::BucketNotNamed);
    }
    Err(match principal {
        Principal::Anonymous => LinkError::Unauthenticated,
        Principal::Iam(_) | Principal::Authorized { .. } | Principal::S3Event => {
            let is_granted = |key: &str| {
                bucket.is_some_and(|bucket| {
                    grants.find(principal, request.action, bucket, key).is_some()
                })
            };
            LinkError::not_granted_key(principal, KeyMistake::of(&request.key, is_granted))
        }
    })
}

/// Refuses a URL that another session signed than the one that was examined.
///
/// # Errors
///
/// [`LinkError::Internal`].
pub(crate) fn check_signer(url: &str, session: &Session) -> Result<(), LinkError> {
    if is_signed_with(url, session.credentials.access_key_id()) {
        return Ok(());
    }
    let problem = "the URL was not signed with the credentials that were examined";
    Err(LinkError::Internal(problem.to_owned()))
}

/// Whether the URL's `X-Amz-Credential` names this access key. The proof is about these credentials
/// and no others, so the URL itself is checked.
fn is_signed_with(url: &str, access_key_id: &str) -> bool {
    const CREDENTIAL: &[u8] = b"&X-Amz-Credential=";
    let url = url.as_bytes();
    memmem::find(url, CREDENTIAL)
        .and_then(|index| url[index + CREDENTIAL.len()..].strip_prefix(access_key_id.as_bytes()))
        .is_some_and(|rest| rest.starts_with(b"%2F"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_signed_with_a_key_only_if_it_names_the_whole_key_id() {
        let url = "https://b.s3.amazonaws.com/k?x-id=GetObject&X-Amz-Credential=ASIA12%2F20261123";
        assert!(is_signed_with(url, "ASIA12"));
        for other in ["ASIA1", "ASIA123", "SIA12", "AKIA12", "ASIA12%2F20261123"] {
            assert!(!is_signed_with(url, other), "{other}");
        }
        assert!(!is_signed_with("https://b.s3.amazonaws.com/ASIA12%2F", "ASIA12"));
    }
}
