//! The mail itself: one text, said twice (plain and HTML), as the raw MIME that SES sends.
//!
//! No line is longer than 76 characters. A link signed with a session is 1,300–4,000 characters,
//! and mail servers break lines at 998, which would break the link; quoted-printable and base64
//! keep it whole.
//!
//! `mail-builder` encodes and the templates escape; nothing here pastes strings into headers.

use askama::Template;
use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address as Mailbox;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::MimePart;
use thiserror::Error;

use super::recipients::Address;
use super::settings::Sender;
use super::wording;
use crate::link::Link;

/// The longest line of a mail, line break not counted.
///
/// Source: RFC 2045, section 6.7 (5), for encoded bodies; RFC 2047, section 2, for headers.
pub const MAX_LINE: usize = 76;

/// The longest address that fits a line of its own, with `To: <` before it and `>` behind.
const MAX_ADDRESS_ON_A_LINE: usize = MAX_LINE - 6;

/// How many characters of a file's name a subject has room for.
const NAME_IN_SUBJECT: usize = 80;

/// How many a mail shows: of a longer one nobody reads the middle, and on a phone it would push the
/// button out of sight.
pub const NAME_IN_MAIL: usize = 160;

/// The time that sending may take after signing, in seconds. What is left "from when this was
/// sent" is counted from its end: less is said than is true, never more.
const SENDING: u64 = 15;

/// A mail could not be put together.
#[derive(Debug, Error)]
pub enum MessageError {
    /// A template failed, which it can only do when memory runs out.
    #[error("the mail's text could not be written: {0}")]
    Template(#[from] askama::Error),
    /// The builder failed, for the same reason.
    #[error("the mail could not be put together: {0}")]
    Build(#[from] std::io::Error),
}

/// What both texts say.
struct Said<'a> {
    name: String,
    size: String,
    url: &'a str,
    until: String,
    left: String,
    /// The end to the second, for programs.
    expires_at: String,
    sender: &'a str,
}

#[derive(Template)]
#[template(path = "mail.txt", escape = "none")]
struct PlainText<'a>(&'a Said<'a>);

#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'a>(&'a Said<'a>);

/// The raw MIME of the mail that brings `link` to `recipient`.
///
/// # Errors
///
/// [`MessageError`], never because of what a file or a person is called.
pub fn compose(
    sender: &Sender,
    recipient: &Address,
    link: &Link,
    size: u64,
) -> Result<Vec<u8>, MessageError> {
    let name = wording::file_name(&link.key);
    let said = Said {
        size: wording::size(size),
        url: &link.url,
        until: wording::instant(link.window.expires_at),
        left: wording::length(link.window.expires_in.saturating_sub(SENDING).max(1)),
        expires_at: link.window.expires_at.to_string(),
        sender: sender.name.as_deref().unwrap_or_default(),
        name: wording::shortened(&name, NAME_IN_MAIL),
    };
    let subject = sender.subject.filled(&wording::shortened(&name, NAME_IN_SUBJECT), &said.size);
    // `=_` occurs in no encoded body, and the rest is nobody's to know before the mail is sent.
    let boundary = format!("=_{}", link.link_id);
    let both = ContentType::new("multipart/alternative").attribute("boundary", boundary);
    let both = MimePart::new(
        both,
        vec![
            MimePart::new("text/plain", PlainText(&said).render()?),
            MimePart::new("text/html", Html(&said).render()?),
        ],
    );
    let message = MessageBuilder::new()
        .from(Mailbox::new_address(sender.name.as_deref(), sender.address.in_full()))
        .header("To", to(recipient))
        .subject(Text::new(subject))
        .date(link.window.signed_at.as_second())
        // SES puts its own in place of it, and asks for one all the same.
        .message_id(MessageId::new(format!("{}@s3-link-signer.invalid", link.link_id)))
        // Keeps vacation responders quiet (RFC 3834).
        .header("Auto-Submitted", Raw::new("auto-generated"))
        .body(both)
        .write_to_vec()?;
    Ok(fold(&message))
}

/// The recipient's header. SES is told the address apart from the mail, so an address too long
/// for a line can stay out of it.
fn to(recipient: &Address) -> HeaderType<'static> {
    let address = recipient.in_full();
    if address.len() <= MAX_ADDRESS_ON_A_LINE {
        Mailbox::new_address(None::<String>, address).into()
    } else {
        Raw::new("undisclosed-recipients:;").into()
    }
}

/// Breaks what is still longer than [`MAX_LINE`] at a space: the builder lets headers of plain
/// words grow to 78. Encoded bodies have no longer lines, so only headers are touched.
fn fold(message: &[u8]) -> Vec<u8> {
    let mut folded = Vec::with_capacity(message.len() + 16);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        let mut rest = line;
        while rest.trim_ascii_end().len() > MAX_LINE {
            // Not at the first character: it may be the space that an earlier fold left there.
            let space = (1..=MAX_LINE).rev().find(|&at| rest[at] == b' ');
            let Some(space) = space else { break };
            folded.extend_from_slice(&rest[..space]);
            folded.extend_from_slice(b"\r\n");
            rest = &rest[space..];
        }
        folded.extend_from_slice(rest);
    }
    folded
}
