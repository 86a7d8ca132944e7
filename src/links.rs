//! From a request to a link: grant, region, session, window, signature, check.
//!
//! The order is the point. Whether a caller may have a link is decided before anything is asked
//! of S3 or STS, and the clock is read when the link is signed, not when the request came in.

use std::sync::Arc;

use aws_credential_types::Credentials;
use jiff::Timestamp;
use memchr::memmem;

use crate::check::{self, CheckError};
use crate::grant::{Grant, Grants};
use crate::link::{Link, LinkRequest, why_not_linkable};
use crate::outbound::Outbound;
use crate::principal::Principal;
use crate::problem::Problem;
use crate::regions::Regions;
use crate::session::Session;
use crate::session::sessions::{Found, Sessions};
use crate::signer::Target;
use crate::window;

/// Reads the time. A value, so that tests say what time it is.
pub type Clock = fn() -> Timestamp;

/// Everything it takes to make links.
#[derive(Debug)]
pub struct Links {
    /// Who may have what.
    pub grants: Grants,
    /// What can sign.
    pub sessions: Sessions,
    /// Where buckets are.
    pub regions: Regions,
    /// What the one-byte check asks through.
    pub outbound: Arc<Outbound>,
    /// What time it is.
    pub clock: Clock,
}

impl Links {
    /// A link for `principal`, checked if that was asked for, or why there is none.
    ///
    /// # Errors
    ///
    /// The [`Problem`] to answer with.
    pub async fn make(
        &self,
        principal: &Principal,
        request: &LinkRequest,
    ) -> Result<Link, Problem> {
        let link = self.sign(principal, request).await?;
        if request.check {
            self.check(&link).await?;
        }
        Ok(link)
    }

    /// A link for `principal`, not checked even if that was asked for.
    ///
    /// # Errors
    ///
    /// The [`Problem`] to answer with.
    pub async fn sign(
        &self,
        principal: &Principal,
        request: &LinkRequest,
    ) -> Result<Link, Problem> {
        let (bucket, grant) = self.granted(principal, request)?;
        if let Some(reason) = why_not_linkable(&request.key) {
            return Err(Problem::KeyNotLinkable(reason.to_owned()));
        }
        let wanted = request.asked.wanted(grant.max_expires_in);
        let (session, credentials) = self.session(wanted).await?;
        let learnt;
        let region = if let Some(region) = &grant.region {
            region
        } else {
            learnt = self
                .regions
                .region_of(bucket, &credentials)
                .await
                .map_err(|error| Problem::Upstream(error.to_string()))?;
            &learnt
        };
        self.sign_with(&session, request, bucket, region, grant.max_expires_in)
    }

    /// Opens `link` once.
    async fn check(&self, link: &Link) -> Result<(), Problem> {
        check::check(&self.outbound, &link.url).await.map_err(|error| match error {
            CheckError::Unavailable(reason) => Problem::ObjectUnavailable(reason),
            unreachable @ CheckError::Unreachable(_) => Problem::Upstream(unreachable.to_string()),
        })
    }

