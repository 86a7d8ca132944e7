//! `PUBLIC_URL`: the address under which callers reach the API.

use super::SettingsError;

/// An address such as `https://files.example.com/files`, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublicUrl {
    /// The whole address. In the address of a share it stands before `/s/`.
    pub(super) url: String,
    /// Its path, with a slash in front and none behind. `None`: it has none.
    pub(super) path: Option<String>,
}

impl PublicUrl {
    /// Reads the setting's value.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Wrong`] for what is no `https://` URL without a query.
    pub(super) fn parse(value: String) -> Result<Self, SettingsError> {
        let url = value.trim().trim_end_matches('/');
        // Without TLS whoever is on the way has a share's token. A laptop's own address has nobody on
        // the way.
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://").filter(|rest| is_this_machine(rest)));
        let Some(rest) = rest.filter(|rest| is_host_and_path(rest)) else {
            return Err(SettingsError::Wrong {
                name: "PUBLIC_URL",
                value,
                fix: "use the address under which callers reach the API, such as \
                      https://files.example.com or https://example.com/files",
            });
        };
        let path = rest.split_once('/').map_or("", |(_, path)| path.trim_matches('/'));
        if path == "s" || path.ends_with("/s") {
            return Err(SettingsError::Wrong {
                name: "PUBLIC_URL",
                value,
                fix: "leave out the /s/ at its end: it is added before each share's token",
            });
        }
        let path = (!path.is_empty()).then(|| format!("/{path}"));
        Ok(Self { url: url.to_owned(), path })
    }
}

fn is_host_and_path(rest: &str) -> bool {
    !rest.is_empty()
        && !rest.starts_with('/')
        && rest.bytes().all(|byte| byte.is_ascii_graphic())
        && !rest.contains(['?', '#', '"', '\\', '@', '<', '>'])
}

fn is_this_machine(rest: &str) -> bool {
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    // Names under `localhost` lead nowhere else (RFC 6761, section 6.3).
    matches!(host, "localhost" | "127.0.0.1") || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_what_stands_before_the_route_and_its_path_alone() {
        for (written, url, path) in [
            ("https://files.example.com", "https://files.example.com", None),
            ("https://files.example.com/", "https://files.example.com", None),
            ("https://files.example.com/prod/", "https://files.example.com/prod", Some("/prod")),
            ("https://example.com:8443/a/b", "https://example.com:8443/a/b", Some("/a/b")),
            ("https://example.com//a//", "https://example.com//a", Some("/a")),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000", None),
            ("http://localhost/x", "http://localhost/x", Some("/x")),
            (
                "http://a1b2.execute-api.localhost:4566",
                "http://a1b2.execute-api.localhost:4566",
                None,
            ),
        ] {
            let read = PublicUrl::parse(written.to_owned()).unwrap();
            assert_eq!((read.url.as_str(), read.path.as_deref()), (url, path), "{written}");
        }
    }

    #[test]
    fn another_url_is_refused() {
        for wrong in [
            "files.example.com",
            "http://files.example.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://notlocalhost",
            "https://",
            "https:///s",
            "https://a?b",
            "https://a/?b",
            "https://a/#b",
            "https://a b",
            "https://a/s",
            "https://a/files/s/",
            "https://a/b c",
            "/files",
        ] {
            let sentence = PublicUrl::parse(wrong.to_owned()).unwrap_err().to_string();
            assert!(sentence.starts_with("PUBLIC_URL is"), "{wrong}: {sentence}");
        }
    }
}
