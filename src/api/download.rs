//! `GET /download`: a redirect to a link, for browsers.

use super::{Problem, Request, Response, link_request};
use crate::invocation::Invocation;
use crate::links::{Links, log_signed};

/// Answers with a redirect to the link.
pub(super) async fn get(
    links: &Links,
    request: &Request,
    invocation: &Invocation,
) -> Result<Response, Problem> {
    let link_request = link_request::from_query(&request.query)?;
    let principal = &invocation.caller().principal;
    let link = invocation.in_time(links.make(principal, &link_request, invocation)).await??;
    let response = Response::see_other(&link.url)?;
    log_signed(invocation, principal, &link);
    Ok(response)
}
