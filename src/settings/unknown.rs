//! Variables that look like settings and are none. Nothing reads them, so a misspelt
//! `BUCKET_POLCY=require` would change nothing and say nothing.

use link_rules::text::is_one_edit_away;

use super::removed::is_removed;

/// The settings of our own. The other variables that are read are named by AWS or by the C library.
pub(super) const KNOWN: [&str; 19] = [
    "GRANTS",
    "MAIL_GRANTS",
    "SIGNING_ROLE_ARN",
    "UPLOAD_ROLE_ARN",
    "ASSUMED_SESSION_SECONDS",
    "ALLOW_LONG_TERM_KEYS",
    "BUCKET_POLICY",
    "S3_ADDRESSING",
    "S3_PUBLIC_ENDPOINT",
    "SHARES_TABLE",
    "SHARES_FROM",
    "PUBLIC_URL",
    "MAIL_FROM",
    "MAIL_TO",
    "MAIL_ALLOWED_RECIPIENTS",
    "MAIL_MAX_RECIPIENTS",
    "MAIL_EXPIRES_IN",
    "MAIL_TABLE",
    "MAIL_REGION",
];

/// What the names of our settings begin with. No variable that Lambda, the SDKs or a shell usually
/// have begins with one of them.
const PREFIXES: [&str; 12] = [
    "GRANTS",
    "MAIL_",
    "SHARES_",
    "SHARE_",
    "SIGNING_",
    "UPLOAD_",
    "ASSUMED_",
    "PUBLIC_",
    "BUCKET_POL",
    "S3_ADDR",
    "S3_PUBLIC",
    "ALLOW_LONG",
];

/// A variable that looks like a setting and is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownSetting {
    /// The variable's name.
    pub name: String,
    /// The setting whose name differs in one letter.
    pub meant: Option<&'static str>,
}

impl UnknownSetting {
    /// Those of a process whose variables have these names. The names of empty variables must not be
    /// among them, because an empty setting counts as not set.
    pub fn among(names: impl IntoIterator<Item = String>) -> Vec<Self> {
        let mut unknown: Vec<_> = names.into_iter().filter_map(Self::of).collect();
        unknown.sort_by(|one, other| one.name.cmp(&other.name));
        unknown
    }

