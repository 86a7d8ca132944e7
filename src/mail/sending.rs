//! Hands a mail to SES, once. Whether a call that got no answer sent it can't be known, so nothing
//! here repeats one: what to do then is the ledger's and the queue's business.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::config::{BehaviorVersion, Config, Region};
use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{Destination, EmailContent, RawMessage};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use thiserror::Error;

use super::recipients::Address;
use crate::outbound::{self, Outbound, Trust};

/// How long SES may take. Ending a call sooner does not unsend the mail: it only turns one that
/// was sent slowly into one that may be sent twice.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// SES did not take a mail, or did not say.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// It said no, and will say so again until somebody mends what it names.
    #[error("SES refuses it ({code}{})", colon(.message))]
    Refused {
        /// SES's error code, such as `MessageRejected`.
        code: String,
        /// SES's message, without local parts of addresses.
        message: String,
    },
    /// It said no for now: throttling, a quota, a fault of its own.
    #[error("SES does not take it now ({0})")]
    NotNow(String),
    /// It said nothing. The mail may have been sent.
    #[error("SES did not say whether it took it ({0})")]
    Unknown(String),
}

impl SendError {
    /// Whether it is certain that no mail went out.
    #[must_use]
    pub fn nothing_was_sent(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }
}

fn colon(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

/// Where SES is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SesSettings {
    /// The region of the verified identity: the function's own.
    pub region: String,
    /// Another SES than AWS's (`AWS_ENDPOINT_URL_SESV2`, `AWS_ENDPOINT_URL`).
    pub endpoint: Option<String>,
    /// FIPS endpoints.
    pub use_fips: bool,
    /// Dual-stack endpoints.
    pub use_dual_stack: bool,
}

/// Hands mails to SES.
#[derive(Debug)]
pub struct Ses {
    settings: SesSettings,
    outbound: Arc<Outbound>,
}

impl Ses {
    /// SES as `settings` say it is reached, with more patience than other services.
    #[must_use]
    pub fn new(settings: SesSettings, trust: Trust) -> Self {
        Self { settings, outbound: Arc::new(Outbound::patient(trust, PATIENCE)) }
    }

    /// Sends `mime` from one address to another. Returns SES's id of the mail.
    ///
    /// # Errors
    ///
    /// [`SendError`]; the call is made once, without retries.
    pub async fn send(
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
            .client(credentials)
            .send_email()
            .from_email_address(from.in_full())
            .destination(Destination::builder().to_addresses(to.in_full()).build())
            .content(EmailContent::builder().raw(raw).build())
            .send();
        // Boxed: the SDK's futures are large.
        let answer = Box::pin(call).await.map_err(|error| send_error(&error))?;
        answer.message_id.ok_or_else(|| SendError::Unknown("it answered without an id".to_owned()))
    }

    fn client(&self, credentials: &Credentials) -> Client {
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.settings.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .http_client(self.outbound.http_client())
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .retry_config(RetryConfig::disabled())
            .timeout_config(outbound::timeouts_within(PATIENCE))
            .use_fips(self.settings.use_fips)
            .use_dual_stack(self.settings.use_dual_stack);
        config.set_endpoint_url(self.settings.endpoint.clone());
        Client::from_conf(config.build())
    }
}

/// Sorts the SDK's error by what is known of the mail. A request that was never sent counts as
/// unknown too: it is rare, and the lease costs only minutes.
fn send_error<E>(error: &SdkError<E>) -> SendError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let Some(status) = error.raw_response().map(|response| response.status().as_u16()) else {
        return SendError::Unknown(outbound::causes(error));
    };
    let code = error.code().unwrap_or_default().to_owned();
    let message = without_local_parts(error.message().unwrap_or_default());
    let may_pass = status == 429
        || status >= 500
        || code.contains("Throttl")
        || code.contains("TooManyRequests")
        || code == "LimitExceededException";
    match status {
        // A gateway's: what stands behind it may have done its work.
        502 | 504 => SendError::Unknown(format!("it answered {status}")),
        // An answer that says yes and can't be read.
        ..400 => SendError::Unknown(format!("it answered {status}, and not as it must")),
        _ if may_pass => SendError::NotNow(format!("{status} {code}{}", colon(&message))),
        _ => SendError::Refused { code, message },
    }
}

/// SES's words name the addresses it does not like; a log must not.
fn without_local_parts(message: &str) -> String {
    let word = |word: &str| match word.rsplit_once('@') {
        Some((_, domain)) => format!("…@{domain}"),
        None => word.to_owned(),
    };
    message.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ses_s_words_are_kept_and_names_are_not() {
        assert_eq!(
            without_local_parts(
                "Email address is not verified. The following identities failed the check in \
                 region EU-WEST-1: alice@example.com, <bob@example.org>"
            ),
            "Email address is not verified. The following identities failed the check in region \
             EU-WEST-1: …@example.com, …@example.org>"
        );
    }
}
