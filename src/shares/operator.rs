//! Lists, revokes and unlocks shares for operators: whoever may invoke the function.
//!
//! DynamoDB is read page by page until the time is up. The answer then says what was done and where to go
//! on.

use std::time::Duration;

use futures_util::future;
use jiff::Timestamp;
use serde::Serialize;

use super::item::{Item, optional_text, summary};
use super::share::Summary;
use super::table::{Changes, ConditionalUpdate, Page};
use super::token::ShareId;
use super::{ShareError, Shares, log};
use crate::invocation::Invocation;

/// How many shares are read at a time. Those that are to be revoked are revoked before more are read.
const PAGE: i32 = 100;

/// How many shares one answer lists at most. Each takes 3 KB at most, and Lambda returns 6 MB.
const MAX_LISTED: usize = 1_000;

/// How many shares are revoked at the same time.
const AT_ONCE: usize = 16;

/// The time that must be left when more is read or revoked: enough for one call at its slowest, and the
/// answer.
const MIN_TIME_LEFT: Duration = Duration::from_secs(6);

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
    /// Where to go on, as the field `from`. Left out when all shares were looked at, or when the first page
    /// was not finished: then the same event goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Whether there is more to do.
    #[serde(rename = "unfinished")]
    is_unfinished: bool,
    /// Why it stopped, if that was not for want of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
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
    fn admits(&self, share: &Summary, owner: &Owner) -> bool {
        let is = |wanted: &Option<String>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == value)
        };
        let recipient = share.recipient.as_deref().unwrap_or_default();
        self.share_id.as_ref().is_none_or(|id| *id == share.id)
            && (is(&self.owner, &owner.name) || is(&self.owner, &owner.in_full()))
            && is(&self.bucket, &share.bucket)
            && self.recipient.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(recipient))
            && self.prefix.as_ref().is_none_or(|prefix| share.key.starts_with(prefix.as_str()))
    }
}

impl Shares {
    /// Does what an operator wants, as far as the invocation's time and DynamoDB allow. The answer says what
    /// was done, and where to go on.
    ///
    /// # Errors
    ///
    /// [`ShareError::Table`] if nothing was done.
    pub(crate) async fn operate(
        &self,
        operation: &OperatorRequest,
        invocation: &Invocation,
    ) -> Result<Report, ShareError> {
        let (selector, change) = match operation {
            OperatorRequest::List(selector) => (selector, None),
            OperatorRequest::Revoke(selector) => (selector, Some(BulkChange::Revoke)),
            OperatorRequest::Unlock(selector) => (selector, Some(BulkChange::Unlock)),
        };
        let mut report = Report::default();
        let mut listed = Vec::new();
        let mut done = 0;
        let mut from = selector.from.clone();
        loop {
            let page = match self.page(selector, from.as_ref(), invocation).await {
                Ok(page) => page,
                Err(error) if report.looked_at == 0 => return Err(error),
                Err(error) => {
                    report.stop_at(from.as_ref(), Some(&error));
                    break;
                }
            };
            let mut meant = Vec::new();
            for item in &page.items {
                report.looked_at += 1;
                let Ok(share) = summary(item) else {
                    report.unreadable += 1;
                    continue;
                };
                let owner = Owner::of(item);
                if !selector.admits(&share, &owner) {
                    continue;
                }
                match change {
                    None => {
                        listed.push(ListedShare::new(share, owner.in_full(), invocation.now()));
                    }
                    Some(change) if change.applies_to(&share) => meant.push(share.id),
                    Some(_) => {}
                }
            }
            if let Some(change) = change {
                let (more, ended) = self.change_all(change, &meant, invocation).await;
                done += more;
                match ended {
                    Err(error) if done == 0 => return Err(error),
                    // Those of the page that are done are passed over when it is read again.
                    Err(error) => {
                        report.stop_at(from.as_ref(), Some(&error));
                        break;
                    }
                    Ok(AllDone(false)) => {
                        report.stop_at(from.as_ref(), None);
                        break;
                    }
                    Ok(AllDone(true)) => {}
                }
            }
            let next = page.next.as_ref().and_then(|next| optional_text(next, "id"));
            let Some(next) = next.and_then(|id| ShareId::parse(&id)) else { break };
            if invocation.left() < MIN_TIME_LEFT || listed.len() >= MAX_LISTED {
                report.stop_at(Some(&next), None);
                break;
            }
            from = Some(next);
        }
        match change {
            None => report.shares = Some(listed),
            Some(BulkChange::Revoke) => report.revoked = Some(done),
            Some(BulkChange::Unlock) => report.unlocked = Some(done),
        }
        Ok(report)
    }

