//! `GET /session`: who signs, how long the session is known to last, what could be promised now,
//! and what to mend. It names no secret: of the access key only the last four characters.

use jiff::Timestamp;
use serde::Serialize;

use super::body::Body;
use super::{ApiAnswer, ApiRequest};
use crate::links::{Links, why_unproven};
use crate::principal::Principal;
use crate::problem::Problem;
use crate::session::Evidence;
use crate::window::{self, Asked, LimitedBy, SIGNATURE_MAX_EXPIRES_IN};

#[derive(Serialize)]
struct SessionAnswer<'a> {
    signer: SignerAnswer<'a>,
    session: Option<EvidenceAnswer>,
    proven: bool,
    available: Option<Available>,
    findings: Vec<String>,
}

#[derive(Serialize)]
struct SignerAnswer<'a> {
    arn: Option<String>,
    credentials: &'static str,
    access_key_id_ends_with: &'a str,
}

#[derive(Serialize)]
struct EvidenceAnswer {
    evidence: Evidence,
    expires_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Available {
    expires_in: u64,
    expires_at: Timestamp,
    limited_by: LimitedBy,
}

/// Answers for principals that any grant admits: what it tells is nobody else's business.
pub(super) async fn answer(links: &Links, request: &ApiRequest) -> Result<ApiAnswer, Problem> {
    match &request.principal {
        Principal::Anonymous => return Err(Problem::Unauthenticated),
        principal if !links.grants.admit(principal) => return Err(Problem::NotGranted),
        Principal::Authenticated(_) | Principal::S3Event => {}
    }
    let found = links
        .sessions
        .find(SIGNATURE_MAX_EXPIRES_IN, (links.clock)())
        .await
        .map_err(|error| Problem::Upstream(error.to_string()))?;
    let best = found.best.as_ref();
    let credentials = best.map_or(&found.credentials, |session| &session.credentials);

    let mut findings = Vec::new();
    match best {
        None => findings.push(why_unproven(&found, links.sessions.can_mint())),
        Some(session) => {
            findings.extend(found.unproven.as_ref().map(ToString::to_string));
            findings.extend(found.not_minted.as_ref().map(ToString::to_string));
            if !session.evidence.is_proof() {
                findings.push(
                    "The session's end is only assumed (ASSUMED_SESSION_SECONDS). Links may die \
                     before the promised time; don't do this in production."
                        .to_owned(),
                );
            }
            if session.evidence == Evidence::Unlimited {
                findings.push(
                    "Links are signed with a long-term key: no session ends them, and a leaked key \
                     opens everything. Use a role instead."
                        .to_owned(),
                );
            }
        }
    }
    let arn = match links.sessions.caller_arn(credentials).await {
        Ok(arn) => Some(arn),
        Err(error) => {
            findings.push(format!("Who signs could not be asked: {error}"));
            None
        }
    };
    let longest = Asked { expires_in: SIGNATURE_MAX_EXPIRES_IN, min_expires_in: 1 };
    let window = best.and_then(|session| {
        // The clock is read again: minting takes its time.
        window::window((links.clock)(), longest, SIGNATURE_MAX_EXPIRES_IN, session.end).ok()
    });
    let key = credentials.access_key_id();
    let answer = SessionAnswer {
        signer: SignerAnswer {
            arn,
            credentials: match credentials.session_token() {
                Some(_) => "session",
                None => "long-term key",
            },
            access_key_id_ends_with: key.get(key.len().saturating_sub(4)..).unwrap_or_default(),
        },
        session: best.map(|session| EvidenceAnswer {
            evidence: session.evidence,
            expires_at: session.expires_at(),
        }),
        proven: best.is_some_and(|session| session.evidence.is_proof()),
        available: window.map(|window| Available {
            expires_in: window.expires_in,
            expires_at: window.expires_at,
            limited_by: window.limited_by,
        }),
        findings,
    };
    Ok(ApiAnswer::json(Body::json(&answer)))
}
