//! `/shares`: an owner makes, lists, changes and revokes shares.

use jiff::Timestamp;
use link_rules::access::{Action, Principal};
use serde::Serialize;

use super::response::json;
use super::router::ShareRoute;
use super::{Problem, Request, Response, share_request};
use crate::invocation::Invocation;
use crate::links::PolicyReading;
use crate::shares::{Passcode, SenderName, ShareError, ShareId, ShareState, Shares, Summary};

/// A request about shares.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) shares: &'a Shares,
    pub(super) request: &'a Request,
    pub(super) invocation: &'a Invocation,
}

/// A share as its owner reads it.
#[derive(Serialize)]
struct ShareResponse<'a> {
    share_id: &'a str,
    state: &'static str,
    bucket: &'a str,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
    name: &'a str,
    size: Option<u64>,
    created_at: Timestamp,
    expires_at: Timestamp,
    max_downloads: Option<u64>,
    downloads: u64,
    last_download_at: Option<Timestamp>,
    has_passcode: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    locked_until: Option<Timestamp>,
    /// How many passcodes were wrong since the last unlock, if any, and when the last one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong_passcodes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_wrong_passcode_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    /// Why the last press got no file, and since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    press_problem: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    press_problem_since: Option<Timestamp>,
    /// Whether the end keeps to the bucket's policy. Only where the end was just set.
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket_policy: Option<PolicyReading>,
    /// A passcode that was made, this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    passcode: Option<&'a str>,
}

/// A share that was just made. Not `Debug`: it holds the address.
#[derive(Serialize)]
struct MadeResponse<'a> {
    url: &'a str,
    expires_in: u64,
    limited_by: &'static str,
    #[serde(flatten)]
    share: ShareResponse<'a>,
}

/// A page of shares.
#[derive(Serialize)]
struct ListResponse<'a> {
    shares: Vec<ShareResponse<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

impl Call<'_> {
    /// Answers a request to one of the routes of shares.
    pub(super) async fn answer(self, route: ShareRoute) -> Result<Response, Problem> {
        match route {
            ShareRoute::Create => self.create().await,
            ShareRoute::List => self.list().await,
            ShareRoute::Get(id) => self.get(&share_id(&id)?).await,
            ShareRoute::Change(id) => self.change(&share_id(&id)?).await,
            ShareRoute::Revoke(id) => self.revoke(&share_id(&id)?).await,
            ShareRoute::Page(token) => self.show(&token).await,
            ShareRoute::Press(token) => self.press(&token).await,
        }
    }

    fn caller(&self) -> &Principal {
        &self.invocation.caller().principal
    }

    async fn create(self) -> Result<Response, Problem> {
        let (new, made_passcode) = share_request::new_share(&self.request.body)?;
        let base_url = self.request.base_url("/shares");
        let made = self.shares.create(self.caller(), new, base_url, self.invocation).await?;
        let share = self.response(&made.summary, made_passcode.as_ref(), Some(made.bucket_policy));
        Ok(Response::created(json(&MadeResponse {
            url: &made.url,
            expires_in: made.life.expires_in,
            limited_by: made.life.limited_by.as_str(),
            share,
        })))
    }

    async fn list(self) -> Result<Response, Problem> {
        let (cursor, limit) = share_request::page(&self.request.query)?;
        let listed = self.shares.list(self.caller(), cursor, limit, self.invocation).await?;
        let page = listed.shares.iter().map(|share| self.response(share, None, None));
        let next = listed.next.as_deref();
        let unreadable = Some(listed.unreadable).filter(|count| *count > 0);
        Ok(Response::json(json(&ListResponse { shares: page.collect(), unreadable, next })))
    }

    async fn get(self, id: &ShareId) -> Result<Response, Problem> {
        let share = self.shares.get(self.caller(), id, self.invocation).await?;
        Ok(Response::json(json(&self.response(&share, None, None))))
    }

    async fn change(self, id: &ShareId) -> Result<Response, Problem> {
        let (change, passcode) = share_request::change(&self.request.body)?;
        let changed = self.shares.change(self.caller(), id, change, self.invocation).await?;
        let (share, bucket_policy) = changed;
        Ok(Response::json(json(&self.response(&share, passcode.as_ref(), bucket_policy))))
    }

    async fn revoke(self, id: &ShareId) -> Result<Response, Problem> {
        self.shares.revoke(self.caller(), id, self.invocation).await?;
        Ok(Response::no_content())
    }

    /// The share as its owner reads it. One that the owner may not share any more is withdrawn.
    fn response<'b>(
        &self,
        share: &'b Summary,
        passcode: Option<&'b Passcode>,
        bucket_policy: Option<PolicyReading>,
    ) -> ShareResponse<'b> {
        let now = self.invocation.now();
        // Nobody is the owner of a share that a mail made. It is judged as S3's event.
        let caller = self.caller();
        let owner = if share.is_of(caller) { caller } else { &Principal::S3Event };
        let is_granted = self
            .invocation
            .grants()
            .find(owner, Action::Share, &share.bucket, &share.key)
            .is_some();
        let state = match share.state(now) {
            ShareState::Active | ShareState::UsedUp if !is_granted => ShareState::Withdrawn,
            state => state,
        };
        ShareResponse {
            share_id: share.id.as_str(),
            state: state.as_str(),
            bucket: &share.bucket,
            key: &share.key,
            version_id: share.version_id.as_deref(),
            name: &share.name,
            size: share.size,
            created_at: share.created_at,
            expires_at: share.expires_at,
            max_downloads: share.max_downloads,
            downloads: share.downloads,
            last_download_at: share.last_download_at,
            has_passcode: share.has_passcode,
            locked_until: share.locked_until(now),
            wrong_passcodes: share.attempts.wrong(now).filter(|wrong| *wrong > 0),
            last_wrong_passcode_at: share.attempts.last_wrong_at(),
            revoked_at: share.revoked_at,
            recipient: share.recipient.as_deref(),
            note: share.note.as_deref(),
            from: share.from.as_ref().map(SenderName::as_str),
            message: share.message.as_deref(),
            press_problem: share.press_problem.as_ref().map(|problem| &*problem.code),
            press_problem_since: share.press_problem.as_ref().map(|problem| problem.since),
            bucket_policy,
            passcode: passcode.map(Passcode::reveal),
        }
    }
}

/// The id in a path. Nobody has a share of another form of id.
fn share_id(written: &str) -> Result<ShareId, Problem> {
    ShareId::parse(written).ok_or_else(|| ShareError::NoSuchShare.into())
}
