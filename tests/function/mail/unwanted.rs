//! Mails that nobody wants: about litter, unfinished and empty files, and copies in place. What is left out
//! is one line and one number.

use fake_aws::{FakeAws, Fault, Object, Operation, Service};
use jiff::SignedDuration;
use s3_link_signer::Handler;
use serde_json::{Value, json};

use super::LINK_TO;
use super::function::{
    batch, counted, failed, function, function_with, handle, notification, pass,
};
use super::ledger::recipients;
use crate::log::Log;

const KEY: &str = "private-files/report.pdf";

/// S3's event `name` about the object with this size, `ETag` and sequencer.
fn event(name: &str, key: &str, size: u64, etag: &str, sequencer: &str) -> Value {
    let mut event = notification(key);
    let record = &mut event["Records"][0];
    record["eventName"] = format!("ObjectCreated:{name}").into();
    let object = json!({"key": key, "size": size, "eTag": etag, "sequencer": sequencer});
    record["s3"]["object"] = object;
    event
}

/// Gives an event to the function, and returns how many mails were sent since.
async fn mailed(aws: &FakeAws, function: &Handler, event: &Value) -> usize {
    let before = aws.mails().len();
    handle(function, event).await.unwrap();
    aws.mails().len() - before
}

/// The same, for an event that has to be left out with one line that says `reason`.
async fn assert_left_out(aws: &FakeAws, function: &Handler, event: &Value, reason: &str) {
    let log = Log::default();
    let guard = log.collect();
    assert_eq!(mailed(aws, function, event).await, 0, "{event}");
    drop(guard);
    let text = log.text();
    assert_eq!(text.lines().filter(|line| line.contains(reason)).count(), 1, "{text}");
    assert!(!text.contains("alice"), "{text}");
    assert_eq!(counted("EventsLeftOut"), 1, "{event}");
}

