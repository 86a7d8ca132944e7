//! Who may have links to what, and for how long: the `GRANTS` setting.
//!
//! A grant is the operator's word and is validated once, when the function starts. This module
//! does not ask S3 anything: whether an object exists plays no part in whether it is granted.

use serde::Deserialize;
use thiserror::Error;

use crate::principal::Principal;
use crate::window::SIGNATURE_MAX_EXPIRES_IN;

/// What stands for the principal's own name in a grant's prefix.
const PRINCIPAL_PLACEHOLDER: &str = "{principal}";

/// One entry of `GRANTS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Bucket name, access point alias or access point ARN, a multi-region one's too.
    pub bucket: String,
    /// Keys that begin with this are granted. `{principal}` stands for the principal's name as one
    /// whole path segment.
    pub prefix: String,
    /// Who is granted them.
    pub principals: Vec<PrincipalPattern>,
    /// The longest window under this grant, in seconds, 1 to [`SIGNATURE_MAX_EXPIRES_IN`].
    pub max_expires_in: u64,
    /// The bucket's region. `None`: S3 is asked once, unless it is a multi-region access point.
    pub region: Option<String>,
}

/// Which principals a grant admits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalPattern {
    /// Authenticated principals whose name matches; `*` stands for any run of characters.
    Authenticated(String),
    /// Callers whom no gateway authenticated, and only those.
    Anonymous,
    /// Mails about objects that were created, and nobody who asks.
    S3Event,
}

/// All grants of this function; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants(Vec<Grant>);

/// What is wrong with `GRANTS`; each message ends the sentence "GRANTS …".
#[derive(Debug, Error)]
pub enum GrantsError {
    /// Not JSON, or JSON of another shape.
    #[error("is not a JSON array of grants: {0}")]
    Syntax(#[from] serde_json::Error),
    /// An empty array: a function that may sign nothing is a mistake, not a wish.
    #[error(
        "is empty: name at least one grant, such as \
         [{{\"bucket\":\"my-bucket\",\"prefix\":\"private-files/\",\"principals\":[\"*\"]}}]"
    )]
    Empty,
    /// One grant says something impossible.
    #[error("[{index}].{field} {problem}")]
    Field {
        /// Which grant, counted from 0.
        index: usize,
        /// Which of its fields.
        field: &'static str,
        /// What is wrong and how to mend it.
        problem: String,
    },
}

/// A grant as it is written, before its values are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenGrant {
    bucket: String,
    prefix: String,
    principals: Vec<String>,
    max_expires_in: Option<u64>,
    region: Option<String>,
}

impl Grants {
    /// Reads the JSON of the `GRANTS` setting.
    ///
    /// # Errors
    ///
    /// [`GrantsError`] naming the grant and the field to mend.
    pub fn parse(json: &str) -> Result<Self, GrantsError> {
        let written: Vec<WrittenGrant> = serde_json::from_str(json)?;
        if written.is_empty() {
            return Err(GrantsError::Empty);
        }
        let mut grants: Vec<Grant> = Vec::with_capacity(written.len());
        for (index, written) in written.into_iter().enumerate() {
            let grant = written.check().map_err(|(field, problem)| GrantsError::Field {
                index,
                field,
                problem,
            })?;
            let other_region = grants
                .iter()
                .find(|other| other.bucket == grant.bucket && other.region != grant.region);
            if other_region.is_some() {
                return Err(GrantsError::Field {
                    index,
                    field: "region",
                    problem: format!(
                        "differs from another grant's for {:?}: a bucket has one region, state the \
                         same in all of its grants or in none",
                        grant.bucket
                    ),
                });
            }
            grants.push(grant);
        }
        Ok(Self(grants))
    }

    /// The bucket meant by a request that names none: the only one granted, if there is only one.
    #[must_use]
    pub fn only_bucket(&self) -> Option<&str> {
        let first = self.0.first()?.bucket.as_str();
        self.0.iter().all(|grant| grant.bucket == first).then_some(first)
    }

    /// The grant under which `principal` may have a link to `key`: of several, the one that allows
    /// the longest window.
    #[must_use]
    pub fn find(&self, principal: &Principal, bucket: &str, key: &str) -> Option<&Grant> {
        self.0
            .iter()
            .filter(|grant| grant.bucket == bucket)
            .filter(|grant| grant.admits(principal) && grant.covers(principal, key))
            .max_by_key(|grant| grant.max_expires_in)
    }

    /// Whether any grant at all admits `principal`.
    #[must_use]
    pub fn admit(&self, principal: &Principal) -> bool {
        self.0.iter().any(|grant| grant.admits(principal))
    }

    /// The longest window that any grant gives `principal`, in seconds.
    #[must_use]
    pub fn longest_for(&self, principal: &Principal) -> Option<u64> {
        let admitting = self.0.iter().filter(|grant| grant.admits(principal));
        admitting.map(|grant| grant.max_expires_in).max()
    }
}

impl Grant {
    fn admits(&self, principal: &Principal) -> bool {
        self.principals.iter().any(|pattern| pattern.matches(principal))
    }

