//! Presigned URLs: one session's credentials, one operation, one window.
//!
//! - [`operation`] says what a link asks of S3, and [`form`] what a form does,
//! - [`endpoint`] finds the URL of a bucket and the signature it wants, with the SDK's own rules,
//! - [`sigv4`] computes Signature Version 4; [`sigv4a`] has the SDK compute Signature Version 4A.
//!
//! The SDK could sign every URL, but it derives the signing key and runs its orchestrator anew for
//! each, which takes 23 times as long. It serves as the oracle instead: a property test demands its
//! parameters and its signature.
//!
//! This room decides no length: the window comes in, and the URL says exactly that. It makes no
//! call. Links to directory buckets are refused: their signatures need sessions of five minutes,
//! and the SDK tells nobody when such a session ends.

mod endpoint;
mod form;
mod operation;
mod sigv4;
mod sigv4a;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_credential_types::Credentials;
use link_rules::object::ObjectRef;
use link_rules::window::Window;
use thiserror::Error;

pub(crate) use self::endpoint::Side;
use self::endpoint::{AuthScheme, Endpoint};
pub(crate) use self::form::{Form, SignedForm};
pub use self::operation::{GetObject, NewObject, Operation, StepOfUpload};
use self::sigv4::{SigV4Signer, SignableRequest, SigningContext};
use self::sigv4a::SigV4aSigner;
use crate::aws::Aws;

/// How many pairs of credentials and bucket are kept. A function serves a handful of buckets, and
/// at most two sessions sign at a time. Older pairs are of sessions that have ended.
const MAX_CACHED_BUCKETS: usize = 64;

/// A URL could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignError {
    /// The SDK's endpoint rules know no endpoint for this bucket and region.
    #[error(
        "there is no S3 endpoint for bucket {bucket:?} in region {region:?} ({reason}); correct \
         \"bucket\" or \"region\" in GRANTS"
    )]
    NoEndpoint {
        /// The bucket.
        bucket: String,
        /// The region.
        region: String,
        /// The rules' own words.
        reason: String,
    },
    /// The endpoint wants a signature that this function can't make.
    #[error(
        "bucket {bucket:?} wants links signed with {scheme}, which this function can't do; take \
         the bucket out of GRANTS"
    )]
    UnsupportedScheme {
        /// The bucket.
        bucket: String,
        /// The scheme's name.
        scheme: String,
    },
    /// The SDK was to sign and did not, although it needs nothing but what it was given.
    #[error("a link to bucket {bucket:?} could not be signed: {reason}")]
    NotSigned {
        /// The bucket.
        bucket: String,
        /// The SDK's own words, or ours about what it did.
        reason: String,
    },
}

/// Signs URLs. What has been computed for a bucket is kept for the next link to it.
pub struct Signer {
    aws: Aws,
    cached: Mutex<Vec<CachedBucket>>,
}

/// What stays the same for all links to one bucket that are signed with the same credentials.
struct CachedBucket {
    credentials: Credentials,
    bucket: String,
    region: String,
    side: Side,
    signer: BucketSigner,
}

/// How a bucket's links are signed.
#[allow(
    clippy::large_enum_variant,
    reason = "A function serves a handful of buckets, and nearly all are `SigV4`, so boxing the \
              large variant would save nothing."
)]
enum BucketSigner {
    SigV4 { signer: SigV4Signer, endpoint: Endpoint, context: Option<SigningContext> },
    SigV4a(SigV4aSigner),
}

impl Signer {
    /// Signs URLs for the S3 that `aws` reaches.
    #[must_use]
    pub fn new(aws: Aws) -> Self {
        Self { aws, cached: Mutex::default() }
    }

    /// The presigned URL for `operation`.
    ///
    /// `link_id` is signed in as the parameter `x-link-id`. S3 ignores query parameters that begin
    /// with `x-` and writes them into its access log. The URL holds visible ASCII characters only.
    ///
    /// Source: Amazon S3 user guide, "Amazon S3 server access log format", custom access log
    /// information.
    ///
    /// # Errors
    ///
    /// [`SignError`] when the bucket has no endpoint, or one that wants another signature.
    pub fn sign(
        &self,
        credentials: &Credentials,
        operation: &Operation<'_>,
        link_id: &str,
        window: &Window,
    ) -> Result<String, SignError> {
        self.sign_from(Side::Outside, credentials, operation, link_id, window)
    }

