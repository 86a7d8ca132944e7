//! Matching texts against IAM's wildcards and policy variables.
//!
//! A pattern is taken apart once, when the policy is read. Most are told from a text by their
//! beginning. For the others the text's positions are a set of bits, and each piece of the pattern
//! moves the set on: a pattern of `m` pieces and a text of `n` characters take `m × n / 64` steps
//! whatever they hold, and none after the set is empty. Backtracking would take the square of that.
//!
//! What a policy variable stands for is not looked up here.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::tristate::Truth;

/// Stands in a text for a part that is not known, such as the path of a role. It is no character
/// that an ARN or a policy may hold.
pub(super) const UNKNOWN_PART: char = '\0';

/// One piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Character(char),
    /// `?`: any one character.
    One,
    /// `*`: any run of characters.
    Run,
    /// A policy variable: one run of characters, and nobody here knows which.
    Variable,
}

/// A text of a policy that others are compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
    /// The characters that the pattern begins with, up to a piece of another kind.
    beginning: String,
    /// How many pieces that are.
    beginning_pieces: usize,
    has_variable: bool,
}

impl Pattern {
    /// A pattern in which `*` stands for any run of characters and `?` for any one.
    pub(super) fn like(written: &str) -> Self {
        Self::new(pieces(written, true))
    }

    /// A pattern in which only policy variables have a meaning of their own.
    pub(super) fn equal(written: &str) -> Self {
        Self::new(pieces(written, false))
    }

    fn new(pieces: Vec<Piece>) -> Self {
        let characters = pieces.iter().map_while(|piece| match piece {
            Piece::Character(character) => Some(*character),
            Piece::One | Piece::Run | Piece::Variable => None,
        });
        let beginning: String = characters.collect();
        let beginning_pieces = beginning.chars().count();
        let has_variable = pieces.contains(&Piece::Variable);
        Self { pieces, beginning, beginning_pieces, has_variable }
    }

    /// Whether the pattern holds a policy variable.
    pub(super) fn has_variable(&self) -> bool {
        self.has_variable
    }

    /// Whether `text` matches. It is unknown if that turns on a policy variable or on a part of the
    /// text that is not known.
    pub(super) fn matches(&self, text: &Text<'_>) -> Truth {
        let known = &text.whole[..text.known];
        let is_whole = known.len() == text.whole.len();
        if !known.starts_with(&self.beginning) {
            // What is not known may go on as the pattern does.
            let may_go_on = !is_whole && self.beginning.starts_with(known);
            return if may_go_on { self.overlaps(text, 0) } else { Truth::No };
        }
        match &self.pieces[self.beginning_pieces..] {
            [] if is_whole => (text.whole.len() == self.beginning.len()).into(),
            [Piece::Run] => Truth::Yes,
            _ => self.overlaps(text, self.beginning_pieces),
        }
    }

    /// The same, if it is known that the first `start` pieces match the first `start` characters.
    fn overlaps(&self, text: &Text<'_>, start: usize) -> Truth {
        let positions = text.positions();
        let pieces = &self.pieces[start..];
        if !self.has_variable && positions.overlap(pieces, start, false) {
            return Truth::Yes;
        }
        let is_uncertain = self.has_variable || positions.has_unknown;
        if is_uncertain && positions.overlap(pieces, start, true) {
            Truth::Unknown
        } else {
            Truth::No
        }
    }
}

/// The pieces of a pattern. `${*}`, `${?}` and `${$}` are the characters themselves.
///
/// Source: IAM user guide, "IAM policy elements: Variables and tags".
fn pieces(written: &str, wildcards: bool) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(written.len());
    let mut rest = written;
    // Behind the last brace no variable ends.
    let last_brace = written.rfind('}').map_or(usize::MAX, |brace| written.len() - brace);
    while let Some(character) = rest.chars().next() {
        if rest.len() > last_brace
            && let Some((name, after)) =
                rest.strip_prefix("${").and_then(|name| name.split_once('}'))
        {
            pieces.push(match name {
                "*" | "?" | "$" => Piece::Character(name.chars().next().unwrap_or('$')),
                _ => Piece::Variable,
            });
            rest = after;
            continue;
        }
        pieces.push(match character {
            '*' if wildcards => Piece::Run,
            '?' if wildcards => Piece::One,
            character => Piece::Character(character),
        });
        rest = &rest[character.len_utf8()..];
    }
    // Two stars in a row are one.
    pieces.dedup_by(|next, piece| (*next, *piece) == (Piece::Run, Piece::Run));
    pieces
}

/// A text that patterns are matched against. It may hold one [`UNKNOWN_PART`] or several.
pub(super) struct Text<'a> {
    whole: Cow<'a, str>,
    /// How many bytes stand before the first part that is not known.
    known: usize,
    positions: OnceCell<Positions>,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: impl Into<Cow<'a, str>>) -> Self {
        let whole = text.into();
        let known = whole.find(UNKNOWN_PART).unwrap_or(whole.len());
        Self { whole, known, positions: OnceCell::new() }
    }

    /// The text itself.
    pub(super) fn as_str(&self) -> &str {
        &self.whole
    }

    fn positions(&self) -> &Positions {
        self.positions.get_or_init(|| Positions::new(&self.whole))
    }
}

