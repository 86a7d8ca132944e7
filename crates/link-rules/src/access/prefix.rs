//! The prefix of a grant, with the folders in it that bear the caller's name or a claim's value.

use std::fmt;

use super::Principal;

/// Stands for the principal's own name in a grant's prefix.
const PRINCIPAL: &str = "{principal}";

/// What the placeholder of a claim begins with. The claim's name and a brace follow.
const CLAIM: &str = "{claim:";

/// The beginning of the keys that a grant covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Stands for itself. After a folder, it begins with a slash.
    Text(String),
    /// The folder with the principal's name.
    Principal,
    /// The folder with the value of this claim.
    Claim(String),
}

impl Prefix {
    /// Reads the prefix as the operator wrote it.
    ///
    /// # Errors
    ///
    /// A sentence about a placeholder that is not one whole folder.
    pub(super) fn parse(written: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = written;
        while let Some((before, part, after)) = next_placeholder(rest, written)? {
            // Without a slash after it, "users/{principal}" would let "bob" read "users/bobby/…".
            // A text after another folder begins with the slash that follows this folder.
            let begins_segment = before.ends_with('/') || (before.is_empty() && parts.is_empty());
            if !begins_segment || !after.starts_with('/') || parts.contains(&part) {
                return Err(not_whole(&part.to_string(), written));
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(part);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// What can hardly be meant by the prefix, and what is usual. Completes a sentence that names the field.
    pub(super) fn doubt(&self) -> Option<String> {
        let written = self.to_string();
        let texts = self.0.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Principal | Part::Claim(_) => None,
        });
        let in_braces = |text: &str| {
            let (_, rest) = text.split_once('{')?;
            let (name, _) = rest.split_once('}')?;
            (!name.is_empty()).then(|| name.to_owned())
        };
        if written.ends_with('*') {
            let usual = written.trim_end_matches('*');
            return Some(format!("is {written:?}: a star stands for itself here; write {usual:?}"));
        }
        if let Some(usual) = written.strip_prefix('/') {
            return Some(format!(
                "is {written:?}: a key of S3's seldom begins with a slash; write {usual:?}"
            ));
        }
        let name = texts.into_iter().find_map(in_braces)?;
        Some(format!(
            "is {written:?}: {{{name}}} stands for itself; {{principal}} and {{claim:…}} stand for folders"
        ))
    }

    /// Whether the prefix has a folder with a claim's value.
    pub(super) fn names_claims(&self) -> bool {
        self.claim_names().next().is_some()
    }

    /// The claims whose values are folders of the prefix.
    pub(super) fn claim_names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Claim(name) => Some(name.as_str()),
            Part::Text(_) | Part::Principal => None,
        })
    }

    /// Whether `key` begins with this prefix, as it is for `principal`.
    pub(super) fn covers(&self, principal: &Principal, key: &str) -> bool {
        let mut rest = Some(key);
        for part in &self.0 {
            rest = rest
                .zip(part.of(principal))
                .and_then(|(rest, expected)| rest.strip_prefix(expected));
        }
        rest.is_some()
    }

    /// The prefix as it is for `principal`. `None` if the principal has no name, or no claim, that can be a
    /// folder of it.
    #[must_use]
    pub fn of(&self, principal: &Principal) -> Option<String> {
        self.0.iter().map(|part| part.of(principal)).collect()
    }

    /// Whether some key may begin with both prefixes, whoever the principals are. Folders that bear a name
    /// may bear any.
    pub(super) fn may_meet(&self, other: &Self) -> bool {
        let fixed = |prefix: &Self| match prefix.0.first() {
            Some(Part::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let (one, other) = (fixed(self), fixed(other));
        one.starts_with(&other) || other.starts_with(&one)
    }

    /// Whether `key` begins with this prefix, as it is for some principal, whoever that is.
    pub(super) fn covers_for_somebody(&self, key: &str) -> bool {
        let mut rest = Some(key);
        for part in &self.0 {
            rest = rest.and_then(|rest| match part {
                Part::Text(text) => rest.strip_prefix(text.as_str()),
                // A slash follows each folder, so there is one in every key that is covered.
                Part::Principal | Part::Claim(_) => rest
                    .find('/')
                    .map(|end| rest.split_at(end))
                    .filter(|(folder, _)| is_one_segment(folder))
                    .map(|(_, after)| after),
            });
        }
        rest.is_some()
    }
}

impl Part {
    /// The part as it is for `principal`. `None` if the principal has no name, or no such claim, that can be
    /// a folder.
    fn of<'a>(&'a self, principal: &'a Principal) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            Self::Principal => principal.authenticated().filter(|name| is_one_segment(name)),
            Self::Claim(name) => principal
                .claims()
                .and_then(|claims| claims.single(name))
                .filter(|value| is_one_segment(value)),
        }
    }
}

