//! `/s/{token}`: what anyone gets who has a share's address. A page for people; for programs that ask
//! for JSON, its facts.
//!
//! No press in vain is logged or counted as a link that was refused: `shares` has log lines and
//! counters of its own, and none of them knows the token.

use http::HeaderValue;
use http::header::RETRY_AFTER;
use jiff::Timestamp;
use serde::Serialize;

use super::response::json;
use super::share_page::{self, Offer, Over, Refusal};
use super::share_request::Press;
use super::shares::Call;
use super::{Problem, Request, Response, share_request};
use crate::shares::{Browser, DownloadOutcome, Facts, ShareError, ShareState, Token};

/// The cookie that recognises a browser's presses. Its path is the share's own. The browser keeps it
/// until it is closed, because a page may be open for long before its button is pressed. The table
/// knows until when a press is not counted.
const COOKIE: &str = "press";

/// The facts of a share as JSON.
#[derive(Serialize)]
struct FactsResponse<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_downloads: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    downloads_left: Option<u64>,
    wants_passcode: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    locked_until: Option<Timestamp>,
}

impl Call<'_> {
    /// The page, or its facts. Changes nothing and counts nothing.
    pub(super) async fn show(self, token: &str) -> Result<Response, Problem> {
        self.page(token, None).await
    }

    /// The page, or its facts, after `refusal` of a press that nobody looked at.
    async fn page(self, token: &str, refusal: Option<Refusal>) -> Result<Response, Problem> {
        let Self { shares, request, invocation } = self;
        let browser = browser_of(request);
        let address = self.address(token);
        let shown = match Token::parse(token) {
            None => Err(ShareError::NoSuchShare),
            Some(token) => shares.show(&token, browser.as_ref(), invocation).await,
        };
        let now = invocation.now();
        let mut response = match &shown {
            Err(error) => refused(request, None, &address, error, now)?,
            Ok((facts, _)) if request.wants_json() => {
                Response::json(json(&FactsResponse::new(facts)))
            }
            Ok((facts, _)) => {
                // Nobody is asked for a passcode that would not be looked at. The page itself is
                // there, so its status is 200.
                let refusal = facts.lock.map(Refusal::Locked).or(refusal);
                Response {
                    status: 200,
                    ..share_page::offer(&offer(facts, &address), refusal, now)?
                }
            }
        };
        if shown.is_ok_and(|(_, is_over)| is_over || browser.is_none()) {
            // Presses that are repeated are recognised from the first one on.
            set_cookie(&mut response, &address, &Browser::random()?);
        }
        if request.method == "HEAD" {
            response.body.clear();
        }
        share_page::protect(&mut response);
        Ok(response)
    }

    /// A press of the button: a redirect to a link, or why there is none.
    pub(super) async fn press(self, token: &str) -> Result<Response, Problem> {
        let Self { shares, request, invocation } = self;
        let address = self.address(token);
        let given = browser_of(request);
        let DownloadOutcome { facts, outcome, browser } =
            match (Token::parse(token), share_request::press(request)) {
                (None, _) => DownloadOutcome::refused(ShareError::NoSuchShare),
                (Some(token), Err(error)) => DownloadOutcome::unreadable(&token, error, invocation),
                (Some(_), Ok(press)) if is_no_person_s(request, &press) => {
                    let refusal = Refusal::PressAgain { is_again: press.is_again };
                    return self.page(token, Some(refusal)).await;
                }
                (Some(token), Ok(press)) => {
                    let (passcode, given) = (press.passcode.as_deref(), given.as_ref());
                    shares.press(&token, passcode, given, invocation).await
                }
            };
        let mut response = match outcome {
            Ok(link) => Response::see_other(&link.url)?,
            Err(error) => refused(request, facts.as_ref(), &address, &error, invocation.now())?,
        };
        if let Some(browser) = browser {
            set_cookie(&mut response, &address, &browser);
        }
        share_page::protect(&mut response);
        Ok(response)
    }

    /// The address as the browser has it. `written` is what stands behind `/s/`.
    fn address(&self, written: &str) -> Address {
        let token = Token::part_of(written);
        let path = match self.shares.public_url() {
            // Another path than the function's may stand in the browser: that of a domain or a CDN.
            Some(url) => {
                let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
                let path = rest.split_once('/').map_or("", |(_, path)| path);
                let slash = if path.is_empty() { "" } else { "/" };
                Some(format!("{slash}{path}/s/{token}"))
            }
            None => self.request.client.public_path.as_deref().and_then(|path| {
                let (before, _) = path.split_once(&format!("/s/{token}"))?;
                Some(format!("{before}/s/{token}"))
            }),
        };
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b';';
        let is_path = |path: &String| {
            path.starts_with('/') && !path.starts_with("//") && path.bytes().all(is_plain)
        };
        Address { path: path.filter(is_path), is_clean: token == written }
    }
}