    /// The bucket meant and the grant that covers the request.
    fn granted<'a>(
        &'a self,
        principal: &Principal,
        request: &'a LinkRequest,
    ) -> Result<(&'a str, &'a Grant), Problem> {
        let bucket = request.bucket.as_deref().or_else(|| self.grants.only_bucket());
        if let Some(bucket) = bucket {
            if let Some(grant) = self.grants.find(principal, bucket, &request.key) {
                return Ok((bucket, grant));
            }
        } else if self.grants.admit(principal) {
            return Err(Problem::InvalidRequest(
                "bucket: the grants name several buckets, so say which one is meant".to_owned(),
            ));
        }
        Err(match principal {
            Principal::Anonymous => Problem::Unauthenticated,
            Principal::Authenticated(_) | Principal::S3Event => Problem::NotGranted,
        })
    }

    /// The session that keeps a link of `wanted` seconds the longest, and the execution role's
    /// credentials, which ask S3 for regions.
    async fn session(&self, wanted: u64) -> Result<(Arc<Session>, Credentials), Problem> {
        let found = self
            .sessions
            .find(wanted, (self.clock)())
            .await
            .map_err(|error| Problem::Upstream(error.to_string()))?;
        match found.best {
            Some(session) => Ok((session, found.credentials)),
            None => Err(Problem::SessionUnproven(why_unproven(&found, self.sessions.can_mint()))),
        }
    }

    fn sign_with(
        &self,
        session: &Session,
        request: &LinkRequest,
        bucket: &str,
        region: &str,
        max_expires_in: u64,
    ) -> Result<Link, Problem> {
        let window = window::window((self.clock)(), request.asked, max_expires_in, session.end)
            .map_err(|short| Problem::WindowTooShort {
                short,
                min_expires_in: request.asked.min_expires_in,
                session_expires_at: session.expires_at(),
            })?;
        let link_id = uuid::Uuid::new_v4().to_string();
        let target = Target {
            bucket,
            region,
            key: &request.key,
            version_id: request.version_id.as_deref(),
            response_headers: &request.response_headers,
            link_id: &link_id,
        };
        let url = session
            .signer
            .sign(&target, &window)
            .map_err(|error| Problem::Upstream(error.to_string()))?;
        if !names_key(&url, session.credentials.access_key_id()) {
            return Err(Problem::Upstream(
                "the link was not signed with the credentials that were examined".to_owned(),
            ));
        }
        Ok(Link {
            url,
            bucket: bucket.to_owned(),
            key: request.key.clone(),
            window,
            requested_expires_in: request.asked.expires_in,
            evidence: session.evidence,
            session_expires_at: session.expires_at(),
            link_id,
        })
    }
}

/// Whether the URL's `X-Amz-Credential` is this key. The proof is about these credentials and no
/// others, so this is looked at, not taken for granted.
fn names_key(url: &str, access_key_id: &str) -> bool {
    const CREDENTIAL: &[u8] = b"&X-Amz-Credential=";
    let url = url.as_bytes();
    memmem::find(url, CREDENTIAL)
        .and_then(|index| url[index + CREDENTIAL.len()..].strip_prefix(access_key_id.as_bytes()))
        .is_some_and(|rest| rest.starts_with(b"%2F"))
}

/// What stands in the way of a proof, and the ways out.
#[must_use]
pub fn why_unproven(found: &Found, can_mint: bool) -> String {
    let reasons = [
        found.unproven.as_ref().map(|reason| format!("{reason}.")),
        found.not_minted.as_ref().map(|reason| format!("{reason}.")),
    ];
    let reasons = reasons.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let minting = if can_mint {
        "let the role in SIGNING_ROLE_ARN be assumed"
    } else {
        "set SIGNING_ROLE_ARN to a role this function may assume (its own, if its trust policy \
         names it)"
    };
    format!(
        "Nothing proves how long the signing session lasts, so no link is promised. {reasons} \
         Three ways out: (1) `aws iam enable-outbound-web-identity-federation` and the permission \
         sts:GetWebIdentityToken; (2) {minting}; (3) on a laptop only, ASSUMED_SESSION_SECONDS, \
         which makes every answer say \"proven\": false."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_key_only_as_the_whole_key_id_of_its_credential() {
        let url = "https://b.s3.amazonaws.com/k?x-id=GetObject&X-Amz-Credential=ASIA12%2F20261123";
        assert!(names_key(url, "ASIA12"));
        for other in ["ASIA1", "ASIA123", "SIA12", "AKIA12", "ASIA12%2F20261123"] {
            assert!(!names_key(url, other), "{other}");
        }
        assert!(!names_key("https://b.s3.amazonaws.com/ASIA12%2F", "ASIA12"));
    }
}
