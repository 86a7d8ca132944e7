//! Passcodes: what the table keeps of them, and whether one is right.

use std::fmt;
use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::pbkdf2::{PBKDF2_HMAC_SHA256, derive, verify};

use super::ShareError;
use super::token::random_bytes;

/// How often a passcode is hashed.
///
/// A check takes 10 ms of a whole processor (0.21 µs for each iteration, measured on an AMD EPYC with
/// SHA extensions). At 256 MB a function has 256/1769 of one, so a check takes 71 ms there, and less
/// than 150 ms on a processor that is half as fast.
///
/// Source of the share: Lambda guide, "Configure Lambda function memory": at 1,769 MB a function has
/// one processor.
const ITERATIONS: u32 = 50_000;

/// The most iterations that a stored hash may ask for. The table is ours, and still no item shall
/// keep the function busy.
const MAX_ITERATIONS: u32 = 1_000_000;

/// How a stored hash begins.
const SCHEME: &str = "pbkdf2-sha256";

/// The fewest characters of a passcode.
const MIN_CHARACTERS: usize = 4;

/// The most characters of a passcode.
const MAX_CHARACTERS: usize = 128;

/// A passcode as its owner chose it, or as one was made.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Passcode(String);

/// What the table keeps of a passcode: `pbkdf2-sha256$iterations$salt$hash`, salt and hash as
/// base64url.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PasscodeHash(String);

impl Passcode {
    /// A passcode that an owner chose.
    ///
    /// # Errors
    ///
    /// [`ShareError::Field`] when it is too short or too long, and when nobody can type it.
    pub(crate) fn chosen(written: &str) -> Result<Self, ShareError> {
        if written.chars().any(char::is_control) {
            let reason =
                "passcode: it holds a control character, which no field takes; leave it out";
            return Err(ShareError::Field(reason.to_owned()));
        }
        let characters = written.chars().count();
        if (MIN_CHARACTERS..=MAX_CHARACTERS).contains(&characters) {
            return Ok(Self(written.to_owned()));
        }
        Err(ShareError::Field(format!(
            "passcode: {characters} characters; use {MIN_CHARACTERS} to {MAX_CHARACTERS}, or true to \
             have one made"
        )))
    }

    /// A passcode that is made: 50 random bits in two groups of letters and digits, of which none is
    /// taken for another.
    ///
    /// # Errors
    ///
    /// [`ShareError::Internal`] when the system gives no random bytes.
    pub(crate) fn generated() -> Result<Self, ShareError> {
        const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz123456789";
        let bytes: [u8; 10] = random_bytes()?;
        let mut passcode: String =
            bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        passcode.insert(5, '-');
        Ok(Self(passcode))
    }

    /// The passcode itself, for the one answer that tells it to its owner.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// What the table keeps.
    ///
    /// # Errors
    ///
    /// [`ShareError::Internal`] when the system gives no random bytes.
    pub(super) fn hash(&self) -> Result<PasscodeHash, ShareError> {
        let salt: [u8; 16] = random_bytes()?;
        let mut hash = [0; 32];
        let iterations = NonZeroU32::new(ITERATIONS).unwrap_or(NonZeroU32::MIN);
        derive(PBKDF2_HMAC_SHA256, iterations, &salt, self.0.as_bytes(), &mut hash);
        let [salt, hash] = [&salt[..], &hash].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        Ok(PasscodeHash(format!("{SCHEME}${iterations}${salt}${hash}")))
    }
}

impl PasscodeHash {
    /// The hash as the table has it.
    pub(super) fn stored(text: String) -> Self {
        Self(text)
    }

    /// The hash as the table keeps it.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the passcode. Nothing is right where the hash can't be read. Hashes are
    /// compared in constant time.
    pub(super) fn is_of(&self, passcode: &str) -> bool {
        let parts: Vec<_> = self.0.split('$').collect();
        let [SCHEME, iterations, salt, hash] = parts.as_slice() else { return false };
        let iterations = iterations
            .parse()
            .ok()
            .filter(|iterations: &NonZeroU32| iterations.get() <= MAX_ITERATIONS);
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let (Some(iterations), Some(salt), Some(hash)) =
            (iterations, decoded(salt), decoded(hash).filter(|hash| !hash.is_empty()))
        else {
            return false;
        };
        verify(PBKDF2_HMAC_SHA256, iterations, &salt, passcode.as_bytes(), &hash).is_ok()
    }
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passcode(hidden)")
    }
}

impl fmt::Debug for PasscodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasscodeHash(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_passcode_itself_is_right() {
        let hash = Passcode::chosen("pässwörd").unwrap().hash().unwrap();
        assert!(hash.is_of("pässwörd"));
        for other in ["", "pässwörd ", "Pässwörd", "password", hash.as_str()] {
            assert!(!hash.is_of(other), "{other}");
        }
        assert!(hash.as_str().starts_with("pbkdf2-sha256$50000$"));
        // The salt differs.
        assert_ne!(hash, Passcode::chosen("pässwörd").unwrap().hash().unwrap());
    }

    #[test]
    fn nothing_is_right_where_the_hash_can_t_be_read() {
        for text in ["", "pbkdf2-sha256$1$$", "pbkdf2-sha256$0$AA$AA", "md5$1$AA$AA", "a$b$c$d$e"] {
            assert!(!PasscodeHash::stored(text.to_owned()).is_of(""), "{text}");
        }
    }

    #[test]
    fn a_known_hash_is_that_of_the_standard() {
        // PBKDF2-HMAC-SHA256, "password", "salt", 4096 iterations: the widely published vector.
        let hash = PasscodeHash::stored(
            "pbkdf2-sha256$4096$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o".to_owned(),
        );
        assert!(hash.is_of("password"));
    }

    #[test]
    fn a_passcode_has_4_to_128_characters_and_one_that_is_made_has_two_groups() {
        for (length, is_accepted) in [(3, false), (4, true), (128, true), (129, false)] {
            assert_eq!(Passcode::chosen(&"ü".repeat(length)).is_ok(), is_accepted, "{length}");
        }
        for untypable in ["abcd\n", "ab\rcd", "abc\td", "\0abcd"] {
            assert!(Passcode::chosen(untypable).is_err(), "{untypable:?}");
        }
        let made = Passcode::generated().unwrap();
        assert_eq!(made.reveal().len(), 11);
        assert_ne!(made, Passcode::generated().unwrap());
    }
}