/// Where in a text each character stands. A set of positions is a bit for each, from the first
/// character to the text's end.
struct Positions {
    /// How many characters the text has.
    end: usize,
    of: BTreeMap<char, Vec<u64>>,
    known: Vec<u64>,
    unknown: Vec<u64>,
    has_unknown: bool,
}

impl Positions {
    fn new(text: &str) -> Self {
        let end = text.chars().count();
        let none = vec![0_u64; end / 64 + 1];
        let (mut of, mut known, mut unknown) = (BTreeMap::new(), none.clone(), none.clone());
        for (position, character) in text.chars().enumerate() {
            if character == UNKNOWN_PART {
                set(&mut unknown, position);
            } else {
                set(&mut known, position);
                set(of.entry(character).or_insert_with(|| none.clone()), position);
            }
        }
        let has_unknown = unknown.iter().any(|word| *word != 0);
        Self { end, of, known, unknown, has_unknown }
    }

    /// Whether the text from `start` on matches `pieces`.
    ///
    /// With `lenient`, an unknown part of the text may stand for whatever makes it match, and
    /// otherwise only `*` matches it. A variable stands for anything, so with one it takes `lenient`.
    fn overlap(&self, pieces: &[Piece], start: usize, lenient: bool) -> bool {
        let mut reached = vec![0_u64; self.known.len()];
        set(&mut reached, start);
        let skips = lenient && self.has_unknown;
        if skips {
            self.skip_unknown(&mut reached);
        }
        for piece in pieces {
            match piece {
                Piece::Run | Piece::Variable => fill(&mut reached),
                Piece::One => self.step(&mut reached, &self.known, skips),
                Piece::Character(character) => match self.of.get(character) {
                    Some(positions) => self.step(&mut reached, positions, skips),
                    // An unknown part may hold the character.
                    None if skips => keep(&mut reached, &self.unknown),
                    None => return false,
                },
            }
            if skips {
                self.skip_unknown(&mut reached);
            }
            if reached.iter().all(|word| *word == 0) {
                return false;
            }
        }
        reached[self.end / 64] >> (self.end % 64) & 1 == 1
    }

    /// Moves the positions that are in `matching` one on. With `skips`, an unknown part may hold what
    /// was matched and more.
    fn step(&self, reached: &mut [u64], matching: &[u64], skips: bool) {
        let mut carry = 0;
        for ((word, matching), unknown) in reached.iter_mut().zip(matching).zip(&self.unknown) {
            let moved = *word & matching;
            let kept = if skips { *word & unknown } else { 0 };
            *word = moved << 1 | carry | kept;
            carry = moved >> 63;
        }
    }

    /// Adds the positions behind unknown parts that were reached.
    fn skip_unknown(&self, reached: &mut [u64]) {
        // Two unknown parts in a row are passed one after the other.
        let mut carry = 0;
        for (word, unknown) in reached.iter_mut().zip(&self.unknown) {
            *word |= carry;
            let mut moved = *word & unknown;
            carry = moved >> 63;
            while moved << 1 & !*word != 0 {
                *word |= moved << 1;
                moved = *word & unknown;
                carry |= moved >> 63;
            }
        }
    }
}

fn set(positions: &mut [u64], position: usize) {
    positions[position / 64] |= 1 << (position % 64);
}

fn keep(reached: &mut [u64], those: &[u64]) {
    for (word, those) in reached.iter_mut().zip(those) {
        *word &= those;
    }
}

