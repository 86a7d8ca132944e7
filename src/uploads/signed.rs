//! What is given: a signed request, and how long it may begin.

use std::fmt;

use jiff::Timestamp;
use link_rules::upload::Parts;
use link_rules::window::Window;

use crate::links::PolicyReading;
use crate::sessions::Evidence;

/// A signed request of an upload.
#[derive(Clone)]
pub(crate) struct SignedUpload {
    /// The HTTP method.
    pub(crate) method: &'static str,
    /// The operation in S3's words.
    pub(crate) operation: &'static str,
    /// Where the request is sent. Whoever has it may send the request, so it is given to the caller and never
    /// logged.
    pub(crate) url: String,
    /// The headers that the client must send.
    pub(crate) headers: Vec<(String, String)>,
    /// The fields of a form, in their order.
    pub(crate) fields: Option<Vec<(String, String)>>,
    /// The length of the body in bytes. `None`: the request has none, or the form says at most how long it is.
    pub(crate) size: Option<u64>,
    /// How the file is cut, where parts follow.
    pub(crate) parts: Option<Parts>,
    /// When a lifecycle rule of the bucket ends the upload in parts that begins now, if it is not finished.
    /// `None`: no rule does, the rules are not known, or nothing begins.
    pub(crate) unfinished_until: Option<Timestamp>,
    /// The part's number.
    pub(crate) part_number: Option<u64>,
    /// A UUID that is signed into the URL as `x-link-id`, so that S3's access log names it. A form has none there:
    /// its key is as unique.
    pub(crate) link_id: String,
    /// The bucket.
    pub(crate) bucket: String,
    /// The key.
    pub(crate) key: String,
    /// The window that is signed and promised. The request must begin within it.
    pub(crate) window: Window,
    /// The window that was asked for, in seconds.
    pub(crate) requested_expires_in: u64,
    /// How the end of the session that signed is known.
    pub(crate) evidence: Evidence,
    /// The end of the session that signed.
    pub(crate) session_expires_at: Option<Timestamp>,
    /// Whether the window keeps to the bucket's policy.
    pub(crate) bucket_policy: PolicyReading,
}

impl SignedUpload {
    /// The same, for a body of `size` bytes.
    pub(super) fn of_size(self, size: Option<u64>) -> Self {
        Self { size, ..self }
    }
}

/// Shows everything but the URL and the fields.
impl fmt::Debug for SignedUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedUpload")
            .field("operation", &self.operation)
            .field("link_id", &self.link_id)
            .field("bucket", &self.bucket)
            .field("key", &self.key)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}
