//! The secrets in a share's address and in a browser's cookie, and what the table keeps of them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use super::ShareError;

/// How many random bytes a secret has: 160 bits, which nobody guesses.
const BYTES: usize = 20;

/// How many characters these bytes have as base64url without padding.
const CHARACTERS: usize = 27;

/// How many characters a SHA-256 has as base64url without padding.
const DIGEST_CHARACTERS: usize = 43;

/// The secret in a share's address: `/s/{token}`. Whoever knows it may open the share. The table
/// holds its SHA-256 and nothing else of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

/// A secret by which a browser's presses are recognised. The table holds its SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Browser(String);

/// A share's id: the SHA-256 of its token as base64url. It is no secret, because no token can be made
/// of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShareId(String);

impl Token {
    /// A new token.
    ///
    /// # Errors
    ///
    /// [`ShareError::Internal`] when the system gives no random bytes.
    pub(crate) fn random() -> Result<Self, ShareError> {
        random().map(Self)
    }

    /// Reads the token of an address. What stands behind it is left out: people paste an address with a
    /// full stop, a bracket or a slash at its end. `None`: no share was ever given this token.
    pub(crate) fn parse(written: &str) -> Option<Self> {
        let (token, rest) = written.split_at_checked(CHARACTERS)?;
        let is_longer = rest.bytes().next().is_some_and(is_base64url_character);
        (!is_longer && is_base64url(token, BYTES, CHARACTERS)).then(|| Self(token.to_owned()))
    }

    /// The part of `written` that [`Token::parse`] reads. The rest is what was pasted with it.
    pub(crate) fn part_of(written: &str) -> &str {
        written.get(..CHARACTERS).unwrap_or(written)
    }

    /// The token itself, for the one answer that tells it to its share's owner.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    /// The id of the share that has this token.
    pub(crate) fn share_id(&self) -> ShareId {
        ShareId(sha256(&self.0))
    }
}

impl Browser {
    /// The secret of a browser that has none.
    ///
    /// # Errors
    ///
    /// [`ShareError::Internal`] when the system gives no random bytes.
    pub(crate) fn random() -> Result<Self, ShareError> {
        random().map(Self)
    }

    /// Reads the value of a cookie. `None`: it is none of ours.
    pub(crate) fn parse(cookie: &str) -> Option<Self> {
        is_base64url(cookie, BYTES, CHARACTERS).then(|| Self(cookie.to_owned()))
    }

    /// The value of the cookie.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// What the table knows the browser by.
    pub(super) fn digest(&self) -> String {
        sha256(&self.0)
    }
}

impl ShareId {
    /// Reads an id. `None`: no share has such an id.
    pub(crate) fn parse(written: &str) -> Option<Self> {
        is_base64url(written, 32, DIGEST_CHARACTERS).then(|| Self(written.to_owned()))
    }

    /// The id as callers, logs and the table write it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn random() -> Result<String, ShareError> {
    random_bytes::<BYTES>().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}

/// Random bytes of the system.
///
/// # Errors
///
/// [`ShareError::Internal`] when the system gives none.
pub(super) fn random_bytes<const N: usize>() -> Result<[u8; N], ShareError> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| ShareError::Internal("the system gives no random bytes".to_owned()))?;
    Ok(bytes)
}

fn sha256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

fn is_base64url_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Whether this is the base64url of so many bytes. Unused bits at the end must be 0, so each secret
/// has one spelling.
fn is_base64url(written: &str, bytes: usize, characters: usize) -> bool {
    written.len() == characters
        && URL_SAFE_NO_PAD.decode(written).is_ok_and(|decoded| decoded.len() == bytes)
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Browser(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn tokens_are_random_and_read_back() {
        let tokens: Vec<_> = (0..1_000).map(|_| Token::random().unwrap()).collect();
        let different: HashSet<_> = tokens.iter().map(|token| token.0.clone()).collect();
        assert_eq!(different.len(), tokens.len());
        for token in &tokens {
            assert_eq!(token.0.len(), CHARACTERS);
            assert_eq!(Token::parse(&token.0).as_ref(), Some(token));
            assert_eq!(ShareId::parse(token.share_id().as_str()), Some(token.share_id()));
        }
    }

    #[test]
    fn what_no_share_was_given_is_no_token() {
        let token = "AAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert!(Token::parse(token).is_some());
        for other in [
            "",
            "AAAAAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAA_.",
            ".AAAAAAAAAAAAAAAAAAAAAAAAAAA",
            // The last character has bits that no byte holds.
            "AAAAAAAAAAAAAAAAAAAAAAAAAAB",
            "AAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAAAAAAA+",
            "AAAAAAAAAAAAAAAAAAAAAAAAAü",
            " AAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(Token::parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_was_pasted_behind_a_token_is_left_out() {
        let token = Token::random().unwrap();
        for rest in
            ["", ".", ")", "%20", "/", ">", " ", "\u{a0}", "ü", "…", ").", "./AAAA", "=", "&a=b"]
        {
            let written = format!("{}{rest}", token.0);
            assert_eq!(Token::parse(&written).as_ref(), Some(&token), "{rest:?}");
            assert_eq!(Token::part_of(&written), token.0);
        }
        for rest in ["A", "-", "_", "0", "_."] {
            assert_eq!(Token::parse(&format!("{}{rest}", token.0)), None, "{rest:?}");
        }
    }

    #[test]
    fn of_a_hundred_thousand_mutated_and_random_tokens_none_is_another_s() {
        let token = Token::random().unwrap();
        let id = token.share_id();
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=.%";
        let mut well_formed = 0;
        for _ in 0..50_000 {
            let [place, letter, kind]: [u8; 3] = random_bytes().unwrap();
            let mut mutated = token.0.clone().into_bytes();
            let place = usize::from(place) % CHARACTERS;
            let letter = alphabet[usize::from(letter) % alphabet.len()];
            match kind % 3 {
                0 => mutated[place] = letter,
                1 => mutated.insert(place, letter),
                _ => {
                    mutated.remove(place);
                }
            }
            let mutated = String::from_utf8(mutated).unwrap();
            for other in [Some(mutated), Token::random().ok().map(|token| token.0)] {
                let other = other.unwrap();
                let Some(parsed) = Token::parse(&other) else { continue };
                well_formed += 1;
                assert_eq!(parsed.share_id() == id, parsed == token);
            }
        }
        assert!(well_formed > 50_000);
    }

    #[test]
    fn the_debug_form_shows_nothing() {
        let token = Token::random().unwrap();
        let browser = Browser::random().unwrap();
        let shown = format!("{token:?}{browser:?}");
        assert!(!shown.contains(token.reveal()) && !shown.contains(browser.reveal()));
    }
}
