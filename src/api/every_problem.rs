//! What callers and operators see of every problem: one line for each error, pinned.

use serde_json::{Map, Value, json};

use super::{Problem, refuse};
use crate::invocation::Invocation;
use crate::links::LinkError;
use crate::shares::ShareError;

#[path = "../../tests/stand_in/log.rs"]
mod log;

use log::Log;

fn now() -> jiff::Timestamp {
    jiff::Timestamp::UNIX_EPOCH
}

/// What callers read.
const READ: &str = r#"InvalidRequest("why") | 400 invalid-request "The request can't be understood"
NoSuchRoute | 404 no-such-route "No such route"
MethodNotAllowed | 405 method-not-allowed "This route has another method"
AnswerTooLarge | 413 answer-too-large "The answer is too large" {"links_that_fit":5}
SessionNeedsSignIn | 401 unauthenticated "Nobody is signed in"
Link Unauthenticated | 401 unauthenticated "Nobody is signed in"
Link NotGranted | 403 not-granted "No grant covers this"
Link VersionNotGranted | 403 not-granted "No grant covers this"
Link BucketNotNamed | 400 invalid-request "The request can't be understood"
Link InlineWithoutContentType | 400 invalid-request "The request can't be understood"
Link Key(Length(0)) | 400 invalid-request "The request can't be understood"
Link Key(DotSegment) | 422 key-not-linkable "This key can't be linked to"
Link WindowTooShort | 409 window-too-short "The link would end too soon" {"available_expires_in":7,"limited_by":"session","session_expires_at":"1970-01-01T00:00:00Z"}
Link ObjectUnavailable("why") | 422 object-unavailable "The link would not open"
Link SessionUnproven("why") | 503 session-unproven "The session's end is not proven"
Link Upstream("why") | 502 upstream "An AWS service did not answer as expected"
Link OutOfTime | 504 upstream "An AWS service did not answer as expected"
Link PolicyUnreadable | 503 policy-unreadable "The bucket's policy can't be read"
Link Misconfigured("why") | 500 misconfigured "The function's settings are wrong"
Link Internal("why") | 500 internal "This function has a bug"
Share Field("why") | 400 invalid-request "The request can't be understood"
Share NoSuchShare | 404 no-such-share "No such share"
Share Over(Active) | 410 share-withdrawn "The share opens nothing any more" {"state":"active"}
Share Over(Ended) | 410 share-ended "The share opens nothing any more" {"state":"ended"}
Share Over(UsedUp) | 410 share-used-up "The share opens nothing any more" {"state":"used_up"}
Share Over(Withdrawn) | 410 share-withdrawn "The share opens nothing any more" {"state":"withdrawn"}
Share Revoked | 409 share-revoked "The share is revoked"
Share PasscodeWanted | 403 passcode-wanted "The right passcode is wanted"
Share WrongPasscode | 403 passcode-wrong "The right passcode is wanted" {"tries_left":3}
Share Locked | 429 share-locked "The share is locked for a while" {"locked_until":"1970-01-01T00:00:00Z"}
Share Unavailable | 503 share-unavailable "An AWS service did not answer as expected"
Share Table(NoResponse("why")) | 503 share-unavailable "An AWS service did not answer as expected"
Share NoPublicUrl | 500 misconfigured "The function's settings are wrong"
Share Internal("why") | 500 internal "This function has a bug"
Share Link(NotGranted) | 403 not-granted "No grant covers this"
Share Link(Upstream("why")) | 502 upstream "An AWS service did not answer as expected""#;

/// What operators read in the log, and what is counted.
const LOGGED: &str = r#"InvalidRequest("why") | INFO "link refused"; LinksRefused
NoSuchRoute | INFO "link refused"; LinksRefused
MethodNotAllowed | INFO "link refused"; LinksRefused
AnswerTooLarge | INFO "link refused"; LinksRefused
SessionNeedsSignIn | INFO "link refused"; LinksRefused
Link Unauthenticated | INFO "link refused"; LinksRefused
Link NotGranted | INFO "link refused"; LinksRefused
Link VersionNotGranted | INFO "link refused"; LinksRefused
Link BucketNotNamed | INFO "link refused"; LinksRefused
Link InlineWithoutContentType | INFO "link refused"; LinksRefused
Link Key(Length(0)) | INFO "link refused"; LinksRefused
Link Key(DotSegment) | INFO "link refused"; LinksRefused
Link WindowTooShort | INFO "link refused"; LinksRefused WindowsTooShort
Link ObjectUnavailable("why") | WARN "link refused" detail; LinksRefused
Link SessionUnproven("why") | ERROR "link refused" detail; LinksRefused SessionUnproven
Link Upstream("why") | WARN "link refused" detail; LinksRefused
Link OutOfTime | WARN "link refused" detail; LinksRefused
Link PolicyUnreadable | WARN "link refused" detail; LinksRefused
Link Misconfigured("why") | ERROR "link refused" detail; LinksRefused
Link Internal("why") | ERROR "link refused" detail; LinksRefused
Share Field("why") | INFO "link refused"; LinksRefused
Share NoSuchShare | INFO "link refused"; LinksRefused
Share Over(Active) | INFO "link refused"; LinksRefused
Share Over(Ended) | INFO "link refused"; LinksRefused
Share Over(UsedUp) | INFO "link refused"; LinksRefused
Share Over(Withdrawn) | INFO "link refused"; LinksRefused
Share Revoked | INFO "link refused"; LinksRefused
Share PasscodeWanted | INFO "link refused"; LinksRefused
Share WrongPasscode | INFO "link refused"; LinksRefused
Share Locked | INFO "link refused"; LinksRefused
Share Unavailable | WARN "share refused" detail, INFO "link refused"; LinksRefused
Share Table(NoResponse("why")) | WARN "share refused" detail, INFO "link refused"; LinksRefused
Share NoPublicUrl | WARN "share refused" detail, INFO "link refused"; LinksRefused
Share Internal("why") | WARN "share refused" detail, INFO "link refused"; LinksRefused
Share Link(NotGranted) | INFO "link refused"; LinksRefused
Share Link(Upstream("why")) | WARN "link refused" detail; LinksRefused"#;

