//! `/shares`: an owner makes, lists, changes and revokes shares.

use jiff::Timestamp;
use serde::Serialize;

use super::response::json;
use super::router::{Endpoint, PathParameters};
use super::{Problem, Request, Response, share_request};
use crate::links::Links;
use crate::shares::{Caller, Passcode, ShareError, ShareId, Shares, State, Summary};
use crate::telemetry::Invocation;
use link_rules::access::{Action, Principal};

/// A request about shares.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) shares: &'a Shares,
    pub(super) links: &'a Links,
    pub(super) request: &'a Request,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
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
    next: Option<&'a str>,
}

impl Call<'_> {
    /// Answers a request to one of the routes of shares.
    pub(super) async fn answer(
        self,
        endpoint: Endpoint,
        parameters: &PathParameters,
        invocation: &mut Invocation<'_>,
    ) -> Result<Response, Problem> {
        let parameter = parameters.first().map(|(_, value)| value.as_str()).unwrap_or_default();
        match endpoint {
            Endpoint::NewShare => self.create(invocation).await,
            Endpoint::Shares => self.list(invocation).await,
            Endpoint::Share => self.get(parameter, invocation).await,
            Endpoint::ShareChange => self.change(parameter, invocation).await,
            Endpoint::ShareEnd => self.revoke(parameter, invocation).await,
            Endpoint::SharePage => self.show(parameter, invocation).await,
            Endpoint::SharePress => self.press(parameter, invocation).await,
            Endpoint::Links | Endpoint::Batch | Endpoint::Download | Endpoint::Session => {
                Err(Problem::no_such_route(&self.request.path, ""))
            }
        }
    }

    pub(super) fn caller(&self) -> Caller<'_> {
        Caller { ip_address: self.request.client.ip_address.as_deref() }
    }

    async fn create(self, invocation: &mut Invocation<'_>) -> Result<Response, Problem> {
        let (new, made_passcode) = share_request::new_share(&self.request.body)?;
        let Self { shares, links, request } = self;
        let base_url = request.base_url("/shares");
        let made = shares
            .create(links, &request.principal, new, base_url, self.caller(), invocation)
            .await?;
        let share = self.response(&made.summary, made_passcode.as_ref(), invocation);
        Ok(Response::created(json(&MadeResponse {
            url: &made.url,
            expires_in: made.life.expires_in,
            limited_by: made.life.limited_by.as_str(),
            share,
        })))
    }

    async fn list(self, invocation: &mut Invocation<'_>) -> Result<Response, Problem> {
        let Self { shares, links, request } = self;
        let (cursor, limit) = share_request::page(&request.query)?;
        let listed = shares.list(links, &request.principal, cursor, limit, invocation).await?;
        let page = listed.shares.iter().map(|share| self.response(share, None, invocation));
        let next = listed.next.as_deref();
        Ok(Response::json(json(&ListResponse { shares: page.collect(), next })))
    }

    async fn get(self, id: &str, invocation: &mut Invocation<'_>) -> Result<Response, Problem> {
        let Self { shares, links, request } = self;
        let share = shares.get(links, &request.principal, &share_id(id)?, invocation).await?;
        Ok(Response::json(json(&self.response(&share, None, invocation))))
    }

    async fn change(self, id: &str, invocation: &mut Invocation<'_>) -> Result<Response, Problem> {
        let Self { shares, links, request } = self;
        let (change, passcode) = share_request::change(&request.body)?;
        let (principal, id) = (&request.principal, share_id(id)?);
        let share = shares.change(links, principal, &id, change, self.caller(), invocation).await?;
        Ok(Response::json(json(&self.response(&share, passcode.as_ref(), invocation))))
    }

    async fn revoke(self, id: &str, invocation: &mut Invocation<'_>) -> Result<Response, Problem> {
        let Self { shares, links, request } = self;
        let id = share_id(id)?;
        shares.revoke(links, &request.principal, &id, self.caller(), invocation).await?;
        Ok(Response::no_content())
    }

    /// The share as its owner reads it. One that the owner may not share any more is withdrawn.
    fn response<'b>(
        &self,
        share: &'b Summary,
        passcode: Option<&'b Passcode>,
        invocation: &Invocation<'_>,
    ) -> ShareResponse<'b> {
        let now = invocation.time().now();
        // Nobody is the owner of a share that a mail made. It is judged as S3's event.
        let caller = &self.request.principal;
        let owner = if share.is_of(caller) { caller } else { &Principal::S3Event };
        let is_granted =
            self.links.grants.find(owner, Action::Share, &share.bucket, &share.key).is_some();
        let state = match share.state(now) {
            State::Active | State::UsedUp if !is_granted => State::Withdrawn,
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
            revoked_at: share.revoked_at,
            recipient: share.recipient.as_deref(),
            note: share.note.as_deref(),
            passcode: passcode.map(Passcode::reveal),
        }
    }
}

/// The id in a path. Nobody has a share of another form of id.
fn share_id(written: &str) -> Result<ShareId, Problem> {
    ShareId::parse(written).ok_or_else(|| ShareError::NoSuchShare.into())
}
