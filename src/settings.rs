//! The function's settings: read from the environment and checked once, when the function starts.
//!
//! An empty setting counts as not set. Templates and `--env-vars` switch a setting off that way.
//!
//! This module makes typed values. `handler` puts the rooms together from them.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use link_rules::access::{Grants, GrantsError};
use thiserror::Error;

use crate::aws::{AwsSettings, Trust};
use crate::links::{GrantsSetting, ObjectLocation, PolicySetting};
use crate::mail::{MailSettings, MailSettingsError};
use crate::sessions::ExecutionRoleSettings;
use crate::shares::{ShareSettings, ShareSettingsError};

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
    /// `GRANTS` is wrong.
    #[error("GRANTS{}", grants_sentence(.0))]
    Grants(GrantsError),
    /// A `MAIL_…` setting is missing or wrong.
    #[error(transparent)]
    Mail(#[from] MailSettingsError),
    /// A setting of shares is wrong.
    #[error(transparent)]
    Shares(#[from] ShareSettingsError),
    /// Both `GRANTS` and `GRANTS_OBJECT` are set.
    #[error(
        "GRANTS and GRANTS_OBJECT are both set: the grants are in one place, set one of them to \
         nothing"
    )]
    GrantsTwice,
    /// Two settings exclude one another.
    #[error(
        "SIGNING_ROLE_ARN and ASSUMED_SESSION_SECONDS are both set: a session is either proven by \
         minting it or assumed, set one of them to nothing"
    )]
    AssumedAndMinted,
}

fn grants_sentence(error: &GrantsError) -> String {
    match error {
        GrantsError::Field { .. } => error.to_string(),
        GrantsError::Syntax(_) | GrantsError::Empty => format!(" {error}"),
    }
}

/// All settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `GRANTS` or `GRANTS_OBJECT`.
    pub(crate) grants: GrantsSetting,
    /// `SIGNING_ROLE_ARN`.
    pub(crate) signing_role_arn: Option<String>,
    /// `BASE_PATH`, with a leading and without a trailing slash.
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
    /// Whether this process runs inside Lambda.
    inside_lambda: bool,
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

        let grants = grants(&get)?;
        let region = get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION"));
        let region = region.ok_or(SettingsError::Missing {
            name: "AWS_REGION",
            fix: "Lambda sets it; elsewhere set it to the region of STS to ask, for example \
                   eu-central-1",
        })?;
        let signing_role_arn = get("SIGNING_ROLE_ARN").map(role_arn).transpose()?;
        let assumed_end = get("ASSUMED_SESSION_SECONDS")
            .map(|written| assumed_end(written, started_at))
            .transpose()?;
        if signing_role_arn.is_some() && assumed_end.is_some() {
            return Err(SettingsError::AssumedAndMinted);
        }
        // The SDK's own switch for all of them.
        let ignored = get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").as_deref() == Some("true");
        let endpoint = |service: &str| {
            let own = get(&format!("AWS_ENDPOINT_URL_{service}"));
            own.or_else(|| get("AWS_ENDPOINT_URL")).filter(|_| !ignored)
        };
        let aws = AwsSettings {
            region,
            s3_endpoint: endpoint("S3"),
            sts_endpoint: endpoint("STS"),
            sesv2_endpoint: endpoint("SESV2"),
            dynamodb_endpoint: endpoint("DYNAMODB"),
            use_fips: flag("AWS_USE_FIPS_ENDPOINT", &get)?,
            use_dual_stack: flag("AWS_USE_DUALSTACK_ENDPOINT", &get)?,
            trust: Trust::AmazonFirst,
        };
        // Custom endpoints don't chain to Amazon's roots. An operator who names roots wants those.
        let other_endpoints =
            [&aws.s3_endpoint, &aws.sts_endpoint, &aws.sesv2_endpoint, &aws.dynamodb_endpoint];
        let other_roots = other_endpoints.into_iter().any(Option::is_some)
            || get("SSL_CERT_FILE").or_else(|| get("SSL_CERT_DIR")).is_some();
        let trust = if other_roots { Trust::System } else { Trust::AmazonFirst };
        let shares = ShareSettings::read(&get)?;
        let mail = MailSettings::read(&get, assumed_end, shares.as_ref())?;
        if let (GrantsSetting::Written(grants), Some(mail)) = (&grants, &mail) {
            mail.check_grants(grants)?;
        }
        Ok(Self {
            grants,
            signing_role_arn,
            base_path: get("BASE_PATH").map(base_path).transpose()?,
            aws: AwsSettings { trust, ..aws },
            execution_role: ExecutionRoleSettings {
                function_name: get("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default(),
                allow_long_term_keys: flag("ALLOW_LONG_TERM_KEYS", &get)?,
                assumed_end,
            },
            credentials: credentials(&get)?,
            log_level: get("AWS_LAMBDA_LOG_LEVEL"),
            mail,
            shares,
            bucket_policy: get("BUCKET_POLICY").map(bucket_policy).transpose()?.unwrap_or_default(),
            inside_lambda: inside_lambda(&get),
        })
    }

    /// Whether this is Lambda and STS is asked at another endpoint than AWS's. Whoever answers
    /// there can attest any end and mint any session, so `main` logs a warning.
    #[must_use]
    pub fn asks_another_sts_inside_lambda(&self) -> bool {
        self.inside_lambda && self.aws.sts_endpoint.is_some()
    }
}