    fn covers(&self, principal: &Principal, key: &str) -> bool {
        let Some((before, after)) = self.prefix.split_once(PRINCIPAL_PLACEHOLDER) else {
            return key.starts_with(&self.prefix);
        };
        let Principal::Authenticated(name) = principal else {
            return false;
        };
        is_one_segment(name)
            && key
                .strip_prefix(before)
                .and_then(|rest| rest.strip_prefix(name.as_str()))
                .is_some_and(|rest| rest.starts_with(after))
    }
}

/// Whether a principal's name can stand for exactly one folder. Anything else could reach into
/// the files of somebody else.
fn is_one_segment(name: &str) -> bool {
    !(name.is_empty() || name == "." || name == ".." || name.contains('/'))
}

impl PrincipalPattern {
    fn parse(written: &str) -> Result<Self, String> {
        match written {
            "" => Err("holds an empty name: use \"*\" for anyone authenticated".to_owned()),
            "anonymous" => Ok(Self::Anonymous),
            "s3-event" => Ok(Self::S3Event),
            pattern => Ok(Self::Authenticated(pattern.to_owned())),
        }
    }

    fn matches(&self, principal: &Principal) -> bool {
        match (self, principal) {
            (Self::Authenticated(pattern), Principal::Authenticated(name)) => {
                matches_wildcard(pattern, name)
            }
            (Self::Anonymous, Principal::Anonymous) | (Self::S3Event, Principal::S3Event) => true,
            _ => false,
        }
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any run of characters.
pub(crate) fn matches_wildcard(pattern: &str, text: &str) -> bool {
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
        // The earliest match leaves the most for what follows, so it never has to be taken back.
        let Some(found) = text.find(part) else {
            return false;
        };
        text = &text[found + part.len()..];
    }
    true
}

impl WrittenGrant {
    fn check(self) -> Result<Grant, (&'static str, String)> {
        check_bucket(&self.bucket).map_err(|problem| ("bucket", problem))?;
        check_prefix(&self.prefix).map_err(|problem| ("prefix", problem))?;
        if self.principals.is_empty() {
            let problem = "admits nobody: use [\"*\"] for anyone authenticated";
            return Err(("principals", problem.to_owned()));
        }
        let principals = self
            .principals
            .iter()
            .map(|written| PrincipalPattern::parse(written))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|problem| ("principals", problem))?;
        let max_expires_in = self.max_expires_in.unwrap_or(SIGNATURE_MAX_EXPIRES_IN);
        if !(1..=SIGNATURE_MAX_EXPIRES_IN).contains(&max_expires_in) {
            let problem =
                format!("is {max_expires_in}: use 1 to {SIGNATURE_MAX_EXPIRES_IN} seconds");
            return Err(("max_expires_in", problem));
        }
        if self.region.as_deref().is_some_and(|region| !is_region(region)) {
            let problem = "is not a region's name, such as \"eu-central-1\"".to_owned();
            return Err(("region", problem));
        }
        Ok(Grant {
            bucket: self.bucket,
            prefix: self.prefix,
            principals,
            max_expires_in,
            region: self.region,
        })
    }
}

