//! What is known of a link when it is signed.

use jiff::Timestamp;

use crate::arn::Identity;

/// The link that a policy is asked about.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext<'a> {
    /// The bucket's ARN, in its own partition, such as `arn:aws-cn:s3:::files`.
    pub bucket_arn: &'a str,
    /// The object's key.
    pub key: &'a str,
    /// The version that the link names. Such a link needs `s3:GetObjectVersion`, every other one
    /// `s3:GetObject`.
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
