//! The three questions asked of STS, each with one snapshot of credentials.
//!
//! What the answers prove is decided in [`crate::session`]; here stands only how to ask.

use std::fmt;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::Client;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{BehaviorVersion, Config, Region};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;

use crate::outbound::{self, Outbound};

/// The audience of the tokens we ask STS for. Nobody trusts it (`.invalid` can't be a host, RFC
/// 2606), so a token that leaked would open nothing. The template's permission is narrowed to it.
pub const TOKEN_AUDIENCE: &str = "https://s3-link-signer.invalid";

/// The life of such a token: the shortest that STS issues, in seconds.
const TOKEN_SECONDS: i32 = 60;

/// How long a minted session is asked to last: all that role chaining allows, in seconds.
///
/// Source: IAM user guide, "Methods to assume a role": "role chaining limits your … session to a
/// maximum of one hour".
pub const MINTED_SECONDS: i32 = 3_600;

/// The name minted sessions bear in CloudTrail and in S3's access log.
const ROLE_SESSION_NAME: &str = "s3-link-signer";

/// Asks STS in the function's own region. Each call's future is boxed: the SDK's are large, and
/// would make every future that may call STS as large, and too deep for the compiler.
/// A regional endpoint is what `GetWebIdentityToken` needs.
#[derive(Clone, Debug)]
pub struct Sts {
    region: String,
    endpoint: Option<String>,
    outbound: Arc<Outbound>,
}

/// STS gave no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StsError {
    /// STS understood and said no: asking again with the same credentials won't help.
    Refused {
        /// STS's error code, such as `AccessDenied`.
        code: String,
        /// STS's message.
        message: String,
    },
    /// No answer, a 5xx, throttling: asking again later may help.
    Unreachable(String),
}

impl fmt::Display for StsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, message } if message.is_empty() => write!(f, "{code}"),
            Self::Refused { code, message } => write!(f, "{code}: {message}"),
            Self::Unreachable(reason) => f.write_str(reason),
        }
    }
}

impl Sts {
    /// STS of `region`, or at `endpoint` if one is set.
    #[must_use]
    pub fn new(region: String, endpoint: Option<String>, outbound: Arc<Outbound>) -> Self {
        Self { region, endpoint, outbound }
    }

    /// `GetWebIdentityToken`: a JWT about `credentials`. It is a bearer credential: read it and
    /// let it go, never log, return or keep it.
    ///
    /// # Errors
    ///
    /// [`StsError`]; the call is made once, without retries.
    pub async fn web_identity_token(&self, credentials: &Credentials) -> Result<String, StsError> {
        let call = self
            .client(credentials, RetryConfig::disabled())
            .get_web_identity_token()
            .audience(TOKEN_AUDIENCE)
            .signing_algorithm("ES384")
            .duration_seconds(TOKEN_SECONDS)
            .send();
        let answer = Box::pin(call).await.map_err(|error| sts_error(&error))?;
        answer.web_identity_token.ok_or_else(|| without("a token"))
    }

    /// `AssumeRole` for [`MINTED_SECONDS`]: credentials with the expiry STS states.
    ///
    /// # Errors
    ///
    /// [`StsError`]; also when the answer lacks the credentials or their expiry.
    pub async fn assume_role(
        &self,
        credentials: &Credentials,
        role_arn: &str,
    ) -> Result<Credentials, StsError> {
        let call = self
            .client(credentials, RetryConfig::standard())
            .assume_role()
            .role_arn(role_arn)
            .role_session_name(ROLE_SESSION_NAME)
            .duration_seconds(MINTED_SECONDS)
            .send();
        let answer = Box::pin(call).await.map_err(|error| sts_error(&error))?;
        let minted = answer.credentials.ok_or_else(|| without("credentials"))?;
        let expiry = (*minted.expiration())
            .try_into()
            .map_err(|_| without("an expiry within the calendar"))?;
        Ok(Credentials::new(
            minted.access_key_id,
            minted.secret_access_key,
            Some(minted.session_token),
            Some(expiry),
            "AssumeRole",
        ))
    }

    /// `GetCallerIdentity`: the ARN `credentials` belong to. Needs no permission.
    ///
    /// # Errors
    ///
    /// [`StsError`].
    pub async fn caller_arn(&self, credentials: &Credentials) -> Result<String, StsError> {
        let call = self.client(credentials, RetryConfig::standard()).get_caller_identity().send();
        let answer = Box::pin(call).await.map_err(|error| sts_error(&error))?;
        answer.arn.ok_or_else(|| without("an ARN"))
    }

    fn client(&self, credentials: &Credentials, retries: RetryConfig) -> Client {
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .http_client(self.outbound.http_client())
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .retry_config(retries)
            .timeout_config(outbound::timeouts());
        config.set_endpoint_url(self.endpoint.clone());
        Client::from_conf(config.build())
    }
}

fn without(what: &str) -> StsError {
    StsError::Unreachable(format!("STS answered without {what}"))
}

/// Sorts the SDK's error into "no" and "not now". Its message is STS's own; the request, with
/// the session token in its headers, is no part of it.
fn sts_error<E>(error: &SdkError<E>) -> StsError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.code().unwrap_or_default();
    let may_pass = status.is_none_or(|status| status >= 500 || status == 429)
        || code.contains("Throttl")
        || code == "RequestLimitExceeded";
    if may_pass || code.is_empty() {
        let reason = match status {
            Some(status) => format!("STS answered {status} {code}"),
            None => format!("STS did not answer: {}", outbound::causes(error)),
        };
        return StsError::Unreachable(reason);
    }
    StsError::Refused {
        code: code.to_owned(),
        message: error.message().unwrap_or_default().to_owned(),
    }
}
