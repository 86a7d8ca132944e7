//! `GRANTS`, or the document that it names: who may have links to what, and for how long.
//!
//! The operator writes the grants. They are validated as a whole before they are used. This module
//! does not ask S3 anything: a key can be granted whether or not its object exists.

use std::collections::BTreeSet;

use super::claims::ClaimPatterns;
use super::grants_error::GrantsError;
use super::name_pattern::NamePattern;
use super::prefix::Prefix;
use super::raw_grant::RawGrant;
use super::sender::Sender;
use super::upload_rules::UploadRules;
use super::{Crowd, Principal};
use crate::arn::{Arn, is_arn};
use crate::region::is_region;
use crate::window::SIGNATURE_MAX_EXPIRES_IN;

/// The life of a share, in seconds, where neither the request nor the grant says another: seven days.
pub const DEFAULT_SHARE_EXPIRES_IN: u64 = 7 * 86_400;

/// What `max_share_expires_in` may be at most, in seconds: a year.
pub const MAX_SHARE_EXPIRES_IN: u64 = 365 * 86_400;

/// The longest name of a bucket, in bytes. Buckets of us-east-1 that were made before March 2018 may have
/// such a name, and capitals and underscores in it.
///
/// Source: Amazon S3 user guide, "Bucket naming rules".
const MAX_BUCKET_BYTES: usize = 255;

/// What `max_share_expires_in` must be at least, in seconds.
const MIN_SHARE_EXPIRES_IN: u64 = 60;

/// The shortest window of a share's download, in seconds. Guardrails on the age of signatures are
/// about minutes, and a person's browser needs some time.
pub const MIN_SHARE_OPEN_SECONDS: u64 = 120;

/// One entry of `GRANTS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The bucket's name, or the alias or ARN of an access point. Multi-region access points are
    /// allowed.
    pub bucket: String,
    /// Keys that begin with this prefix are granted. `{principal}` stands for the principal's name
    /// and `{claim:tenant}` for the value of the claim `tenant`, each as one whole path segment.
    pub prefix: Prefix,
    /// Who is granted these keys.
    principals: Vec<PrincipalPattern>,
    /// Which claims they must have besides.
    claims: ClaimPatterns,
    /// What a link under this grant may do; at least one action.
    actions: Vec<Action>,
    /// The longest window under this grant, in seconds, 1 to [`SIGNATURE_MAX_EXPIRES_IN`].
    pub max_expires_in: u64,
    /// The longest life of a share under this grant, in seconds.
    pub max_share_expires_in: u64,
    /// The bucket's region. If it is `None`, S3 is asked once, unless the bucket is a multi-region
    /// access point.
    pub region: Option<String>,
    /// Whether links to old versions of these objects are granted too, deleted ones included.
    pub versions: bool,
    /// Whether the writers of these files are trusted with script in the bucket's origin: a link
    /// may then show an object with the content type that its writer gave it.
    pub trusted_content: bool,
    /// Whether files are mailed whose names say that they are unfinished or litter.
    unfinished_names: bool,
    /// Where the name comes from that recipients of shares read. `None`: it is the organisation's.
    pub(super) from: Option<Sender>,
    /// What uploads may be. `None`: the grant lacks the action `put`.
    pub uploads: Option<UploadRules>,
}

/// What a request needs of a grant besides its object and its action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The request names a version, which may be an old one.
    pub old_versions: bool,
    /// The request shows the object with its own content type.
    pub trusted_content: bool,
}

/// What a link does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Downloads one object (`GetObject`).
    Get,
    /// Downloads one object (`GetObject`) for whoever has a share's address.
    Share,
    /// Uploads one object.
    Put,
}

/// The principals that a grant admits.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PrincipalPattern {
    /// Authenticated principals whose name matches.
    Authenticated(NamePattern),
    /// Callers whom no gateway authenticated, and nobody else.
    Anonymous,
    /// Mails about objects that were created, and no caller.
    S3Event,
}

/// All grants of this function. Those that were parsed are at least one, and the default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(pub(super) Vec<Grant>);

impl Grants {
    /// Reads the JSON of the `GRANTS` setting.
    ///
    /// # Errors
    ///
    /// [`GrantsError`]. It names the grant and the field to fix.
    pub fn parse(json: &str) -> Result<Self, GrantsError> {
        let raw_grants = RawGrant::read_all(json)?;
        let mut grants: Vec<Grant> = Vec::with_capacity(raw_grants.len());
        for (index, raw) in raw_grants.into_iter().enumerate() {
            let grant = raw.validate().map_err(|(field, problem)| GrantsError::Field {
                index,
                field,
                problem,
            })?;
            let named_before = |other: &&Grant| {
                other.bucket == grant.bucket && other.region.is_some() && grant.region.is_some()
            };
            if let Some(other) =
                grants.iter().find(named_before).filter(|other| other.region != grant.region)
            {
                return Err(GrantsError::Field {
                    index,
                    field: "region",
                    problem: format!(
                        "is {:?}, and another grant says {:?} for {:?}: a bucket has one region, so write \
                         the same one",
                        grant.region.as_deref().unwrap_or_default(),
                        other.region.as_deref().unwrap_or_default(),
                        grant.bucket
                    ),
                });
            }
            grants.push(grant);
        }
        // A bucket's region is that of all its grants.
        for index in 0..grants.len() {
            let is_of = |other: &&Grant| other.bucket == grants[index].bucket;
            let region = grants.iter().filter(is_of).find_map(|other| other.region.clone());
            grants[index].region = region;
        }
        Ok(Self(grants))
    }