/// Adds all positions behind the first one. Bits behind the text's end are no positions: nothing
/// moves them on.
fn fill(reached: &mut [u64]) {
    let mut is_behind = false;
    for word in reached.iter_mut() {
        if is_behind {
            *word = u64::MAX;
        } else if *word != 0 {
            *word = u64::MAX << word.trailing_zeros();
            is_behind = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn like(pattern: &str, text: &str) -> Truth {
        Pattern::like(pattern).matches(&Text::new(text))
    }

    fn equal(pattern: &str, text: &str) -> Truth {
        Pattern::equal(pattern).matches(&Text::new(text))
    }

    #[test]
    fn wildcards_stand_for_any_run_and_any_one_character() {
        for (pattern, text) in
            [("*", ""), ("a*c", "ac"), ("a*c", "abbc"), ("a?c", "aéc"), ("*b*", "abc"), ("", "")]
        {
            assert_eq!(like(pattern, text), Truth::Yes, "{pattern} {text}");
        }
        for (pattern, text) in [("a*c", "acb"), ("a?c", "ac"), ("", "a"), ("A", "a"), ("a", "")] {
            assert_eq!(like(pattern, text), Truth::No, "{pattern} {text}");
        }
        assert_eq!(equal("a*", "ab"), Truth::No);
        assert_eq!(equal("a*", "a*"), Truth::Yes);
        assert_eq!(like("a${*}", "a*"), Truth::Yes);
        assert_eq!(like("a${*}", "ab"), Truth::No);
    }

    #[test]
    fn a_variable_is_unknown_unless_the_rest_rules_it_out() {
        assert_eq!(like("home/${aws:username}/*", "home/jane/a"), Truth::Unknown);
        assert_eq!(like("home/${aws:username}/*", "files/jane/a"), Truth::No);
        assert_eq!(equal("${aws:username}", "jane"), Truth::Unknown);
        assert!(Pattern::equal("a${aws:username}").has_variable());
        assert!(!Pattern::equal("${*}$a${").has_variable());
    }

    #[test]
    fn a_text_has_no_variables_and_no_wildcards() {
        let text = "a${aws:username}*";
        assert_eq!(like("a${$}{aws:username}${*}", text), Truth::Yes);
        assert_eq!(like("a?{aws:username}?", text), Truth::Yes);
        assert_eq!(like("a*b", text), Truth::No);
        assert_eq!(equal("ajane*", text), Truth::No);
    }

    #[test]
    fn an_unknown_part_of_a_text_matches_surely_only_a_star() {
        let role = "arn:aws:iam::1:role/\0signer";
        assert_eq!(like("arn:aws:iam::1:role/*", role), Truth::Yes);
        assert_eq!(like("arn:aws:iam::1:role/*signer", role), Truth::Yes);
        assert_eq!(like("arn:aws:iam::1:role/signer", role), Truth::Unknown);
        assert_eq!(like("arn:aws:iam::1:role/team/*", role), Truth::Unknown);
        assert_eq!(like("arn:aws:iam::1:role/?signer", role), Truth::Unknown);
        assert_eq!(like("arn:aws:iam::1:role/admin", role), Truth::No);
        assert_eq!(equal("arn:aws:iam::1:role/a/signer", role), Truth::Unknown);
        assert_eq!(equal("arn:aws:iam::2:role/signer", role), Truth::No);
    }

    /// What [`Pattern::matches`] says, by a table of all pairs of a piece and a character.
    fn by_table(pattern: &[Piece], text: &str) -> Truth {
        let text: Vec<char> = text.chars().collect();
        let overlap = |lenient: bool| {
            let mut after = vec![false; text.len() + 1];
            for i in (0..=pattern.len()).rev() {
                let mut here = vec![false; text.len() + 1];
                for j in (0..=text.len()).rev() {
                    let next = |there: &[bool]| there.get(j + 1).copied().unwrap_or(false);
                    here[j] = match (pattern.get(i), text.get(j)) {
                        (None, None) => true,
                        (Some(Piece::Run), _) => after[j] || next(&here),
                        (Some(Piece::Variable), _) if lenient => after[j] || next(&here),
                        (piece, Some(&UNKNOWN_PART)) if lenient => {
                            next(&here) || (piece.is_some() && after[j])
                        }
                        (Some(Piece::One), Some(&character)) => {
                            character != UNKNOWN_PART && next(&after)
                        }
                        (Some(Piece::Character(a)), Some(b)) => a == b && next(&after),
                        _ => false,
                    };
                }
                after = here;
            }
            after[0]
        };
        match (overlap(false), overlap(true)) {
            (true, _) => Truth::Yes,
            (false, true) => Truth::Unknown,
            (false, false) => Truth::No,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None,
            ..ProptestConfig::default() })]

        #[test]
        fn a_set_of_positions_says_what_a_table_of_all_pairs_says(
            written in "([abé*?]|\\$\\{v\\}|\\$\\{\\*\\}|\\$\\{|\\}){0,9}",
            text in "[abé*\0]{0,9}",
            wildcards in any::<bool>(),
        ) {
            let pieces = pieces(&written, wildcards);
            let pattern = Pattern::new(pieces.clone());
            let result = pattern.matches(&Text::new(&text));
            prop_assert_eq!(result, by_table(&pieces, &text), "{:?} {:?}", written, text);
        }

        /// The same, with texts that fill several words of bits and patterns made of their parts.
        #[test]
        fn the_same_holds_across_words_of_sixty_four_positions(
            text in "[ab]{50,80}\0{0,2}[ab]{40,70}",
            cuts in proptest::collection::vec((0..200_usize, 0..40_usize, 0..5_u8), 0..6),
        ) {
            let text: Vec<char> = text.chars().collect();
            let mut pieces = Vec::new();
            let mut at = 0;
            for (start, length, then) in cuts {
                let start = if then == 0 { at } else { start.min(text.len()) };
                let part = text.iter().skip(start).take(length);
                pieces.extend(part.map(|character| Piece::Character(*character)));
                at = (start + length).min(text.len());
                pieces.push(match then {
                    0 | 1 => Piece::Run,
                    2 => Piece::Variable,
                    _ => Piece::One,
                });
            }
            pieces.extend(text[at..].iter().map(|character| Piece::Character(*character)));
            pieces.retain(|piece| *piece != Piece::Character(UNKNOWN_PART));
            let text: String = text.into_iter().collect();
            let pattern = Pattern::new(pieces.clone());
            prop_assert_eq!(pattern.matches(&Text::new(&text)), by_table(&pieces, &text));
        }
    }
}
