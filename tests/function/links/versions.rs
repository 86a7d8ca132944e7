//! Links that name a version. Without `"versions": true` in the grant, S3 is asked whether it is the
//! current one.

use fake_aws::{FakeAws, Object, Operation, Reply};
use jiff::Timestamp;
use s3_link_signer::Handler;
use serde_json::{Value, json};

use super::requests::post;
use super::settings::settings;

/// An S3 whose bucket has these objects.
async fn s3_with(objects: &[(&str, Option<&str>)]) -> FakeAws {
    let s3 = FakeAws::start().await;
    for (key, version) in objects {
        s3.put_object("files", key, Object::of_size(1).version(*version));
    }
    s3
}

fn handler(s3: &str) -> Handler {
    let grants = r#"[{"bucket":"files","prefix":"","principals":["alice","auditor"],
                      "region":"eu-west-1"},
                     {"bucket":"files","prefix":"","principals":["auditor"],"region":"eu-west-1",
                      "versions":true,"max_expires_in":600}]"#;
    let settings = settings(&[
        ("GRANTS", grants),
        ("AWS_ENDPOINT_URL_S3", s3),
        ("ASSUMED_SESSION_SECONDS", "43200"),
    ]);
    Handler::new(settings, Timestamp::now, |_| ())
}

async fn link(handler: &Handler, principal: &str, key: &str, version: &str) -> (u64, Value) {
    post(handler, principal, "/links", &json!({"key": key, "version_id": version})).await
}

fn assert_not_given((status, problem): (u64, Value), expected: u64, code: &str, words: &str) {
    assert_eq!((status, problem["code"].as_str()), (expected, Some(code)), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    assert!(!problem.to_string().contains("X-Amz-"), "{problem}");
}

#[tokio::test]
async fn the_current_version_is_given_and_s3_is_asked_once_without_a_version() {
    let s3 = s3_with(&[("a", Some("v2")), ("plain", None)]).await;
    let handler = handler(&s3.endpoint());
    let (status, answer) = link(&handler, "alice", "a", "v2").await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer["url"].as_str().unwrap().contains("versionId=v2"));
    let [asked] = s3.take_calls().try_into().unwrap();
    assert_eq!(asked.head.lines().next(), Some("HEAD /files/a HTTP/1.1"));
    // Without versioning, S3 names no version, and the only one is "null".
    assert_eq!(link(&handler, "alice", "plain", "null").await.0, 200);
    // Without a version in the request there is nothing to ask.
    assert_eq!(post(&handler, "alice", "/links", &json!({"key": "a"})).await.0, 200);
    assert_eq!(s3.take_calls().len(), 1);
}

#[tokio::test]
async fn a_version_that_was_replaced_or_deleted_is_not_given() {
    let s3 = s3_with(&[("replaced", Some("v2")), ("deleted", Some("v1"))]).await;
    s3.put_object("files", "deleted", Object::delete_marker("v2"));
    let handler = handler(&s3.endpoint());
    for key in ["replaced", "deleted"] {
        let refused = link(&handler, "alice", key, "v1").await;
        assert_not_given(refused, 403, "not-granted", "\"versions\": true");
    }
    let body = json!({"key": "replaced", "version_id": "v1", "check": true});
    assert_eq!(post(&handler, "alice", "/links", &body).await.0, 403);
}

#[tokio::test]
async fn a_grant_with_versions_gives_old_ones_and_asks_nothing() {
    let s3 = s3_with(&[]).await;
    let handler = handler(&s3.endpoint());
    let (status, answer) = link(&handler, "auditor", "deleted", "v1").await;
    assert_eq!(status, 200, "{answer}");
    assert!(s3.take_calls().is_empty());
}

#[tokio::test]
async fn a_caller_without_a_grant_learns_nothing_about_versions() {
    let s3 = s3_with(&[]).await;
    let handler = handler(&s3.endpoint());
    let refused = link(&handler, "eve", "a", "v1").await;
    assert_not_given(refused, 403, "not-granted", "No grant gives this principal this object");
    assert!(s3.take_calls().is_empty());
}

#[tokio::test]
async fn an_s3_that_does_not_say_which_version_is_current_gives_no_link() {
    let s3 = FakeAws::scripted(|call| {
        assert_eq!(call.operation, Operation::HeadObject);
        match call.key().as_str() {
            "forbidden" => Reply::status(403),
            "broken" => Reply::status(500),
            _ => Reply::status(400),
        }
    })
    .await;
    let handler = handler(&s3.endpoint());
    let refused = link(&handler, "alice", "forbidden", "v1").await;
    assert_not_given(refused, 422, "object-unavailable", "s3:GetObject");
    // The SDK asks again until its time is up, so the sentence names either the status or the time.
    assert_not_given(link(&handler, "alice", "broken", "v1").await, 502, "upstream", "version_id");
    // S3 answers so where it does not accept the session. The object is not to blame.
    assert_not_given(link(&handler, "alice", "expired", "v1").await, 502, "upstream", "400");
    // Nothing listens there.
    let handler = self::handler("http://127.0.0.1:1");
    assert_not_given(link(&handler, "alice", "a", "v1").await, 502, "upstream", "version_id");
}

#[tokio::test]
async fn in_a_batch_each_version_is_judged_by_itself() {
    let s3 = s3_with(&[("a", Some("v2"))]).await;
    let handler = handler(&s3.endpoint());
    let links = json!({"links": [
        {"key": "a", "version_id": "v1"},
        {"key": "a", "version_id": "v2"},
        {"key": "b", "version_id": "v1"},
        {"key": "b"},
    ]});
    let (status, answer) = post(&handler, "alice", "/links/batch", &links).await;
    assert_eq!(status, 200);
    let codes: Vec<_> =
        answer["links"].as_array().unwrap().iter().map(|entry| entry["code"].as_str()).collect();
    assert_eq!(codes, [Some("not-granted"), None, Some("not-granted"), None]);
}
