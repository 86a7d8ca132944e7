//! The settings of shares. Shares are off unless `SHARES_TABLE` is set.

use link_rules::access::MIN_SHARE_OPEN_SECONDS;
use link_rules::window::RequestedWindow;
use thiserror::Error;

use super::sender::SenderName;

/// How long the link of one download works, in seconds. A counted download is a link that opens the
/// file until its end, so it is short. It is long enough for a browser that asks its user where to
/// save the file, or begins a broken download again. The grant's `max_expires_in` shortens it.
const OPEN_SECONDS: u64 = 300;

/// The settings of shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShareSettings {
    /// `SHARES_TABLE`: the DynamoDB table.
    pub(super) table: String,
    /// `PUBLIC_URL`: what stands before `/s/` in a share's address, without a slash at its end.
    /// `None`: the address under which the request for the share came.
    pub(super) public_url: Option<String>,
    /// `SHARES_FROM`: the organisation, as recipients read it where no person is named.
    pub(super) from: Option<SenderName>,
    /// The window of each download.
    pub(super) window: RequestedWindow,
}

/// A setting of shares is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("SHARES_FROM is {value:?}: {fix}")]
pub struct ShareSettingsError {
    value: String,
    fix: String,
}

impl ShareSettings {
    /// Reads the settings that `get` returns. The result is `None` when `SHARES_TABLE` is not set.
    /// `public_url` is the checked `PUBLIC_URL`.
    ///
    /// # Errors
    ///
    /// [`ShareSettingsError`] for a `SHARES_FROM` that is no name.
    pub(crate) fn read(
        get: &impl Fn(&str) -> Option<String>,
        public_url: Option<&str>,
    ) -> Result<Option<Self>, ShareSettingsError> {
        let Some(table) = get("SHARES_TABLE") else { return Ok(None) };
        let from = get("SHARES_FROM").map(|value| {
            SenderName::parse(&value)
                .map_err(|wrong| ShareSettingsError { value, fix: wrong.to_string() })
        });
        Ok(Some(Self {
            table,
            public_url: public_url.map(str::to_owned),
            from: from.transpose()?,
            window: RequestedWindow {
                expires_in: OPEN_SECONDS,
                min_expires_in: MIN_SHARE_OPEN_SECONDS,
            },
        }))
    }

    /// The organisation's name as recipients read it.
    pub(crate) fn from(&self) -> Option<&str> {
        self.from.as_ref().map(SenderName::as_str)
    }

    /// Whether `PUBLIC_URL` says how addresses begin.
    pub(crate) fn has_public_url(&self) -> bool {
        self.public_url.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_off_without_a_table() {
        let url = Some("https://files.example.com");
        assert_eq!(ShareSettings::read(&|_: &str| None, url), Ok(None));
        let get = |name: &str| (name == "SHARES_TABLE").then(|| "shares".to_owned());
        let settings = ShareSettings::read(&get, None).unwrap().unwrap();
        assert_eq!(settings.window, RequestedWindow { expires_in: 300, min_expires_in: 120 });
        assert!(!settings.has_public_url());
        assert!(ShareSettings::read(&get, url).unwrap().unwrap().has_public_url());
        assert_eq!(settings.from(), None);
    }

    #[test]
    fn an_organisation_is_a_name_in_one_line() {
        let read = |from: &str| {
            let get = |name: &str| match name {
                "SHARES_TABLE" => Some("shares".to_owned()),
                "SHARES_FROM" => Some(from.to_owned()),
                _ => None,
            };
            ShareSettings::read(&get, None)
                .map(|settings| settings.unwrap().from().map(str::to_owned))
        };
        assert_eq!(read(" Example Ltd "), Ok(Some("Example Ltd".to_owned())));
        let wrong = read("Example\nLtd").unwrap_err().to_string();
        assert_eq!(
            wrong,
            "SHARES_FROM is \"Example\\nLtd\": use a name of one line, 1 to 100 characters"
        );
    }
}
