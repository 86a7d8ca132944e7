//! A hundred thousand tokens that are no share's. Most are a real share's token with one mistake in it,
//! and the others are random. None opens anything. One that has not the form of a token is answered
//! without any call, and nothing of any is in the log.
//!
//! The tokens are the same in every run but for the real one. How gateways encode them is tested in
//! `tests/e2e/emulated/test_share_tokens.py`, on the built function.

use std::collections::HashSet;

use fake_aws::Service;
use serde_json::json;

use super::function::{Request, aws, facts, function, press, send, share};
use crate::log::Log;

const TOKENS: usize = 100_000;

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The letters that may come last: two bits of the last one stand for nothing and must be 0.
const LAST: &[u8] = b"AEIMQUYcgkosw048";

const STRANGE: [&str; 20] = [
    "+", "=", ".", "~", "%", "%41", "%2F", "/", "\\", " ", "\t", "\0", "\"", "'", "<", "&", ";",
    "é", "Ａ", "🦀",
];

/// Whether a text has the form of a token: 27 characters for 20 bytes.
fn is_well_formed(text: &str) -> bool {
    let Some((bytes, behind)) = text.as_bytes().split_at_checked(27) else { return false };
    bytes.iter().all(|byte| LETTERS.contains(byte))
        && LAST.contains(&bytes[26])
        && behind.first().is_none_or(|byte| !LETTERS.contains(byte))
}

/// Whether the text opens the share of `token`: with what was pasted behind it.
fn opens(text: &str, token: &str) -> bool {
    text.starts_with(token) && is_well_formed(text)
}

/// Makes texts that resemble a token.
struct Generator<'a> {
    state: u64,
    token: &'a str,
    id: &'a str,
}

impl Generator<'_> {
    /// Steele and others, "Fast splittable pseudorandom number generators": `SplitMix64`.
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap() % bound
    }

    fn letter(&mut self) -> char {
        char::from(LETTERS[self.below(LETTERS.len())])
    }

    fn strange(&mut self) -> &'static str {
        STRANGE[self.below(STRANGE.len())]
    }

    fn random_token(&mut self, length: usize) -> String {
        let mut token: String = (1..length).map(|_| self.letter()).collect();
        token.push(char::from(LAST[self.below(LAST.len())]));
        token
    }

    /// Any text but one that begins with the token. One in twenty has the form of a token, for which the table is asked.
    fn text(&mut self) -> String {
        let wants_well_formed = self.below(20) == 0;
        loop {
            let text = if self.below(100) < 85 { self.mutated() } else { self.made() };
            if !opens(&text, self.token) && is_well_formed(&text) == wants_well_formed {
                return text;
            }
        }
    }

    /// The token with one mistake.
    fn mutated(&mut self) -> String {
        let token = self.token;
        let at = self.below(27);
        let (before, rest) = token.split_at(at);
        let (character, after) = rest.split_at(1);
        let swapped = if character == character.to_lowercase() {
            character.to_uppercase()
        } else {
            character.to_lowercase()
        };
        let letter = self.letter();
        let strange = self.strange();
        match self.below(11) {
            0 => format!("{before}{letter}{after}"),
            1 => format!("{before}{swapped}{after}"),
            2 => format!("{before}{after}"),
            3 => format!("{before}{letter}{character}{after}"),
            4 => format!("{before}{strange}{after}"),
            5 => format!("{before}{strange}{character}{after}"),
            6 => format!("{before}%{:02X}{after}", character.as_bytes()[0]),
            7 => format!("{token}{strange}"),
            8 => format!("{strange}{token}"),
            9 => format!("{}{letter}", &token[..26]),
            _ => format!("{after}{before}{character}"),
        }
    }

    /// A random text, or what somebody who sees the table would try.
    fn made(&mut self) -> String {
        let length = self.below(59) + 1;
        match self.below(7) {
            0 => self.random_token(27),
            1 => self.random_token(length),
            2 => (0..27).map(|_| self.strange()).collect(),
            3 => self.id.to_owned(),
            4 => format!("{}A", &self.id[..26]),
            5 => self.token.to_lowercase(),
            _ => format!("../s/{}", self.token),
        }
    }
}

#[tokio::test]
async fn a_hundred_thousand_tokens_open_nothing() {
    let log = Log::default();
    let _guard = log.collect();
    let aws = aws().await;
    let function = function(&aws);
    let share = share(&function, &json!({})).await;
    let token = share.path.strip_prefix("/s/").unwrap();
    let _ = aws.take_calls();

    let mut generator = Generator { state: 20_261_125, token, id: &share.id };
    let (mut sent, mut well_formed) = (HashSet::new(), 0);
    for _ in 0..TOKENS {
        let text = generator.text();
        let path = format!("/s/{text}");
        let answer = match generator.below(4) {
            0 => press(&function, &path, None).await,
            1 => {
                send(&function, Request { method: "HEAD", path: &path, ..Request::default() }).await
            }
            _ => facts(&function, &path).await,
        };
        assert_eq!(answer.status, 404, "{text:?}: {answer:?}");
        assert!(answer.headers["location"].is_null(), "{text:?}");
        well_formed += usize::from(is_well_formed(&text));
        if text != share.id && text.len() >= 20 {
            sent.insert(text);
        }
    }
    // The form decides whether the table is asked, and it is asked once. Nothing else is asked.
    let asked = aws.take_calls();
    assert!(asked.iter().all(|call| call.service() == Some(Service::DynamoDb)));
    assert_eq!(asked.len(), well_formed);
    assert!(well_formed > TOKENS / 25, "{well_formed}");

    let text = log.text();
    let words =
        text.split(|letter: char| !(letter.is_ascii_alphanumeric() || "-_".contains(letter)));
    assert_eq!(words.filter(|word| sent.contains(*word)).count(), 0);
    assert!(!text.contains(token));

    // The real one opens as before.
    assert_eq!(press(&function, &share.path, None).await.status, 303);
}
