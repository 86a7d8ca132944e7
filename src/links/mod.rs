//! From a request to a link, step by step: grant, key, session, region, version, window, signature,
//! check.
//!
//! The order matters. Whether a caller may have a link is decided before S3 or STS is asked
//! anything. The clock is read when the link is signed, not when the request came in.
//!
//! This room knows no HTTP and no event: `api` turns a [`LinkError`] into an answer, and `mail`
//! into another delivery of the event.

mod check;
mod error;
mod link;
mod log;
mod object_key;
mod version;

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use memchr::memmem;

pub(crate) use self::error::LinkError;
pub(crate) use self::link::{Link, LinkRequest};
pub(crate) use self::log::{log_refused, log_signed};
pub(crate) use self::object_key::{ObjectKey, ObjectKeyError};
pub(crate) use self::version::Versions;
use crate::access::{Action, Grant, Grants, Needs, Principal};
use crate::aws::{AwsHttp, Regions};
use crate::clock::{Clock, InvocationTime};
use crate::presign::{GetObject, Operation, Signer};
use crate::sessions::{Session, Sessions};
use crate::window::{self, Bounds};

/// What an invocation keeps back from waiting, so that its answer is out before Lambda ends it. An
/// answer with a thousand links takes a tenth of it at the template's memory size.
const TIME_TO_ANSWER: Duration = Duration::from_secs(1);

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
    tokio::time::timeout(left, made).await.unwrap_or(Err(LinkError::OutOfTime))
}

/// Everything it takes to make links.
#[derive(Debug)]
pub(crate) struct Links {
    /// Who may have links to what.
    pub(crate) grants: Grants,
    /// The sessions that can sign.
    pub(crate) sessions: Sessions,
    /// The regions of buckets.
    pub(crate) regions: Regions,
    /// Asks S3 which version of an object is the current one.
    pub(crate) versions: Versions,
    /// Signs the URLs.
    pub(crate) signer: Signer,
    /// The HTTP client of the one-byte check.
    pub(crate) http: AwsHttp,
    /// Reads the time.
    pub(crate) clock: Clock,
}

impl Links {
    /// Makes a link for `principal`, and opens it if the request says so. Wrap it in [`in_time`].
    pub(crate) async fn make(
        &self,
        principal: &Principal,
        request: &LinkRequest,
        time: InvocationTime,
    ) -> Result<Link, LinkError> {
        let link = self.sign(principal, request, time).await?;
        if request.check {
            check::open_once(&self.http, &link.url).await?;
        }
        Ok(link)
    }

    /// Makes a link for `principal` and does not open it, even if the request says so.
    pub(crate) async fn sign(
        &self,
        principal: &Principal,
        request: &LinkRequest,
        time: InvocationTime,
    ) -> Result<Link, LinkError> {
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
        self.sign_with(&session, request, bucket, &region, key, grant.max_expires_in)
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
            let found = self.grants.find_for(needs, principal, Action::Get, bucket, &request.key);
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
            Principal::Iam(_) | Principal::Authorized(_) | Principal::S3Event => {
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
        session: &Session,
        request: &LinkRequest,
        bucket: &str,
        region: &str,
        key: ObjectKey<'_>,
        max_expires_in: u64,
    ) -> Result<Link, LinkError> {
        let window = window::window(
            (self.clock)(),
            request.window,
            max_expires_in,
            session.end,
            Bounds::default(),
        )
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
            bucket: bucket.to_owned(),
            key: key.as_str().to_owned(),
            window,
            requested_expires_in: request.window.expires_in,
            evidence: session.evidence,
            session_expires_at: session.expires_at(),
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
