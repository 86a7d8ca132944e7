//! The settings of shares. Shares are off unless `SHARES_TABLE` is set.

use thiserror::Error;

use link_rules::access::MIN_SHARE_OPEN_SECONDS;
use link_rules::window::RequestedWindow;

/// `SHARE_OPEN_SECONDS` if it is not set: how long the link of one download works, in seconds.
const DEFAULT_OPEN_SECONDS: u64 = 300;

/// The largest value of `SHARE_OPEN_SECONDS`. A counted download is a link that works until its end,
/// so it is short.
const MAX_OPEN_SECONDS: u64 = 3_600;

/// A setting of shares is wrong. The function does not start.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name} is {value:?}: {fix}")]
pub struct ShareSettingsError {
    /// The setting.
    name: &'static str,
    /// Its value.
    value: String,
    /// What to set it to.
    fix: &'static str,
}

/// The settings of shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShareSettings {
    /// `SHARES_TABLE`: the DynamoDB table.
    pub(super) table: String,
    /// `PUBLIC_URL`: what stands before `/s/` in a share's address, without a slash at its end.
    /// `None`: the address under which the request for the share came.
    pub(super) public_url: Option<String>,
    /// `SHARE_OPEN_SECONDS`: the window of each download.
    pub(super) window: RequestedWindow,
}

impl ShareSettings {
    /// Reads the settings that `get` returns. The result is `None` when `SHARES_TABLE` is not set.
    ///
    /// # Errors
    ///
    /// [`ShareSettingsError`], a sentence that names the setting and the fix.
    pub(crate) fn read(
        get: &impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, ShareSettingsError> {
        let Some(table) = get("SHARES_TABLE") else { return Ok(None) };
        let expires_in = get("SHARE_OPEN_SECONDS").map(open_seconds).transpose()?;
        Ok(Some(Self {
            table,
            public_url: get("PUBLIC_URL").map(public_url).transpose()?,
            window: RequestedWindow {
                expires_in: expires_in.unwrap_or(DEFAULT_OPEN_SECONDS),
                min_expires_in: MIN_SHARE_OPEN_SECONDS,
            },
        }))
    }
}

impl ShareSettings {
    /// Whether `PUBLIC_URL` says how addresses begin.
    pub(crate) fn has_public_url(&self) -> bool {
        self.public_url.is_some()
    }
}

fn open_seconds(value: String) -> Result<u64, ShareSettingsError> {
    let seconds = value.trim().parse().ok();
    seconds.filter(|seconds| (MIN_SHARE_OPEN_SECONDS..=MAX_OPEN_SECONDS).contains(seconds)).ok_or(
        ShareSettingsError {
            name: "SHARE_OPEN_SECONDS",
            value,
            fix: "use 120 to 3600 seconds: how long the link of one download works",
        },
    )
}

fn public_url(value: String) -> Result<String, ShareSettingsError> {
    let url = value.trim().trim_end_matches('/');
    // Without TLS whoever is on the way has the token. A laptop's own address has nobody on the way.
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://").filter(|rest| is_this_machine(rest)));
    let is_address = rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && rest.bytes().all(|byte| byte.is_ascii_graphic())
            && !rest.contains(['?', '#', '"', '\\', '@', '<', '>'])
    });
    if is_address {
        return Ok(url.to_owned());
    }
    Err(ShareSettingsError {
        name: "PUBLIC_URL",
        value,
        fix: "use the address that stands before /s/ in a share's address, such as \
              https://files.example.com",
    })
}

fn is_this_machine(rest: &str) -> bool {
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    // Names under `localhost` lead nowhere else (RFC 6761, section 6.3).
    matches!(host, "localhost" | "127.0.0.1") || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Option<ShareSettings>, ShareSettingsError> {
        let get = |name: &str| {
            settings.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        };
        ShareSettings::read(&get)
    }

    #[test]
    fn shares_are_off_without_a_table() {
        assert_eq!(read(&[("PUBLIC_URL", "nonsense")]), Ok(None));
        let settings = read(&[("SHARES_TABLE", "shares")]).unwrap().unwrap();
        assert_eq!(settings.window, RequestedWindow { expires_in: 300, min_expires_in: 120 });
        assert_eq!(settings.public_url, None);
    }

    #[test]
    fn a_public_url_is_what_stands_before_the_route() {
        let url = |url| read(&[("SHARES_TABLE", "shares"), ("PUBLIC_URL", url)]);
        for (written, expected) in [
            ("https://files.example.com", "https://files.example.com"),
            ("https://files.example.com/prod/", "https://files.example.com/prod"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://a1b2.execute-api.localhost:4566", "http://a1b2.execute-api.localhost:4566"),
        ] {
            let settings = url(written).unwrap().unwrap();
            assert_eq!(settings.public_url.as_deref(), Some(expected));
        }
        for wrong in [
            "files.example.com",
            "http://files.example.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://notlocalhost",
            "https://",
            "https:///s",
            "https://a?b",
            "https://a b",
        ] {
            assert!(url(wrong).unwrap_err().to_string().starts_with("PUBLIC_URL is"), "{wrong}");
        }
    }

    #[test]
    fn a_download_s_window_is_two_minutes_to_an_hour() {
        for (written, is_accepted) in
            [("119", false), ("120", true), ("3600", true), ("3601", false), ("5m", false)]
        {
            let settings = [("SHARES_TABLE", "shares"), ("SHARE_OPEN_SECONDS", written)];
            assert_eq!(read(&settings).is_ok(), is_accepted, "{written}");
        }
    }
}
