//! Errors as a caller sees them: `application/problem+json` (RFC 9457).
//!
//! Errors of other rooms become problems here and nowhere else. Codes are stable. Titles and
//! details are for people and may improve. No detail ever holds a secret, a session token, a
//! signature or a link.

use link_rules::object::ObjectKeyError;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::invocation::OutOfTime;
use crate::links::LinkError;
use crate::shares::ShareError;

/// Why a request gets no answer, or an entry of a batch no link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The request is not valid. The detail says where.
    InvalidRequest(String),
    /// The path is no route.
    NoSuchRoute {
        /// The path as the caller sent it.
        path: String,
        /// All routes, in words.
        routes: String,
    },
    /// The path is a route, but not for this method.
    MethodNotAllowed {
        /// The methods of the path.
        allow: Vec<&'static str>,
    },
    /// The answer is larger than Lambda can return.
    AnswerTooLarge {
        /// The answer's size in bytes.
        bytes: usize,
        /// The largest that Lambda returns, in bytes.
        max_bytes: usize,
        /// How many of these links, from the first on, would fit.
        links_that_fit: usize,
    },
    /// `GET /session` answers only callers whom a gateway authenticated, whatever the grants say: the
    /// answer names the account and the role that sign.
    SessionNeedsSignIn,
    /// There is no link.
    Link(LinkError),
    /// A share is not made, shown, changed or opened.
    Share(ShareError),
}

/// The longest detail about a caller's own mistake, in characters. Such details repeat what the
/// caller wrote, and an answer must not grow with it past what Lambda returns.
const MAX_DETAIL: usize = 400;

impl Problem {
    /// [`Problem::InvalidRequest`] with `detail`, shortened to what fits an answer.
    pub(crate) fn invalid_request(detail: impl Into<String>) -> Self {
        Self::InvalidRequest(shortened(detail.into()))
    }

    /// [`Problem::NoSuchRoute`] with `path`, shortened to what fits an answer.
    pub(super) fn no_such_route(path: &str, routes: &str) -> Self {
        Self::NoSuchRoute { path: shortened(path.to_owned()), routes: routes.to_owned() }
    }

    /// The stable name that programs match on.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid-request",
            Self::NoSuchRoute { .. } => "no-such-route",
            Self::MethodNotAllowed { .. } => "method-not-allowed",
            Self::AnswerTooLarge { .. } => "answer-too-large",
            Self::SessionNeedsSignIn => "unauthenticated",
            Self::Link(error) => error.code(),
            Self::Share(error) => error.code(),
        }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::InvalidRequest(_) => 400,
            Self::NoSuchRoute { .. } => 404,
            Self::MethodNotAllowed { .. } => 405,
            Self::AnswerTooLarge { .. } => 413,
            Self::SessionNeedsSignIn => 401,
            Self::Link(error) => match error {
                LinkError::BucketNotNamed
                | LinkError::InlineWithoutContentType
                | LinkError::Key(ObjectKeyError::Length(_)) => 400,
                LinkError::Unauthenticated => 401,
                LinkError::NotGranted | LinkError::VersionNotGranted => 403,
                LinkError::WindowTooShort { .. } => 409,
                LinkError::Key(ObjectKeyError::DotSegment) | LinkError::ObjectUnavailable(_) => 422,
                LinkError::Misconfigured(_) | LinkError::Internal(_) => 500,
                LinkError::Upstream(_) => 502,
                LinkError::OutOfTime => 504,
                LinkError::SessionUnproven(_) | LinkError::PolicyUnreadable { .. } => 503,
            },
            Self::Share(error) => match error {
                ShareError::Field(_) => 400,
                ShareError::PasscodeWanted | ShareError::WrongPasscode { .. } => 403,
                ShareError::NoSuchShare => 404,
                ShareError::Revoked => 409,
                ShareError::Over(_) => 410,
                ShareError::Locked { .. } => 429,
                ShareError::NoPublicUrl | ShareError::Internal(_) => 500,
                ShareError::Unavailable { .. } | ShareError::Table(_) => 503,
                ShareError::Link(error) => Self::Link(error.clone()).status(),
            },
        }
    }

    /// A few words, the same for every problem of this code.
    fn title(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "The request can't be understood",
            Self::NoSuchRoute { .. } => "No such route",
            Self::MethodNotAllowed { .. } => "This route has another method",
            Self::AnswerTooLarge { .. } => "The answer is too large",
            Self::SessionNeedsSignIn => "Nobody is signed in",
            Self::Link(error) => match error {
                LinkError::BucketNotNamed
                | LinkError::InlineWithoutContentType
                | LinkError::Key(ObjectKeyError::Length(_)) => "The request can't be understood",
                LinkError::Unauthenticated => "Nobody is signed in",
                LinkError::NotGranted | LinkError::VersionNotGranted => "No grant covers this",
                LinkError::WindowTooShort { .. } => "The link would end too soon",
                LinkError::Key(ObjectKeyError::DotSegment) => "This key can't be linked to",
                LinkError::ObjectUnavailable(_) => "The link would not open",
                LinkError::Misconfigured(_) => "The function's settings are wrong",
                LinkError::Internal(_) => "This function has a bug",
                LinkError::Upstream(_) | LinkError::OutOfTime => {
                    "An AWS service did not answer as expected"
                }
                LinkError::SessionUnproven(_) => "The session's end is not proven",
                LinkError::PolicyUnreadable { .. } => "The bucket's policy can't be read",
            },
            Self::Share(error) => match error {
                ShareError::Field(_) => "The request can't be understood",
                ShareError::PasscodeWanted | ShareError::WrongPasscode { .. } => {
                    "The right passcode is wanted"
                }
                ShareError::NoSuchShare => "No such share",
                ShareError::Revoked => "The share is revoked",
                ShareError::Over(_) => "The share opens nothing any more",
                ShareError::Locked { .. } => "The share is locked for a while",
                ShareError::NoPublicUrl => "The function's settings are wrong",
                ShareError::Internal(_) => "This function has a bug",
                ShareError::Unavailable { .. } | ShareError::Table(_) => {
                    "An AWS service did not answer as expected"
                }
                ShareError::Link(_) => "There is no link",
            },
        }
    }

    /// What happened this invocation, and the fix.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::InvalidRequest(detail) => detail.clone(),
            Self::NoSuchRoute { path, routes } => {
                format!("There is nothing at {path:?}. The routes are {routes}.")
            }
            Self::MethodNotAllowed { allow } => format!("Use {} here.", allow.join(" or ")),
            Self::AnswerTooLarge { bytes, max_bytes, links_that_fit } => format!(
                "The answer would be {bytes} bytes, and Lambda returns at most {max_bytes} bytes. \
                 The first {links_that_fit} of these links would fit: ask for fewer at a time."
            ),
            Self::SessionNeedsSignIn => {
                "The gateway authenticated nobody, and this route tells about \
                the session only to callers whom a gateway authenticated. Sign in and ask again."
                    .to_owned()
            }
            Self::Link(error) => error.to_string(),
            Self::Share(error) => error.to_string(),
        }
    }
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<OutOfTime> for Problem {
    fn from(error: OutOfTime) -> Self {
        LinkError::from(error).into()
    }
}

