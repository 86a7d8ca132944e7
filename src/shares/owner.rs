//! Lists, changes and revokes shares for their owners. Another's share is like one that never was.
//!
//! A share that a mail made has no owner who could call. Whoever may share the file today stands in for
//! one, and needs to know the share's id.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use link_rules::access::{Action, Principal};
use link_rules::window::RequestedWindow;

use super::change::Change;
use super::item::{
    Item, instant, optional_instant, optional_text, share, summary, text, whole_summary,
};
use super::share::{Share, Summary, forget_at, owner_key};
use super::table::{Changes, ConditionalUpdate};
use super::token::ShareId;
use super::{ShareError, Shares, log};
use crate::invocation::Invocation;
use crate::links::{LinkError, PolicyReading};

/// A page of an owner's shares.
#[derive(Clone, Debug)]
pub(crate) struct SharePage {
    pub(crate) shares: Vec<Summary>,
    /// How many items are no shares that can be read. Nobody can open those either.
    pub(crate) unreadable: usize,
    /// Where the next page begins, for callers to pass on.
    pub(crate) next: Option<String>,
}

impl Shares {
    /// The owner's shares, the newest first.
    ///
    /// # Errors
    ///
    /// [`ShareError::Field`] for a cursor that is none, [`ShareError::Table`].
    pub(crate) async fn list(
        &self,
        owner: &Principal,
        cursor: Option<&str>,
        limit: i32,
        invocation: &Invocation,
    ) -> Result<SharePage, ShareError> {
        let owner_key = key_of(owner)?;
        let from = cursor.map(|cursor| start(cursor, &owner_key)).transpose()?;
        let mut from = from;
        let mut unreadable = 0;
        loop {
            let page = self.table.of_owner(&owner_key, from, limit, invocation).await?;
            let read = if page.are_whole { whole_summary } else { summary };
            let shares: Vec<_> = page.items.iter().map(read).filter_map(Result::ok).collect();
            unreadable += page.items.len() - shares.len();
            let next = page.next.as_ref().and_then(cursor_at);
            // DynamoDB may answer with a page without items although more follow.
            if shares.is_empty() && next.is_some() && invocation.check_time().is_ok() {
                from = page.next;
                continue;
            }
            return Ok(SharePage { shares, unreadable, next });
        }
    }

    /// One share of the owner.
    ///
    /// # Errors
    ///
    /// [`ShareError::NoSuchShare`], [`ShareError::Table`].
    pub(crate) async fn get(
        &self,
        owner: &Principal,
        id: &ShareId,
        invocation: &Invocation,
    ) -> Result<Summary, ShareError> {
        let share = self.managed(owner, id, invocation).await?;
        Ok(share.summary)
    }

    /// The share, if `caller` may read, change and revoke it.
    async fn managed(
        &self,
        caller: &Principal,
        id: &ShareId,
        invocation: &Invocation,
    ) -> Result<Share, ShareError> {
        key_of(caller)?;
        let item = self.table.get(id, invocation).await?;
        let share = item.as_ref().map(share).transpose()?;
        let share = share.filter(|Share { summary, .. }| {
            let (bucket, key) = (&summary.bucket, &summary.key);
            let stands_in =
                || invocation.grants().find(caller, Action::Share, bucket, key).is_some();
            summary.is_of(caller) || (summary.is_of(&Principal::S3Event) && stands_in())
        });
        share.ok_or(ShareError::NoSuchShare)
    }

