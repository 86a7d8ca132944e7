//! Presigned URLs: one session's credentials, one window, one object, one GET.
//!
//! aws-sdk-s3 signs. Its client here has no HTTP client at all, so signing can't make a call, and
//! it holds the one snapshot of credentials that was examined, so nothing else can sign.
//!
//! This module decides no length: the window comes in, and the URL says exactly that.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Region, ResponseChecksumValidation};
use aws_sdk_s3::presigning::PresigningConfig;
use thiserror::Error;

use crate::outbound;
use crate::response_headers::ResponseHeaders;
use crate::window::Window;

/// How S3 is reached, apart from the bucket and its region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignerSettings {
    /// Another S3 than AWS's (`AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`).
    pub endpoint: Option<String>,
    /// FIPS endpoints (`AWS_USE_FIPS_ENDPOINT`).
    pub use_fips: bool,
    /// Dual-stack endpoints (`AWS_USE_DUALSTACK_ENDPOINT`).
    pub use_dual_stack: bool,
}

/// What a link is signed for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Bucket name, access point alias or access point ARN.
    pub bucket: &'a str,
    /// The bucket's own region: S3 answers links signed for another one with an error.
    pub region: &'a str,
    /// The object.
    pub key: &'a str,
    /// One particular version of it.
    pub version_id: Option<&'a str>,
    /// What S3 shall answer in its headers.
    pub response_headers: &'a ResponseHeaders,
    /// Signed in as `x-link-id`. S3 ignores query parameters that begin with `x-` and writes them
    /// into its access log.
    ///
    /// Source: Amazon S3 user guide, "Amazon S3 server access log format", custom access log
    /// information. A UUID: it must not need percent-encoding.
    pub link_id: &'a str,
}

/// A URL could not be signed, or not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignError {
    /// The SDK refused; its words never hold a signature, since none was made.
    #[error("S3's SDK could not sign this: {0}")]
    Sdk(String),
    /// Another key than the examined one would have signed.
    #[error("the link was not signed with the credentials that were examined")]
    OtherCredentials,
    /// More than the host would have to be sent with the link, which a browser can't.
    #[error("the link would need more headers than a browser sends")]
    MoreThanHost,
    /// S3's access log would not name the link.
    #[error("the link would not bear its x-link-id")]
    Untraceable,
}

/// Signs with one snapshot of credentials.
pub struct Signer {
    credentials: Credentials,
    settings: SignerSettings,
    /// One client a region; a function's buckets lie in very few.
    clients: Mutex<Vec<(String, Client)>>,
}

impl Signer {
    /// Signs with exactly these `credentials`.
    #[must_use]
    pub fn new(credentials: &Credentials, settings: &SignerSettings) -> Self {
        // Their end is the window's business. Known to the SDK it would only make it complain.
        let mut credentials = credentials.clone();
        *credentials.expiry_mut() = None;
        Self { credentials, settings: settings.clone(), clients: Mutex::default() }
    }

    /// The presigned URL for `target` and `window`.
    ///
    /// # Errors
    ///
    /// [`SignError`]; no URL leaves here that another key signed or that needs another header
    /// than `host`.
    pub async fn sign(&self, target: &Target<'_>, window: &Window) -> Result<String, SignError> {
        let signed_at = SystemTime::try_from(window.signed_at)
            .map_err(|error| SignError::Sdk(error.to_string()))?;
        let presigning = PresigningConfig::builder()
            .start_time(signed_at)
            .expires_in(Duration::from_secs(window.expires_in))
            .build()
            .map_err(|error| SignError::Sdk(error.to_string()))?;
        let link_id = target.link_id.to_owned();
        let presigned = self
            .client(target.region)
            .get_object()
            .bucket(target.bucket)
            .key(target.key)
            .set_version_id(target.version_id.map(str::to_owned))
            .set_response_content_disposition(target.response_headers.content_disposition.clone())
            .set_response_content_type(target.response_headers.content_type.clone())
            .customize()
            .mutate_request(move |request| {
                let separator = if request.uri().contains('?') { '&' } else { '?' };
                let uri = format!("{}{separator}x-link-id={link_id}", request.uri());
                // Appending to the query keeps a URI valid; if it ever did not, the check below
                // finds the parameter missing.
                let _ = request.set_uri(uri);
            })
            .presigned(presigning)
            .await
            .map_err(|error| SignError::Sdk(outbound::causes(&error)))?;
        if presigned.headers().next().is_some() {
            return Err(SignError::MoreThanHost);
        }
        let url = presigned.uri();
        if !names_key(url, self.credentials.access_key_id()) {
            return Err(SignError::OtherCredentials);
        }
        if !url.contains(&format!("x-link-id={}", target.link_id)) {
            return Err(SignError::Untraceable);
        }
        Ok(url.to_owned())
    }

    fn client(&self, region: &str) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = clients.iter().find(|(known, _)| known == region) {
            return client.clone();
        }
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(self.credentials.clone()))
            // Otherwise the SDK asks for a checksum with a header, which a browser can't send.
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .use_fips(self.settings.use_fips)
            .use_dual_stack(self.settings.use_dual_stack);
        config.set_endpoint_url(self.settings.endpoint.clone());
        let client = Client::from_conf(config.build());
        clients.push((region.to_owned(), client.clone()));
        client
    }
}

/// Whether `X-Amz-Credential` of the URL begins with this access key id.
fn names_key(url: &str, access_key_id: &str) -> bool {
    url.split_once("X-Amz-Credential=")
        .and_then(|(_, rest)| rest.strip_prefix(access_key_id))
        .is_some_and(|rest| rest.starts_with("%2F"))
}

/// Shows the access key id and hides the rest.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("access_key_id", &self.credentials.access_key_id())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