    /// A page of shares. One share is found by its id.
    async fn page(
        &self,
        selector: &Selector,
        from: Option<&ShareId>,
        invocation: &Invocation,
    ) -> Result<Page, ShareError> {
        match &selector.share_id {
            None => self.table.some_of_all(from, PAGE, invocation).await,
            Some(id) => Ok(Page {
                items: self.table.get(id, invocation).await?.into_iter().collect(),
                next: None,
                are_whole: true,
            }),
        }
    }

    /// Changes these shares, several at a time. Returns how many, and whether all of them or why not.
    async fn change_all(
        &self,
        change: BulkChange,
        ids: &[ShareId],
        invocation: &Invocation,
    ) -> (u64, Result<AllDone, ShareError>) {
        let mut done = 0;
        for (index, some) in ids.chunks(AT_ONCE).enumerate() {
            // The first ones are always tried, so that each event gets further.
            if index > 0 && invocation.left() < MIN_TIME_LEFT {
                return (done, Ok(AllDone(false)));
            }
            let calls = some.iter().map(|id| self.change_one(change, id, invocation));
            let mut error = None;
            for (id, outcome) in some.iter().zip(future::join_all(calls).await) {
                match outcome {
                    Ok(ConditionalUpdate::Applied(_)) => {
                        done += 1;
                        log::by_operator(invocation, id, change.message());
                    }
                    Ok(ConditionalUpdate::Refused(_)) => {}
                    Err(why) => error = Some(why),
                }
            }
            if let Some(error) = error {
                return (done, Err(error));
            }
        }
        (done, Ok(AllDone(true)))
    }

    async fn change_one(
        &self,
        change: BulkChange,
        id: &ShareId,
        invocation: &Invocation,
    ) -> Result<ConditionalUpdate, ShareError> {
        match change {
            BulkChange::Revoke => self.table.revoke(id, invocation).await,
            BulkChange::Unlock => {
                let changes = Changes { unlock: true, ..Changes::default() };
                self.table.change(id, changes, invocation).await
            }
        }
    }
}

/// What an operator does to shares.
#[derive(Clone, Copy, Debug)]
enum BulkChange {
    /// Revokes them for good.
    Revoke,
    /// Lets passcodes be tried again.
    Unlock,
}

impl BulkChange {
    /// Whether it changes anything about the share.
    fn applies_to(self, share: &Summary) -> bool {
        let is_revoked = share.revoked_at.is_some();
        match self {
            Self::Revoke => !is_revoked,
            Self::Unlock => !is_revoked && share.attempts.are_any(),
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Revoke => "share revoked",
            Self::Unlock => "share unlocked",
        }
    }
}

/// Whether everything was done that there was time for.
struct AllDone(bool);

impl Report {
    /// Stops: the next event goes on at `from`.
    fn stop_at(&mut self, from: Option<&ShareId>, error: Option<&ShareError>) {
        self.is_unfinished = true;
        self.next = from.map(|id| id.as_str().to_owned());
        self.stopped = error.map(ToString::to_string);
    }
}

/// The owner of an item.
struct Owner {
    /// The ARN, or the name in a token.
    name: String,
    /// The identity of a user of an identity pool, who shares the ARN with others.
    identity: Option<String>,
}

impl Owner {
    fn of(item: &Item) -> Self {
        let name = optional_text(item, "owner").unwrap_or_default();
        Self { name, identity: optional_text(item, "owner_identity") }
    }

    /// The name as the log has it.
    fn in_full(&self) -> String {
        match &self.identity {
            Some(identity) => format!("{} {identity}", self.name),
            None => self.name.clone(),
        }
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
