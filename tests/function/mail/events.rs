//! Each event of `events/`, and the answer to it.

use std::path::{Path, PathBuf};

use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::s3::S3Event;
use aws_lambda_events::sqs::SqsEvent;
use fake_aws::{FakeAws, Object, Operation};
use s3_link_signer::EventError;
use serde_json::{Value, json};

use super::function::{batch, failed, function, function_with, handle, notification};
use super::mime;

fn fixtures(folder: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(folder);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (
            path.file_stem().unwrap().to_str().unwrap().to_owned(),
            serde_json::from_str(&text).unwrap(),
        )
    };
    files.into_iter().map(read).collect()
}

fn fixture(path: &str) -> Value {
    let (folder, name) = path.split_once('/').unwrap();
    fixtures(folder).into_iter().find(|(found, _)| found == name).unwrap().1
}

/// An AWS that has all objects that the fixtures name.
pub(crate) async fn aws() -> FakeAws {
    let aws = FakeAws::start().await;
    for key in
        ["private-files/a+b c.pdf", "private-files/ü/日本語.txt", "private-files/100%25 sure.txt"]
    {
        let object = Object::of_size(1_024)
            .version("UYQJ1yRpPVZfcbuQpF0Bq2Ij8z1xJnTa")
            .etag("d41d8cd98f00b204e9800998ecf8427e");
        aws.put_object("files", key, object);
    }
    aws
}