impl From<ShareError> for Problem {
    fn from(error: ShareError) -> Self {
        match error {
            ShareError::Link(error) => Self::Link(error),
            ShareError::Field(detail) => Self::invalid_request(detail),
            error => Self::Share(error),
        }
    }
}

/// The beginning and the end of a text. The end of a parser's message says where the mistake is.
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
            Self::Link(LinkError::WindowTooShort { too_short, session_expires_at, .. }) => {
                map.serialize_entry("available_expires_in", &too_short.available_expires_in)?;
                map.serialize_entry("limited_by", &too_short.limited_by)?;
                if let Some(end) = session_expires_at {
                    map.serialize_entry("session_expires_at", end)?;
                }
            }
            Self::AnswerTooLarge { links_that_fit, .. } => {
                map.serialize_entry("links_that_fit", links_that_fit)?;
            }
            Self::Share(ShareError::WrongPasscode { tries_left }) => {
                map.serialize_entry("tries_left", tries_left)?;
            }
            Self::Share(ShareError::Locked { until }) => {
                map.serialize_entry("locked_until", until)?;
            }
            Self::Share(ShareError::Over(state)) => {
                map.serialize_entry("state", state.as_str())?;
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
    fn what_a_caller_wrote_is_repeated_shortened() {
        let written = format!("start{}at line 1 column 5", "\u{1f980}".repeat(1_000_000));
        let detail = Problem::invalid_request(written).detail();
        assert!(detail.starts_with("start") && detail.ends_with("at line 1 column 5"));
        assert!(detail.chars().count() < 410);
        assert_eq!(Problem::invalid_request("short").detail(), "short");
        assert!(Problem::no_such_route(&"/".repeat(1_000_000), "GET /a").detail().len() < 1_000);
    }

    #[test]
    fn whoever_asks_about_the_session_must_be_signed_in_whatever_the_grants_say() {
        let problem = Problem::SessionNeedsSignIn;
        assert_eq!((problem.status(), problem.code()), (401, "unauthenticated"));
        assert!(problem.detail().contains("whom a gateway authenticated"), "{}", problem.detail());
        assert!(!problem.detail().contains("grant"));
    }
}
