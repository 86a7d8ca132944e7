//! The configuration of the SDK's clients. Every client of this function is made here.
//!
//! Each client gets one snapshot of credentials and nothing that could replace it. A call is thus
//! made with the credentials that were examined, and with no others.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, IdentityCache};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::Builder;

use super::http::{AwsHttp, MAX_BODY_BYTES, Reading, Trust};
use super::retry::{Attempts, CALL_TIMEOUT, SES_TIMEOUT, partition};
use crate::invocation::Invocation;

/// How AWS is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsSettings {
    /// The function's own region: of STS and DynamoDB. A bucket may be in another one.
    pub region: String,
    /// Another S3 than AWS's (`AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`).
    pub s3_endpoint: Option<String>,
    /// Where links lead, if not to the S3 that this function calls (`S3_PUBLIC_ENDPOINT`).
    pub s3_public_endpoint: Option<String>,
    /// Where a URL names the bucket (`S3_ADDRESSING`).
    pub addressing: S3Addressing,
    /// Another STS than AWS's (`AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`).
    pub sts_endpoint: Option<String>,
    /// Another SES than AWS's (`AWS_ENDPOINT_URL_SESV2`, `AWS_ENDPOINT_URL`).
    pub sesv2_endpoint: Option<String>,
    /// SES's region, if it is another than the function's own (`MAIL_REGION`).
    pub ses_region: Option<String>,
    /// Another DynamoDB than AWS's (`AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL`).
    pub dynamodb_endpoint: Option<String>,
    /// Whether to use FIPS endpoints (`AWS_USE_FIPS_ENDPOINT`). STS is left out.
    pub use_fips: bool,
    /// Whether to use dual-stack endpoints (`AWS_USE_DUALSTACK_ENDPOINT`). STS is left out.
    pub use_dual_stack: bool,
    /// Which certificate authorities are trusted.
    pub trust: Trust,
    /// Whether this process runs inside Lambda. There, another S3 or STS than AWS's is not believed
    /// when it says what time it is.
    pub is_inside_lambda: bool,
}

/// Where a URL of S3 names the bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum S3Addressing {
    /// In the host, if its name can stand there.
    #[default]
    Virtual,
    /// In the path.
    Path,
}

/// How much of DynamoDB's answers is read, in bytes. A page has items of 1 MB, and JSON writes a byte of
/// theirs as six at most.
///
/// Source: Amazon DynamoDB API reference, `Query`, and RFC 8259, section 7.
const MAX_PAGE_BYTES: usize = 6 * 1_024 * 1_024;

/// How much of a bucket's lifecycle rules is read, in bytes. A bucket has up to 1,000 rules, each with
/// a prefix of up to 1,024 bytes and an id of up to 255.
///
/// Source: Amazon S3 user guide, "Lifecycle configuration elements".
const MAX_LIFECYCLE_BYTES: usize = 4 * 1_024 * 1_024;

/// Makes the SDK's clients. All of them share their connections, except for those of SES.
#[derive(Clone, Debug)]
pub struct Aws {
    settings: Arc<AwsSettings>,
    http: AwsHttp,
    ses_http: AwsHttp,
    dynamodb: Arc<LastClient>,
}

/// The client for DynamoDB that was made last, and its credentials. To make one for each call took an
/// eighth of a share's page.
#[derive(Default)]
struct LastClient(Mutex<Option<(Credentials, aws_sdk_dynamodb::Client)>>);

