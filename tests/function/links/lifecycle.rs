//! What a bucket's lifecycle rules do to links, where no header of S3 announces it.

use std::fmt::Write;

use fake_aws::{FakeAws, Object, Operation, Reply};
use jiff::fmt::strtime;
use jiff::{SignedDuration, Timestamp};
use s3_link_signer::Handler;
use serde_json::{Value, json};

use super::requests::post;
use super::settings::settings;
use crate::log::Log;

const NOW: &str = "2026-11-23T13:05:17.25Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn rule(filter: &str, action: &str) -> String {
    format!("<Rule><ID>cold</ID><Filter>{filter}</Filter><Status>Enabled</Status>{action}</Rule>")
}

/// A rule that moves what matches `filter` to an archive so many days after it was made.
fn archiving(filter: &str, days: u32) -> String {
    let transition = format!(
        "<Transition><Days>{days}</Days><StorageClass>DEEP_ARCHIVE</StorageClass></Transition>"
    );
    rule(filter, &transition)
}

fn rules(rules: &str) -> Reply {
    Reply::document(&format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>"))
}

/// An AWS whose bucket has these rules, and a file that was made a day and three hours ago.
async fn s3_with(written: &str) -> FakeAws {
    let made = now() - SignedDuration::from_hours(27);
    let date = strtime::format("%a, %d %b %Y %H:%M:%S GMT", made).unwrap();
    let s3 = FakeAws::start().await;
    let object = Object::of_size(1_250_000).version("v1").with_header("last-modified", &*date);
    s3.put_object("files", "in/a.pdf", object);
    let reply = rules(written);
    s3.script(move |call| {
        (call.operation == Operation::GetBucketLifecycleConfiguration).then(|| reply.clone())
    });
    s3
}

fn handler(s3: &FakeAws, changes: &[(&str, &str)]) -> Handler {
    let endpoint = s3.endpoint();
    let usual = [
        (
            "GRANTS",
            r#"[{"bucket":"files","prefix":"","principals":["*"],"versions":true,
            "region":"eu-west-1"}]"#,
        ),
        ("BUCKET_POLICY", ""),
        ("AWS_CREDENTIAL_EXPIRATION", "2027-11-24T13:00:00Z"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
    ];
    Handler::new(settings(&[&usual, changes].concat()), now, |_| ())
}

async fn link(s3: &FakeAws, more: &Value) -> Value {
    let mut body = json!({"key": "in/a.pdf", "expires_in": 43_200, "check": true});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    post(&handler(s3, &[]), "alice", "/links", &body).await.1
}

#[tokio::test]
async fn a_checked_link_ends_before_a_rule_archives_the_object() {
    // Made on the 22nd at 10:05, so two days later is the 24th, and S3 acts at the next midnight.
    let s3 = s3_with(&archiving("<Prefix>in/</Prefix>", 1)).await;
    let body = link(&s3, &json!({})).await;
    assert_eq!(
        (&body["limited_by"], &body["expires_at"]),
        (&json!("object"), &json!("2026-11-23T23:59:55Z"))
    );
    assert_eq!(body["object_expires_at"], "2026-11-24T00:00:00Z");
    // S3 is not asked about the object without a check, so nobody knows when it was made.
    let body = link(&s3, &json!({"check": false})).await;
    assert_eq!(
        (&body["limited_by"], &body["object_expires_at"]),
        (&json!("request"), &Value::Null)
    );
}

#[tokio::test]
async fn an_object_that_s3_may_archive_at_any_moment_gets_no_link() {
    let s3 = s3_with(&archiving("", 0)).await;
    let body = link(&s3, &json!({})).await;
    assert_eq!(
        (&body["code"], &body["limited_by"]),
        (&json!("window-too-short"), &json!("object"))
    );
}

#[tokio::test]
async fn rules_about_other_objects_end_nothing() {
    for filter in [
        "<Prefix>out/</Prefix>",
        "<ObjectSizeGreaterThan>1250000</ObjectSizeGreaterThan>",
        "<And><Prefix>in/</Prefix><ObjectSizeLessThan>9</ObjectSizeLessThan></And>",
    ] {
        let body = link(&s3_with(&archiving(filter, 1)).await, &json!({})).await;
        assert_eq!(body["limited_by"], "request", "{filter}: {body}");
    }
}

