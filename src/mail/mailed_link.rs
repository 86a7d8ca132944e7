//! What a mail brings: a link that S3 opens, or the address of a share. For the mail they are the same:
//! an address that works until an instant.

use std::fmt;

use jiff::Timestamp;

use crate::links::{Link, PolicyReading};
use crate::shares::{Made, ShareId};

/// How long sending may take after signing, in seconds. The time left "from when this was sent" is
/// shortened by this, so that it is never more than the truth.
const SENDING_SECONDS: u64 = 15;

/// What a mail brings.
pub(super) struct MailedLink {
    pub(super) id: MailedLinkId,
    /// Whoever has the address has the file, so it is given to the recipient and never logged.
    pub(super) url: String,
    /// The object's key.
    pub(super) key: String,
    /// The date of the mail.
    pub(super) dated: Timestamp,
    /// From this instant on the address opens nothing.
    pub(super) expires_at: Timestamp,
    /// How long the address works from `dated` on, in seconds.
    pub(super) expires_in: u64,
    /// How long the mail says that it works, in seconds.
    pub(super) time_left: u64,
    /// Whether the bucket's policy could not be read, so that it may end sooner.
    pub(super) may_end_sooner: bool,
}

/// What log and ledger know it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MailedLinkId {
    Link(String),
    Share(ShareId),
}

impl MailedLink {
    /// The link's id, if this is a link.
    pub(super) fn link_id(&self) -> Option<&str> {
        match &self.id {
            MailedLinkId::Link(id) => Some(id),
            MailedLinkId::Share(_) => None,
        }
    }

    /// The share's id, if this is a share.
    pub(super) fn share_id(&self) -> Option<&str> {
        match &self.id {
            MailedLinkId::Link(_) => None,
            MailedLinkId::Share(id) => Some(id.as_str()),
        }
    }

    /// Either id. Both come from random bytes, so nobody knows it before the mail is sent.
    pub(super) fn id(&self) -> &str {
        match &self.id {
            MailedLinkId::Link(id) => id,
            MailedLinkId::Share(id) => id.as_str(),
        }
    }
}

impl From<Link> for MailedLink {
    fn from(link: Link) -> Self {
        let window = link.window;
        Self {
            id: MailedLinkId::Link(link.link_id),
            url: link.url,
            key: link.key,
            dated: window.signed_at,
            expires_at: window.expires_at,
            expires_in: window.expires_in,
            time_left: window.expires_in.saturating_sub(SENDING_SECONDS).max(1),
            may_end_sooner: link.bucket_policy == PolicyReading::Unreadable,
        }
    }
}

impl From<&Made> for MailedLink {
    /// The mail is dated to the second in which the share was made. A share lives for days, so nobody
    /// misses the seconds that sending takes.
    fn from(made: &Made) -> Self {
        Self {
            id: MailedLinkId::Share(made.summary.id.clone()),
            url: made.url.clone(),
            key: made.summary.key.clone(),
            dated: made.summary.created_at,
            expires_at: made.summary.expires_at,
            expires_in: made.life.expires_in,
            time_left: made.life.expires_in,
            may_end_sooner: made.bucket_policy == PolicyReading::Unreadable,
        }
    }
}

/// Shows everything but the address.
impl fmt::Debug for MailedLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailedLink")
            .field("id", &self.id)
            .field("key", &self.key)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
