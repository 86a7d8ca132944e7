//! Keys that are missing under one form of Unicode and there under the other.

use fake_aws::{FakeAws, Object, Operation, Reply};
use jiff::Timestamp;
use s3_link_signer::Handler;
use serde_json::{Value, json};

use super::requests::post;
use super::settings::settings;

const COMPOSED: &str = "private-files/R\u{e9}sum\u{e9}.pdf";
const DECOMPOSED: &str = "private-files/Re\u{301}sume\u{301}.pdf";

fn handler(s3: &FakeAws, prefix: &str) -> Handler {
    let grants = json!([{"bucket": "files", "prefix": prefix, "principals": ["*"],
                         "region": "eu-west-1"}]);
    let settings = settings(&[
        ("GRANTS", &grants.to_string()),
        ("AWS_ENDPOINT_URL_S3", &s3.endpoint()),
        ("ASSUMED_SESSION_SECONDS", "43200"),
    ]);
    Handler::new(settings, Timestamp::now, |_| ())
}

/// The sentence of the refusal of a checked link.
async fn refusal(handler: &Handler, body: &Value) -> String {
    let (status, problem) = post(handler, "alice", "/links", body).await;
    assert_eq!((status, &problem["code"]), (422, &json!("object-unavailable")), "{problem}");
    problem["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_missing_key_that_is_there_in_the_other_form_is_told_with_one_more_call() {
    for (there, asked, form) in [(DECOMPOSED, COMPOSED, "NFD"), (COMPOSED, DECOMPOSED, "NFC")] {
        for (method, calls) in [
            ("GET", [Operation::GetObject, Operation::HeadObject]),
            ("HEAD", [Operation::HeadObject, Operation::HeadObject]),
        ] {
            let s3 = FakeAws::start().await;
            s3.put_object("files", there, Object::of_size(7));
            let body = json!({"key": asked, "check": true, "method": method});
            let detail = refusal(&handler(&s3, "private-files/"), &body).await;
            assert!(detail.contains("there is no such object. An object is there"), "{detail}");
            assert!(detail.ends_with(&format!("normalize(\"{form}\").")), "{detail}");
            let asked_for = s3.take_calls();
            let operations: Vec<_> = asked_for.iter().map(|call| call.operation).collect();
            assert_eq!(operations, calls);
            assert_eq!((asked_for[0].key().as_str(), asked_for[1].key().as_str()), (asked, there));
        }
    }
}

#[tokio::test]
async fn nothing_is_told_of_another_form_that_is_not_there_or_not_granted_or_where_s3_tells_nothing()
 {
    // In neither form.
    let s3 = FakeAws::start().await;
    let body = json!({"key": COMPOSED, "check": true});
    let detail = refusal(&handler(&s3, "private-files/"), &body).await;
    assert!(detail.ends_with("there is no such object."), "{detail}");
    assert_eq!(s3.take_calls().len(), 2);

    // The grant is for the folder of one form alone.
    let s3 = FakeAws::start().await;
    s3.put_object("files", DECOMPOSED, Object::of_size(7));
    let detail = refusal(&handler(&s3, "private-files/R\u{e9}"), &body).await;
    assert!(detail.ends_with("there is no such object."), "{detail}");
    assert_eq!(s3.take_calls().len(), 1);

    // A key with one spelling, and a version, which belongs to one key.
    let s3 = FakeAws::start().await;
    s3.put_object("files", DECOMPOSED, Object::of_size(7));
    for body in [
        json!({"key": "private-files/report.pdf", "check": true}),
        json!({"key": "private-files/日本.pdf", "check": true}),
    ] {
        refusal(&handler(&s3, "private-files/"), &body).await;
        assert_eq!(s3.take_calls().len(), 1);
    }

    // Without s3:ListBucket S3 answers 403.
    let s3 = FakeAws::scripted(|call| {
        (call.operation == Operation::GetObject).then(|| Reply::s3_error(403, "AccessDenied"))
    })
    .await;
    s3.put_object("files", DECOMPOSED, Object::of_size(7));
    let detail = refusal(&handler(&s3, "private-files/"), &body).await;
    assert!(!detail.contains("normalize"), "{detail}");
    assert_eq!(s3.take_calls().len(), 1);
}
