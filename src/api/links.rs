//! `POST /links`: one link.

use super::link_response::LinkResponse;
use super::response::json;
use super::{Problem, Request, Response, link_request};
use crate::links::{Links, in_time, log_signed};
use crate::telemetry::Invocation;

/// Answers with one link.
pub(super) async fn post(
    links: &Links,
    request: &Request,
    invocation: &mut Invocation<'_>,
) -> Result<Response, Problem> {
    let link_request = link_request::from_json(&request.body)?;
    let time = invocation.time();
    let link = in_time(time, links.make(&request.principal, &link_request, time)).await?;
    log_signed(invocation, &request.principal, &link);
    Ok(Response::json(json(&LinkResponse::from(&link))))
}
