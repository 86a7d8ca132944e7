//! The MIME: what it says, and that nothing anybody is called can change its shape.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use s3_link_signer::grant::Grants;
use s3_link_signer::link::Link;
use s3_link_signer::mail::message::{MAX_LINE, NAME_IN_MAIL, compose};
use s3_link_signer::mail::recipients::Address;
use s3_link_signer::mail::settings::{MailSettings, Sender};
use s3_link_signer::mail::wording;
use s3_link_signer::session::Evidence;
use s3_link_signer::window::{LimitedBy, Window};

use crate::aws::{Aws, Object};
use crate::function::{function, handle, notification};
use crate::mime;

#[tokio::test]
async fn a_mail_says_what_the_file_is_where_it_is_and_how_long_that_works() {
    let aws = Aws::start().await;
    aws.put(
        "private-files/ü/Résumé 2026 <draft>.pdf",
        Object { etag: "e1", size: 1_250_000, ..Object::default() },
    );
    let key = "private-files/%C3%BC/R%C3%A9sum%C3%A9+2026+%3Cdraft%3E.pdf";
    handle(&function(&aws), &notification(key)).await.unwrap();
    let [sent] = aws.sent().try_into().unwrap();

    assert_eq!(sent.from, "files@example.com");
    assert_eq!(mime::header(&sent.mime, "From"), "\"Example & Sons\" <files@example.com>");
    assert_eq!(mime::header(&sent.mime, "To"), "<alice@example.com>");
    assert_eq!(mime::header(&sent.mime, "Subject"), "Your file Résumé 2026 <draft>.pdf (1.2 MB)");
    assert_eq!(mime::header(&sent.mime, "Auto-Submitted"), "auto-generated");

    let (text, html) = mime::bodies(&sent.mime);
    let link = mime::link(&sent);
    assert!(text.contains("Résumé 2026 <draft>.pdf") && text.contains("1.2 MB"), "{text}");
    assert!(html.contains("Résumé 2026 &#60;draft&#62;.pdf"), "{html}");
    // Signed at 13:05:17, with a session that keeps 3,595 s of an hour: until 14:05:12.
    assert_eq!(mime::parameter(&link, "X-Amz-Expires").unwrap(), "3595");
    assert!(text.contains("This link works until Monday 23 November 2026, 14:05 UTC"), "{text}");
    assert!(text.contains("(59 minutes from when this was sent)"), "{text}");
    assert!(html.contains(
        "This link works until <time datetime=\"2026-11-23T14:05:12Z\">Monday 23 November 2026, \
         14:05 UTC</time> <span style=\"white-space:nowrap;\">(59 minutes</span> from when this was \
         sent)."
    ));
    // It is a download, under its own name.
    let disposition = mime::parameter(&link, "response-content-disposition").unwrap();
    assert!(disposition.starts_with("attachment; "), "{disposition}");
    // Nothing is fetched from elsewhere, and nothing runs.
    for forbidden in ["<img", "<script", "src=", "url(", "@import", "<link"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
}

/// A sender as the settings make them.
fn sender(name: &str, subject: &str) -> Option<Sender> {
    let grants = r#"[{"bucket":"files","prefix":"","principals":["s3-event"]}]"#;
    let get = |setting: &str| {
        let value = match setting {
            "MAIL_FROM" => "files@example.com",
            "MAIL_FROM_NAME" => name,
            "MAIL_SUBJECT" => subject,
            "MAIL_ALLOWED_RECIPIENTS" => "*@example.com",
            "MAIL_TABLE" => "mails",
            _ => return None,
        };
        Some(value.to_owned()).filter(|value| !value.trim().is_empty())
    };
    let settings = MailSettings::read(&get, &Grants::parse(grants).unwrap(), None).ok()?;
    settings.map(|settings| settings.sender)
}

fn link(key: &str, token: usize, expires_in: u64) -> Link {
    let signed_at: Timestamp = "2026-11-23T13:05:17Z".parse().unwrap();
    let length = SignedDuration::from_secs(expires_in.cast_signed());
    Link {
        url: format!(
            "https://files.s3.eu-west-1.amazonaws.com/k?X-Amz-Expires={expires_in}\
             &X-Amz-Security-Token={}&response-content-disposition=a%3D%22b%22&x-link-id=1",
            "IQoJb3JpZ2luX2VjE%2F%2B".repeat(token)
        ),
        link_id: "0b0f6c58-6c2b-4d4e-9d5a-2f1f3f0c9f11".to_owned(),
        bucket: "files".to_owned(),
        key: key.to_owned(),
        window: Window {
            signed_at,
            expires_in,
            expires_at: signed_at + length,
            limited_by: LimitedBy::Request,
        },
        requested_expires_in: expires_in,
        evidence: Evidence::Minted,
        session_expires_at: None,
    }
}

/// Text in which what could break a header, a line or the direction of reading is common.
fn hostile(most: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        2 => "[a-zA-Z0-9 .,_-]{1,12}",
        1 => prop::sample::select(vec![
            "\r\n", "\n", "\r", "\0", "\u{7f}", "\u{85}", "\u{2028}", "\u{202e}", "\u{2066}",
            "\u{200f}", "\r\nBcc: eve@evil.test", "\r\n\r\n<script>", "=?utf-8?B?QQ==?=", "\"", "\\",
            "<", ">", "&", "'", "{name}", "{size}", "--", ".", "\n.\n", "=\r\n", "日本語", "é", "e\u{301}",
            "👨‍👩‍👧", "ﷺ", "\t", "  ", "%0d%0a", ":", ";", ",", "@", "(", ")", "[", "]",
        ])
        .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..most).prop_map(|pieces| pieces.concat())
}

