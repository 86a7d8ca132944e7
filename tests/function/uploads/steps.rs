//! What each request of an upload is answered with.

use fake_aws::{FakeAws, Operation, Reply};
use jiff::{SignedDuration, Timestamp};
use s3_link_signer::Settings;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{UPLOAD_ROLE, begin, grant, handler, query, sign, signed_headers};
use crate::links::evidence::FUNCTION_ARN;
use crate::links::requests::post;
use crate::log::Log;

const FIVE_MEBIBYTES: u64 = 5 * 1_024 * 1_024;

#[tokio::test]
async fn a_small_file_is_one_put_of_a_new_key_with_its_length_signed() {
    let aws = FakeAws::start().await;
    let handler = handler(&aws, &grant(r#","max_size":1000"#), &[]);
    let body = json!({"name": "Report 1.pdf", "size": 7, "content_type": "application/pdf"});
    let (status, answer) = begin(&handler, &body).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["method"], "PUT");
    let key = answer["key"].as_str().unwrap();
    assert!(key.starts_with("in/") && key.ends_with("/Report-1.pdf"), "{key}");
    let headers = json!({"content-type": "application/pdf", "if-none-match": "*"});
    assert_eq!(answer["headers"], headers, "a script can't set the length");
    assert_eq!(answer["size"], 7);
    let url = answer["url"].as_str().unwrap();
    assert_eq!(signed_headers(url), ["content-length", "content-type", "host", "if-none-match"]);
    assert_eq!(query(url)["x-link-id"], answer["link_id"]);
    assert_eq!(query(url)["X-Amz-Expires"], answer["expires_in"].to_string());
    assert_eq!(
        (&answer["proven"], &answer["session"]["evidence"]),
        (&json!(true), &json!("minted"))
    );
}

#[tokio::test]
async fn uploads_are_signed_with_sessions_of_the_upload_role_alone() {
    let aws = FakeAws::start().await;
    let handler = handler(&aws, &grant(r#","max_size":1000"#), &[]);
    for _ in 0..3 {
        let (status, answer) = begin(&handler, &json!({"name": "a", "size": 7})).await;
        assert_eq!(status, 201, "{answer}");
        let credential = query(answer["url"].as_str().unwrap())["X-Amz-Credential"].clone();
        assert!(!credential.starts_with("ASIALAMBDA"), "{credential}");
    }
    assert_eq!(aws.count(Operation::AssumeRole), 1, "one session is kept");
    let calls = aws.calls(Operation::AssumeRole);
    assert_eq!(calls[0].parameters["RoleArn"], UPLOAD_ROLE);
}

/// A bucket whose lifecycle rules are these.
async fn aws_with_rules(rules: &'static str) -> FakeAws {
    FakeAws::scripted(move |call| match call.operation {
        Operation::GetBucketLifecycleConfiguration => Some(Reply::document(&format!(
            "<LifecycleConfiguration>{rules}</LifecycleConfiguration>"
        ))),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn an_upload_in_parts_is_told_when_a_lifecycle_rule_ends_it() {
    let aws = aws_with_rules(
        "<Rule><ID>tidy</ID><Status>Enabled</Status><Filter><Prefix>in/</Prefix></Filter>\
         <AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>\
         </AbortIncompleteMultipartUpload></Rule>",
    )
    .await;
    let handler = handler(&aws, &grant(r#","max_size":1000000000"#), &[]);
    let rules_read = || aws.count(Operation::GetBucketLifecycleConfiguration);
    let (status, answer) = begin(&handler, &json!({"name": "a", "size": 7})).await;
    assert_eq!((status, &answer["unfinished_until"]), (201, &Value::Null));
    assert_eq!(rules_read(), 0, "a whole file is never unfinished");
    for _ in 0..2 {
        let body = json!({"name": "a", "size": 7, "multipart": true});
        let (status, answer) = begin(&handler, &body).await;
        assert_eq!(status, 201, "{answer}");
        let until: Timestamp = answer["unfinished_until"].as_str().unwrap().parse().unwrap();
        let left = until.duration_since(Timestamp::now());
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        assert!(left > days(7) - SignedDuration::from_mins(1) && left < days(8), "{left}");
        assert_eq!(until.as_second() % 86_400, 0, "{until}");
    }
    assert_eq!(rules_read(), 1, "the rules are remembered");
}

#[tokio::test]
async fn an_upload_in_parts_is_told_no_end_where_none_is_known() {
    let elsewhere = aws_with_rules(
        "<Rule><Status>Enabled</Status><Filter><Prefix>out/</Prefix></Filter>\
         <AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>\
         </AbortIncompleteMultipartUpload></Rule>",
    )
    .await;
    let refused = FakeAws::scripted(|call| {
        let is_asked = call.operation == Operation::GetBucketLifecycleConfiguration;
        is_asked.then(|| Reply::s3_error(403, "AccessDenied"))
    })
    .await;
    for aws in [elsewhere, refused] {
        let handler = handler(&aws, &grant(r#","max_size":1000"#), &[]);
        let body = json!({"name": "a", "size": 7, "multipart": true});
        let (status, answer) = begin(&handler, &body).await;
        assert_eq!((status, answer.get("unfinished_until")), (201, None), "{answer}");
    }
}

#[tokio::test]
async fn a_large_file_begins_with_the_parts_to_cut_it_into() {
    let aws = FakeAws::start().await;
    let handler = handler(&aws, &grant(r#","max_size":1000000000"#), &[]);
    let size = 100 * 1_024 * 1_024 + 1;
    let (status, answer) = begin(&handler, &json!({"name": "a.bin", "size": size})).await;
    assert_eq!((status, &answer["method"]), (201, &json!("POST")), "{answer}");
    assert_eq!(answer["multipart"], json!({"part_size": FIVE_MEBIBYTES, "parts": 21}));
    assert_eq!(answer["headers"], json!({"content-type": "application/octet-stream"}));
    let url = answer["url"].as_str().unwrap();
    assert_eq!(query(url)["uploads"], "");
    assert_eq!(signed_headers(url), ["content-type", "host"]);
}

#[tokio::test]
async fn each_step_of_an_upload_in_parts_is_signed_when_it_is_due() {
    let aws = FakeAws::start().await;
    let handler = handler(&aws, &grant(r#","max_size":1000000000"#), &[]);
    let size = 2 * FIVE_MEBIBYTES + 1;
    let (_, created) =
        sign(&handler, &json!({"method": "POST", "key": "a.bin", "size": size})).await;
    let key = created["key"].as_str().unwrap();
    let step = |fields: Value| {
        let mut body = json!({"key": key, "uploadId": "u/1"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        body
    };

    for (number, length) in [(1, FIVE_MEBIBYTES), (2, FIVE_MEBIBYTES), (3, 1)] {
        let (status, part) =
            sign(&handler, &step(json!({"method": "PUT", "partNumber": number, "size": size})))
                .await;
        assert_eq!((status, &part["size"]), (200, &json!(length)), "{part}");
        let url = part["url"].as_str().unwrap();
        assert_eq!(query(url)["partNumber"], number.to_string());
        assert_eq!(query(url)["uploadId"], "u/1");
        assert_eq!(signed_headers(url), ["content-length", "content-type", "host"]);
    }
    let (status, beyond) =
        sign(&handler, &step(json!({"method": "PUT", "partNumber": 4, "size": size}))).await;
    assert_eq!(status, 400);
    assert!(
        beyond["detail"]
            .as_str()
            .unwrap()
            .starts_with("partNumber: 4; a file of 10485761 bytes has 3")
    );

    let (status, list) =
        sign(&handler, &step(json!({"method": "PUT", "partNumbers": [1, 3], "size": size}))).await;
    assert_eq!(status, 200);
    let numbers: Vec<_> =
        list["parts"].as_array().unwrap().iter().map(|part| &part["partNumber"]).collect();
    assert_eq!(numbers, [&json!(1), &json!(3)]);

    let (status, complete) = sign(&handler, &step(json!({"method": "POST", "size": size}))).await;
    assert_eq!(status, 200);
    let headers = json!({"if-none-match": "*", "x-amz-mp-object-size": size.to_string()});
    assert_eq!(complete["headers"], headers);
    assert_eq!(
        signed_headers(complete["url"].as_str().unwrap()),
        ["host", "if-none-match", "x-amz-mp-object-size"]
    );
    for (method, name) in [("GET", "ListParts"), ("DELETE", "AbortMultipartUpload")] {
        let (status, answer) = sign(&handler, &step(json!({"method": method}))).await;
        assert_eq!((status, &answer["method"]), (200, &json!(method)), "{answer}");
        let query = query(answer["url"].as_str().unwrap());
        assert_eq!((query["x-id"].as_str(), query["uploadId"].as_str()), (name, "u/1"));
    }
}

#[tokio::test]
async fn a_form_holds_the_key_the_type_and_the_length_and_is_promised_a_quarter_of_an_hour() {
    let aws = FakeAws::start().await;
    let handler = handler(&aws, &grant(r#","max_size":1000,"forms":true,"tags":["project"]"#), &[]);
    let (status, form) =
        begin(&handler, &json!({"name": "a.txt", "form": true, "content_type": "text/plain"}))
            .await;
    assert_eq!((status, &form["method"]), (201, &json!("POST")), "{form}");
    let fields = form["fields"].as_object().unwrap();
    assert_eq!(fields["key"], form["key"]);
    assert_eq!(fields["content-type"], "text/plain");
    assert!(!form["url"].as_str().unwrap().contains('?'));
    assert!(form["expires_in"].as_u64().unwrap() >= 900);
    let tagged = json!({"name": "a", "form": true, "headers": {"x-amz-tagging": "project=a"}});
    let (status, refused) = begin(&handler, &tagged).await;
    assert_eq!((status, refused["code"].as_str()), (400, Some("invalid-request")), "{refused}");
    let (status, short) =
        begin(&handler, &json!({"name": "a", "form": true, "expires_in": 899})).await;
    assert_eq!(status, 400);
    assert!(
        short["detail"].as_str().unwrap().starts_with("expires_in: 899; a form needs 900 s"),
        "{short}"
    );
}

#[tokio::test]
async fn what_the_grant_does_not_allow_is_refused_with_what_it_allows() {
    let aws = FakeAws::start().await;
    let fields = r#","max_size":1000,"content_types":["image/*"],"metadata":["author"],
        "put_headers":{"x-amz-server-side-encryption":"aws:kms"}"#;
    let handler = handler(&aws, &grant(fields), &[]);
    let image = json!({"name": "a.png", "size": 7, "content_type": "image/png"});
    let with = |more: Value| {
        let mut body = image.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let (status, answer) =
        begin(&handler, &with(json!({"headers": {"X-Amz-Meta-Author": "alice"}}))).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["headers"]["x-amz-server-side-encryption"], "aws:kms");
    assert_eq!(answer["headers"]["x-amz-meta-author"], "alice");
    for (more, status, code, detail) in [
        (
            json!({"size": 1001}),
            403,
            "upload-not-allowed",
            "The file has 1001 bytes, and the grant allows 1000.",
        ),
        (
            json!({"content_type": "text/html"}),
            403,
            "upload-not-allowed",
            "The grant allows no file of the type",
        ),
        (json!({"form": true}), 403, "upload-not-allowed", "The grant allows no forms."),
        (
            json!({"headers": {"x-amz-meta-link-to": "eve@example.com"}}),
            403,
            "upload-not-allowed",
            "The header \"x-amz-meta-link-to\" is metadata that the grant does not name",
        ),
        (
            json!({"headers": {"x-amz-server-side-encryption": "AES256"}}),
            403,
            "upload-not-allowed",
            "The header \"x-amz-server-side-encryption\" is the operator's",
        ),
        (
            json!({"name": null, "key": "in/a.png"}),
            403,
            "not-granted",
            "No grant lets this principal upload there.",
        ),
        (
            json!({"bucket": "other"}),
            403,
            "not-granted",
            "No grant lets this principal upload there.",
        ),
    ] {
        let (answered, problem) = begin(&handler, &with(more.clone())).await;
        assert_eq!((answered, problem["code"].as_str()), (status, Some(code)), "{more}: {problem}");
        assert!(problem["detail"].as_str().unwrap().starts_with(detail), "{more}: {problem}");
    }
    assert_eq!(aws.count(Operation::AssumeRole), 1, "whoever may not upload causes no call");
}

/// The event of a fixture.
fn event(fixture: &str) -> Value {
    let path = format!("{}/events/{fixture}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// How the event is answered by a function whose uploads go where the fixtures' do.
async fn answer(event: &Value) -> (Value, Value) {
    let aws = FakeAws::start().await;
    let fields = r#","max_size":1000000000"#;
    let handler = handler(&aws, &grant(fields).replace("in/", "private-files/"), &[]);
    let event = RawValue::from_string(event.to_string()).unwrap();
    let answer = handler.handle(&event, "request", FUNCTION_ARN, Timestamp::MAX);
    let answer = serde_json::to_value(Box::pin(answer).await.unwrap()).unwrap();
    let body = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    (answer["statusCode"].clone(), body)
}

#[tokio::test]
async fn every_gateway_brings_uploads_and_their_steps() {
    for (gateway, suffix) in [
        ("http-api", "-jwt"),
        ("http-api-payload-1", "-jwt"),
        ("rest-api", ""),
        ("function-url", ""),
    ] {
        let (status, upload) = answer(&event(&format!("{gateway}/post-uploads{suffix}"))).await;
        assert_eq!(status, 201, "{gateway}: {upload}");
        assert_eq!((&upload["method"], &upload["size"]), (&json!("PUT"), &json!(48_213)));
        assert!(upload["key"].as_str().unwrap().starts_with("private-files/"), "{upload}");
        let (status, part) = answer(&event(&format!("{gateway}/post-uploads-sign{suffix}"))).await;
        assert_eq!(status, 200, "{gateway}: {part}");
        assert_eq!(query(part["url"].as_str().unwrap())["partNumber"], "1");
    }
}

/// The callers of the fixtures about links, who ask for uploads.
#[tokio::test]
async fn an_upload_is_for_whom_the_gateway_names() {
    for (fixture, expected) in [
        ("http-api/post-links", 201),
        ("http-api/post-links-lambda-authorizer", 201),
        ("http-api/post-links-with-stage-prefix", 201),
        ("http-api/post-links-identity-pool", 201),
        ("http-api-payload-1/post-links-jwt-groups", 201),
        ("http-api/post-links-identity-pool-guest", 401),
        ("http-api/post-links-without-authorizer", 401),
        ("function-url/post-links-without-authorizer", 401),
        ("function-url/post-links-origin-access-control", 403),
    ] {
        let links = event(fixture).to_string();
        let mut event: Value = serde_json::from_str(&links.replace("/links", "/uploads")).unwrap();
        event["body"] = json!(json!({"name": "a.txt", "size": 7}).to_string());
        event["isBase64Encoded"] = json!(false);
        let (status, body) = answer(&event).await;
        assert_eq!(status, expected, "{fixture}: {body}");
    }
}

#[tokio::test]
async fn grants_that_let_uploads_reach_mails_or_the_grants_stop_the_start() {
    let mails = r#"[{"bucket":"files","prefix":"in/mailed/","principals":["s3-event"]}]"#;
    let put = grant(r#","max_size":1000"#);
    let read = |mails: &str| {
        let variable = |name: &str| match name {
            "GRANTS" => Some(put.clone()),
            "MAIL_GRANTS" => Some(mails.to_owned()),
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            _ => None,
        };
        Settings::read(variable, Timestamp::now()).map(|_| ()).map_err(|error| error.to_string())
    };
    let sentence = read(mails).unwrap_err();
    assert!(
        sentence.starts_with("GRANTS[0].prefix reaches files that mails are about"),
        "{sentence}"
    );
    assert_eq!(read(&mails.replace("in/", "out/")), Ok(()));

    let aws = FakeAws::start().await;
    for (key, is_refused) in [("in/grants.json", true), ("config/grants.json", false)] {
        let document = put.clone();
        aws.script(move |call| {
            (call.operation == Operation::GetObject).then(|| Reply::document(&document))
        });
        let location = format!("s3://files/{key}");
        let read = handler(&aws, &location, &[]).read_grants().await;
        let sentence = read.map_err(|error| error.to_string()).err().unwrap_or_default();
        assert_eq!(
            sentence.contains("[0].prefix covers the object that holds"),
            is_refused,
            "{sentence}"
        );
        assert_eq!(sentence.is_empty(), !is_refused, "{sentence}");
    }
}

#[tokio::test]
async fn without_a_role_there_are_no_uploads() {
    let aws = FakeAws::start().await;
    let handler = handler(&aws, &grant(r#","max_size":1000"#), &[("UPLOAD_ROLE_ARN", "")]);
    let (status, problem) = begin(&handler, &json!({"name": "a", "size": 7})).await;
    assert_eq!(status, 404);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .ends_with("UPLOAD_ROLE_ARN, or Uploads=yes in the template.")
    );
    let (_, nowhere) = post(&handler, "alice", "/nowhere", &json!({})).await;
    assert!(!nowhere["detail"].as_str().unwrap().contains("/uploads"), "{nowhere}");
}

#[tokio::test]
async fn the_log_has_what_an_upload_was_and_never_how_it_is_made() {
    let aws = FakeAws::start().await;
    let handler = handler(&aws, &grant(r#","max_size":1000,"forms":true,"tags":["project"]"#), &[]);
    let log = Log::default();
    let (put, form) = {
        let _guard = log.collect();
        let (_, put) = begin(&handler, &json!({"name": "a", "size": 7})).await;
        let (_, form) = begin(&handler, &json!({"name": "a", "form": true})).await;
        (put, form)
    };
    let text = log.text();
    assert_eq!(text.matches("upload signed").count(), 2, "{text}");
    for wanted in
        [put["key"].as_str(), put["link_id"].as_str(), Some("PutObject"), Some("PostObject")]
    {
        assert!(text.contains(wanted.unwrap()), "{text}");
    }
    let signature = query(put["url"].as_str().unwrap())["X-Amz-Signature"].clone();
    let fields = &form["fields"];
    for secret in [
        signature.as_str(),
        fields["policy"].as_str().unwrap(),
        fields["x-amz-signature"].as_str().unwrap(),
    ] {
        assert!(!text.contains(secret));
    }
    assert!(!text.contains("X-Amz-"), "{text}");
}
