//! Hands a mail to SES, once.
//!
//! Nothing here repeats a call: SES may have sent the mail although its answer was lost. The
//! ledger's lease and the next delivery of the event decide what happens then.

use aws_credential_types::Credentials;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{Destination, EmailContent, RawMessage};
use thiserror::Error;

use super::recipients::Address;
use crate::aws::{Aws, AwsError};

/// SES did not accept a mail, or did not say whether it did.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum SendError {
    /// SES refused the mail. It will refuse it again until somebody fixes what the message names.
    #[error("SES refuses it ({code}); the line before this one has SES's reason")]
    Refused {
        /// SES's error code, such as `MessageRejected`.
        code: String,
    },
    /// SES did not accept the mail now: it is throttling, a quota is used up, or SES has a fault.
    #[error("SES does not take it now ({0})")]
    NotNow(String),
    /// SES did not answer as it must. The mail may have been sent.
    #[error("SES did not say whether it took it ({0})")]
    Unknown(String),
}

impl SendError {
    /// Whether it is certain that no mail was sent.
    pub(super) fn nothing_was_sent(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }
}

/// Sorts an error by what is known about the mail. A request that never reached SES counts as
/// unknown too. That is rare, and costs only the time of the lease.
impl From<AwsError> for SendError {
    fn from(error: AwsError) -> Self {
        match error {
            AwsError::Refused { code, .. } => Self::Refused { code },
            // A gateway answers 502 and 504. The server behind it may have sent the mail.
            AwsError::Temporary { status: status @ (502 | 504), .. } => {
                Self::Unknown(format!("it answered {status}"))
            }
            AwsError::Temporary { status, code } => Self::NotNow(format!("{status} {code}")),
            AwsError::NoResponse(reason) => Self::Unknown(reason),
        }
    }
}

/// Sends mails through SES in the function's own region.
#[derive(Debug)]
pub(super) struct Ses(Aws);

impl Ses {
    /// Sends through `aws`.
    pub(super) fn new(aws: Aws) -> Self {
        Self(aws)
    }

    /// Sends `mime` from one address to another. Returns SES's id of the mail.
    ///
    /// # Errors
    ///
    /// [`SendError`]. The call is made once, without retries.
    pub(super) async fn send(
        &self,
        from: &Address,
        to: &Address,
        mime: Vec<u8>,
        credentials: &Credentials,
    ) -> Result<String, SendError> {
        let raw = RawMessage::builder()
            .data(Blob::new(mime))
            .build()
            .map_err(|error| SendError::NotNow(error.to_string()))?;
        let call = self
            .0
            .sesv2(credentials)
            .send_email()
            .from_email_address(from.in_full())
            .destination(Destination::builder().to_addresses(to.in_full()).build())
            .content(EmailContent::builder().raw(raw).build())
            .send();
        // The future is boxed because the SDK's futures are large.
        let answer = Box::pin(call).await.map_err(|error| AwsError::from_sdk(&error))?;
        answer.message_id.ok_or_else(|| SendError::Unknown("it answered without an id".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_s_error_and_a_lost_answer_leave_open_whether_the_mail_was_sent() {
        let temporary =
            |status| SendError::from(AwsError::Temporary { status, code: "Busy".to_owned() });
        for status in [429, 500, 503] {
            assert_eq!(temporary(status), SendError::NotNow(format!("{status} Busy")));
            assert!(temporary(status).nothing_was_sent());
        }
        for unknown in
            [temporary(502), temporary(504), AwsError::NoResponse("no answer".to_owned()).into()]
        {
            assert!(!unknown.nothing_was_sent(), "{unknown}");
        }
    }
}