/// Every problem, with the error that it comes from.
fn every_problem() -> Vec<(String, Problem)> {
    let name = |error: String| error.split(" {").next().unwrap_or_default().to_owned();
    let requests = [
        Problem::invalid_request("why"),
        Problem::no_such_route("/nowhere", "GET /session"),
        Problem::MethodNotAllowed { allow: vec!["GET"] },
        Problem::AnswerTooLarge { bytes: 7, max_bytes: 6, links_that_fit: 5 },
        Problem::SessionNeedsSignIn,
    ];
    let requests = requests.map(|problem| (name(format!("{problem:?}")), problem)).into_iter();
    let links = LinkError::one_of_each().into_iter();
    let links = links.map(|error| (name(format!("Link {error:?}")), error.into()));
    let shares = ShareError::one_of_each().into_iter();
    let shares = shares.map(|error| (name(format!("Share {error:?}")), error.into()));
    requests.chain(links).chain(shares).collect()
}

/// What a caller reads of a problem, but for its detail.
fn as_read(problem: &Problem) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(problem) else { panic!("no object") };
    let mut take = |name: &str| fields.remove(name).unwrap();
    let (status, code, title) = (take("status"), take("code"), take("title"));
    let code = code.as_str().unwrap();
    assert_eq!(take("type"), format!("urn:problem-type:s3-link-signer:{code}"));
    assert_eq!(take("detail"), problem.detail());
    assert_eq!(json!(refuse(problem, &Invocation::begin(now)).status), status);
    let members = if fields == Map::new() { String::new() } else { format!(" {}", json!(fields)) };
    format!("{status} {code} {title}{members}")
}

#[test]
fn every_problem_keeps_its_status_its_code_its_title_and_its_members() {
    let read = every_problem().into_iter().map(|(name, problem)| (name, as_read(&problem)));
    let read: Vec<_> = read.map(|(name, read)| format!("{name} | {read}")).collect();
    assert_eq!(read, READ.lines().collect::<Vec<_>>());
}

/// The lines that a refusal logs: level, message, code, and whether the detail is there. Behind them
/// what it counts.
fn as_logged(problem: &Problem) -> String {
    let log = Log::default();
    let invocation = Invocation::begin(now);
    {
        let _guard = log.collect();
        refuse(problem, &invocation);
    }
    let lines = log.text();
    let lines = lines.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let fields = &line["fields"];
        assert_eq!(fields["code"], problem.kind().code());
        assert_eq!(fields["principal"], "anonymous");
        let detail = fields.get("detail");
        assert!(detail.is_none_or(|detail| *detail == problem.detail()), "{line}");
        let detail = detail.map_or("", |_| " detail");
        format!("{} {}{detail}", line["level"].as_str().unwrap(), fields["message"])
    });
    let lines: Vec<_> = lines.collect();
    let metrics: Value =
        serde_json::from_str(&invocation.metrics().unwrap_or_default()).unwrap_or_default();
    let counts = metrics.as_object().into_iter().flatten();
    let counted =
        counts.filter(|(name, value)| name.starts_with(char::is_uppercase) && **value == 1);
    let counted: Vec<_> = counted.map(|(name, _)| name.as_str()).collect();
    format!("{}; {}", lines.join(", "), counted.join(" "))
}

#[test]
fn every_problem_keeps_its_line_in_the_log_and_its_metrics() {
    let logged = every_problem().into_iter().map(|(name, problem)| (name, as_logged(&problem)));
    let logged: Vec<_> = logged.map(|(name, logged)| format!("{name} | {logged}")).collect();
    assert_eq!(logged, LOGGED.lines().collect::<Vec<_>>());
}
