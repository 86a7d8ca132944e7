//! One mail each, however often and however much at once an event comes, and whatever dies.

use futures_util::future::join_all;
use jiff::SignedDuration;

use crate::aws::{Aws, Mood, Object};
use crate::function::{batch, failed, function, handle, notification, pass};
use crate::mime;

const KEY: &str = "private-files/report.pdf";

async fn aws_with_report() -> Aws {
    let aws = Aws::start().await;
    aws.put(KEY, Object { etag: "e1", size: 1_250_000, ..Object::default() });
    aws
}

#[tokio::test]
async fn the_same_event_ten_times_mails_once() {
    let aws = aws_with_report().await;
    let function = function(&aws);
    for _ in 0..10 {
        assert!(handle(&function, &notification(KEY)).await.is_ok());
    }
    assert_eq!(aws.recipients(), ["alice@example.com"]);
    // Within one batch, too.
    let ten = vec![notification(KEY); 10];
    assert!(failed(&handle(&function, &batch(&ten)).await.unwrap()).is_empty());
    assert_eq!(aws.sent().len(), 1);
}

#[tokio::test]
async fn ten_copies_at_once_mail_once_and_those_that_came_second_come_back_until_it_is_certain() {
    let aws = aws_with_report().await;
    let functions: Vec<_> = (0..10).map(|_| function(&aws)).collect();
    let one = batch(&[notification(KEY)]);
    let answers = join_all(functions.iter().map(|function| handle(function, &one))).await;
    assert_eq!(aws.sent().len(), 1);
    let done = answers.iter().filter(|answer| failed(answer.as_ref().unwrap()).is_empty()).count();
    assert!(done >= 1);
    for function in &functions {
        assert!(failed(&handle(function, &one).await.unwrap()).is_empty());
    }
    assert_eq!(aws.sent().len(), 1);
}

#[tokio::test]
async fn each_recipient_gets_a_mail_and_a_link_of_their_own() {
    let aws = Aws::start().await;
    let link_to = Some("bob@example.com, carol@example.com,eve@evil.test");
    aws.put(KEY, Object { etag: "e1", link_to, ..Object::default() });
    assert!(handle(&function(&aws), &notification(KEY)).await.is_ok());
    assert_eq!(aws.recipients(), ["bob@example.com", "carol@example.com"]);
    let [bob, carol] = aws.sent().try_into().unwrap();
    let link_id = |sent| mime::parameter(&mime::link(sent), "x-link-id").unwrap();
    assert_ne!(link_id(&bob), link_id(&carol));
    // What is written down is what SES said, and which link it was.
    let state = aws.state();
    for item in state.table.values() {
        assert!(item["message_id"]["S"].as_str().unwrap().starts_with("message-"));
        let link = item["link_id"]["S"].as_str().unwrap();
        assert!([link_id(&bob), link_id(&carol)].contains(&link.to_owned()));
    }
}

#[tokio::test]
async fn a_function_killed_before_ses_took_the_mail_leads_to_one_mail_after_the_lease() {
    let aws = aws_with_report().await;
    aws.ses_will(Mood::HangsUp);
    let killed = function(&aws);
    let event = notification(KEY);
    tokio::select! {
        biased;
        // Dropping the invocation is the function's death: nothing of it runs any more.
        () = aws.ses_called.notified() => {}
        _ = handle(&killed, &event) => panic!("it was to be killed"),
    }
    drop(killed);

    let function = function(&aws);
    let one = batch(&[notification(KEY)]);
    pass(SignedDuration::from_secs(299));
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert!(aws.sent().is_empty());

    pass(SignedDuration::from_secs(1));
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(aws.recipients(), ["alice@example.com"]);
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(aws.sent().len(), 1);
}

#[tokio::test]
async fn a_mail_is_known_by_its_version_so_a_newer_one_is_mailed_too() {
    let aws = Aws::start().await;
    let function = function(&aws);
    for (version, sequencer, size) in [("v1", "01", 1_000), ("v2", "02", 2_000)] {
        aws.put(KEY, Object { version_id: Some(version), size, ..Object::default() });
        let mut event = notification(KEY);
        event["Records"][0]["s3"]["object"]["versionId"] = version.into();
        event["Records"][0]["s3"]["object"]["sequencer"] = sequencer.into();
        handle(&function, &event).await.unwrap();
        handle(&function, &event).await.unwrap();
    }
    // Late events of the first version: what is mailed is what landed.
    let mut late = notification(KEY);
    late["Records"][0]["s3"]["object"]["versionId"] = "v1".into();
    late["Records"][0]["s3"]["object"]["sequencer"] = "00".into();
    handle(&function, &late).await.unwrap();

    let sent = aws.sent();
    let versions: Vec<_> =
        sent.iter().map(|sent| mime::parameter(&mime::link(sent), "versionId").unwrap()).collect();
    assert_eq!(versions, ["v1", "v2", "v1"]);
    let sizes: Vec<_> = sent.iter().map(|sent| mime::text(sent).contains("1.0 kB")).collect();
    assert_eq!(sizes, [true, false, true]);
}
