//! Hands a mail to SES, once.
//!
//! Nothing here repeats a call: SES may have sent the mail although its answer was lost. The
//! ledger's lease and the next delivery of the event decide what happens then. `deliver` repeats
//! what SES throttled.
//!
//! Two of SES's limits look alike. Its sending rate is free again within seconds. Its daily quota,
//! over the last 24 hours, may take hours, so nothing is sent for a while after it is used up.
//!
//! Source: Amazon SES developer guide, "Errors related to the sending quotas for your Amazon SES
//! account".

use aws_credential_types::Credentials;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{
    ConfigurationOverrides, Destination, EmailContent, FeatureStatus, RawMessage,
    TrackingConfigurationOverrides,
};
use jiff::SignedDuration;
use thiserror::Error;

use super::recipients::Address;
use crate::aws::{Aws, AwsError, says};
use crate::invocation::Invocation;
use crate::memory::{Failure, Memory};

/// What SES says when the account's quota for 24 hours is used up. It says so in words only.
const DAILY_QUOTA: &str = "daily message quota exceeded";

/// How long an environment sends nothing after SES said that the daily quota is used up. The quota
/// is free again bit by bit, as the mails of the day before grow older than 24 hours.
const DAILY_QUOTA_PAUSE: SignedDuration = SignedDuration::from_mins(15);

/// SES did not accept a mail, or did not say whether it did.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum SendError {
    /// SES refused the mail. It will refuse it again until somebody fixes what the message names.
    #[error("SES refuses it ({code}); the line before this one has SES's reason")]
    Refused {
        /// SES's error code, such as `MessageRejected`.
        code: String,
    },
    /// SES's sending rate is exceeded. SES takes the mail some seconds later.
    #[error("SES's sending rate is exceeded ({0})")]
    TooFast(String),
    /// SES's quota for 24 hours is used up.
    #[error(
        "SES's daily quota is used up; the mail is tried again for thirty hours, and SES is asked \
         again after {} minutes",
        DAILY_QUOTA_PAUSE.as_mins()
    )]
    DailyQuota,
    /// SES has a fault of its own, and did not accept the mail.
    #[error("SES does not take it now ({0})")]
    Fault(String),
    /// SES did not accept the mail.
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
            error @ AwsError::Temporary { .. } if error.is_throttling() => {
                Self::TooFast(error.to_string())
            }
            AwsError::Refused { code, .. } => Self::Refused { code },
            // A gateway answers 502 and 504. The server behind it may have sent the mail.
            AwsError::Temporary { status: status @ (502 | 504), .. } => {
                Self::Unknown(format!("it answered {status}"))
            }
            error @ AwsError::Temporary { status: 500, .. } => Self::Fault(error.to_string()),
            error @ AwsError::Temporary { .. } => Self::NotNow(error.to_string()),
            AwsError::NoResponse(reason) => Self::Unknown(reason),
        }
    }
}

/// Sends mails through SES, in the region of `MAIL_REGION` or the function's own.
#[derive(Debug)]
pub(super) struct Ses {
    aws: Aws,
    /// That SES said that the daily quota is used up.
    quota: Memory<(), (), QuotaUsedUp>,
}

/// SES said that the daily quota is used up.
#[derive(Clone, Copy, Debug)]
struct QuotaUsedUp;

impl Failure for QuotaUsedUp {
    fn pause(&self) -> Option<SignedDuration> {
        Some(DAILY_QUOTA_PAUSE)
    }
}

impl Ses {
    /// Sends through `aws`.
    pub(super) fn new(aws: Aws) -> Self {
        Self { aws, quota: Memory::new(1) }
    }

    /// Whether SES may be asked, as far as is known. A mail is not begun if it may not.
    ///
    /// # Errors
    ///
    /// [`SendError::DailyQuota`] if SES said so in this invocation or within
    /// [`DAILY_QUOTA_PAUSE`].
    pub(super) async fn check_quota(&self, invocation: &Invocation) -> Result<(), SendError> {
        match self.quota.recent_failure(&(), invocation).await {
            Some(QuotaUsedUp) => Err(SendError::DailyQuota),
            None => Ok(()),
        }
    }

    /// Sends `mime` from one address to another. Returns SES's id of the mail.
    ///
    /// SES neither rewrites the link nor adds an image, whatever the account and its configuration
    /// sets say: a redirector would log the link, and takes none of more than 8 KB.
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
        invocation: &Invocation,
    ) -> Result<String, SendError> {
        let tracking = TrackingConfigurationOverrides::builder()
            .click_tracking_enabled(FeatureStatus::Disabled)
            .open_tracking_enabled(FeatureStatus::Disabled)
            .build();
        let raw = RawMessage::builder()
            .data(Blob::new(mime))
            .build()
            .map_err(|error| SendError::NotNow(error.to_string()))?;
        let call = self
            .aws
            .sesv2(credentials)
            .send_email()
            .from_email_address(from.in_full())
            .destination(Destination::builder().to_addresses(to.in_full()).build())
            .content(EmailContent::builder().raw(raw).build())
            .configuration_overrides(ConfigurationOverrides::builder().tracking(tracking).build())
            .send();
        // The future is boxed because the SDK's futures are large.
        let answer = Box::pin(call).await.map_err(|error| {
            let is_daily = says(&error, DAILY_QUOTA);
            match SendError::from(AwsError::from_sdk(&error)) {
                SendError::TooFast(_) if is_daily => SendError::DailyQuota,
                error => error,
            }
        });
        if let Err(SendError::DailyQuota) = answer {
            self.quota.fail(&(), QuotaUsedUp, invocation).await;
        }
        answer?.message_id.ok_or_else(|| SendError::Unknown("it answered without an id".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_s_error_and_a_lost_answer_leave_open_whether_the_mail_was_sent() {
        let temporary =
            |status| SendError::from(AwsError::Temporary { status, code: "Busy".to_owned() });
        assert_eq!(temporary(500), SendError::Fault("status 500, Busy".to_owned()));
        assert_eq!(temporary(503), SendError::NotNow("status 503, Busy".to_owned()));
        assert!([500, 503].into_iter().all(|status| temporary(status).nothing_was_sent()));
        assert_eq!(temporary(429), SendError::TooFast("status 429, Busy".to_owned()));
        assert!(temporary(429).nothing_was_sent());
        for unknown in
            [temporary(502), temporary(504), AwsError::NoResponse("no answer".to_owned()).into()]
        {
            assert!(!unknown.nothing_was_sent(), "{unknown}");
        }
    }
}
