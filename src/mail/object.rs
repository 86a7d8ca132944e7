//! What S3 says of an object that an event is about: whether it is still there, how large it is
//! and who its metadata wants it mailed to.
//!
//! What landed is what is mailed: where the bucket is versioned, that very version, even if a
//! newer one has come since (which has an event of its own). A file that was deleted or, without
//! versions, replaced is gone.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Region};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::arrival::Arrival;
use crate::outbound::{self, Outbound};
use crate::signer::SignerSettings;

/// The metadata (`x-amz-meta-link-to`) that names recipients.
const LINK_TO: &str = "link-to";

/// An object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its size in bytes.
    pub size: u64,
    /// Its metadata `link-to`, decoded, if it has any.
    pub link_to: Option<String>,
}

/// There is nothing to mail, or no telling.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ObjectError {
    /// It was deleted or replaced since.
    #[error("{0}")]
    Gone(&'static str),
    /// S3 did not say.
    #[error("S3 could not be asked about the file: {0}")]
    Unknown(String),
}

/// Asks S3 about objects.
#[derive(Debug)]
pub struct Objects {
    settings: SignerSettings,
    outbound: Arc<Outbound>,
}

impl Objects {
    /// Asks S3 as `settings` say it is reached.
    #[must_use]
    pub fn new(settings: SignerSettings, outbound: Arc<Outbound>) -> Self {
        Self { settings, outbound }
    }

    /// What S3 in `region` says of the object that arrived.
    ///
    /// # Errors
    ///
    /// [`ObjectError::Gone`] when what landed can't be had any more, `Unknown` when S3 does not
    /// say.
    pub async fn find(
        &self,
        arrival: &Arrival,
        region: &str,
        credentials: &Credentials,
    ) -> Result<Object, ObjectError> {
        let client = self.client(region, credentials);
        // Without a version first: a deleted file's versions are all still there.
        let current = head(&client, arrival, None).await?;
        if arrival.version_id.is_none() && replaced(arrival, &current) {
            return Err(ObjectError::Gone("it was replaced by another since"));
        }
        let landed = match &arrival.version_id {
            Some(version_id) if current.version_id() != Some(version_id) => {
                head(&client, arrival, Some(version_id)).await?
            }
            _ => current,
        };
        let link_to = landed.metadata().and_then(|metadata| metadata.get(LINK_TO));
        Ok(Object {
            size: landed.content_length().and_then(|size| size.try_into().ok()).unwrap_or(0),
            link_to: link_to.map(|value| decoded(value)).filter(|list| !list.trim().is_empty()),
        })
    }

    fn client(&self, region: &str, credentials: &Credentials) -> Client {
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .http_client(self.outbound.http_client())
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .timeout_config(outbound::timeouts())
            .use_fips(self.settings.use_fips)
            .use_dual_stack(self.settings.use_dual_stack);
        config.set_endpoint_url(self.settings.endpoint.clone());
        Client::from_conf(config.build())
    }
}

async fn head(
    client: &Client,
    arrival: &Arrival,
    version_id: Option<&str>,
) -> Result<HeadObjectOutput, ObjectError> {
    let call = client
        .head_object()
        .bucket(&arrival.bucket)
        .key(&arrival.key)
        .set_version_id(version_id.map(str::to_owned))
        .send();
    // Boxed: the SDK's futures are large.
    Box::pin(call).await.map_err(|error| {
        match error.raw_response().map(|response| response.status().as_u16()) {
            // 405: the version is a delete marker.
            Some(404 | 405) => ObjectError::Gone("it was deleted since"),
            // A HEAD has no body, so there is no error code either.
            Some(403) => ObjectError::Unknown(
                "it answered 403: the role lacks s3:GetObject (s3:GetObjectVersion, kms:Decrypt), \
                 or the file is missing and the role lacks s3:ListBucket to be told so"
                    .to_owned(),
            ),
            Some(status) => ObjectError::Unknown(format!("it answered {status}")),
            None => ObjectError::Unknown(outbound::causes(&error)),
        }
    })
}

/// Whether another object has taken the place of the one that landed, in a bucket without
/// versions.
fn replaced(arrival: &Arrival, current: &HeadObjectOutput) -> bool {
    let unquoted = |etag: &str| etag.trim_matches('"').to_owned();
    match (&arrival.etag, current.e_tag()) {
        (Some(landed), Some(current)) => unquoted(landed) != unquoted(current),
        _ => false,
    }
}

/// A metadata value as it was meant. Headers carry ASCII, so S3 answers others as RFC 2047 encoded
/// words (`=?UTF-8?B?…?=`, `=?UTF-8?Q?…?=`); what isn't one, or can't be decoded, stays as it is.
///
/// Source: Amazon S3 user guide, "Working with object metadata", user-defined metadata.
fn decoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    let mut after_word = false;
    while let Some((before, word)) = rest.split_once("=?") {
        let Some((decoded, behind)) = encoded_word(word) else {
            text.push_str(before);
            text.push_str("=?");
            rest = word;
            after_word = false;
            continue;
        };
        // White space between two encoded words belongs to neither.
        if !(after_word && before.trim().is_empty()) {
            text.push_str(before);
        }
        text.push_str(&decoded);
        rest = behind;
        after_word = true;
    }
    text.push_str(rest);
    text
}

/// Decodes what follows `=?`, and returns what comes behind the word.
fn encoded_word(word: &str) -> Option<(String, &str)> {
    let (charset, rest) = word.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (encoded, behind) = rest.split_once("?=")?;
    if !(charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("us-ascii")) {
        return None;
    }
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(encoded).ok()?,
        // Q is percent-encoding with another sign, but for the space.
        "Q" | "q" => {
            let percented = encoded.replace('%', "%25").replace('=', "%").replace('_', " ");
            percent_encoding::percent_decode_str(&percented).collect()
        }
        _ => return None,
    };
    Some((String::from_utf8(bytes).ok()?, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_beyond_ascii_is_read_as_it_was_meant() {
        for (value, meant) in [
            ("a@example.com", "a@example.com"),
            (
                "=?UTF-8?B?YUBleGFtcGxlLmNvbSwgw7xAZXhhbXBsZS5jb20=?=",
                "a@example.com, ü@example.com",
            ),
            ("=?UTF-8?Q?=C3=BC_a%b?=", "ü a%b"),
            ("=?UTF-8?Q?a?= =?UTF-8?Q?b?= c", "ab c"),
            ("x =?UTF-8?Q?a?= y", "x a y"),
            ("=?UTF-8?B?not base64?=", "=?UTF-8?B?not base64?="),
            ("=?koi8-r?Q?a?=", "=?koi8-r?Q?a?="),
            ("=?=?", "=?=?"),
        ] {
            assert_eq!(decoded(value), meant);
        }
    }
}
