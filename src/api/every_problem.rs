//! What callers and operators see of every problem: one line for each error, pinned.

use std::collections::HashSet;

use link_rules::problem::{ProblemKind, Subject};
use serde_json::{Map, Value, json};

use super::{Problem, refuse, refuse_about};
use crate::invocation::Invocation;
use crate::links::LinkError;
use crate::shares::ShareError;
use crate::uploads::UploadError;

#[path = "../../tests/function/log.rs"]
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
Unnamed("why") | 401 unauthenticated "Nobody is signed in"
Link Unauthenticated | 401 unauthenticated "Nobody is signed in"
Link NotGranted | 403 not-granted "No grant covers this"
Link OneOfMany(IdentityPool) | 403 not-granted "No grant covers this"
Link NameTooLong | 403 not-granted "No grant covers this"
Link VersionNotGranted | 403 not-granted "No grant covers this"
Link BucketNotNamed | 400 invalid-request "The request can't be understood"
Link InlineWithoutContentType | 400 invalid-request "The request can't be understood"
Link Key(Length(0)) | 400 invalid-request "The request can't be understood"
Link Key(DotSegment) | 422 key-not-linkable "This key can't be linked to"
Link WindowTooShort | 409 window-too-short "The link would end too soon" {"available_expires_in":7,"limited_by":"session","session_expires_at":"1970-01-01T00:00:00Z"}
Link ObjectUnavailable("why") | 422 object-unavailable "The link would not open"
Link Archived("why") | 422 object-unavailable "The link would not open"
Link BeingScanned("why") | 422 object-unavailable "The link would not open"
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
Share Locked | 429 share-locked "The share is locked for a while" {"locked_until":"1970-01-01T00:00:00Z"}
Share Busy | 503 share-busy "Others are trying passcodes"
Share BeingScanned | 503 share-being-scanned "The file is still being scanned"
Share Unavailable | 503 share-unavailable "An AWS service did not answer as expected"
Share Table(NoResponse("why")) | 503 share-unavailable "An AWS service did not answer as expected"
Share NoPublicUrl | 500 misconfigured "The function's settings are wrong"
Share Internal("why") | 500 internal "This function has a bug"
Share Link(VersionNotGranted) | 403 not-granted "No grant covers this"
Share Link(Upstream("why")) | 502 upstream "An AWS service did not answer as expected"
Upload Field("why") | 400 invalid-request "The request can't be understood"
Upload NotGranted | 403 not-granted "No grant covers this"
Upload NotAllowed("why") | 403 upload-not-allowed "The grant allows no such upload"
Upload Link(Upstream("why")) | 502 upstream "An AWS service did not answer as expected""#;

/// The level of the line that operators read in the log, whether it has the detail, with
/// its "why", and what is counted for the kind alone.
const LOGGED: &str = r#"InvalidRequest("why") | INFO
NoSuchRoute | INFO
MethodNotAllowed | INFO
AnswerTooLarge | INFO
SessionNeedsSignIn | INFO
Unnamed("why") | INFO
Link Unauthenticated | INFO
Link NotGranted | INFO
Link OneOfMany(IdentityPool) | INFO
Link NameTooLong | INFO
Link VersionNotGranted | INFO
Link BucketNotNamed | INFO
Link InlineWithoutContentType | INFO
Link Key(Length(0)) | INFO
Link Key(DotSegment) | INFO
Link WindowTooShort | INFO, WindowsTooShort 1
Link ObjectUnavailable("why") | WARN why
Link Archived("why") | WARN why
Link BeingScanned("why") | WARN why
Link SessionUnproven("why") | ERROR why, SessionUnproven 1
Link Upstream("why") | WARN why
Link OutOfTime | WARN detail
Link PolicyUnreadable | WARN why
Link Misconfigured("why") | ERROR why
Link Internal("why") | ERROR why
Share Field("why") | INFO
Share NoSuchShare | INFO
Share Over(Active) | INFO
Share Over(Ended) | INFO
Share Over(UsedUp) | INFO
Share Over(Withdrawn) | INFO
Share Revoked | INFO
Share PasscodeWanted | INFO
Share WrongPasscode | INFO
Share Locked | INFO
Share Locked | INFO
Share Busy | INFO
Share BeingScanned | INFO
Share Unavailable | WARN why
Share Table(NoResponse("why")) | WARN why
Share NoPublicUrl | ERROR detail
Share Internal("why") | ERROR why
Share Link(VersionNotGranted) | INFO
Share Link(Upstream("why")) | WARN why
Upload Field("why") | INFO
Upload NotGranted | INFO
Upload NotAllowed("why") | INFO
Upload Link(Upstream("why")) | WARN why"#;

