//! From a request to a link, step by step: grant, key, session, region, version, policy, window,
//! signature, check.
//!
//! The order matters. Whether a caller may have a link is decided before S3 or STS is asked
//! anything. The clock is read when the link is signed, not when the request came in.
//!
//! This room knows no HTTP and no event: `api` turns a [`LinkError`] into an answer, and `mail`
//! into another delivery of the event.

mod bucket_policies;
mod check;
mod error;
mod grants_source;
mod link;
mod log;
mod object_end;
mod object_facts;
mod version;

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use futures_util::future;
use jiff::Timestamp;
use memchr::memmem;
use tokio::time::timeout;

use self::bucket_policies::Unreadable;
pub(crate) use self::bucket_policies::{
    BucketPolicies, Planned, PolicyReading, PolicySetting, bucket_arn,
};
pub(crate) use self::check::{Answer, Denial, fetch_one_byte};
pub(crate) use self::error::LinkError;
pub use self::grants_source::GrantsObjectError;
pub(crate) use self::grants_source::{GrantsSetting, GrantsSource, ObjectLocation};
pub(crate) use self::link::{Link, LinkRequest};
pub(crate) use self::log::{log_refused, log_signed};
pub(crate) use self::object_end::ObjectEnd;
pub(crate) use self::object_facts::ObjectFacts;
pub(crate) use self::version::Versions;
use crate::aws::{AwsHttp, Regions};
use crate::clock::{Clock, InvocationTime};
use crate::presign::{GetObject, Operation, Signer};
use crate::sessions::{CallerIdentity, Selection, Session, Sessions};
use link_rules::access::{Grant, Grants, Needs, Principal};
use link_rules::object_key::ObjectKey;
use link_rules::policy::Policy;
use link_rules::window::{self, Bounds, DEFAULT_EXPIRES_IN};

/// How long the initialisation waits for buckets' policies. Lambda ends an initialisation after ten
/// seconds, and STS may take four of them.
const POLICIES_TIMEOUT: Duration = Duration::from_secs(3);

/// How many buckets' policies are read during initialisation.
const MAX_POLICIES: usize = 16;

/// What an invocation keeps back from waiting, so that its answer is out before Lambda ends it. An
/// answer with a thousand links takes a tenth of it at the template's memory size.
pub(crate) const TIME_TO_ANSWER: Duration = Duration::from_secs(1);

/// The outcome of `made`, if it comes in time for this invocation to answer.
///
/// # Errors
///
/// [`LinkError::OutOfTime`] if it does not, and whatever `made` gives.
pub(crate) async fn in_time<T>(
    time: InvocationTime,
    made: impl Future<Output = Result<T, LinkError>>,
) -> Result<T, LinkError> {
    let left = time.left().saturating_sub(TIME_TO_ANSWER);
    timeout(left, made).await.unwrap_or(Err(LinkError::OutOfTime))
}

/// Everything it takes to make links. Clones share what is known.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    /// Who may have links to what. They stay the same for a whole invocation.
    pub(crate) grants: Arc<Grants>,
    /// The sessions that can sign.
    pub(crate) sessions: Arc<Sessions>,
    /// The regions of buckets.
    pub(crate) regions: Arc<Regions>,
    /// Asks S3 which version of an object is the current one.
    pub(crate) versions: Arc<Versions>,
    /// Buckets' policies.
    pub(crate) policies: Arc<BucketPolicies>,
    /// Signs the URLs.
    pub(crate) signer: Arc<Signer>,
    /// The HTTP client of the one-byte check.
    pub(crate) http: AwsHttp,
    /// Reads the time.
    pub(crate) clock: Clock,
}

/// What the signature of a link needs.
struct Prepared<'a> {
    bucket: &'a str,
    grant: &'a Grant,
    key: ObjectKey<'a>,
    session: Arc<Session>,
    region: String,
    /// `None`: the operator wants no policy to be read.
    policy: Option<Result<Arc<Policy>, Unreadable>>,
    /// Whose credentials sign. `None` if it is not known, or if it does not matter.
    signer: Option<Arc<CallerIdentity>>,
}

impl Links {
    /// The same, with these grants.
    pub(crate) fn under(&self, grants: Arc<Grants>) -> Self {
        Self { grants, ..self.clone() }
    }

