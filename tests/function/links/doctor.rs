//! The doctor's answers: every outcome of every check, as files that people can read
//! (`tests/doctor/`).
//!
//! `UPDATE_SNAPSHOTS=1 cargo test --test function doctor` writes the files anew. Read what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use fake_aws::{Call, FakeAws, Object, Operation, Reply, Service};
use jiff::{SignedDuration, Timestamp};
use s3_link_signer::{EventError, Handler};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::evidence::FUNCTION_ARN;
use super::requests::post;
use super::settings::settings_at;

mod cases;
mod uploads;

use self::cases::{Case, cases};

const KEY: &str = "private-files/report.pdf";
const SECRET: &str = "SecretKeyThatNobodyMaySee";
const TOKEN: &str = "SessionTokenThatNobodyMaySee";

/// What no answer may hold.
const HIDDEN: [&str; 9] = [
    SECRET,
    TOKEN,
    "minted-secret",
    "minted-token",
    "X-Amz-",
    "x-link-id",
    "127.0.0.1",
    "ASIADOCTOR",
    "AKIADOCTOR",
];

/// The clock of these tests stands still. It lies in the future, because the SDK judges by the real
/// time whether credentials have expired.
fn now() -> Timestamp {
    "2099-11-23T13:00:00Z".parse().unwrap()
}

/// What STS answers if a case says nothing else.
fn usual_answer(call: &Call) -> Option<Reply> {
    let disabled = "OutboundWebIdentityFederationDisabledException";
    let minted = "arn:aws:sts::123456789012:assumed-role/session/s3-link-signer";
    match (call.operation, call.access_key_id.as_str()) {
        (Operation::GetWebIdentityToken, _) => Some(Reply::sts_error(400, disabled)),
        (Operation::GetCallerIdentity, "ASIAMINTED") => Some(Reply::identity(minted)),
        _ => None,
    }
}

/// An AWS whose buckets have every file that the doctor is asked about, with this script.
async fn aws_with(script: impl Fn(&Call) -> Option<Reply> + Send + Sync + 'static) -> FakeAws {
    let aws = FakeAws::scripted(script).await;
    let file = Object::of_size(7)
        .version("3sL4kqtJlcpXroDTDmJ")
        .with_header("x-amz-server-side-encryption", "AES256");
    for bucket in ["files", "other", "files-abc-s3alias"] {
        aws.state().bucket(bucket).otherwise = Some(file.clone());
    }
    aws
}

/// The function of a case, and the AWS that it asks.
async fn start(case: &Case, clock: fn() -> Timestamp) -> (Handler, FakeAws) {
    let replies = case.replies.clone();
    let aws = aws_with(move |call| {
        let reply = replies.iter().find(|(operation, _)| *operation == call.operation);
        reply.map_or_else(|| usual_answer(call), |(_, reply)| Some(reply.clone()))
    })
    .await;
    (handler(case, &aws.endpoint(), clock), aws)
}

/// The function of a case, which asks the AWS at `endpoint`.
fn handler(case: &Case, endpoint: &str, clock: fn() -> Timestamp) -> Handler {
    let end = (now() + SignedDuration::from_hours(1)).to_string();
    let usual = [
        (
            "GRANTS",
            r#"[{"bucket":"files","prefix":"private-files/","principals":["*"],
                 "max_expires_in":1800,"region":"eu-west-1"}]"#,
        ),
        ("AWS_ACCESS_KEY_ID", "ASIADOCTOR"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", TOKEN),
        ("AWS_CREDENTIAL_EXPIRATION", end.as_str()),
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_LAMBDA_FUNCTION_NAME", "signer"),
        ("BUCKET_POLICY", ""),
    ];
    Handler::new(settings_at(now(), &[&usual[..], &case.settings].concat()), clock, |_| ())
}

async fn ask(
    handler: &Handler,
    event: &Value,
    deadline: Timestamp,
) -> Result<(String, Value), EventError> {
    let event = RawValue::from_string(event.to_string()).unwrap();
    let answer = Box::pin(handler.handle(&event, "request", FUNCTION_ARN, deadline)).await?;
    let text = serde_json::to_string_pretty(&answer).unwrap();
    for hidden in HIDDEN {
        assert!(!text.contains(hidden), "{hidden} stands in {text}");
    }
    let value = serde_json::from_str(&text).unwrap();
    Ok((text, value))
}

