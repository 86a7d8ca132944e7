//! The one HTTP client for the calls this function makes itself: STS, `HeadBucket`, the one-byte
//! check and the credentials chain. Signing makes no call and never touches this.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_types::timeout::TimeoutConfig;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a whole call may take, retries included.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// Makes the HTTP connector when the first call needs it: parsing the system's root certificates
/// is most of what starting with the SDK's defaults costs, and many invocations call nobody.
#[derive(Default)]
pub struct Outbound(OnceLock<SharedHttpConnector>);

impl Outbound {
    /// The connector, made now if it wasn't before. All calls share its connections.
    #[must_use]
    pub fn connector(&self) -> SharedHttpConnector {
        self.0.get_or_init(connect_with_system_roots).clone()
    }

    /// The same connector, in the form SDK clients take.
    #[must_use]
    pub fn http_client(&self) -> SharedHttpClient {
        let connector = self.connector();
        http_client_fn(move |_, _| connector.clone())
    }
}

fn connect_with_system_roots() -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(CALL_TIMEOUT)
        .build();
    let connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .connector_settings(settings)
        .sleep_impl(TokioSleep::new())
        .build();
    SharedHttpConnector::new(connector)
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Outbound").field(&self.0.get().is_some()).finish()
    }
}

/// The time-outs of every call.
#[must_use]
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build()
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
