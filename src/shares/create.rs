//! Makes shares.

use jiff::Timestamp;
use link_rules::access::{Grants, Principal};
use link_rules::text;
use link_rules::window::{self, Life, RequestedWindow, floor_to_second};

use super::attempts::Attempts;
use super::passcode::Passcode;
use super::sender::SenderName;
use super::share::{Share, Summary, owner_key};
use super::table::ConditionalUpdate;
use super::token::{ShareId, Token};
use super::{ShareError, Shares, log};
use crate::invocation::Invocation;
use crate::links::{Link, LinkError, LinkRequest, PolicyReading};

/// A share that somebody wants.
#[derive(Clone, Debug)]
pub(crate) struct NewShare {
    /// The secret of its address.
    pub(crate) token: Token,
    /// What each download's link is to be. Its window and `check` are ours to choose.
    pub(crate) link: LinkRequest,
    /// The file's name as the download has it. `None`: the last part of its key.
    pub(crate) name: Option<String>,
    /// Who shares, as recipients read it, where the request names somebody.
    pub(crate) from: Option<SenderName>,
    /// What whoever may download the file is told.
    pub(crate) message: Option<String>,
    /// How long the share is to live.
    pub(crate) window: RequestedWindow,
    /// How many downloads are counted at most.
    pub(crate) max_downloads: Option<u64>,
    /// What recipients must know besides the address.
    pub(crate) passcode: Option<Passcode>,
    /// For whom the share is.
    pub(crate) recipient: Option<String>,
    /// What the owner wants to remember.
    pub(crate) note: Option<String>,
}

/// A share that was made. Not `Debug`: it holds the address.
pub(crate) struct Made {
    /// What the owner sees of it.
    pub(crate) summary: Summary,
    /// The address. It is told this once.
    pub(crate) url: String,
    /// How long the share lives, and what decided that.
    pub(crate) life: Life,
    /// Whether that keeps to the bucket's policy.
    pub(crate) bucket_policy: PolicyReading,
}

impl Shares {
    /// Makes a share for `owner`, if a grant with the action `share` covers the file and if a link to
    /// it opens now. `base_url` is what stands before `/s/` in its address, where `PUBLIC_URL` does
    /// not say it.
    ///
    /// # Errors
    ///
    /// [`ShareError::Link`] when the owner may not share the file, when a link to it would not open,
    /// and when something ends the share too soon;
    /// [`ShareError::Field`] when the owner may not say who shares; [`ShareError::NoPublicUrl`],
    /// [`ShareError::Table`].
    pub(crate) async fn create(
        &self,
        owner: &Principal,
        new: NewShare,
        base_url: Option<String>,
        invocation: &Invocation,
    ) -> Result<Made, ShareError> {
        let owner_key = owner_key(owner)?;
        let base_url =
            self.settings.public_url.clone().or(base_url).ok_or(ShareError::NoPublicUrl)?;
        let request = LinkRequest { window: self.trial_window(), check: true, ..new.link };
        let made = self.links.make_checked(owner, &request, invocation);
        let (link, size) = invocation.in_time(made).await.map_err(LinkError::from)??;
        let (bucket, key) = (link.bucket.as_str(), link.key.as_str());
        let from = sender(owner, new.from, bucket, key, invocation.grants())?;
        let now = floor_to_second(invocation.now());
        let life = self.life(owner, &link, new.window, now, invocation.grants())?;
        let share = Share {
            summary: Summary {
                id: new.token.share_id(),
                owner_key,
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                version_id: request.version_id.clone(),
                name: new.name.unwrap_or_else(|| text::file_name(key)),
                size,
                created_at: now,
                expires_at: life.expires_at,
                max_downloads: new.max_downloads,
                downloads: 0,
                last_download_at: None,
                has_passcode: new.passcode.is_some(),
                attempts: Attempts::none(),
                revoked_at: None,
                recipient: new.recipient,
                note: new.note,
                from,
                message: new.message,
                press_problem: None,
            },
            owner: as_judged_later(owner, invocation.grants()),
            region: link.region,
            response_headers: request.response_headers,
            passcode: new.passcode.as_ref().map(Passcode::hash).transpose()?,
            presses: std::collections::BTreeMap::new(),
        };
        self.table.create(&share, invocation).await?;
        log::made(invocation, &share);
        Ok(Made {
            url: format!("{base_url}/s/{}", new.token.reveal()),
            life,
            bucket_policy: link.bucket_policy,
            summary: share.summary,
        })
    }

    /// Revokes a share that a mail was to bring, and whose mail was not sent. Returns whether there is none
    /// that opens. If not, a share stays that nobody has the address of.
    pub(crate) async fn withdraw_unsent(&self, id: &ShareId, invocation: &Invocation) -> bool {
        match self.table.revoke(id, invocation).await {
            Ok(ConditionalUpdate::Applied(_)) => {
                log::withdrawn_unsent(invocation, id);
                true
            }
            // It was never made.
            Ok(ConditionalUpdate::Refused(_)) => true,
            Err(_) => false,
        }
    }

    /// The window of a link that is opened once and thrown away. Any window shows that the file can be
    /// had: a session that is almost over is followed by another.
    pub(super) fn trial_window(&self) -> RequestedWindow {
        RequestedWindow { min_expires_in: 1, ..self.settings.window }
    }

    /// How long a share of `owner` may live, from `now` on. `link` is one to its file that was opened.
    ///
    /// # Errors
    ///
    /// [`LinkError::NotGranted`] and [`LinkError::WindowTooShort`].
    pub(super) fn life(
        &self,
        owner: &Principal,
        link: &Link,
        requested: RequestedWindow,
        now: Timestamp,
        grants: &Grants,
    ) -> Result<Life, LinkError> {
        let longest = grants.longest_share(owner, &link.bucket, &link.key);
        let longest = longest.ok_or_else(|| LinkError::not_granted(owner))?;
        let least_open = self.settings.window.min_expires_in;
        window::life(now, requested, longest, link.bounds, least_open).map_err(|too_short| {
            LinkError::WindowTooShort {
                too_short,
                min_expires_in: requested.min_expires_in,
                session_expires_at: None,
            }
        })
    }
}

/// Who shares, as recipients read it: whom the request names, if a grant lets the owner do so, or what a
/// claim says that a grant names. `None`: nobody, so that the organisation is.
///
/// # Errors
///
/// [`ShareError::Field`].
fn sender(
    owner: &Principal,
    named: Option<SenderName>,
    bucket: &str,
    key: &str,
    grants: &Grants,
) -> Result<Option<SenderName>, ShareError> {
    let Some(name) = named else {
        return Ok(grants.sender(owner, bucket, key).and_then(SenderName::of_claim));
    };
    // The sender of a mail is the operator's.
    if *owner == Principal::S3Event || grants.let_name_sender(owner, bucket, key) {
        return Ok(Some(name));
    }
    Err(ShareError::Field(
        "from: no grant lets you say who shares; leave the field out, or ask the operator for \
         \"from\": \"request\" in the grant"
            .to_owned(),
    ))
}

/// The owner with nothing but what grants ask for. The rest of a token is of no use later.
fn as_judged_later(owner: &Principal, grants: &Grants) -> Principal {
    match owner {
        Principal::Authorized { name, claims } => {
            Principal::Authorized { name: name.clone(), claims: claims.only(&grants.claim_names()) }
        }
        Principal::Iam(_) | Principal::Anonymous | Principal::S3Event => owner.clone(),
    }
}
