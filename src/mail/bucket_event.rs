//! What an event about a bucket says. No AWS type, no I/O.
//!
//! An event may be late. Whether the file is still there, and who is to have it, [`super::object`]
//! asks S3.

/// An event about a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BucketEvent {
    /// An object was created.
    Created(ObjectCreated),
    /// Anything else, named as S3 names it. Nothing is mailed about it.
    Other(String),
}

/// An object that was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectCreated {
    /// The bucket.
    pub(crate) bucket: String,
    /// The object's key, decoded.
    pub(crate) key: String,
    /// The object's version, if the bucket is versioned.
    pub(crate) version_id: Option<String>,
    /// The object's `ETag`, without quotes.
    pub(crate) etag: Option<String>,
    /// Orders the events of one key. An event that is delivered again has the same sequencer, also
    /// when it comes by another route.
    pub(crate) sequencer: Option<String>,
    /// The object's size in bytes.
    pub(crate) size: Option<u64>,
    /// Whether `CopyObject` wrote it, as it also does where only a storage class or metadata change.
    pub(crate) is_copy: bool,
}

impl ObjectCreated {
    /// Whether this is the empty object that consoles and tools create to show a folder.
    pub(crate) fn is_folder_marker(&self) -> bool {
        self.key.ends_with('/') && self.size.unwrap_or(0) == 0
    }
}
