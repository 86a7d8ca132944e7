//! The plain types of a link: what is asked for and what is given. No AWS type, no I/O.

use std::fmt;

use jiff::Timestamp;

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
    /// The presigned URL, made of a URL's characters and no others. Whoever has it has the file:
    /// it is given to the caller and to nobody else, and never printed.
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

#[cfg(test)]
mod tests {
    use super::*;

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