/// The prefix as the operator wrote it.
impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| part.fmt(f))
    }
}

/// The part as the operator wrote it.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Principal => f.write_str(PRINCIPAL),
            Self::Claim(name) => write!(f, "{CLAIM}{name}}}"),
        }
    }
}

/// The first placeholder in `text`, with what stands before and after it.
fn next_placeholder<'a>(
    text: &'a str,
    written: &str,
) -> Result<Option<(&'a str, Part, &'a str)>, String> {
    let principal = text.find(PRINCIPAL);
    let claim = text.find(CLAIM);
    match (principal, claim) {
        (None, None) => Ok(None),
        (Some(at), claim) if claim.is_none_or(|claim| at < claim) => {
            Ok(Some((&text[..at], Part::Principal, &text[at + PRINCIPAL.len()..])))
        }
        (_, claim) => {
            let at = claim.unwrap_or_default();
            let (name, after) = text[at + CLAIM.len()..]
                .split_once('}')
                .filter(|(name, _)| !name.is_empty() && !name.contains('{'))
                .ok_or_else(|| {
                    format!(
                        "{written:?} holds {CLAIM:?} without the name of a claim and a closing \
                         brace, such as \"{{claim:tenant}}\""
                    )
                })?;
            Ok(Some((&text[..at], Part::Claim(name.to_owned()), after)))
        }
    }
}

fn not_whole(placeholder: &str, written: &str) -> String {
    format!(
        "{written:?} must hold {placeholder} once, as one whole path segment with a slash after \
         it, such as \"users/{placeholder}/\""
    )
}

