//! What AWS answered when a call failed, sorted by what a caller can do about it. No other place of
//! the crate looks into an error of the SDK.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// A call to AWS that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsError {
    /// The service refused the call. It would refuse the same call again.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The service's error code, such as `AccessDenied`. Empty where the answer has none.
        code: String,
        /// The service's message. Empty where the answer has none.
        message: String,
    },
    /// The service is throttling or has a fault. The same call may succeed later.
    Temporary {
        /// The HTTP status.
        status: u16,
        /// The service's error code. Empty where the answer has none.
        code: String,
        /// The service's message. Empty where the answer has none.
        message: String,
    },
    /// There was no answer, or none that can be read. What the call did is not known.
    NoResponse(String),
}

impl AwsError {
    /// Sorts an error of the SDK. The result holds nothing of the request, so no session token.
    pub(crate) fn from_sdk<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let Some(status) = error.raw_response().map(|response| response.status().as_u16()) else {
            return Self::NoResponse(format!("no answer: {}", error_chain(error)));
        };
        let metadata = error.as_service_error().map(ProvideErrorMetadata::meta);
        let code = metadata.and_then(|metadata| metadata.code()).unwrap_or_default().to_owned();
        let message =
            metadata.and_then(|metadata| metadata.message()).unwrap_or_default().to_owned();
        match status {
            ..400 => Self::NoResponse(format!("an answer with status {status} that can't be read")),
            429 | 500.. => Self::Temporary { status, code, message },
            _ if is_throttling(&code) => Self::Temporary { status, code, message },
            _ => Self::Refused { status, code, message },
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

/// Whether a code says that too many calls are made. Services name this in different ways.
fn is_throttling(code: &str) -> bool {
    code.contains("Throttl")
        || code.contains("TooManyRequests")
        || code == "RequestLimitExceeded"
        || code == "LimitExceededException"
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, code, message) = match self {
            Self::Refused { status, code, message } | Self::Temporary { status, code, message } => {
                (status, code, message)
            }
            Self::NoResponse(reason) => return f.write_str(reason),
        };
        write!(f, "status {status}")?;
        if !code.is_empty() {
            write!(f, ", {code}")?;
        }
        if !message.is_empty() {
            write!(f, ": {message}")?;
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