    /// Finds out before the first request what every request needs: how long the session lasts, and
    /// beside that the policies of the buckets that the grants name.
    ///
    /// Never fails: what can't be had now is asked for again by the request that needs it. It takes
    /// as long as the calls may, a few seconds at most.
    pub(crate) async fn initialise(&self, time: InvocationTime) {
        // Credentials in the environment are there at once. A provider is asked for others, and one
        // question is enough.
        let at_once = self.sessions.credentials_at_once();
        let evidence = self.sessions.select(DEFAULT_EXPIRES_IN, time);
        let (selection, ()) = future::join(evidence, self.read_policies(at_once, time)).await;
        let Ok(Selection { credentials, session, .. }) = selection else { return };
        if at_once.is_none() {
            self.read_policies(Some(&credentials), time).await;
        }
        if let Some(session) = session
            && self.policies.some_turn_on_the_signer().await
        {
            // The answer is kept.
            let _ = self.sessions.caller_identity(&session.credentials, time).await;
        }
    }

    /// Reads the policies of the buckets that the grants name, if there are credentials.
    async fn read_policies(&self, credentials: Option<&Credentials>, time: InvocationTime) {
        let Some(credentials) = credentials.filter(|_| self.policies.are_read()) else { return };
        let reads = self.grants.buckets().take(MAX_POLICIES).map(|grant| async {
            if let Ok(region) = self.region(grant, &grant.bucket, credentials, time).await {
                // The policy is kept.
                let _ = self.policies.read(&grant.bucket, &region, credentials, time).await;
            }
        });
        // What is not read by then is read by the request that needs it.
        let _ = timeout(POLICIES_TIMEOUT, future::join_all(reads)).await;
    }

    /// Makes a link for `principal`, and opens it if the request says so. Wrap it in [`in_time`].
    pub(crate) async fn make(
        &self,
        principal: &Principal,
        request: &LinkRequest,
        time: InvocationTime,
    ) -> Result<Link, LinkError> {
        let prepared = self.prepare(principal, request, time).await?;
        let link = self.sign_with(&prepared, request, None)?;
        if !request.check {
            return Ok(link);
        }
        let (link, _) = self.checked(&prepared, request, link, None).await?;
        Ok(link)
    }

    /// Makes a link for `principal`, and opens it once. Returns the object's size in bytes beside it,
    /// as far as S3 says. Wrap it in [`in_time`].
    pub(crate) async fn make_checked(
        &self,
        principal: &Principal,
        request: &LinkRequest,
        time: InvocationTime,
    ) -> Result<(Link, Option<u64>), LinkError> {
        let prepared = self.prepare(principal, request, time).await?;
        let object_end = if request.ends_with_the_object(principal, prepared.grant) {
            let Prepared { bucket, region, key, session, .. } = &prepared;
            let (key, credentials) = (key.as_str(), &session.credentials);
            self.versions.end_of_current(bucket, region, key, credentials, time).await?
        } else {
            None
        };
        let link = self.sign_with(&prepared, request, None)?;
        self.checked(&prepared, request, link, object_end).await
    }

    /// Opens `link`, and signs another one if S3 says that the object ends, or if it ends at
    /// `object_end`. Signing again costs nothing.
    async fn checked(
        &self,
        prepared: &Prepared<'_>,
        request: &LinkRequest,
        link: Link,
        object_end: Option<Timestamp>,
    ) -> Result<(Link, Option<u64>), LinkError> {
        let answer = check::open_once(&self.http, &link.url).await?;
        let end = answer.end.of(request.version_id.as_deref());
        let link = match [end, object_end].into_iter().flatten().min() {
            None => link,
            end => self.sign_with(prepared, request, end)?,
        };
        Ok((link, answer.size))
    }

    /// Makes a link for `principal` to an object that ends at `object_end`, and does not open it,
    /// even if the request says so.
    pub(crate) async fn sign(
        &self,
        principal: &Principal,
        request: &LinkRequest,
        object_end: Option<Timestamp>,
        time: InvocationTime,
    ) -> Result<Link, LinkError> {
        let prepared = self.prepare(principal, request, time).await?;
        self.sign_with(&prepared, request, object_end)
    }