    /// The bucket of a request for `action` that names none. It exists when all grants are about one bucket
    /// that are for uploads, or of another action all that are for others. Grants for mails alone count
    /// only where there are no others, because no request is under them.
    #[must_use]
    pub fn only_bucket(&self, action: Action) -> Option<&str> {
        let uploads = action == Action::Put;
        let is_meant =
            |grant: &&Grant| grant.actions.iter().any(|of| (*of == Action::Put) == uploads);
        // Where no grant is for the action, the refusal is about the bucket of the others.
        let none_is_meant = !self.0.iter().any(|grant| is_meant(&grant));
        let meant = || self.0.iter().filter(move |grant| none_is_meant || is_meant(grant));
        let all_for_mails = meant().all(Grant::is_for_mails_alone);
        let counts = |grant: &&Grant| all_for_mails || !grant.is_for_mails_alone();
        let mut buckets = meant().filter(counts).map(|grant| grant.bucket.as_str());
        let first = buckets.next()?;
        buckets.all(|bucket| bucket == first).then_some(first)
    }

    /// All grants, in the order of the setting.
    pub fn iter(&self) -> impl Iterator<Item = &Grant> {
        self.0.iter()
    }

    /// The buckets that grants name, each once, with the first grant that does.
    pub fn buckets(&self) -> impl Iterator<Item = &Grant> {
        self.0.iter().enumerate().filter_map(|(index, grant)| {
            let named_before = self.0[..index].iter().any(|other| other.bucket == grant.bucket);
            (!named_before).then_some(grant)
        })
    }

    /// The grant under which `principal` may have a link that does `action` with `key`. If there
    /// are several, it is the one that allows the longest window.
    #[must_use]
    pub fn find(
        &self,
        principal: &Principal,
        action: Action,
        bucket: &str,
        key: &str,
    ) -> Option<&Grant> {
        self.covering(principal, action, bucket, key).max_by_key(|grant| grant.max_expires_in)
    }

    /// As [`Grants::find`], for a request with needs of its own. If there are several grants, one
    /// that trusts the files' content comes first, and then one that gives old versions, where the
    /// request needs that. The grant need not have what the request needs.
    #[must_use]
    pub fn find_for(
        &self,
        needs: Needs,
        principal: &Principal,
        action: Action,
        bucket: &str,
        key: &str,
    ) -> Option<&Grant> {
        self.covering(principal, action, bucket, key).max_by_key(|grant| {
            (
                needs.trusted_content && grant.trusted_content,
                needs.old_versions && grant.versions,
                grant.max_expires_in,
            )
        })
    }

    pub(super) fn covering(
        &self,
        principal: &Principal,
        action: Action,
        bucket: &str,
        key: &str,
    ) -> impl Iterator<Item = &Grant> {
        self.0
            .iter()
            .filter(move |grant| grant.bucket == bucket)
            .filter(move |grant| grant.prefix.covers(principal, key))
            .filter(move |grant| grant.admits(principal) && grant.allows(action))
    }

    /// Whether a grant for mails that covers this object lets them be about files whose names say that they
    /// are unfinished or litter.
    #[must_use]
    pub fn mail_unfinished_names(&self, bucket: &str, key: &str) -> bool {
        let covering = |action| self.covering(&Principal::S3Event, action, bucket, key);
        covering(Action::Get).chain(covering(Action::Share)).any(|grant| grant.unfinished_names)
    }

    /// The longest life, in seconds, that a share of this object may have that `principal` makes.
    /// `None` if no grant lets the principal share the object.
    #[must_use]
    pub fn longest_share(&self, principal: &Principal, bucket: &str, key: &str) -> Option<u64> {
        let covering = self.covering(principal, Action::Share, bucket, key);
        covering.map(|grant| grant.max_share_expires_in).max()
    }

    /// The longest life, in seconds, that any grant gives a share that `principal` makes.
    #[must_use]
    pub fn longest_share_for(&self, principal: &Principal) -> Option<u64> {
        self.0
            .iter()
            .filter(|grant| grant.admits(principal) && grant.allows(Action::Share))
            .map(|grant| grant.max_share_expires_in)
            .max()
    }

