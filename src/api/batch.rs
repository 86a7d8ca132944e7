//! `POST /links/batch`: many links in one answer, in the order asked.

use futures_util::stream::{self, StreamExt};

use super::{ApiAnswer, ApiRequest, ENVELOPE_BYTES, MAX_ANSWER_BYTES, request};
use crate::link::{Link, LinkRequest};
use crate::links::Links;
use crate::problem::Problem;
use crate::telemetry::Invocation;

/// How many links of a batch are opened at once where checks are asked for.
const CHECKS_AT_ONCE: usize = 64;

/// Answers a batch. An entry without a link is a problem in its place.
pub(super) async fn answer(
    links: &Links,
    request: &ApiRequest,
    invocation: &mut Invocation<'_>,
) -> Result<ApiAnswer, Problem> {
    let wanted = request::batch_from_json(&request.body)?;
    // One after the other: signing waits for nothing, so doing it "at once" would only cost.
    let mut made = Vec::with_capacity(wanted.len());
    for entry in &wanted {
        made.push(match entry {
            Ok(entry) => links.sign(&request.principal, entry).await,
            Err(problem) => Err(problem.clone()),
        });
    }
    check_where_asked(links, &wanted, &mut made).await;

    let body = body(&made)?;
    for entry in &made {
        match entry {
            Ok(link) => invocation.signed(&request.principal, link),
            Err(problem) => invocation.refused(&request.principal, problem),
        }
    }
    Ok(ApiAnswer::json(body))
}

async fn check_where_asked(
    links: &Links,
    wanted: &[Result<LinkRequest, Problem>],
    made: &mut [Result<Link, Problem>],
) {
    let asked = wanted.iter().map(|entry| entry.as_ref().is_ok_and(|entry| entry.check));
    let checks = made.iter().zip(asked).enumerate().filter_map(|(index, (link, asked))| {
        let link = link.as_ref().ok().filter(|_| asked)?;
        Some(async move { (index, links.check(link).await) })
    });
    let checked: Vec<_> = stream::iter(checks).buffer_unordered(CHECKS_AT_ONCE).collect().await;
    for (index, outcome) in checked {
        if let Err(problem) = outcome {
            made[index] = Err(problem);
        }
    }
}

/// The JSON of the answer, if Lambda can return it.
fn body(made: &[Result<Link, Problem>]) -> Result<String, Problem> {
    const LIMIT: usize = MAX_ANSWER_BYTES - ENVELOPE_BYTES;
    const AFTER_LAST: &str = "]}";

    let mut body = String::from("{\"links\":[");
    let mut packed = packed_bytes(&body) + packed_bytes(AFTER_LAST);
    let mut links_that_fit = 0;
    for (index, entry) in made.iter().enumerate() {
        let start = body.len();
        if index > 0 {
            body.push(',');
        }
        body.push_str(&match entry {
            Ok(link) => super::json(link),
            Err(problem) => super::json(problem),
        });
        packed += packed_bytes(&body[start..]);
        if packed <= LIMIT {
            links_that_fit = index + 1;
        }
    }
    body.push_str(AFTER_LAST);
    if links_that_fit < made.len() {
        return Err(Problem::AnswerTooLarge { bytes: packed + ENVELOPE_BYTES, links_that_fit });
    }
    Ok(body)
}

/// How many bytes `json` takes once it is packed, as a JSON string, into the answer to Lambda.
/// JSON that `serde_json` wrote holds no raw control characters, so only these two are escaped.
fn packed_bytes(json: &str) -> usize {
    json.len() + json.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
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
    fn the_size_counted_is_the_size_packed() {
        let made = [Ok(link(10)), Err(Problem::NotGranted), Ok(link(2_000))];
        let body = body(&made).unwrap();
        let packed = serde_json::to_string(&body).unwrap();
        assert_eq!(packed_bytes(&body) + 2, packed.len());
    }

    #[test]
    fn an_answer_over_the_limit_names_what_would_fit() {
        let made: Vec<_> = (0..1_000).map(|_| Ok(link(7_000))).collect();
        let Err(Problem::AnswerTooLarge { bytes, links_that_fit }) = body(&made) else {
            panic!("7 MB were not refused");
        };
        assert!(bytes > MAX_ANSWER_BYTES);
        assert!((800..900).contains(&links_that_fit));
        assert!(body(&made[..links_that_fit]).is_ok());
        assert!(body(&made[..=links_that_fit]).is_err());
    }
}
