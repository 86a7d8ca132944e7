//! The function's settings: read from the environment and checked once, when the function starts.
//!
//! An empty setting counts as not set. Templates and `--env-vars` switch a setting off that way.
//!
//! This module makes typed values. `handler` puts the rooms together from them. [`removed`] knows the
//! settings that are gone, and [`unknown`] finds variables that look like settings and are none.

mod endpoint;
mod public_url;
mod removed;
mod unknown;

use std::time::SystemTime;

use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use link_rules::access::{Grants, GrantsError};
use link_rules::arn::is_role;
use link_rules::region::is_region;
use thiserror::Error;

use crate::aws::{AwsSettings, S3Addressing, Trust};
use crate::links::{GrantsSetting, ObjectLocation, PolicySetting};
use crate::mail::{MailSettings, MailSettingsError};
use crate::sessions::ExecutionRoleSettings;
use crate::shares::{ShareSettings, ShareSettingsError};

use self::public_url::PublicUrl;
pub use self::removed::RemovedSettings;
pub use self::unknown::UnknownSetting;

const S3_PUBLIC_ENDPOINT: &str = "S3_PUBLIC_ENDPOINT";

/// A setting is missing or wrong. The function does not start.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The setting is needed and not set.
    #[error("{name} is not set: {fix}")]
    Missing {
        /// The setting.
        name: &'static str,
        /// What to set it to.
        fix: &'static str,
    },
    /// The value is not valid.
    #[error("{name} is {value:?}: {fix}")]
    Wrong {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// What to set it to.
        fix: &'static str,
    },
    /// An endpoint is not the URL of one. The message does not repeat the value.
    #[error("{name} {problem}: {fix}")]
    Endpoint {
        /// The setting.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
        /// What to set it to.
        fix: &'static str,
    },
    /// `GRANTS` is wrong.
    #[error("GRANTS{}", grants_sentence(.0))]
    Grants(GrantsError),
    /// `sam local` filled a setting in that only a stack has.
    #[error(
        "{0}. Under `sam local` the template's values are not those of a stack: set this in env.json, as one \
         text in quotes, and pass it as --env-vars env.json (docs/deploy.md, \"On a laptop\")"
    )]
    UnderSamLocal(Box<SettingsError>),
    /// `MAIL_GRANTS` is wrong. The message does not repeat the value.
    #[error(
        "MAIL_GRANTS{place}: write a JSON array of grants as in GRANTS, each with the principals \
         [\"s3-event\"]"
    )]
    MailGrants {
        /// Where it is wrong.
        place: String,
    },
    /// A `MAIL_…` setting is missing or wrong.
    #[error(transparent)]
    Mail(#[from] MailSettingsError),
    /// `SHARES_FROM` is wrong.
    #[error(transparent)]
    Shares(#[from] ShareSettingsError),
    /// Settings are set that are gone.
    #[error(transparent)]
    Removed(#[from] RemovedSettings),
    /// Two settings exclude one another.
    #[error(
        "SIGNING_ROLE_ARN and ASSUMED_SESSION_SECONDS are both set: a session is either proven by \
         minting it or assumed, set one of them to nothing"
    )]
    AssumedAndMinted,
}

fn grants_sentence(error: &GrantsError) -> String {
    match error {
        GrantsError::Field { .. } | GrantsError::UnknownField { .. } => error.to_string(),
        GrantsError::Empty | GrantsError::NotAnArray => format!(" {error}"),
        GrantsError::Syntax(_) => {
            format!(" {error} (an object that holds the grants is written as s3://bucket/key)")
        }
    }
}

/// All settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `GRANTS` and `MAIL_GRANTS`.
    pub(crate) grants: GrantsSetting,
    /// `SIGNING_ROLE_ARN`.
    pub(crate) signing_role_arn: Option<String>,
    /// `UPLOAD_ROLE_ARN`. `None`: uploads are off.
    pub(crate) upload_role_arn: Option<String>,
    /// The path of `PUBLIC_URL`, with a leading and without a trailing slash. A request's path may
    /// begin with it.
    pub(crate) base_path: Option<String>,
    /// How AWS is reached: region, endpoints and trusted certificates.
    pub(crate) aws: AwsSettings,
    /// What the operator decided about the execution role's session.
    pub(crate) execution_role: ExecutionRoleSettings,
    /// The credentials in the environment, if it has any.
    pub(crate) credentials: Option<Credentials>,
    /// The level of the function's log (`AWS_LAMBDA_LOG_LEVEL`). Metrics must pass it.
    pub(crate) log_level: Option<String>,
    /// The settings of mailing. `None` when `MAIL_FROM` is not set.
    pub(crate) mail: Option<MailSettings>,
    /// The settings of shares. `None` when `SHARES_TABLE` is not set.
    pub(crate) shares: Option<ShareSettings>,
    /// What to do about buckets' policies.
    pub(crate) bucket_policy: PolicySetting,
}

