//! What goes back to the caller: status, headers, cookies and a body of text.
//!
//! `events` packs a response into the shape that the caller's gateway wants.

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;

use super::Problem;
use crate::links::LinkError;

/// The largest response that Lambda returns, in bytes.
///
/// Source: AWS Lambda guide, "Lambda quotas": invocation payload, 6 MB for a synchronous response.
pub(crate) const MAX_RESPONSE_BYTES: usize = 6 * 1_024 * 1_024;

/// The bytes that status, headers and punctuation take beside the body.
pub(crate) const ENVELOPE_BYTES: usize = 1_024;

/// An HTTP response. Not `Debug`: body and headers may hold links.
#[derive(Clone)]
pub(crate) struct Response {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The headers. Every response has `Cache-Control: no-store`: a link is for whoever asked, and
    /// the cause of a problem may be gone the next moment.
    pub(crate) headers: HeaderMap,
    /// Values of `Set-Cookie`.
    pub(crate) cookies: Vec<String>,
    /// The body: any text. Empty for a redirect.
    pub(crate) body: String,
}

impl Response {
    /// A response with `status` and nothing else.
    fn new(status: u16) -> Self {
        let headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("no-store"))]);
        Self { status, headers, cookies: Vec::new(), body: String::new() }
    }

    fn text(status: u16, content_type: &'static str, body: String) -> Self {
        let mut response = Self::new(status);
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.body = body;
        response
    }

    /// JSON. A new line at its end keeps a terminal's prompt off it.
    fn of_json(status: u16, content_type: &'static str, mut body: String) -> Self {
        body.push('\n');
        Self::text(status, content_type, body)
    }

    /// 200 with `body`, which is JSON.
    pub(super) fn json(body: String) -> Self {
        Self::of_json(200, "application/json", body)
    }

    /// A page of HTML.
    pub(super) fn html(status: u16, body: String) -> Self {
        Self::text(status, "text/html; charset=utf-8", body)
    }

    /// 201 with `body`, which is JSON.
    pub(super) fn created(body: String) -> Self {
        Self::of_json(201, "application/json", body)
    }

    /// 204: it is done, and there is nothing to say.
    pub(super) fn no_content() -> Self {
        Self::new(204)
    }

    /// 303: whatever method the caller used, it shall GET `location`.
    ///
    /// # Errors
    ///
    /// [`LinkError::Internal`] when `location` can't be a header's value.
    pub(super) fn see_other(location: &str) -> Result<Self, Problem> {
        let mut location = HeaderValue::try_from(location).map_err(|_| {
            LinkError::Internal("the link can't be the value of a header".to_owned())
        })?;
        location.set_sensitive(true);
        let mut response = Self::new(303);
        response.headers.insert(LOCATION, location);
        Ok(response)
    }

    /// A problem as `application/problem+json`.
    pub(super) fn problem(problem: &Problem) -> Self {
        let mut response =
            Self::of_json(problem.status(), "application/problem+json", json(problem));
        if let Problem::MethodNotAllowed { allow } = problem
            && let Ok(allow) = HeaderValue::try_from(allow.join(", "))
        {
            response.headers.insert(ALLOW, allow);
        }
        response
    }
}

/// The JSON of a value of ours. Serializing one can't fail: none has a map with keys other than
/// strings, and none has a `Serialize` of its own that fails.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
