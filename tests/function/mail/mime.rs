//! Reads the mails that the function sends, with `mailparse`, which shares no code with the
//! builder.

use fake_aws::Mail;
use mailparse::{MailHeaderMap, ParsedMail, parse_mail};

fn parsed(mime: &[u8]) -> ParsedMail<'_> {
    parse_mail(mime).unwrap()
}

/// The only header with this name.
pub(crate) fn header(mime: &[u8], name: &str) -> String {
    let values = parsed(mime).headers.get_all_values(name);
    let [value] = values.as_slice() else { panic!("{} headers {name}", values.len()) };
    value.clone()
}

/// The two bodies, decoded: plain text and HTML.
pub(crate) fn bodies(mime: &[u8]) -> (String, String) {
    let mail = parsed(mime);
    assert_eq!(mail.ctype.mimetype, "multipart/alternative");
    let [text, html] = mail.subparts.as_slice() else { panic!("two parts") };
    assert_eq!(
        (text.ctype.mimetype.as_str(), text.ctype.charset.as_str()),
        ("text/plain", "utf-8")
    );
    assert_eq!((html.ctype.mimetype.as_str(), html.ctype.charset.as_str()), ("text/html", "utf-8"));
    (text.get_body().unwrap(), html.get_body().unwrap())
}

pub(crate) fn text(sent: &Mail) -> String {
    bodies(&sent.mime).0
}

/// The link in the plain text.
pub(crate) fn link(sent: &Mail) -> String {
    let text = text(sent);
    text.lines().find(|line| line.starts_with("http")).unwrap().trim_end().to_owned()
}

/// A query parameter of a link, decoded.
pub(crate) fn parameter(link: &str, name: &str) -> Option<String> {
    let (_, query) = link.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}