impl Settings {
    /// Reads the settings through `variable`, which is `std::env::var` outside of tests.
    /// `started_at` is when the process started. `ASSUMED_SESSION_SECONDS` counts from then.
    ///
    /// # Errors
    ///
    /// [`SettingsError`], one sentence that names the setting and the fix.
    pub fn read(
        variable: impl Fn(&str) -> Option<String>,
        started_at: Timestamp,
    ) -> Result<Self, SettingsError> {
        let get = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        Self::read_set(&get, started_at).map_err(|error| {
            let is_filled_in = match &error {
                SettingsError::Grants(_) => true,
                SettingsError::Missing { name, .. } | SettingsError::Wrong { name, .. } => {
                    matches!(*name, "GRANTS" | "SIGNING_ROLE_ARN" | "UPLOAD_ROLE_ARN")
                }
                _ => false,
            };
            // Source: AWS SAM developer guide, "Environment variable file": SAM sets AWS_SAM_LOCAL.
            if is_filled_in && get("AWS_SAM_LOCAL").as_deref() == Some("true") {
                return SettingsError::UnderSamLocal(Box::new(error));
            }
            error
        })
    }

    /// The same, of variables that are not empty.
    fn read_set(
        get: &impl Fn(&str) -> Option<String>,
        started_at: Timestamp,
    ) -> Result<Self, SettingsError> {
        logging(get)?;
        certificates(get)?;
        removed::refuse(get)?;
        let grants = grants(get)?;
        let region = get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION"));
        let region = region.ok_or(SettingsError::Missing {
            name: "AWS_REGION",
            fix: "Lambda sets it; elsewhere set it to the region of STS to ask, for example \
                   eu-central-1",
        })?;
        let region = checked_region("AWS_REGION", region)?;
        let signing_role_arn = role(get, "SIGNING_ROLE_ARN")?;
        let assumed_end = get("ASSUMED_SESSION_SECONDS")
            .map(|written| assumed_end(written, started_at))
            .transpose()?;
        if signing_role_arn.is_some() && assumed_end.is_some() {
            return Err(SettingsError::AssumedAndMinted);
        }
        // The SDK's own switch for all of them.
        let ignored = get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").as_deref() == Some("true");
        let endpoint = |service: &str| {
            [format!("AWS_ENDPOINT_URL_{service}"), "AWS_ENDPOINT_URL".to_owned()]
                .into_iter()
                .filter(|_| !ignored)
                .find_map(|name| get(&name).map(|value| endpoint::parse(&name, &value)))
                .transpose()
        };
        let aws = AwsSettings {
            region,
            s3_endpoint: endpoint("S3")?,
            s3_public_endpoint: get(S3_PUBLIC_ENDPOINT)
                .map(|value| endpoint::parse(S3_PUBLIC_ENDPOINT, &value))
                .transpose()?,
            addressing: get("S3_ADDRESSING").map(addressing).transpose()?.unwrap_or_default(),
            ses_region: get("MAIL_REGION")
                .map(|value| checked_region("MAIL_REGION", value))
                .transpose()?,
            sts_endpoint: endpoint("STS")?,
            sesv2_endpoint: endpoint("SESV2")?,
            dynamodb_endpoint: endpoint("DYNAMODB")?,
            use_fips: flag("AWS_USE_FIPS_ENDPOINT", get)?,
            use_dual_stack: flag("AWS_USE_DUALSTACK_ENDPOINT", get)?,
            trust: Trust::AmazonFirst,
            is_inside_lambda: inside_lambda(get),
        };
        // Custom endpoints don't chain to Amazon's roots. An operator who names roots wants those.
        let other_endpoints =
            [&aws.s3_endpoint, &aws.sts_endpoint, &aws.sesv2_endpoint, &aws.dynamodb_endpoint];
        let other_roots = other_endpoints.into_iter().any(Option::is_some)
            || get("SSL_CERT_FILE").or_else(|| get("SSL_CERT_DIR")).is_some();
        let trust = if other_roots { Trust::System } else { Trust::AmazonFirst };
        let public_url = get("PUBLIC_URL").map(PublicUrl::parse).transpose()?;
        let shares = ShareSettings::read(get, public_url.as_ref().map(|public| &*public.url))?;
        let mail = MailSettings::read(get, assumed_end, shares.as_ref())?;
        if let (GrantsSetting::Written(grants), Some(mail)) = (&grants, &mail) {
            mail.check_grants(grants)?;
        }
        Ok(Self {
            grants,
            signing_role_arn,
            upload_role_arn: role(get, "UPLOAD_ROLE_ARN")?,
            base_path: public_url.and_then(|public| public.path),
            aws: AwsSettings { trust, ..aws },
            execution_role: ExecutionRoleSettings {
                function_name: get("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default(),
                allow_long_term_keys: flag("ALLOW_LONG_TERM_KEYS", get)?,
                assumed_end,
            },
            credentials: credentials(get)?,
            log_level: get("AWS_LAMBDA_LOG_LEVEL"),
            mail,
            shares,
            bucket_policy: get("BUCKET_POLICY").map(bucket_policy).transpose()?.unwrap_or_default(),
        })
    }

    /// Whether this is Lambda and STS is asked at another endpoint than AWS's. Whoever answers
    /// there can attest any end and mint any session, so `main` logs a warning.
    #[must_use]
    pub fn asks_another_sts_inside_lambda(&self) -> bool {
        self.aws.is_inside_lambda && self.aws.sts_endpoint.is_some()
    }
}

/// The grants, or the place of the object that holds them, which is read later.
fn grants(get: &impl Fn(&str) -> Option<String>) -> Result<GrantsSetting, SettingsError> {
    let mails = get("MAIL_GRANTS").map(|json| mail_grants(&json)).transpose()?.unwrap_or_default();
    let written = get("GRANTS").ok_or(SettingsError::Missing {
        name: "GRANTS",
        fix: "say who may have links to what, for example \
               [{\"bucket\":\"my-bucket\",\"prefix\":\"private-files/\",\"principals\":[\"*\"]}], \
               or name an object that does, as s3://bucket/key",
    })?;
    if !written.trim_start().starts_with("s3://") {
        let grants = Grants::parse(&written).map_err(SettingsError::Grants)?;
        // As the name of a bucket of old it is well-formed. No stack has it: it is what `sam local` makes
        // of the template's `!Ref FilesBucket`.
        if let Some(index) = grants.iter().position(|grant| grant.bucket == "FilesBucket") {
            let problem =
                "is \"FilesBucket\", the template's word for a bucket: write the name of one";
            let (field, problem) = ("bucket", problem.to_owned());
            return Err(SettingsError::Grants(GrantsError::Field { index, field, problem }));
        }
        let grants = grants.with_mail_grants(&mails);
        grants.check_uploads(None).map_err(SettingsError::Grants)?;
        return Ok(GrantsSetting::Written(grants));
    }
    match ObjectLocation::parse(written.trim()) {
        Some(location) => Ok(GrantsSetting::Object { location, mails }),
        None => Err(SettingsError::Wrong {
            name: "GRANTS",
            value: written,
            fix: "name an object as s3://bucket/key, such as s3://my-config/grants.json",
        }),
    }
}

/// The grants of `MAIL_GRANTS`, which hold where `GRANTS` names `"s3-event"` in no grant.
fn mail_grants(json: &str) -> Result<Grants, SettingsError> {
    let wrong = |place: String| SettingsError::MailGrants { place };
    let grants = Grants::parse(json).map_err(|error| match error {
        GrantsError::Field { index, field, .. } => wrong(format!("[{index}].{field} is wrong")),
        GrantsError::UnknownField { index, .. } => wrong(format!("[{index}] has an unknown field")),
        GrantsError::NotAnArray => wrong(" is one JSON object".to_owned()),
        GrantsError::Empty => wrong(" is empty".to_owned()),
        GrantsError::Syntax(error) => wrong(format!(
            " is not a JSON array of grants (line {}, column {})",
            error.line(),
            error.column()
        )),
    })?;
    let other = grants.iter().position(|grant| !grant.is_for_mails_alone());
    match other {
        Some(index) => Err(wrong(format!("[{index}].principals names others than \"s3-event\""))),
        None => Ok(grants),
    }
}

fn flag(name: &'static str, get: &impl Fn(&str) -> Option<String>) -> Result<bool, SettingsError> {
    match get(name).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(value) => {
            Err(SettingsError::Wrong { name, value: value.to_owned(), fix: "use true or false" })
        }
    }
}

