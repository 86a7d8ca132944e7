//! `GET /session`: who signs, how long the session is known to last, what could be promised now,
//! and what to fix. The answer holds no secret, and of the access key only the last four
//! characters.

use jiff::Timestamp;
use link_rules::access::Principal;
use link_rules::window::{self, Bounds, LimitedBy, RequestedWindow, SIGNATURE_MAX_EXPIRES_IN};
use serde::Serialize;

use super::response::json;
use super::{Problem, Response};
use crate::invocation::Invocation;
use crate::links::{LinkError, Links};
use crate::sessions::Evidence;

#[derive(Serialize)]
struct SessionResponse<'a> {
    signer: SignerResponse<'a>,
    session: Option<EvidenceResponse>,
    proven: bool,
    attestation_asked_at: Option<Timestamp>,
    available: Option<Available>,
    findings: Vec<String>,
}

#[derive(Serialize)]
struct SignerResponse<'a> {
    arn: Option<String>,
    credentials: &'static str,
    access_key_id_ends_with: &'a str,
}

#[derive(Serialize)]
struct EvidenceResponse {
    evidence: Evidence,
    expires_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Available {
    expires_in: u64,
    expires_at: Timestamp,
    limited_by: LimitedBy,
}

/// Answers callers that a gateway authenticated and that some grant admits. Others learn nothing
/// about the session.
pub(super) async fn get(links: &Links, invocation: &Invocation) -> Result<Response, Problem> {
    match &invocation.caller().principal {
        Principal::Anonymous => return Err(Problem::SessionNeedsSignIn),
        principal if !invocation.grants().admit(principal) => {
            return Err(LinkError::not_granted(principal).into());
        }
        Principal::Iam(_) | Principal::Authorized { .. } | Principal::S3Event => {}
    }
    Ok(invocation.in_time(report(links, invocation)).await??)
}

async fn report(links: &Links, invocation: &Invocation) -> Result<Response, LinkError> {
    let selection = links
        .sessions
        .select(SIGNATURE_MAX_EXPIRES_IN, invocation)
        .await
        .map_err(|error| LinkError::Upstream(error.to_string()))?;
    let session = selection.session.as_ref();
    let credentials = session.map_or(&selection.credentials, |session| &session.credentials);

    let mut findings = Vec::new();
    match session {
        None => findings.push(selection.why_unproven(links.sessions.can_mint())),
        Some(session) => {
            findings.extend(selection.unproven.as_ref().map(ToString::to_string));
            findings.extend(selection.not_minted.as_ref().map(ToString::to_string));
            if !session.evidence.is_proof() {
                findings.push(
                    "The session's end is only assumed (ASSUMED_SESSION_SECONDS). Links may stop \
                     working before the promised time. Don't use this in production."
                        .to_owned(),
                );
            }
            if session.evidence == Evidence::Unlimited {
                findings.push(
                    "Links are signed with a long-term key. No session ends them, and a leaked key \
                     opens everything. Use a role instead."
                        .to_owned(),
                );
            }
        }
    }
    let arn = match links.sessions.caller_identity(credentials, invocation).await {
        Ok(identity) => Some(identity.arn.clone()),
        Err(error) => {
            findings.push(format!("STS could not be asked who signs: {error}."));
            None
        }
    };
    let longest = RequestedWindow { expires_in: SIGNATURE_MAX_EXPIRES_IN, min_expires_in: 1 };
    let window = session.and_then(|session| {
        // The clock is read again, because minting a session takes time.
        let bounds = Bounds::default();
        window::window(invocation.now(), longest, SIGNATURE_MAX_EXPIRES_IN, session.end, bounds)
            .ok()
    });
    let key = credentials.access_key_id();
    let response = SessionResponse {
        signer: SignerResponse {
            arn,
            credentials: match credentials.session_token() {
                Some(_) => "session",
                None => "long-term key",
            },
            access_key_id_ends_with: key.get(key.len().saturating_sub(4)..).unwrap_or_default(),
        },
        session: session.map(|session| EvidenceResponse {
            evidence: session.evidence,
            expires_at: session.expires_at(),
        }),
        proven: session.is_some_and(|session| session.evidence.is_proof()),
        attestation_asked_at: selection.attestation_asked_at.map(window::floor_to_second),
        available: window.map(|window| Available {
            expires_in: window.expires_in,
            expires_at: window.expires_at,
            limited_by: window.limited_by,
        }),
        findings,
    };
    Ok(Response::json(json(&response)))
}
