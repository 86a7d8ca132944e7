//! Lists, revokes and unlocks shares for operators: whoever may invoke the function.
//!
//! DynamoDB is read page by page until the time is up. The answer then says where to go on.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::item::{optional_text, summary};
use super::share::Summary;
use super::table::{Changes, ConditionalUpdate};
use super::token::ShareId;
use super::{ShareError, Shares, log};
use crate::invocation::Invocation;

/// How many shares are read at a time. Those that are to be revoked are revoked before more are read.
const PAGE: i32 = 100;

/// How many shares one answer lists at most. Each takes 3 KB at most, and Lambda returns 6 MB.
const MAX_LISTED: usize = 1_000;

/// The time that must be left when another page is begun: enough for a page of revocations.
const MIN_TIME_LEFT: Duration = Duration::from_secs(10);

/// Which shares an operator means: those of which all that is named holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    /// The share's id.
    pub(crate) share_id: Option<ShareId>,
    /// The owner's name: an ARN, or the name in a token.
    pub(crate) owner: Option<String>,
    /// For whom the share is, in upper or lower case.
    pub(crate) recipient: Option<String>,
    /// The bucket.
    pub(crate) bucket: Option<String>,
    /// The beginning of the key.
    pub(crate) prefix: Option<String>,
    /// Where an earlier answer stopped.
    pub(crate) from: Option<ShareId>,
}

/// What an operator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OperatorRequest {
    /// A list.
    List(Selector),
    /// A revocation.
    Revoke(Selector),
    /// Passcodes may be tried again.
    Unlock(Selector),
}

/// The answer to an operator.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The shares of a list, those that are over included.
    #[serde(skip_serializing_if = "Option::is_none")]
    shares: Option<Vec<ListedShare>>,
    /// How many shares were revoked now. Those that were revoked before are not among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<u64>,
    /// How many shares were unlocked: those at whose passcodes somebody had guessed in vain.
    #[serde(skip_serializing_if = "Option::is_none")]
    unlocked: Option<u64>,
    /// How many shares were looked at.
    looked_at: u64,
    /// How many items of the table are no shares that can be read. Nobody can open those either.
    unreadable: u64,
    /// Where to go on, as the field `from`. Left out when all shares were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A share as an operator sees it.
#[derive(Debug, Serialize)]
struct ListedShare {
    share_id: String,
    owner: String,
    bucket: String,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<String>,
    state: &'static str,
    created_at: Timestamp,
    expires_at: Timestamp,
    downloads: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_downloads: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_download_at: Option<Timestamp>,
}

impl Selector {
    /// Whether the share is meant.
    fn admits(&self, share: &Summary, owner: &str) -> bool {
        let is = |wanted: &Option<String>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == value)
        };
        let recipient = share.recipient.as_deref().unwrap_or_default();
        self.share_id.as_ref().is_none_or(|id| *id == share.id)
            && is(&self.owner, owner)
            && is(&self.bucket, &share.bucket)
            && self.recipient.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(recipient))
            && self.prefix.as_ref().is_none_or(|prefix| share.key.starts_with(prefix.as_str()))
    }
}

impl Shares {
    /// Does what an operator wants, as far as the invocation's time allows.
    ///
    /// # Errors
    ///
    /// [`ShareError::Table`]. What was revoked before stays revoked.
    pub(crate) async fn operate(
        &self,
        operation: &OperatorRequest,
        invocation: &Invocation,
    ) -> Result<Report, ShareError> {
        let (selector, is_to_revoke) = match operation {
            OperatorRequest::List(selector) | OperatorRequest::Unlock(selector) => {
                (selector, false)
            }
            OperatorRequest::Revoke(selector) => (selector, true),
        };
        let is_to_unlock = matches!(operation, OperatorRequest::Unlock(_));
        let mut report = Report::default();
        let mut listed = Vec::new();
        let (mut revoked, mut unlocked) = (0, 0);
        let mut from = selector.from.clone();
        loop {
            // One share is found by its id.
            let page = match &selector.share_id {
                None => self.table.some_of_all(from.as_ref(), PAGE, invocation).await?,
                Some(id) => super::table::Page {
                    items: self.table.get(id, invocation).await?.into_iter().collect(),
                    next: None,
                },
            };
            for item in &page.items {
                report.looked_at += 1;
                let Ok(share) = summary(item) else {
                    report.unreadable += 1;
                    continue;
                };
                let owner = optional_text(item, "owner").unwrap_or_default();
                if !selector.admits(&share, &owner) {
                    continue;
                }
                if is_to_unlock {
                    unlocked += u64::from(self.unlock(&share, invocation).await?);
                } else if !is_to_revoke {
                    listed.push(ListedShare::new(share, owner, invocation.now()));
                } else if share.revoked_at.is_none() {
                    let done = self.table.revoke(&share.id, invocation).await?;
                    if let ConditionalUpdate::Applied(_) = done {
                        revoked += 1;
                        log::by_operator(invocation, &share.id, "share revoked");
                    }
                }
            }
            let next = page.next.as_ref().and_then(|next| optional_text(next, "id"));
            let Some(next) = next.and_then(|id| ShareId::parse(&id)) else { break };
            if invocation.left() < MIN_TIME_LEFT || listed.len() >= MAX_LISTED {
                report.next = Some(next.as_str().to_owned());
                break;
            }
            from = Some(next);
        }
        if is_to_unlock {
            report.unlocked = Some(unlocked);
        } else if is_to_revoke {
            report.revoked = Some(revoked);
        } else {
            report.shares = Some(listed);
        }
        Ok(report)
    }

    /// Lets passcodes be tried again. Returns whether that changes anything.
    async fn unlock(&self, share: &Summary, invocation: &Invocation) -> Result<bool, ShareError> {
        if share.revoked_at.is_some() || !share.attempts.are_any() {
            return Ok(false);
        }
        let changes = Changes { unlock: true, ..Changes::default() };
        let done = self.table.change(&share.id, changes, invocation).await?;
        let is_done = matches!(done, ConditionalUpdate::Applied(_));
        if is_done {
            log::by_operator(invocation, &share.id, "share unlocked");
        }
        Ok(is_done)
    }
}

impl ListedShare {
    fn new(share: Summary, owner: String, now: Timestamp) -> Self {
        Self {
            state: share.state(now).as_str(),
            share_id: share.id.as_str().to_owned(),
            owner,
            bucket: share.bucket,
            key: share.key,
            recipient: share.recipient,
            created_at: share.created_at,
            expires_at: share.expires_at,
            downloads: share.downloads,
            max_downloads: share.max_downloads,
            last_download_at: share.last_download_at,
        }
    }
}