    /// The claims that any grant asks for. What else a token says decides nothing.
    #[must_use]
    pub fn claim_names(&self) -> BTreeSet<&str> {
        let in_claims = self.0.iter().flat_map(|grant| grant.claims.names());
        let in_prefixes = self.0.iter().flat_map(|grant| grant.prefix.claim_names());
        in_claims.chain(in_prefixes).collect()
    }

    /// Whether any grant admits `principal`, for whatever action.
    #[must_use]
    pub fn admit(&self, principal: &Principal) -> bool {
        self.0.iter().any(|grant| grant.admits(principal))
    }

    /// The longest window that any grant gives `principal` for `action`, in seconds.
    #[must_use]
    pub fn longest_for(&self, principal: &Principal, action: Action) -> Option<u64> {
        self.0
            .iter()
            .filter(|grant| grant.admits(principal) && grant.allows(action))
            .map(|grant| grant.max_expires_in)
            .max()
    }
}

impl Grant {
    /// Whether the grant admits `principal`, for whatever keys.
    #[must_use]
    pub fn admits(&self, principal: &Principal) -> bool {
        self.principals.iter().any(|pattern| pattern.matches(principal))
            && self.claims.match_all(principal.claims())
    }

    /// Whether the grant is for mails about objects (`"s3-event"`), and for nobody else.
    #[must_use]
    pub fn is_for_mails_alone(&self) -> bool {
        self.principals.iter().all(|pattern| *pattern == PrincipalPattern::S3Event)
    }

    /// Whether the grant's prefix covers `key` for `principal`.
    #[must_use]
    pub fn covers(&self, principal: &Principal, key: &str) -> bool {
        self.prefix.covers(principal, key)
    }

    /// Whether the grant covers `key` for some principal, whoever that is.
    #[must_use]
    pub fn covers_for_somebody(&self, key: &str) -> bool {
        self.prefix.covers_for_somebody(key)
    }

    /// Whether the grant asks for claims, in the prefix or besides.
    #[must_use]
    pub fn asks_for_claims(&self) -> bool {
        self.prefix.names_claims() || !self.claims.is_empty()
    }

    /// Whether the grant names a role, or sessions of one, and lets them share. Whose shares these are is
    /// then decided by the session's name, which callers choose unless the role's trust policy fixes it.
    #[must_use]
    pub fn lets_sessions_share(&self) -> bool {
        let is_role = |pattern: &PrincipalPattern| match pattern {
            PrincipalPattern::Authenticated(pattern) => pattern.spells_a_role(),
            PrincipalPattern::Anonymous | PrincipalPattern::S3Event => false,
        };
        self.allows(Action::Share) && self.principals.iter().any(is_role)
    }

    /// Whether the grant has this action.
    #[must_use]
    pub fn allows(&self, action: Action) -> bool {
        self.actions.contains(&action)
    }
}

impl Grants {
    /// What each grant says that can hardly be meant, with the form that is usual. Nothing of it is wrong:
    /// keys may hold stars and braces and begin with a slash, and a token's name may be any.
    #[must_use]
    pub fn doubts(&self) -> Vec<String> {
        let of = |(index, grant): (usize, &Grant)| {
            let prefix = grant.prefix.doubt().map(|doubt| format!("[{index}].prefix {doubt}"));
            let names = grant.principals.iter().filter_map(PrincipalPattern::doubt);
            let names = names.map(move |doubt| format!("[{index}].principals {doubt}"));
            prefix.into_iter().chain(names).collect::<Vec<_>>()
        };
        self.0.iter().enumerate().flat_map(of).collect()
    }
}

impl PrincipalPattern {
    /// Why the pattern is hardly meant.
    fn doubt(&self) -> Option<String> {
        let Self::Authenticated(pattern) = self else { return None };
        let word =
            ["anonymous", "s3-event"].into_iter().find(|word| pattern.differs_in_case(word))?;
        Some(format!("names {word:?} in another case, which is a token's name: write {word:?}"))
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("holds an empty name: use \"*\" for anyone authenticated".to_owned()),
            "anonymous" => Ok(Self::Anonymous),
            "s3-event" => Ok(Self::S3Event),
            pattern => NamePattern::parse(pattern).map(Self::Authenticated),
        }
    }

    fn matches(&self, principal: &Principal) -> bool {
        match (self, principal) {
            (Self::Authenticated(pattern), Principal::Iam(caller)) => pattern.matches_iam(caller),
            (Self::Authenticated(pattern), Principal::Authorized { name, .. }) => {
                pattern.matches_name(name)
            }
            (Self::Anonymous, Principal::Iam(caller)) => {
                caller.crowd() == Some(Crowd::Distribution)
            }
            (Self::Anonymous, Principal::Anonymous) | (Self::S3Event, Principal::S3Event) => true,
            _ => false,
        }
    }
}