/// A check's outcome and its sentence, with its commands and bounds below.
fn rendered(check: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let sentence = text(&check["sentence"]);
    // What a connection's end is called is no concern of these tests.
    let sentence = sentence
        .split_once("client error (SendRequest)")
        .map_or(sentence.clone(), |(before, _)| format!("{before}…"));
    let mut lines = format!("{}: {sentence}\n", text(&check["outcome"]));
    for command in check["commands"].as_array().into_iter().flatten() {
        writeln!(lines, "    {}", text(command)).unwrap();
    }
    for bound in check["bounds"].as_array().into_iter().flatten() {
        let seconds = bound["expires_in"].as_u64().map_or("-".to_owned(), |s| format!("{s} s"));
        let (bound, sentence) = (text(&bound["bound"]), text(&bound["sentence"]));
        writeln!(lines, "    {bound:<9} {seconds:>8}  {sentence}").unwrap();
    }
    lines
}

fn compare(name: &str, text: &str) {
    let file: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doctor").join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(text, expected, "{} does not hold this", file.display());
}

/// The checks of an answer, in their order. Statements and findings repeat a name.
const CHECKS: [&str; 13] = [
    "signer",
    "object",
    "grant",
    "block-public-access",
    "bucket-policy",
    "policy-status",
    "other-policies",
    "region",
    "encryption",
    "storage-class",
    "lifecycle",
    "window",
    "revocation",
];

/// The checks of an upload.
const CHECKS_OF_UPLOADS: [&str; 11] = [
    "signer",
    "permission",
    "grant",
    "bucket-policy",
    "other-policies",
    "region",
    "encryption",
    "lifecycle",
    "cors",
    "window",
    "revocation",
];

/// Compares the answers about these cases with the files of `folder`, and gives the outcomes of the checks
/// that they are about.
async fn outcomes(cases: Vec<Case>, checks_in_order: &[&str], folder: &str) -> Vec<String> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    let mut outcomes: BTreeSet<(&str, String)> = BTreeSet::new();
    let mut verdicts = String::new();
    for case in cases {
        let (handler, _aws) = start(&case, now).await;
        let event = json!({"doctor": case.question});
        let (text, answer) = ask(&handler, &event, Timestamp::MAX).await.unwrap();
        if case.is_shown_whole {
            let name = case.name.replace(' ', "-");
            compare(&format!("{folder}{name}.json"), &format!("{text}\n"));
        }
        let verdict = answer["verdict"].as_str().unwrap();
        writeln!(verdicts, "{verdict:<15} {}", case.name).unwrap();
        let checks = answer["checks"].as_array().unwrap();
        let mut order: Vec<_> =
            checks.iter().map(|check| check["check"].as_str().unwrap()).collect();
        order.dedup();
        assert_eq!(order, checks_in_order, "{}", case.name);
        for about in &case.about {
            let found: Vec<_> = checks.iter().filter(|check| check["check"] == *about).collect();
            let file = files.entry(about).or_insert_with(|| format!("# {about}\n"));
            write!(file, "\n## {}\n\n", case.name).unwrap();
            for check in found {
                outcomes.insert((about, check["outcome"].as_str().unwrap().to_owned()));
                file.push_str(&rendered(check));
            }
        }
    }
    for (about, text) in &files {
        compare(&format!("{folder}{about}.txt"), text);
    }
    compare(&format!("{folder}verdicts.txt"), &verdicts);

    let outcomes = outcomes.iter().map(|(check, outcome)| format!("{check} {outcome}"));
    outcomes.collect()
}

#[tokio::test]
async fn every_outcome_of_every_check_is_as_the_files_have_it() {
    let outcomes = outcomes(cases(), &CHECKS, "").await;

    // Every outcome that the code of each check can give.
    let expected = [
        "block-public-access ok",
        "block-public-access unknown",
        "bucket-policy depends",
        "bucket-policy limits",
        "bucket-policy ok",
        "bucket-policy refuses",
        "bucket-policy unknown",
        "encryption ok",
        "encryption refuses",
        "encryption unknown",
        "grant ok",
        "grant refuses",
        "grant unknown",
        "lifecycle limits",
        "lifecycle ok",
        "lifecycle unknown",
        "object ok",
        "object refuses",
        "object unknown",
        "other-policies unknown",
        "policy-status ok",
        "policy-status unknown",
        "region ok",
        "region refuses",
        "region unknown",
        "revocation ok",
        "revocation unknown",
        "signer ok",
        "signer refuses",
        "signer unknown",
        "storage-class limits",
        "storage-class ok",
        "storage-class refuses",
        "storage-class unknown",
        "window limits",
        "window ok",
        "window refuses",
        "window unknown",
    ];
    assert_eq!(outcomes, expected);
}