impl Aws {
    /// Keeps the settings. Nothing is opened before the first call.
    #[must_use]
    pub fn new(settings: AwsSettings) -> Self {
        let http = AwsHttp::new(settings.trust, CALL_TIMEOUT);
        let ses_http = AwsHttp::new(settings.trust, SES_TIMEOUT);
        Self { settings: Arc::new(settings), http, ses_http, dynamodb: Arc::default() }
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

    /// How the answers of S3, or of STS, to an invocation are read. `endpoint` is theirs, if it is another
    /// than AWS's.
    fn reading(&self, endpoint: Option<&String>, invocation: &Invocation) -> Reading {
        let is_believed = endpoint.is_none() || !self.settings.is_inside_lambda;
        let clock = is_believed.then(|| invocation.clock().clone());
        Reading { clock, ..Reading::default() }
    }

    /// The HTTP client for URLs of S3 that are signed already.
    pub(crate) fn http_for_links(&self, invocation: &Invocation) -> SharedHttpClient {
        self.http.reading(self.reading(self.settings.s3_endpoint.as_ref(), invocation))
    }

    /// Leaves the connections of earlier invocations. The first calls of this one make new ones.
    pub(crate) fn renew_connections(&self) {
        self.http.renew();
        self.ses_http.renew();
    }

    /// A client for S3 in `region`.
    pub(crate) fn s3(
        &self,
        region: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> aws_sdk_s3::Client {
        self.s3_reading(region, credentials, MAX_BODY_BYTES, invocation)
    }

    /// The same, for a bucket's lifecycle rules, which can be long.
    pub(crate) fn s3_for_lifecycle(
        &self,
        region: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> aws_sdk_s3::Client {
        self.s3_reading(region, credentials, MAX_LIFECYCLE_BYTES, invocation)
    }

    fn s3_reading(
        &self,
        region: &str,
        credentials: &Credentials,
        max_body_bytes: usize,
        invocation: &Invocation,
    ) -> aws_sdk_s3::Client {
        let endpoint = self.settings.s3_endpoint.as_ref();
        let reading = Reading { max_body_bytes, ..self.reading(endpoint, invocation) };
        let attempts = Attempts::of(invocation);
        let config = self.calling(region, credentials, endpoint, attempts);
        let config = config.http_client(self.http.reading(reading)).build();
        let config = aws_sdk_s3::config::Builder::from(&config)
            .retry_partition(partition())
            .force_path_style(self.settings.addressing == S3Addressing::Path);
        aws_sdk_s3::Client::from_conf(config.build())
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
        invocation: &Invocation,
    ) -> aws_sdk_sts::Client {
        let endpoint = self.settings.sts_endpoint.as_ref();
        let config = self
            .calling(self.region(), credentials, endpoint, Attempts::of(invocation))
            .http_client(self.http.reading(self.reading(endpoint, invocation)))
            .use_fips(false)
            .use_dual_stack(false);
        aws_sdk_sts::Client::new(&config.build())
    }

    /// The configuration of a call of DynamoDB that is tried in another way than the client's others.
    pub(crate) fn dynamodb_tried(attempts: Attempts) -> aws_sdk_dynamodb::config::Builder {
        aws_sdk_dynamodb::Config::builder()
            .retry_config(attempts.retries())
            .timeout_config(attempts.timeouts(CALL_TIMEOUT))
    }

    /// A client for DynamoDB. It is kept until one with other credentials is needed.
    pub(crate) fn dynamodb(&self, credentials: &Credentials) -> aws_sdk_dynamodb::Client {
        let mut last = self.dynamodb.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = last.as_ref().filter(|(of, _)| of == credentials) {
            return client.clone();
        }
        let endpoint = self.settings.dynamodb_endpoint.as_ref();
        let reading = Reading { max_body_bytes: MAX_PAGE_BYTES, ..Reading::default() };
        let config = self.calling(self.region(), credentials, endpoint, Attempts::Twice);
        let config = config.http_client(self.http.reading(reading)).build();
        let config = aws_sdk_dynamodb::config::Builder::from(&config).retry_partition(partition());
        let client = aws_sdk_dynamodb::Client::from_conf(config.build());
        *last = Some((credentials.clone(), client.clone()));
        client
    }

    /// A client for SES. It makes each call once: a repeated call could send a second mail.
    pub(crate) fn sesv2(&self, credentials: &Credentials) -> aws_sdk_sesv2::Client {
        let endpoint = self.settings.sesv2_endpoint.as_ref();
        let region = self.settings.ses_region.as_deref().unwrap_or(self.region());
        let config = self
            .calling(region, credentials, endpoint, Attempts::Once)
            .http_client(self.ses_http.client())
            .timeout_config(Attempts::Once.timeouts(SES_TIMEOUT));
        aws_sdk_sesv2::Client::new(&config.build())
    }

    /// The configuration of a client that makes calls.
    fn calling(
        &self,
        region: &str,
        credentials: &Credentials,
        endpoint: Option<&String>,
        attempts: Attempts,
    ) -> Builder {
        self.base(region, credentials, endpoint)
            .http_client(self.http.client())
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .retry_config(attempts.retries())
            .timeout_config(attempts.timeouts(CALL_TIMEOUT))
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

/// Shows nothing of the credentials.
impl fmt::Debug for LastClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LastClient(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn dynamodb_is_called_with_the_credentials_that_were_asked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let aws = Aws::new(AwsSettings {
            region: "eu-west-1".to_owned(),
            dynamodb_endpoint: Some(endpoint),
            ..AwsSettings::default()
        });
        let session =
            |id, token: &str| Credentials::new(id, "secret", Some(token.to_owned()), None, "test");
        let [one, two, renewed] = [session("ONE", "a"), session("TWO", "a"), session("TWO", "b")];
        // The second client of each is the one that was kept.
        for credentials in [&one, &one, &two, &renewed, &renewed, &one] {
            aws.renew_connections();
            let call = aws.dynamodb(credentials).get_item().table_name("shares").send();
            let answer = async {
                let mut stream = listener.accept().await.unwrap().0;
                let mut request = vec![0; 4_096];
                let length = stream.read(&mut request).await.unwrap();
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                stream.write_all(answer).await.unwrap();
                String::from_utf8(request[..length].to_vec()).unwrap()
            };
            let (answered, request) = futures_util::future::join(call, answer).await;
            answered.unwrap();
            let token = credentials.session_token().unwrap();
            assert!(request.contains(&format!("Credential={}/", credentials.access_key_id())));
            assert!(request.contains(&format!("x-amz-security-token: {token}\r\n")), "{request}");
        }
        let shown = format!("{aws:?}");
        assert!(!shown.contains("ONE") && !shown.contains("secret"), "{shown}");
    }

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
