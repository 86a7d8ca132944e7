//! Patterns of the names in a grant's `principals`.
//!
//! `*` stands for any run of characters. Three kinds of callers have rules of their own:
//!
//! - A role is named by its ARN, and those who call are its sessions. Account and name of the role decide.
//!   A session's ARN has no path, and a role's name is unique in its account.
//! - A user of a Cognito identity pool has the ARN of the pool's role and an identity. A pattern may name
//!   either.
//! - Everybody who comes through CloudFront's origin access control has one ARN, which no pattern means by
//!   accident: only one that spells out the role does.

use super::principal::{Crowd, IamCaller, ORIGIN_ACCESS_CONTROL_ROLE};
use super::wildcard::matches_wildcard;
use crate::arn::{Arn, Identity, IdentityKind, is_arn};

/// A pattern, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamePattern(String);

/// The ARN of a role, of which each part may hold stars.
struct RolePattern<'a> {
    partition: &'a str,
    account: &'a str,
    path: &'a str,
    name: &'a str,
}

impl NamePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and how to fix it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(role) = role(text)
            && (role.path.contains('*') || (!role.path.is_empty() && role.name.contains('*')))
        {
            return Err(format!(
                "holds {text:?}: the sessions of a role, which are those who call, have no path in their \
                 ARN, so a star beside a path says nothing. Write arn:aws:iam::ACCOUNT:role/NAME, where \
                 NAME may hold a star"
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether the pattern spells out a role or its sessions, and not those of IAM Identity Center, whose
    /// names are the people's.
    ///
    /// Source: IAM Identity Center user guide, "Referencing permission sets in resource policies".
    pub(super) fn spells_a_role(&self) -> bool {
        let Some(Arn { service, resource, .. }) = Arn::parse(&self.0) else { return false };
        let role = match service {
            "iam" => resource.strip_prefix("role/"),
            "sts" => resource.strip_prefix("assumed-role/"),
            _ => None,
        };
        role.is_some_and(|role| !role.contains("AWSReservedSSO_"))
    }

    /// Whether the pattern is `word` in capitals, or in some.
    pub(super) fn differs_in_case(&self, word: &str) -> bool {
        self.0 != word && self.0.eq_ignore_ascii_case(word)
    }

    /// Whether a token's name matches. Who chose the name may have chosen another caller's ARN, so a name
    /// that is spelled like one matches nothing but `*` alone.
    pub(super) fn matches_name(&self, name: &str) -> bool {
        matches_wildcard(&self.0, name) && (self.0 == "*" || !is_arn(name))
    }

    /// Whether a caller for whom IAM vouches matches.
    pub(super) fn matches_iam(&self, caller: &IamCaller) -> bool {
        let pattern = self.0.as_str();
        let is_meant = caller.crowd() != Some(Crowd::Distribution)
            || pattern.contains(ORIGIN_ACCESS_CONTROL_ROLE);
        let named = [Some(caller.arn()), caller.identity(), Some(caller.name())];
        is_meant
            && (named.into_iter().flatten().any(|name| matches_wildcard(pattern, name))
                || role(pattern).is_some_and(|role| role.is_of(caller.arn())))
    }
}

impl RolePattern<'_> {
    /// Whether this is the ARN of a session of the role.
    fn is_of(&self, arn: &str) -> bool {
        let Some(Identity { partition, account, kind: IdentityKind::Session { role, .. } }) =
            Identity::parse(arn)
        else {
            return false;
        };
        matches_wildcard(self.partition, partition)
            && matches_wildcard(self.account, account)
            && matches_wildcard(self.name, role)
    }
}

/// The role that a pattern names.
fn role(pattern: &str) -> Option<RolePattern<'_>> {
    let Arn { partition, service: "iam", region: "", account, resource } = Arn::parse(pattern)?
    else {
        return None;
    };
    let named = resource.strip_prefix("role/")?;
    let (path, name) = named.rsplit_once('/').unwrap_or(("", named));
    Some(RolePattern { partition, account, path, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/reader/session-1";
    const POOL: &str =
        "arn:aws:sts::123456789012:assumed-role/pool-users/CognitoIdentityCredentials";
    const EDGE: &str =
        "arn:aws:sts::123456789012:assumed-role/OriginAccessControlRole/EdgeCredentialsProxy+EDGE";

    fn matches(pattern: &str, arn: &str, identity: Option<&str>) -> bool {
        NamePattern::parse(pattern).unwrap().matches_iam(&IamCaller::new(arn, identity))
    }

    #[test]
    fn a_role_s_arn_means_the_sessions_of_the_role_whatever_its_path() {
        for pattern in [
            "arn:aws:iam::123456789012:role/reader",
            "arn:aws:iam::123456789012:role/team/links/reader",
            "arn:aws:iam::*:role/reader",
            "arn:aws:iam::123456789012:role/read*",
            "arn:aws:sts::123456789012:assumed-role/reader/*",
            "*",
        ] {
            assert!(matches(pattern, SESSION, None), "{pattern}");
        }
        for pattern in [
            "arn:aws:iam::123456789012:role/read",
            "arn:aws:iam::210987654321:role/reader",
            "arn:aws-cn:iam::123456789012:role/reader",
            "arn:aws:iam::123456789012:role/reader/session-1",
            "arn:aws:iam::123456789012:user/reader",
            "reader",
        ] {
            assert!(!matches(pattern, SESSION, None), "{pattern}");
        }
        // A user is no session.
        assert!(!matches(
            "arn:aws:iam::123456789012:role/reader",
            "arn:aws:iam::123456789012:user/reader",
            None
        ));
    }

    #[test]
    fn a_star_beside_a_role_s_path_is_refused_with_the_form_to_write() {
        for pattern in [
            "arn:aws:iam::123456789012:role/*/reader",
            "arn:aws:iam::123456789012:role/team/*",
            "arn:aws:iam::123456789012:role/te*m/reader",
        ] {
            let reason = NamePattern::parse(pattern).unwrap_err();
            assert!(reason.contains("arn:aws:iam::ACCOUNT:role/NAME"), "{reason}");
        }
        assert!(NamePattern::parse("arn:aws:iam::123456789012:role/*").is_ok());
    }

    #[test]
    fn a_user_of_an_identity_pool_is_named_by_the_arn_or_by_the_identity() {
        let alice = "eu-west-1:5b3b7c3c-6d4b-4c3c-8b7a-1a2b3c4d5e6f";
        for pattern in
            ["*", POOL, alice, "eu-west-1:*", "arn:aws:iam::123456789012:role/pool-users"]
        {
            assert!(matches(pattern, POOL, Some(alice)), "{pattern}");
        }
        assert!(matches(&format!("{POOL} {alice}"), POOL, Some(alice)));
        assert!(!matches("eu-west-1:6*", POOL, Some(alice)));
        assert!(matches(POOL, POOL, None), "what is deployed goes on");
    }

    #[test]
    fn whoever_comes_through_origin_access_control_is_meant_only_by_name() {
        for pattern in ["*", "arn:aws:sts::123456789012:*", "arn:aws:iam::*:role/*", "*Edge*"] {
            assert!(!matches(pattern, EDGE, None), "{pattern}");
        }
        for pattern in [
            EDGE,
            "arn:aws:sts::123456789012:assumed-role/OriginAccessControlRole/*",
            "arn:aws:iam::123456789012:role/OriginAccessControlRole",
        ] {
            assert!(matches(pattern, EDGE, None), "{pattern}");
        }
        // Another role's session may be called so.
        let other = "arn:aws:sts::123456789012:assumed-role/reader/EdgeCredentialsProxy+EDGE";
        assert!(matches("*", other, None));
    }

    #[test]
    fn a_crowd_is_told_by_its_arn() {
        let crowd = |arn: &str, identity| IamCaller::new(arn, identity).crowd();
        assert_eq!(crowd(POOL, None), Some(Crowd::IdentityPool));
        assert_eq!(crowd(POOL, Some("eu-west-1:a")), None);
        assert_eq!(crowd(EDGE, None), Some(Crowd::Distribution));
        assert_eq!(crowd(SESSION, None), None);
    }
}