/// Whether a name can stand for exactly one folder. Any other name could reach the files of another
/// principal.
fn is_one_segment(name: &str) -> bool {
    !(name.is_empty() || name == "." || name == ".." || name.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::super::{Claim, Claims};
    use super::*;
    use proptest::prelude::*;

    fn caller(name: &str, claims: &[(&str, &str)]) -> Principal {
        let claims = claims
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Claim::Text((*value).to_owned())));
        Principal::Authorized { name: name.to_owned(), claims: claims.collect() }
    }

    fn covers(prefix: &str, principal: &Principal, key: &str) -> bool {
        Prefix::parse(prefix).unwrap().covers(principal, key)
    }

    #[test]
    fn a_principal_reaches_only_the_folder_with_its_name() {
        let covered = |name: &str, key: &str| covers("users/{principal}/", &caller(name, &[]), key);
        assert!(covered("bob", "users/bob/report.pdf"));
        assert!(!covered("bob", "users/bobby/report.pdf"));
        assert!(!covered("bob", "users/alice/report.pdf"));
        assert!(!covered("bo", "users/bob/report.pdf"));
        assert!(!covered("", "users//report.pdf"));
        assert!(!covered(".", "users/./report.pdf"));
        assert!(!covered("..", "users/../report.pdf"));
        assert!(!covered("alice/private", "users/alice/private/report.pdf"));
        assert!(!covered("{principal}", "users/bob/report.pdf"));
    }

    #[test]
    fn a_claim_reaches_only_the_folder_with_its_value() {
        let covered = |tenant: &str, key: &str| {
            covers("{claim:tenant}/", &caller("bob", &[("tenant", tenant)]), key)
        };
        assert!(covered("acme", "acme/report.pdf"));
        for (tenant, key) in [
            ("acme", "acme2/report.pdf"),
            ("acme", "acme"),
            ("acm", "acme/report.pdf"),
            ("", "/report.pdf"),
            (".", "./report.pdf"),
            ("..", "../report.pdf"),
            ("acme/private", "acme/private/report.pdf"),
            ("/", "//report.pdf"),
            ("{claim:tenant}", "acme/report.pdf"),
            ("{principal}", "bob/report.pdf"),
            ("*", "acme/report.pdf"),
        ] {
            assert!(!covered(tenant, key), "{tenant} {key}");
        }
    }

    #[test]
    fn nobody_without_the_claim_reaches_its_folder() {
        for principal in [
            caller("bob", &[]),
            caller("bob", &[("Tenant", "acme")]),
            Principal::Iam("acme".into()),
            Principal::Anonymous,
            Principal::S3Event,
        ] {
            assert!(!covers("{claim:tenant}/", &principal, "acme/report.pdf"), "{principal:?}");
        }
    }

    #[test]
    fn the_folder_of_a_list_needs_exactly_one_entry() {
        let covered = |claim: Claim| {
            let claims: Claims = [("tenant".to_owned(), claim)].into_iter().collect();
            let principal = Principal::Authorized { name: "bob".to_owned(), claims };
            ["acme/a", "[acme]/a", "acme,b/a", "b/a"]
                .map(|key| Prefix::parse("{claim:tenant}/").unwrap().covers(&principal, key))
        };
        let entries = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect();
        assert_eq!(covered(Claim::List(entries(&["acme"]))), [true, false, false, false]);
        assert_eq!(covered(Claim::List(entries(&["acme", "b"]))), [false; 4]);
        for (text, list) in [("[acme]", entries(&["acme"])), ("acme,b", entries(&["acme", "b"]))] {
            let claim = Claim::TextOrList { text: text.to_owned(), entries: list };
            assert_eq!(covered(claim), [false; 4], "{text}");
        }
    }

    #[test]
    fn several_folders_of_a_prefix_are_the_caller_s_own() {
        let bob = caller("bob", &[("tenant", "acme"), ("https://example.com/team", "red")]);
        let prefix = "t/{claim:tenant}/{claim:https://example.com/team}/{principal}/out/";
        assert!(covers(prefix, &bob, "t/acme/red/bob/out/a"));
        for key in [
            "t/acme/red/bob/in/a",
            "t/acme/red/eve/out/a",
            "t/acme/blue/bob/out/a",
            "t/other/red/bob/out/a",
        ] {
            assert!(!covers(prefix, &bob, key), "{key}");
        }
    }

    #[test]
    fn a_prefix_covers_for_somebody_what_it_covers_for_the_one_whose_folders_these_are() {
        let prefix = Prefix::parse("t/{claim:tenant}/{principal}/out/").unwrap();
        assert_eq!(prefix.to_string(), "t/{claim:tenant}/{principal}/out/");
        assert!(prefix.covers_for_somebody("t/acme/bob/out/a"));
        for key in ["t/acme/bob/in/a", "t//bob/out/a", "t/acme/../out/a", "t/acme", "u/a/b/out/c"] {
            assert!(!prefix.covers_for_somebody(key), "{key}");
        }
    }

    #[test]
    fn a_placeholder_that_is_no_whole_folder_is_refused() {
        for (prefix, expected) in [
            ("u/{principal}", "must hold {principal} once, as one whole path segment"),
            ("u-{principal}/", "must hold {principal} once"),
            ("{principal}/{principal}/", "must hold {principal} once"),
            ("{claim:tenant}", "must hold {claim:tenant} once"),
            ("t-{claim:tenant}/", "must hold {claim:tenant} once"),
            ("{claim:tenant}-x/", "must hold {claim:tenant} once"),
            ("{principal}{claim:tenant}/", "must hold {principal} once"),
            ("{principal}/{claim:a}{claim:b}/", "must hold {claim:a} once"),
            ("{claim:tenant}/{claim:tenant}/", "must hold {claim:tenant} once"),
            ("{claim:}/", "without the name of a claim"),
            ("{claim:tenant/", "without the name of a claim"),
            ("{claim:{claim:a}/", "without the name of a claim"),
        ] {
            let sentence = Prefix::parse(prefix).unwrap_err();
            assert!(sentence.contains(expected), "{prefix}: {sentence}");
        }
    }

    /// What attackers write into names and claims, and what they stand beside.
    fn hostile() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ab/.]{0,4}",
            prop::sample::select(vec!["{principal}", "{claim:tenant}", "*", "a,b", "[a]", "a b"])
                .prop_map(str::to_owned),
        ]
    }

    proptest! {
        #[test]
        fn whatever_a_caller_is_called_it_reaches_no_folder_of_another(
            name in hostile(),
            tenant in hostile(),
            key in "t/[ab/.,\\[\\]]{0,8}",
        ) {
            let principal = caller(&name, &[("tenant", &tenant)]);
            for (prefix, folder) in [("t/{principal}/", &name), ("t/{claim:tenant}/", &tenant)] {
                if covers(prefix, &principal, &key) {
                    let mut segments = key.split('/');
                    prop_assert_eq!(segments.next(), Some("t"));
                    prop_assert_eq!(segments.next(), Some(folder.as_str()));
                    prop_assert!(segments.next().is_some());
                    prop_assert!(!["", ".", ".."].contains(&folder.as_str()));
                }
            }
            let own = format!("t/{tenant}/a");
            let is_folder = !tenant.contains('/') && !["", ".", ".."].contains(&tenant.as_str());
            prop_assert_eq!(covers("t/{claim:tenant}/", &principal, &own), is_folder);
        }
    }
}