#[tokio::test]
async fn litter_and_unfinished_files_are_left_out_and_aws_is_not_asked() {
    for name in [".DS_Store", "~$report.docx", "a.pdf.filepart", "a.PART", "a.tmp", "a_$folder$"] {
        let aws = FakeAws::start().await;
        let event = notification(&format!("private-files/{name}"));
        assert_left_out(&aws, &function(&aws), &event, "unfinished_names").await;
        assert!(aws.state().calls.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_grant_can_say_that_unfinished_names_are_mailed() {
    let grants = r#"[{"bucket":"files","prefix":"private-files/","principals":["s3-event"],
                      "region":"eu-west-1","unfinished_names":true}]"#;
    for (key, size, mails) in [("a.tmp", 7, 1), ("~$a.docx", 7, 1), ("a.tmp", 0, 0), ("a/", 0, 0)] {
        let aws = FakeAws::start().await;
        let key = format!("private-files/{key}");
        aws.put_object("files", &key, Object::of_size(size));
        let function = function_with(&aws, &[("GRANTS", grants)]);
        assert_eq!(mailed(&aws, &function, &event("Put", &key, size, "e1", "01")).await, mails);
    }
}

#[tokio::test]
async fn an_empty_file_is_left_out_and_its_content_is_mailed() {
    let aws = FakeAws::start().await;
    let function = function(&aws);
    let empty = event("Put", KEY, 0, "d41d8cd98f00b204e9800998ecf8427e", "01");
    assert_left_out(&aws, &function, &empty, "it is empty").await;
    assert!(aws.state().calls.is_empty());
    aws.put_object("files", KEY, Object::of_size(7).etag("e2"));
    assert_eq!(mailed(&aws, &function, &event("Put", KEY, 7, "e2", "02")).await, 1);
    // An event that does not say the size.
    let mut silent = event("Put", "private-files/b", 0, "e1", "03");
    silent["Records"][0]["s3"]["object"].as_object_mut().unwrap().remove("size");
    aws.put_object("files", "private-files/b", Object::of_size(0));
    assert_left_out(&aws, &function, &silent, "it is empty").await;
}

#[tokio::test]
async fn a_copy_in_place_is_left_out_and_an_upload_of_the_same_bytes_is_mailed() {
    let aws = FakeAws::start().await;
    aws.put_object(
        "files",
        KEY,
        Object::of_size(7).with_header(LINK_TO, "a@example.com,b@example.com"),
    );
    let function = function(&aws);
    assert_eq!(mailed(&aws, &function, &event("Put", KEY, 7, "e1", "01")).await, 2);
    let copy = event("Copy", KEY, 7, "e1", "02");
    assert_left_out(&aws, &function, &copy, "it is a copy in place").await;
    assert_left_out(&aws, &function, &copy, "it is a copy in place").await;
    assert_eq!(mailed(&aws, &function, &event("Put", KEY, 7, "e1", "03")).await, 2);
    // Whoever is named by the copy alone has no mail yet.
    let named = Object::of_size(7).with_header(LINK_TO, "a@example.com,c@example.com");
    aws.put_object("files", KEY, named);
    assert_eq!(mailed(&aws, &function, &event("Copy", KEY, 7, "e1", "04")).await, 1);
    assert_eq!(recipients(&aws).last().unwrap(), "c@example.com");
}

#[tokio::test]
async fn a_copy_in_place_makes_a_version_that_is_not_mailed() {
    let aws = FakeAws::start().await;
    let function = function(&aws);
    let versioned = |mut event: Value, version: &str| {
        event["Records"][0]["s3"]["object"]["versionId"] = version.into();
        event
    };
    aws.put_object("files", KEY, Object::of_size(7).version("v1"));
    let put = versioned(event("Put", KEY, 7, "e1", "01"), "v1");
    assert_eq!(mailed(&aws, &function, &put).await, 1);
    aws.put_object("files", KEY, Object::of_size(7).version("v2"));
    let copy = versioned(event("Copy", KEY, 7, "e1", "02"), "v2");
    assert_left_out(&aws, &function, &copy, "it is a copy in place").await;
    // EventBridge says it in other words.
    let detail = json!({"bucket": {"name": "files"}, "reason": "CopyObject",
        "object": {"key": KEY, "size": 7, "etag": "e1", "version-id": "v2", "sequencer": "02"}});
    assert_left_out(&aws, &function, &detail, "it is a copy in place").await;
}

#[tokio::test]
async fn a_copy_of_other_bytes_or_of_a_file_that_nobody_was_mailed_is_mailed_once() {
    let aws = FakeAws::start().await;
    let function = function(&aws);
    let put = |etag: &str| aws.put_object("files", KEY, Object::of_size(7).etag(etag));
    put("e1");
    let log = Log::default();
    let guard = log.collect();
    for _ in 0..2 {
        handle(&function, &event("Copy", KEY, 7, "e1", "01")).await.unwrap();
        assert_eq!(aws.mails().len(), 1);
    }
    drop(guard);
    // The second time, the copy itself has been mailed.
    assert!(!log.text().contains("copy in place"), "{}", log.text());
    put("e2");
    assert_eq!(mailed(&aws, &function, &event("Copy", KEY, 7, "e2", "02")).await, 1);
    // Back to the bytes before: they are not what was mailed last.
    put("e1");
    assert_eq!(mailed(&aws, &function, &event("Copy", KEY, 7, "e1", "03")).await, 1);
    // Another key is another file.
    aws.put_object("files", "private-files/b", Object::of_size(7));
    assert_eq!(mailed(&aws, &function, &event("Copy", "private-files/b", 7, "e1", "04")).await, 1);
}

#[tokio::test]
async fn a_copy_waits_for_the_mail_of_the_same_bytes_and_is_mailed_if_that_was_not_sent() {
    let aws = FakeAws::start().await;
    aws.put_object("files", KEY, Object::of_size(7));
    let function = function(&aws);
    let [put, copy] = ["Put", "Copy"].map(|name| batch(&[event(name, KEY, 7, "e1", name)]));
    // Nobody knows whether SES took it.
    aws.fail(Service::Ses, [Fault::error(502, "", "")]);
    assert_eq!(failed(&handle(&function, &put).await.unwrap()), ["m0"]);
    assert_eq!(failed(&handle(&function, &copy).await.unwrap()), ["m0"]);
    assert_eq!(aws.mails().len(), 0);
    pass(SignedDuration::from_mins(5));
    assert!(failed(&handle(&function, &copy).await.unwrap()).is_empty());
    assert_eq!(aws.mails().len(), 1);
}

#[tokio::test]
async fn a_mail_goes_out_although_its_content_can_not_be_written_down() {
    let aws = FakeAws::start().await;
    aws.put_object("files", KEY, Object::of_size(7));
    let function = function(&aws);
    aws.fail(Service::DynamoDb, [Fault::none(), Fault::error(400, "AccessDeniedException", "no")]);
    assert_eq!(mailed(&aws, &function, &event("Put", KEY, 7, "e1", "01")).await, 1);
    assert_eq!(mailed(&aws, &function, &event("Copy", KEY, 7, "e1", "02")).await, 1);
}

#[tokio::test]
async fn an_etag_in_quotes_is_the_same_as_one_without() {
    let aws = FakeAws::start().await;
    aws.put_object("files", KEY, Object::of_size(7));
    let function = function(&aws);
    assert_eq!(mailed(&aws, &function, &event("Put", KEY, 7, "\"e1\"", "01")).await, 1);
    assert_eq!(mailed(&aws, &function, &event("Put", KEY, 7, "e1", "01")).await, 0);
    let copy = event("Copy", KEY, 7, "\"e1\"", "02");
    assert_left_out(&aws, &function, &copy, "it is a copy in place").await;
}

#[tokio::test]
async fn a_line_says_why_nobody_was_mailed() {
    for (link_to, fallback, reason) in [
        (None, "", "it has no link-to, and MAIL_TO is not set"),
        (Some(","), "alice@example.com", "its link-to names nobody"),
        (
            Some("nonsense"),
            "alice@example.com",
            "link-to gets a mail: an address is not of the form",
        ),
        (Some("a@evil.test"), "", "link-to gets a mail: no pattern in MAIL_ALLOWED_RECIPIENTS"),
    ] {
        let aws = FakeAws::start().await;
        aws.put_object("files", KEY, Object::of_size(7).with_header(LINK_TO, link_to));
        let function = function_with(&aws, &[("MAIL_TO", fallback)]);
        let log = Log::default();
        let guard = log.collect();
        assert_eq!(mailed(&aws, &function, &notification(KEY)).await, 0);
        drop(guard);
        assert!(log.text().contains(reason), "{}", log.text());
    }
}

#[tokio::test]
async fn names_and_semicolons_in_link_to_are_understood() {
    let aws = FakeAws::start().await;
    let link_to = r#""Doe, Jane" <jane@example.com>; Bob <b@example.com>,c@example.com"#;
    aws.put_object("files", KEY, Object::of_size(7).with_header(LINK_TO, link_to));
    assert_eq!(mailed(&aws, &function(&aws), &notification(KEY)).await, 3);
    assert_eq!(recipients(&aws), ["jane@example.com", "b@example.com", "c@example.com"]);
}

#[tokio::test]
async fn a_mail_whose_name_reads_as_an_encoded_word_ends_in_a_sentence_where_ses_fails_at_it() {
    let word = "private-files/%3D%3Futf-8%3FB%3FZXZpbA%3D%3D%3F%3D.pdf";
    for (key, is_done) in [(word, true), (KEY, false)] {
        let aws = FakeAws::start().await;
        let decoded = percent_encoding::percent_decode_str(key).decode_utf8().unwrap();
        aws.put_object("files", &decoded, Object::of_size(7));
        aws.fail(Service::Ses, [Fault::error(500, "InternalFailure", "")]);
        let log = Log::default();
        let guard = log.collect();
        let response = handle(&function(&aws), &batch(&[notification(key)])).await.unwrap();
        drop(guard);
        assert_eq!(failed(&response).is_empty(), is_done);
        assert_eq!(aws.count(Operation::SendEmail), 1);
        assert_eq!(log.text().contains("reads as an encoded word of RFC 2047: rename"), is_done);
    }
}
