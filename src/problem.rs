//! Everything that can stop a link, as the caller sees it: `application/problem+json` (RFC 9457).
//!
//! Codes are stable; titles and details are for people and may get better. No detail ever holds a
//! secret, a session token, a signature or a link.

use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::window::TooShort;

/// Why there is no link (or no answer).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The request can't be understood; the detail tells where.
    InvalidRequest(String),
    /// No gateway authenticated the caller, and no grant admits anonymous callers.
    Unauthenticated,
    /// No grant covers this principal, bucket and key. The same whether or not the object exists.
    NotGranted,
    /// No such path.
    NoSuchRoute {
        /// The path as it was asked, without stage or base path.
        path: String,
    },
    /// The path exists, the method doesn't.
    MethodNotAllowed {
        /// The `Allow` header: the one method the path has.
        allow: &'static str,
    },
    /// A window as long as `min_expires_in` can't be kept.
    WindowTooShort {
        /// What could be kept.
        short: TooShort,
        /// What was asked for at least, in seconds.
        min_expires_in: u64,
        /// The end of the session that would have signed, when that decided it.
        session_expires_at: Option<Timestamp>,
    },
    /// The answer is larger than Lambda can return.
    AnswerTooLarge {
        /// How large, in bytes.
        bytes: usize,
        /// How many of these links, from the first on, would have fitted.
        links_that_fit: usize,
    },
    /// The key can't be relied on in a URL.
    KeyNotLinkable(String),
    /// The link would not open: S3 refused the very URL.
    ObjectUnavailable(String),
    /// Nothing proves how long the signing session lasts.
    SessionUnproven(String),
    /// A service this function needs did not answer as it must.
    Upstream(String),
}

/// The longest detail about a caller's own mistake, in characters. Such details repeat what the
/// caller wrote, and an answer must not grow with it past what Lambda returns.
const MAX_DETAIL: usize = 400;

impl Problem {
    /// [`Problem::InvalidRequest`] with as much of `detail` as is good for an answer.
    #[must_use]
    pub fn invalid_request(detail: impl Into<String>) -> Self {
        Self::InvalidRequest(shortened(detail.into()))
    }

    /// [`Problem::NoSuchRoute`] with as much of `path` as is good for an answer.
    #[must_use]
    pub fn no_such_route(path: &str) -> Self {
        Self::NoSuchRoute { path: shortened(path.to_owned()) }
    }

    /// The stable name programs match on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid-request",
            Self::Unauthenticated => "unauthenticated",
            Self::NotGranted => "not-granted",
            Self::NoSuchRoute { .. } => "no-such-route",
            Self::MethodNotAllowed { .. } => "method-not-allowed",
            Self::WindowTooShort { .. } => "window-too-short",
            Self::AnswerTooLarge { .. } => "answer-too-large",
            Self::KeyNotLinkable(_) => "key-not-linkable",
            Self::ObjectUnavailable(_) => "object-unavailable",
            Self::SessionUnproven(_) => "session-unproven",
            Self::Upstream(_) => "upstream",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::InvalidRequest(_) => 400,
            Self::Unauthenticated => 401,
            Self::NotGranted => 403,
            Self::NoSuchRoute { .. } => 404,
            Self::MethodNotAllowed { .. } => 405,
            Self::WindowTooShort { .. } => 409,
            Self::AnswerTooLarge { .. } => 413,
            Self::KeyNotLinkable(_) | Self::ObjectUnavailable(_) => 422,
            Self::Upstream(_) => 502,
            Self::SessionUnproven(_) => 503,
        }
    }

    /// A few words, the same for every problem of this code.
    #[must_use]
    pub fn title(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "The request can't be understood",
            Self::Unauthenticated => "Nobody is signed in",
            Self::NotGranted => "No grant covers this",
            Self::NoSuchRoute { .. } => "No such route",
            Self::MethodNotAllowed { .. } => "This route has another method",
            Self::WindowTooShort { .. } => "The link would end too soon",
            Self::AnswerTooLarge { .. } => "The answer is too large",
            Self::KeyNotLinkable(_) => "This key can't be linked to",
            Self::ObjectUnavailable(_) => "The link would not open",
            Self::SessionUnproven(_) => "The session's end is not proven",
            Self::Upstream(_) => "An AWS service did not answer as expected",
        }
    }

    /// What happened this time and what to mend.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::InvalidRequest(detail)
            | Self::KeyNotLinkable(detail)
            | Self::ObjectUnavailable(detail)
            | Self::SessionUnproven(detail)
            | Self::Upstream(detail) => detail.clone(),
            Self::Unauthenticated => "The gateway authenticated nobody, and no grant admits \
                                      anonymous callers to this. Sign in and ask again."
                .to_owned(),
            Self::NotGranted => "No grant gives this principal this object. Ask the operator for \
                                 an entry in GRANTS."
                .to_owned(),
            Self::NoSuchRoute { path } => format!(
                "There is nothing at {path:?}. The routes are POST /links, POST /links/batch, \
                 GET /download and GET /session."
            ),
            Self::MethodNotAllowed { allow } => format!("Use {allow} here."),
            Self::WindowTooShort { short, min_expires_in, .. } => format!(
                "The longest window that can be kept now is {} s, limited by the {}; at least \
                 {min_expires_in} s were asked for.",
                short.available_expires_in,
                short.limited_by.as_str(),
            ),
            Self::AnswerTooLarge { bytes, links_that_fit } => format!(
                "The answer would be {bytes} bytes, and Lambda returns at most {} bytes. The first \
                 {links_that_fit} of these links would fit: ask for fewer at a time.",
                crate::api::MAX_ANSWER_BYTES,
            ),
        }
    }
}

/// The beginning of a text, and its end, which in a parser's message says where it went wrong.
fn shortened(text: String) -> String {
    let length = text.chars().count();
    if length <= MAX_DETAIL {
        return text;
    }
    let start: String = text.chars().take(MAX_DETAIL / 2).collect();
    let end: String = text.chars().skip(length - MAX_DETAIL / 2).collect();
    format!("{start} … {end}")
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(
            "type",
            &format_args!("urn:problem-type:s3-link-signer:{}", self.code()),
        )?;
        map.serialize_entry("title", self.title())?;
        map.serialize_entry("status", &self.status())?;
        map.serialize_entry("detail", &self.detail())?;
        map.serialize_entry("code", self.code())?;
        match self {
            Self::WindowTooShort { short, session_expires_at, .. } => {
                map.serialize_entry("available_expires_in", &short.available_expires_in)?;
                map.serialize_entry("limited_by", &short.limited_by)?;
                if let Some(end) = session_expires_at {
                    map.serialize_entry("session_expires_at", end)?;
                }
            }
            Self::AnswerTooLarge { links_that_fit, .. } => {
                map.serialize_entry("links_that_fit", links_that_fit)?;
            }
            _ => {}
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_wrote_is_repeated_only_so_far() {
        let written = format!("start{}at line 1 column 5", "\u{1f980}".repeat(1_000_000));
        let detail = Problem::invalid_request(written).detail();
        assert!(detail.starts_with("start") && detail.ends_with("at line 1 column 5"));
        assert!(detail.chars().count() < 410);
        assert_eq!(Problem::invalid_request("short").detail(), "short");
        assert!(Problem::no_such_route(&"/".repeat(1_000_000)).detail().len() < 1_000);
    }
}