/// The name of a region, which need not be one of AWS's: other servers have `auto` or `garage`.
fn checked_region(name: &'static str, value: String) -> Result<String, SettingsError> {
    if is_region(&value) {
        return Ok(value);
    }
    let fix = "use a region's name, such as eu-central-1, or the one that your server has, such as \
               garage: lowercase letters, digits and hyphens";
    Err(SettingsError::Wrong { name, value, fix })
}

/// Checks what Lambda's own logging settings become.
fn logging(get: &impl Fn(&str) -> Option<String>) -> Result<(), SettingsError> {
    let known: [(&'static str, &[&str], &'static str); 2] = [
        (
            "AWS_LAMBDA_LOG_LEVEL",
            &["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"],
            "use TRACE, DEBUG, INFO, WARN, ERROR or FATAL",
        ),
        ("AWS_LAMBDA_LOG_FORMAT", &["JSON", "Text"], "use JSON or Text"),
    ];
    for (name, values, fix) in known {
        let Some(value) = get(name) else { continue };
        if !values.iter().any(|known| known.eq_ignore_ascii_case(&value)) {
            return Err(SettingsError::Wrong { name, value, fix });
        }
    }
    Ok(())
}

/// Checks that the certificates are there that TLS is to trust. Without them no call could be made.
fn certificates(get: &impl Fn(&str) -> Option<String>) -> Result<(), SettingsError> {
    for (name, fix) in [
        ("SSL_CERT_FILE", "name a file of certificates that is there, or set it to nothing"),
        ("SSL_CERT_DIR", "name a folder of certificates that is there, or set it to nothing"),
    ] {
        let Some(value) = get(name) else { continue };
        // SSL_CERT_DIR may name several folders.
        if !std::env::split_paths(&value).any(|path| path.exists()) {
            return Err(SettingsError::Wrong { name, value, fix });
        }
    }
    Ok(())
}

