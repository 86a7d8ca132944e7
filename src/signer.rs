//! Presigned URLs: one session's credentials, one window, one object, one GET.
//!
//! Where S3 is reached is for the SDK's own endpoint rules to say ([`endpoint`]); the signature is
//! computed here ([`signature`]), since the SDK derives the signing key and runs its orchestrator
//! anew for every URL. aws-sdk-s3 is the oracle: a property test demands its URL byte for byte.
//! Where the rules want Signature Version 4A, the SDK signs ([`sdk`]). Nothing here can make a
//! call, and a signer holds one snapshot of credentials, so nothing else can sign.
//!
//! This module decides no length: the window comes in, and the URL says exactly that. Directory
//! buckets get no links: their signatures rest on sessions of five minutes that S3 gives out for
//! the asking, and the SDK tells nobody when the one it asked for ends.

pub mod endpoint;
mod sdk;
mod signature;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_credential_types::Credentials;
use thiserror::Error;

use self::endpoint::{Endpoint, Scheme};
use self::sdk::SdkSigner;
use self::signature::{Second, Signatory};
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
    /// Bucket name, access point alias or access point ARN, a multi-region one's too.
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
    /// into its access log. A UUID: it must not need percent-encoding.
    ///
    /// Source: Amazon S3 user guide, "Amazon S3 server access log format", custom access log
    /// information.
    pub link_id: &'a str,
}

/// A URL could not be signed, or not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignError {
    /// The endpoint rules know no place for this bucket and region.
    #[error("there is no S3 endpoint for bucket {bucket:?} in region {region:?}: {reason}")]
    NoEndpoint {
        /// The bucket.
        bucket: String,
        /// The region.
        region: String,
        /// The rules' own words.
        reason: String,
    },
    /// The endpoint wants a scheme that nobody here can sign with.
    #[error("bucket {bucket:?} wants links signed with {scheme}, which this function does not do")]
    OtherScheme {
        /// The bucket.
        bucket: String,
        /// The scheme's name.
        scheme: String,
    },
    /// It was for the SDK to sign, and it did not.
    #[error("a link to bucket {bucket:?} could not be signed: {reason}")]
    Sdk {
        /// The bucket.
        bucket: String,
        /// The SDK's own words, or ours about what it did.
        reason: String,
    },
}

/// Signs with one snapshot of credentials.
pub struct Signer {
    credentials: Credentials,
    signatory: Signatory,
    settings: SignerSettings,
    /// What has been worked out for each bucket; a function serves very few.
    places: Mutex<Vec<Place>>,
}

/// What stays the same for all links to one bucket.
struct Place {
    bucket: String,
    region: String,
    way: Way,
}

/// How a bucket's links are signed.
#[allow(clippy::large_enum_variant, reason = "there are few, and nearly all are the large one")]
enum Way {
    /// By us: with what stays the same for good, and for a second.
    Ours(Endpoint, Option<Second>),
    /// By the SDK.
    TheSdk(SdkSigner),
}

impl Signer {
    /// Signs with exactly these `credentials`.
    #[must_use]
    pub fn new(credentials: &Credentials, settings: &SignerSettings) -> Self {
        Self {
            credentials: credentials.clone(),
            signatory: Signatory::new(credentials),
            settings: settings.clone(),
            places: Mutex::default(),
        }
    }

    /// The presigned URL for `target` and `window`.
    ///
    /// # Errors
    ///
    /// [`SignError`] when the bucket has no endpoint whose scheme can be signed with.
    pub fn sign(&self, target: &Target<'_>, window: &Window) -> Result<String, SignError> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let known = places
            .iter()
            .position(|place| place.bucket == target.bucket && place.region == target.region);
        let index = if let Some(index) = known {
            index
        } else {
            places.push(Place {
                bucket: target.bucket.to_owned(),
                region: target.region.to_owned(),
                way: self.way(target)?,
            });
            places.len() - 1
        };
        match &mut places[index].way {
            Way::Ours(endpoint, second) => {
                let second = self.signatory.second(second, endpoint, window.signed_at);
                Ok(self.signatory.sign(second, endpoint, target, window.expires_in))
            }
            Way::TheSdk(signer) => signer
                .sign(target, window)
                .map_err(|reason| SignError::Sdk { bucket: target.bucket.to_owned(), reason }),
        }
    }

    fn way(&self, target: &Target<'_>) -> Result<Way, SignError> {
        Ok(match endpoint::resolve(target.bucket, target.region, &self.settings)? {
            Scheme::SigV4(endpoint) => Way::Ours(endpoint, None),
            Scheme::SigV4a => {
                Way::TheSdk(SdkSigner::new(&self.credentials, &self.settings, target.region))
            }
        })
    }
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
