//! Requests for URLs that are signed already: no signature is added and no header of the SDK's. They are
//! tried, timed out and sent as all calls are.

use std::convert::Infallible;

use aws_sdk_s3::config::BehaviorVersion;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::TransientErrorClassifier;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::DeserializeResponse;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{ConfigBag, Layer};

use super::retry::{Attempts, CALL_TIMEOUT, partition};
use super::{Aws, error_chain};
use crate::invocation::Invocation;

/// A request for a presigned URL.
pub(crate) struct PresignedRequest<'a> {
    /// The method that the URL is signed for.
    pub(crate) method: &'static str,
    /// The URL.
    pub(crate) url: &'a str,
    /// The headers besides `host`.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// The body. Empty: it has none.
    pub(crate) body: &'static str,
}

/// The answer to `request`. Its body is not read yet.
///
/// # Errors
///
/// Why there is no answer. The text holds no part of the URL.
pub(crate) async fn send(
    aws: &Aws,
    request: PresignedRequest<'_>,
    invocation: &Invocation,
) -> Result<HttpResponse, String> {
    let PresignedRequest { method, url, headers, body } = request;
    let attempts = Attempts::of(invocation);
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let headers: Vec<_> = headers.iter().map(owned).collect();
    let request = move |url: Presigned| -> Result<HttpRequest, BoxError> {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(method)?;
        request.set_uri(url.0)?;
        for (name, value) in &headers {
            request.headers_mut().try_insert(name.clone(), value.clone())?;
        }
        Ok(request)
    };
    let mut retries = Layer::new("retries");
    retries.store_put(partition());
    let operation = Operation::builder()
        .service_name("s3")
        .operation_name("GetPresigned")
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws.http_for_links(invocation))
        .endpoint_url(origin(url))
        .no_auth()
        .standard_retry(&attempts.retries())
        .runtime_plugin(StaticRuntimePlugin::new().with_config(retries.freeze()))
        .retry_classifier(TransientErrorClassifier::<Infallible>::new())
        .timeout_config(attempts.timeouts(CALL_TIMEOUT))
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new())
        .serializer(request)
        .deserializer_impl::<HttpResponse, Infallible>(AsItIs)
        .build();
    let answer = Box::pin(operation.invoke(Presigned(url.to_owned())));
    answer.await.map_err(|error| match error {
        SdkError::TimeoutError(_) => format!("no answer within {} s", CALL_TIMEOUT.as_secs()),
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) => error_chain(error),
            None => "no answer".to_owned(),
        },
        error => error_chain(&error),
    })
}

/// A presigned URL. Its `Debug` hides it.
struct Presigned(String);

impl std::fmt::Debug for Presigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Presigned(hidden)")
    }
}

/// The scheme and the host of a URL.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    let end = url[host..].find(['/', '?']).map_or(url.len(), |path| host + path);
    &url[..end]
}

/// Hands the answer over, whatever its status. Whoever gets it reads the body.
#[derive(Debug)]
struct AsItIs;

impl DeserializeResponse for AsItIs {
    fn deserialize_streaming_with_config(
        &self,
        response: &mut HttpResponse,
        _: &ConfigBag,
    ) -> Option<Result<Output, OrchestratorError<Error>>> {
        let rest = HttpResponse::new(response.status(), SdkBody::empty());
        Some(Ok(Output::erase(std::mem::replace(response, rest))))
    }

    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        // Never called: the method above takes every answer.
        Ok(Output::erase(HttpResponse::new(response.status(), SdkBody::empty())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_all_before_the_path() {
        assert_eq!(origin("https://b.s3.amazonaws.com/a//b?X=1/2"), "https://b.s3.amazonaws.com");
        assert_eq!(origin("http://127.0.0.1:9000/b/a?x"), "http://127.0.0.1:9000");
        assert_eq!(origin("https://host?x=/"), "https://host");
        assert_eq!(origin("https://host"), "https://host");
    }
}
