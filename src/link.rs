//! The plain types of a link: what is asked for and what is given. No AWS type, no I/O.

use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::response_headers::ResponseHeaders;
use crate::session::Evidence;
use crate::window::{Asked, Window};

/// The longest key S3 takes, in bytes of UTF-8.
///
/// Source: Amazon S3 user guide, "Naming Amazon S3 objects".
pub const MAX_KEY_BYTES: usize = 1_024;

/// A request for one link, understood but not yet granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRequest {
    /// The bucket named, if one was named.
    pub bucket: Option<String>,
    /// The object's key: 1 to [`MAX_KEY_BYTES`] bytes.
    pub key: String,
    /// One particular version of the object.
    pub version_id: Option<String>,
    /// The window wished for.
    pub asked: Asked,
    /// What S3 shall answer in its headers.
    pub response_headers: ResponseHeaders,
    /// Whether to open the link once before it is given.
    pub check: bool,
}

/// Why `key` can't be relied on in a URL, if it can't.
///
/// URL parsers (WHATWG URL standard, "single-dot" and "double-dot" path segments) collapse `.`
/// and `..` even when they are percent-encoded, so a browser would ask S3 for another object than
/// the one signed.
#[must_use]
pub fn why_not_linkable(key: &str) -> Option<&'static str> {
    key.split('/').any(|segment| segment == "." || segment == "..").then_some(
        "The key has a \".\" or \"..\" path segment. Browsers collapse those even percent-encoded, \
         so a link to it can't be relied on. Copy the object to a key without them.",
    )
}

/// A signed link and the truth about it.
#[derive(Clone)]
pub struct Link {
    /// The presigned URL. Whoever has it has the file: it is given to the caller and to nobody
    /// else, and never printed.
    pub url: String,
    /// Signed into the URL as `x-link-id`, so that S3's access log names it.
    pub link_id: String,
    /// Where the object is.
    pub bucket: String,
    /// The object.
    pub key: String,
    /// The window that is signed and promised.
    pub window: Window,
    /// What was asked for, in seconds.
    pub requested_expires_in: u64,
    /// How the end of the session that signed is known.
    pub evidence: Evidence,
    /// That end; `None` for long-term keys.
    pub session_expires_at: Option<Timestamp>,
}

/// Shows everything but the URL.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("link_id", &self.link_id)
            .field("bucket", &self.bucket)
            .field("key", &self.key)
            .field("window", &self.window)
            .field("evidence", &self.evidence)
            .finish_non_exhaustive()
    }
}

/// The JSON of a link, field by field as the README documents it.
#[derive(Serialize)]
struct LinkAnswer<'a> {
    #[serde(serialize_with = "as_it_is")]
    url: &'a str,
    link_id: &'a str,
    method: &'static str,
    bucket: &'a str,
    key: &'a str,
    expires_at: Timestamp,
    expires_in: u64,
    requested_expires_in: u64,
    limited_by: crate::window::LimitedBy,
    session: SessionAnswer,
    proven: bool,
}

/// The `session` of a link's JSON.
#[derive(Serialize)]
struct SessionAnswer {
    evidence: Evidence,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

/// Puts a URL between quotes. It holds no character that JSON escapes, and to look at each of its
/// 1,500 for one, as is done with any text, takes as long as the signature.
fn as_it_is<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match serde_json::from_str::<&RawValue>(&format!("\"{url}\"")) {
        Ok(quoted) if !url.contains('\\') => quoted.serialize(serializer),
        _ => url.serialize(serializer),
    }
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        LinkAnswer {
            url: &self.url,
            link_id: &self.link_id,
            method: "GET",
            bucket: &self.bucket,
            key: &self.key,
            expires_at: self.window.expires_at,
            expires_in: self.window.expires_in,
            requested_expires_in: self.requested_expires_in,
            limited_by: self.window.limited_by,
            session: SessionAnswer { evidence: self.evidence, expires_at: self.session_expires_at },
            proven: self.evidence.is_proof(),
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_in_json_reads_as_the_url() {
        for url in
            ["https://b.s3.amazonaws.com/k?X-Amz-Expires=1", "", "\"", "\\u0041", "\n", "a\",\"b"]
        {
            let json = as_it_is(url, serde_json::value::Serializer);
            assert_eq!(json.unwrap(), url);
        }
    }

    #[test]
    fn dot_segments_are_not_linkable_and_other_dots_are() {
        for key in [".", "..", "a/..", "../a", "a/./b", "a/../b", "/."] {
            assert!(why_not_linkable(key).is_some(), "{key}");
        }
        for key in ["a.b", "...", "a/.../b", ".a", "a..", "a//b", "/"] {
            assert!(why_not_linkable(key).is_none(), "{key}");
        }
    }
}