#[tokio::test]
async fn a_rule_by_tags_counts_unless_the_object_s_tags_are_others() {
    let filter = "<Tag><Key>class</Key><Value>cold</Value></Tag>";
    for (tags, limited_by) in
        [(None, "object"), (Some("cold"), "object"), (Some("warm"), "request")]
    {
        let s3 = s3_with("").await;
        let reply = rules(&archiving(filter, 1));
        s3.script(move |call| match (call.operation, tags) {
            (Operation::GetBucketLifecycleConfiguration, _) => Some(reply.clone()),
            (Operation::GetObjectTagging, Some(value)) => Some(Reply::document(&format!(
                "<Tagging><TagSet><Tag><Key>class</Key><Value>{value}</Value></Tag></TagSet></Tagging>"
            ))),
            _ => None,
        });
        let handler = handler(&s3, &[]);
        let body = json!({"key": "in/a.pdf", "expires_in": 43_200, "check": true});
        for _ in 0..2 {
            let (_, body) = post(&handler, "alice", "/links", &body).await;
            assert_eq!(body["limited_by"], limited_by, "{tags:?}: {body}");
        }
        // A refusal is remembered.
        let expected = if tags.is_none() { 1 } else { 2 };
        assert_eq!(s3.count(Operation::GetObjectTagging), expected);
    }
}

#[tokio::test]
async fn a_version_ends_by_the_rules_for_old_ones() {
    let expiration = "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>\
                      </NoncurrentVersionExpiration>";
    let s3 = s3_with(&rule("", expiration)).await;
    let week = json!({"version_id": "v1", "expires_in": 400_000});
    // The grant gives old versions, so the link would live on when the version is replaced.
    let body = link(&s3, &week).await;
    assert_eq!(body["object_expires_at"], "2026-11-25T00:00:00Z", "{body}");
    // It was replaced, nobody knows when.
    let newer = Object::of_size(9).version("v2");
    s3.put_object("files", "in/a.pdf", newer);
    let body = link(&s3, &week).await;
    assert_eq!(body["object_expires_at"], "2026-11-24T00:00:00Z", "{body}");
    let body = link(&s3, &json!({})).await;
    assert_eq!(
        body["object_expires_at"],
        Value::Null,
        "the current version has no such end: {body}"
    );
}

#[tokio::test]
async fn a_missing_permission_is_told_once_and_is_no_error() {
    let s3 = s3_with("").await;
    s3.script(|call| {
        (call.operation == Operation::GetBucketLifecycleConfiguration)
            .then(|| Reply::s3_error(403, "AccessDenied"))
    });
    let log = Log::default();
    let handler = handler(&s3, &[]);
    {
        let _guard = log.collect();
        for _ in 0..3 {
            let body = json!({"key": "in/a.pdf", "check": true});
            let (status, body) = post(&handler, "alice", "/links", &body).await;
            assert_eq!((status, &body["expires_in"]), (200, &json!(3_600)));
        }
    }
    let text = log.text();
    assert_eq!(text.matches("lifecycle rules can't be read").count(), 1, "{text}");
    assert_eq!(text.matches("\"ERROR\"").count(), 0);
    assert_eq!(s3.count(Operation::GetBucketLifecycleConfiguration), 1);
}

#[tokio::test]
async fn a_thousand_rules_are_read() {
    let mut many = String::new();
    for number in 0..1_000 {
        let prefix = format!("{}{number}/", "p".repeat(210));
        let _ = write!(many, "{}", archiving(&format!("<Prefix>{prefix}</Prefix>"), 9));
    }
    assert!(many.len() > 374_000, "{}", many.len());
    let s3 = s3_with(&(many + &archiving("", 1))).await;
    let body = link(&s3, &json!({})).await;
    assert_eq!(body["object_expires_at"], "2026-11-24T00:00:00Z", "{body}");
}

#[tokio::test]
async fn rules_are_kept_while_s3_does_not_answer() {
    use std::cell::Cell;
    thread_local! {
        static LATER: Cell<i64> = const { Cell::new(0) };
    }
    let s3 = s3_with("").await;
    let reply = rules(&archiving("", 1));
    s3.script(move |call| match call.operation {
        Operation::GetBucketLifecycleConfiguration if LATER.get() == 0 => Some(reply.clone()),
        Operation::GetBucketLifecycleConfiguration => Some(Reply::s3_error(503, "SlowDown")),
        _ => None,
    });
    let endpoint = s3.endpoint();
    let variables = [
        ("GRANTS", r#"[{"bucket":"files","prefix":"","principals":["*"],"region":"eu-west-1"}]"#),
        ("AWS_CREDENTIAL_EXPIRATION", "2027-11-24T13:00:00Z"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
    ];
    let clock = || now() + SignedDuration::from_secs(LATER.get());
    let handler = Handler::new(settings(&variables), clock, |_| ());
    for second in [0, 301, 1_000, 3_000] {
        LATER.set(second);
        let body = json!({"key": "in/a.pdf", "check": true, "expires_in": 43_200});
        let (_, body) = post(&handler, "alice", "/links", &body).await;
        assert_eq!(body["object_expires_at"], "2026-11-24T00:00:00Z", "at {second}: {body}");
    }
}