/// Every problem, with the error that it comes from.
fn every_problem() -> Vec<(String, Problem)> {
    let name = |error: String| error.split(" {").next().unwrap_or_default().to_owned();
    let requests = [
        Problem::invalid_request("why"),
        Problem::no_such_route("/nowhere", "The routes are GET /session."),
        Problem::MethodNotAllowed { allow: vec!["GET"] },
        Problem::AnswerTooLarge { bytes: 7, max_bytes: 6, links_that_fit: 5 },
        Problem::SessionNeedsSignIn,
        Problem::Unnamed("why"),
    ];
    let requests = requests.map(|problem| (name(format!("{problem:?}")), problem)).into_iter();
    let links = LinkError::one_of_each().into_iter();
    let links = links.map(|error| (name(format!("Link {error:?}")), error.into()));
    let shares = ShareError::one_of_each().into_iter();
    let shares = shares.map(|error| (name(format!("Share {error:?}")), error.into()));
    let uploads = UploadError::one_of_each().into_iter();
    let uploads = uploads.map(|error| (name(format!("Upload {error:?}")), error.into()));
    requests.chain(links).chain(shares).chain(uploads).collect()
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

/// The level of the one line that a refusal logs, whether it has the detail, and what is counted besides
/// `subject`'s own metric.
fn as_logged(problem: &Problem, subject: Subject) -> String {
    let log = Log::default();
    let invocation = Invocation::begin(now);
    {
        let _guard = log.collect();
        refuse_about(subject, problem, &invocation);
    }
    // More than one line is no JSON.
    let line: Value = serde_json::from_str(&log.text()).unwrap();
    let fields = &line["fields"];
    let (message, metric) = match subject {
        Subject::Link => ("link refused", Some("LinksRefused")),
        Subject::Share => {
            ("share refused", problem.kind().is_failure().then_some("SharesUnserved"))
        }
        Subject::Upload => ("upload refused", Some("UploadsRefused")),
    };
    assert_eq!(fields["message"], message);
    assert_eq!(fields["code"], problem.kind().code());
    assert_eq!(fields["principal"], "anonymous");
    let detail = match fields.get("detail").and_then(Value::as_str) {
        None => "",
        Some(detail) if detail.contains("why") => " why",
        Some(_) => " detail",
    };

    let metrics = invocation.metrics().unwrap_or_else(|| "{}".to_owned());
    let mut metrics: Map<String, Value> = serde_json::from_str(&metrics).unwrap();
    for name in ["_aws", "timestamp", "level", "RequestId", "FunctionName"] {
        metrics.remove(name);
    }
    if let Some(metric) = metric {
        assert_eq!(metrics.remove(metric), Some(json!(1)));
    }
    let others = metrics.iter().map(|(name, count)| format!(", {name} {count}"));
    let others = others.collect::<Vec<_>>().concat();
    format!("{}{detail}{others}", line["level"].as_str().unwrap())
}

#[test]
fn every_problem_keeps_its_one_line_in_the_log_and_its_metrics() {
    for subject in [Subject::Link, Subject::Share, Subject::Upload] {
        let logged =
            every_problem().into_iter().map(|(name, problem)| (name, as_logged(&problem, subject)));
        let logged: Vec<_> = logged.map(|(name, logged)| format!("{name} | {logged}")).collect();
        assert_eq!(logged, LOGGED.lines().collect::<Vec<_>>(), "{subject:?}");
    }
}

#[test]
fn every_row_of_the_table_is_some_error_s() {
    let problems = every_problem();
    let used: HashSet<_> = problems.iter().map(|(_, problem)| problem.kind()).collect();
    assert_eq!(used, ProblemKind::ALL.iter().copied().collect());
}