impl Action {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "get" => Ok(Self::Get),
            "share" => Ok(Self::Share),
            "put" => Ok(Self::Put),
            other => Err(format!(
                "holds {other:?}, which is not an action: the actions are \"get\", \"share\" and \"put\""
            )),
        }
    }
}

impl RawGrant {
    /// The grant, or the name of the field that is wrong and what is wrong with it.
    fn validate(self) -> Result<Grant, (&'static str, String)> {
        validate_bucket(&self.bucket).map_err(|problem| ("bucket", problem))?;
        let prefix = Prefix::parse(&self.prefix).map_err(|problem| ("prefix", problem))?;
        if self.principals.is_empty() {
            let problem = "admits nobody: use [\"*\"] for anyone authenticated";
            return Err(("principals", problem.to_owned()));
        }
        let principals = self
            .principals
            .iter()
            .map(|text| PrincipalPattern::parse(text))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|problem| ("principals", problem))?;
        self.claims.validate().map_err(|problem| ("claims", problem))?;
        if (prefix.names_claims() || !self.claims.is_empty())
            && !principals.iter().all(|it| matches!(it, PrincipalPattern::Authenticated(_)))
        {
            let problem = "holds \"anonymous\" or \"s3-event\", who have no claims, and the grant \
                           asks for some: give them a grant of their own";
            return Err(("principals", problem.to_owned()));
        }
        let actions =
            validate_actions(self.actions.as_deref()).map_err(|problem| ("actions", problem))?;
        let max_expires_in = self.max_expires_in.unwrap_or(SIGNATURE_MAX_EXPIRES_IN);
        if !(1..=SIGNATURE_MAX_EXPIRES_IN).contains(&max_expires_in) {
            let problem =
                format!("is {max_expires_in}: use 1 to {SIGNATURE_MAX_EXPIRES_IN} seconds");
            return Err(("max_expires_in", problem));
        }
        let shares = actions.contains(&Action::Share);
        if shares && principals.iter().any(|it| matches!(it, PrincipalPattern::Anonymous)) {
            let problem = "holds \"anonymous\", and the grant has the action \"share\": nobody would \
                           own such shares, so give \"share\" to whoever is authenticated";
            return Err(("principals", problem.to_owned()));
        }
        if shares && max_expires_in < MIN_SHARE_OPEN_SECONDS {
            let problem = format!(
                "is {max_expires_in}, and the grant has the action \"share\": a share's download \
                 has a window of {MIN_SHARE_OPEN_SECONDS} seconds at least"
            );
            return Err(("max_expires_in", problem));
        }
        let puts = actions.contains(&Action::Put);
        if puts && !principals.iter().all(|it| matches!(it, PrincipalPattern::Authenticated(_))) {
            let problem = "holds \"anonymous\" or \"s3-event\", and the grant has the action \"put\": strangers \
                           would fill the bucket at its owner's cost, so give \"put\" to whoever is authenticated";
            return Err(("principals", problem.to_owned()));
        }
        let uploads = self.upload_rules(puts, max_expires_in)?;
        let max_share_expires_in = self.max_share_expires_in.unwrap_or(DEFAULT_SHARE_EXPIRES_IN);
        if !(MIN_SHARE_EXPIRES_IN..=MAX_SHARE_EXPIRES_IN).contains(&max_share_expires_in) {
            let problem = format!(
                "is {max_share_expires_in}: use {MIN_SHARE_EXPIRES_IN} to {MAX_SHARE_EXPIRES_IN} \
                 seconds"
            );
            return Err(("max_share_expires_in", problem));
        }
        if self.max_share_expires_in.is_some() && !shares {
            let problem = "is set, and the grant lacks the action \"share\": add it to \"actions\"";
            return Err(("max_share_expires_in", problem.to_owned()));
        }
        let from = self.from.as_deref().map(Sender::parse).transpose();
        let from = from.map_err(|problem| ("from", problem))?;
        if from.is_some() && !shares {
            let problem = "is set, and the grant lacks the action \"share\": add it to \"actions\"";
            return Err(("from", problem.to_owned()));
        }
        let unfinished_names = self.unfinished_names.unwrap_or(false);
        if unfinished_names && !principals.contains(&PrincipalPattern::S3Event) {
            let problem = "is true, and only mails pass over such names: add \"s3-event\" to \
                           \"principals\", or leave the field out";
            return Err(("unfinished_names", problem.to_owned()));
        }
        if self.region.as_deref().is_some_and(|region| !is_region(region)) {
            let problem = "is not a region's name, such as \"eu-central-1\"".to_owned();
            return Err(("region", problem));
        }
        Ok(Grant {
            bucket: self.bucket,
            prefix,
            principals,
            claims: self.claims,
            actions,
            max_expires_in,
            max_share_expires_in,
            region: self.region,
            versions: self.versions.unwrap_or(false),
            trusted_content: self.trusted_content.unwrap_or(false),
            unfinished_names,
            from,
            uploads,
        })
    }
}

