//! The region of a bucket. A grant may state it. Otherwise S3 is asked, once per bucket. A
//! multi-region access point is in no region, so the function's own region serves.

use std::collections::HashMap;

use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use link_rules::arn::is_multi_region;
use link_rules::region::is_region;
use thiserror::Error;
use tokio::sync::Mutex;

use super::repeat::{failure_counts, repeated};
use super::{Aws, AwsError};
use crate::invocation::Invocation;

/// The header that names a bucket's region. S3 sends it with errors too: 301 from another region,
/// 403 without `s3:ListBucket`.
///
/// Source: Amazon S3 API reference, `HeadBucket`.
const REGION_HEADER: &str = "x-amz-bucket-region";

/// How long later invocations wait before S3 is asked again for a region that it did not name. The
/// pause is short, because the bucket may be created or the connection may be back by then.
const RETRY: SignedDuration = SignedDuration::from_secs(2);

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

/// Asks S3 for regions and remembers them.
#[derive(Debug)]
pub(crate) struct Regions {
    aws: Aws,
    /// What is known of each bucket. Only buckets that grants name are asked for, so the map stays
    /// small. The lock is held while S3 is asked, so concurrent requests share one call.
    known: Mutex<HashMap<String, Known>>,
}

/// What is known of a bucket.
#[derive(Debug)]
enum Known {
    Region(String),
    Failed { error: RegionError, failed_at: Timestamp },
}

impl Regions {
    /// Asks S3 in the function's own region.
    #[must_use]
    pub(crate) fn new(aws: Aws) -> Self {
        Self { aws, known: Mutex::default() }
    }

    /// The region of `bucket`. S3 is asked with `credentials` if the region is not known yet.
    ///
    /// # Errors
    ///
    /// [`RegionError`] when S3 does not say. The invocation that met the error asks no second time,
    /// and later ones wait for [`RETRY`].
    pub(crate) async fn region_of(
        &self,
        bucket: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<String, RegionError> {
        if is_multi_region(bucket) {
            return Ok(self.aws.region().to_owned());
        }
        let mut known = self.known.lock().await;
        match known.get(bucket) {
            Some(Known::Region(region)) => return Ok(region.clone()),
            Some(Known::Failed { error, failed_at }) if invocation.remembers(*failed_at, RETRY) => {
                return Err(error.clone());
            }
            _ => {}
        }
        let asked_at = invocation.now();
        match self.ask(bucket, credentials, invocation).await {
            Ok(region) => {
                known.insert(bucket.to_owned(), Known::Region(region.clone()));
                Ok(region)
            }
            Err(reason) => {
                let error = RegionError { bucket: bucket.to_owned(), reason };
                if failure_counts(asked_at, invocation) {
                    let failed =
                        Known::Failed { error: error.clone(), failed_at: invocation.now() };
                    known.insert(bucket.to_owned(), failed);
                }
                Err(error)
            }
        }
    }

    async fn ask(
        &self,
        bucket: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<String, String> {
        let call = self.aws.s3(self.aws.region(), credentials).head_bucket().bucket(bucket);
        let answer = repeated(invocation, || {
            let call = call.clone().send();
            // The future is boxed because the SDK's futures are large.
            Box::pin(async {
                match call.await {
                    Ok(answer) => Ok(answer.bucket_region().map(str::to_owned)),
                    Err(error) => error
                        .raw_response()
                        .and_then(|response| response.headers().get(REGION_HEADER))
                        .map(|region| Some(region.to_owned()))
                        .ok_or_else(|| AwsError::from_sdk(&error)),
                }
            })
        });
        match answer.await {
            Ok(Some(region)) if is_region(&region) => Ok(region),
            Ok(_) => Err("S3 answered without naming it".to_owned()),
            Err(error) => Err(format!("S3: {error}")),
        }
    }
}