fn check_bucket(bucket: &str) -> Result<(), String> {
    if bucket.starts_with("arn:") {
        return Ok(());
    }
    if bucket.ends_with("--x-s3") {
        return Err(format!(
            "{bucket:?} is a directory bucket: its links are signed with sessions of five minutes \
             that only S3 Express gives out, which this function does not do"
        ));
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let well_formed = (3..=63).contains(&bucket.len())
        && bucket.chars().all(|c| plain(c) || c == '-' || c == '.')
        && bucket.starts_with(plain)
        && bucket.ends_with(plain);
    if well_formed {
        Ok(())
    } else {
        Err(format!(
            "{bucket:?} is not a bucket's name: 3 to 63 lowercase letters, digits, hyphens and dots"
        ))
    }
}

fn check_prefix(prefix: &str) -> Result<(), String> {
    let Some((before, after)) = prefix.split_once(PRINCIPAL_PLACEHOLDER) else {
        return Ok(());
    };
    // Without the slash behind it, "users/{principal}" would let "bob" read "users/bobby/…".
    let whole_segment = (before.is_empty() || before.ends_with('/')) && after.starts_with('/');
    if whole_segment && !after.contains(PRINCIPAL_PLACEHOLDER) {
        Ok(())
    } else {
        Err(format!(
            "{prefix:?} must hold {PRINCIPAL_PLACEHOLDER} once, as one whole path segment with a \
             slash behind it, such as \"users/{PRINCIPAL_PLACEHOLDER}/\""
        ))
    }
}

fn is_region(region: &str) -> bool {
    region.contains('-')
        && region.len() <= 32
        && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(json: &str) -> Grants {
        Grants::parse(json).unwrap()
    }

    fn authenticated(name: &str) -> Principal {
        Principal::Authenticated(name.to_owned())
    }

    fn admits(principals: &str, principal: &Principal) -> bool {
        let json = format!(r#"[{{"bucket":"files","prefix":"","principals":{principals}}}]"#);
        grants(&json).find(principal, "files", "any").is_some()
    }

    #[test]
    fn a_star_admits_anyone_authenticated_and_nobody_else() {
        assert!(admits(r#"["*"]"#, &authenticated("alice")));
        assert!(!admits(r#"["*"]"#, &Principal::Anonymous));
    }

    #[test]
    fn only_the_word_anonymous_admits_callers_without_a_principal() {
        assert!(admits(r#"["anonymous"]"#, &Principal::Anonymous));
        assert!(!admits(r#"["anon*", "*"]"#, &Principal::Anonymous));
        // A token whose subject is the word itself is somebody, not nobody.
        assert!(!admits(r#"["anonymous"]"#, &authenticated("anonymous")));
    }

    #[test]
    fn only_the_word_s3_event_admits_mails_about_objects() {
        assert!(admits(r#"["s3-event"]"#, &Principal::S3Event));
        assert!(!admits(r#"["*", "s3*", "anonymous"]"#, &Principal::S3Event));
        // A token whose subject is the word itself is somebody who asks.
        assert!(!admits(r#"["s3-event"]"#, &authenticated("s3-event")));
        assert!(!admits(r#"["s3-event"]"#, &Principal::Anonymous));
    }

    #[test]
    fn a_folder_that_bears_a_name_is_nothing_to_an_event() {
        let grants = grants(
            r#"[{"bucket":"files","prefix":"users/{principal}/","principals":["s3-event"]}]"#,
        );
        assert!(grants.find(&Principal::S3Event, "files", "users/s3-event/report.pdf").is_none());
    }

    #[test]
    fn patterns_match_whole_names() {
        let role = authenticated("arn:aws:sts::123456789012:assumed-role/reader/session-1");
        assert!(admits(r#"["arn:aws:sts::*:assumed-role/reader/*"]"#, &role));
        assert!(!admits(r#"["arn:aws:sts::*:assumed-role/read/*"]"#, &role));
        assert!(!admits(r#"["reader"]"#, &role));
        assert!(matches_wildcard("a*b*c", "a-b-b-c"));
        assert!(!matches_wildcard("a*b*c", "a-c-b"));
        assert!(!matches_wildcard("ab*ba", "aba"));
    }

    #[test]
    fn a_principal_reaches_only_the_folder_that_bears_its_name() {
        let grants =
            grants(r#"[{"bucket":"files","prefix":"users/{principal}/","principals":["*"]}]"#);
        let covered =
            |name: &str, key: &str| grants.find(&authenticated(name), "files", key).is_some();
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
    fn of_several_grants_the_longest_window_counts() {
        let grants = grants(
            r#"[{"bucket":"files","prefix":"","principals":["*"],"max_expires_in":60},
                {"bucket":"files","prefix":"a/","principals":["*"],"max_expires_in":600},
                {"bucket":"files","prefix":"a/","principals":["bob"],"max_expires_in":6000}]"#,
        );
        let longest = |name: &str, key: &str| {
            grants.find(&authenticated(name), "files", key).map(|grant| grant.max_expires_in)
        };
        assert_eq!(longest("alice", "b"), Some(60));
        assert_eq!(longest("alice", "a/b"), Some(600));
        assert_eq!(longest("bob", "a/b"), Some(6_000));
        assert!(grants.find(&authenticated("bob"), "other", "a/b").is_none());
    }

    #[test]
    fn a_wrong_grant_is_refused_with_a_sentence_that_names_it() {
        for (json, expected) in [
            ("nonsense", "is not a JSON array of grants"),
            ("[]", "is empty"),
            (r#"[{"bucket":"files","prefix":"","principals":[]}]"#, "[0].principals admits nobody"),
            (
                r#"[{"bucket":"files","prefix":"","principals":[""]}]"#,
                "[0].principals holds an empty",
            ),
            (
                r#"[{"bucket":"Files","prefix":"","principals":["*"]}]"#,
                "[0].bucket \"Files\" is not",
            ),
            (r#"[{"bucket":"a--x-s3","prefix":"","principals":["*"]}]"#, "directory bucket"),
            (
                r#"[{"bucket":"files","prefix":"u/{principal}","principals":["*"]}]"#,
                "[0].prefix \"u/{principal}\" must hold {principal} once",
            ),
            (
                r#"[{"bucket":"files","prefix":"u-{principal}/","principals":["*"]}]"#,
                "as one whole path segment",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],"max_expires_in":0}]"#,
                "[0].max_expires_in is 0: use 1 to 604800 seconds",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],"max":1}]"#,
                "unknown field `max`",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],"region":"Frankfurt"}]"#,
                "[0].region is not a region's name",
            ),
            (
                r#"[{"bucket":"files","prefix":"a","principals":["*"],"region":"eu-west-1"},
                    {"bucket":"files","prefix":"b","principals":["*"]}]"#,
                "[1].region differs",
            ),
        ] {
            let sentence = Grants::parse(json).unwrap_err().to_string();
            assert!(sentence.contains(expected), "{sentence}");
        }
    }
}