/// The actions of a grant. A grant that does not state any allows downloads.
fn validate_actions(actions: Option<&[String]>) -> Result<Vec<Action>, String> {
    match actions {
        None => Ok(vec![Action::Get]),
        Some([]) => Err("allows nothing: use [\"get\"], or leave the field out".to_owned()),
        Some(actions) => actions.iter().map(|text| Action::parse(text)).collect(),
    }
}

/// Refuses what can't be the name or the ARN of a bucket.
///
/// # Errors
///
/// A sentence that says what is wrong with the name.
pub fn validate_bucket(bucket: &str) -> Result<(), String> {
    // The ARN of a bucket or of its objects has no account, and an access point's has one.
    if let Some(Arn { service: "s3", region: "", account: "", resource, .. }) = Arn::parse(bucket) {
        let name = resource.split('/').next().unwrap_or_default();
        return Err(format!(
            "{bucket:?} is a bucket's ARN: write the bucket's name alone, {name:?}"
        ));
    }
    if is_arn(bucket) {
        return Ok(());
    }
    if bucket.ends_with("--x-s3") {
        return Err(format!(
            "{bucket:?} is a directory bucket: its links are signed with five-minute sessions that S3 \
             Express gives out, and this function does not ask for those"
        ));
    }
    // Names of today have 3 to 63 small letters, digits, hyphens and dots. Those of old, and those of
    // other servers, have more, and stand in a URL's path.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if (3..=MAX_BUCKET_BYTES).contains(&bucket.len()) && bucket.bytes().all(is_plain) {
        Ok(())
    } else {
        Err(format!(
            "{bucket:?} is not a bucket's name: 3 to 63 lowercase letters, digits, hyphens and dots, or \
             one of old of up to {MAX_BUCKET_BYTES} letters, digits, hyphens, dots and underscores"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Claim, Claims};
    use super::*;

    fn grants(json: &str) -> Grants {
        Grants::parse(json).unwrap()
    }

    fn authenticated(name: &str) -> Principal {
        Principal::Authorized { name: name.to_owned(), claims: Claims::default() }
    }

    fn admits(principals: &str, principal: &Principal) -> bool {
        let json = format!(r#"[{{"bucket":"files","prefix":"","principals":{principals}}}]"#);
        grants(&json).find(principal, Action::Get, "files", "any").is_some()
    }

    #[test]
    fn a_bucket_is_a_name_of_today_or_of_old_or_an_access_point() {
        let longest = "B".repeat(255);
        for name in ["files", "a.b-c", "My_Bucket", "FILES", "-files.", &longest] {
            assert_eq!(validate_bucket(name), Ok(()), "{name}");
        }
        let multi_region = "arn:aws:s3::123456789012:accesspoint:mfzwi23gnjvgw.mrap";
        assert_eq!(validate_bucket(multi_region), Ok(()));
        for name in ["", "ab", "my files", "a/b", "é-files", "s3://files", &"b".repeat(256)] {
            assert!(
                validate_bucket(name).unwrap_err().contains("is not a bucket's name"),
                "{name}"
            );
        }
        for arn in ["arn:aws:s3:::My_Bucket", "arn:aws-cn:s3:::My_Bucket/private-files/*"] {
            let problem = validate_bucket(arn).unwrap_err();
            assert!(problem.ends_with("write the bucket's name alone, \"My_Bucket\""), "{problem}");
        }
    }

    #[test]
    fn a_star_admits_anyone_authenticated_and_nobody_else() {
        assert!(admits(r#"["*"]"#, &authenticated("alice")));
        assert!(!admits(r#"["*"]"#, &Principal::Anonymous));
    }

    #[test]
    fn a_token_s_name_that_is_spelled_like_an_arn_is_no_iam_caller() {
        let arn = "arn:aws:iam::123456789012:role/reader";
        for principals in [
            r#"["arn:aws:iam::123456789012:role/reader"]"#,
            r#"["arn:aws:iam::123456789012:*"]"#,
            r#"["*:role/reader", "a*"]"#,
        ] {
            assert!(admits(principals, &Principal::Iam(arn.into())), "{principals}");
            assert!(!admits(principals, &authenticated(arn)), "{principals}");
        }
        assert!(admits(r#"["*"]"#, &authenticated(arn)));
    }

    #[test]
    fn only_the_word_anonymous_admits_callers_without_a_principal() {
        assert!(admits(r#"["anonymous"]"#, &Principal::Anonymous));
        assert!(!admits(r#"["anon*", "*"]"#, &Principal::Anonymous));
        // A token whose subject is "anonymous" authenticates a caller of that name.
        assert!(!admits(r#"["anonymous"]"#, &authenticated("anonymous")));
    }

    #[test]
    fn only_the_word_s3_event_admits_mails_about_objects() {
        assert!(admits(r#"["s3-event"]"#, &Principal::S3Event));
        assert!(!admits(r#"["*", "s3*", "anonymous"]"#, &Principal::S3Event));
        // A token whose subject is "s3-event" authenticates a caller of that name.
        assert!(!admits(r#"["s3-event"]"#, &authenticated("s3-event")));
        assert!(!admits(r#"["s3-event"]"#, &Principal::Anonymous));
    }

    #[test]
    fn an_event_has_no_name_that_a_prefix_could_hold() {
        let grants = grants(
            r#"[{"bucket":"files","prefix":"users/{principal}/","principals":["s3-event"]}]"#,
        );
        assert!(
            grants
                .find(&Principal::S3Event, Action::Get, "files", "users/s3-event/report.pdf")
                .is_none()
        );
    }

    #[test]
    fn patterns_match_whole_names() {
        let role = "arn:aws:sts::123456789012:assumed-role/reader/session-1";
        let role = Principal::Iam(role.into());
        assert!(admits(r#"["arn:aws:sts::*:assumed-role/reader/*"]"#, &role));
        assert!(!admits(r#"["arn:aws:sts::*:assumed-role/read/*"]"#, &role));
        assert!(!admits(r#"["reader"]"#, &role));
    }

    #[test]
    fn each_claim_of_a_grant_must_match() {
        let json = r#"[{"bucket":"files","prefix":"","principals":["*"],
                        "claims":{"cognito:groups":"finance","tenant":"*"}}]"#;
        let grants = grants(json);
        let admitted = |claims: &[(&str, Claim)]| {
            let claims = claims.iter().map(|(name, claim)| ((*name).to_owned(), claim.clone()));
            let name = "alice".to_owned();
            let alice = Principal::Authorized { name, claims: claims.collect() };
            let found = grants.find(&alice, Action::Get, "files", "any").is_some();
            assert_eq!(found, grants.admit(&alice));
            assert_eq!(found, grants.longest_for(&alice, Action::Get).is_some());
            found
        };
        let text = |text: &str| Claim::Text(text.to_owned());
        let list = |entries: &[&str]| {
            Claim::List(entries.iter().map(|entry| (*entry).to_owned()).collect())
        };
        let tenant = || ("tenant", text("acme"));
        assert!(admitted(&[("cognito:groups", text("finance")), tenant()]));
        assert!(admitted(&[("cognito:groups", list(&["a", "finance"])), tenant()]));
        for claims in [
            &[] as &[_],
            &[tenant()],
            &[("cognito:groups", text("finance"))],
            &[("cognito:groups", text("finance")), ("tenant", text(""))],
            &[("cognito:groups", list(&["a", "finances"])), tenant()],
            // Only the claim that the grant names counts.
            &[("name", text("finance")), ("cognito:groups", text("a")), tenant()],
        ] {
            assert!(!admitted(claims));
        }
    }

    #[test]
    fn who_has_no_claims_is_not_admitted_by_a_grant_that_asks_for_some() {
        let json = r#"[{"bucket":"files","prefix":"","principals":["*"],"claims":{"sub":"*"}}]"#;
        let grants = grants(json);
        let arn = "arn:aws:iam::123456789012:user/alice";
        for principal in [
            authenticated("alice"),
            Principal::Iam(arn.into()),
            Principal::Anonymous,
            Principal::S3Event,
        ] {
            assert!(!grants.admit(&principal), "{principal:?}");
        }
    }

    #[test]
    fn a_grant_that_names_a_role_and_lets_it_share_is_found() {
        let finds = |principals: &str, actions: &str| {
            let grants = grants(&format!(
                r#"[{{"bucket":"files","prefix":"","principals":{principals},"actions":{actions}}}]"#
            ));
            grants.0[0].lets_sessions_share()
        };
        let share = r#"["get","share"]"#;
        assert!(finds(r#"["arn:aws:iam::123456789012:role/app"]"#, share));
        assert!(finds(r#"["a", "arn:aws:sts::*:assumed-role/app/*"]"#, share));
        assert!(!finds(r#"["arn:aws:iam::123456789012:role/app"]"#, r#"["get"]"#));
        // The session of a person who signs in through IAM Identity Center has that person's name.
        let person = r#"["arn:aws:sts::*:assumed-role/AWSReservedSSO_Staff_*/*"]"#;
        for none in [r#"["*"]"#, r#"["arn:aws:iam::123456789012:user/app"]"#, person] {
            assert!(!finds(none, share), "{none}");
        }
    }

    #[test]
    fn a_grant_that_states_no_action_allows_get() {
        let json = r#"[{"bucket":"files","prefix":"","principals":["*"]}]"#;
        assert_eq!(grants(json).0[0].actions, [Action::Get]);
        let json = r#"[{"bucket":"files","prefix":"","principals":["*"],"actions":["get"]}]"#;
        assert_eq!(grants(json).0[0].actions, [Action::Get]);
    }

    #[test]
    fn a_grant_gives_no_link_for_an_action_that_it_does_not_allow() {
        let alice = authenticated("alice");
        let mut grants = grants(
            r#"[{"bucket":"files","prefix":"","principals":["*"],"max_expires_in":60},
                {"bucket":"files","prefix":"","principals":["*"],"max_expires_in":600}]"#,
        );
        let longest = |grants: &Grants| {
            let found = grants.find(&alice, Action::Get, "files", "a");
            let found = found.map(|grant| grant.max_expires_in);
            assert_eq!(found, grants.longest_for(&alice, Action::Get));
            found
        };
        assert_eq!(longest(&grants), Some(600));
        // `GRANTS` can't state a grant without `get` yet, so the test takes the action away.
        grants.0[1].actions.clear();
        assert_eq!(longest(&grants), Some(60));
        grants.0[0].actions.clear();
        assert_eq!(longest(&grants), None);
        assert!(grants.admit(&alice));
    }

    #[test]
    fn of_several_grants_the_longest_window_counts() {
        let grants = grants(
            r#"[{"bucket":"files","prefix":"","principals":["*"],"max_expires_in":60},
                {"bucket":"files","prefix":"a/","principals":["*"],"max_expires_in":600},
                {"bucket":"files","prefix":"a/","principals":["bob"],"max_expires_in":6000}]"#,
        );
        let longest = |name: &str, key: &str| {
            grants
                .find(&authenticated(name), Action::Get, "files", key)
                .map(|grant| grant.max_expires_in)
        };
        assert_eq!(longest("alice", "b"), Some(60));
        assert_eq!(longest("alice", "a/b"), Some(600));
        assert_eq!(longest("bob", "a/b"), Some(6_000));
        assert!(grants.find(&authenticated("bob"), Action::Get, "other", "a/b").is_none());
    }

    #[test]
    fn old_versions_are_granted_only_where_a_grant_says_so() {
        let grants = grants(
            r#"[{"bucket":"files","prefix":"","principals":["*"],"max_expires_in":600},
                {"bucket":"files","prefix":"a/","principals":["bob"],"max_expires_in":60,
                 "versions":true},
                {"bucket":"files","prefix":"a/","principals":["*"],"versions":false}]"#,
        );
        let needs = Needs { old_versions: true, ..Needs::default() };
        let found = |name: &str, key: &str| {
            let grant =
                grants.find_for(needs, &authenticated(name), Action::Get, "files", key).unwrap();
            (grant.versions, grant.max_expires_in)
        };
        assert_eq!(found("bob", "a/b"), (true, 60));
        assert_eq!(found("bob", "b"), (false, 600));
        assert_eq!(found("alice", "a/b"), (false, 604_800));
        // Without a version, the longest window counts.
        let longest = grants.find(&authenticated("bob"), Action::Get, "files", "a/b").unwrap();
        assert_eq!(longest.max_expires_in, 604_800);
    }

    #[test]
    fn content_is_trusted_only_where_a_grant_says_so() {
        let grants = grants(
            r#"[{"bucket":"files","prefix":"","principals":["*"],"max_expires_in":600},
                {"bucket":"files","prefix":"a/","principals":["*"],"max_expires_in":60,
                 "trusted_content":true},
                {"bucket":"files","prefix":"a/","principals":["*"],"max_expires_in":30,
                 "trusted_content":true,"versions":true},
                {"bucket":"files","prefix":"a/","principals":["*"],"versions":true,
                 "trusted_content":false}]"#,
        );
        let found = |trusted_content: bool, old_versions: bool, key: &str| {
            let needs = Needs { old_versions, trusted_content };
            let alice = authenticated("alice");
            let grant = grants.find_for(needs, &alice, Action::Get, "files", key).unwrap();
            (grant.trusted_content, grant.versions, grant.max_expires_in)
        };
        assert_eq!(found(true, false, "a/b"), (true, false, 60));
        assert_eq!(found(true, true, "a/b"), (true, true, 30));
        assert_eq!(found(false, true, "a/b"), (false, true, 604_800));
        assert_eq!(found(false, false, "a/b"), (false, true, 604_800));
        assert_eq!(found(true, false, "b"), (false, false, 600));
    }

    #[test]
    fn one_region_for_a_bucket_is_that_of_all_its_grants() {
        let grants = grants(
            r#"[{"bucket":"files","prefix":"a/","principals":["*"]},
                {"bucket":"files","prefix":"b/","principals":["*"],"region":"eu-west-1"},
                {"bucket":"other","prefix":"","principals":["*"]}]"#,
        );
        let regions: Vec<_> = grants.iter().map(|grant| grant.region.as_deref()).collect();
        assert_eq!(regions, [Some("eu-west-1"), Some("eu-west-1"), None]);
    }

    #[test]
    fn mails_are_about_unfinished_names_only_where_a_grant_for_mails_says_so() {
        let grants = grants(
            r#"[{"bucket":"files","prefix":"","principals":["s3-event"],"max_expires_in":600},
                {"bucket":"files","prefix":"a/","principals":["s3-event"],"actions":["share"],
                 "unfinished_names":true}]"#,
        );
        assert!(grants.mail_unfinished_names("files", "a/b.tmp"));
        assert!(!grants.mail_unfinished_names("files", "b.tmp"));
        assert!(!grants.mail_unfinished_names("other", "a/b.tmp"));
    }

    #[test]
    fn a_region_need_not_be_one_of_aws() {
        for region in ["eu-central-1", "garage"] {
            let json = r#"[{"bucket":"files","prefix":"","principals":["*"],"region":"REGION"}]"#;
            let grants = grants(&json.replace("REGION", region));
            let anyone = authenticated("alice");
            let grant = grants.find(&anyone, Action::Get, "files", "a").unwrap();
            assert_eq!(grant.region.as_deref(), Some(region));
        }
    }

    #[test]
    fn what_can_hardly_be_meant_is_said_with_what_to_write() {
        let doubts = |prefix: &str, principal: &str| {
            let json = format!(
                r#"[{{"bucket":"other","prefix":"a","principals":["*"]}},
                    {{"bucket":"files","prefix":"{prefix}","principals":["{principal}"]}}]"#
            );
            grants(&json).doubts()
        };
        for (prefix, expected) in [
            (
                "private-files/*",
                "is \"private-files/*\": a star stands for itself here; write \"private-files/\"",
            ),
            ("a/**", "write \"a/\""),
            (
                "/private-files/",
                "a key of S3's seldom begins with a slash; write \"private-files/\"",
            ),
            (
                "users/{user}/",
                "{user} stands for itself; {principal} and {claim:…} stand for folders",
            ),
        ] {
            let [doubt] = doubts(prefix, "*").try_into().unwrap();
            assert!(doubt.starts_with("[1].prefix is") && doubt.contains(expected), "{doubt}");
        }
        let [doubt] = doubts("a/", "Anonymous").try_into().unwrap();
        assert!(doubt.starts_with("[1].principals names \"anonymous\""), "{doubt}");
        assert_eq!(doubts("users/{principal}/{claim:tenant}/a", "*"), [""; 0]);
        assert_eq!(doubts("", "anonymous"), [""; 0]);
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
                r#"[{"bucket":"my files","prefix":"","principals":["*"]}]"#,
                "[0].bucket \"my files\" is not",
            ),
            (r#"[{"bucket":"a--x-s3","prefix":"","principals":["*"]}]"#, "directory bucket"),
            (
                r#"[{"bucket":"files","prefix":"u/{principal}","principals":["*"]}]"#,
                "[0].prefix \"u/{principal}\" must hold {principal} once",
            ),
            (
                r#"[{"bucket":"files","prefix":"{claim:a}/","principals":["*","s3-event"]}]"#,
                "[0].principals holds \"anonymous\" or \"s3-event\", who have no claims",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["anonymous"],
                     "claims":{"tenant":"*"}}]"#,
                "[0].principals holds \"anonymous\" or \"s3-event\", who have no claims",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],"claims":{"tenant":""}}]"#,
                "[0].claims has an empty pattern for \"tenant\"",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],"claims":{"":"*"}}]"#,
                "[0].claims names a claim \"\"",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],"claims":{"tenant":["a"]}}]"#,
                "[0].claims is {\"tenant\":[\"a\"]}: write an object of texts",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],
                     "claims":{"tenant":"acme","tenant":"*"}}]"#,
                "is not a JSON array of grants: claim \"tenant\" is named twice",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],"actions":[]}]"#,
                "[0].actions allows nothing",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],"actions":["get","list"]}]"#,
                "[0].actions holds \"list\", which is not an action: the actions are \"get\", \"share\" and \"put\"",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],"actions":["Get"]}]"#,
                "[0].actions holds \"Get\"",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],"max_expires_in":0}]"#,
                "[0].max_expires_in is 0: use 1 to 604800 seconds",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],"max":1}]"#,
                "[0].max is no field of a grant",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],"from":"{claim:name}"}]"#,
                "[0].from is set, and the grant lacks the action \"share\"",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],"actions":["share"],
                     "from":"me"}]"#,
                "[0].from is \"me\": use \"request\"",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],"unfinished_names":true}]"#,
                "[0].unfinished_names is true, and only mails pass over such names",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"],"region":"Frankfurt"}]"#,
                "[0].region is not a region's name",
            ),
            (
                r#"[{"bucket":"files","prefix":"a","principals":["*"],"region":"eu-west-1"},
                    {"bucket":"files","prefix":"b","principals":["*"],"region":"eu-central-1"}]"#,
                "[1].region is \"eu-central-1\", and another grant says \"eu-west-1\" for \"files\"",
            ),
        ] {
            let sentence = Grants::parse(json).unwrap_err().to_string();
            assert!(sentence.contains(expected), "{sentence}");
        }
    }
}
