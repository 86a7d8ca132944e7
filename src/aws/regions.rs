//! The region of a bucket. A grant may state it. Otherwise S3 is asked, once per bucket. A
//! multi-region access point is in no region, so the function's own region serves.

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use jiff::SignedDuration;
use link_rules::arn::is_multi_region;
use link_rules::region::is_region;
use thiserror::Error;

use super::{Aws, AwsError};
use crate::invocation::Invocation;
use crate::memory::{Failure, Memory};

/// The header that names a bucket's region. S3 sends it with errors too: 301 from another region,
/// 403 without `s3:ListBucket`.
///
/// Source: Amazon S3 API reference, `HeadBucket`.
const REGION_HEADER: &str = "x-amz-bucket-region";

/// How long later invocations wait before S3 is asked again for a region that it did not name. The
/// pause is short, because the bucket may be created or the connection may be back by then.
const RETRY: SignedDuration = SignedDuration::from_secs(2);

/// For how many buckets the region is remembered. Only buckets that grants name are asked for.
pub(crate) const REMEMBERED_BUCKETS: usize = 1_000;

/// The region of a bucket is not known.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the region of bucket {bucket:?} could not be learnt ({reason}); check that the bucket exists, \
     or state its \"region\" in GRANTS"
)]
pub(crate) struct RegionError {
    bucket: String,
    reason: String,
}

impl Failure for RegionError {
    fn pause(&self) -> Option<SignedDuration> {
        Some(RETRY)
    }
}

/// Asks S3 for regions and remembers them.
#[derive(Debug)]
pub(crate) struct Regions {
    aws: Aws,
    known: Memory<String, String, RegionError>,
}

impl Regions {
    /// Asks S3 in the function's own region.
    #[must_use]
    pub(crate) fn new(aws: Aws) -> Self {
        Self { aws, known: Memory::new(REMEMBERED_BUCKETS) }
    }

    /// The region of `bucket`. S3 is asked with `credentials` if the region is not known yet.
    ///
    /// # Errors
    ///
    /// [`RegionError`] when S3 does not say.
    pub(crate) async fn region_of(
        &self,
        bucket: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<String, RegionError> {
        if is_multi_region(bucket) {
            return Ok(self.aws.region().to_owned());
        }
        let ask = |_| async {
            let asked = self.ask(bucket, credentials, invocation).await;
            asked.map_err(|reason| RegionError { bucket: bucket.to_owned(), reason })
        };
        let region = self.known.get(&bucket.to_owned(), |_, _| true, ask, invocation).await;
        region.map_err(|unanswered| unanswered.error)
    }

    async fn ask(
        &self,
        bucket: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<String, String> {
        let s3 = self.aws.s3(self.aws.region(), credentials, invocation);
        // The future is boxed because the SDK's futures are large.
        let region = match Box::pin(s3.head_bucket().bucket(bucket).send()).await {
            Ok(answer) => answer.bucket_region().map(str::to_owned),
            Err(error) => {
                let headers = error.raw_response().map(HttpResponse::headers);
                match headers.and_then(|headers| headers.get(REGION_HEADER)) {
                    Some(region) => Some(region.to_owned()),
                    None => return Err(format!("S3: {}", AwsError::from_sdk(&error))),
                }
            }
        };
        let region = region.filter(|region| is_region(region));
        region.ok_or_else(|| "S3 answered without naming it".to_owned())
    }
}
