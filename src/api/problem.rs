//! Errors as a caller sees them: `application/problem+json` (RFC 9457).
//!
//! Errors of other rooms become problems here and nowhere else. Each error has a kind, and
//! [`link_rules::problem`] has the table of kinds. Codes are stable. Titles and details are for people
//! and may improve. No detail ever holds a secret, a session token, a signature or a link.

use link_rules::problem::ProblemKind;
use link_rules::text;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::invocation::{Caller, OutOfTime};
use crate::links::LinkError;
use crate::shares::ShareError;
use crate::uploads::UploadError;

/// Why a request gets no answer, or an entry of a batch no link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The request is not valid. The detail says where.
    InvalidRequest(String),
    /// The path is no route.
    NoSuchRoute {
        /// The path as the caller sent it.
        path: String,
        /// Which routes there are, or why this one is off: a sentence.
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
    /// An authorizer accepted the request and named nobody. The sentence says what is missing.
    Unnamed(&'static str),
    /// There is no link.
    Link(LinkError),
    /// A share is not made, shown, changed or opened.
    Share(ShareError),
    /// An upload is not signed.
    Upload(UploadError),
}

/// The longest detail about a caller's own mistake, in characters. Such details repeat what the
/// caller wrote, and an answer must not grow with it past what Lambda returns.
const MAX_DETAIL: usize = 400;

impl Problem {
    /// [`Problem::InvalidRequest`] with `detail`, shortened to what fits an answer.
    pub(crate) fn invalid_request(detail: impl Into<String>) -> Self {
        Self::InvalidRequest(text::shortened(&detail.into(), MAX_DETAIL))
    }

    /// [`Problem::NoSuchRoute`] with `path`, shortened to what fits an answer.
    pub(super) fn no_such_route(path: &str, routes: &str) -> Self {
        Self::NoSuchRoute { path: text::shortened(path, MAX_DETAIL), routes: routes.to_owned() }
    }

    /// The same, as `caller` can mend it: nobody is signed in, and the caller's authorizer is why.
    pub(super) fn for_caller(self, caller: &Caller) -> Self {
        match (caller.why_unnamed, self.kind()) {
            (Some(reason), ProblemKind::Unauthenticated) => Self::Unnamed(reason),
            _ => self,
        }
    }

    /// The row of the table of problems.
    pub(crate) fn kind(&self) -> ProblemKind {
        match self {
            Self::InvalidRequest(_) => ProblemKind::InvalidRequest,
            Self::NoSuchRoute { .. } => ProblemKind::NoSuchRoute,
            Self::MethodNotAllowed { .. } => ProblemKind::MethodNotAllowed,
            Self::AnswerTooLarge { .. } => ProblemKind::AnswerTooLarge,
            Self::SessionNeedsSignIn | Self::Unnamed(_) => ProblemKind::Unauthenticated,
            Self::Link(error) => error.kind(),
            Self::Share(error) => error.kind(),
            Self::Upload(error) => error.kind(),
        }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.kind().status()
    }

    /// What happened this invocation, and the fix.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::InvalidRequest(detail) => detail.clone(),
            Self::NoSuchRoute { path, routes } => {
                format!("There is nothing at {path:?}. {routes}")
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
            Self::Unnamed(reason) => (*reason).to_owned(),
            Self::Link(error) => error.to_string(),
            Self::Share(error) => error.to_string(),
            Self::Upload(error) => error.to_string(),
        }
    }

    /// What happened, for the log. It has the causes that callers are told less of.
    pub(super) fn for_the_log(&self) -> String {
        match self {
            Self::Share(error) => error.for_the_log(),
            problem => problem.detail(),
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

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Link(error) => Self::Link(error),
            UploadError::Field(detail) => Self::invalid_request(detail),
            error => Self::Upload(error),
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let kind = self.kind();
        map.serialize_entry(
            "type",
            &format_args!("urn:problem-type:s3-link-signer:{}", kind.code()),
        )?;
        map.serialize_entry("title", kind.title())?;
        map.serialize_entry("status", &kind.status())?;
        map.serialize_entry("detail", &self.detail())?;
        map.serialize_entry("code", kind.code())?;
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
            Self::Share(ShareError::Locked { until, .. }) => {
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
        assert!(
            Problem::no_such_route(&"/".repeat(1_000_000), "The routes are GET /a.").detail().len()
                < 1_000
        );
    }

    #[test]
    fn whoever_asks_about_the_session_must_be_signed_in_whatever_the_grants_say() {
        let problem = Problem::SessionNeedsSignIn;
        assert_eq!((problem.status(), problem.kind().code()), (401, "unauthenticated"));
        assert!(problem.detail().contains("whom a gateway authenticated"), "{}", problem.detail());
        assert!(!problem.detail().contains("grant"));
    }
}