    /// Gathers what the signature needs. Everything that waits is done here.
    async fn prepare<'a>(
        &'a self,
        principal: &Principal,
        request: &'a LinkRequest,
        time: InvocationTime,
    ) -> Result<Prepared<'a>, LinkError> {
        let (bucket, grant) = self.grant(principal, request)?;
        let key = ObjectKey::parse(&request.key)?;
        let wanted = request.window.capped(grant.max_expires_in);
        let (session, credentials) = self.session(wanted, time).await?;
        let region = self.region(grant, bucket, &credentials, time).await?;
        if let Some(version_id) = request.version_to_check(principal, grant) {
            self.versions
                .check_current(bucket, &region, key.as_str(), version_id, &credentials, time)
                .await?;
        }
        let policy = self.policies.of(bucket, &region, &credentials, time).await?;
        let signer = match &policy {
            // Who signs matters only to some policies.
            Some(Ok(policy)) if policy.turns_on_the_signer() => {
                self.sessions.caller_identity(&session.credentials, time).await.ok()
            }
            _ => None,
        };
        Ok(Prepared { bucket, grant, key, session, region, policy, signer })
    }

    /// The bucket that the request means, and the grant that covers the request.
    fn grant<'a>(
        &'a self,
        principal: &Principal,
        request: &'a LinkRequest,
    ) -> Result<(&'a str, &'a Grant), LinkError> {
        let bucket = request.bucket.as_deref().or_else(|| self.grants.only_bucket());
        if let Some(bucket) = bucket {
            let needs = Needs {
                old_versions: request.version_id.is_some(),
                trusted_content: request.response_headers.show_the_objects_own_type(),
            };
            let found =
                self.grants.find_for(needs, principal, request.action, bucket, &request.key);
            if let Some(grant) = found {
                if needs.trusted_content && !grant.trusted_content {
                    return Err(LinkError::InlineWithoutContentType);
                }
                return Ok((bucket, grant));
            }
        } else if self.grants.admit(principal) {
            return Err(LinkError::BucketNotNamed);
        }
        Err(match principal {
            Principal::Anonymous => LinkError::Unauthenticated,
            Principal::Iam(_) | Principal::Authorized { .. } | Principal::S3Event => {
                LinkError::NotGranted
            }
        })
    }

    /// The session that keeps a link of `wanted` seconds the longest, and the execution role's
    /// credentials, with which S3 is asked for regions.
    async fn session(
        &self,
        wanted: u64,
        time: InvocationTime,
    ) -> Result<(Arc<Session>, Credentials), LinkError> {
        let selection = self
            .sessions
            .select(wanted, time)
            .await
            .map_err(|error| LinkError::Upstream(error.to_string()))?;
        match selection.session {
            Some(session) => Ok((session, selection.credentials)),
            None => {
                Err(LinkError::SessionUnproven(selection.why_unproven(self.sessions.can_mint())))
            }
        }
    }

    /// The region of `bucket`: the grant's, or the one that S3 names.
    pub(crate) async fn region(
        &self,
        grant: &Grant,
        bucket: &str,
        credentials: &Credentials,
        time: InvocationTime,
    ) -> Result<String, LinkError> {
        match &grant.region {
            Some(region) => Ok(region.clone()),
            None => self
                .regions
                .region_of(bucket, credentials, time)
                .await
                .map_err(|error| LinkError::Upstream(error.to_string())),
        }
    }

    fn sign_with(
        &self,
        prepared: &Prepared<'_>,
        request: &LinkRequest,
        object_end: Option<Timestamp>,
    ) -> Result<Link, LinkError> {
        let Prepared { bucket, grant, key, session, region, policy, signer } = prepared;
        let max_expires_in = grant.max_expires_in;
        let now = (self.clock)();
        let (bucket_policy, bounds) = match policy {
            None => (PolicyReading::Ignored, Bounds::default()),
            Some(Err(_)) => (PolicyReading::Unreadable, Bounds::default()),
            Some(Ok(policy)) => {
                let planned = Planned {
                    bucket,
                    region,
                    key: key.as_str(),
                    version_id: request.version_id.as_deref(),
                    session,
                    signer: signer.as_deref(),
                };
                (PolicyReading::Heeded, self.policies.bounds(policy, &planned, now)?)
            }
        };
        let bounds = Bounds { object_instant: object_end, ..bounds };
        let window = window::window(now, request.window, max_expires_in, session.end, bounds)
            .map_err(|too_short| LinkError::WindowTooShort {
                too_short,
                min_expires_in: request.window.min_expires_in,
                session_expires_at: session.expires_at(),
            })?;
        let operation = Operation::GetObject(GetObject {
            key: key.as_str(),
            version_id: request.version_id.as_deref(),
            response_headers: &request.response_headers,
        });
        let link_id = uuid::Uuid::new_v4().to_string();
        let url = self.signer.sign(
            &session.credentials,
            bucket,
            region,
            &operation,
            &link_id,
            &window,
        )?;
        if !is_signed_with(&url, session.credentials.access_key_id()) {
            return Err(LinkError::Internal(
                "the link was not signed with the credentials that were examined".to_owned(),
            ));
        }
        Ok(Link {
            url,
            link_id,
            bucket: (*bucket).to_owned(),
            key: key.as_str().to_owned(),
            window,
            requested_expires_in: request.window.expires_in,
            evidence: session.evidence,
            session_expires_at: session.expires_at(),
            bucket_policy,
            bounds,
        })
    }
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
