//! `POST /links/batch`: many links in one answer, in the order asked.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, FutureExt, select};
use futures_util::stream::{self, StreamExt};
use link_rules::problem::Subject;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::link_response::LinkResponse;
use super::response::{ENVELOPE_BYTES, MAX_RESPONSE_BYTES, json};
use super::{Problem, Request, Response, link_request, log_problem};
use crate::invocation::Invocation;
use crate::links::{Link, LinkRequest, Links, Prepared, log_signed};
use crate::telemetry::write_together;

/// How many links of a batch wait for S3 at the same invocation, at first: for a check, or for the current
/// version. Each has a connection of its own.
const CONCURRENT_CHECKS: usize = 64;

/// How many may wait at the same time at most, where S3 is slow.
const MAX_CONCURRENT_CHECKS: usize = 256;

/// How long to wait before more links may wait at the same time. An S3 that is near answers several
/// times as fast.
const SLOW: Duration = Duration::from_millis(500);

/// The largest body that fits into Lambda's response, in bytes, once it is escaped.
const MAX_BODY_BYTES: usize = MAX_RESPONSE_BYTES - ENVELOPE_BYTES;

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
    invocation: &Invocation,
) -> Result<Response, Problem> {
    let requests = link_request::batch_from_json(&request.body)?;
    let count = requests.len();
    let readable: Vec<_> = requests.iter().flatten().collect();
    links.prepare_buckets(&readable, invocation).await;
    let room_for_checks = Semaphore::new(CONCURRENT_CHECKS);
    let mut body = BatchBody::new("links", count);
    let mut entries = Vec::with_capacity(count);
    let mut push = |prepared: Result<Prepared<'_>, Problem>| {
        let mut entry = prepared.and_then(|prepared| sign(links, &prepared, invocation));
        body.push(&json(&Entry::from(&entry)));
        // The body has the URL now, and the URLs of a batch take megabytes.
        if let Ok(link) = &mut entry {
            link.url = String::new();
        }
        entries.push(entry);
    };
    if readable.iter().any(|request| request.waits_for_s3()) {
        // All are started as soon as there is room, so a slow check delays no other. All are signed when
        // all have been checked, so that none has lost the time of another's check.
        let preparing = stream::iter(0..count)
            .map(|index| prepare(links, &requests[index], &room_for_checks, invocation))
            .buffered(count)
            .collect::<Vec<_>>();
        let more_room = pin!(make_room(&room_for_checks).fuse());
        let prepared = match select(pin!(preparing), more_room).await {
            Either::Left((prepared, _)) => prepared,
            Either::Right(((), preparing)) => preparing.await,
        };
        prepared.into_iter().for_each(push);
    } else {
        // Nothing waits, so doing it concurrently would only cost time.
        for request in &requests {
            push(prepare(links, request, &room_for_checks, invocation).await);
        }
    }
    let body = body.finish()?;
    write_together(|| {
        for entry in &entries {
            match entry {
                Ok(link) => log_signed(invocation, &invocation.caller().principal, link),
                Err(problem) => log_problem(invocation, Subject::Link, problem),
            }
        }
    });
    Ok(Response::json(body))
}

/// Does what waits for one link.
async fn prepare<'a>(
    links: &Links,
    request: &'a Result<LinkRequest, Problem>,
    room_for_checks: &Semaphore,
    invocation: &'a Invocation,
) -> Result<Prepared<'a>, Problem> {
    let request = request.as_ref().map_err(Problem::clone)?;
    invocation.check_time()?;
    let prepared = async {
        let _room =
            if request.waits_for_s3() { Some(room_for_checks.acquire().await) } else { None };
        links.prepare(&invocation.caller().principal, request, invocation).await
    };
    let prepared = invocation.in_time(prepared).await?;
    prepared.map_err(|error| Problem::from(error).for_caller(invocation.caller()))
}

