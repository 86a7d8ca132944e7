//! `POST /links`: one link.

use super::link_response::LinkResponse;
use super::response::json;
use super::{Problem, Request, Response, link_request};
use crate::invocation::Invocation;
use crate::links::{Links, log_signed};

/// Answers with one link.
pub(super) async fn post(
    links: &Links,
    request: &Request,
    invocation: &Invocation,
) -> Result<Response, Problem> {
    let link_request = link_request::from_json(&request.body)?;
    let principal = &invocation.caller().principal;
    let link = invocation.in_time(links.make(principal, &link_request, invocation)).await??;
    log_signed(invocation, principal, &link);
    Ok(Response::json(json(&LinkResponse::from(&link))))
}
