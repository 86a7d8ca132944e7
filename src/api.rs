//! The HTTP API, apart from how a gateway packs it: routes in, status, headers and JSON out.
//!
//! No event shape of AWS's is known here; `doors` translates those.

pub mod batch;
pub mod body;
pub mod link_json;
pub mod request;
pub mod session;

use self::body::Body;
use crate::links::Links;
use crate::principal::Principal;
use crate::problem::Problem;
use crate::telemetry::Invocation;

/// The largest answer Lambda returns, in bytes, of which [`ENVELOPE_BYTES`] go to what is packed
/// around the body.
///
/// Source: AWS Lambda guide, "Lambda quotas": invocation payload, 6 MB for a synchronous response.
pub const MAX_ANSWER_BYTES: usize = 6 * 1_024 * 1_024;

/// What status, headers and punctuation around the body may take, in bytes.
pub const ENVELOPE_BYTES: usize = 1_024;

/// A request, unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// Which route the path means.
    pub route: Route,
    /// Decoded query parameters, in order, repeated ones included.
    pub query: Vec<(String, String)>,
    /// The decoded body.
    pub body: Vec<u8>,
    /// Whom the gateway authenticated.
    pub principal: Principal,
}

/// The paths there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `POST /links`: one link.
    Links,
    /// `POST /links/batch`: up to a thousand.
    Batch,
    /// `GET /download`: a redirect to the link, for browsers.
    Download,
    /// `GET /session`: who signs, and what could be promised now.
    Session,
}

impl Route {
    /// The route at `path`, if there is one.
    #[must_use]
    pub fn at(path: &str) -> Option<Self> {
        match path {
            "/links" => Some(Self::Links),
            "/links/batch" => Some(Self::Batch),
            "/download" => Some(Self::Download),
            "/session" => Some(Self::Session),
            _ => None,
        }
    }

    fn method(self) -> &'static str {
        match self {
            Self::Links | Self::Batch => "POST",
            Self::Download | Self::Session => "GET",
        }
    }
}

/// An answer, not yet packed. Not `Debug`: its body and its headers hold links.
#[derive(Clone)]
pub struct ApiAnswer {
    /// HTTP status.
    pub status: u16,
    /// Header names and values. Every answer also says `Cache-Control: no-store`.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for a redirect.
    pub body: Body,
}

impl ApiAnswer {
    fn json(body: Body) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status: 200, headers, body }
    }
}

impl From<&Problem> for ApiAnswer {
    fn from(problem: &Problem) -> Self {
        let mut headers = vec![("content-type", "application/problem+json".to_owned())];
        if let Problem::MethodNotAllowed { allow } = problem {
            headers.push(("allow", (*allow).to_owned()));
        }
        Self { status: problem.status(), headers, body: Body::json(problem) }
    }
}

/// Answers `request`.
pub async fn answer(
    links: &Links,
    request: &ApiRequest,
    invocation: &mut Invocation<'_>,
) -> ApiAnswer {
    let answer = if request.method == request.route.method() {
        match request.route {
            Route::Links => one(links, request, invocation).await,
            Route::Batch => batch::answer(links, request, invocation).await,
            Route::Download => download(links, request, invocation).await,
            Route::Session => session::answer(links, request).await,
        }
    } else {
        Err(Problem::MethodNotAllowed { allow: request.route.method() })
    };
    answer.unwrap_or_else(|problem| {
        invocation.refused(&request.principal, &problem);
        ApiAnswer::from(&problem)
    })
}

async fn one(
    links: &Links,
    request: &ApiRequest,
    invocation: &mut Invocation<'_>,
) -> Result<ApiAnswer, Problem> {
    let wanted = request::from_json(&request.body)?;
    let link = links.make(&request.principal, &wanted).await?;
    invocation.signed(&request.principal, &link);
    let mut json = Vec::with_capacity(link.url.len() + ENVELOPE_BYTES);
    link_json::write(&link, &mut json);
    Ok(ApiAnswer::json(Body::of(&json)))
}

async fn download(
    links: &Links,
    request: &ApiRequest,
    invocation: &mut Invocation<'_>,
) -> Result<ApiAnswer, Problem> {
    let wanted = request::from_query(&request.query)?;
    let link = links.make(&request.principal, &wanted).await?;
    invocation.signed(&request.principal, &link);
    // 303: whatever the browser did to get here, it shall GET the file.
    Ok(ApiAnswer { status: 303, headers: vec![("location", link.url)], body: Body::default() })
}
