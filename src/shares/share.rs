//! A share, and what may become of it. No AWS type, no I/O: the time comes in as a value.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use link_rules::access::{Action, Principal};
use link_rules::response_headers::ResponseHeaders;
use link_rules::window::RequestedWindow;

use super::attempts::{Attempts, Lock};
use super::passcode::PasscodeHash;
use super::sender::SenderName;
use super::state::ShareState;
use super::token::{Browser, ShareId};
use crate::links::{LinkError, LinkRequest, Method};

/// How long a browser that downloaded may press again uncounted. A broken download is not a lost one.
pub(super) const GRACE: SignedDuration = SignedDuration::from_mins(10);

/// How many presses are remembered: those of the last ten minutes, and of these the newest. A press
/// adds some 70 bytes to the item.
pub(super) const MAX_PRESSES: usize = 100;

/// How many presses one update forgets at most. DynamoDB's expressions have 4 KB.
///
/// Source: Amazon DynamoDB developer guide, "Service, account, and table quotas", expression parameters.
const MAX_FORGOTTEN: usize = 150;

/// How many seconds may pass between the signature of a press's link and the answer: the count in the
/// table takes four at its slowest.
const ANSWER_SECONDS: u64 = 10;

/// How long the table keeps a share after its end, so that its page can say that it ended.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long the name of an owner may be, in bytes. DynamoDB's keys have 2,048.
///
/// Source: Amazon DynamoDB developer guide, "Quotas in Amazon DynamoDB", partition key.
const MAX_NAME_BYTES: usize = 1_024;

/// Whose the shares are that mails brought, as the index has it.
pub(super) const OWNER_KEY_OF_MAILS: &str = "s3-event#";

/// What a share's owner sees of it, and what the index by owner projects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) id: ShareId,
    /// Whose share it is, as the index has it: `iam#arn:…`, `token#sub` or `s3-event#`.
    pub(crate) owner_key: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// `None`: whatever version is the current one.
    pub(crate) version_id: Option<String>,
    /// The file's name as the download has it.
    pub(crate) name: String,
    /// The file's size in bytes when the share was made.
    pub(crate) size: Option<u64>,
    pub(crate) created_at: Timestamp,
    /// From this instant on the share opens nothing.
    pub(crate) expires_at: Timestamp,
    /// How many downloads are counted at most.
    pub(crate) max_downloads: Option<u64>,
    pub(crate) downloads: u64,
    pub(crate) last_download_at: Option<Timestamp>,
    /// Whether a passcode is wanted.
    pub(crate) has_passcode: bool,
    pub(crate) attempts: Attempts,
    pub(crate) revoked_at: Option<Timestamp>,
    /// For whom the share is, as its owner wrote it.
    pub(crate) recipient: Option<String>,
    pub(crate) note: Option<String>,
    /// Who shares, as recipients read it. `None`: no person is named.
    pub(crate) from: Option<SenderName>,
    /// What the owner tells whoever may download the file.
    pub(crate) message: Option<String>,
    /// Why the last press got no file. `None`: it got the file, or nobody pressed.
    pub(crate) press_problem: Option<PressProblem>,
}

/// Why a press got no file although the share opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PressProblem {
    /// The problem's code.
    pub(crate) code: String,
    /// When a press met it first.
    pub(crate) since: Timestamp,
}

/// A whole share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) summary: Summary,
    /// Who shares, with those claims that grants asked for when the share was made.
    pub(super) owner: Principal,
    /// The bucket's region.
    pub(super) region: String,
    /// What S3 shall answer in its headers.
    pub(super) response_headers: ResponseHeaders,
    pub(super) passcode: Option<PasscodeHash>,
    /// Until when the browser of each digest may press again uncounted.
    pub(super) presses: BTreeMap<String, Timestamp>,
}

impl Summary {
    /// What may become of the share at `now`, whatever the grants say.
    pub(crate) fn state(&self, now: Timestamp) -> ShareState {
        if self.revoked_at.is_some() {
            ShareState::Withdrawn
        } else if self.expires_at <= now {
            ShareState::Ended
        } else if self.max_downloads.is_some_and(|max| self.downloads >= max) {
            ShareState::UsedUp
        } else {
            ShareState::Active
        }
    }

    /// How many downloads are left. `None` without a limit.
    pub(crate) fn downloads_left(&self) -> Option<u64> {
        self.max_downloads.map(|max| max.saturating_sub(self.downloads))
    }

    /// Why no passcode is looked at. `None`: one may be tried.
    pub(crate) fn lock(&self, now: Timestamp) -> Option<Lock> {
        self.attempts.lock(now).filter(|_| self.has_passcode)
    }

    /// Until when no passcode is looked at, unless the share is unlocked. `None`: one may be tried.
    pub(crate) fn locked_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.lock(now).map(|lock| lock.until(self.expires_at))
    }

    /// Whether the index's key is that of `owner`.
    pub(crate) fn is_of(&self, owner: &Principal) -> bool {
        owner_key(owner).is_ok_and(|key| key == self.owner_key)
    }
}

