//! How often a batch of links asks STS and S3 when they fail: once for each cause.

use std::time::{Duration, Instant};

use fake_aws::{FakeAws, Operation, Reply, token};
use jiff::{SignedDuration, Timestamp};
use s3_link_signer::Handler;
use serde_json::{Value, json};

use super::requests::post_until;
use super::settings::settings;

/// A function in Lambda's environment whose bucket's region nobody states.
pub(crate) fn handler(changes: &[(&str, &str)]) -> Handler {
    let usual = [
        ("GRANTS", r#"[{"bucket":"files","prefix":"","principals":["*"]}]"#),
        ("AWS_LAMBDA_FUNCTION_NAME", "signer"),
    ];
    Handler::new(settings(&[&usual, changes].concat()), Timestamp::now, |_| {})
}

/// Asks for a batch of `count` links. Returns the entries of the answer.
pub(crate) async fn batch(handler: &Handler, count: usize) -> Vec<Value> {
    batch_until(handler, count, false, Timestamp::MAX).await
}

/// Asks for a batch of `count` links, perhaps with a check of each, in an invocation that ends at
/// `deadline`. Returns the entries of the answer.
pub(crate) async fn batch_until(
    handler: &Handler,
    count: usize,
    check: bool,
    deadline: Timestamp,
) -> Vec<Value> {
    let link = |index: usize| json!({"key": format!("{index}.txt"), "check": check});
    let links: Vec<_> = (0..count).map(link).collect();
    let (status, body) =
        post_until(handler, "alice", "/links/batch", &json!({ "links": links }), deadline).await;
    assert_eq!(status, 200, "{body}");
    let entries = body["links"].as_array().unwrap().clone();
    assert_eq!(entries.len(), count);
    entries
}

fn all_are(entries: &[Value], code: &str) {
    for entry in entries {
        assert_eq!(entry["code"], code, "{entry}");
    }
}

#[tokio::test]
async fn thirty_links_ask_a_hanging_sts_two_times_for_each_proof() {
    let sts = FakeAws::scripted(|_| Reply::status(500).after(Duration::from_mins(5))).await;
    let endpoint = sts.endpoint();
    let handler = handler(&[
        ("SIGNING_ROLE_ARN", "arn:aws:iam::123456789012:role/signer"),
        ("AWS_ENDPOINT_URL_STS", &endpoint),
    ]);
    let started = Instant::now();
    all_are(&batch(&handler, 30).await, "session-unproven");
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(
        (sts.count(Operation::GetWebIdentityToken), sts.count(Operation::AssumeRole)),
        (2, 2)
    );
}

#[tokio::test]
async fn a_thousand_links_ask_one_time_for_the_region_of_a_bucket_that_does_not_exist() {
    let s3 = FakeAws::scripted(|_| Reply::status(404)).await;
    let endpoint = s3.endpoint();
    let end = (Timestamp::now() + SignedDuration::from_hours(1)).to_string();
    let handler =
        handler(&[("AWS_CREDENTIAL_EXPIRATION", &end), ("AWS_ENDPOINT_URL_S3", &endpoint)]);
    let entries = batch(&handler, 1_000).await;
    all_are(&entries, "upstream");
    for entry in &entries {
        assert!(entry["detail"].as_str().unwrap().contains("bucket \"files\""), "{entry}");
    }
    assert_eq!(s3.count(Operation::HeadBucket), 1);

    // Invocations share the failure until the pause of two seconds is over.
    all_are(&batch(&handler, 3).await, "upstream");
    assert_eq!(s3.count(Operation::HeadBucket), 1);
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    all_are(&batch(&handler, 3).await, "upstream");
    assert_eq!(s3.count(Operation::HeadBucket), 2);
}

#[tokio::test]
async fn links_are_signed_with_what_sts_attested_about_the_invoked_function() {
    let sts = FakeAws::scripted(|_| {
        let end = Timestamp::now() + SignedDuration::from_hours(11);
        Reply::token(&token(Timestamp::now(), end, "signer"))
    })
    .await;
    let endpoint = sts.endpoint();
    let grants = r#"[{"bucket":"files","prefix":"","principals":["*"],"region":"eu-west-1"}]"#;
    let settings = [("GRANTS", grants), ("AWS_ENDPOINT_URL_STS", endpoint.as_str())];
    let handler = handler(&settings);
    handler.initialise().await;
    for entry in batch(&handler, 3).await {
        assert!(entry["url"].as_str().unwrap().contains("ASIALAMBDA"), "{entry}");
    }
    assert_eq!(sts.count(Operation::GetWebIdentityToken), 1);
}
