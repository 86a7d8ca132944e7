//! What is asked of uploads: validated, and not yet granted.

use link_rules::window::RequestedWindow;

/// A request for the signature of one step of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UploadRequest {
    /// The bucket, if the request names one.
    pub(crate) bucket: Option<String>,
    /// What the signature is for.
    pub(crate) step: Step,
    /// The window that is asked for.
    pub(crate) window: RequestedWindow,
}

/// One request that an upload makes of S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The whole file with `PUT`.
    Put(NewUpload),
    /// The whole file with a form.
    Form(NewUpload),
    /// The beginning of an upload in parts.
    Create(NewUpload),
    /// Parts of a file of `size` bytes: one, or a list of them.
    Parts { key: String, upload_id: String, size: u64, numbers: Vec<u64>, is_list: bool },
    /// The end of an upload of `size` bytes.
    Complete { key: String, upload_id: String, size: u64 },
    /// Which parts have arrived, after this number.
    List { key: String, upload_id: String, after: Option<u64> },
    /// The upload is given up.
    Abort { key: String, upload_id: String },
}

/// A file that is to be uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewUpload {
    /// What the caller says of the key.
    pub(crate) key: ProposedKey,
    /// The folder to upload to, where grants give several.
    pub(crate) prefix: Option<String>,
    /// The size in bytes. Only a form may lack it.
    pub(crate) size: Option<u64>,
    /// The media type.
    pub(crate) content_type: String,
    /// Further headers to be signed: lower-case names and values.
    pub(crate) headers: Vec<(String, String)>,
}

/// What a caller says of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProposedKey {
    /// This key and no other.
    Exactly(String),
    /// The file's name. The function makes the key.
    Named(String),
    /// This key where the caller may name keys, and else one that the function makes from the name.
    Preferably { key: String, name: String },
}

impl Step {
    /// The size of the file in bytes. `None`: the step does not say it.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::Put(new) | Self::Form(new) | Self::Create(new) => new.size,
            Self::Parts { size, .. } | Self::Complete { size, .. } => Some(*size),
            Self::List { .. } | Self::Abort { .. } => None,
        }
    }
}