    /// `None`: the variable is a setting, was one, or does not look like one. Settings that are gone
    /// stop the start and need no warning.
    fn of(name: String) -> Option<Self> {
        if KNOWN.contains(&name.as_str()) || is_removed(&name) {
            return None;
        }
        let meant = KNOWN.into_iter().find(|known| is_one_edit_away(&name, known));
        let begins_as_ours = PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        (meant.is_some() || begins_as_ours).then_some(Self { name, meant })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(names: &[&str]) -> Vec<(String, Option<&'static str>)> {
        let names = names.iter().map(|name| (*name).to_owned());
        UnknownSetting::among(names).into_iter().map(|one| (one.name, one.meant)).collect()
    }

    #[test]
    fn a_name_that_differs_in_one_letter_is_told_with_the_one_that_is_meant() {
        for (written, meant) in [
            ("BUCKET_POLCY", "BUCKET_POLICY"),
            ("GRANT", "GRANTS"),
            ("RANTS", "GRANTS"),
            ("GRANSTS", "GRANTS"),
            ("GRATNS", "GRANTS"),
            ("MAILTO", "MAIL_TO"),
            ("MIAL_TABLE", "MAIL_TABLE"),
            ("PUBLIC-URL", "PUBLIC_URL"),
            ("SHARE_TABLE", "SHARES_TABLE"),
            ("XSIGNING_ROLE_ARN", "SIGNING_ROLE_ARN"),
            ("ALOW_LONG_TERM_KEYS", "ALLOW_LONG_TERM_KEYS"),
        ] {
            assert_eq!(unknown(&[written]), [(written.to_owned(), Some(meant))]);
        }
    }

    #[test]
    fn a_name_that_begins_as_settings_do_is_told() {
        for written in [
            "GRANTS_FILE",
            "MAIL_REPLY_TO",
            "SHARES_LIFE",
            "SHARE_OPENS",
            "SIGNING_ROLES",
            "ASSUMED_SECONDS",
            "PUBLIC_ADDRESS",
            "BUCKET_POLICIES_READ",
            "S3_ADDRESS_STYLE",
            "S3_PUBLIC_URL",
            "ALLOW_LONG_KEYS",
        ] {
            assert_eq!(unknown(&[written]), [(written.to_owned(), None)]);
        }
    }

    #[test]
    fn what_is_a_setting_or_was_one_is_not_told() {
        assert_eq!(unknown(&KNOWN), []);
        assert_eq!(unknown(&["GRANTS_OBJECT", "MAIL_LINK", "SHARE_OPEN_SECONDS", "BASE_PATH"]), []);
    }

    /// Sources: Lambda developer guide, "Working with Lambda environment variables"; AWS SDKs and
    /// tools reference guide, "Environment variables"; what a login shell, `cron` aside, has.
    #[test]
    fn no_usual_variable_is_told() {
        let usual = "
            _HANDLER _X_AMZN_TRACE_ID AWS_DEFAULT_REGION AWS_REGION AWS_EXECUTION_ENV
            AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_VERSION
            AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME
            AWS_ACCESS_KEY AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
            AWS_LAMBDA_RUNTIME_API LAMBDA_TASK_ROOT LAMBDA_RUNTIME_DIR LANG PATH LD_LIBRARY_PATH
            NODE_PATH NODE_OPTIONS PYTHONPATH GEM_PATH AWS_XRAY_CONTEXT_MISSING
            AWS_XRAY_DAEMON_ADDRESS AWS_LAMBDA_LOG_FORMAT AWS_LAMBDA_LOG_LEVEL TZ
            AWS_LAMBDA_MAX_CONCURRENCY AWS_LAMBDA_EXEC_WRAPPER AWS_LAMBDA_METADATA_API
            AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_AUTHORIZATION_TOKEN AWS_SAM_LOCAL
            AWS_LAMBDA_FUNCTION_TIMEOUT AWS_LAMBDA_FUNCTION_HANDLER AWS_ACCOUNT_ID
            AWS_PROFILE AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_ROLE_ARN
            AWS_ROLE_SESSION_NAME AWS_WEB_IDENTITY_TOKEN_FILE AWS_CREDENTIAL_EXPIRATION
            AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3 AWS_ENDPOINT_URL_STS AWS_ENDPOINT_URL_SESV2
            AWS_ENDPOINT_URL_DYNAMODB AWS_IGNORE_CONFIGURED_ENDPOINT_URLS AWS_USE_FIPS_ENDPOINT
            AWS_USE_DUALSTACK_ENDPOINT AWS_MAX_ATTEMPTS AWS_RETRY_MODE AWS_CA_BUNDLE
            AWS_EC2_METADATA_DISABLED AWS_STS_REGIONAL_ENDPOINTS AWS_PAGER AWS_DEFAULT_OUTPUT
            SSL_CERT_FILE SSL_CERT_DIR MALLOC_ARENA_MAX RUST_LOG RUST_BACKTRACE
            HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy
            HOME USER LOGNAME SHELL SHLVL PWD OLDPWD TERM EDITOR VISUAL PAGER LS_COLORS LC_ALL
            LC_CTYPE LANGUAGE DISPLAY HOSTNAME HOSTTYPE OSTYPE MACHTYPE MAIL MAILCHECK MAILPATH
            TMPDIR TMP TEMP XDG_RUNTIME_DIR XDG_CONFIG_HOME SSH_AUTH_SOCK SSH_CONNECTION PS1 IFS _
            CI GITHUB_ACTIONS GITHUB_TOKEN DOCKER_HOST VIRTUAL_ENV CARGO_HOME RUSTUP_HOME
            SHARED_MEMORY PUBLICATION GRANTED ASSUME_ROLE SIGNATURE ALLOW";
        let usual: Vec<_> = usual.split_whitespace().collect();
        assert_eq!(unknown(&usual), []);
    }

    #[test]
    fn two_edits_are_too_many() {
        for (one, other) in
            [("GRANTS", "GANT"), ("GRANTS", "GRNATSS"), ("ABCD", "DBCA"), ("", "AB")]
        {
            assert!(!is_one_edit_away(one, other), "{one} {other}");
            assert!(!is_one_edit_away(other, one), "{other} {one}");
        }
        assert!(!is_one_edit_away("GRANTS", "GRANTS"));
    }
}
