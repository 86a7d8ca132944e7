//! The mail that a recipient gets. Names that could change its shape are tested beside the code, in
//! `src/mail/message/tests.rs`.

use fake_aws::{FakeAws, Object};
use serde_json::{Value, json};

use super::function::{function, handle, notification};
use super::{EXPIRATION, mime};

#[tokio::test]
async fn a_mail_names_the_file_its_link_and_how_long_the_link_works() {
    let aws = FakeAws::start().await;
    aws.put_object("files", "private-files/ü/Résumé 2026 <draft>.pdf", Object::of_size(1_250_000));
    let key = "private-files/%C3%BC/R%C3%A9sum%C3%A9+2026+%3Cdraft%3E.pdf";
    handle(&function(&aws), &notification(key)).await.unwrap();
    let [sent] = aws.mails().try_into().unwrap();

    assert_eq!(sent.from, "files@example.com");
    assert_eq!(mime::header(&sent.mime, "From"), "\"Example & Sons\" <files@example.com>");
    assert_eq!(mime::header(&sent.mime, "To"), "<alice@example.com>");
    assert_eq!(mime::header(&sent.mime, "Subject"), "Your file Résumé 2026 <draft>.pdf (1.2 MB)");
    assert_eq!(mime::header(&sent.mime, "Auto-Submitted"), "auto-generated");

    let (text, html) = mime::bodies(&sent.mime);
    let link = mime::link(&sent);
    assert!(text.contains("Résumé 2026 <draft>.pdf") && text.contains("1.2 MB"), "{text}");
    assert!(html.contains("Résumé 2026 &#60;draft&#62;.pdf"), "{html}");
    // The link is signed at 13:05:17. The session keeps 3,595 s of an hour, so it works until
    // 14:05:12.
    assert_eq!(mime::parameter(&link, "X-Amz-Expires").unwrap(), "3595");
    assert!(text.contains("This link works until Monday 23 November 2026, 14:05 UTC"), "{text}");
    assert!(text.contains("(59 minutes from when this was sent)"), "{text}");
    assert!(html.contains(
        "This link works until <time datetime=\"2026-11-23T14:05:12Z\">Monday 23 November 2026, \
         14:05 UTC</time> <span style=\"white-space:nowrap;\">(59 minutes</span> from when this was \
         sent)."
    ));
    // The link downloads the file, under its own name.
    let disposition = mime::parameter(&link, "response-content-disposition").unwrap();
    assert!(disposition.starts_with("attachment; "), "{disposition}");
    // The mail fetches nothing from elsewhere and runs no script.
    for forbidden in ["<img", "<script", "src=", "url(", "@import", "<link"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
}

/// The text of the one mail about the report, in a bucket with this policy, and its link's window.
async fn mail_about(object: Object, policy: Option<Value>) -> (String, String) {
    let aws = FakeAws::start().await;
    aws.put_object("files", "private-files/report.pdf", object);
    aws.state().bucket("files").policy = policy;
    handle(&function(&aws), &notification("private-files/report.pdf")).await.unwrap();
    let [sent] = aws.mails().try_into().unwrap();
    let window = mime::parameter(&mime::link(&sent), "X-Amz-Expires").unwrap();
    (mime::text(&sent), window)
}

#[tokio::test]
async fn a_mail_says_the_true_end_where_the_bucket_s_policy_limits_the_link() {
    let policy = json!({"Statement": {
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "*",
        "Condition": {"NumericGreaterThan": {"s3:signatureAge": "1800000"}},
    }});
    let object = Object::of_size(1);
    let (text, window) = mail_about(object, Some(policy)).await;
    assert_eq!(window, "1795");
    assert!(text.contains("13:35 UTC") && text.contains("(29 minutes"), "{text}");
}

#[tokio::test]
async fn a_mail_says_the_true_end_where_a_lifecycle_rule_deletes_the_file() {
    let expiration = "expiry-date=\"Mon, 23 Nov 2026 13:50:17 GMT\", rule-id=\"tidy\"";
    let object = Object::of_size(1).with_header(EXPIRATION, expiration);
    let (text, window) = mail_about(object, None).await;
    assert_eq!(window, "2695");
    assert!(text.contains("13:50 UTC"), "{text}");
}