/// Signs one link, if there is time.
fn sign(links: &Links, prepared: &Prepared<'_>, invocation: &Invocation) -> Result<Link, Problem> {
    invocation.check_time()?;
    Ok(links.sign(prepared, invocation)?)
}

/// Lets more links wait for S3 at the same time while S3 is slow.
async fn make_room(room_for_checks: &Semaphore) {
    for _ in 1..MAX_CONCURRENT_CHECKS / CONCURRENT_CHECKS {
        tokio::time::sleep(SLOW).await;
        room_for_checks.add_permits(CONCURRENT_CHECKS);
    }
}

/// The JSON of the answer, which grows entry by entry, and how much of it Lambda can return.
pub(super) struct BatchBody {
    json: String,
    /// The length of `json` once it is escaped, in bytes.
    escaped_bytes: usize,
    entries: usize,
    entries_that_fit: usize,
}

impl BatchBody {
    const END: &str = "]}";

    /// A body whose list is called `name`, and that has room for `count` usual entries. A body that grows
    /// is copied.
    pub(super) fn new(name: &str, count: usize) -> Self {
        const USUAL_ENTRY_BYTES: usize = 2_048;
        let start = format!("{{\"{name}\":[");
        let mut json = String::with_capacity(count * USUAL_ENTRY_BYTES);
        json.push_str(&start);
        let escaped_bytes = escaped_bytes(&start) + escaped_bytes(Self::END);
        Self { json, escaped_bytes, entries: 0, entries_that_fit: 0 }
    }

    /// Adds an entry, which is JSON.
    pub(super) fn push(&mut self, entry: &str) {
        if self.entries > 0 {
            self.json.push(',');
            self.escaped_bytes += 1;
        }
        self.escaped_bytes += escaped_bytes(entry);
        self.json.push_str(entry);
        self.entries += 1;
        if self.escaped_bytes <= MAX_BODY_BYTES {
            self.entries_that_fit = self.entries;
        }
    }

    /// # Errors
    ///
    /// [`Problem::AnswerTooLarge`] when Lambda can't return the answer.
    pub(super) fn finish(mut self) -> Result<String, Problem> {
        if self.entries_that_fit < self.entries {
            return Err(Problem::AnswerTooLarge {
                bytes: self.escaped_bytes + ENVELOPE_BYTES,
                max_bytes: MAX_RESPONSE_BYTES,
                links_that_fit: self.entries_that_fit,
            });
        }
        self.json.push_str(Self::END);
        Ok(self.json)
    }
}

/// The length of `json` as a string within JSON, which is how gateways take a body. JSON has no raw
/// control characters, so only quotes and backslashes are escaped.
fn escaped_bytes(json: &str) -> usize {
    json.len() + json.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::{Method, PolicyReading};
    use crate::sessions::Evidence;
    use jiff::Timestamp;
    use link_rules::window::{Bounds, LimitedBy, Window};

    fn link(url_bytes: usize) -> Link {
        Link {
            url: "u".repeat(url_bytes),
            link_id: "id".to_owned(),
            method: Method::Get,
            is_checked_inside: false,
            bucket: "files".to_owned(),
            region: "eu-west-1".to_owned(),
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
            bucket_policy: PolicyReading::Heeded,
            bounds: Bounds::default(),
        }
    }

    fn body(count: usize, url_bytes: usize) -> BatchBody {
        let entry = json(&Entry::from(&Ok(link(url_bytes))));
        let mut body = BatchBody::new("links", count);
        (0..count).for_each(|_| body.push(&entry));
        body
    }

    fn body_of(count: usize) -> Result<String, Problem> {
        body(count, 7_000).finish()
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
        let body = body(3, 9);
        let counted = body.escaped_bytes;
        let body = body.finish().unwrap();
        let quotes = 2;
        assert_eq!(counted + quotes, serde_json::to_string(&body).unwrap().len());
        let parsed: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(parsed["links"].as_array().unwrap().len(), 3);
    }
}
