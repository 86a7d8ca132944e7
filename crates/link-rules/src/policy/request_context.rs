//! What is known of a request when it is signed.

use jiff::Timestamp;

use crate::arn::Identity;

/// The request that a policy is asked about. A link is one to download an object.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext<'a> {
    /// What S3 is asked to do.
    pub request: S3Request<'a>,
    /// The bucket's ARN, in its own partition, such as `arn:aws-cn:s3:::files`.
    pub bucket_arn: &'a str,
    /// The object's key.
    pub key: &'a str,
    /// The version that the request names. `None` but for [`S3Request::GetObject`].
    pub version_id: Option<&'a str>,
    /// The bucket's region, if it is known.
    pub region: Option<&'a str>,
    /// Whether the link is opened over TLS. `None` if it is not known: behind a custom endpoint the
    /// scheme of the link says little about it.
    pub https: Option<bool>,
    /// How the link is signed.
    pub signature: SignatureVersion,
    /// Who signs the link.
    pub signer: SigningPrincipal<'a>,
    /// When the link is signed. It is rounded down to a whole second, as `X-Amz-Date` is.
    pub signed_at: Timestamp,
}

/// What S3 is asked to do. Each needs a permission of its own.
#[derive(Clone, Copy, Debug)]
pub enum S3Request<'a> {
    /// A download. It needs `s3:GetObject`, or `s3:GetObjectVersion` if it names a version.
    GetObject,
    /// An upload, or a part of one. It needs `s3:PutObject`.
    PutObject(Upload<'a>),
    /// `s3:AbortMultipartUpload`.
    AbortMultipartUpload,
    /// `ListParts`, which needs `s3:ListMultipartUploadParts`.
    ListMultipartUploadParts,
}

/// A request that needs `s3:PutObject`.
#[derive(Clone, Copy, Debug)]
pub struct Upload<'a> {
    /// Which of them it is.
    pub operation: UploadOperation,
    /// The headers that are signed, besides `host`, or the fields of the form. Names are in lower
    /// case. S3 refuses headers `x-amz-…` that are not signed, and fields that the form's policy does
    /// not have.
    pub headers: &'a [(&'a str, &'a str)],
}

/// The operations that need `s3:PutObject`.
///
/// Source: Amazon S3 user guide, "Uploading and copying objects using multipart upload", "Multipart
/// upload API and permissions".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadOperation {
    /// `PutObject`.
    PutObject,
    /// `POST Object`: a form with a policy of its own.
    Form,
    /// `CreateMultipartUpload`.
    CreateMultipartUpload,
    /// `UploadPart`.
    UploadPart,
    /// `CompleteMultipartUpload`.
    CompleteMultipartUpload,
}

impl UploadOperation {
    /// Whether there is a new object once the request is answered.
    pub(super) fn creates_object(self) -> bool {
        match self {
            Self::PutObject | Self::Form | Self::CompleteMultipartUpload => true,
            Self::CreateMultipartUpload | Self::UploadPart => false,
        }
    }

    /// Whether the request goes on with an upload that was created with headers of its own.
    pub(super) fn continues_upload(self) -> bool {
        matches!(self, Self::UploadPart | Self::CompleteMultipartUpload)
    }
}

impl S3Request<'_> {
    /// What people call the request.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::GetObject => "link",
            Self::PutObject(_) => "upload",
            Self::AbortMultipartUpload | Self::ListMultipartUploadParts => "request",
        }
    }
}

/// The algorithm of a link's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureVersion {
    /// `AWS4-HMAC-SHA256`.
    SigV4,
    /// `AWS4-ECDSA-P256-SHA256`, for multi-region access points. AWS does not document which
    /// `s3:signatureversion` such a request has. It may be either algorithm's name.
    SigV4A,
}

/// What is known of the principal that signs a link.
#[derive(Clone, Copy, Debug)]
pub struct SigningPrincipal<'a> {
    /// The ARN that STS answers `GetCallerIdentity` with: a role's session, a user, or an
    /// account's root. `None` if it is not known. Nothing is then known of who signs.
    pub arn: Option<&'a str>,
    /// The role's own ARN with its path, which the session's ARN leaves out. `None` if it is not
    /// known, or if no role signs.
    pub role_arn: Option<&'a str>,
    /// `aws:userid`, such as `AROAEXAMPLE:session` or `AIDAEXAMPLE`. `None` if it is not known.
    pub user_id: Option<&'a str>,
    /// `aws:TokenIssueTime`.
    pub token_issued: TokenIssued,
    /// Whether the session was created with a multi-factor device. A function's session never is.
    /// `None` if it is not known.
    pub multi_factor: Option<bool>,
}

/// When the signer's temporary credentials were issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenIssued {
    /// At this instant.
    At(Timestamp),
    /// At an instant that is not known.
    Unknown,
    /// Never: the credentials are a long-term key.
    Never,
}

impl<'a> SigningPrincipal<'a> {
    /// Who signs, taken apart. `None` if it is not known.
    pub(super) fn identity(&self) -> Option<Identity<'a>> {
        Identity::parse(self.arn?)
    }
}
