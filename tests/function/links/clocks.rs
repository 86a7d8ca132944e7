//! Links of a machine whose clock is late or early: they are dated and measured by AWS's clock.

use fake_aws::{FakeAws, Object, Operation, Reply};
use jiff::fmt::strtime;
use jiff::{SignedDuration, Timestamp};
use s3_link_signer::Handler;
use serde_json::json;

use super::requests::post;
use super::settings::settings;

const GRANTS: &str = r#"[{"bucket":"files","prefix":"","principals":["*"],"region":"eu-west-1"}]"#;

/// This machine's time. AWS's is ahead of it.
fn host() -> Timestamp {
    "2026-11-23T13:05:17.25Z".parse().unwrap()
}

/// An AWS whose clock is so many seconds ahead, and says so with each answer about a policy.
async fn aws(ahead: i64) -> FakeAws {
    let aws = FakeAws::start().await;
    aws.put_object("files", "a.pdf", Object::of_size(9));
    let date = host() + SignedDuration::from_secs(ahead);
    let date = strtime::format("%a, %d %b %Y %H:%M:%S GMT", date).unwrap();
    aws.script(move |call| {
        (call.operation == Operation::GetBucketPolicy)
            .then(|| Reply::s3_error(404, "NoSuchBucketPolicy").with_header("date", &date))
    });
    aws
}

fn handler(aws: &FakeAws, end: Timestamp, changes: &[(&str, &str)]) -> Handler {
    let (endpoint, end) = (aws.endpoint(), end.to_string());
    let usual = [
        ("GRANTS", GRANTS),
        ("BUCKET_POLICY", ""),
        ("AWS_CREDENTIAL_EXPIRATION", end.as_str()),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
    ];
    Handler::new(settings(&[&usual, changes].concat()), host, |_| ())
}

#[tokio::test]
async fn a_link_of_a_late_machine_is_as_long_as_s3_lets_it_live() {
    for ahead in [-400, -61, -3, -1, 0, 1, 3, 60, 299, 400, 4_000] {
        let aws = aws(ahead).await;
        // The session ends in half an hour, by AWS's clock.
        let real_now = host() + SignedDuration::from_secs(ahead);
        let end = real_now + SignedDuration::from_mins(30);
        let function = handler(&aws, end, &[]);
        function.initialise().await;
        let body = json!({"key": "a.pdf", "expires_in": 3_600});
        let (_, body) = post(&function, "alice", "/links", &body).await;
        let expires_in = body["expires_in"].as_i64().unwrap();
        // Two seconds are nothing, and AWS says the time in whole seconds.
        assert!((1_795 - 3..=1_795 + 3).contains(&expires_in), "{ahead}: {body}");
        let url = body["url"].as_str().unwrap();
        assert!(url.contains(&format!("X-Amz-Expires={expires_in}&")), "{url}");
        let date = url.split_once("X-Amz-Date=").unwrap().1.split('&').next().unwrap();
        let date = strtime::parse("%Y%m%dT%H%M%S%z", date.replace('Z', "+0000")).unwrap();
        let late = real_now.duration_since(date.to_timestamp().unwrap()).as_secs();
        assert!(late.abs() <= 3, "{ahead}: {late}");
        let expires_at: Timestamp = body["expires_at"].as_str().unwrap().parse().unwrap();
        assert!(expires_at < end);
    }
}

#[tokio::test]
async fn another_s3_inside_lambda_is_not_believed() {
    let aws = aws(299).await;
    let end = host() + SignedDuration::from_hours(2);
    for (changes, dated) in [
        (&[] as &[_], "X-Amz-Date=20261123T1310"),
        (&[("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")], "X-Amz-Date=20261123T130517Z"),
    ] {
        let changes = [changes, &[("ASSUMED_SESSION_SECONDS", "7200")]].concat();
        let function = handler(&aws, end, &changes);
        function.initialise().await;
        let (_, body) = post(&function, "alice", "/links", &json!({"key": "a.pdf"})).await;
        let url = body["url"].as_str().unwrap_or_else(|| panic!("{body}"));
        assert!(url.contains(dated), "{url}");
    }
}
