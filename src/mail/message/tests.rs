//! Tests that no name of a file, a person or a company changes the shape of a mail.
//!
//! `mailparse`, which shares no code with `mail-builder`, reads the mails.

use jiff::{SignedDuration, Timestamp};
use link_rules::window::{Bounds, LimitedBy, Window};
use mailparse::{MailHeaderMap, ParsedMail, parse_mail};
use proptest::prelude::*;

use super::*;
use crate::links::{Link, Method, PolicyReading};
use crate::sessions::Evidence;

fn parsed(mime: &[u8]) -> ParsedMail<'_> {
    parse_mail(mime).unwrap()
}

/// The only header with this name.
fn header(mime: &[u8], name: &str) -> String {
    let values = parsed(mime).headers.get_all_values(name);
    let [value] = values.as_slice() else { panic!("{} headers {name}", values.len()) };
    value.clone()
}

/// The two bodies, decoded: plain text and HTML.
fn bodies(mime: &[u8]) -> (String, String) {
    let mail = parsed(mime);
    assert_eq!(mail.ctype.mimetype, "multipart/alternative");
    let [text, html] = mail.subparts.as_slice() else { panic!("two parts") };
    for (part, mimetype) in [(text, "text/plain"), (html, "text/html")] {
        assert_eq!(part.ctype.mimetype, mimetype);
        assert_eq!(part.ctype.charset, "utf-8");
    }
    (text.get_body().unwrap(), html.get_body().unwrap())
}

/// The sender of this name. `None` if the setting is refused.
fn sender(name: &str) -> Option<Sender> {
    let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
    Sender::parse(&format!("\"{quoted}\" <files@example.com>")).ok()
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
        method: Method::Get,
        is_checked_inside: false,
        bucket: "files".to_owned(),
        region: "eu-west-1".to_owned(),
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
        bucket_policy: PolicyReading::Heeded,
        bounds: Bounds::default(),
    }
}

/// Text in which characters that could break a header, break a line or change the direction of text
/// are common.
fn hostile(max_pieces: usize) -> impl Strategy<Value = String> {
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
    prop::collection::vec(piece, 0..max_pieces).prop_map(|pieces| pieces.concat())
}

fn assert_is_well_formed(mime: &[u8], mailed: &MailedLink, recipient: &Address) {
    let text = std::str::from_utf8(mime).expect("MIME is ASCII");
    assert!(text.is_ascii());
    for line in text.split("\r\n") {
        assert!(line.len() <= MAX_LINE, "{} characters: {line}", line.len());
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    }
    // The headers are those that `compose` writes, each of them once, and no others.
    let mail = parsed(mime);
    let mut names: Vec<_> = mail.headers.iter().map(mailparse::MailHeader::get_key).collect();
    names.sort();
    let address = recipient.in_full();
    let to = (address.len() <= MAX_ADDRESS_ON_A_LINE).then_some("To");
    let expected: Vec<_> =
        ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject"]
            .into_iter()
            .chain(to)
            .collect();
    assert_eq!(names, expected);
    if to.is_some() {
        assert_eq!(header(mime, "To"), format!("<{address}>"));
    }

    let (plain, html) = bodies(mime);
    assert!(plain.lines().any(|line| line == mailed.url), "the link is not in the text");
    assert_eq!(html.matches("<a ").count(), html.matches("<a ses:no-track ").count());
    let href = html.split_once("href=\"").unwrap().1.split_once('"').unwrap().0;
    let href = href.replace("&#38;", "&").replace("&#34;", "\"");
    assert_eq!(href, mailed.url, "the button has another link");
    let name = text::shortened(&text::file_name(&mailed.key), MAX_NAME_IN_BODY);
    assert!(!name.contains(char::is_control) && plain.contains(&name));
    // The only tags are those of the template.
    assert_eq!(html.matches('<').count(), html.matches('>').count());
    assert!(!html.contains("<script"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn no_name_changes_the_shape_of_a_mail(
        key in hostile(40),
        sender_name in hostile(8),
        local in "[a-z0-9#$&'*+/=?^_`{|}~-]{1,64}",
        domain in "([a-z0-9]{1,20}\\.){1,8}[a-z]{2,10}",
        token in 0..200_usize,
        expires_in in 60..604_800_u64,
    ) {
        let mailed = MailedLink::from(link(&key, token, expires_in));
        // Settings that are refused never reach a mail. Plain ones take their place.
        let sender = sender(&sender_name).or_else(|| sender("")).unwrap();
        let recipient = Address::parse(&format!("{local}@{domain}")).unwrap();
        let mime = compose(&sender, &recipient, &mailed, 1).unwrap();
        assert_is_well_formed(&mime, &mailed, &recipient);
    }

    #[test]
    fn the_time_left_is_never_more_than_the_window(expires_in in 60..604_800_u64) {
        let mailed = MailedLink::from(link("a", 1, expires_in));
        let recipient = Address::parse("alice@example.com").unwrap();
        let mime = compose(&sender("").unwrap(), &recipient, &mailed, 1).unwrap();
        let (text, _) = bodies(&mime);
        let time_left = text.split_once('(').unwrap().1.split_once(" from when").unwrap().0;
        let mut seconds = 0;
        let words: Vec<_> = time_left.split(' ').collect();
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
        assert!(seconds <= expires_in && seconds > 0, "{time_left} of {expires_in} s");
    }
}

#[test]
fn a_long_subject_of_plain_words_is_folded() {
    for length in 50..110 {
        let name = "word ".repeat(40)[..length].trim().replace(' ', "-word ");
        let mailed = MailedLink::from(link(&name, 1, 3_600));
        let recipient = Address::parse("alice@example.com").unwrap();
        let sender = sender("A Company With Quite a Long Name, and Then Some").unwrap();
        let mime = compose(&sender, &recipient, &mailed, 1).unwrap();
        assert_is_well_formed(&mime, &mailed, &recipient);
        let subject = header(&mime, "Subject");
        let shown = text::shortened(&text::file_name(&name), 80);
        assert_eq!(subject, format!("Your file {shown} (1 byte)"));
    }
}

#[test]
fn braces_in_a_file_s_name_are_left_as_they_are() {
    let mailed = MailedLink::from(link("{size}{name}", 1, 3_600));
    let recipient = Address::parse("alice@example.com").unwrap();
    let mime = compose(&sender("").unwrap(), &recipient, &mailed, 1).unwrap();
    assert_eq!(header(&mime, "Subject"), "Your file {size}{name} (1 byte)");
}

#[test]
fn a_name_that_reads_as_an_encoded_word_is_shown_as_it_is() {
    for name in ["=?utf-8?B?4oCuZmRwLmV4ZQ==?=", "=?", "a =?utf-8?Q?b?= c", &"=?x?q?y?= ".repeat(9)]
    {
        let mailed = MailedLink::from(link(name, 1, 3_600));
        let recipient = Address::parse("alice@example.com").unwrap();
        let mime = compose(&sender("").unwrap(), &recipient, &mailed, 1).unwrap();
        assert_is_well_formed(&mime, &mailed, &recipient);
        let shown = text::shortened(&text::file_name(name), 80);
        assert_eq!(header(&mime, "Subject"), format!("Your file {shown} (1 byte)"));
        assert!(names_an_encoded_word(&mailed));
    }
    assert!(!names_an_encoded_word(&MailedLink::from(link("a?=.pdf", 1, 3_600))));
}
