//! Passcodes: what the table keeps of them, and whether one is right.
//!
//! People paste passcodes with a space or a line break at an end, and keyboards write one letter in two
//! ways. So a passcode is normalized before it is hashed. The scheme of a hash says how: hashes of earlier
//! versions are of what was typed.

use std::fmt;
use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use icu_normalizer::ComposingNormalizerBorrowed;
use ring::pbkdf2::{PBKDF2_HMAC_SHA256, derive, verify};

use super::ShareError;
use super::token::random_bytes;

/// How often a passcode is hashed.
///
/// A hash takes 10 ms of a whole processor (0.21 µs for each iteration, measured on an AMD EPYC with
/// SHA extensions). At 256 MB a function has 256/1769 of one, so a hash takes 71 ms there, and less
/// than 150 ms on a processor that is half as fast. A press takes one hash. Where the table has a hash of
/// an earlier version, a passcode that normalization changes takes two.
///
/// Source of the share: Lambda guide, "Configure Lambda function memory": at 1,769 MB a function has
/// one processor.
const ITERATIONS: u32 = 50_000;

/// The most iterations that a stored hash may ask for. The table is ours, and still no item shall
/// keep the function busy.
const MAX_ITERATIONS: u32 = 1_000_000;

/// The scheme of a hash of what was typed. Earlier versions wrote it.
const AS_TYPED: &str = "pbkdf2-sha256";

/// The scheme of a hash of what [`normalized`] makes of a passcode.
const NORMALIZED: &str = "pbkdf2-sha256-nfc";

/// The scheme of a hash of what [`letters_and_digits`] makes of a passcode.
const GENERATED: &str = "pbkdf2-sha256-made";

/// The fewest characters of a passcode.
const MIN_CHARACTERS: usize = 6;

/// The most characters of a passcode.
const MAX_CHARACTERS: usize = 128;

/// The longest text that is looked at as a passcode, in bytes. A character has four at most, and a letter
/// with its marks is several characters.
const MAX_BYTES: usize = 4_096;

/// A passcode as its owner chose it, or as one was made.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Passcode {
    text: String,
    is_generated: bool,
}

/// What the table keeps of a passcode: `scheme$iterations$salt$hash`, salt and hash as base64url.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PasscodeHash(String);