    /// Changes a share of the owner. Where its end is changed, this says whether the end keeps to the
    /// bucket's policy.
    ///
    /// # Errors
    ///
    /// [`ShareError::NoSuchShare`], [`ShareError::Revoked`], [`ShareError::Link`] when the owner wants
    /// another end and may not share the file any more or it does not open, [`ShareError::Table`].
    pub(crate) async fn change(
        &self,
        owner: &Principal,
        id: &ShareId,
        change: Change,
        invocation: &Invocation,
    ) -> Result<(Summary, Option<PolicyReading>), ShareError> {
        let share = self.managed(owner, id, invocation).await?;
        if share.summary.revoked_at.is_some() {
            return Err(ShareError::Revoked);
        }
        let mut changes = Changes {
            max_downloads: change.max_downloads,
            unlock: change.unlock,
            ..Changes::default()
        };
        let mut bucket_policy = None;
        if let Some(expires_in) = change.expires_in {
            // Another end is another promise, so the file and the grants of today are looked at.
            let judged = if share.summary.is_of(owner) { owner } else { &share.owner };
            let request = share.link_request(self.trial_window());
            let made = self.links.make_checked(judged, &request, invocation);
            let (link, _) = invocation.in_time(made).await.map_err(LinkError::from)??;
            let requested = RequestedWindow { expires_in, min_expires_in: 1 };
            let life =
                self.life(judged, &link, requested, invocation.now(), invocation.grants())?;
            bucket_policy = Some(link.bucket_policy);
            changes.expires_at = Some(life.expires_at);
            changes.forget_at = Some(forget_at(life.expires_at));
        }
        changes.passcode = change.passcode.try_map(|passcode| passcode.hash())?;
        match self.table.change(id, changes, invocation).await? {
            ConditionalUpdate::Applied(item) => {
                let share = whole_summary(&item)?;
                log::changed(invocation, owner, id, "share changed");
                Ok((share, bucket_policy))
            }
            ConditionalUpdate::Refused(Some(_)) => Err(ShareError::Revoked),
            ConditionalUpdate::Refused(None) => Err(ShareError::NoSuchShare),
        }
    }

    /// Revokes a share of the owner for good. To do so again changes nothing.
    ///
    /// # Errors
    ///
    /// [`ShareError::NoSuchShare`], [`ShareError::Table`].
    pub(crate) async fn revoke(
        &self,
        owner: &Principal,
        id: &ShareId,
        invocation: &Invocation,
    ) -> Result<(), ShareError> {
        self.managed(owner, id, invocation).await?;
        match self.table.revoke(id, invocation).await? {
            ConditionalUpdate::Applied(_) => {
                log::changed(invocation, owner, id, "share revoked");
                Ok(())
            }
            ConditionalUpdate::Refused(_) => Err(ShareError::NoSuchShare),
        }
    }
}

/// The owner's key, if a gateway authenticated the caller.
fn key_of(owner: &Principal) -> Result<String, ShareError> {
    match owner {
        Principal::Iam(_) | Principal::Authorized { .. } => {
            owner_key(owner).map_err(ShareError::from)
        }
        Principal::Anonymous | Principal::S3Event => Err(LinkError::Unauthenticated.into()),
    }
}

/// Names the place in the index at which a page ended. Whose shares these are is not in it: the next
/// page is its caller's own, whatever the cursor says.
fn cursor_at(key: &Item) -> Option<String> {
    let (created_at, id) = (optional_instant(key, "created_at")?, optional_text(key, "id")?);
    Some(URL_SAFE_NO_PAD.encode(format!("{} {id}", created_at.as_second())))
}

/// The key in the index that a cursor names.
fn start(cursor: &str, owner_key: &str) -> Result<Item, ShareError> {
    let read = || {
        let place = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (created_at, id) = place.split_once(' ')?;
        let created_at = Timestamp::from_second(created_at.parse().ok()?).ok()?;
        Some((created_at, ShareId::parse(id)?))
    };
    let (created_at, id) = read().ok_or_else(|| {
        ShareError::Field("cursor: take the value of \"next\" of the page before".to_owned())
    })?;
    Ok(Item::from([
        ("owner_key".to_owned(), text(owner_key)),
        ("created_at".to_owned(), instant(created_at)),
        ("id".to_owned(), text(id.as_str())),
    ]))
}
