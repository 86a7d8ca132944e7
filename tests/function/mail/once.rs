//! Each recipient gets one mail, also when the event is delivered repeatedly or concurrently, and
//! when an invocation is killed.

use fake_aws::{FakeAws, Fault, Object, Operation, Service};
use futures_util::future::join_all;
use jiff::SignedDuration;

use super::function::{batch, failed, function, handle, notification, pass};
use super::ledger::{mail_items, recipients, repeat_last_claim};
use super::{LINK_TO, mime};

const KEY: &str = "private-files/report.pdf";

async fn aws_with_report() -> FakeAws {
    let aws = FakeAws::start().await;
    aws.put_object("files", KEY, Object::of_size(1_250_000));
    aws
}

#[tokio::test]
async fn a_claim_that_arrives_late_does_not_take_the_mark_away() {
    let aws = aws_with_report().await;
    let function = function(&aws);
    handle(&function, &notification(KEY)).await.unwrap();
    repeat_last_claim(&aws);
    pass(SignedDuration::from_mins(6));
    handle(&function, &notification(KEY)).await.unwrap();
    assert_eq!(recipients(&aws), ["alice@example.com"]);
}

#[tokio::test]
async fn an_event_that_is_delivered_ten_times_mails_once() {
    let aws = aws_with_report().await;
    let function = function(&aws);
    for _ in 0..10 {
        assert!(handle(&function, &notification(KEY)).await.is_ok());
    }
    assert_eq!(recipients(&aws), ["alice@example.com"]);
    // The same holds within one batch.
    let ten = vec![notification(KEY); 10];
    assert!(failed(&handle(&function, &batch(&ten)).await.unwrap()).is_empty());
    assert_eq!(aws.mails().len(), 1);
}

#[tokio::test]
async fn ten_concurrent_deliveries_mail_once_and_the_others_fail_until_the_mail_is_marked() {
    let aws = aws_with_report().await;
    let functions: Vec<_> = (0..10).map(|_| function(&aws)).collect();
    let one = batch(&[notification(KEY)]);
    let responses = join_all(functions.iter().map(|function| handle(function, &one))).await;
    assert_eq!(aws.mails().len(), 1);
    let succeeded =
        responses.iter().filter(|response| failed(response.as_ref().unwrap()).is_empty());
    assert!(succeeded.count() >= 1);
    for function in &functions {
        assert!(failed(&handle(function, &one).await.unwrap()).is_empty());
    }
    assert_eq!(aws.mails().len(), 1);
}

#[tokio::test]
async fn each_recipient_gets_a_separate_mail_and_a_separate_link() {
    let aws = FakeAws::start().await;
    let link_to = "bob@example.com, carol@example.com,eve@evil.test";
    aws.put_object("files", KEY, Object::of_size(1).with_header(LINK_TO, link_to));
    assert!(handle(&function(&aws), &notification(KEY)).await.is_ok());
    assert_eq!(recipients(&aws), ["bob@example.com", "carol@example.com"]);
    let [bob, carol] = aws.mails().try_into().unwrap();
    let link_id = |sent| mime::parameter(&mime::link(sent), "x-link-id").unwrap();
    assert_ne!(link_id(&bob), link_id(&carol));
    // Each item holds SES's id of the mail and the id of the link.
    for item in mail_items(&aws) {
        assert!(item["message_id"]["S"].as_str().unwrap().starts_with("message-"));
        let link = item["link_id"]["S"].as_str().unwrap();
        assert!([link_id(&bob), link_id(&carol)].contains(&link.to_owned()));
    }
}

#[tokio::test]
async fn after_an_invocation_is_killed_before_ses_accepts_the_mail_one_mail_is_sent_after_the_lease()
 {
    let aws = aws_with_report().await;
    aws.fail(Service::Ses, [Fault::disconnect()]);
    let called = aws.until_done(Operation::SendEmail);
    let killed = function(&aws);
    let event = notification(KEY);
    tokio::select! {
        biased;
        // Dropping the future ends the invocation: nothing of it runs any more.
        () = called => {}
        _ = handle(&killed, &event) => panic!("the invocation ended before it was killed"),
    }
    drop(killed);

    let function = function(&aws);
    let one = batch(&[notification(KEY)]);
    pass(SignedDuration::from_secs(299));
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert!(aws.mails().is_empty());

    pass(SignedDuration::from_secs(1));
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(recipients(&aws), ["alice@example.com"]);
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(aws.mails().len(), 1);
}

#[tokio::test]
async fn each_version_of_an_object_is_mailed() {
    let aws = FakeAws::start().await;
    let function = function(&aws);
    for (version, sequencer, size) in [("v1", "01", 1_000), ("v2", "02", 2_000)] {
        aws.put_object("files", KEY, Object::of_size(size).version(version));
        let mut event = notification(KEY);
        event["Records"][0]["s3"]["object"]["versionId"] = version.into();
        event["Records"][0]["s3"]["object"]["sequencer"] = sequencer.into();
        handle(&function, &event).await.unwrap();
        handle(&function, &event).await.unwrap();
    }
    // A late event about the first version mails the first version.
    let mut late = notification(KEY);
    late["Records"][0]["s3"]["object"]["versionId"] = "v1".into();
    late["Records"][0]["s3"]["object"]["sequencer"] = "00".into();
    handle(&function, &late).await.unwrap();

    let sent = aws.mails();
    let versions: Vec<_> =
        sent.iter().map(|sent| mime::parameter(&mime::link(sent), "versionId").unwrap()).collect();
    assert_eq!(versions, ["v1", "v2", "v1"]);
    let sizes: Vec<_> = sent.iter().map(|sent| mime::text(sent).contains("1.0 kB")).collect();
    assert_eq!(sizes, [true, false, true]);
}
