//! The HTTP API: a request in, a response out. RFC 9457's problem+json is its language for errors.
//!
//! - [`router`] has the table of routes,
//! - one file per resource answers: [`links`], [`batch`], [`download`], [`session`],
//! - [`link_request`] reads what callers write, [`link_response`] writes what they read,
//! - [`response`] and [`problem`] are what goes out.
//!
//! This room knows no event of AWS's: `events` unpacks requests and packs responses. It decides
//! nothing about links: `links` does.

mod batch;
mod download;
mod link_request;
mod link_response;
mod links;
mod problem;
mod response;
mod router;
mod session;

pub(crate) use self::problem::Problem;
pub(crate) use self::response::Response;
use self::router::Endpoint;
use crate::access::Principal;
use crate::links::Links;
use crate::telemetry::{Counter, Invocation};

/// An HTTP request, whichever gateway it came through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// `GET`, `POST`, …
    pub(crate) method: String,
    /// The path as the caller sent it.
    pub(crate) path: String,
    /// What else the path can mean, such as the path without the name of a stage. The first that is
    /// a route counts, before `path`.
    pub(crate) readings: Vec<String>,
    /// Decoded query parameters in their order, repeated ones included.
    pub(crate) query: Vec<(String, String)>,
    /// The decoded body.
    pub(crate) body: Vec<u8>,
    /// Whom the gateway authenticated.
    pub(crate) principal: Principal,
}

/// Answers `request`, and logs what was given or refused.
pub(crate) async fn answer(
    links: &Links,
    request: &Request,
    invocation: &mut Invocation<'_>,
) -> Response {
    // No route has a parameter in its path yet.
    let answer = match router::find(request) {
        Ok((Endpoint::Links, _)) => links::post(links, request, invocation).await,
        Ok((Endpoint::Batch, _)) => batch::post(links, request, invocation).await,
        Ok((Endpoint::Download, _)) => download::get(links, request, invocation).await,
        Ok((Endpoint::Session, _)) => session::get(links, request, invocation.time()).await,
        Err(problem) => Err(problem),
    };
    answer.unwrap_or_else(|problem| refuse(&request.principal, &problem, invocation))
}

/// Answers with `problem`, and logs it.
pub(crate) fn refuse(
    principal: &Principal,
    problem: &Problem,
    invocation: &mut Invocation<'_>,
) -> Response {
    log_problem(invocation, principal, problem);
    Response::problem(problem)
}

/// Logs and counts a problem. Its detail is logged only where it does not repeat what the caller
/// wrote.
fn log_problem(invocation: &mut Invocation<'_>, principal: &Principal, problem: &Problem) {
    if let Problem::Link(error) = problem {
        crate::links::log_refused(invocation, principal, error);
    } else {
        invocation.count(Counter::LinksRefused);
        tracing::info!(
            request_id = invocation.request_id(),
            principal = principal.name(),
            code = problem.code(),
            "link refused"
        );
    }
}
