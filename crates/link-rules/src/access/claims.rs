//! What an authorizer vouches for besides the caller's name.
//!
//! Gateways write a claim that is a list as one text, and such a text can't be told from a claim
//! that is a text and looks like that. So a claim of this kind is [`Claim::TextOrList`]. It matches
//! as either, and it names no folder.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Deserialize, Deserializer};

use super::matches_wildcard;
use crate::json::each_entry;

/// The claims of one caller, by their names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Claims(BTreeMap<String, Claim>);

/// The value of a claim.
#[derive(Clone, PartialEq, Eq)]
pub enum Claim {
    /// A text, a number or a boolean. It is no list.
    Text(String),
    /// A list, and certainly so.
    List(Vec<String>),
    /// A text that the gateway may have made of a list.
    TextOrList {
        /// The whole text.
        text: String,
        /// The entries, if it is a list.
        entries: Vec<String>,
    },
}

/// Which claims a grant asks for: names, and patterns for their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClaimPatterns(BTreeMap<String, String>);

impl ClaimPatterns {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the claims.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether each of the patterns matches one of `claims`.
    pub(super) fn match_all(&self, claims: Option<&Claims>) -> bool {
        self.0
            .iter()
            .all(|(name, pattern)| claims.is_some_and(|claims| claims.matches(name, pattern)))
    }

    /// Refuses, with a sentence, what could never match.
    pub(super) fn validate(&self) -> Result<(), String> {
        if self.0.contains_key("") {
            return Err("names a claim \"\": use the claim's name, such as \"tenant\"".to_owned());
        }
        match self.0.iter().find(|(_, pattern)| pattern.is_empty()) {
            None => Ok(()),
            Some((name, _)) => Err(format!(
                "has an empty pattern for {name:?}, which nothing matches: use \"*\" for any value"
            )),
        }
    }
}

/// Refuses a claim that is named twice. One of the two patterns would be lost, and the grant would
/// admit more than it says.
impl<'de> Deserialize<'de> for ClaimPatterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut patterns = BTreeMap::new();
        each_entry(deserializer, "an object of claims and patterns", |name, pattern: String| {
            match patterns.entry(name) {
                Entry::Vacant(free) => {
                    free.insert(pattern);
                    Ok(())
                }
                Entry::Occupied(taken) => Err(format!("claim {:?} is named twice", taken.key())),
            }
        })?;
        Ok(Self(patterns))
    }
}

impl Claims {
    /// The claim of this name, as the authorizer gave it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Claim> {
        self.0.get(name)
    }

    /// The claims by their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Claim)> {
        self.0.iter().map(|(name, claim)| (name.as_str(), claim))
    }

    /// Those of the claims that have one of these names.
    #[must_use]
    pub fn only(&self, names: &BTreeSet<&str>) -> Self {
        let wanted = self.0.iter().filter(|(name, _)| names.contains(name.as_str()));
        Self(wanted.map(|(name, claim)| (name.clone(), claim.clone())).collect())
    }

    /// Whether the caller has the claim `name` with a value that matches `pattern`, in which `*`
    /// stands for any run of characters. Of a list, one entry has to match as a whole. An empty
    /// value matches nothing.
    pub(super) fn matches(&self, name: &str, pattern: &str) -> bool {
        let matches = |value: &String| !value.is_empty() && matches_wildcard(pattern, value);
        match self.0.get(name) {
            None => false,
            Some(Claim::Text(text)) => matches(text),
            Some(Claim::List(entries)) => entries.iter().any(matches),
            // A star may not reach from one entry into the next, so the whole text counts only
            // where it is what the operator wrote.
            Some(Claim::TextOrList { text, entries }) => {
                entries.iter().any(matches) || (!text.is_empty() && text == pattern)
            }
        }
    }

    /// The claim's value, where it can stand for a folder: one value, and certainly so.
    pub(super) fn single(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Claim::Text(text) => Some(text),
            Claim::List(entries) => match entries.as_slice() {
                [only] => Some(only),
                _ => None,
            },
            Claim::TextOrList { .. } => None,
        }
    }
}

