//! The name of whoever shares, as recipients read it.
//!
//! It is never an id: a page that says "c3a343f3-5456-… shares a file with you" looks like a fraud. A name
//! decides nothing, and whoever may write one may write any.

use link_rules::text;
use thiserror::Error;
use uuid::Uuid;

/// The longest name, in characters.
const MAX_NAME: usize = 100;

/// The name of a person or of an organisation, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SenderName(String);

/// What can't be a name. Completes a sentence that names the field or the setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum SenderNameError {
    /// It is empty, too long, or of several lines.
    #[error("use a name of one line, 1 to 100 characters")]
    NotALine,
    /// It is a UUID.
    #[error("an id tells people nothing, use a name")]
    Id,
}

impl SenderName {
    /// Reads a name that somebody wrote.
    ///
    /// # Errors
    ///
    /// [`SenderNameError`], which repeats nothing.
    pub(crate) fn parse(written: &str) -> Result<Self, SenderNameError> {
        let name = written.trim();
        if !(1..=MAX_NAME).contains(&name.chars().count()) || name.contains(char::is_control) {
            return Err(SenderNameError::NotALine);
        }
        if Uuid::parse_str(name).is_ok() {
            return Err(SenderNameError::Id);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name that a token's claim has, shortened if it is long. `None`: it is an id, or empty.
    pub(super) fn of_claim(value: &str) -> Option<Self> {
        Self::parse(&text::shortened(&text::visible(value), MAX_NAME)).ok()
    }

    /// A name that was checked when it was written down or set.
    pub(crate) fn checked(name: String) -> Self {
        Self(name)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_and_no_id() {
        for name in ["Alice", "Müller & Söhne", "alice@example.com", &"n".repeat(100)] {
            assert_eq!(SenderName::parse(&format!(" {name} ")).unwrap().as_str(), name);
        }
        for wrong in ["", "  ", "a\nb", &"n".repeat(101)] {
            assert_eq!(SenderName::parse(wrong), Err(SenderNameError::NotALine), "{wrong}");
        }
        let id = "c3a343f3-5456-4c0b-9a1c-8a6f0d6a2b11";
        assert_eq!(SenderName::parse(id), Err(SenderNameError::Id));
        assert_eq!(SenderName::of_claim(id), None);
        assert_eq!(SenderName::of_claim(&"n".repeat(200)).unwrap().as_str().chars().count(), 100);
    }
}