/// A share's address as the browser has it.
struct Address {
    /// Its path without what was pasted behind it. `None`: it is not known.
    path: Option<String>,
    /// Whether nothing was pasted behind it.
    is_clean: bool,
}

/// A problem about an address that is none of its share. `response` is what a program gets.
pub(super) fn failed(request: &Request, problem: &Problem, response: Response) -> Response {
    let mut response =
        if request.wants_json() { response } else { share_page::failed(problem.kind(), response) };
    if request.method == "HEAD" {
        response.body.clear();
    }
    share_page::protect(&mut response);
    response
}

/// A page or a problem that says why there is nothing.
fn refused(
    request: &Request,
    facts: Option<&Facts>,
    address: &Address,
    error: &ShareError,
    now: Timestamp,
) -> Result<Response, Problem> {
    if request.wants_json() {
        let mut response = Response::problem(&error.clone().into());
        if let Some(seconds) = error.retry_after(now) {
            response.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        return Ok(response);
    }
    let refusal = match *error {
        ShareError::NoSuchShare => return share_page::over(Over::NeverWas),
        ShareError::Over(ShareState::Ended) => return share_page::over(Over::Ended),
        ShareError::Over(ShareState::UsedUp) => return share_page::over(Over::UsedUp),
        ShareError::Over(ShareState::Withdrawn | ShareState::Active) => {
            return share_page::over(Over::Withdrawn);
        }
        ShareError::PasscodeWanted => Refusal::PasscodeWanted,
        ShareError::WrongPasscode { tries_left } => Refusal::WrongPasscode { tries_left },
        ShareError::Locked { lock, .. } => Refusal::Locked(lock),
        ShareError::Busy => Refusal::Busy { after: error.retry_after(now).unwrap_or(1) },
        ShareError::BeingScanned => {
            Refusal::BeingScanned { after: error.retry_after(now).unwrap_or(1) }
        }
        ShareError::Unavailable { .. } | ShareError::Table(_) => {
            Refusal::TryAgain { after: error.retry_after(now).unwrap_or(1) }
        }
        _ => {
            let response = Response::problem(&error.clone().into());
            return Ok(share_page::failed(error.kind(), response));
        }
    };
    match (facts, refusal) {
        (Some(facts), refusal) => share_page::offer(&offer(facts, address), Some(refusal), now),
        (None, Refusal::TryAgain { after }) => share_page::unavailable(after),
        (None, _) => share_page::over(Over::NeverWas),
    }
}

fn offer<'a>(facts: &'a Facts, address: &'a Address) -> Offer<'a> {
    Offer {
        action: address.path.as_deref().filter(|_| !address.is_clean),
        from: facts.from.as_deref(),
        message: facts.message.as_deref(),
        hides_message: facts.hides_message,
        file: facts.file.as_ref().map(|(name, size)| (name.as_str(), *size)),
        expires_at: facts.expires_at,
        downloads: facts.downloads,
        wants_passcode: facts.wants_passcode,
        download_origin: &facts.download_origin,
    }
}

impl<'a> FactsResponse<'a> {
    fn new(facts: &'a Facts) -> Self {
        let file = facts.file.as_ref();
        Self {
            state: ShareState::Active.as_str(),
            owner: facts.from.as_deref(),
            message: facts.message.as_deref(),
            name: file.map(|(name, _)| name.as_str()),
            size: file.and_then(|(_, size)| *size),
            expires_at: facts.expires_at,
            max_downloads: facts.downloads.map(|(_, of)| of),
            downloads_left: facts.downloads.map(|(left, _)| left),
            wants_passcode: facts.wants_passcode,
            locked_until: facts.locked_until,
        }
    }
}

/// Whether the browser says that no person pressed the button, and nobody typed the word for those whose
/// browsers can't say it.
fn is_no_person_s(request: &Request, press: &Press) -> bool {
    !request.wants_json() && request.client.fetch.is_no_person_s_press() && !press.is_confirmed
}

fn browser_of(request: &Request) -> Option<Browser> {
    request.cookie(COOKIE).and_then(Browser::parse)
}

/// Sets the cookie for this share alone. No script and no other site can read or send it.
fn set_cookie(response: &mut Response, address: &Address, browser: &Browser) {
    // Without a path a browser takes the folder of the address.
    let path = address.path.as_ref().map(|path| format!(" Path={path};")).unwrap_or_default();
    response
        .cookies
        .push(format!("{COOKIE}={};{path} Secure; HttpOnly; SameSite=Lax", browser.reveal()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Client;

    /// Each error, with the status and the header `Retry-After` of its page.
    const PAGES: &str = r#"Field("why") | page 400
NoSuchShare | page 404
Over(Active) | page 410
Over(Ended) | page 410
Over(UsedUp) | page 410
Over(Withdrawn) | page 410
Revoked | page 409
PasscodeWanted | page 403
WrongPasscode | page 403
Locked | page 429, after 90 s
Locked | page 429
Busy | page 503, after 2 s
BeingScanned | page 503, after 60 s
Unavailable | page 503, after 30 s
Table(NoResponse("why")) | page 503, after 30 s
NoPublicUrl | page 500
Internal("why") | page 500
Link(VersionNotGranted) | page 403
Link(Upstream("why")) | page 502"#;

    fn request(accept: &str) -> Request {
        Request {
            method: "POST".to_owned(),
            path: String::new(),
            readings: Vec::new(),
            query: Vec::new(),
            body: Vec::new(),
            client: Client { accept: Some(accept.to_owned()), ..Client::default() },
        }
    }

    fn facts() -> Facts {
        Facts {
            from: Some("Alice".to_owned()),
            message: None,
            hides_message: false,
            file: None,
            expires_at: Timestamp::MAX,
            downloads: None,
            wants_passcode: true,
            lock: None,
            locked_until: None,
            download_origin: "https://files.s3.eu-west-1.amazonaws.com".to_owned(),
        }
    }

    /// The status, `Retry-After`, and whether it is a page.
    fn response(accept: &str, error: &ShareError) -> (u16, Option<HeaderValue>, bool) {
        let now = Timestamp::from_second(-90).unwrap();
        let address = Address { path: None, is_clean: true };
        let response = refused(&request(accept), Some(&facts()), &address, error, now).unwrap();
        let is_page = response.headers["content-type"] == "text/html; charset=utf-8";
        (response.status, response.headers.get(RETRY_AFTER).cloned(), is_page)
    }

    #[test]
    fn a_page_has_the_status_and_the_retry_after_of_the_problem() {
        let pages = ShareError::one_of_each().into_iter().map(|error| {
            let (status, retry_after, is_page) = response("text/html", &error);
            let problem = response("application/json", &error);
            assert_eq!(problem, (status, retry_after.clone(), false), "{error:?}");
            let retry_after =
                retry_after.map(|seconds| format!(", after {} s", seconds.to_str().unwrap()));
            let name = format!("{error:?}").split(" {").next().unwrap_or_default().to_owned();
            let kind = if is_page { "page" } else { "problem" };
            format!("{name} | {kind} {status}{}", retry_after.unwrap_or_default())
        });
        let pages: Vec<_> = pages.collect();
        assert_eq!(pages, PAGES.lines().collect::<Vec<_>>());
    }
}