/// `GRANTS`, or the place of the object that holds the grants. The object is read later.
fn grants(get: &impl Fn(&str) -> Option<String>) -> Result<GrantsSetting, SettingsError> {
    match (get("GRANTS"), get("GRANTS_OBJECT")) {
        (Some(_), Some(_)) => Err(SettingsError::GrantsTwice),
        (Some(json), None) => {
            Grants::parse(&json).map(GrantsSetting::Written).map_err(SettingsError::Grants)
        }
        (None, Some(value)) => match ObjectLocation::parse(&value) {
            Some(location) => Ok(GrantsSetting::Object(location)),
            None => Err(SettingsError::Wrong {
                name: "GRANTS_OBJECT",
                value,
                fix: "name an object as s3://bucket/key, such as s3://my-config/grants.json",
            }),
        },
        (None, None) => Err(SettingsError::Missing {
            name: "GRANTS",
            fix: "say who may have links to what, for example \
                   [{\"bucket\":\"my-bucket\",\"prefix\":\"private-files/\",\"principals\":[\"*\"]}], \
                   or name an object that does in GRANTS_OBJECT",
        }),
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

fn role_arn(value: String) -> Result<String, SettingsError> {
    if value.starts_with("arn:") && value.contains(":role/") {
        return Ok(value);
    }
    Err(SettingsError::Wrong {
        name: "SIGNING_ROLE_ARN",
        value,
        fix: "use a role's ARN, such as arn:aws:iam::123456789012:role/signer",
    })
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

/// Whether this process runs inside Lambda, which always sets this variable and reserves its name.
fn inside_lambda(get: &impl Fn(&str) -> Option<String>) -> bool {
    get("AWS_LAMBDA_INITIALIZATION_TYPE").is_some()
}

fn base_path(value: String) -> Result<String, SettingsError> {
    let trimmed = value.trim_matches('/');
    if trimmed.is_empty() || trimmed.contains(['?', '#']) || trimmed.contains(char::is_whitespace) {
        return Err(SettingsError::Wrong {
            name: "BASE_PATH",
            value,
            fix: "use the path that stands before /links, such as /files",
        });
    }
    Ok(format!("/{trimmed}"))
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
    use std::collections::HashMap;

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
            ("BASE_PATH", "/", "BASE_PATH is \"/\": use the path"),
            ("BASE_PATH", "/a b", "BASE_PATH is \"/a b\""),
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
    fn a_base_path_has_one_slash_in_front_and_none_behind() {
        for written in ["files", "/files", "/files/"] {
            let settings = read(&[("BASE_PATH", written)]).unwrap();
            assert_eq!(settings.base_path.as_deref(), Some("/files"));
        }
    }

    #[test]
    fn the_debug_form_of_settings_holds_no_secret() {
        let printed = format!("{:?}", read(&[("AWS_SECRET_ACCESS_KEY", "hidden")]).unwrap());
        assert!(!printed.contains("hidden") && !printed.contains("\"token\""), "{printed}");
    }
}