#[tokio::test]
async fn every_outcome_of_an_upload_s_checks_is_as_the_files_have_it() {
    let outcomes = outcomes(uploads::cases(), &CHECKS_OF_UPLOADS, "uploads/").await;
    let expected = [
        "bucket-policy depends",
        "bucket-policy limits",
        "bucket-policy ok",
        "bucket-policy refuses",
        "bucket-policy unknown",
        "cors depends",
        "cors ok",
        "cors unknown",
        "encryption ok",
        "encryption unknown",
        "grant ok",
        "grant refuses",
        "grant unknown",
        "lifecycle limits",
        "lifecycle ok",
        "lifecycle unknown",
        "other-policies unknown",
        "permission depends",
        "permission ok",
        "permission refuses",
        "permission unknown",
        "region ok",
        "region refuses",
        "region unknown",
        "revocation ok",
        "revocation unknown",
        "signer ok",
        "signer refuses",
        "signer unknown",
        "window limits",
        "window ok",
        "window refuses",
        "window unknown",
    ];
    assert_eq!(outcomes, expected);
}

#[tokio::test]
async fn nothing_is_written_to_examine_an_upload() {
    let case = uploads::usual("an upload", &[]);
    let (handler, aws) = start(&case, now).await;
    let event = json!({"doctor": case.question});
    let (_, answer) = ask(&handler, &event, Timestamp::MAX).await.unwrap();
    assert_eq!(answer["verdict"], "works-for-some");
    for call in aws.take_calls().iter().filter(|call| call.service() == Some(Service::S3)) {
        let method = call.head.split(' ').next().unwrap();
        let changes_nothing = matches!(method, "GET" | "HEAD")
            || call.operation == Operation::CompleteMultipartUpload
                && call.query_parameter("uploadId").as_deref() == Some("none");
        assert!(changes_nothing, "{}", call.head);
    }
}

#[tokio::test]
async fn an_answer_comes_before_the_invocation_ends_and_says_what_was_not_looked_at() {
    let slow = |reply: Reply| reply.after(Duration::from_secs(30));
    let case = Case::new("everything is slow", &[])
        .answer(Operation::GetBucketPolicy, slow(Reply::status(200)))
        .answer(Operation::GetObject, slow(Reply::status(206)))
        .answer(Operation::GetBucketLifecycleConfiguration, slow(Reply::status(200)));
    let (handler, _aws) = start(&case, Timestamp::now).await;
    let began_at = Timestamp::now();
    let deadline = began_at + SignedDuration::from_secs(3);
    let event = json!({"doctor": {"key": KEY, "principal": "alice"}});
    let (_, answer) = ask(&handler, &event, deadline).await.unwrap();
    // A machine with much else to do may answer late, but not as late as the calls' own answers.
    assert!(Timestamp::now().duration_since(began_at) < SignedDuration::from_secs(15));
    assert_eq!(answer["verdict"], "unknown");
    let checks = answer["checks"].as_array().unwrap();
    let outcome = |name: &str| {
        let check = checks.iter().find(|check| check["check"] == name).unwrap();
        (check["outcome"].as_str().unwrap(), check["sentence"].as_str().unwrap())
    };
    for late in ["object", "bucket-policy", "lifecycle"] {
        let (outcome, sentence) = outcome(late);
        assert_eq!(outcome, "unknown", "{late}");
        assert!(sentence.contains("ran out of time"), "{late}: {sentence}");
    }
    for in_time in ["signer", "grant", "block-public-access", "region"] {
        assert_eq!(outcome(in_time).0, "ok", "{in_time}");
    }
}

