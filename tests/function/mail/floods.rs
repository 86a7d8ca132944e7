//! An object, a message or a batch that asks for more mails than it should. What is over a limit is
//! refused whole, and no flood keeps another object's mail from going out.

use fake_aws::{FakeAws, Object};
use jiff::SignedDuration;
use s3_link_signer::Handler;
use serde_json::{Value, json};

use super::LINK_TO;
use super::function::{
    batch, counted, failed, function, function_with, handle, notification, pass,
};
use super::ledger::{mail_items, recipients};
use crate::log::Log;

const KEY: &str = "private-files/report.pdf";

fn object(link_to: &[String]) -> Object {
    Object::of_size(1_000).with_header(LINK_TO, link_to.join(",").as_str())
}

/// `count` mailboxes at example.com.
fn mailboxes(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{n}@example.com")).collect()
}

/// Mails about one object that names these recipients. Returns who got a mail.
async fn mail_to(function: &Handler, aws: &FakeAws, link_to: &[String]) -> Vec<String> {
    aws.put_object("files", KEY, object(link_to));
    let response = handle(function, &batch(&[notification(KEY)])).await.unwrap();
    // The event is done: no retry could change what the object names.
    assert!(failed(&response).is_empty());
    recipients(aws)
}

/// The fields of the warnings in a log.
fn warnings(log: &Log) -> Vec<Value> {
    let text = log.text();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["level"] == "WARN").map(|line| line["fields"].clone()).collect()
}

#[tokio::test]
async fn an_object_that_names_more_mailboxes_than_the_limit_is_refused_whole() {
    for (setting, limit) in [("", 20), ("3", 3), ("50", 50)] {
        let log = Log::default();
        let _guard = log.collect();
        let aws = FakeAws::start().await;
        let mut changes = vec![("MAIL_MAX_RECIPIENTS", setting)];
        changes.retain(|(_, setting)| !setting.is_empty());
        let function = function_with(&aws, &changes);
        assert!(mail_to(&function, &aws, &mailboxes(limit + 1)).await.is_empty());
        assert_eq!((counted("EventsRefused"), counted("MailsSent")), (1, 0));
        assert!(aws.state().items("mails").is_empty());
        let [line] = warnings(&log).try_into().unwrap();
        assert_eq!(line["message"], "event refused");
        let said = format!("names {} mailboxes, and MAIL_MAX_RECIPIENTS allows {limit}", limit + 1);
        assert!(line["reason"].as_str().unwrap().contains(&said), "{line}");

        aws.state().bucket("files").objects.clear();
        assert_eq!(mail_to(&function, &aws, &mailboxes(limit)).await, mailboxes(limit));
    }
}

#[tokio::test]
async fn addresses_that_are_not_allowed_count_towards_the_limit() {
    let aws = FakeAws::start().await;
    let mut link_to: Vec<_> = (0..20).map(|n| format!("{n}@evil.test")).collect();
    link_to.push("bob@example.com".to_owned());
    assert!(mail_to(&function(&aws), &aws, &link_to).await.is_empty());
    assert_eq!((counted("EventsRefused"), counted("RecipientsRefused")), (1, 0));
}

#[tokio::test]
async fn sub_addresses_of_one_mailbox_get_one_mail() {
    let aws = FakeAws::start().await;
    let function = function(&aws);
    let many: Vec<_> = (0..178).map(|n| format!("v+{n}@example.com")).collect();
    assert_eq!(mail_to(&function, &aws, &many).await, ["v+0@example.com"]);
    // The same event again, the object's metadata having changed in between.
    for again in ["v+other@example.com", "V@example.com"] {
        aws.state().bucket("files").objects.clear();
        assert_eq!(mail_to(&function, &aws, &[again.to_owned()]).await, ["v+0@example.com"]);
    }
    assert_eq!(mail_items(&aws).len(), 1);
}

