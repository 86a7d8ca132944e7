//! `GET /download`: a redirect to a link, for browsers.

use super::{Problem, Request, Response, link_request};
use crate::links::{Links, log_signed};
use crate::telemetry::Invocation;

/// Answers with a redirect to the link.
pub(super) async fn get(
    links: &Links,
    request: &Request,
    invocation: &mut Invocation<'_>,
) -> Result<Response, Problem> {
    let link_request = link_request::from_query(&request.query)?;
    let link = links.make(&request.principal, &link_request, invocation.time()).await?;
    let response = Response::see_other(&link.url)?;
    log_signed(invocation, &request.principal, &link);
    Ok(response)
}
