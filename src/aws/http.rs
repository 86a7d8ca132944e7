//! The HTTP client for the calls this function makes: to STS, S3, DynamoDB and SES, for the
//! one-byte check, and for the credentials chain. Signing makes no call and does not use it.
//!
//! The client is made when the first call needs it. It parses few certificates: AWS's endpoints
//! chain to Amazon's five roots, which are built in. Parsing all roots of a system is most of what
//! a start with the SDK's defaults costs. A certificate that chains to none of the five is verified
//! once more with the system's roots. No certificate goes unverified.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use super::errors::error_chain;

/// How long a connection may take to be made.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a whole call may take, retries included.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// The roots that AWS's endpoints chain to, as PEM. Amazon Trust Services recommends that trust
/// stores hold all five.
///
/// Source: <https://www.amazontrust.com/repository/>.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");

/// Which certificate authorities are trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Amazon's own first, and the system's for certificates that don't chain to them.
    #[default]
    AmazonFirst,
    /// The system's, or those that `SSL_CERT_FILE` or `SSL_CERT_DIR` name.
    System,
}

/// An HTTP client that is made when the first call needs it. Clones share it.
#[derive(Clone)]
pub struct AwsHttp(Arc<LazyConnector>);

struct LazyConnector {
    trust: Trust,
    /// How long a server may take to answer.
    read_timeout: Duration,
    connector: OnceLock<SharedHttpConnector>,
}

impl AwsHttp {
    /// A client that is not made yet.
    #[must_use]
    pub fn new(trust: Trust, read_timeout: Duration) -> Self {
        Self(Arc::new(LazyConnector { trust, read_timeout, connector: OnceLock::new() }))
    }

    /// The connector, which is made now if it was not made before. All calls share its connections.
    pub(crate) fn connector(&self) -> SharedHttpConnector {
        let LazyConnector { trust, read_timeout, connector } = &*self.0;
        let make = || match trust {
            Trust::AmazonFirst => SharedHttpConnector::new(AmazonFirst {
                amazon: trusting_amazon(*read_timeout),
                system: Arc::default(),
                make_system: trusting_the_system,
                read_timeout: *read_timeout,
            }),
            Trust::System => trusting_the_system(*read_timeout),
        };
        connector.get_or_init(make).clone()
    }

    /// The same connector, in the form that SDK clients take.
    pub(crate) fn client(&self) -> SharedHttpClient {
        let connector = self.connector();
        http_client_fn(move |_, _| connector.clone())
    }
}

fn trusting_amazon(read_timeout: Duration) -> SharedHttpConnector {
    connector(TrustStore::empty().with_pem_certificate(AMAZON_ROOTS.as_bytes()), read_timeout)
}

fn trusting_the_system(read_timeout: Duration) -> SharedHttpConnector {
    connector(TrustStore::default(), read_timeout)
}

fn connector(trust_store: TrustStore, read_timeout: Duration) -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(read_timeout)
        .build();
    let builder = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .connector_settings(settings)
        .sleep_impl(TokioSleep::new());
    // Building a context from a trust store alone can't fail. The error exists for other providers,
    // and the default context would trust the system's roots.
    let context = TlsContext::builder().with_trust_store(trust_store).build().unwrap_or_default();
    SharedHttpConnector::new(builder.tls_context(context).build())
}

/// Verifies with Amazon's roots, then with the system's.
#[derive(Debug)]
struct AmazonFirst {
    amazon: SharedHttpConnector,
    /// Made when a certificate needs it. From then on all calls use it.
    system: Arc<OnceLock<SharedHttpConnector>>,
    make_system: fn(Duration) -> SharedHttpConnector,
    read_timeout: Duration,
}

impl HttpConnector for AmazonFirst {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (amazon, system) = (self.amazon.clone(), Arc::clone(&self.system));
        let (make_system, read_timeout) = (self.make_system, self.read_timeout);
        HttpConnectorFuture::new(async move {
            if let Some(system) = system.get() {
                return system.call(request).await;
            }
            let second_try = request.try_clone();
            match (amazon.call(request).await, second_try) {
                (Err(error), Some(request)) if !error.is_timeout() && is_about_trust(&error) => {
                    system.get_or_init(|| make_system(read_timeout)).call(request).await
                }
                (outcome, _) => outcome,
            }
        })
    }
}

/// Whether a call failed because the server's certificate chains to none of the roots.
fn is_about_trust(error: &(dyn std::error::Error + 'static)) -> bool {
    error_chain(error).contains("UnknownIssuer")
}

/// Shows what is trusted and whether a call was made yet.
impl fmt::Debug for AwsHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsHttp")
            .field("trust", &self.0.trust)
            .field("read_timeout", &self.0.read_timeout)
            .field("made", &self.0.connector.get().is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;
    use base64::Engine;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Fails with this message, or answers if there is none.
    #[derive(Debug)]
    struct Scripted(Option<&'static str>);

    static CALLS: AtomicUsize = AtomicUsize::new(0);

    impl HttpConnector for Scripted {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            CALLS.fetch_add(1, Ordering::SeqCst);
            HttpConnectorFuture::ready(match self.0 {
                Some(words) => Err(ConnectorError::other(words.into(), None)),
                None => Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::empty())),
            })
        }
    }

    fn amazon_failing_with(words: &'static str) -> AmazonFirst {
        AmazonFirst {
            amazon: SharedHttpConnector::new(Scripted(Some(words))),
            system: Arc::default(),
            make_system: |_| SharedHttpConnector::new(Scripted(None)),
            read_timeout: CALL_TIMEOUT,
        }
    }

    #[tokio::test]
    async fn only_a_certificate_without_an_amazon_root_is_verified_with_the_system_s_roots() {
        let request = || HttpRequest::new(SdkBody::empty());
        let unknown = amazon_failing_with("invalid peer certificate: UnknownIssuer");
        assert!(unknown.call(request()).await.is_ok());
        assert_eq!(CALLS.load(Ordering::SeqCst), 2);
        assert!(unknown.call(request()).await.is_ok());
        assert_eq!(CALLS.load(Ordering::SeqCst), 3, "the system's roots are used from then on");

        for words in ["invalid peer certificate: Expired", "connection refused"] {
            assert!(amazon_failing_with(words).call(request()).await.is_err(), "{words}");
        }
    }

    #[test]
    fn the_roots_built_in_are_amazon_s_five() {
        // As published at https://www.amazontrust.com/repository/ and in Mozilla's root store.
        let published = [
            "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
            "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
            "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
            "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
            "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
        ];
        let built_in: Vec<_> = AMAZON_ROOTS
            .split("-----BEGIN CERTIFICATE-----")
            .skip(1)
            .map(|pem| pem.split("-----END").next().unwrap().split_whitespace().collect::<String>())
            .map(|text| base64::engine::general_purpose::STANDARD.decode(text).unwrap())
            .map(|der| format!("{:?}", ring::digest::digest(&ring::digest::SHA256, &der)))
            .map(|hash| hash.trim_start_matches("SHA256:").to_owned())
            .collect();
        assert_eq!(built_in, published);
        // They must parse as well: a connector that can't be made would stop the function.
        let _ = trusting_amazon(CALL_TIMEOUT);
    }
}
