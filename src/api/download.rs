//! `GET /download`: a redirect to a link, for browsers.

use super::{Problem, Request, Response, link_request};
use crate::links::{Links, in_time, log_signed};
use crate::telemetry::Invocation;

/// Answers with a redirect to the link.
pub(super) async fn get(
    links: &Links,
    request: &Request,
    invocation: &mut Invocation<'_>,
) -> Result<Response, Problem> {
    let link_request = link_request::from_query(&request.query)?;
    let time = invocation.time();
    let link = in_time(time, links.make(&request.principal, &link_request, time)).await?;
    let response = Response::see_other(&link.url)?;
    log_signed(invocation, &request.principal, &link);
    Ok(response)
}
