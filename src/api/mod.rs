//! The HTTP API: a request in, a response out. RFC 9457's problem+json is its language for errors.
//!
//! - [`router`] has the table of routes,
//! - one file per resource answers: [`links`], [`batch`], [`download`], [`session`], [`shares`] for
//!   owners, [`share_address`] for whoever has an address, and [`uploads`],
//! - [`link_request`], [`share_request`] and [`upload_request`] read what callers write, [`link_response`] writes what
//!   they read, [`share_page`] is the page for people,
//! - [`response`] and [`problem`] are what goes out.
//!
//! This room knows no event of AWS's: `events` unpacks requests and packs responses. It decides
//! nothing about links: `links` does.

mod batch;
mod download;
#[cfg(test)]
mod every_problem;
mod link_request;
mod link_response;
mod links;
mod problem;
mod response;
mod router;
mod session;
mod share_address;
mod share_page;
mod share_request;
mod shares;
mod upload_request;
mod uploads;

use std::fmt;

use link_rules::problem::Subject;

pub(crate) use self::problem::Problem;
pub(crate) use self::response::Response;
pub(crate) use self::router::Features;
use self::router::Route;
use self::shares::Call;
use crate::invocation::Invocation;
use crate::links::{Links, log_refused};

/// An HTTP request, whichever gateway it came through.
#[derive(Clone, PartialEq, Eq)]
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
    /// The caller's program, and the address that it used.
    pub(crate) client: Client,
}

/// What a gateway says of the caller's program, and of the address that it used. Not `Debug`: it
/// holds cookies.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Client {
    /// The header `Accept`.
    pub(crate) accept: Option<String>,
    /// The header `Content-Type`.
    pub(crate) content_type: Option<String>,
    /// The cookies, each with its name, in their order.
    pub(crate) cookies: Vec<(String, String)>,
    /// How a browser says that the request came about.
    pub(crate) fetch: FetchMetadata,
    /// The domain of the gateway that was called, such as `api.example.com`.
    pub(crate) domain: Option<String>,
    /// The path as the caller sees it, with the name of a stage or a base path.
    pub(crate) public_path: Option<String>,
}

/// How a browser says that a request came about. Programs and old browsers say nothing.
///
/// Source: W3C, "Fetch Metadata Request Headers"; WICG, "User-Agent Client Hints".
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct FetchMetadata {
    /// `Sec-Fetch-Mode`: `navigate` for a page that a person sees.
    pub(crate) mode: Option<String>,
    /// `Sec-Fetch-Site`: whose page sent the request.
    pub(crate) site: Option<String>,
    /// `Sec-Fetch-User`: there where a person pressed something.
    pub(crate) user: Option<String>,
    /// `Sec-CH-UA`: only browsers of Chromium's family send it.
    pub(crate) brands: Option<String>,
}

impl FetchMetadata {
    /// Whether the browser says that nobody pressed the button of the page: the form is another site's,
    /// or a script sent it. Safari never sends `Sec-Fetch-User`, so only Chromium is asked for it.
    ///
    /// Source: mdn/browser-compat-data, issue 27928.
    fn is_no_person_s_press(&self) -> bool {
        let says = |header: &Option<String>, value: &str| header.as_deref() == Some(value);
        says(&self.mode, "navigate")
            && (says(&self.site, "cross-site") || (self.user.is_none() && self.brands.is_some()))
    }
}

/// Shows the method. The path may hold a token, and the body a passcode.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Request {
    /// The address of the API as the caller sees it, without a slash at its end: the domain, and the
    /// stage or base path that stands before `route`. `None` if the gateway does not say it.
    pub(crate) fn base_url(&self, route: &str) -> Option<String> {
        let Client { domain, public_path, .. } = &self.client;
        let before_route = public_path.as_deref()?.strip_suffix(route)?;
        Some(format!("https://{}{before_route}", domain.as_deref()?))
    }

    /// Whether the request is one to the address of a share, whatever its method.
    pub(crate) fn is_to_an_address(&self) -> bool {
        router::is_to_an_address(self)
    }

    /// The value of the first cookie of this name.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let mut cookies = self.client.cookies.iter();
        cookies.find(|(cookie, _)| cookie == name).map(|(_, value)| value.as_str())
    }

    /// Whether the caller would rather have JSON than a page. A browser always asks for HTML.
    pub(crate) fn wants_json(&self) -> bool {
        let accept = self.client.accept.as_deref().unwrap_or_default();
        let mut types =
            accept.split(',').map(|one| one.split(';').next().unwrap_or_default().trim());
        let is_json = |one: &str| one.eq_ignore_ascii_case("application/json");
        let is_html = |one: &str| one.eq_ignore_ascii_case("text/html");
        types.clone().any(is_json) && !types.any(is_html)
    }
}

/// Answers `request`, and logs what was given or refused.
///
/// `features` is what is switched on.
pub(crate) async fn answer(
    links: &Links,
    features: Features<'_>,
    request: &Request,
    invocation: &Invocation,
) -> Response {
    let route = router::find(request, features);
    let subject = match &route {
        Ok(Route::Shares(..)) => Subject::Share,
        Ok(Route::Uploads(..)) => Subject::Upload,
        _ => Subject::Link,
    };
    let answer = match route {
        Ok(Route::Links) => links::post(links, request, invocation).await,
        Ok(Route::Batch) => batch::post(links, request, invocation).await,
        Ok(Route::Download) => download::get(links, request, invocation).await,
        Ok(Route::Session) => session::get(links, invocation).await,
        // The futures are boxed, because they are large and other requests must not pay for them.
        Ok(Route::Shares(shares, route)) => {
            Box::pin(Call { shares, request, invocation }.answer(route)).await
        }
        Ok(Route::Uploads(uploads, route)) => {
            Box::pin(uploads::post(uploads, route, request, invocation)).await
        }
        Err(problem) => Err(problem),
    };
    answer.unwrap_or_else(|problem| {
        let problem = problem.for_caller(invocation.caller());
        let response = refuse_about(subject, &problem, invocation);
        if features.shares.is_some() && request.is_to_an_address() {
            return share_address::failed(request, &problem, response);
        }
        response
    })
}

/// Answers with `problem` a request that can't be read, and logs it.
pub(crate) fn refuse(problem: &Problem, invocation: &Invocation) -> Response {
    refuse_about(Subject::Link, problem, invocation)
}

/// Answers with `problem` a request about `subject`, and logs it.
fn refuse_about(subject: Subject, problem: &Problem, invocation: &Invocation) -> Response {
    log_problem(invocation, subject, problem);
    Response::problem(problem)
}

/// Logs and counts a problem.
fn log_problem(invocation: &Invocation, subject: Subject, problem: &Problem) {
    let principal = &invocation.caller().principal;
    log_refused(invocation, principal, subject, problem.kind(), || problem.for_the_log());
}
