//! Every answer comes before Lambda ends the invocation, and no failure of the initialisation
//! outlives it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake_aws::{Call, FakeAws, Operation, Reply, token};
use jiff::{SignedDuration, Timestamp};
use s3_link_signer::Handler;
use serde_json::{Value, json};

use super::batches::{batch, batch_until, handler};
use super::requests::post;
use super::settings::settings;

const GRANTS: &str = r#"[{"bucket":"files","prefix":"","principals":["*"],"region":"eu-west-1"}]"#;

fn is_given(entry: &Value) -> bool {
    entry["url"].is_string()
}

/// What S3 answers to a check of a link.
fn one_byte() -> Reply {
    Reply::part("a", "bytes 0-0/7")
}

/// A function whose session ends in an hour, with this S3.
fn handler_with(s3: &FakeAws, changes: &[(&str, &str)]) -> Handler {
    let endpoint = s3.endpoint();
    let end = (Timestamp::now() + SignedDuration::from_hours(1)).to_string();
    let mut settings = vec![
        ("GRANTS", GRANTS),
        ("AWS_CREDENTIAL_EXPIRATION", end.as_str()),
        ("AWS_ENDPOINT_URL_S3", endpoint.as_str()),
    ];
    settings.extend(changes);
    handler(&settings)
}

/// So many checked links from an S3 that answers so, in `seconds`.
async fn checked(
    s3: impl Fn(&Call) -> Reply + Send + Sync + 'static,
    count: usize,
    seconds: i64,
) -> (Vec<Value>, SignedDuration) {
    let s3 = FakeAws::scripted(s3).await;
    let handler = handler_with(&s3, &[]);
    let began_at = Timestamp::now();
    let deadline = began_at + SignedDuration::from_secs(seconds);
    let entries = batch_until(&handler, count, true, deadline).await;
    (entries, Timestamp::now().duration_since(began_at))
}

#[tokio::test]
async fn more_links_are_checked_at_once_where_s3_is_slow() {
    // With 64 at a time, the checks would take 16 s. A call that takes two seconds is given up, and a busy
    // machine needs some of them.
    let slow = |_: &Call| Reply::status(206).after(Duration::from_secs(1));
    let (entries, took) = checked(slow, 1_000, 13).await;
    assert_eq!(entries.iter().filter(|entry| is_given(entry)).count(), 1_000, "after {took}");
}

#[tokio::test]
async fn what_can_t_be_checked_in_time_becomes_a_problem_and_the_rest_is_given() {
    // S3 says nothing about every second key.
    let half = |call: &Call| {
        let key = call.key();
        let Some((number, _)) = key.split_once(".txt") else {
            return Reply::s3_error(404, "NoSuchLifecycleConfiguration");
        };
        let hangs = number.parse::<usize>().unwrap() % 2 == 1;
        Reply::status(206).after(if hangs { Duration::from_mins(5) } else { Duration::ZERO })
    };
    let (entries, took) = checked(half, 20, 4).await;
    assert!(took < SignedDuration::from_secs(4), "{took}");
    for (number, entry) in entries.iter().enumerate() {
        if number % 2 == 0 {
            assert!(is_given(entry), "{entry}");
            continue;
        }
        assert_eq!((&entry["code"], &entry["status"]), (&"upstream".into(), &504.into()));
        let detail = entry["detail"].as_str().unwrap();
        assert!(detail.contains("ran out of time"), "{detail}");
        assert!(detail.contains("ask for fewer links at once, or without \"check\""), "{detail}");
    }
}

