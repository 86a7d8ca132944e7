//! What AWS answered when a call failed, sorted by what a caller can do about it. No other place of
//! the crate looks into an error of the SDK.
//!
//! What an upstream says is data. AWS's services repeat a request whose signature they can't verify,
//! session token included, and a custom endpoint may say anything. So an error holds the answer's
//! status and code and nothing else of it. The upstream's own words go to the log, redacted.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::redact::redact;

/// The longest error code that is taken from an answer, in characters. AWS's are shorter.
const MAX_CODE_LENGTH: usize = 64;

/// A call to AWS that failed. `Display` holds no word that the upstream chose, but for a code of
/// letters, digits and dots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsError {
    /// The service refused the call. It would refuse the same call again.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The service's error code, such as `AccessDenied`. Empty where the answer has none.
        code: String,
    },
    /// The service is throttling or has a fault. The same call may succeed later.
    Temporary {
        /// The HTTP status.
        status: u16,
        /// The service's error code. Empty where the answer has none.
        code: String,
    },
    /// There was no answer, or none that can be read. What the call did is not known.
    NoResponse(String),
}

impl AwsError {
    /// Sorts an error of the SDK, and logs what the service said about it.
    pub(crate) fn from_sdk<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let Some(status) = error.raw_response().map(|response| response.status().as_u16()) else {
            return Self::NoResponse(format!("no answer: {}", redact(&error_chain(error))));
        };
        let metadata = error.as_service_error().map(ProvideErrorMetadata::meta);
        let code = error_code(metadata.and_then(|metadata| metadata.code()).unwrap_or_default());
        let message = metadata.and_then(|metadata| metadata.message());
        // A bucket without a policy or without rules is no failure.
        let is_failure = !matches!(code, "NoSuchBucketPolicy" | "NoSuchLifecycleConfiguration");
        if let Some(message) = message.filter(|_| is_failure) {
            let words = redact(message);
            tracing::warn!(status, code, words, "AWS said why a call failed");
        }
        let code = code.to_owned();
        match status {
            429 | 500.. => Self::Temporary { status, code },
            // An answer that was cut off does not say which refusal it is, or that it is one.
            _ if status < 400 || metadata.is_none() => {
                Self::NoResponse(format!("an answer with status {status} that can't be read"))
            }
            _ if is_throttling(&code) => Self::Temporary { status, code },
            _ => Self::Refused { status, code },
        }
    }

    /// Whether the service says that too many calls are made.
    pub(crate) fn is_throttling(&self) -> bool {
        match self {
            Self::Temporary { status, code } => *status == 429 || is_throttling(code),
            Self::Refused { .. } | Self::NoResponse(_) => false,
        }
    }

    /// The HTTP status, if there was an answer.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Temporary { status, .. } => Some(*status),
            Self::NoResponse(_) => None,
        }
    }
}

/// Whether the service's message has these words, in upper or lower case. This is for causes that a
/// service tells apart only in words.
pub(crate) fn says<E>(error: &SdkError<E, HttpResponse>, words: &str) -> bool
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let message = error.as_service_error().and_then(|error| error.meta().message());
    message
        .is_some_and(|message| message.to_ascii_lowercase().contains(&words.to_ascii_lowercase()))
}

/// The code, if it looks like one: letters, digits and dots, 64 at most. Empty otherwise, and empty
/// if it could be a signature or another digest: 32 hexadecimal digits in a row.
pub(crate) fn error_code(code: &str) -> &str {
    let is_code = code.len() <= MAX_CODE_LENGTH
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        && !code.as_bytes().windows(32).any(|run| run.iter().all(u8::is_ascii_hexdigit));
    if is_code { code } else { "" }
}

/// Whether a code says that too many calls are made. Services name this in different ways.
pub(crate) fn is_throttling(code: &str) -> bool {
    code.contains("Throttl")
        || code.contains("TooManyRequests")
        || code == "RequestLimitExceeded"
        || code == "LimitExceededException"
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, code) = match self {
            Self::Refused { status, code } | Self::Temporary { status, code } => (status, code),
            Self::NoResponse(reason) => return f.write_str(reason),
        };
        write!(f, "status {status}")?;
        if !code.is_empty() {
            write!(f, ", {code}")?;
        }
        Ok(())
    }
}

impl Error for AwsError {}

/// An error and all of its sources, as one line. The SDK's `DisplayErrorContext` would print
/// `Debug` forms as well, which hold the raw answer and with it credentials.
pub(crate) fn error_chain(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::operation::get_bucket_policy::GetBucketPolicyError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn cut_off(status: u16) -> AwsError {
        let raw = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        AwsError::from_sdk(&SdkError::<GetBucketPolicyError, _>::response_error("cut off", raw))
    }

    #[test]
    fn an_answer_that_was_cut_off_is_no_refusal() {
        assert!(matches!(cut_off(404), AwsError::NoResponse(_)));
        assert!(matches!(cut_off(403), AwsError::NoResponse(_)));
        assert!(matches!(cut_off(503), AwsError::Temporary { status: 503, .. }));
    }

    #[test]
    fn only_what_looks_like_a_code_is_taken_for_one() {
        for code in ["AccessDenied", "KMS.DisabledException", ""] {
            assert_eq!(error_code(code), code);
        }
        for other in
            ["Access denied", "X-Amz-Signature=abc", "a/b", &"a".repeat(65), &"0a".repeat(32)]
        {
            assert_eq!(error_code(other), "", "{other}");
        }
    }
}
