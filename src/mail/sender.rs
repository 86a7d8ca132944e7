//! `MAIL_FROM`: the sender's address, alone or behind a name, as a mail's header `From` has it.
//!
//! Source: RFC 5322, section 3.4, `mailbox`, without comments, groups and routes.

use super::recipients::Address;
use super::settings_error::MailSettingsError;

/// The longest name, in characters.
const MAX_NAME_CHARS: usize = 150;

/// The longest address, in bytes. The header `From` has room for it in a line of its own.
const MAX_ADDRESS_BYTES: usize = 70;

/// What a name may hold only in double quotes: RFC 5322's specials, but for the dot, which many
/// write without.
const SPECIALS: [char; 12] = ['(', ')', '<', '>', '[', ']', ':', ';', '@', '\\', ',', '"'];

/// The sender of mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    /// An identity that is verified in SES.
    pub address: Address,
    /// The name beside it.
    pub name: Option<String>,
}

impl Sender {
    /// Reads `files@example.com`, `Example Ltd <files@example.com>` or
    /// `"Example, Ltd" <files@example.com>`.
    ///
    /// # Errors
    ///
    /// [`MailSettingsError`], which does not repeat the value.
    pub(super) fn parse(written: &str) -> Result<Self, MailSettingsError> {
        let written = written.trim();
        let (name, address) = match written.strip_suffix('>').map(|rest| rest.rsplit_once('<')) {
            Some(Some((name, address))) => (Some(name), address),
            Some(None) | None => (None, written),
        };
        let name = name.map(display_name).transpose()?.flatten();
        let address = Address::parse(address)
            .map_err(|error| MailSettingsError::Address { name: "MAIL_FROM", error })?;
        if address.in_full().len() > MAX_ADDRESS_BYTES {
            return Err(wrong("use an address of up to 70 bytes"));
        }
        Ok(Self { address, name })
    }
}

/// The name that is written before an address. `None`: it is empty.
fn display_name(written: &str) -> Result<Option<String>, MailSettingsError> {
    let written = written.trim();
    let name = match written.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').and_then(unescaped),
        None => (!written.contains(SPECIALS)).then(|| written.to_owned()),
    };
    let name = name.ok_or(wrong(
        "put a name with punctuation into double quotes, as in \"Example, Ltd\" \
         <files@example.com>, and a backslash before each double quote and backslash in it",
    ))?;
    if name.chars().count() > MAX_NAME_CHARS || name.contains(char::is_control) {
        return Err(wrong("use a name of one line of up to 150 characters"));
    }
    let name = name.trim();
    Ok((!name.is_empty()).then(|| name.to_owned()))
}

/// What stands between double quotes, without its backslashes. `None`: a double quote stands alone,
/// or a backslash is the last character.
fn unescaped(quoted: &str) -> Option<String> {
    let mut name = String::with_capacity(quoted.len());
    let mut rest = quoted.chars();
    while let Some(next) = rest.next() {
        name.push(match next {
            '"' => return None,
            '\\' => rest.next()?,
            plain => plain,
        });
    }
    Some(name)
}

fn wrong(fix: &'static str) -> MailSettingsError {
    MailSettingsError::Wrong { name: "MAIL_FROM", fix }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        for (written, name) in [
            ("files@example.com", None),
            (" <files@example.com> ", None),
            ("\"\" <files@example.com>", None),
            ("Example Ltd <files@example.com>", Some("Example Ltd")),
            ("Example & Sons<files@EXAMPLE.com>", Some("Example & Sons")),
            ("Dr. A. O'Neil <files@example.com>", Some("Dr. A. O'Neil")),
            ("Müller und Söhne <files@example.com>", Some("Müller und Söhne")),
            ("\"Example, Ltd <x>\" <files@example.com>", Some("Example, Ltd <x>")),
            (r#""The \"best\" \\ " < files@example.com >"#, Some(r#"The "best" \"#)),
        ] {
            let sender = Sender::parse(written).unwrap();
            assert_eq!(
                (sender.name.as_deref(), &*sender.address.in_full()),
                (name, "files@example.com")
            );
        }
    }

    #[test]
    fn what_is_no_sender_is_refused_and_not_repeated() {
        let long_name = format!("{} <someone@example.com>", "n".repeat(151));
        let long_address = format!("someone@{}.example.com", "a".repeat(55));
        for (written, expected) in [
            ("someone", "MAIL_FROM holds something that is not of the form"),
            ("Someone <someone", "MAIL_FROM holds something that is not of the form"),
            ("someone@example.com>", "MAIL_FROM holds something that is not of the form"),
            ("Someone <someone>", "MAIL_FROM holds something that is not of the form"),
            ("sömeone@example.com", "MAIL_FROM holds something that has characters beyond"),
            ("someone%x@example.com", "MAIL_FROM holds something that has % or !"),
            ("Someone, Ltd <someone@example.com>", "MAIL_FROM is wrong: put a name with punct"),
            ("<a@example.com> <someone@example.com>", "MAIL_FROM is wrong: put a name with"),
            ("a@example.com <someone@example.com>", "MAIL_FROM is wrong: put a name with"),
            ("\"Someone <someone@example.com>", "MAIL_FROM is wrong: put a name with"),
            ("\"Some\"one\" <someone@example.com>", "MAIL_FROM is wrong: put a name with"),
            (r#""Someone\" <someone@example.com>"#, "MAIL_FROM is wrong: put a name with"),
            ("Some\r\none <someone@example.com>", "MAIL_FROM is wrong: use a name of one line"),
            ("\"Some\none\" <someone@example.com>", "MAIL_FROM is wrong: use a name of one line"),
            (&long_name, "MAIL_FROM is wrong: use a name of one line of up to 150 characters"),
            (&long_address, "MAIL_FROM is wrong: use an address of up to 70 bytes"),
        ] {
            let sentence = Sender::parse(written).unwrap_err().to_string();
            assert!(sentence.starts_with(expected), "{written}: {sentence}");
            assert!(!sentence.to_lowercase().contains("meone"), "{sentence}");
        }
    }
}
