//! Who shares an object, as recipients read it, by the grants that cover it.

use super::grants::Grants;
use super::sender::Sender;
use super::{Action, Principal};

impl Grants {
    /// Whether a grant lets `principal` say in the request who shares this object.
    #[must_use]
    pub fn let_name_sender(&self, principal: &Principal, bucket: &str, key: &str) -> bool {
        self.senders(principal, bucket, key).any(|sender| *sender == Sender::Request)
    }

    /// Who shares this object for `principal`, by the first claim that a grant names and the token has.
    #[must_use]
    pub fn sender<'a>(&self, principal: &'a Principal, bucket: &str, key: &str) -> Option<&'a str> {
        self.senders(principal, bucket, key).find_map(|sender| sender.in_claims(principal))
    }

    fn senders(
        &self,
        principal: &Principal,
        bucket: &str,
        key: &str,
    ) -> impl Iterator<Item = &Sender> {
        self.covering(principal, Action::Share, bucket, key).filter_map(|grant| grant.from.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Claim;
    use super::*;

    fn grants(from: &[&str]) -> Grants {
        let grants = from.iter().map(|from| {
            format!(
                r#"{{"bucket":"files","prefix":"a/","principals":["*"],"actions":["share"],"from":"{from}"}}"#
            )
        });
        Grants::parse(&format!("[{}]", grants.collect::<Vec<_>>().join(","))).unwrap()
    }

    fn caller(claims: &[(&str, Claim)]) -> Principal {
        let claims = claims.iter().map(|(name, claim)| ((*name).to_owned(), claim.clone()));
        Principal::Authorized { name: "c3a343f3".to_owned(), claims: claims.collect() }
    }

    fn text(text: &str) -> Claim {
        Claim::Text(text.to_owned())
    }

    #[test]
    fn the_name_is_the_first_claim_that_a_grant_names_and_the_token_has() {
        let both = grants(&["{claim:name}", "{claim:email}"]);
        let named = |claims: &[(&str, Claim)]| {
            both.sender(&caller(claims), "files", "a/b").map(str::to_owned)
        };
        assert_eq!(
            named(&[("name", text(" Alice ")), ("email", text("a@b"))]),
            Some("Alice".into())
        );
        assert_eq!(named(&[("name", text(" ")), ("email", text("a@b"))]), Some("a@b".into()));
        let comma = Claim::TextOrList { text: "Smith, A".to_owned(), entries: Vec::new() };
        assert_eq!(named(&[("name", comma)]), Some("Smith, A".into()));
        for nobody in [&[] as &[_], &[("nickname", text("Al"))], &[("name", text("c3a343f3"))]] {
            assert_eq!(named(nobody), None);
        }
        assert_eq!(named(&[("name", Claim::List(vec!["Alice".to_owned()]))]), None);
        assert_eq!(both.sender(&caller(&[("name", text("Alice"))]), "files", "b"), None);
        let iam = Principal::Iam("arn:aws:iam::123456789012:user/alice".into());
        assert_eq!(both.sender(&iam, "files", "a/b"), None);
    }

    #[test]
    fn only_a_grant_that_says_so_lets_callers_name_themselves() {
        let alice = caller(&[]);
        assert!(grants(&["{claim:name}", "request"]).let_name_sender(&alice, "files", "a/b"));
        assert!(!grants(&["{claim:name}"]).let_name_sender(&alice, "files", "a/b"));
        assert!(!grants(&["request"]).let_name_sender(&alice, "files", "b"));
    }
}
