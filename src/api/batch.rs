//! `POST /links/batch`: many links in one answer, in the order asked.

use futures_util::stream::{self, StreamExt};
use tokio::sync::Semaphore;

use super::body::Body;
use super::{ApiAnswer, ApiRequest, ENVELOPE_BYTES, MAX_ANSWER_BYTES, link_json, request};
use crate::link::{Link, LinkRequest};
use crate::links::Links;
use crate::principal::Principal;
use crate::problem::Problem;
use crate::telemetry::{self, Invocation};

/// How many links of a batch are opened at once where checks are asked for.
const CHECKS_AT_ONCE: usize = 64;

/// Answers a batch. An entry without a link is a problem in its place.
pub(super) async fn answer(
    links: &Links,
    request: &ApiRequest,
    invocation: &mut Invocation<'_>,
) -> Result<ApiAnswer, Problem> {
    let wanted = request::batch_from_json(&request.body)?;
    let count = wanted.len();
    let checks = wanted.iter().any(|entry| entry.as_ref().is_ok_and(|entry| entry.check));
    // Signing waits for nothing, so to do it "at once" would only cost. Checks wait: all are begun
    // as soon as there is room, so that a slow one holds up none but itself.
    let at_once = if checks { count } else { 1 };
    let room = Semaphore::new(CHECKS_AT_ONCE);
    let mut made = stream::iter(wanted)
        .map(|entry| async { make(links, &request.principal, entry, &room).await })
        .buffered(at_once);

    let mut body = BatchBody::new();
    let mut given = Vec::with_capacity(count);
    while let Some(mut entry) = made.next().await {
        body.push(&entry);
        // Now the body has it, and a batch's URLs are megabytes.
        if let Ok(link) = &mut entry {
            link.url = String::new();
        }
        given.push(entry);
    }
    let body = body.finish()?;
    // Nothing is waited for until they are written.
    let _gathering = telemetry::gather();
    for entry in &given {
        match entry {
            Ok(link) => invocation.signed(&request.principal, link),
            Err(problem) => invocation.refused(&request.principal, problem),
        }
    }
    Ok(ApiAnswer::json(body))
}

async fn make(
    links: &Links,
    principal: &Principal,
    entry: Result<LinkRequest, Problem>,
    room: &Semaphore,
) -> Result<Link, Problem> {
    let wanted = entry?;
    // Before it is signed, so that the wait takes nothing from its window.
    let _room = if wanted.check { Some(room.acquire().await) } else { None };
    links.make(principal, &wanted).await
}

/// The JSON of the answer, and how much of it Lambda can return.
struct BatchBody {
    body: Body,
    /// The JSON of one entry, before it goes into the body.
    entry: Vec<u8>,
    entries: usize,
    entries_that_fit: usize,
}

impl BatchBody {
    const AFTER_LAST: &[u8] = b"]}";

    fn new() -> Self {
        // Room for as much as Lambda returns. What is not written to is no memory yet, and what
        // outgrows its room is copied.
        let mut body = Body::with_capacity(MAX_ANSWER_BYTES);
        body.push(b"{\"links\":[");
        Self { body, entry: Vec::new(), entries: 0, entries_that_fit: 0 }
    }

    fn push(&mut self, entry: &Result<Link, Problem>) {
        self.entry.clear();
        if self.entries > 0 {
            self.entry.push(b',');
        }
        match entry {
            Ok(link) => link_json::write(link, &mut self.entry),
            // Nothing in a problem can fail to serialize.
            Err(problem) => drop(serde_json::to_writer(&mut self.entry, problem)),
        }
        self.body.push(&self.entry);
        self.entries += 1;
        if self.body.packed_bytes() + Self::AFTER_LAST.len() <= MAX_ANSWER_BYTES - ENVELOPE_BYTES {
            self.entries_that_fit = self.entries;
        }
    }

    /// # Errors
    ///
    /// [`Problem::AnswerTooLarge`] when Lambda can't return it.
    fn finish(mut self) -> Result<Body, Problem> {
        self.body.push(Self::AFTER_LAST);
        if self.entries_that_fit < self.entries {
            return Err(Problem::AnswerTooLarge {
                bytes: self.body.packed_bytes() + ENVELOPE_BYTES,
                links_that_fit: self.entries_that_fit,
            });
        }
        Ok(self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Evidence;
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

    #[test]
    fn an_answer_over_the_limit_names_what_would_fit() {
        let body = |count| {
            let mut body = BatchBody::new();
            (0..count).for_each(|_| body.push(&Ok(link(7_000))));
            body.finish()
        };
        let Err(Problem::AnswerTooLarge { bytes, links_that_fit }) = body(1_000) else {
            panic!("7 MB were not refused");
        };
        assert!(bytes > MAX_ANSWER_BYTES);
        assert!((800..900).contains(&links_that_fit));
        assert!(body(links_that_fit).is_ok());
        assert!(body(links_that_fit + 1).is_err());
    }
}