fn role(
    get: &impl Fn(&str) -> Option<String>,
    name: &'static str,
) -> Result<Option<String>, SettingsError> {
    let Some(value) = get(name) else { return Ok(None) };
    if is_role(&value) {
        return Ok(Some(value));
    }
    let fix = "use a role's ARN, such as arn:aws:iam::123456789012:role/signer";
    Err(SettingsError::Wrong { name, value, fix })
}

fn assumed_end(value: String, started_at: Timestamp) -> Result<Timestamp, SettingsError> {
    // The end of a session is always stated in whole seconds.
    let started_at = Timestamp::from_second(started_at.as_second()).unwrap_or(started_at);
    // Twelve hours is the longest that the session of any role lasts.
    let seconds = value.parse().ok().filter(|seconds| (1..=43_200).contains(seconds));
    seconds
        .and_then(|seconds| started_at.checked_add(SignedDuration::from_secs(seconds)).ok())
        .ok_or(SettingsError::Wrong {
            name: "ASSUMED_SESSION_SECONDS",
            value,
            fix: "use 1 to 43200 seconds, counted from the start of the process",
        })
}

fn bucket_policy(value: String) -> Result<PolicySetting, SettingsError> {
    match value.as_str() {
        "heed" => Ok(PolicySetting::Heed),
        "require" => Ok(PolicySetting::Require),
        "ignore" => Ok(PolicySetting::Ignore),
        _ => Err(SettingsError::Wrong {
            name: "BUCKET_POLICY",
            value,
            fix: "use heed (the default), require or ignore",
        }),
    }
}

/// Where URLs name the bucket.
fn addressing(value: String) -> Result<S3Addressing, SettingsError> {
    match value.as_str() {
        "virtual" => Ok(S3Addressing::Virtual),
        "path" => Ok(S3Addressing::Path),
        _ => Err(SettingsError::Wrong {
            name: "S3_ADDRESSING",
            value,
            fix: "use virtual (the default: the bucket is in the host where its name can be) or path",
        }),
    }
}

