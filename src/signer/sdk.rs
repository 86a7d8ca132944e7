//! Links that [`super::signature`] does not make, signed by aws-sdk-s3 itself: those of
//! multi-region access points, which want Signature Version 4A, an elliptic curve's.
//!
//! It is the slow way, and nothing else goes it. It makes no call: the client has no HTTP client,
//! and the snapshot of credentials that was examined for an identity.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Config, IdentityCache, Region};
use aws_sdk_s3::presigning::PresigningConfig;
use futures_util::FutureExt;

use super::{SignerSettings, Target};
use crate::outbound;
use crate::window::Window;

/// The SDK's client, which signs.
pub(super) struct SdkSigner(Client);

impl SdkSigner {
    pub(super) fn new(credentials: &Credentials, settings: &SignerSettings, region: &str) -> Self {
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            // None of what the SDK would wait for, so that it answers at once and needs no clock.
            .identity_cache(IdentityCache::no_cache())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .use_fips(settings.use_fips)
            .use_dual_stack(settings.use_dual_stack);
        config.set_endpoint_url(settings.endpoint.clone());
        Self(Client::from_conf(config.build()))
    }

    /// The presigned URL, or in words why there is none.
    pub(super) fn sign(&self, target: &Target<'_>, window: &Window) -> Result<String, String> {
        let signed_at =
            SystemTime::try_from(window.signed_at).map_err(|error| error.to_string())?;
        let presigning = PresigningConfig::builder()
            .start_time(signed_at)
            .expires_in(Duration::from_secs(window.expires_in))
            .build()
            .map_err(|error| error.to_string())?;
        let link_id = format!("&x-link-id={}", target.link_id);
        let added = link_id.clone();
        let headers = target.response_headers;
        let presigned = self
            .0
            .get_object()
            .bucket(target.bucket)
            .key(target.key)
            .set_version_id(target.version_id.map(str::to_owned))
            .set_response_content_disposition(headers.content_disposition.clone())
            .set_response_content_type(headers.content_type.clone())
            .customize()
            .mutate_request(move |request| {
                let uri = format!("{}{added}", request.uri());
                // If that fails, the link is without it, which is looked at below.
                let _ = request.set_uri(uri);
            })
            .presigned(presigning)
            .now_or_never()
            .ok_or("the SDK did not sign at once")?
            .map_err(|error| outbound::causes(&error))?;
        // Whoever opens a link sends the host and nothing else.
        if presigned.headers().next().is_some() || !presigned.uri().contains(link_id.as_str()) {
            return Err("the SDK signed another request than it was given".to_owned());
        }
        Ok(presigned.uri().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_client_that_signs_has_nothing_to_make_a_call_with() {
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "test");
        let signer = SdkSigner::new(&credentials, &SignerSettings::default(), "eu-west-1");
        let error = signer.0.get_object().bucket("files").key("a").send().await.unwrap_err();
        let causes = outbound::causes(&error);
        assert!(causes.contains("No HTTP client was available"), "{causes}");
    }
}
