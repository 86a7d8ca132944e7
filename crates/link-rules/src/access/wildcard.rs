//! Patterns with `*`, as grants and the list of allowed recipients use them.

/// Whether all of `text` matches `pattern`. `*` stands for any run of characters, also for none. No
/// other character is special.
#[must_use]
pub fn matches_wildcard(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        // The earliest match leaves the most text for the parts that follow. No later match could
        // succeed where the earliest fails, so the search never goes back.
        let Some(found) = text.find(part) else {
            return false;
        };
        text = &text[found + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_without_a_star_matches_only_itself() {
        assert!(matches_wildcard("reader", "reader"));
        assert!(!matches_wildcard("reader", "readers"));
        assert!(!matches_wildcard("reader", "a-reader"));
        assert!(!matches_wildcard("read.r", "reader"));
    }

    #[test]
    fn a_star_matches_any_run_of_characters_also_none() {
        assert!(matches_wildcard("*", ""));
        assert!(matches_wildcard("*", "anything"));
        assert!(matches_wildcard("a*b*c", "abc"));
        assert!(matches_wildcard("a*b*c", "a-b-b-c"));
        assert!(!matches_wildcard("a*b*c", "a-c-b"));
        assert!(!matches_wildcard("a*b*c", "a-b-c-d"));
        assert!(matches_wildcard("a**c", "a-c"));
    }

    #[test]
    fn no_character_of_the_text_is_matched_twice() {
        assert!(!matches_wildcard("ab*ba", "aba"));
        assert!(!matches_wildcard("*ab*ba", "xaba"));
        assert!(matches_wildcard("ab*ba", "abba"));
    }
}