#[tokio::test]
async fn refused_recipients_share_one_short_log_line_and_are_all_counted() {
    let aws = FakeAws::start().await;
    let function = function(&aws);
    for refused in [
        vec!["a".to_owned(); 1_000],
        // Source routes of old mail servers.
        vec!["user%evil.test@example.com".to_owned(), "evil.test!user@example.com".to_owned()],
        (0..19).map(|n| format!("{n}@{}{n}.test", "x".repeat(60))).collect(),
    ] {
        let log = Log::default();
        let _guard = log.collect();
        aws.state().mails.clear();
        aws.state().items("mails").clear();
        aws.state().bucket("files").objects.clear();
        let mut link_to = refused.clone();
        link_to.push("bob@example.com".to_owned());
        assert_eq!(mail_to(&function, &aws, &link_to).await, ["bob@example.com"]);
        assert_eq!(counted("RecipientsRefused"), refused.len() as u64);
        let [line] = warnings(&log).try_into().unwrap();
        assert_eq!(line["message"], "recipients refused");
        assert_eq!(line["count"], refused.len());
        assert!(line.to_string().len() < 600, "{line}");
    }
}

#[tokio::test]
async fn a_message_with_more_than_a_hundred_records_fails_whole() {
    let aws = FakeAws::start().await;
    let function = function(&aws);
    let message = |count: usize| {
        let records: Vec<_> = (0..count)
            .map(|n| {
                let key = format!("private-files/{n}");
                aws.put_object("files", &key, Object::of_size(1));
                notification(&key)["Records"][0].clone()
            })
            .collect();
        json!({"Records": records})
    };
    for count in [101, 1_500] {
        // The other message of the batch is not affected.
        let two = batch(&[message(count), notification("private-files/0")]);
        assert_eq!(failed(&handle(&function, &two).await.unwrap()), ["m0"]);
        assert_eq!(counted("MailsFailed"), 1);
        let error = handle(&function, &message(count)).await.unwrap_err().to_string();
        let said = format!("it has {count} records, and an event about a bucket has at most 100");
        assert!(error.contains(&said), "{error}");
    }
    assert_eq!(aws.mails().len(), 1);
    assert!(failed(&handle(&function, &batch(&[message(100)])).await.unwrap()).is_empty());
    assert_eq!(aws.mails().len(), 100);
}

#[tokio::test]
async fn a_flood_of_recipients_does_not_keep_another_object_s_mail_from_going_out() {
    let aws = FakeAws::start().await;
    aws.put_object("files", "private-files/flood", object(&mailboxes(20)));
    let honest = ["private-files/a", "private-files/b"];
    aws.put_object(
        "files",
        honest[0],
        object(&["ann@example.com".to_owned(), "abe@example.com".to_owned()]),
    );
    aws.put_object("files", honest[1], object(&["bob@example.com".to_owned()]));
    // SES takes five mails, and the flood comes first.
    aws.state().mail_quota = Some(5);
    let keys = ["private-files/flood", honest[0], honest[1]];
    let three = batch(&keys.map(notification));
    let function = function(&aws);
    assert_eq!(failed(&handle(&function, &three).await.unwrap()), ["m0"]);
    assert_eq!(
        recipients(&aws),
        ["0@example.com", "ann@example.com", "bob@example.com", "1@example.com", "abe@example.com"]
    );
    assert_eq!((counted("MailsSent"), counted("MailsFailed")), (5, 18));

    // When the quota is there again, each of the others gets one mail.
    aws.state().mail_quota = None;
    pass(SignedDuration::from_mins(15));
    assert!(failed(&handle(&function, &three).await.unwrap()).is_empty());
    assert_eq!(recipients(&aws)[5..], mailboxes(20)[2..]);
}

#[tokio::test]
async fn the_records_of_one_message_go_out_in_rounds_too_and_fail_with_it() {
    let aws = FakeAws::start().await;
    aws.put_object("files", "private-files/flood", object(&mailboxes(3)));
    aws.put_object("files", "private-files/a", object(&["ann@example.com".to_owned()]));
    aws.put_object("files", "private-files/b", object(&["bob@example.com".to_owned()]));
    aws.state().mail_quota = Some(3);
    let mut message = notification("private-files/flood");
    let more = notification("private-files/a")["Records"][0].clone();
    message["Records"].as_array_mut().unwrap().push(more);
    // The first two events are of one message, and the third is of another.
    let two = batch(&[message, notification("private-files/b")]);
    assert_eq!(failed(&handle(&function(&aws), &two).await.unwrap()), ["m0"]);
    assert_eq!(recipients(&aws), ["0@example.com", "ann@example.com", "bob@example.com"]);
}