impl Share {
    /// What may become of the share at `now`, as the browser sees it. A browser that downloaded a
    /// moment ago may press again, even if that was the last download.
    pub(super) fn state_for(&self, browser: Option<&Browser>, now: Timestamp) -> ShareState {
        match self.summary.state(now) {
            ShareState::UsedUp if browser.is_some_and(|browser| self.counted(browser, now)) => {
                ShareState::Active
            }
            state => state,
        }
    }

    /// Whether a press of this browser was counted in the last ten minutes.
    pub(super) fn counted(&self, browser: &Browser, now: Timestamp) -> bool {
        self.presses.get(&browser.digest()).is_some_and(|until| *until > now)
    }

    /// Whether the table remembers the browser, and its ten minutes are over. Such a browser gets a new
    /// secret, so that no entry is ever written twice and each may be removed once it is over.
    pub(super) fn is_over_for(&self, browser: &Browser, now: Timestamp) -> bool {
        self.presses.get(&browser.digest()).is_some_and(|until| *until <= now)
    }

    /// The digests of the presses that the next one takes the place of: those that are over, and the
    /// oldest of too many.
    pub(super) fn forgotten_presses(&self, now: Timestamp) -> Vec<&str> {
        let mut newest_first: Vec<_> = self.presses.iter().collect();
        newest_first.sort_by_key(|(_, until)| std::cmp::Reverse(**until));
        newest_first
            .into_iter()
            .enumerate()
            .filter(|(index, (_, until))| **until <= now || *index + 1 >= MAX_PRESSES)
            .map(|(_, (digest, _))| digest.as_str())
            .take(MAX_FORGOTTEN)
            .collect()
    }

    /// The window of the link that a press gets at `now`, where `window` is a press's. A link may
    /// outlive its share only by what the shortest window and the answer take.
    pub(super) fn window_of_press(
        &self,
        window: RequestedWindow,
        now: Timestamp,
    ) -> RequestedWindow {
        let left = self.summary.expires_at.duration_since(now).as_secs().max(0).unsigned_abs();
        let expires_in = window.expires_in.min(left.max(window.min_expires_in + ANSWER_SECONDS));
        RequestedWindow { expires_in, ..window }
    }

    /// The request for a link to the file that opens once before it is given.
    pub(super) fn link_request(&self, window: RequestedWindow) -> LinkRequest {
        LinkRequest {
            action: Action::Share,
            bucket: Some(self.summary.bucket.clone()),
            key: self.summary.key.clone(),
            version_id: self.summary.version_id.clone(),
            window,
            response_headers: self.response_headers.clone(),
            check: true,
            method: Method::Get,
        }
    }
}

/// The instant from which the table may forget a share that ends at `expires_at`.
pub(super) fn forget_at(expires_at: Timestamp) -> Timestamp {
    expires_at.checked_add(REMEMBERED).unwrap_or(expires_at)
}

/// Whose shares these are, as the index has it. Callers of different kinds are different, even if
/// their names are spelled alike.
///
/// # Errors
///
/// - [`LinkError::Unauthenticated`]: a caller whom nobody authenticated owns nothing.
/// - [`LinkError::OneOfMany`]: neither does one who can't be told from others.
/// - [`LinkError::NameTooLong`].
pub(crate) fn owner_key(owner: &Principal) -> Result<String, LinkError> {
    let name = owner.name();
    let key = match owner {
        Principal::Iam(caller) => match caller.crowd() {
            Some(crowd) => return Err(LinkError::OneOfMany(crowd)),
            None => format!("iam#{name}"),
        },
        Principal::Authorized { .. } => format!("token#{name}"),
        Principal::S3Event => OWNER_KEY_OF_MAILS.to_owned(),
        Principal::Anonymous => return Err(LinkError::Unauthenticated),
    };
    if name.len() > MAX_NAME_BYTES {
        return Err(LinkError::NameTooLong { bytes: name.len(), max_bytes: MAX_NAME_BYTES });
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use link_rules::access::{Claims, Crowd, IamCaller};

    #[test]
    fn callers_of_different_kinds_own_different_shares_however_their_names_are_spelled() {
        let token =
            |name: &str| Principal::Authorized { name: name.to_owned(), claims: Claims::default() };
        let arn = "arn:aws:iam::123456789012:user/alice";
        let owners = [
            Principal::Iam(arn.into()),
            token(arn),
            token("alice"),
            token("s3-event"),
            token(""),
            Principal::S3Event,
        ];
        let keys: std::collections::BTreeSet<_> =
            owners.iter().map(|owner| owner_key(owner).unwrap()).collect();
        assert_eq!(keys.len(), owners.len());
        assert_eq!(owner_key(&Principal::Anonymous), Err(LinkError::Unauthenticated));
        let pool = "arn:aws:sts::123456789012:assumed-role/users/CognitoIdentityCredentials";
        let one = |identity| owner_key(&Principal::Iam(IamCaller::new(pool, identity)));
        assert_ne!(one(Some("eu-west-1:a")), one(Some("eu-west-1:b")));
        assert_eq!(one(None), Err(LinkError::OneOfMany(Crowd::IdentityPool)));
        let long = token(&"x".repeat(MAX_NAME_BYTES + 1));
        assert!(matches!(owner_key(&long), Err(LinkError::NameTooLong { .. })));
    }
}