/// Whether this process runs inside Lambda, which always sets this variable and reserves its name.
fn inside_lambda(get: &impl Fn(&str) -> Option<String>) -> bool {
    get("AWS_LAMBDA_INITIALIZATION_TYPE").is_some()
}

/// The credentials in the environment, with the end that is stated there.
///
/// Inside Lambda `AWS_CREDENTIAL_EXPIRATION` is ignored: Lambda never sets it, and anyone who
/// configures the function can.
fn credentials(
    get: &impl Fn(&str) -> Option<String>,
) -> Result<Option<Credentials>, SettingsError> {
    let Some(access_key_id) = get("AWS_ACCESS_KEY_ID") else {
        return Ok(None);
    };
    let secret = get("AWS_SECRET_ACCESS_KEY").ok_or(SettingsError::Missing {
        name: "AWS_SECRET_ACCESS_KEY",
        fix: "AWS_ACCESS_KEY_ID is set, so this must be too",
    })?;
    let expiry = get("AWS_CREDENTIAL_EXPIRATION")
        .filter(|_| !inside_lambda(get))
        .map(|written| {
            let end = written.parse::<Timestamp>().and_then(SystemTime::try_from);
            end.map_err(|_| SettingsError::Wrong {
                name: "AWS_CREDENTIAL_EXPIRATION",
                value: written,
                fix: "use an RFC 3339 instant, such as 2026-11-23T14:05:12Z",
            })
        })
        .transpose()?;
    let token = get("AWS_SESSION_TOKEN");
    Ok(Some(Credentials::new(access_key_id, secret, token, expiry, "Environment")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeSet, HashMap};

    const GRANTS: &str = r#"[{"bucket":"files","prefix":"","principals":["*"]}]"#;

    fn read(changes: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let mut variables = HashMap::from([
            ("GRANTS", GRANTS),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_LAMBDA_FUNCTION_NAME", "signer"),
            ("AWS_ACCESS_KEY_ID", "ASIAKEY"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
        ]);
        variables.extend(changes.iter().copied());
        let started_at = "2026-11-23T13:00:00.75Z".parse().unwrap();
        Settings::read(|name| variables.get(name).map(|value| (*value).to_owned()), started_at)
    }

    #[test]
    fn certificates_and_logging_are_what_the_process_can_use() {
        let here = env!("CARGO_MANIFEST_DIR");
        let folders = format!("/nonexistent:{here}");
        for (name, value) in [
            ("SSL_CERT_DIR", folders.as_str()),
            ("SSL_CERT_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")),
            ("AWS_LAMBDA_LOG_LEVEL", "debug"),
            ("AWS_LAMBDA_LOG_FORMAT", "text"),
        ] {
            read(&[(name, value)]).unwrap();
        }
        for (name, value) in [
            ("SSL_CERT_DIR", "/nonexistent:/neither"),
            ("SSL_CERT_FILE", "/nonexistent"),
            ("AWS_LAMBDA_LOG_LEVEL", "LOUD"),
            ("AWS_LAMBDA_LOG_FORMAT", "xml"),
        ] {
            let sentence = read(&[(name, value)]).unwrap_err().to_string();
            assert!(sentence.starts_with(&format!("{name} is {value:?}: ")), "{sentence}");
        }
    }

    #[test]
    fn a_wrong_setting_is_refused_with_a_sentence_that_names_it() {
        for (name, value, expected) in [
            ("GRANTS", "", "GRANTS is not set: say who may"),
            ("GRANTS", "[]", "GRANTS is empty: name at least one"),
            ("GRANTS", "[", "GRANTS is not a JSON array of grants: EOF"),
            (
                "GRANTS",
                r#"[{"bucket":"files","prefix":"","principals":[]}]"#,
                "GRANTS[0].principals admits nobody",
            ),
            ("AWS_REGION", "", "AWS_REGION is not set"),
            ("SIGNING_ROLE_ARN", "signer", "SIGNING_ROLE_ARN is \"signer\": use a role's ARN"),
            ("ALLOW_LONG_TERM_KEYS", "yes", "ALLOW_LONG_TERM_KEYS is \"yes\": use true or false"),
            ("ASSUMED_SESSION_SECONDS", "0", "ASSUMED_SESSION_SECONDS is \"0\": use 1 to 43200"),
            ("ASSUMED_SESSION_SECONDS", "43201", "use 1 to 43200"),
            ("ASSUMED_SESSION_SECONDS", "1h", "use 1 to 43200"),
            ("GRANTS", "config/grants.json", "is written as s3://bucket/key"),
            (
                "GRANTS",
                "s3://config",
                "GRANTS is \"s3://config\": name an object as s3://bucket/key",
            ),
            (
                "PUBLIC_URL",
                "/files",
                "PUBLIC_URL is \"/files\": use the address under which callers",
            ),
            (
                "BASE_PATH",
                "/files",
                "BASE_PATH is no setting any more: write it as the path of PUBL",
            ),
            ("AWS_USE_FIPS_ENDPOINT", "1", "AWS_USE_FIPS_ENDPOINT is \"1\""),
            ("AWS_SECRET_ACCESS_KEY", "", "AWS_SECRET_ACCESS_KEY is not set"),
            ("AWS_CREDENTIAL_EXPIRATION", "soon", "AWS_CREDENTIAL_EXPIRATION is \"soon\""),
        ] {
            let sentence = read(&[(name, value)]).unwrap_err().to_string();
            assert!(sentence.contains(expected), "{name}={value}: {sentence}");
            assert!(!sentence.contains("secret") && !sentence.contains("token"), "{sentence}");
        }
    }

    #[test]
    fn a_session_is_either_assumed_or_minted() {
        let role = ("SIGNING_ROLE_ARN", "arn:aws:iam::123456789012:role/path/signer");
        let assumed = ("ASSUMED_SESSION_SECONDS", "900");
        assert!(matches!(read(&[role, assumed]), Err(SettingsError::AssumedAndMinted)));
        assert!(read(&[role, ("ASSUMED_SESSION_SECONDS", "")]).is_ok());
        assert!(read(&[("SIGNING_ROLE_ARN", ""), assumed]).is_ok());
    }

    #[test]
    fn an_assumed_session_counts_from_the_start_of_the_process_in_whole_seconds() {
        let settings = read(&[("ASSUMED_SESSION_SECONDS", "900")]).unwrap();
        let end = "2026-11-23T13:15:00Z".parse().unwrap();
        assert_eq!(settings.execution_role.assumed_end, Some(end));
    }

    #[test]
    fn a_stated_expiry_counts_outside_lambda_and_is_ignored_inside() {
        let stated = ("AWS_CREDENTIAL_EXPIRATION", "2026-11-23T14:05:12+00:00");
        let inside = ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
        let expiry = |changes: &[_]| read(changes).unwrap().credentials.unwrap().expiry();
        assert!(expiry(&[stated]).is_some());
        assert!(expiry(&[stated, inside]).is_none());
        assert!(expiry(&[]).is_none());
    }

    #[test]
    fn the_endpoint_of_a_service_comes_before_the_common_one() {
        let common = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        let own = ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:2");
        let settings = read(&[common, own]).unwrap();
        assert_eq!(settings.aws.sts_endpoint.as_deref(), Some("http://127.0.0.1:2"));
        assert_eq!(settings.aws.s3_endpoint.as_deref(), Some("http://127.0.0.1:1"));
        let ignored =
            read(&[common, own, ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")]).unwrap();
        assert_eq!(ignored.aws.s3_endpoint, None);
    }

    #[test]
    fn an_endpoint_is_checked_where_it_is_used_and_its_password_is_not_repeated() {
        let wrong = ("AWS_ENDPOINT_URL", "http://user:hidden@host");
        let sentence = read(&[wrong]).unwrap_err().to_string();
        assert!(sentence.starts_with("AWS_ENDPOINT_URL holds a user name"), "{sentence}");
        assert!(!sentence.contains("hidden"), "{sentence}");
        for service in ["S3", "STS", "SESV2", "DYNAMODB"] {
            let name = format!("AWS_ENDPOINT_URL_{service}");
            let sentence = read(&[(&name, "minio:9000")]).unwrap_err().to_string();
            assert!(sentence.starts_with(&format!("{name} does not begin")), "{sentence}");
        }
        let ignored = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
        assert_eq!(read(&[wrong, ignored]).unwrap().aws.s3_endpoint, None);
        let capitals = read(&[("AWS_ENDPOINT_URL_S3", "http://MyHost:9000")]).unwrap();
        assert_eq!(capitals.aws.s3_endpoint.as_deref(), Some("http://myhost:9000"));
    }

    #[test]
    fn how_s3_is_addressed_is_checked() {
        let aws = |changes: &[_]| read(changes).unwrap().aws;
        for (written, expected) in [
            ("", S3Addressing::Virtual),
            ("virtual", S3Addressing::Virtual),
            ("path", S3Addressing::Path),
        ] {
            assert_eq!(aws(&[("S3_ADDRESSING", written)]).addressing, expected);
        }
        assert_eq!(aws(&[]), AwsSettings { region: aws(&[]).region, ..AwsSettings::default() });
        let sentence = read(&[("S3_ADDRESSING", "Path")]).unwrap_err().to_string();
        assert!(sentence.starts_with("S3_ADDRESSING is \"Path\": use virtual"), "{sentence}");
        let outside = aws(&[("S3_PUBLIC_ENDPOINT", "https://Files.example.com")]);
        assert_eq!(outside.s3_public_endpoint.as_deref(), Some("https://files.example.com"));
        assert_eq!(outside.s3_endpoint, None);
        assert_eq!(aws(&[("S3_PUBLIC_ENDPOINT", "")]).s3_public_endpoint, None);
        let sentence = read(&[("S3_PUBLIC_ENDPOINT", "files")]).unwrap_err().to_string();
        assert!(sentence.starts_with("S3_PUBLIC_ENDPOINT does not begin"), "{sentence}");
    }

    #[test]
    fn ses_is_in_the_function_s_region_unless_a_setting_says_another() {
        assert_eq!(read(&[]).unwrap().aws.ses_region, None);
        assert_eq!(read(&[("MAIL_REGION", "")]).unwrap().aws.ses_region, None);
        let elsewhere = read(&[("MAIL_REGION", "us-east-1")]).unwrap();
        assert_eq!(elsewhere.aws.ses_region.as_deref(), Some("us-east-1"));
        let sentence = read(&[("MAIL_REGION", "Ireland")]).unwrap_err().to_string();
        assert!(sentence.starts_with("MAIL_REGION is \"Ireland\": use a region"), "{sentence}");
    }

    #[test]
    fn the_function_s_region_is_a_region_s_name_and_need_not_be_one_of_aws() {
        for region in ["auto", "garage", "fsn1", "eu-central-1"] {
            assert_eq!(read(&[("AWS_REGION", region)]).unwrap().aws.region, region);
        }
        for region in ["Frankfurt", "eu_west_1", "eu-west-1.evil.example"] {
            let sentence = read(&[("AWS_REGION", region)]).unwrap_err().to_string();
            assert!(
                sentence.contains("AWS_REGION is") && sentence.contains("garage"),
                "{sentence}"
            );
        }
    }

    #[test]
    fn another_sts_is_noticed_inside_lambda_only() {
        let inside = ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
        let own = ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1");
        let common = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        let ignored = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
        let noticed = |changes: &[_]| read(changes).unwrap().asks_another_sts_inside_lambda();
        assert!(noticed(&[inside, own]));
        assert!(noticed(&[inside, common]));
        assert!(!noticed(&[own]));
        assert!(!noticed(&[inside]));
        assert!(!noticed(&[inside, own, ignored]));
        assert!(!noticed(&[inside, ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")]));
    }

    #[test]
    fn the_path_of_the_public_url_may_stand_before_the_routes_with_shares_and_without() {
        let url = ("PUBLIC_URL", "https://example.com/files/");
        for changes in [&[url] as &[_], &[url, ("SHARES_TABLE", "shares")]] {
            let settings = read(changes).unwrap();
            assert_eq!(settings.base_path.as_deref(), Some("/files"));
            assert_eq!(settings.shares.is_some(), changes.len() == 2);
        }
        assert_eq!(read(&[("PUBLIC_URL", "https://example.com")]).unwrap().base_path, None);
    }

    const FOR_MAILS: &str = r#"[{"bucket":"files","prefix":"in/","principals":["s3-event"]}]"#;

    #[test]
    fn a_wrong_grant_for_mails_is_refused_and_not_repeated() {
        for (written, expected) in [
            ("someone", "MAIL_GRANTS is not a JSON array of grants (line 1, column 1): write"),
            (r#"["someone"]"#, "MAIL_GRANTS is not a JSON array of grants (line 1, column"),
            ("[]", "MAIL_GRANTS is empty: write"),
            (
                r#"[{"bucket":"Someone!","prefix":"","principals":["s3-event"]}]"#,
                "MAIL_GRANTS[0].bucket is wrong: write",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["s3-event","someone"]}]"#,
                "MAIL_GRANTS[0].principals names others than \"s3-event\": write",
            ),
            (
                r#"[{"bucket":"files","prefix":"","principals":["*"]}]"#,
                "MAIL_GRANTS[0].principals names others than \"s3-event\"",
            ),
            ("s3://config/grants.json", "MAIL_GRANTS is not a JSON array"),
        ] {
            let sentence = read(&[("MAIL_GRANTS", written)]).unwrap_err().to_string();
            assert!(sentence.starts_with(expected), "{sentence}");
            assert!(!sentence.to_lowercase().contains("someone"), "{sentence}");
        }
    }

    #[test]
    fn grants_for_mails_are_added_to_written_grants_that_name_mails_in_none() {
        let written = |grants: &str| {
            let changes = [("GRANTS", grants), ("MAIL_GRANTS", FOR_MAILS)];
            match read(&changes).unwrap().grants {
                GrantsSetting::Written(grants) => grants,
                GrantsSetting::Object { .. } => unreachable!(),
            }
        };
        let prefixes = |grants: &Grants| -> Vec<_> {
            grants.iter().map(|grant| grant.prefix.to_string()).collect()
        };
        assert_eq!(prefixes(&written(GRANTS)), ["", "in/"]);
        let own = r#"[{"bucket":"other","prefix":"a/","principals":["*","s3-event"]}]"#;
        assert_eq!(prefixes(&written(own)), ["a/"]);
    }

    #[test]
    fn grants_in_an_object_are_read_later_and_those_for_mails_are_kept_for_then() {
        let object = ("GRANTS", " s3://config/grants.json ");
        let settings = read(&[object, ("MAIL_GRANTS", FOR_MAILS)]).unwrap();
        let GrantsSetting::Object { location, mails } = settings.grants else { unreachable!() };
        assert_eq!(location.to_string(), "s3://config/grants.json");
        assert_eq!(mails.iter().count(), 1);
    }

    #[test]
    fn an_empty_setting_that_is_gone_counts_as_not_set() {
        assert!(read(&[("GRANTS_OBJECT", ""), ("MAIL_SUBJECT", " ")]).is_ok());
        // It is named even where what it replaced is missing too.
        let object = ("GRANTS_OBJECT", "s3://config/grants.json");
        let sentence = read(&[object, ("GRANTS", "")]).unwrap_err().to_string();
        assert!(sentence.contains("GRANTS_OBJECT is no setting any more: write"), "{sentence}");
    }

    /// The list that misspelt names are compared with is the one that is read.
    #[test]
    fn the_known_settings_are_those_that_are_read() {
        let asked = std::cell::RefCell::new(BTreeSet::new());
        let variable = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            let value = match name {
                "GRANTS" => FOR_MAILS,
                "AWS_REGION" => "eu-west-1",
                "MAIL_FROM" => "files@example.com",
                "MAIL_ALLOWED_RECIPIENTS" => "*@example.com",
                "MAIL_TABLE" | "SHARES_TABLE" => "table",
                _ => return None,
            };
            Some(value.to_owned())
        };
        Settings::read(variable, Timestamp::UNIX_EPOCH).unwrap();
        let is_ours = |name: &&String| {
            !name.starts_with("AWS_") && !name.starts_with("SSL_") && !removed::is_removed(name)
        };
        let asked = asked.into_inner();
        let ours: BTreeSet<_> = asked.iter().filter(is_ours).map(String::as_str).collect();
        let known = BTreeSet::from(unknown::KNOWN);
        let unread: Vec<_> = known.difference(&ours).collect();
        assert!(unread.is_empty(), "nothing reads {unread:?}, which KNOWN has");
        let unlisted: Vec<_> = ours.difference(&known).collect();
        assert!(unlisted.is_empty(), "KNOWN lacks {unlisted:?}");
    }

    #[test]
    fn the_debug_form_of_settings_holds_no_secret() {
        let printed = format!("{:?}", read(&[("AWS_SECRET_ACCESS_KEY", "hidden")]).unwrap());
        assert!(!printed.contains("hidden") && !printed.contains("\"token\""), "{printed}");
    }
}