fn assert_is_sound(mime: &[u8], link: &Link, recipient: &Address) {
    let text = std::str::from_utf8(mime).expect("MIME is ASCII");
    assert!(text.is_ascii());
    for line in text.split("\r\n") {
        assert!(line.len() <= MAX_LINE, "{} characters: {line}", line.len());
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    }
    // The headers are ours, each of them once, and no others.
    let mail = mime::parsed(mime);
    let mut names: Vec<_> = mail.headers.iter().map(mailparse::MailHeader::get_key).collect();
    names.sort();
    let ours = [
        "Auto-Submitted",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Subject",
        "To",
    ];
    assert_eq!(names, ours);
    let to = mime::header(mime, "To");
    assert!(to == format!("<{}>", recipient.in_full()) || to == "undisclosed-recipients:;", "{to}");

    let (plain, html) = mime::bodies(mime);
    assert!(plain.lines().any(|line| line == link.url), "the link is not in the text");
    let href = html.split_once("href=\"").unwrap().1.split_once('"').unwrap().0;
    let href = href.replace("&#38;", "&").replace("&#34;", "\"");
    assert_eq!(href, link.url, "the button leads elsewhere");
    let name = wording::shortened(&wording::file_name(&link.key), NAME_IN_MAIL);
    assert!(!name.contains(char::is_control) && plain.contains(&name));
    // No tag but those of the template.
    assert_eq!(html.matches('<').count(), html.matches('>').count());
    assert!(!html.contains("<script"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn no_name_changes_the_shape_of_a_mail(
        key in hostile(40),
        sender_name in hostile(8),
        subject in hostile(8),
        local in "[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}",
        domain in "([a-z0-9]{1,20}\\.){1,8}[a-z]{2,10}",
        token in 0..200_usize,
        expires_in in 60..604_800_u64,
    ) {
        let link = link(&key, token, expires_in);
        // What is no setting is refused before any mail; the plain ones stand in for it.
        let sender = sender(&sender_name, &subject)
            .or_else(|| sender(&sender_name, ""))
            .or_else(|| sender("", ""))
            .unwrap();
        let recipient = Address::parse(&format!("{local}@{domain}")).unwrap();
        let mime = compose(&sender, &recipient, &link, 1).unwrap();
        assert_is_sound(&mime, &link, &recipient);
    }

    #[test]
    fn what_is_said_to_be_left_is_never_more_than_there_is(expires_in in 60..604_800_u64) {
        let link = link("a", 1, expires_in);
        let recipient = Address::parse("alice@example.com").unwrap();
        let mime = compose(&sender("", "").unwrap(), &recipient, &link, 1).unwrap();
        let (text, _) = mime::bodies(&mime);
        let said = text.split_once('(').unwrap().1.split_once(" from when").unwrap().0;
        let mut seconds = 0;
        let words: Vec<_> = said.split(' ').collect();
        for pair in words.chunks(2) {
            let unit = match pair[1].trim_end_matches('s') {
                "second" => 1,
                "minute" => 60,
                "hour" => 3_600,
                "day" => 86_400,
                other => panic!("{other}"),
            };
            seconds += pair[0].parse::<u64>().unwrap() * unit;
        }
        assert!(seconds <= expires_in && seconds > 0, "{said} of {expires_in} s");
    }
}

#[test]
fn a_subject_of_plain_words_is_folded_where_it_would_be_too_long() {
    for length in 50..110 {
        let name = "word ".repeat(40)[..length].trim().replace(' ', "-word ");
        let link = link(&name, 1, 3_600);
        let recipient = Address::parse("alice@example.com").unwrap();
        let sender = sender("A Company With Quite a Long Name, and Then Some", "{name}").unwrap();
        let mime = compose(&sender, &recipient, &link, 1).unwrap();
        assert_is_sound(&mime, &link, &recipient);
        let subject = mime::header(&mime, "Subject");
        assert_eq!(subject, wording::shortened(&wording::file_name(&name), 80));
    }
}
