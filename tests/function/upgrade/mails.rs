//! The ledger of an earlier version: no event mails a second time, and none is forgotten. The addresses
//! in its mails open.

use fake_aws::{FakeAws, Item, Mail as Sent, Object};
use jiff::SignedDuration;
use serde_json::Value;

use super::environments::refuses;
use super::fixtures::{Delivered, Mail, all, shares};
use super::function::{deliver, function, pass, press};
use super::shown::Upgraded;
use crate::mail::LINK_TO;
use crate::mail::mime::{self, parameter};

fn mails() -> std::collections::BTreeMap<String, Mail> {
    all("mails")
}

/// An AWS with all items of the ledger of the mail's stack, and the file that it is about.
async fn aws_with(mail: &Mail) -> FakeAws {
    let aws = FakeAws::start().await;
    let key = mail.item["key"]["S"].as_str().unwrap();
    let object = Object::of_size(1_250_000)
        .version(mail.version_id.as_deref())
        .with_header(LINK_TO, mail.link_to.as_deref());
    aws.put_object("files", key, object);
    for other in mails().into_values().filter(|other| other.environment == mail.environment) {
        aws.state()
            .items("mails")
            .insert(other.item["id"]["S"].as_str().unwrap().to_owned(), other.item);
    }
    aws
}

fn sent(mail: &Mail) -> Option<Sent> {
    let mime = mail.mime.as_ref()?.join("\r\n").into_bytes();
    let to = mail.item["recipient"]["S"].as_str().unwrap().to_owned();
    Some(Sent { from: "files@example.com".to_owned(), to, mime, overrides: Value::Null })
}

fn ids(item: &Item) -> Vec<String> {
    let ids = item.get("share_ids").and_then(|ids| ids["SS"].as_array()).cloned();
    ids.unwrap_or_default().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_event_that_is_delivered_again_after_the_update_mails_what_was_not_mailed() {
    for (name, mail) in mails() {
        let aws = aws_with(&mail).await;
        let items = aws.state().items("mails").len();
        let function = function(&mail.environment, &aws.endpoint());
        let is_done = deliver(&function, &mail.event).await;
        let mailed = aws.mails().len();
        let expected = match mail.delivered_again {
            Delivered::Already => (true, 0),
            Delivered::Later => (false, 0),
            Delivered::Now => (true, 1),
        };
        assert_eq!((is_done, mailed), expected, "{name}");
        let id = mail.item["id"]["S"].as_str().unwrap();
        // No mail's item was made beside the earlier one. Another item may name its content.
        aws.state().items("mails").retain(|_, item| !item.contains_key("last_mail"));
        assert_eq!(aws.state().items("mails").len(), items, "{name}");
        let item = aws.state().items("mails")[id].clone();
        if mail.delivered_again != Delivered::Now {
            assert_eq!(item, mail.item, "{name}");
            continue;
        }
        assert!(item.contains_key("sent_at"), "{name}: {item:?}");
        let brings_a_share = mime::link(&aws.mails()[0]).contains("/s/");
        assert_eq!(brings_a_share, mail.environment == "shares-and-mails-mailer", "{name}");
        // The share of a mail that may have been sent can still be taken back.
        let (before, now) = (ids(&mail.item), ids(&item));
        assert!(before.iter().all(|id| now.contains(id)), "{name}: {now:?}");
        let shares: Vec<_> = aws.state().items("shares").keys().cloned().collect();
        assert!(shares.iter().all(|id| now.contains(id)), "{name}: {now:?}");
    }
}

#[tokio::test]
async fn a_mail_has_the_sender_the_subject_and_the_window_that_earlier_settings_say() {
    let mail = &mails()["sent-with-every-parameter"];
    let aws = aws_with(mail).await;
    aws.state().items("mails").clear();
    assert!(deliver(&function(&mail.environment, &aws.endpoint()), &mail.event).await);
    let [now] = aws.mails().try_into().unwrap();
    let then = sent(mail).unwrap();
    assert_eq!(now.to, then.to);
    for (header, setting) in [("From", "MAIL_FROM_NAME"), ("Subject", "MAIL_SUBJECT")] {
        if !refuses(&mail.environment, setting) {
            let [now, then] = [&now, &then].map(|sent| mime::header(&sent.mime, header));
            assert_eq!(now, then);
        }
    }
    let [now, then] = [&now, &then].map(|sent| parameter(&mime::link(sent), "X-Amz-Expires"));
    assert_eq!(now, then);
}

#[tokio::test]
async fn an_earlier_lease_ends_when_it_said_it_would() {
    let mail = &mails()["lease-holds"];
    let aws = aws_with(mail).await;
    let function = function(&mail.environment, &aws.endpoint());
    // The lease of five minutes began a minute ago.
    pass(SignedDuration::from_secs(239));
    assert!(!deliver(&function, &mail.event).await);
    pass(SignedDuration::from_secs(1));
    assert!(deliver(&function, &mail.event).await);
    assert!(deliver(&function, &mail.event).await);
    assert_eq!(aws.mails().len(), 1);
}

#[tokio::test]
async fn the_address_in_an_earlier_mail_opens_and_the_ledger_names_its_share() {
    let upgraded = Upgraded::start().await;
    let shares = shares();
    let mut opened = 0;
    for (name, mail) in mails() {
        let (Some(sent), false) = (sent(&mail), ids(&mail.item).is_empty()) else { continue };
        let url = mime::link(&sent);
        let (_, html) = mime::bodies(&sent.mime);
        assert!(html.contains(&url), "{name}: {html}");
        let share = shares.values().find(|share| share.url == url).expect(&name);
        assert_eq!(ids(&mail.item), [share.id()], "{name}");
        assert_eq!(press(upgraded.function(share), &url, None, None).await.status, 303, "{name}");
        assert_eq!(upgraded.attribute(share, "downloads")["N"], "1", "{name}");
        opened += 1;
    }
    assert_eq!(opened, 2);
}

#[test]
fn the_link_in_an_earlier_mail_is_the_one_that_the_ledger_names() {
    let mut compared = 0;
    for (name, mail) in mails() {
        let (Some(sent), true) = (sent(&mail), ids(&mail.item).is_empty()) else { continue };
        let link = mime::link(&sent);
        let named = mail.item["link_id"]["S"].as_str().map(str::to_owned);
        assert_eq!(parameter(&link, "x-link-id"), named, "{name}");
        assert_eq!(parameter(&link, "versionId"), mail.version_id, "{name}");
        compared += 1;
    }
    assert_eq!(compared, 3);
}
