//! Writes a mail as the raw MIME that SES sends: one text, as plain text and as HTML.
//!
//! No line is longer than 76 characters. A link signed with a session has 1,300 to 4,000
//! characters, and mail servers break lines at 998 characters, which would break the link.
//! Quoted-printable and base64 keep the link whole.
//!
//! `mail-builder` encodes headers and bodies, and the templates escape what they insert. This
//! module joins only base64 into a header.

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use link_rules::text;
use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address as Mailbox;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::MimePart;
use thiserror::Error;

use super::mailed_link::MailedLink;
use super::recipients::Address;
use super::sender::Sender;

/// The longest line of a mail in characters, without its line break.
///
/// Source: RFC 2045, section 6.7 (5), for encoded bodies; RFC 2047, section 2, for headers.
const MAX_LINE: usize = 76;

/// The longest address in bytes that fits into a line between `To: <` and `>`.
const MAX_ADDRESS_ON_A_LINE: usize = MAX_LINE - 6;

/// How many bytes an encoded word of a subject holds: `Subject: `, the word's marks and the base64 of so many
/// bytes fit into [`MAX_LINE`].
const MAX_ENCODED_BYTES: usize = 36;

/// How many characters of a file's name a subject shows.
const MAX_NAME_IN_SUBJECT: usize = 80;

/// How many characters of a file's name a mail shows. On a phone a longer name would move the
/// button off the screen.
const MAX_NAME_IN_BODY: usize = 160;

/// A mail could not be written.
#[derive(Debug, Error)]
pub(crate) enum MessageError {
    /// A template failed. This happens only when memory runs out.
    #[error("the mail's text could not be written: {0}")]
    Template(#[from] askama::Error),
    /// The MIME builder failed. This happens only when memory runs out.
    #[error("the mail could not be put together: {0}")]
    Build(#[from] std::io::Error),
}

/// What both templates insert.
struct MailText<'a> {
    /// The sender's name, or the address of one without a name.
    sender: &'a str,
    recipient: &'a str,
    file_name: String,
    size: String,
    url: &'a str,
    /// The host that the button leads to. It is written out, because a button hides it.
    host: &'a str,
    /// The end of the link's window, for people.
    works_until: String,
    /// The end of the link's window to the second, for programs.
    expires_at: String,
    /// The length of the link's window, for people.
    time_left: String,
    /// Whether something that could not be read may end it sooner.
    may_end_sooner: bool,
}

#[derive(Template)]
#[template(path = "mail.txt", escape = "none")]
struct PlainText<'a>(&'a MailText<'a>);

#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'a>(&'a MailText<'a>);

/// The raw MIME of the mail that brings `brought` to `recipient`. `size` is the file's, in bytes.
///
/// # Errors
///
/// [`MessageError`]. No name of a file or a person causes one.
pub(super) fn compose(
    sender: &Sender,
    recipient: &Address,
    mailed: &MailedLink,
    size: u64,
) -> Result<Vec<u8>, MessageError> {
    let name = text::file_name(&mailed.key);
    let address = sender.address.in_full();
    let text = MailText {
        sender: sender.name.as_deref().unwrap_or(&address),
        recipient: &recipient.in_full(),
        file_name: text::shortened(&name, MAX_NAME_IN_BODY),
        size: text::size(size),
        url: &mailed.url,
        host: host(&mailed.url),
        works_until: text::instant(mailed.expires_at),
        expires_at: mailed.expires_at.to_string(),
        time_left: text::length(mailed.time_left),
        may_end_sooner: mailed.may_end_sooner,
    };
    let title =
        format!("Your file {} ({})", text::shortened(&name, MAX_NAME_IN_SUBJECT), text.size);
    // `=_` occurs in no encoded body. Nobody can know the boundary before the mail is sent.
    let boundary = format!("=_{}", mailed.id());
    let body = MimePart::new(
        ContentType::new("multipart/alternative").attribute("boundary", boundary),
        vec![
            MimePart::new("text/plain", PlainText(&text).render()?),
            MimePart::new("text/html", Html(&text).render()?),
        ],
    );
    let message = MessageBuilder::new()
        .from(Mailbox::new_address(sender.name.as_deref(), sender.address.in_full()));
    let message = match to(recipient) {
        Some(to) => message.to(to),
        None => message,
    };
    let message = message
        .header("Subject", subject(title))
        .date(mailed.dated.as_second())
        // SES requires a message id and replaces it with its own.
        .message_id(MessageId::new(format!("{}@s3-link-signer.invalid", mailed.id())))
        // Vacation responders do not answer such mails (RFC 3834).
        .header("Auto-Submitted", Raw::new("auto-generated"))
        .body(body)
        .write_to_vec()?;
    Ok(fold(&message))
}

/// The header `Subject`. Whoever named the file is its author. So an ASCII text that reads as an encoded word
/// is encoded itself: mail programs would decode it, and show what the uploader hid.
fn subject(text: String) -> HeaderType<'static> {
    if !reads_as_encoded(&text) {
        return Text::new(text).into();
    }
    let words = text.as_bytes().chunks(MAX_ENCODED_BYTES);
    let words: Vec<_> =
        words.map(|word| format!("=?us-ascii?B?{}?=", STANDARD.encode(word))).collect();
    Raw::new(words.join(" ")).into()
}

/// Whether a text is ASCII and has what begins an encoded word. Other texts are encoded as a whole.
///
/// Source: RFC 2047, section 2.
fn reads_as_encoded(text: &str) -> bool {
    text.is_ascii() && text.contains("=?")
}

/// Whether the name of the file that a mail brings reads as an encoded word. Some SES fail at such a mail.
pub(super) fn names_an_encoded_word(mailed: &MailedLink) -> bool {
    reads_as_encoded(&text::file_name(&mailed.key))
}

/// The host of a URL.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

/// The header `To`, if the address fits into a line. SES learns the recipient from the call, not
/// from this header, and a mail needs none (RFC 5322, section 3.6).
fn to(recipient: &Address) -> Option<Mailbox<'static>> {
    let address = recipient.in_full();
    let fits = address.len() <= MAX_ADDRESS_ON_A_LINE;
    fits.then(|| Mailbox::new_address(None::<String>, address))
}

/// Breaks lines that are longer than [`MAX_LINE`] at a space. The builder writes headers of plain
/// words with up to 78 characters in a line. Encoded bodies have no longer lines, so only headers
/// are changed.
fn fold(message: &[u8]) -> Vec<u8> {
    let mut folded = Vec::with_capacity(message.len() + 16);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        let mut rest = line;
        while rest.trim_ascii_end().len() > MAX_LINE {
            // The first character is left out: it may be the space at which an earlier fold broke.
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

#[cfg(test)]
mod tests;
