//! Links for HEAD, which download managers ask for before they download.

use fake_aws::{FakeAws, Object, Operation, Reply};
use jiff::Timestamp;
use s3_link_signer::Handler;
use serde_json::{Value, json};

use super::requests::{get, post};
use super::settings::settings;

const GRANTS: &str =
    r#"[{"bucket":"files","prefix":"private-files/","principals":["*"],"region":"eu-west-1"}]"#;

const KEY: &str = "private-files/report.pdf";

fn handler(s3: &FakeAws) -> Handler {
    let settings = settings(&[
        ("GRANTS", GRANTS),
        ("AWS_ENDPOINT_URL_S3", &s3.endpoint()),
        ("ASSUMED_SESSION_SECONDS", "43200"),
    ]);
    Handler::new(settings, Timestamp::now, |_| ())
}

async fn with_file() -> (FakeAws, Handler) {
    let s3 = FakeAws::start().await;
    s3.put_object("files", KEY, Object::of_size(1_250_000));
    let handler = handler(&s3);
    (s3, handler)
}

fn detail(problem: &Value) -> &str {
    problem["detail"].as_str().unwrap()
}

#[tokio::test]
async fn a_link_says_its_method_and_is_for_get_if_nothing_else_is_asked_for() {
    let (s3, handler) = with_file().await;
    for (asked, given) in [(json!(null), "GET"), (json!("GET"), "GET"), (json!("HEAD"), "HEAD")] {
        let (status, link) =
            post(&handler, "alice", "/links", &json!({"key": KEY, "method": asked})).await;
        assert_eq!((status, &link["method"]), (200, &json!(given)), "{link}");
        let url = link["url"].as_str().unwrap();
        assert_eq!(url.contains("&x-id=GetObject"), given == "GET", "{url}");
        assert!(url.contains("response-content-disposition=attachment"), "{url}");
    }
    let links = json!({"links": [{"key": KEY}, {"key": KEY, "method": "HEAD"}]});
    let (_, batch) = post(&handler, "alice", "/links/batch", &links).await;
    let methods: Vec<_> = (0..2).map(|index| &batch["links"][index]["method"]).collect();
    assert_eq!(methods, ["GET", "HEAD"]);
    let query = format!("key={KEY}&method=HEAD");
    let (status, location) = get(&handler, "alice", "/download", &query).await;
    assert_eq!(status, 303);
    assert!(!location.contains("x-id="), "{location}");
    assert!(s3.take_calls().is_empty());
}

#[tokio::test]
async fn a_checked_link_for_head_is_opened_with_head_and_one_for_get_with_get() {
    let (s3, handler) = with_file().await;
    for (method, operation) in [("HEAD", Operation::HeadObject), ("GET", Operation::GetObject)] {
        let body = json!({"key": KEY, "method": method, "check": true});
        let (status, link) = post(&handler, "alice", "/links", &body).await;
        assert_eq!(status, 200, "{link}");
        let calls = s3.take_calls();
        let opened: Vec<_> = calls.iter().filter(|call| call.is_presigned()).collect();
        assert_eq!(opened.len(), 1);
        assert_eq!(opened[0].operation, operation);
        assert_eq!(opened[0].header("range").is_some(), method == "GET");
        assert_eq!(opened[0].query_parameter("x-link-id").unwrap(), link["link_id"]);
    }
}

#[tokio::test]
async fn a_link_for_head_that_would_not_open_is_not_given_although_s3_says_no_code() {
    for (status, expected, words) in [
        (404, (422, "object-unavailable"), "S3 answered 404: there is no such object."),
        (403, (422, "object-unavailable"), "Requester Pays"),
        (400, (422, "object-unavailable"), "S3 does not say why to HEAD"),
        (503, (502, "upstream"), "S3 answered 503"),
    ] {
        let s3 = FakeAws::scripted(move |call| {
            (call.operation == Operation::HeadObject).then(|| Reply::status(status))
        })
        .await;
        let body = json!({"key": KEY, "method": "HEAD", "check": true});
        let (answered, problem) = post(&handler(&s3), "alice", "/links", &body).await;
        assert_eq!((answered, problem["code"].as_str().unwrap()), expected, "{problem}");
        assert!(detail(&problem).contains(words), "{problem}");
        assert!(!problem.to_string().contains("X-Amz-"), "{problem}");
    }
}

#[tokio::test]
async fn head_takes_no_other_grant_than_a_download_and_no_other_method_is_given() {
    let (s3, handler) = with_file().await;
    let other = json!({"key": "other/report.pdf", "method": "HEAD"});
    assert_eq!(post(&handler, "alice", "/links", &other).await.0, 403);
    for method in ["PUT", "DELETE", "head", ""] {
        let body = json!({"key": KEY, "method": method});
        let (status, problem) = post(&handler, "alice", "/links", &body).await;
        assert_eq!(status, 400);
        assert!(detail(&problem).ends_with("use \"GET\" or \"HEAD\""), "{problem}");
    }
    assert!(s3.take_calls().is_empty());
}

#[tokio::test]
async fn an_object_with_its_writer_s_own_key_is_told_by_name() {
    // The words are S3's own.
    let message = "The object was stored using a form of Server Side Encryption. The correct \
                   parameters must be provided to retrieve the object.";
    let s3 = FakeAws::scripted(move |call| {
        let refusal = || Reply::error(fake_aws::Service::S3, 400, "InvalidRequest", message);
        (call.operation == Operation::GetObject).then(refusal)
    })
    .await;
    let (status, problem) =
        post(&handler(&s3), "alice", "/links", &json!({"key": KEY, "check": true})).await;
    assert_eq!((status, &problem["code"]), (422, &json!("object-unavailable")));
    assert!(detail(&problem).contains("S3 answered 400 InvalidRequest: "), "{problem}");
    assert!(detail(&problem).contains("its writer's own key (SSE-C)"), "{problem}");
}

#[tokio::test]
async fn where_access_is_denied_requester_pays_is_among_the_causes() {
    let s3 = FakeAws::scripted(|call| {
        (call.operation == Operation::GetObject).then(|| Reply::s3_error(403, "AccessDenied"))
    })
    .await;
    let (_, problem) =
        post(&handler(&s3), "alice", "/links", &json!({"key": KEY, "check": true})).await;
    assert!(detail(&problem).contains("Another account's Requester Pays bucket"), "{problem}");
}
