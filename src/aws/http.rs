//! The HTTP client for the calls this function makes: to STS, S3, DynamoDB and SES, for the
//! one-byte check, and for the credentials chain. Signing makes no call and does not use it.
//!
//! The client is made when the first call needs it. It parses few certificates: AWS's endpoints
//! chain to Amazon's five roots, which are built in. Parsing all roots of a system is most of what
//! a start with the SDK's defaults costs. A certificate that chains to none of the five is verified
//! once more with the system's roots. No certificate goes unverified.
//!
//! A connection serves one invocation. Between invocations Lambda freezes the function, and servers
//! close connections that lie idle. A call through such a connection fails, or worse: nobody can say
//! whether it arrived. So each invocation makes connections of its own, and so does whatever follows
//! a call that got no answer.
//!
//! No body of an answer is read past what the call can need: [`MAX_BODY_BYTES`], or more where AWS can
//! send more. An answer of S3 or STS says how late it is, and the [`Clock`] hears it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::errors::error_chain;
use super::retry::CONNECT_TIMEOUT;
use crate::invocation::Clock;

/// How much of an answer's body is read, in bytes, where the call names no other bound. The largest
/// that is needed is the object that `GRANTS` names, which may have as many. An endpoint that sends
/// without end would otherwise fill the memory.
pub(super) const MAX_BODY_BYTES: usize = 256 * 1_024;

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
pub struct AwsHttp(Arc<Connections>);

/// The connections of one invocation.
struct Connections {
    trust: Trust,
    /// How long a server may take to answer.
    read_timeout: Duration,
    /// Whether a server was met whose certificate chains to none of Amazon's roots.
    needs_system: Arc<AtomicBool>,
    /// `None`: the next call makes connections of its own.
    current: Mutex<Option<Current>>,
}

#[derive(Clone)]
struct Current {
    connector: SharedHttpConnector,
    /// Tells these connections from those that were made before and after them.
    made: Arc<()>,
}

impl AwsHttp {
    /// A client that is not made yet.
    #[must_use]
    pub fn new(trust: Trust, read_timeout: Duration) -> Self {
        Self(Arc::new(Connections {
            trust,
            read_timeout,
            needs_system: Arc::default(),
            current: Mutex::default(),
        }))
    }

    /// Leaves the connections that there are to the calls that use them. The next call makes new
    /// ones.
    pub(crate) fn renew(&self) {
        *self.0.current() = None;
    }

    /// A client for calls of which nothing special is read. All calls share its connections until they
    /// are renewed.
    pub(crate) fn client(&self) -> SharedHttpClient {
        self.reading(Reading::default())
    }

    /// A client that reads answers in this way. It shares the connections.
    pub(crate) fn reading(&self, reading: Reading) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(Client { http: self.clone(), reading });
        http_client_fn(move |_, _| connector.clone())
    }
}

/// What is read of the answers to a call.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// How much of a body is read, in bytes.
    pub(crate) max_body_bytes: usize,
    /// Hears how late it is. `None`: whoever answers is not believed.
    pub(crate) clock: Option<Clock>,
}

impl Default for Reading {
    fn default() -> Self {
        Self { max_body_bytes: MAX_BODY_BYTES, clock: None }
    }
}

/// Makes calls, and reads the answers in a way of its own.
#[derive(Debug)]
struct Client {
    http: AwsHttp,
    reading: Reading,
}

impl HttpConnector for Client {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connections = Arc::clone(&self.http.0);
        let Reading { max_body_bytes, clock } = self.reading.clone();
        HttpConnectorFuture::new(async move {
            let asked_at = clock.as_ref().map(Clock::host);
            let answer = connections.call(request).await?;
            if let Some((clock, asked_at)) = clock.as_ref().zip(asked_at)
                && let Some(said) = answer.headers().get("date").and_then(date)
            {
                clock.hear(said, asked_at, clock.host());
            }
            Ok(answer.map(|body| SdkBody::from_body_1_x(Limited::new(body, max_body_bytes))))
        })
    }
}

/// The instant of a header `Date`.
///
/// Source: RFC 9110, section 6.6.1.
fn date(header: &str) -> Option<Timestamp> {
    rfc2822::parse(header).ok().map(|date| date.timestamp())
}