impl Passcode {
    /// A passcode that an owner chose.
    ///
    /// # Errors
    ///
    /// [`ShareError::Field`] when it is too short or too long, and when nobody can type it.
    pub(crate) fn chosen(written: &str) -> Result<Self, ShareError> {
        let text = normalized(written.trim());
        if written.trim().chars().any(char::is_control) {
            let reason =
                "passcode: it holds a control character, which no field takes; leave it out";
            return Err(ShareError::Field(reason.to_owned()));
        }
        let characters = text.chars().count();
        if (MIN_CHARACTERS..=MAX_CHARACTERS).contains(&characters) {
            return Ok(Self { text, is_generated: false });
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
        Ok(Self { text: passcode, is_generated: true })
    }

    /// The passcode itself, for the one answer that tells it to its owner.
    pub(crate) fn reveal(&self) -> &str {
        &self.text
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
        let (scheme, text) = if self.is_generated {
            (GENERATED, letters_and_digits(&self.text))
        } else {
            (NORMALIZED, self.text.clone())
        };
        derive(PBKDF2_HMAC_SHA256, iterations, &salt, text.as_bytes(), &mut hash);
        let [salt, hash] = [&salt[..], &hash].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        Ok(PasscodeHash(format!("{scheme}${iterations}${salt}${hash}")))
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
    /// compared in constant time, and there are two at most.
    pub(super) fn is_of(&self, passcode: &str) -> bool {
        let parts: Vec<_> = self.0.split('$').collect();
        let [scheme, iterations, salt, hash] = parts.as_slice() else { return false };
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
        if passcode.len() > MAX_BYTES {
            return false;
        }
        let is = |text: &str| {
            verify(PBKDF2_HMAC_SHA256, iterations, &salt, text.as_bytes(), &hash).is_ok()
        };
        match *scheme {
            GENERATED => is(&letters_and_digits(passcode)),
            NORMALIZED => is(&normalized(passcode)),
            AS_TYPED => {
                let normalized = normalized(passcode);
                is(passcode) || (normalized != passcode && is(&normalized))
            }
            _ => false,
        }
    }
}

/// A passcode as it is meant: without what cannot be seen at its ends, with one kind of space, and in
/// Unicode's normalization form C, in which each letter has one spelling.
///
/// Source: RFC 8265, section 4.2, whose profile for passwords does not trim.
fn normalized(written: &str) -> String {
    let is_blank = |c: char| c.is_whitespace() || is_zero_width(c);
    let spaced: String = written
        .trim_matches(is_blank)
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .collect();
    ComposingNormalizerBorrowed::new_nfc().normalize(&spaced).into_owned()
}

/// A passcode that was made as it is meant: its letters and digits, in lower case. People leave the
/// hyphen out, or a program makes another one of it.
fn letters_and_digits(written: &str) -> String {
    let is_left_out = |c: char| {
        c.is_whitespace()
            || is_zero_width(c)
            || matches!(c, '-' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
    };
    written.chars().filter(|c| !is_left_out(*c)).map(|c| c.to_ascii_lowercase()).collect()
}

fn is_zero_width(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}')
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
        for other in ["", "Pässwörd", "password", "pässw örd", "pässwörd-", hash.as_str()] {
            assert!(!hash.is_of(other), "{other}");
        }
        assert!(hash.as_str().starts_with("pbkdf2-sha256-nfc$50000$"));
        // The salt differs.
        assert_ne!(hash, Passcode::chosen("pässwörd").unwrap().hash().unwrap());
    }

    #[test]
    fn a_passcode_is_what_was_meant_however_it_was_typed_or_pasted() {
        let nfd = "pa\u{308}sswo\u{308}rd mit";
        for chosen in ["pässwörd mit", nfd, " pässwörd\u{a0}mit\r\n"] {
            let hash = Passcode::chosen(chosen).unwrap().hash().unwrap();
            for typed in
                ["pässwörd mit", nfd, "pässwörd mit \t", "\u{feff}pässwörd\u{3000}mit\u{a0}\r\n"]
            {
                assert!(hash.is_of(typed), "{chosen:?} {typed:?}");
            }
            for other in ["pässwördmit", "pässwörd  mit", "PÄSSWÖRD MIT", "pässwörd-mit"] {
                assert!(!hash.is_of(other), "{chosen:?} {other:?}");
            }
        }
    }

    #[test]
    fn case_and_hyphen_of_a_passcode_that_was_made_do_not_matter() {
        let made = Passcode::generated().unwrap();
        let hash = made.hash().unwrap();
        assert!(hash.as_str().starts_with("pbkdf2-sha256-made$50000$"));
        let text = made.reveal();
        for typed in [
            text.to_owned(),
            text.to_uppercase(),
            text.replace('-', ""),
            text.replace('-', "\u{2011}"),
            text.replace('-', " "),
            format!(" {text}\r\n"),
        ] {
            assert!(hash.is_of(&typed), "{typed:?}");
        }
        assert!(!hash.is_of(&text[1..]));
        // One that was chosen is not one that was made, however it looks.
        let chosen = Passcode::chosen(text).unwrap().hash().unwrap();
        assert!(chosen.is_of(text) && !chosen.is_of(&text.replace('-', "")));
    }

    #[test]
    fn a_hash_of_what_was_typed_opens_with_that_and_with_what_was_meant() {
        // PBKDF2-HMAC-SHA256 of "pa\u{308}ss" and of "pass word" with the salt "salt", 1 iteration.
        let hash = |text: &str| {
            let mut hash = [0; 32];
            derive(PBKDF2_HMAC_SHA256, NonZeroU32::MIN, b"salt", text.as_bytes(), &mut hash);
            PasscodeHash::stored(format!("pbkdf2-sha256$1$c2FsdA${}", URL_SAFE_NO_PAD.encode(hash)))
        };
        for (stored, typed, is_right) in [
            ("pa\u{308}ss", "pa\u{308}ss", true),
            (" pass ", " pass ", true),
            ("pass", " pass\r\n", true),
            ("p\u{e4}ss", "pa\u{308}ss", true),
            ("abcde-fghij", "ABCDE-FGHIJ", false),
            ("abcde-fghij", "abcdefghij", false),
        ] {
            assert_eq!(hash(stored).is_of(typed), is_right, "{stored:?} {typed:?}");
        }
    }

    #[test]
    fn what_is_longer_than_any_passcode_is_not_hashed() {
        let hash = PasscodeHash::stored("pbkdf2-sha256-nfc$1000000$c2FsdA$AAAA".to_owned());
        let began = std::time::Instant::now();
        for _ in 0..100 {
            assert!(!hash.is_of(&"a".repeat(MAX_BYTES + 1)));
        }
        // A single hash takes a quarter of a second.
        assert!(began.elapsed() < std::time::Duration::from_secs(5));
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
    fn a_passcode_has_6_to_128_characters_and_one_that_is_made_has_two_groups() {
        for (length, is_accepted) in [(5, false), (6, true), (128, true), (129, false)] {
            assert_eq!(Passcode::chosen(&"ü".repeat(length)).is_ok(), is_accepted, "{length}");
        }
        for untypable in ["abc\ndef", "abc\rdef", "abc\tdef", "\0abcdef"] {
            assert!(Passcode::chosen(untypable).is_err(), "{untypable:?}");
        }
        let made = Passcode::generated().unwrap();
        assert_eq!(made.reveal().len(), 11);
        assert_ne!(made, Passcode::generated().unwrap());
    }
}
