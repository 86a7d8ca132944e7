//! Windows that a bucket's policy or the object's own end limits.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fake_aws::{Call, FakeAws, Object, Operation, Reply};
use jiff::fmt::strtime;
use jiff::{SignedDuration, Timestamp};
use s3_link_signer::Handler;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::requests::post;
use super::settings::settings;

/// How often the policy was asked for.
fn policy_calls(s3: &FakeAws) -> usize {
    s3.count(Operation::GetBucketPolicy)
}

/// A policy with one statement that denies everything under this condition.
fn deny(sid: &str, condition: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::files/*", "Condition": condition,
    }]})
}

/// An AWS whose bucket has this policy.
async fn s3_with(policy: Value) -> FakeAws {
    let s3 = FakeAws::start().await;
    s3.state().bucket("files").policy = Some(policy);
    s3
}

fn handler_with(s3: &FakeAws, changes: &[(&str, &str)], clock: fn() -> Timestamp) -> Handler {
    let endpoint = s3.endpoint();
    let end = (Timestamp::now() + SignedDuration::from_hours(12)).to_string();
    let usual = [
        ("GRANTS", r#"[{"bucket":"files","prefix":"","principals":["*"],"region":"eu-west-1"}]"#),
        ("BUCKET_POLICY", ""),
        ("AWS_CREDENTIAL_EXPIRATION", end.as_str()),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
    ];
    Handler::new(settings(&[&usual, changes].concat()), clock, |_| ())
}

fn handler(s3: &FakeAws, changes: &[(&str, &str)]) -> Handler {
    handler_with(s3, changes, Timestamp::now)
}

async fn link(handler: &Handler, more: &Value) -> (u64, Value) {
    let mut body = json!({"key": "a/report.pdf", "expires_in": 3_600});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    post(handler, "alice", "/links", &body).await
}

/// The policy with which `GuardDuty`'s guide keeps files back until they are scanned.
fn only_scanned_files() -> Value {
    deny(
        "OnlyScannedFiles",
        &json!({"StringNotEquals": {
            "s3:ExistingObjectTag/GuardDutyMalwareScanStatus": "NO_THREATS_FOUND"}}),
    )
}

#[tokio::test]
async fn a_file_that_is_being_scanned_is_told_from_one_that_a_scan_keeps_back() {
    let tag = |value: &str| {
        format!("<Tag><Key>GuardDutyMalwareScanStatus</Key><Value>{value}</Value></Tag>")
    };
    for (tags, expected) in [
        (Some(String::new()), "and it has no such tag yet: a scan that sets it has not ended."),
        (Some(tag("THREATS_FOUND")), "and it is \"THREATS_FOUND\": the scan that set it"),
        (None, ""),
    ] {
        let may_read_tags = tags.is_some();
        let s3 = s3_with(only_scanned_files()).await;
        s3.script(move |call| match (call.operation, &tags) {
            (Operation::GetObject, _) => Some(Reply::s3_error(403, "AccessDenied")),
            (Operation::GetObjectTagging, Some(tags)) => {
                Some(Reply::document(&format!("<Tagging><TagSet>{tags}</TagSet></Tagging>")))
            }
            _ => None,
        });
        let (status, problem) = link(&handler(&s3, &[]), &json!({"check": true})).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (422, Some("object-unavailable")),
            "{problem}"
        );
        let detail = problem["detail"].as_str().unwrap();
        // Without the permission nothing is said of tags.
        let is_told =
            if may_read_tags { detail.contains(expected) } else { !detail.contains("tag") };
        assert!(is_told, "{detail}");
        assert_eq!(s3.count(Operation::GetObjectTagging), 1);
    }
    // Another refusal asks for no tags.
    let s3 = s3_with(json!({"Statement": []})).await;
    s3.script(|call| {
        (call.operation == Operation::GetObject).then(|| Reply::s3_error(403, "AccessDenied"))
    });
    let (status, _) = link(&handler(&s3, &[]), &json!({"check": true})).await;
    assert_eq!((status, s3.count(Operation::GetObjectTagging)), (422, 0));
}

#[tokio::test]
async fn a_window_keeps_to_the_age_that_the_policy_allows() {
    let guardrail = json!({"NumericGreaterThan": {"s3:signatureAge": 600_000}});
    let s3 = s3_with(deny("Guardrail", &guardrail)).await;
    let (status, body) = link(&handler(&s3, &[]), &json!({})).await;
    assert_eq!((status, &body["expires_in"]), (200, &json!(595)), "{body}");
    assert_eq!((&body["limited_by"], &body["bucket_policy"]), (&json!("policy"), &json!("heeded")));
    assert!(body["url"].as_str().unwrap().contains("X-Amz-Expires=595&"));

    let (status, body) = link(&handler(&s3, &[]), &json!({"min_expires_in": 600})).await;
    assert_eq!((status, &body["code"]), (409, &json!("window-too-short")));
    assert_eq!(
        (&body["limited_by"], &body["available_expires_in"]),
        (&json!("policy"), &json!(595))
    );
}

#[tokio::test]
async fn a_window_ends_before_the_instant_from_which_on_the_policy_denies() {
    let from = Timestamp::from_second(Timestamp::now().as_second() + 1_000).unwrap();
    let condition = json!({"DateGreaterThan": {"aws:CurrentTime": from.to_string()}});
    let s3 = s3_with(deny("Closing", &condition)).await;
    let (_, body) = link(&handler(&s3, &[]), &json!({})).await;
    assert_eq!(body["limited_by"], "policy");
    let expires_at: Timestamp = body["expires_at"].as_str().unwrap().parse().unwrap();
    let margin = from.duration_since(expires_at).as_secs_f64();
    // The policy denies from the second after `from` on.
    assert!((4.0..6.0).contains(&margin), "{margin}");
}

#[tokio::test]
async fn a_link_that_would_never_open_is_not_given_and_the_statement_is_named() {
    let condition = json!({"StringEquals": {"s3:authType": "REST-QUERY-STRING"}});
    let s3 = s3_with(deny("NoPresignedUrls", &condition)).await;
    let (status, body) = link(&handler(&s3, &[]), &json!({})).await;
    assert_eq!((status, &body["code"]), (422, &json!("object-unavailable")));
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains("statement \"NoPresignedUrls\" refuses every such link"), "{detail}");
}

#[tokio::test]
async fn what_turns_on_the_recipient_alone_shortens_nothing() {
    let condition = json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}});
    let s3 = s3_with(deny("OfficeOnly", &condition)).await;
    let (_, body) = link(&handler(&s3, &[]), &json!({})).await;
    assert_eq!((&body["expires_in"], &body["bucket_policy"]), (&json!(3_600), &json!("heeded")));
}

#[tokio::test]
async fn a_statement_about_others_than_the_signer_shortens_nothing() {
    for (arn, expires_in) in [
        ("arn:aws:iam::123456789012:role/signer", 3_600),
        ("arn:aws:iam::123456789012:role/other", 595),
    ] {
        let condition = json!({
            "NumericGreaterThan": {"s3:signatureAge": 600_000},
            "ArnNotEquals": {"aws:PrincipalArn": arn},
        });
        let s3 = s3_with(deny("OthersOnly", &condition)).await;
        s3.state().sts.minted_until = Some(Timestamp::now() + SignedDuration::from_hours(2));
        let role = ("SIGNING_ROLE_ARN", "arn:aws:iam::123456789012:role/signer");
        let handler = handler(&s3, &[role, ("AWS_CREDENTIAL_EXPIRATION", "")]);
        let (_, body) = link(&handler, &json!({})).await;
        assert_eq!(body["expires_in"], expires_in, "{body}");
        link(&handler, &json!({})).await;
        assert_eq!(s3.count(Operation::GetCallerIdentity), 1);
    }
}

#[tokio::test]
async fn a_policy_that_may_not_be_read_is_said_to_be_unreadable_or_refuses_the_link() {
    let s3 = FakeAws::scripted(|_| Reply::s3_error(403, "AccessDenied")).await;
    let heeding = handler(&s3, &[]);
    for _ in 0..3 {
        let (status, body) = link(&heeding, &json!({})).await;
        assert_eq!((status, &body["bucket_policy"]), (200, &json!("unreadable")));
    }
    assert_eq!(policy_calls(&s3), 1, "the refusal is remembered");

    let (status, body) = link(&handler(&s3, &[("BUCKET_POLICY", "require")]), &json!({})).await;
    assert_eq!((status, &body["code"]), (503, &json!("policy-unreadable")));
    assert!(body["detail"].as_str().unwrap().contains("allow s3:GetBucketPolicy"), "{body}");

    let calls = policy_calls(&s3);
    let (status, body) = link(&handler(&s3, &[("BUCKET_POLICY", "ignore")]), &json!({})).await;
    assert_eq!((status, &body["bucket_policy"]), (200, &json!("ignored")));
    assert_eq!(policy_calls(&s3), calls, "nothing is asked");
}

#[tokio::test]
async fn a_bucket_without_a_policy_denies_nothing() {
    let s3 = FakeAws::scripted(|_| Reply::s3_error(404, "NoSuchBucketPolicy")).await;
    let (_, body) = link(&handler(&s3, &[("BUCKET_POLICY", "require")]), &json!({})).await;
    assert_eq!((&body["expires_in"], &body["bucket_policy"]), (&json!(3_600), &json!("heeded")));
}

#[tokio::test]
async fn the_policy_is_read_once_for_a_batch_and_while_initialising() {
    let guardrail = json!({"NumericGreaterThan": {"s3:signatureAge": 600_000}});
    let s3 = s3_with(deny("Guardrail", &guardrail)).await;
    let handler = handler(&s3, &[]);
    handler.initialise().await;
    assert_eq!((policy_calls(&s3), s3.count(Operation::GetCallerIdentity)), (1, 0));
    let links: Vec<_> = (0..1_000).map(|index| json!({"key": format!("{index}.txt")})).collect();
    let (_, body) = post(&handler, "alice", "/links/batch", &json!({ "links": links })).await;
    let entries = body["links"].as_array().unwrap();
    assert!(entries.iter().all(|entry| entry["expires_in"] == 595), "{}", entries[0]);
    assert_eq!((policy_calls(&s3), s3.count(Operation::GetCallerIdentity)), (1, 0));
}

static LATER: AtomicI64 = AtomicI64::new(0);

fn now_and_later() -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(LATER.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_policy_is_read_again_after_five_minutes_and_kept_while_s3_does_not_answer() {
    static ANSWERS: AtomicI64 = AtomicI64::new(0);
    let s3 = FakeAws::scripted(|call| {
        if call.operation != Operation::GetBucketPolicy {
            return None;
        }
        let milliseconds = match ANSWERS.fetch_add(1, Ordering::SeqCst) {
            0 => 600_000,
            // The SDK tries a call twice.
            1..=2 => return Some(Reply::hang_up()),
            _ => 300_000,
        };
        let condition = json!({"NumericGreaterThan": {"s3:signatureAge": milliseconds}});
        Some(Reply::json(&deny("Guardrail", &condition)))
    })
    .await;
    let handler = handler_with(&s3, &[], now_and_later);
    for (second, expires_in) in [(0, 595), (299, 595), (301, 595), (310, 295)] {
        LATER.store(second, Ordering::SeqCst);
        let (_, body) = link(&handler, &json!({})).await;
        assert_eq!(body["expires_in"], expires_in, "at second {second}");
    }
}

#[tokio::test]
async fn a_policy_that_s3_shows_no_more_goes_on_shortening_windows_and_is_not_called_the_bucket_s()
{
    use std::cell::Cell;

    use crate::log::Log;
    thread_local! {
        static PASSED: Cell<i64> = const { Cell::new(0) };
    }
    let clock = || {
        let begin: Timestamp = "2026-11-23T13:05:17.25Z".parse().unwrap();
        begin + SignedDuration::from_secs(PASSED.get())
    };
    for refusal in [(503, "SlowDown"), (403, "AccessDenied")] {
        PASSED.set(0);
        let guardrail = json!({"NumericGreaterThan": {"s3:signatureAge": 600_000}});
        let s3 = s3_with(deny("Guardrail", &guardrail)).await;
        let end = ("AWS_CREDENTIAL_EXPIRATION", "2026-12-23T13:00:00Z");
        let heeding = handler_with(&s3, &[end], clock);
        let requiring = handler_with(&s3, &[end, ("BUCKET_POLICY", "require")], clock);
        let log = Log::default();
        let _guard = log.collect();
        for function in [&heeding, &requiring] {
            let (_, body) = link(function, &json!({})).await;
            assert_eq!(
                (&body["expires_in"], &body["bucket_policy"]),
                (&json!(595), &json!("heeded"))
            );
        }
        s3.script(move |call| {
            (call.operation == Operation::GetBucketPolicy)
                .then(|| Reply::s3_error(refusal.0, refusal.1))
        });
        // A refusal counts at once. Silence counts when the policy is a quarter of an hour old.
        let from = if refusal.0 == 403 { 301 } else { 901 };
        for second in [299, 301, 700, 899, 901, 1_500, 3_600, 36_000] {
            PASSED.set(second);
            let is_known = second < from;
            let (status, body) = link(&heeding, &json!({})).await;
            assert_eq!((status, &body["expires_in"]), (200, &json!(595)), "{second}: {body}");
            let reading = if is_known { "heeded" } else { "unreadable" };
            assert_eq!(body["bucket_policy"], reading, "{second}");
            let (status, body) = link(&requiring, &json!({})).await;
            assert_eq!(status, if is_known { 200 } else { 503 }, "{second}: {body}");
        }
        let text = log.text();
        let told = text.matches("a bucket's policy can't be read").count();
        assert_eq!(told, 2, "once for each function: {text}");
    }
}

#[tokio::test]
async fn a_statement_that_aws_may_read_in_several_ways_is_unreadable_and_named() {
    let condition = json!({"DateGreaterThan": {"aws:CurrentTime": "2027"}});
    let s3 = s3_with(deny("AfterTheFair", &condition)).await;
    let (status, body) = link(&handler(&s3, &[]), &json!({})).await;
    assert_eq!((status, &body["bucket_policy"]), (200, &json!("unreadable")), "{body}");
    let (status, body) = link(&handler(&s3, &[("BUCKET_POLICY", "require")]), &json!({})).await;
    assert_eq!((status, &body["code"]), (503, &json!("policy-unreadable")), "{body}");
    assert!(body["detail"].as_str().unwrap().contains("\"AfterTheFair\""), "{body}");
}

/// How long this thread has had a processor, in nanoseconds.
fn processor_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_batch_under_two_hundred_prefixes_takes_twice_the_time_at_most() {
    let prefixes: Vec<_> = (0..200)
        .map(|number| format!("arn:aws:s3:::files/departments/{number}/confidential/*"))
        .collect();
    let policy = json!({"Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": prefixes,
        "Condition": {"NumericGreaterThan": {"s3:signatureAge": 600_000}},
    }]});
    let (with, without) = (s3_with(policy).await, FakeAws::start().await);
    let (with, without) = (handler(&with, &[]), handler(&without, &[]));
    let links: Vec<_> =
        (0..1_000).map(|n| json!({"key": format!("departments/{n}/report.pdf")})).collect();
    let body = json!({ "links": links });
    let mut least = [u64::MAX; 2];
    for _ in 0..5 {
        for (function, least) in [&with, &without].into_iter().zip(&mut least) {
            let before = processor_time();
            let (status, _) = post(function, "alice", "/links/batch", &body).await;
            assert_eq!(status, 200);
            *least = (*least).min(processor_time() - before);
        }
    }
    assert!(least[0] <= 2 * least[1], "{least:?} ns");
    println!("with the policy and without: {least:?} ns");
}

#[tokio::test]
async fn a_checked_link_ends_before_the_object_does() {
    let end = Timestamp::from_second(Timestamp::now().as_second() + 900).unwrap();
    let date = strtime::format("%a, %d %b %Y %H:%M:%S GMT", end);
    let date = date.unwrap();
    for header in [
        ("x-amz-expiration", format!("expiry-date=\"{date}\", rule-id=\"tidy\"")),
        ("x-amz-restore", format!("ongoing-request=\"false\", expiry-date=\"{date}\"")),
    ] {
        let s3 = FakeAws::start().await;
        let object = Object::of_size(1).with_header(header.0, header.1.as_str());
        s3.put_object("files", "a/report.pdf", object);
        let handler = handler(&s3, &[]);
        let (_, body) = link(&handler, &json!({"check": true})).await;
        assert_eq!(
            (&body["limited_by"], &body["object_expires_at"]),
            (&json!("object"), &json!(end.to_string()))
        );
        let expires_at: Timestamp = body["expires_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(end.duration_since(expires_at), SignedDuration::from_secs(5));
        // A short link is not touched, and says when the object ends all the same.
        let (_, body) = link(&handler, &json!({"check": true, "expires_in": 60})).await;
        assert_eq!((&body["limited_by"], &body["expires_in"]), (&json!("request"), &json!(60)));
        // S3 is not asked about the object without a check.
        let (_, body) = link(&handler, &json!({})).await;
        assert_eq!(
            (&body["limited_by"], &body["object_expires_at"]),
            (&json!("request"), &Value::Null)
        );
    }
}

/// The age of a link at its arrival, by the server's clock.
fn age(call: &Call) -> SignedDuration {
    let date = call.query_parameter("X-Amz-Date").unwrap();
    let signed_at = strtime::parse("%Y%m%dT%H%M%S%z", date.replace('Z', "+0000"));
    Timestamp::now().duration_since(signed_at.unwrap().to_timestamp().unwrap())
}

#[tokio::test]
async fn a_link_opens_until_its_promised_end_at_a_server_that_enforces_the_age() {
    const ALLOWED: SignedDuration = SignedDuration::from_secs(8);
    let guardrail = json!({"NumericGreaterThan": {"s3:signatureAge": "8000"}});
    let s3 = s3_with(deny("Guardrail", &guardrail)).await;
    s3.put_object("files", "a/report.pdf", Object::of_size(1));
    s3.script(|call| {
        let is_late = call.is_presigned() && age(call) > ALLOWED;
        is_late.then(|| Reply::s3_error(403, "AccessDenied"))
    });
    let (_, body) = link(&handler(&s3, &[]), &json!({})).await;
    assert_eq!(body["expires_in"], 3, "{body}");
    let expires_at: Timestamp = body["expires_at"].as_str().unwrap().parse().unwrap();
    let mut opened = 0;
    while Timestamp::now() <= expires_at {
        assert_eq!(open(body["url"].as_str().unwrap()).await, 200);
        opened += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(opened > 5);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(open(body["url"].as_str().unwrap()).await, 403, "the server does enforce it");
}

/// The status of a GET.
async fn open(url: &str) -> u16 {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[9..]).parse().unwrap()
}

/// Links to eight buckets, whose grants name no region.
fn links_to_eight_buckets() -> (String, Value) {
    let buckets: Vec<_> = (0..8).map(|number| format!("bucket-{number}")).collect();
    let grants: Vec<_> = buckets
        .iter()
        .map(|bucket| json!({"bucket": bucket, "prefix": "", "principals": ["*"], "region": "eu-west-1"}))
        .collect();
    let links: Vec<_> =
        buckets.iter().map(|bucket| json!({"bucket": bucket, "key": "a.txt"})).collect();
    (Value::from(grants).to_string(), json!({ "links": links }))
}

#[tokio::test]
async fn the_policies_of_a_batch_s_buckets_are_read_at_the_same_time() {
    let s3 = FakeAws::scripted(|_| {
        Reply::s3_error(404, "NoSuchBucketPolicy").after(Duration::from_millis(300))
    })
    .await;
    let (grants, links) = links_to_eight_buckets();
    let handler = handler(&s3, &[("GRANTS", grants.as_str())]);
    let began = std::time::Instant::now();
    let (_, body) = post(&handler, "alice", "/links/batch", &links).await;
    let took = began.elapsed();
    let entries = body["links"].as_array().unwrap();
    assert!(entries.iter().all(|entry| entry["bucket_policy"] == "heeded"), "{body}");
    assert_eq!(policy_calls(&s3), 8);
    // One after the other they take 2.4 s.
    assert!(took < Duration::from_millis(1_500), "{took:?}");
}

#[tokio::test]
async fn a_bucket_that_is_silent_fails_no_other() {
    let s3 = FakeAws::scripted(|call| {
        if call.bucket() == "bucket-3" {
            return Reply::status(200).after(Duration::from_mins(1));
        }
        Reply::s3_error(404, "NoSuchBucketPolicy")
    })
    .await;
    let (grants, links) = links_to_eight_buckets();
    let changes = [("GRANTS", grants.as_str()), ("BUCKET_POLICY", "require")];
    let (_, body) = post(&handler(&s3, &changes), "alice", "/links/batch", &links).await;
    for (number, entry) in body["links"].as_array().unwrap().iter().enumerate() {
        match number {
            3 => assert_eq!(entry["code"], "policy-unreadable", "{entry}"),
            _ => assert_eq!(entry["bucket_policy"], "heeded", "{entry}"),
        }
    }
}
