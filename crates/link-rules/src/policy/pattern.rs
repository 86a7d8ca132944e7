//! Matching texts against IAM's wildcards and policy variables.

use super::tristate::Truth;

/// Stands in a text for a part that is not known, such as the path of a role. It is no character
/// that an ARN or a policy may hold.
pub(super) const UNKNOWN_PART: char = '\0';

/// One piece of a pattern or of a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Character(char),
    /// `?`: any one character.
    One,
    /// `*`: any run of characters.
    Run,
    /// A policy variable in a pattern, or [`UNKNOWN_PART`] in a text: one run of characters, and
    /// nobody here knows which.
    Unknown,
}

/// Whether `text` matches `pattern`, in which `*` stands for any run of characters and `?` for any
/// one. Policy variables are unknown.
pub(super) fn like(pattern: &str, text: &str) -> Truth {
    matches(&pieces(pattern, true), &pieces(text, false))
}

/// Whether `text` equals `pattern`, in which only policy variables have a meaning of their own.
pub(super) fn equal(pattern: &str, text: &str) -> Truth {
    matches(&pieces(pattern, false), &pieces(text, false))
}

/// Whether the text of a policy holds a policy variable.
pub(super) fn has_variable(pattern: &str) -> bool {
    pieces(pattern, false).contains(&Piece::Unknown)
}

fn matches(pattern: &[Piece], text: &[Piece]) -> Truth {
    if overlap(pattern, text, false) {
        return Truth::Yes;
    }
    let uncertain = pattern.contains(&Piece::Unknown) || text.contains(&Piece::Unknown);
    if uncertain && overlap(pattern, text, true) { Truth::Unknown } else { Truth::No }
}

/// The pieces of a pattern, or of a text. `${*}`, `${?}` and `${$}` are the characters themselves.
///
/// Source: IAM user guide, "IAM policy elements: Variables and tags".
fn pieces(text: &str, wildcards: bool) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some((name, after)) = rest.strip_prefix("${").and_then(|name| name.split_once('}')) {
            pieces.push(match name {
                "*" | "?" | "$" => Piece::Character(name.chars().next().unwrap_or('$')),
                _ => Piece::Unknown,
            });
            rest = after;
            continue;
        }
        pieces.push(match character {
            '*' if wildcards => Piece::Run,
            '?' if wildcards => Piece::One,
            UNKNOWN_PART => Piece::Unknown,
            character => Piece::Character(character),
        });
        rest = &rest[character.len_utf8()..];
    }
    pieces
}

/// Whether `text` matches `pattern`.
///
/// With `lenient`, an unknown piece on either side may stand for whatever makes them match. Without
/// it, an unknown piece of the text matches only `*`, and one of the pattern matches nothing.
fn overlap(pattern: &[Piece], text: &[Piece], lenient: bool) -> bool {
    let is_run =
        |piece: Option<&Piece>| lenient && piece.is_some_and(|piece| *piece == Piece::Unknown);
    // `after[j]`: whether the pattern from the next piece on matches the text from `j` on.
    let mut after: Vec<bool> = vec![false; text.len() + 1];
    for i in (0..=pattern.len()).rev() {
        let mut here = vec![false; text.len() + 1];
        for j in (0..=text.len()).rev() {
            let (piece, character) = (pattern.get(i), text.get(j));
            let next = |there: &[bool]| there.get(j + 1).copied().unwrap_or(false);
            here[j] = match (piece, character) {
                (None, None) => true,
                (Some(Piece::Run), _) => after[j] || next(&here),
                (piece, _) if is_run(piece) => after[j] || next(&here),
                (piece, character) if is_run(character) => {
                    next(&here) || (piece.is_some() && after[j])
                }
                (Some(Piece::One), Some(Piece::Character(_))) => next(&after),
                (Some(Piece::Character(a)), Some(Piece::Character(b))) => a == b && next(&after),
                _ => false,
            };
        }
        after = here;
    }
    after[0]
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(has_variable("a${aws:username}") && !has_variable("${*}$a"));
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
}