    /// The presigned URL for whoever opens it from `side`. The sides differ only where
    /// `S3_PUBLIC_ENDPOINT` names where links lead.
    ///
    /// # Errors
    ///
    /// As for [`Signer::sign`].
    pub(crate) fn sign_from(
        &self,
        side: Side,
        credentials: &Credentials,
        operation: &Operation<'_>,
        link_id: &str,
        window: &Window,
    ) -> Result<String, SignError> {
        let object @ ObjectRef { bucket, key, .. } = operation.object();
        self.with_signer(side, credentials, object, |signer| match signer {
            BucketSigner::SigV4 { signer, endpoint, context } => {
                let mut query = operation.query();
                query.push(("x-link-id", link_id));
                let request = SignableRequest {
                    method: operation.method(),
                    key,
                    query,
                    headers: operation.signed_headers(),
                };
                let context = signer.context(context, endpoint, window.signed_at);
                Ok(signer.presign(context, endpoint, request, window.expires_in))
            }
            BucketSigner::SigV4a(signer) => signer
                .presign(operation, link_id, window)
                .map_err(|reason| SignError::NotSigned { bucket: bucket.to_owned(), reason }),
        })
    }

    /// The fields of `form`, and where it is sent.
    ///
    /// # Errors
    ///
    /// As for [`Signer::sign`].
    pub(crate) fn sign_form(
        &self,
        credentials: &Credentials,
        form: &Form<'_>,
        window: &Window,
    ) -> Result<SignedForm, SignError> {
        self.with_signer(Side::Outside, credentials, form.object, |signer| match signer {
            BucketSigner::SigV4 { signer, endpoint, context } => {
                let context = signer.context(context, endpoint, window.signed_at);
                Ok(form::sign(signer, context, endpoint, form, window))
            }
            BucketSigner::SigV4a(_) => Err(SignError::UnsupportedScheme {
                bucket: form.object.bucket.to_owned(),
                scheme: "sigv4a".to_owned(),
            }),
        })
    }

    /// What `sign` makes with the signer of the object's bucket, which is kept.
    fn with_signer<T>(
        &self,
        side: Side,
        credentials: &Credentials,
        object: ObjectRef<'_>,
        sign: impl FnOnce(&mut BucketSigner) -> Result<T, SignError>,
    ) -> Result<T, SignError> {
        let side = side.with_an_endpoint(self.aws.settings());
        let ObjectRef { bucket, region, .. } = object;
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let known = cached.iter().position(|known| known.is_for(credentials, bucket, region, side));
        let index = if let Some(index) = known {
            index
        } else {
            let new = self.cached_bucket(credentials, bucket, region, side)?;
            if cached.len() == MAX_CACHED_BUCKETS {
                cached.remove(0);
            }
            cached.push(new);
            cached.len() - 1
        };
        sign(&mut cached[index].signer)
    }

    /// The origin that links to objects of `bucket` lead to, such as
    /// `https://my-bucket.s3.eu-west-1.amazonaws.com`.
    ///
    /// # Errors
    ///
    /// [`SignError::NoEndpoint`] when the SDK's rules know no endpoint.
    pub(crate) fn origin(&self, bucket: &str, region: &str) -> Result<String, SignError> {
        endpoint::origin(bucket, region, self.aws.settings())
    }

    /// The origin of [`Signer::origin`] with `*` in place of what names the bucket.
    ///
    /// # Errors
    ///
    /// As for [`Signer::origin`].
    pub(crate) fn origin_of_any_bucket(
        &self,
        bucket: &str,
        region: &str,
    ) -> Result<String, SignError> {
        endpoint::origin_of_any_bucket(bucket, region, self.aws.settings())
    }

    fn cached_bucket(
        &self,
        credentials: &Credentials,
        bucket: &str,
        region: &str,
        side: Side,
    ) -> Result<CachedBucket, SignError> {
        let signer = match endpoint::resolve(bucket, region, side, self.aws.settings())? {
            AuthScheme::SigV4(endpoint) => {
                let signer = SigV4Signer::new(credentials);
                BucketSigner::SigV4 { signer, endpoint, context: None }
            }
            AuthScheme::SigV4a => {
                BucketSigner::SigV4a(SigV4aSigner::new(&self.aws, region, credentials))
            }
        };
        Ok(CachedBucket {
            credentials: credentials.clone(),
            bucket: bucket.to_owned(),
            region: region.to_owned(),
            side,
            signer,
        })
    }
}

impl CachedBucket {
    fn is_for(&self, credentials: &Credentials, bucket: &str, region: &str, side: Side) -> bool {
        self.bucket == bucket
            && self.region == region
            && self.side == side
            && self.credentials.access_key_id() == credentials.access_key_id()
            && self.credentials.session_token() == credentials.session_token()
    }
}

/// Shows how S3 is reached. The credentials stay hidden.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("settings", self.aws.settings()).finish_non_exhaustive()
    }
}
