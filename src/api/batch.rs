//! `POST /links/batch`: many links in one answer, in the order asked.

use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::link_response::LinkResponse;
use super::response::{ENVELOPE_BYTES, MAX_RESPONSE_BYTES, json, json_with_capacity};
use super::{Problem, Request, Response, link_request, log_problem};
use crate::access::Principal;
use crate::links::{Link, LinkRequest, Links, log_signed};
use crate::telemetry::{Invocation, write_together};

/// How many links of a batch wait for S3 at the same time: for a check, or for the current version.
const CONCURRENT_CHECKS: usize = 64;

/// The largest body that fits into Lambda's response, in bytes, once it is escaped.
const MAX_BODY_BYTES: usize = MAX_RESPONSE_BYTES - ENVELOPE_BYTES;

/// The body of the answer.
#[derive(Serialize)]
struct BatchResponse<'a> {
    links: Vec<Entry<'a>>,
}

/// A link, or the problem that stands in its place.
#[derive(Serialize)]
#[serde(untagged)]
enum Entry<'a> {
    Link(LinkResponse<'a>),
    Problem(&'a Problem),
}

impl<'a> From<&'a Result<Link, Problem>> for Entry<'a> {
    fn from(entry: &'a Result<Link, Problem>) -> Self {
        match entry {
            Ok(link) => Self::Link(link.into()),
            Err(problem) => Self::Problem(problem),
        }
    }
}

/// Answers a batch. A bad entry becomes a problem in its place and affects no other entry.
pub(super) async fn post(
    links: &Links,
    request: &Request,
    invocation: &mut Invocation<'_>,
) -> Result<Response, Problem> {
    let requests = link_request::batch_from_json(&request.body)?;
    let checks = requests.iter().flatten().any(LinkRequest::waits_for_s3);
    // Signing waits for nothing, so signing concurrently would only cost time. Checks wait. All are
    // started as soon as there is room, so a slow check delays no other.
    let concurrency = if checks { requests.len() } else { 1 };
    let room_for_checks = Semaphore::new(CONCURRENT_CHECKS);
    let entries: Vec<_> = stream::iter(requests)
        .map(|entry| make(links, &request.principal, entry, &room_for_checks))
        .buffered(concurrency)
        .collect()
        .await;

    let body = body(&entries)?;
    write_together(|| {
        for entry in &entries {
            match entry {
                Ok(link) => log_signed(invocation, &request.principal, link),
                Err(problem) => log_problem(invocation, &request.principal, problem),
            }
        }
    });
    Ok(Response::json(body))
}

async fn make(
    links: &Links,
    principal: &Principal,
    request: Result<LinkRequest, Problem>,
    room_for_checks: &Semaphore,
) -> Result<Link, Problem> {
    let request = request?;
    // The wait for room comes before the signature, so that it takes nothing from the window.
    let _room = if request.waits_for_s3() { Some(room_for_checks.acquire().await) } else { None };
    Ok(links.make(principal, &request).await?)
}

/// The JSON of the answer.
///
/// # Errors
///
/// [`Problem::AnswerTooLarge`] when Lambda can't return the answer.
fn body(entries: &[Result<Link, Problem>]) -> Result<String, Problem> {
    let body = BatchResponse { links: entries.iter().map(Entry::from).collect() };
    let body = json_with_capacity(&body, entries.iter().map(usual_bytes).sum());
    let bytes = escaped_bytes(&body);
    if bytes <= MAX_BODY_BYTES {
        return Ok(body);
    }
    let mut sum = escaped_bytes("{\"links\":[]}");
    let links_that_fit = entries
        .iter()
        .take_while(|entry| {
            sum += escaped_bytes(&json(&Entry::from(*entry))) + ",".len();
            // The last entry has no comma.
            sum - ",".len() <= MAX_BODY_BYTES
        })
        .count();
    Err(Problem::AnswerTooLarge {
        bytes: bytes + ENVELOPE_BYTES,
        max_bytes: MAX_RESPONSE_BYTES,
        links_that_fit,
    })
}

/// About the length of an entry's JSON. A body that is allocated once is copied less, and takes less
/// memory while it grows.
fn usual_bytes(entry: &Result<Link, Problem>) -> usize {
    const OTHER_FIELDS: usize = 384;
    OTHER_FIELDS + entry.as_ref().map_or(0, |link| link.url.len() + link.key.len())
}

/// The length of `json` as a string within JSON, which is how gateways take a body. JSON has no raw
/// control characters, so only quotes and backslashes are escaped.
fn escaped_bytes(json: &str) -> usize {
    json.len() + json.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sessions::Evidence;
    use crate::window::{LimitedBy, Window};
    use jiff::Timestamp;

    fn link(url_bytes: usize) -> Link {
        Link {
            url: "u".repeat(url_bytes),
            link_id: "id".to_owned(),
            bucket: "files".to_owned(),
            key: "a \"quoted\" \\ \u{1} key".to_owned(),
            window: Window {
                signed_at: Timestamp::UNIX_EPOCH,
                expires_in: 1,
                expires_at: Timestamp::UNIX_EPOCH,
                limited_by: LimitedBy::Request,
            },
            requested_expires_in: 1,
            evidence: Evidence::Minted,
            session_expires_at: None,
        }
    }

    fn body_of(count: usize) -> Result<String, Problem> {
        body(&vec![Ok(link(7_000)); count])
    }

    #[test]
    fn an_answer_over_the_limit_names_what_would_fit() {
        let Err(Problem::AnswerTooLarge { bytes, links_that_fit, .. }) = body_of(1_000) else {
            panic!("7 MB were not refused");
        };
        assert!(bytes > MAX_RESPONSE_BYTES);
        assert!((800..900).contains(&links_that_fit));
        assert!(body_of(links_that_fit).is_ok());
        assert!(body_of(links_that_fit + 1).is_err());
    }

    #[test]
    fn the_length_of_a_body_is_what_serde_json_makes_of_it() {
        let body = body_of(3).unwrap();
        let quotes = 2;
        assert_eq!(escaped_bytes(&body) + quotes, serde_json::to_string(&body).unwrap().len());
    }
}