impl FromIterator<(String, Claim)> for Claims {
    fn from_iter<I: IntoIterator<Item = (String, Claim)>>(claims: I) -> Self {
        Self(claims.into_iter().collect())
    }
}

/// Shows which kind of value it is.
impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(hidden)",
            Self::List(_) => "List(hidden)",
            Self::TextOrList { .. } => "TextOrList(hidden)",
        })
    }
}

/// Shows the names. The values may be addresses and other things of people.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(entries: &[&str]) -> Vec<String> {
        entries.iter().map(|entry| (*entry).to_owned()).collect()
    }

    fn claims(claim: Claim) -> Claims {
        [("groups".to_owned(), claim)].into_iter().collect()
    }

    fn either(text: &str, entries: &[&str]) -> Claims {
        claims(Claim::TextOrList { text: text.to_owned(), entries: texts(entries) })
    }

    #[test]
    fn one_entry_of_a_list_must_match_as_a_whole() {
        for list in [
            claims(Claim::List(texts(&["reports", "finance"]))),
            either("[reports finance]", &["reports", "finance"]),
            either("reports,finance", &["reports", "finance"]),
        ] {
            for pattern in ["finance", "fin*", "*", "*s"] {
                assert!(list.matches("groups", pattern), "{pattern}");
            }
            for pattern in ["fin", "reports finance", "re*nce", "r*,*", "[*", "*]", "* *", ""] {
                assert!(!list.matches("groups", pattern), "{pattern}");
            }
            assert!(!list.matches("Groups", "*"));
        }
    }

    #[test]
    fn a_text_that_looks_like_a_list_matches_what_the_operator_wrote_in_full() {
        let name = either("Example, Inc.", &["Example", " Inc."]);
        assert!(name.matches("groups", "Example, Inc."));
        assert!(!name.matches("groups", "Example,*"));
    }

    #[test]
    fn an_empty_value_matches_nothing() {
        for empty in [
            claims(Claim::Text(String::new())),
            claims(Claim::List(texts(&[]))),
            claims(Claim::List(texts(&[""]))),
            either("[]", &[]),
            either(",", &["", ""]),
        ] {
            assert!(!empty.matches("groups", "*"));
            assert!(!empty.matches("groups", ""));
        }
    }

    #[test]
    fn only_what_is_certainly_one_value_can_be_a_folder() {
        assert_eq!(claims(Claim::Text("acme".to_owned())).single("groups"), Some("acme"));
        assert_eq!(claims(Claim::List(texts(&["acme"]))).single("groups"), Some("acme"));
        for other in [
            claims(Claim::List(texts(&[]))),
            claims(Claim::List(texts(&["acme", "b"]))),
            either("[acme]", &["acme"]),
            either("acme,b", &["acme", "b"]),
            Claims::default(),
        ] {
            assert_eq!(other.single("groups"), None);
        }
    }

    #[test]
    fn the_debug_form_holds_names_and_no_values() {
        let claims = claims(Claim::Text("alice@example.com".to_owned()));
        assert_eq!(format!("{claims:?}"), "{\"groups\"}");
    }

    proptest! {
        #[test]
        fn a_list_written_as_text_matches_what_the_list_itself_matches(
            entries in prop::collection::vec("[ab]{1,3}", 0..4),
            pattern in "[ab*]{1,4}",
        ) {
            let list = claims(Claim::List(entries.clone()));
            for text in [format!("[{}]", entries.join(" ")), entries.join(",")] {
                let written = claims(Claim::TextOrList { text, entries: entries.clone() });
                prop_assert_eq!(
                    written.matches("groups", &pattern),
                    list.matches("groups", &pattern)
                );
            }
        }
    }
}