#[tokio::test]
async fn a_bucket_that_no_grant_names_is_not_looked_at() {
    let (handler, aws) = start(&Case::new("another bucket", &[]), now).await;
    let event = json!({"doctor": {"key": KEY, "bucket": "payroll"}});
    let (_, answer) = ask(&handler, &event, Timestamp::MAX).await.unwrap();
    assert_eq!(answer["verdict"], "does-not-work");
    assert!(aws.take_calls().iter().all(|call| call.service() != Some(Service::S3)));
}

#[tokio::test]
async fn the_policy_is_read_anew_each_time_and_links_keep_to_it_from_then_on() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    static HANGS_UP: AtomicBool = AtomicBool::new(false);
    let aws = aws_with(|call| match call.operation {
        Operation::GetBucketPolicy if HANGS_UP.load(Ordering::SeqCst) => Some(Reply::hang_up()),
        Operation::GetBucketPolicy if CALLS.fetch_add(1, Ordering::SeqCst) > 0 => {
            Some(Reply::json(&json!({
                "Statement": {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
                              "Condition": {"NumericGreaterThan": {"s3:signatureAge": "600000"}}},
            })))
        }
        _ => usual_answer(call),
    })
    .await;
    let handler =
        handler(&Case::new("a policy that changes", &[]), &aws.endpoint(), Timestamp::now);
    let event = json!({"doctor": {"key": KEY, "principal": "alice"}});
    for expected in ["ok", "limits", "unknown"] {
        // A policy that was read before is no answer to the doctor, and links keep to it.
        HANGS_UP.store(expected == "unknown", Ordering::SeqCst);
        let (_, answer) = ask(&handler, &event, Timestamp::MAX).await.unwrap();
        let checks = answer["checks"].as_array().unwrap();
        let policy = checks.iter().find(|check| check["check"] == "bucket-policy").unwrap();
        assert_eq!(policy["outcome"], expected);
    }
    let (_, link) = post(&handler, "alice", "/links", &json!({"key": KEY})).await;
    assert_eq!((&link["expires_in"], &link["limited_by"]), (&json!(595), &json!("policy")));
    assert_eq!(CALLS.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_malformed_question_fails_with_what_to_send() {
    let (handler, aws) = start(&Case::new("malformed", &[]), now).await;
    for event in
        [json!({"doctor": {}}), json!({"doctor": {"key": 7}}), json!({"doctor": {"k": ""}})]
    {
        let error = ask(&handler, &event, Timestamp::MAX).await.unwrap_err();
        assert!(matches!(error, EventError::Malformed(_)), "{error:?}");
        assert!(error.to_string().contains("Send {\"doctor\": {\"key\": "), "{error}");
    }
    assert_eq!(aws.count(Operation::GetCallerIdentity), 0);
}

#[tokio::test]
async fn no_request_over_http_reaches_the_doctor() {
    let (handler, aws) = start(&Case::new("over http", &[]), now).await;
    let question = json!({"key": KEY});
    let over_http = json!({
        "version": "2.0", "rawPath": "/doctor", "doctor": question, "isBase64Encoded": false,
        "body": json!({"doctor": question}).to_string(),
        "requestContext": {"http": {"method": "POST", "path": "/doctor"}},
    });
    let event = RawValue::from_string(over_http.to_string()).unwrap();
    let answer = Box::pin(handler.handle(&event, "request", FUNCTION_ARN, Timestamp::MAX)).await;
    assert_eq!(serde_json::to_value(answer.unwrap()).unwrap()["statusCode"], 404);
    let in_queue = json!({"doctor": question, "Records": [{
        "eventSource": "aws:sqs", "messageId": "1", "body": json!({"doctor": question}).to_string(),
    }]});
    let event = RawValue::from_string(in_queue.to_string()).unwrap();
    let answer = Box::pin(handler.handle(&event, "request", FUNCTION_ARN, Timestamp::MAX)).await;
    assert!(answer.is_err());
    assert_eq!(aws.count(Operation::GetCallerIdentity), 0);
}

#[tokio::test]
async fn the_events_for_the_doctor_are_questions() {
    for file in
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("events/doctor")).unwrap()
    {
        let path = file.unwrap().path();
        let event: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let (handler, _aws) = start(&Case::new("fixture", &[]), now).await;
        let answer = ask(&handler, &event, Timestamp::MAX).await;
        let is_malformed = path.to_string_lossy().contains("malformed");
        assert_eq!(answer.is_err(), is_malformed, "{}: {answer:?}", path.display());
    }
}
