//! The HTTP client for the calls this function makes itself: STS, `HeadBucket`, the one-byte check,
//! the credentials chain, and what mailing asks of S3, DynamoDB and SES. Signing makes no call and
//! never touches this.
//!
//! It is made when the first call needs it, and it parses no more certificates than it must: AWS's
//! endpoints chain to Amazon's five roots, which are built in, while parsing all of a system's is
//! most of what starting with the SDK's defaults costs. Whatever does not verify against the five
//! is tried once more with the system's; nothing goes unverified.

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
use aws_smithy_types::timeout::TimeoutConfig;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a whole call may take, retries included.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// The roots that AWS's endpoints chain to, PEM. Amazon Trust Services recommends all five to
/// whoever keeps a trust store of their own.
///
/// Source: <https://www.amazontrust.com/repository/>.
const AMAZON_ROOTS: &str = include_str!("outbound/amazon-roots.pem");

/// Which certificate authorities are believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Amazon's own first, the system's for what doesn't chain to them.
    #[default]
    AmazonFirst,
    /// The system's, or those that `SSL_CERT_FILE` or `SSL_CERT_DIR` name.
    System,
}

/// Makes the HTTP connector when the first call needs it.
pub struct Outbound {
    trust: Trust,
    /// How long a server may take to answer.
    patience: Duration,
    connector: OnceLock<SharedHttpConnector>,
}

impl Outbound {
    /// Nothing is made yet.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        Self::patient(trust, CALL_TIMEOUT)
    }

    /// The same, but with `patience` for an answer instead of [`CALL_TIMEOUT`]: for calls that must
    /// not be given up while they may yet succeed.
    #[must_use]
    pub fn patient(trust: Trust, patience: Duration) -> Self {
        Self { trust, patience, connector: OnceLock::new() }
    }

    /// The connector, made now if it wasn't before. All calls share its connections.
    #[must_use]
    pub fn connector(&self) -> SharedHttpConnector {
        let make = || match self.trust {
            Trust::AmazonFirst => SharedHttpConnector::new(AmazonFirst {
                amazon: trusting_amazon(self.patience),
                system: Arc::default(),
                make_system: trusting_the_system,
                patience: self.patience,
            }),
            Trust::System => trusting_the_system(self.patience),
        };
        self.connector.get_or_init(make).clone()
    }

    /// The same connector, in the form SDK clients take.
    #[must_use]
    pub fn http_client(&self) -> SharedHttpClient {
        let connector = self.connector();
        http_client_fn(move |_, _| connector.clone())
    }
}

impl Default for Outbound {
    fn default() -> Self {
        Self::new(Trust::default())
    }
}

fn trusting_amazon(patience: Duration) -> SharedHttpConnector {
    connector(TrustStore::empty().with_pem_certificate(AMAZON_ROOTS.as_bytes()), patience)
}

fn trusting_the_system(patience: Duration) -> SharedHttpConnector {
    connector(TrustStore::default(), patience)
}

fn connector(trust_store: TrustStore, patience: Duration) -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(patience)
        .build();
    let builder = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .connector_settings(settings)
        .sleep_impl(TokioSleep::new());
    // Building a context of a trust store alone has nothing that could fail; its error exists for
    // other providers, and the default would be the system's roots.
    let context = TlsContext::builder().with_trust_store(trust_store).build().unwrap_or_default();
    SharedHttpConnector::new(builder.tls_context(context).build())
}

/// Tries Amazon's roots, then the system's.
#[derive(Debug)]
struct AmazonFirst {
    amazon: SharedHttpConnector,
    /// Made when it is first needed, and from then on the only one that is asked.
    system: Arc<OnceLock<SharedHttpConnector>>,
    make_system: fn(Duration) -> SharedHttpConnector,
    patience: Duration,
}

impl HttpConnector for AmazonFirst {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (amazon, system) = (self.amazon.clone(), Arc::clone(&self.system));
        let (make_system, patience) = (self.make_system, self.patience);
        HttpConnectorFuture::new(async move {
            if let Some(system) = system.get() {
                return system.call(request).await;
            }
            let again = request.try_clone();
            match (amazon.call(request).await, again) {
                (Err(error), Some(request)) if !error.is_timeout() && is_about_trust(&error) => {
                    system.get_or_init(|| make_system(patience)).call(request).await
                }
                (outcome, _) => outcome,
            }
        })
    }
}

/// Whether a call failed because the server's certificate chains to none of the roots.
fn is_about_trust(error: &(dyn std::error::Error + 'static)) -> bool {
    causes(error).contains("UnknownIssuer")
}

/// Shows what it trusts and whether it has been needed yet.
impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("trust", &self.trust)
            .field("made", &self.connector.get().is_some())
            .field("patience", &self.patience)
            .finish()
    }
}

/// The time-outs of every call but those that need more patience.
#[must_use]
pub fn timeouts() -> TimeoutConfig {
    timeouts_within(CALL_TIMEOUT)
}

/// The time-outs of a call that may take `whole`, retries included.
#[must_use]
pub fn timeouts_within(whole: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_timeout(whole).build()
}

/// An error with all of its causes, in words. Unlike the SDK's `DisplayErrorContext` it prints no
/// `Debug` form, which would hold the raw answer, tokens included.
#[must_use]
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;
    use base64::Engine;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Fails with these words, or answers where there are none.
    #[derive(Debug)]
    struct Scripted(Option<&'static str>);

    static ASKED: AtomicUsize = AtomicUsize::new(0);

    impl HttpConnector for Scripted {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            ASKED.fetch_add(1, Ordering::SeqCst);
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
            patience: CALL_TIMEOUT,
        }
    }

    #[tokio::test]
    async fn only_what_does_not_chain_to_amazon_s_roots_is_tried_with_the_system_s() {
        let request = || HttpRequest::new(SdkBody::empty());
        let unknown = amazon_failing_with("invalid peer certificate: UnknownIssuer");
        assert!(unknown.call(request()).await.is_ok());
        assert_eq!(ASKED.load(Ordering::SeqCst), 2);
        assert!(unknown.call(request()).await.is_ok());
        assert_eq!(ASKED.load(Ordering::SeqCst), 3, "the system's are remembered");

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
        // And they parse: a connector that could not be made would stop the function.
        let _ = trusting_amazon(CALL_TIMEOUT);
    }
}
