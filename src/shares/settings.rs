//! The settings of shares. Shares are off unless `SHARES_TABLE` is set.

use link_rules::access::MIN_SHARE_OPEN_SECONDS;
use link_rules::window::RequestedWindow;

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
    /// The window of each download.
    pub(super) window: RequestedWindow,
}

impl ShareSettings {
    /// Reads the settings that `get` returns. The result is `None` when `SHARES_TABLE` is not set.
    /// `public_url` is the checked `PUBLIC_URL`.
    pub(crate) fn read(
        get: &impl Fn(&str) -> Option<String>,
        public_url: Option<&str>,
    ) -> Option<Self> {
        Some(Self {
            table: get("SHARES_TABLE")?,
            public_url: public_url.map(str::to_owned),
            window: RequestedWindow {
                expires_in: OPEN_SECONDS,
                min_expires_in: MIN_SHARE_OPEN_SECONDS,
            },
        })
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
        assert_eq!(ShareSettings::read(&|_: &str| None, url), None);
        let get = |name: &str| (name == "SHARES_TABLE").then(|| "shares".to_owned());
        let settings = ShareSettings::read(&get, None).unwrap();
        assert_eq!(settings.window, RequestedWindow { expires_in: 300, min_expires_in: 120 });
        assert!(!settings.has_public_url());
        assert!(ShareSettings::read(&get, url).unwrap().has_public_url());
    }
}
