//! The configuration of the SDK's clients. Every client of this function is made here.
//!
//! Each client gets one snapshot of credentials and nothing that could replace it. A call is thus
//! made with the credentials that were examined, and with no others.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, IdentityCache};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::Builder;

use super::http::{AwsHttp, CALL_TIMEOUT, CONNECT_TIMEOUT, Trust};

/// How long SES may take to answer. A call that is ended sooner does not unsend the mail: a mail
/// that was sent slowly would then be sent again.
const SES_TIMEOUT: Duration = Duration::from_secs(10);

/// How AWS is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsSettings {
    /// The function's own region: of STS, SES and DynamoDB. A bucket may be in another one.
    pub region: String,
    /// Another S3 than AWS's (`AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`).
    pub s3_endpoint: Option<String>,
    /// Another STS than AWS's (`AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`).
    pub sts_endpoint: Option<String>,
    /// Another SES than AWS's (`AWS_ENDPOINT_URL_SESV2`, `AWS_ENDPOINT_URL`).
    pub sesv2_endpoint: Option<String>,
    /// Another DynamoDB than AWS's (`AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL`).
    pub dynamodb_endpoint: Option<String>,
    /// Whether to use FIPS endpoints (`AWS_USE_FIPS_ENDPOINT`). STS is left out.
    pub use_fips: bool,
    /// Whether to use dual-stack endpoints (`AWS_USE_DUALSTACK_ENDPOINT`). STS is left out.
    pub use_dual_stack: bool,
    /// Which certificate authorities are trusted.
    pub trust: Trust,
}

/// Makes the SDK's clients. All of them share their connections, except for those of SES.
#[derive(Clone, Debug)]
pub struct Aws {
    settings: Arc<AwsSettings>,
    http: AwsHttp,
    ses_http: AwsHttp,
}

impl Aws {
    /// Keeps the settings. Nothing is opened before the first call.
    #[must_use]
    pub fn new(settings: AwsSettings) -> Self {
        let http = AwsHttp::new(settings.trust, CALL_TIMEOUT);
        let ses_http = AwsHttp::new(settings.trust, SES_TIMEOUT);
        Self { settings: Arc::new(settings), http, ses_http }
    }

    /// The settings as they were given.
    pub(crate) fn settings(&self) -> &AwsSettings {
        &self.settings
    }

    /// The function's own region.
    pub(crate) fn region(&self) -> &str {
        &self.settings.region
    }

    /// The HTTP client that the SDK's clients use, for calls that are not the SDK's.
    pub(crate) fn http(&self) -> &AwsHttp {
        &self.http
    }

    /// Leaves the connections of earlier invocations. The first calls of this one make new ones.
    pub(crate) fn renew_connections(&self) {
        self.http.renew();
        self.ses_http.renew();
    }

    /// A client for S3 in `region`.
    pub(crate) fn s3(&self, region: &str, credentials: &Credentials) -> aws_sdk_s3::Client {
        let endpoint = self.settings.s3_endpoint.as_ref();
        aws_sdk_s3::Client::new(&self.calling(region, credentials, endpoint).build())
    }

    /// A client for S3 in `region` that signs URLs and can't make a call.
    ///
    /// The client has no HTTP client. It neither caches identities nor waits for anything, so what
    /// it is asked to sign is signed at once.
    pub(crate) fn s3_for_signing(
        &self,
        region: &str,
        credentials: &Credentials,
    ) -> aws_sdk_s3::Client {
        let config = self
            .base(region, credentials, self.settings.s3_endpoint.as_ref())
            .identity_cache(IdentityCache::no_cache())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled());
        aws_sdk_s3::Client::new(&config.build())
    }

    /// A client for STS. FIPS and dual-stack endpoints are not used: STS has them in few regions.
    pub(crate) fn sts(
        &self,
        credentials: &Credentials,
        retries: RetryConfig,
    ) -> aws_sdk_sts::Client {
        let config = self
            .calling(self.region(), credentials, self.settings.sts_endpoint.as_ref())
            .use_fips(false)
            .use_dual_stack(false)
            .retry_config(retries);
        aws_sdk_sts::Client::new(&config.build())
    }

    /// A client for DynamoDB.
    pub(crate) fn dynamodb(&self, credentials: &Credentials) -> aws_sdk_dynamodb::Client {
        let endpoint = self.settings.dynamodb_endpoint.as_ref();
        aws_sdk_dynamodb::Client::new(&self.calling(self.region(), credentials, endpoint).build())
    }

    /// A client for SES. It makes each call once: a repeated call could send a second mail.
    pub(crate) fn sesv2(&self, credentials: &Credentials) -> aws_sdk_sesv2::Client {
        let config = self
            .calling(self.region(), credentials, self.settings.sesv2_endpoint.as_ref())
            .http_client(self.ses_http.client())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(SES_TIMEOUT));
        aws_sdk_sesv2::Client::new(&config.build())
    }

    /// The configuration of a client that makes calls.
    fn calling(
        &self,
        region: &str,
        credentials: &Credentials,
        endpoint: Option<&String>,
    ) -> Builder {
        self.base(region, credentials, endpoint)
            .http_client(self.http.client())
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .timeout_config(timeouts(CALL_TIMEOUT))
    }

    /// What all clients have in common.
    fn base(&self, region: &str, credentials: &Credentials, endpoint: Option<&String>) -> Builder {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .use_fips(self.settings.use_fips)
            .use_dual_stack(self.settings.use_dual_stack);
        config.set_endpoint_url(endpoint.cloned());
        config
    }
}

/// Time-outs for a call that may take `whole`, retries included.
fn timeouts(whole: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_timeout(whole).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_client_that_signs_can_t_make_a_call() {
        let aws = Aws::new(AwsSettings::default());
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "test");
        let client = aws.s3_for_signing("eu-west-1", &credentials);
        let error = client.get_object().bucket("files").key("a").send().await.unwrap_err();
        let reason = super::super::error_chain(&error);
        assert!(reason.contains("No HTTP client was available"), "{reason}");
    }
}
