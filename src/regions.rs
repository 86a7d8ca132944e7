//! Which region a bucket is in. A grant may say so; otherwise S3 is asked, once per bucket. A
//! multi-region access point is in none, and whichever it is asked from will do.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Region};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use thiserror::Error;
use tokio::sync::Mutex;

use crate::outbound::{self, Outbound};
use crate::signer::SignerSettings;

/// The header that names a bucket's region. S3 sends it with errors too: 301 from another region,
/// 403 without `s3:ListBucket`.
///
/// Source: Amazon S3 API reference, `HeadBucket`.
const REGION_HEADER: &str = "x-amz-bucket-region";

/// A bucket's region could not be learnt.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the region of bucket {bucket:?} could not be learnt ({reason}); check that the bucket exists, \
     or state its \"region\" in GRANTS"
)]
pub struct RegionError {
    bucket: String,
    reason: String,
}

/// Asks for regions and remembers them.
#[derive(Debug)]
pub struct Regions {
    own_region: String,
    settings: SignerSettings,
    outbound: Arc<Outbound>,
    /// Held while S3 is asked, so that everything concurrent waits for one call.
    known: Mutex<Vec<(String, String)>>,
}

impl Regions {
    /// Asks S3 in the function's `own_region`.
    #[must_use]
    pub fn new(own_region: String, settings: SignerSettings, outbound: Arc<Outbound>) -> Self {
        Self { own_region, settings, outbound, known: Mutex::default() }
    }

    /// The region of `bucket`, asked for with `credentials` if it isn't known yet.
    ///
    /// # Errors
    ///
    /// [`RegionError`] when S3 does not say. That is not remembered.
    pub async fn region_of(
        &self,
        bucket: &str,
        credentials: &Credentials,
    ) -> Result<String, RegionError> {
        if is_multi_region(bucket) {
            return Ok(self.own_region.clone());
        }
        let mut known = self.known.lock().await;
        if let Some((_, region)) = known.iter().find(|(name, _)| name == bucket) {
            return Ok(region.clone());
        }
        let region = self
            .ask(bucket, credentials)
            .await
            .map_err(|reason| RegionError { bucket: bucket.to_owned(), reason })?;
        known.push((bucket.to_owned(), region.clone()));
        Ok(region)
    }

    async fn ask(&self, bucket: &str, credentials: &Credentials) -> Result<String, String> {
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.own_region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .http_client(self.outbound.http_client())
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .timeout_config(outbound::timeouts())
            .use_fips(self.settings.use_fips)
            .use_dual_stack(self.settings.use_dual_stack);
        config.set_endpoint_url(self.settings.endpoint.clone());
        let call = Client::from_conf(config.build()).head_bucket().bucket(bucket).send();
        match Box::pin(call).await {
            Ok(answer) => answer
                .bucket_region()
                .map(str::to_owned)
                .ok_or_else(|| "S3 answered without naming it".to_owned()),
            Err(error) => match error.raw_response() {
                Some(response) => response
                    .headers()
                    .get(REGION_HEADER)
                    .map(str::to_owned)
                    .ok_or_else(|| format!("S3 answered {}", response.status().as_u16())),
                None => Err(outbound::causes(&error)),
            },
        }
    }
}

/// Whether this is the ARN of a multi-region access point, whose region is empty.
///
/// Source: Amazon S3 user guide, "Making requests using a Multi-Region Access Point".
fn is_multi_region(bucket: &str) -> bool {
    bucket.split(':').nth(3).is_some_and(str::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_arn_of_a_multi_region_access_point_names_no_region() {
        assert!(is_multi_region("arn:aws:s3::123456789012:accesspoint:mfzwi23gnjvgw.mrap"));
        for bucket in ["files", "arn:aws:s3:eu-west-1:123456789012:accesspoint:files", ""] {
            assert!(!is_multi_region(bucket), "{bucket}");
        }
    }
}
