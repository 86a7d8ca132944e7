//! A file that landed in a bucket, as the event about it says. No AWS type, no I/O: whether the
//! file is still there, and what else is known of it, `object` asks S3.

/// An object that was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The bucket it landed in.
    pub bucket: String,
    /// Its key, decoded.
    pub key: String,
    /// Its version, where the bucket is versioned.
    pub version_id: Option<String>,
    /// Its `ETag`, without quotes.
    pub etag: Option<String>,
    /// Orders the events of one key; the same however often an event is delivered, and by
    /// whichever way.
    pub sequencer: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
}

impl Arrival {
    /// Whether this is the empty object that consoles and tools put in place of a folder.
    #[must_use]
    pub fn is_folder_marker(&self) -> bool {
        self.key.ends_with('/') && self.size.unwrap_or(0) == 0
    }
}

/// What an event about a bucket says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An object was created.
    Created(Arrival),
    /// Something else, in S3's own words: nothing is mailed about it.
    Other(String),
}