#[test]
fn the_fixtures_have_the_shapes_of_aws_lambda_events() {
    for (name, event) in fixtures("s3") {
        if name != "test-event" {
            serde_json::from_value::<S3Event>(event)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    for (name, event) in fixtures("sqs") {
        serde_json::from_value::<SqsEvent>(event).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for (name, event) in fixtures("eventbridge") {
        serde_json::from_value::<EventBridgeEvent<Value>>(event)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Why `events/s3_notification` decodes keys and `events/sqs` reads two fields of a message.
#[test]
fn aws_lambda_events_decodes_no_key_and_keeps_the_attributes_of_messages() {
    let event: S3Event = serde_json::from_value(fixture("s3/object-created-put")).unwrap();
    let object = &event.records[0].s3.object;
    assert_eq!(object.key.as_deref(), Some("private-files/a%2Bb+c.pdf"));
    assert_eq!(object.url_decoded_key, None);
    let batch: SqsEvent = serde_json::from_value(fixture("sqs/s3-notification")).unwrap();
    assert!(!batch.records[0].attributes.is_empty());
}

/// The key in the link of the last mail.
fn mailed_key(aws: &FakeAws) -> String {
    let link = mime::link(aws.mails().last().unwrap());
    let path = link.split_once("/files/").unwrap().1.split_once('?').unwrap().0;
    percent_encoding::percent_decode_str(path).decode_utf8().unwrap().into_owned()
}

#[tokio::test]
async fn an_object_is_mailed_by_each_route_and_its_key_is_decoded_as_the_route_encodes_it() {
    for (path, key) in [
        ("s3/object-created-put", "private-files/a+b c.pdf"),
        ("s3/object-created-multipart-upload", "private-files/ü/日本語.txt"),
        ("s3/object-created-percent-signs", "private-files/100%25 sure.txt"),
        ("eventbridge/object-created", "private-files/a+b c.pdf"),
        ("eventbridge-input/object-created-detail", "private-files/a+b c.pdf"),
        ("sns/s3-notification", "private-files/a+b c.pdf"),
        ("sns/eventbridge-object-created", "private-files/a+b c.pdf"),
        ("s3/minio-object-created", "private-files/a+b c.pdf"),
        ("eventbridge/object-created-percent-signs", "private-files/100%25 sure.txt"),
    ] {
        let aws = aws().await;
        let response = handle(&function(&aws), &fixture(path)).await.unwrap();
        assert_eq!(response, Value::Null, "{path}");
        assert_eq!(aws.mails().len(), 1, "{path}");
        assert_eq!(mailed_key(&aws), key, "{path}");
        let link = mime::link(&aws.mails()[0]);
        let version = mime::parameter(&link, "versionId").unwrap();
        assert_eq!(version, "UYQJ1yRpPVZfcbuQpF0Bq2Ij8z1xJnTa", "{path}");
    }
}

#[tokio::test]
async fn a_batch_is_answered_with_the_messages_that_failed() {
    for (path, mails, expected) in [
        ("sqs/s3-notification", 1, json!({"batchItemFailures": []})),
        ("sqs/eventbridge-object-created", 1, json!({"batchItemFailures": []})),
        ("sqs/eventbridge-detail", 1, json!({"batchItemFailures": []})),
        ("sqs/sns-s3-notification", 1, json!({"batchItemFailures": []})),
        ("sqs/sns-eventbridge-object-created", 1, json!({"batchItemFailures": []})),
        ("sqs/sns-raw-delivery-s3-notification", 1, json!({"batchItemFailures": []})),
        ("sqs/sns-raw-delivery-eventbridge-object-created", 1, json!({"batchItemFailures": []})),
        ("sqs/sns-s3-test-event", 0, json!({"batchItemFailures": []})),
        (
            "sqs/eventbridge-input-transformer",
            0,
            json!({"batchItemFailures": [{"itemIdentifier": "059f36b4-87a3-44ab-83d2-661975830a7d"}]}),
        ),
        ("sqs/s3-test-event", 0, json!({"batchItemFailures": []})),
        (
            "sqs/mixed-with-one-nobody-knows",
            2,
            json!({"batchItemFailures": [{"itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da"}]}),
        ),
    ] {
        let aws = aws().await;
        assert_eq!(handle(&function(&aws), &fixture(path)).await.unwrap(), expected, "{path}");
        assert_eq!(aws.mails().len(), mails, "{path}");
    }
}

#[tokio::test]
async fn an_object_is_mailed_once_although_s3_and_eventbridge_both_send_an_event() {
    let aws = aws().await;
    let function = function(&aws);
    handle(&function, &fixture("s3/object-created-put")).await.unwrap();
    handle(&function, &fixture("eventbridge/object-created")).await.unwrap();
    handle(&function, &fixture("sqs/s3-notification")).await.unwrap();
    for path in ["sns/s3-notification", "sqs/sns-s3-notification", "sqs/eventbridge-detail"] {
        handle(&function, &fixture(path)).await.unwrap();
    }
    assert_eq!(aws.mails().len(), 1);
}

#[tokio::test]
async fn an_event_that_is_not_a_creation_succeeds_and_mails_nothing() {
    for path in [
        "s3/test-event",
        "s3/object-removed-delete",
        "s3/object-restore-completed",
        "s3/folder-marker",
        "eventbridge/object-deleted",
        "eventbridge-input/object-deleted-detail",
        "sns/s3-test-event",
        "s3/empty-object",
        "s3/unfinished-name",
        "s3/hadoop-folder-marker",
    ] {
        let aws = aws().await;
        assert_eq!(handle(&function(&aws), &fixture(path)).await.unwrap(), Value::Null, "{path}");
        assert_eq!(aws.count(Operation::HeadObject) + aws.count(Operation::SendEmail), 0, "{path}");
    }
}

#[tokio::test]
async fn a_bucket_or_key_without_a_grant_is_refused_before_aws_is_called() {
    let aws = aws().await;
    let function = function(&aws);
    let mut elsewhere = notification("private-files/a");
    elsewhere["Records"][0]["s3"]["bucket"]["name"] = "other".into();
    for event in [
        elsewhere,
        notification("public/a"),
        // The grant is for authenticated callers, and an event has none.
        notification("asked/a"),
        notification("private-files/../a"),
    ] {
        assert!(failed(&handle(&function, &batch(&[event])).await.unwrap()).is_empty());
    }
    assert!(aws.state().calls.is_empty());
}

#[tokio::test]
async fn while_mailing_is_off_events_fail_and_the_error_names_the_setting() {
    let aws = aws().await;
    let off = function_with(&aws, &[("MAIL_FROM", "")]);
    for path in ["s3/object-created-put", "sqs/s3-notification", "eventbridge/object-created"] {
        let error = handle(&off, &fixture(path)).await.unwrap_err();
        assert_eq!(error, EventError::MailingIsOff);
        assert!(error.to_string().contains("set MAIL_FROM"));
    }
}

#[tokio::test]
async fn an_unknown_event_is_an_error_that_names_what_was_recognised() {
    let aws = aws().await;
    let function = function(&aws);
    for (event, recognised) in [
        (json!({}), "it has no fields"),
        (json!([]), "it is JSON, but no object"),
        (json!([null, [{"eventSource": "aws:sqs"}]]), "it is JSON, but no object"),
        (json!({"hello": "world"}), "it has the fields \"hello\""),
        (json!({"Records": []}), "its Records are empty"),
        (json!({"Records": [{"eventSource": "aws:kinesis"}]}), "a record of \"aws:kinesis\""),
        (json!({"Records": [{"EventSource": "aws:sns", "Sns": {}}]}), "an event of SNS that can't"),
        (
            json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Type": "Notification",
                "Message": r#"{"Type":"Notification","Message":"{}"}"#}}]}),
            "Type being \"Notification\"",
        ),
        (json!({"Records": [{"eventSource": "ceph:s3"}]}), "a record of \"ceph:s3\""),
        (fixture("eventbridge/cloudtrail-put-object"), "it is CloudTrail's record of a call"),
        (
            fixture("eventbridge-input/cloudtrail-put-object-detail"),
            "CloudTrail's record of a call",
        ),
        (fixture("eventbridge-input/transformed-object"), "take the transformer away"),
        (fixture("eventbridge-input/transformed-text"), "take the transformer away"),
        (
            json!({"bucket": {"name": "files"}, "object": {"key": "private-files/a"}}),
            "no reason that says whether the object was created",
        ),
        (json!({"source": "aws.s3", "detail-type": "New file"}), "detail-type being \"New file\""),
        (json!({"Records": 7}), "its Records can't be understood"),
        (
            json!({"source": "aws.ec2", "detail-type": "EC2 Instance State-change", "detail": {}}),
            "source being \"aws.ec2\", detail-type being \"EC2 Instance State-change\"",
        ),
        (
            json!({"source": "aws.s3", "detail-type": "Object Created", "detail": {"key": 1}}),
            "it is an \"Object Created\" whose detail can't be understood",
        ),
    ] {
        let error = handle(&function, &event).await.unwrap_err();
        assert!(matches!(error, EventError::Unknown(_)), "{event}");
        assert!(error.to_string().contains(recognised), "{error}");
    }
    let scheduled = fixture("eventbridge/scheduled-event-nobody-asked-for");
    let error = handle(&function, &scheduled).await.unwrap_err().to_string();
    assert!(error.contains("detail-type being \"Scheduled Event\""), "{error}");
}
