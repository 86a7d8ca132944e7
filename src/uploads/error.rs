//! Why an upload is not signed.

use link_rules::problem::ProblemKind;
use thiserror::Error;

use crate::links::LinkError;

/// Why an upload is not signed. `Display` is a sentence for the caller. It never holds a secret, a session
/// token, a signature or a URL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum UploadError {
    /// What would keep a link from being made.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A field of the request is wrong. The sentence begins with its name.
    #[error("{0}")]
    Field(String),
    /// No grant lets the caller upload there.
    #[error(
        "No grant lets this principal upload there. The principal is {principal:?}, as the gateway authenticated it. Ask \
         the operator for an entry in GRANTS with the action \"put\"{}",
        .hint
    )]
    NotGranted {
        /// As whom the caller was seen.
        principal: String,
        /// What would be granted, as the end of the sentence.
        hint: &'static str,
    },
    /// The grant allows other uploads. The sentence says which.
    #[error("{0}")]
    NotAllowed(String),
}

impl UploadError {
    /// The row of the table of problems.
    pub(crate) fn kind(&self) -> ProblemKind {
        match self {
            Self::Link(error) => error.kind(),
            Self::Field(_) => ProblemKind::InvalidRequest,
            Self::NotGranted { .. } => ProblemKind::NotGranted,
            Self::NotAllowed(_) => ProblemKind::UploadNotAllowed,
        }
    }
}

#[cfg(test)]
impl UploadError {
    /// Every variant, and some of a variant's cases that callers can tell apart.
    pub(crate) fn one_of_each() -> Vec<Self> {
        let why = || "why".to_owned();
        vec![
            Self::Field(why()),
            Self::NotGranted { principal: "alice".to_owned(), hint: "." },
            Self::NotAllowed(why()),
            Self::Link(LinkError::Upstream(why())),
        ]
    }
}
