//! What is asked for and what is given. No AWS type, no I/O.

use std::fmt;

use jiff::Timestamp;
use link_rules::access::{Action, Grant, Principal};
use link_rules::response_headers::ResponseHeaders;
use link_rules::window::{Bounds, RequestedWindow, Window};

use super::PolicyReading;
use crate::sessions::Evidence;

/// The HTTP method that a link is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Method {
    /// The file.
    #[default]
    Get,
    /// What S3 says of the file in its headers. The grant's action is that of a download.
    Head,
}

impl Method {
    /// The method's name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

/// A request for one link, validated and not yet granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkRequest {
    /// What the link is for. A grant must have this action.
    pub(crate) action: Action,
    /// The bucket, if the request names one.
    pub(crate) bucket: Option<String>,
    /// The object's key, decoded.
    pub(crate) key: String,
    /// One version of the object. `None` means the current one.
    pub(crate) version_id: Option<String>,
    /// The window that is asked for.
    pub(crate) window: RequestedWindow,
    /// What S3 shall answer in its headers.
    pub(crate) response_headers: ResponseHeaders,
    /// Whether to open the link once before it is given.
    pub(crate) check: bool,
    /// The method that the link is for.
    pub(crate) method: Method,
}

impl LinkRequest {
    /// Whether making the link waits for S3, once the session and the region are known.
    pub(crate) fn waits_for_s3(&self) -> bool {
        self.check || self.version_id.is_some()
    }

    /// The version that must be the current one. `None` if no version is named, or if `grant` gives
    /// old versions. A mail names the version that landed, which S3 reported itself.
    pub(super) fn version_to_check(&self, principal: &Principal, grant: &Grant) -> Option<&str> {
        let may_be_old = grant.versions || *principal == Principal::S3Event;
        self.version_id.as_deref().filter(|_| !may_be_old)
    }

    /// Whether the link opens the version that it names when that is not the current one.
    pub(super) fn opens_when_old(&self, principal: &Principal, grant: &Grant) -> bool {
        self.version_to_check(principal, grant).is_none()
    }

    /// Whether S3 is asked if the object is deleted, though the link names a version. A share that a mail
    /// made names the version that landed, is opened days later, and ends when the file does.
    pub(super) fn ends_with_the_object(&self, principal: &Principal, grant: &Grant) -> bool {
        self.action == Action::Share
            && *principal == Principal::S3Event
            && self.version_id.is_some()
            && !grant.versions
    }
}

/// A signed link, and how long it works.
#[derive(Clone)]
#[expect(clippy::struct_field_names, reason = "The API, the logs and the URL call it `link_id`.")]
pub(crate) struct Link {
    /// The presigned URL, in visible ASCII characters. Whoever has the URL has the file, so it is
    /// given to the caller and to nobody else, and never logged.
    pub(crate) url: String,
    /// A UUID that is signed into the URL as `x-link-id`, so that S3's access log names it.
    pub(crate) link_id: String,
    /// The method that opens it, and no other does.
    pub(crate) method: Method,
    /// Whether the link that was opened for a check leads to another endpoint than this one.
    pub(crate) is_checked_inside: bool,
    /// The bucket.
    pub(crate) bucket: String,
    /// The bucket's region.
    pub(crate) region: String,
    /// The object's key.
    pub(crate) key: String,
    /// The window that is signed and promised.
    pub(crate) window: Window,
    /// The window that was asked for, in seconds.
    pub(crate) requested_expires_in: u64,
    /// How the end of the session that signed is known.
    pub(crate) evidence: Evidence,
    /// The end of the session that signed. `None` for long-term keys.
    pub(crate) session_expires_at: Option<Timestamp>,
    /// Whether the window keeps to the bucket's policy.
    pub(crate) bucket_policy: PolicyReading,
    /// What ends the link besides the request, the grant, the session and the signature. The
    /// object's end is known only if S3 was asked about the object.
    pub(crate) bounds: Bounds,
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