#[tokio::test]
async fn a_batch_that_is_slow_to_sign_is_answered_in_time() {
    // Each time that the clock is read, 0.4 ms have passed. A link reads it several times.
    static READ: AtomicUsize = AtomicUsize::new(0);
    let clock = || {
        let begin: Timestamp = "2026-11-23T13:05:17.25Z".parse().unwrap();
        let read = READ.fetch_add(1, Ordering::SeqCst);
        begin + SignedDuration::from_micros(i64::try_from(read).unwrap() * 400)
    };
    let s3 = FakeAws::start().await;
    let endpoint = s3.endpoint();
    let variables = [
        ("GRANTS", r#"[{"bucket":"files","prefix":"","principals":["*"],"region":"eu-west-1"}]"#),
        ("AWS_CREDENTIAL_EXPIRATION", "2026-11-24T13:00:00Z"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
    ];
    let handler = Handler::new(settings(&variables), clock, |_| ());
    let deadline = clock() + SignedDuration::from_millis(1_300);
    let entries = batch_until(&handler, 1_000, false, deadline).await;
    assert!(clock() < deadline, "{} of {deadline}", clock());
    let given = entries.iter().filter(|entry| is_given(entry)).count();
    assert!((100..1_000).contains(&given), "{given}");
    assert_eq!(entries[999]["status"], 504, "{}", entries[999]);
}

#[tokio::test]
async fn a_check_takes_nothing_from_the_window() {
    let s3 = FakeAws::scripted(|_| one_byte().after(Duration::from_millis(1_800))).await;
    let handler = handler_with(&s3, &[]);
    let body = json!({"key": "a.txt", "expires_in": 2, "min_expires_in": 2, "check": true});
    let (status, link) = post(&handler, "alice", "/links", &body).await;
    let left = |link: &Value| {
        let end: Timestamp = link["expires_at"].as_str().unwrap().parse().unwrap();
        end.duration_since(Timestamp::now()).as_secs_f64()
    };
    assert_eq!((status, &link["expires_in"]), (200, &json!(2)), "{link}");
    assert!(left(&link) > 0.9, "{link}");
    // The link that was opened and the one that is given have one id.
    let opened = s3.calls(Operation::GetObject)[0].query_parameter("x-link-id").unwrap();
    assert_eq!(link["link_id"], opened);
    assert!(link["url"].as_str().unwrap().contains(&format!("x-link-id={opened}")));
}

#[tokio::test]
async fn no_link_of_a_batch_loses_the_time_of_another_one_s_check() {
    // The check of the last one gets no answer within two seconds, and is made once more.
    let asked = AtomicUsize::new(0);
    let s3 = move |call: &Call| {
        let is_slow = call.key() == "19.txt" && asked.fetch_add(1, Ordering::SeqCst) == 0;
        one_byte().after(Duration::from_secs(if is_slow { 10 } else { 0 }))
    };
    let (entries, took) = checked(s3, 20, 60).await;
    assert!(took > SignedDuration::from_secs(2), "{took}");
    let now = Timestamp::now();
    for entry in &entries {
        let end: Timestamp = entry["expires_at"].as_str().unwrap().parse().unwrap();
        let left = end.duration_since(now).as_secs_f64();
        let promised = entry["expires_in"].as_f64().unwrap();
        assert!(left > promised - 1.9, "{left} of {promised}");
    }
}

#[tokio::test]
async fn a_check_that_gets_no_answer_is_made_once_more() {
    let asked = AtomicUsize::new(0);
    let s3 = move |_: &Call| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::hang_up(),
        _ => Reply::status(206),
    };
    let (entries, _) = checked(s3, 1, 60).await;
    assert!(is_given(&entries[0]), "{entries:?}");
}

#[tokio::test]
async fn each_of_many_checks_that_get_no_answer_is_made_once_more() {
    let asked = Mutex::new(HashSet::new());
    let s3 = move |call: &Call| {
        if asked.lock().unwrap().insert(call.key()) {
            Reply::hang_up()
        } else {
            Reply::status(206).after(Duration::from_millis(300))
        }
    };
    let (entries, _) = checked(s3, 200, 60).await;
    assert!(entries.iter().all(is_given), "{entries:?}");
}

#[tokio::test]
async fn a_refusal_whose_reason_does_not_come_is_no_answer() {
    let late = Duration::from_mins(5);
    let s3 = move |_: &Call| Reply::s3_error(403, "ExpiredToken").body_after(late);
    let (entries, _) = checked(s3, 1, 60).await;
    assert_eq!((&entries[0]["code"], &entries[0]["status"]), (&"upstream".into(), &502.into()));
    let detail = entries[0]["detail"].as_str().unwrap();
    assert!(detail.contains("status 403 that was cut off"), "{detail}");
}

#[tokio::test]
async fn a_check_leaves_its_connection_to_the_next() {
    // A body that nobody reads comes too late to be passed over before its connection is closed.
    let s3 = FakeAws::scripted(|_| one_byte().body_after(Duration::from_millis(50))).await;
    let entries = batch_until(&handler_with(&s3, &[]), 1_000, true, Timestamp::MAX).await;
    assert!(entries.iter().all(is_given), "{entries:?}");
    // Up to 256 are under way together. A check that begins before the connection of another is put back
    // makes one of its own. Where no body was read, there were 961 connections at least; beside six busy
    // processes, where all were, 402 at most.
    assert!(s3.connections() < 700, "{}", s3.connections());
}

#[tokio::test]
async fn no_connection_serves_two_invocations() {
    let s3 = FakeAws::scripted(|_| Reply::status(206)).await;
    let handler = handler_with(&s3, &[]);
    for invocations in 1..=3 {
        let entries = batch_until(&handler, 1, true, Timestamp::MAX).await;
        assert!(is_given(&entries[0]), "{entries:?}");
        assert_eq!(s3.connections(), invocations);
    }
}

#[tokio::test]
async fn an_sts_that_hangs_does_not_hold_an_answer_past_the_deadline() {
    let sts = FakeAws::scripted(|_| Reply::status(500).after(Duration::from_mins(5))).await;
    let endpoint = sts.endpoint();
    let handler = handler(&[("GRANTS", GRANTS), ("AWS_ENDPOINT_URL_STS", &endpoint)]);
    let began_at = Timestamp::now();
    let deadline = began_at + SignedDuration::from_secs(3);
    let entries = batch_until(&handler, 2, false, deadline).await;
    assert!(Timestamp::now() < deadline);
    assert!(entries.iter().all(|entry| entry["code"] == "upstream"), "{entries:?}");
}

/// An STS that gives no answer to its first call, and attests afterwards.
fn attesting_at_the_second_call() -> impl Fn(&Call) -> Reply {
    let asked = AtomicUsize::new(0);
    move |_| {
        if asked.fetch_add(1, Ordering::SeqCst) == 0 {
            return Reply::hang_up();
        }
        let now = Timestamp::now();
        Reply::token(&token(now, now + SignedDuration::from_hours(11), "signer"))
    }
}

#[tokio::test]
async fn evidence_that_the_initialisation_could_not_get_is_asked_for_by_the_first_request() {
    let sts = FakeAws::scripted(attesting_at_the_second_call()).await;
    let endpoint = sts.endpoint();
    let handler = handler(&[("GRANTS", GRANTS), ("AWS_ENDPOINT_URL_STS", &endpoint)]);
    handler.initialise().await;
    assert_eq!(sts.count(Operation::GetWebIdentityToken), 1, "the initialisation tries once");
    assert!(batch(&handler, 3).await.iter().all(is_given));
    assert_eq!(sts.count(Operation::GetWebIdentityToken), 2);
}

#[tokio::test]
async fn a_policy_that_the_initialisation_could_not_get_is_asked_for_by_the_first_request() {
    let answers = Arc::new(AtomicBool::new(false));
    let s3_answers = Arc::clone(&answers);
    let s3 = FakeAws::scripted(move |_| {
        if s3_answers.load(Ordering::SeqCst) {
            Reply::s3_error(404, "NoSuchBucketPolicy")
        } else {
            Reply::hang_up()
        }
    })
    .await;
    let handler = handler_with(&s3, &[("BUCKET_POLICY", "require")]);
    handler.initialise().await;
    let calls = s3.count(Operation::GetBucketPolicy);
    assert!(calls > 0);
    answers.store(true, Ordering::SeqCst);
    assert!(batch(&handler, 3).await.iter().all(is_given));
    assert_eq!(s3.count(Operation::GetBucketPolicy), calls + 1);
}

#[tokio::test]
async fn a_region_that_the_initialisation_could_not_get_is_asked_for_by_the_first_request() {
    let answers = Arc::new(AtomicBool::new(false));
    let s3_answers = Arc::clone(&answers);
    let s3 = FakeAws::scripted(move |call| match s3_answers.load(Ordering::SeqCst) {
        false => Reply::hang_up(),
        true if call.operation == Operation::GetBucketPolicy => {
            Reply::s3_error(404, "NoSuchBucketPolicy")
        }
        true => Reply::status(200).with_header("x-amz-bucket-region", "eu-west-1"),
    })
    .await;
    let grants = r#"[{"bucket":"files","prefix":"","principals":["*"]}]"#;
    let handler = handler_with(&s3, &[("GRANTS", grants), ("BUCKET_POLICY", "require")]);
    handler.initialise().await;
    assert!(s3.count(Operation::HeadBucket) > 0);
    answers.store(true, Ordering::SeqCst);
    assert!(batch(&handler, 3).await.iter().all(is_given));
}

#[tokio::test]
async fn of_an_upstream_s_words_only_the_code_reaches_a_caller() {
    let sts = FakeAws::scripted(Reply::repeating).await;
    let endpoint = sts.endpoint();
    let handler = handler(&[
        ("GRANTS", GRANTS),
        ("SIGNING_ROLE_ARN", "arn:aws:iam::123456789012:role/signer"),
        ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEJr//////////wEaCWV1LXdlc3QtMSJHMEUCIQDabc"),
        ("AWS_ENDPOINT_URL_STS", &endpoint),
    ]);
    for entry in batch(&handler, 2).await {
        let detail = entry["detail"].as_str().unwrap();
        assert!(detail.contains("SignatureDoesNotMatch"), "{detail}");
        for part in ["we calculated", "IQoJb3", "Signature=", "POST /"] {
            assert!(!detail.contains(part), "{part}: {detail}");
        }
    }
}
