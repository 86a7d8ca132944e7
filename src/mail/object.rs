//! Asks S3 about an object that was created: whether it is still there, how large it is, and whom
//! its metadata names as recipients.
//!
//! The mail is about the object that the event names. In a versioned bucket that is this version,
//! even if a newer one exists: the newer one has an event of its own. An object that was deleted,
//! or that was replaced in a bucket without versions, is gone, and nothing is mailed about it.

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::bucket_event::ObjectCreated;
use crate::aws::{Aws, answered};
use crate::invocation::Invocation;

/// The metadata (`x-amz-meta-link-to`) that names recipients.
const LINK_TO: &str = "link-to";

/// An object that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MailedObject {
    /// The object's size in bytes.
    pub(super) size: u64,
    /// The value of the metadata `link-to`, decoded. `None` if there is none, or only white space.
    pub(super) link_to: Option<String>,
}

/// There is no object to mail about, or S3 did not say.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ObjectError {
    /// The object was deleted or replaced after the event.
    #[error("{0}")]
    Gone(&'static str),
    /// S3 refused the call or did not answer.
    #[error("S3 could not be asked about the file: {0}")]
    Unknown(String),
}

/// Asks S3 about objects.
#[derive(Debug)]
pub(super) struct Objects(Aws);

impl Objects {
    /// Asks S3 through `aws`.
    pub(super) fn new(aws: Aws) -> Self {
        Self(aws)
    }

    /// Asks S3 in `region` about the object that was created.
    ///
    /// # Errors
    ///
    /// [`ObjectError::Gone`] when the object can't be downloaded any more, and
    /// [`ObjectError::Unknown`] when S3 does not say.
    pub(super) async fn find(
        &self,
        created: &ObjectCreated,
        region: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<MailedObject, ObjectError> {
        let client = self.0.s3(region, credentials, invocation);
        // The first call names no version. A deleted object's versions still exist, so a call that
        // names one would find it.
        let current = head(&client, created, None).await?;
        if created.version_id.is_none() && was_replaced(created, &current) {
            return Err(ObjectError::Gone("it was replaced by another since"));
        }
        let found = match &created.version_id {
            Some(version_id) if current.version_id() != Some(version_id) => {
                head(&client, created, Some(version_id)).await?
            }
            _ => current,
        };
        let link_to = found.metadata().and_then(|metadata| metadata.get(LINK_TO));
        Ok(MailedObject {
            size: found.content_length().and_then(|size| size.try_into().ok()).unwrap_or(0),
            link_to: link_to.map(|value| decode(value)).filter(|list| !list.trim().is_empty()),
        })
    }
}

async fn head(
    client: &Client,
    created: &ObjectCreated,
    version_id: Option<&str>,
) -> Result<HeadObjectOutput, ObjectError> {
    let call = client
        .head_object()
        .bucket(&created.bucket)
        .key(&created.key)
        .set_version_id(version_id.map(str::to_owned));
    answered(call.send()).await.map_err(|error| {
        match error.status() {
            // S3 answers 405 when the version is a delete marker.
            Some(404 | 405) => ObjectError::Gone("it was deleted since"),
            // The answer to a HEAD has no body, so there is no error code.
            Some(403) => ObjectError::Unknown(
                "it answered 403: the role lacks s3:GetObject (s3:GetObjectVersion, kms:Decrypt), \
                 or the file is missing and the role lacks s3:ListBucket to be told so"
                    .to_owned(),
            ),
            Some(status) => ObjectError::Unknown(format!("it answered {status}")),
            None => ObjectError::Unknown(error.to_string()),
        }
    })
}

/// Whether another object has the key now, in a bucket without versions.
fn was_replaced(created: &ObjectCreated, current: &HeadObjectOutput) -> bool {
    let unquoted = |etag: &str| etag.trim_matches('"').to_owned();
    match (&created.etag, current.e_tag()) {
        (Some(created), Some(current)) => unquoted(created) != unquoted(current),
        _ => false,
    }
}

/// Decodes a metadata value. Headers hold ASCII, so S3 returns other values as encoded words of RFC
/// 2047 (`=?UTF-8?B?…?=`, `=?UTF-8?Q?…?=`). Text that is not such a word, or that can't be decoded,
/// is kept.
///
/// Source: Amazon S3 user guide, "Working with object metadata", user-defined metadata.
fn decode(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    let mut after_word = false;
    while let Some((before, word)) = rest.split_once("=?") {
        let Some((decoded, after)) = encoded_word(word) else {
            text.push_str(before);
            text.push_str("=?");
            rest = word;
            after_word = false;
            continue;
        };
        // White space between two encoded words is not part of the text (RFC 2047, section 6.2).
        if !(after_word && before.trim().is_empty()) {
            text.push_str(before);
        }
        text.push_str(&decoded);
        rest = after;
        after_word = true;
    }
    text.push_str(rest);
    text
}

/// Decodes the word that begins after `=?`. Returns its text, and what follows the word.
fn encoded_word(word: &str) -> Option<(String, &str)> {
    let (charset, rest) = word.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (encoded, after) = rest.split_once("?=")?;
    if !(charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("us-ascii")) {
        return None;
    }
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(encoded).ok()?,
        // Q is percent-encoding with `=` in place of `%`, and with `_` for the space.
        "Q" | "q" => {
            let percented = encoded.replace('%', "%25").replace('=', "%").replace('_', " ");
            percent_encoding::percent_decode_str(&percented).collect()
        }
        _ => return None,
    };
    Some((String::from_utf8(bytes).ok()?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_beyond_ascii_is_decoded_and_other_text_is_kept() {
        for (value, expected) in [
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
            assert_eq!(decode(value), expected);
        }
    }
}