impl Connections {
    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get_or_make(&self) -> Current {
        let make = || Current { connector: self.make(), made: Arc::default() };
        self.current().get_or_insert_with(make).clone()
    }

    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let current = self.get_or_make();
        // A call that is given up is dropped here, and then its connections are doubtful too.
        let doubt = Doubt { connections: self, made: &current.made };
        let answer = current.connector.call(request).await?;
        std::mem::forget(doubt);
        Ok(answer)
    }

    fn make(&self) -> SharedHttpConnector {
        let read_timeout = self.read_timeout;
        if self.trust == Trust::System || self.needs_system.load(Ordering::Relaxed) {
            return trusting_the_system(read_timeout);
        }
        SharedHttpConnector::new(AmazonFirst(Arc::new(Both {
            amazon: trusting_amazon(read_timeout),
            needs_system: Arc::clone(&self.needs_system),
            system: OnceLock::new(),
            make_system: trusting_the_system,
            read_timeout,
        })))
    }
}

/// When it is dropped, the connections that were used are replaced, unless they were already.
struct Doubt<'a> {
    connections: &'a Connections,
    made: &'a Arc<()>,
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        let mut current = self.connections.current();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(&current.made, self.made)) {
            *current = None;
        }
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
struct AmazonFirst(Arc<Both>);

#[derive(Debug)]
struct Both {
    amazon: SharedHttpConnector,
    /// Set when a certificate needs the system's roots. From then on all calls use them.
    needs_system: Arc<AtomicBool>,
    /// Made when a certificate needs it.
    system: OnceLock<SharedHttpConnector>,
    make_system: fn(Duration) -> SharedHttpConnector,
    read_timeout: Duration,
}

impl HttpConnector for AmazonFirst {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let both = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            if let Some(system) = both.system.get() {
                return system.call(request).await;
            }
            let second_try = request.try_clone();
            match (both.amazon.call(request).await, second_try) {
                (Err(error), Some(request)) if !error.is_timeout() && is_about_trust(&error) => {
                    both.needs_system.store(true, Ordering::Relaxed);
                    let make = || (both.make_system)(both.read_timeout);
                    both.system.get_or_init(make).call(request).await
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
            .field("made", &self.0.current().is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::CALL_TIMEOUT;
    use base64::Engine;
    use http_body_util::BodyExt;
    use std::sync::atomic::AtomicUsize;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    /// Fails with this message, or answers if there is none.
    #[derive(Debug)]
    struct Scripted(Option<&'static str>);

    fn connections(http: &AwsHttp) -> SharedHttpConnector {
        SharedHttpConnector::new(Client { http: http.clone(), reading: Reading::default() })
    }

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
        AmazonFirst(Arc::new(Both {
            amazon: SharedHttpConnector::new(Scripted(Some(words))),
            needs_system: Arc::default(),
            system: OnceLock::new(),
            make_system: |_| SharedHttpConnector::new(Scripted(None)),
            read_timeout: CALL_TIMEOUT,
        }))
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

    /// A server on this machine that gives each connection to `serve`.
    async fn server<F: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(TcpStream) -> F + Send + Sync + 'static,
    ) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                tokio::spawn(serve(listener.accept().await.unwrap().0));
            }
        });
        url
    }

    fn request(url: &str) -> HttpRequest {
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_uri(url).unwrap();
        request
    }

    #[tokio::test]
    async fn a_body_without_end_is_not_read() {
        let url = server(async |mut stream| {
            let _ = stream.read(&mut [0; 4_096]).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            while stream.write_all(&[b'a'; 8_192]).await.is_ok() {}
        })
        .await;
        let http = AwsHttp::new(Trust::System, CALL_TIMEOUT);
        let answer = connections(&http).call(request(&url)).await.unwrap();
        let error = answer.into_body().collect().await.unwrap_err();
        assert!(error_chain(&*error).contains("length limit exceeded"), "{error}");
    }

    #[tokio::test]
    async fn connections_last_until_they_are_renewed_or_a_call_gets_no_answer() {
        static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);
        // Each connection answers two requests. It hangs up on the third.
        let url = server(async |mut stream| {
            CONNECTIONS.fetch_add(1, Ordering::SeqCst);
            for _ in 0..2 {
                let _ = stream.read(&mut [0; 4_096]).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            }
            let _ = stream.read(&mut [0; 4_096]).await;
        })
        .await;
        let http = AwsHttp::new(Trust::System, CALL_TIMEOUT);
        let connector = connections(&http);
        let call = async || match connector.call(request(&url)).await {
            Ok(answer) => answer.into_body().collect().await.is_ok(),
            Err(_) => false,
        };
        assert!(call().await && call().await);
        assert_eq!(CONNECTIONS.load(Ordering::SeqCst), 1);
        http.renew();
        assert!(call().await && call().await);
        assert_eq!(CONNECTIONS.load(Ordering::SeqCst), 2, "renewed");
        assert!(!call().await);
        assert!(call().await);
        assert_eq!(CONNECTIONS.load(Ordering::SeqCst), 3, "after a call without an answer");
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
