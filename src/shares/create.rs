//! Makes shares.

use jiff::{SignedDuration, Timestamp};

use super::log::Caller;
use super::passcode::Passcode;
use super::share::{Share, Summary, owner_key, owner_name};
use super::token::Token;
use super::{ShareError, Shares, credentials, log};
use crate::access::{Action, DEFAULT_SHARE_EXPIRES_IN, Principal};
use crate::links::{LinkError, LinkRequest, Links, in_time};
use crate::telemetry::Invocation;
use crate::window::RequestedWindow;
use crate::words;

/// A share that somebody wants.
#[derive(Clone, Debug)]
pub(crate) struct NewShare {
    /// What each download's link is to be. Its window and `check` are ours to choose.
    pub(crate) link: LinkRequest,
    /// The file's name as the download has it. `None`: the last part of its key.
    pub(crate) name: Option<String>,
    /// How long the share is to live, in seconds. `None`: seven days.
    pub(crate) expires_in: Option<u64>,
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
    /// How long the share lives, in seconds.
    pub(crate) expires_in: u64,
    /// Whether the grant made its life shorter than was asked for.
    pub(crate) is_shortened: bool,
}

impl Shares {
    /// Makes a share for `owner`, if a grant with the action `share` covers the file and if a link to
    /// it opens now. `base_url` is what stands before `/s/` in its address, where `PUBLIC_URL` does
    /// not say it.
    ///
    /// # Errors
    ///
    /// [`ShareError::Link`] when the owner may not share the file or a link to it would not open,
    /// [`ShareError::NoPublicUrl`], [`ShareError::Table`].
    pub(crate) async fn create(
        &self,
        links: &Links,
        owner: &Principal,
        new: NewShare,
        base_url: Option<String>,
        caller: Caller<'_>,
        invocation: &mut Invocation<'_>,
    ) -> Result<Made, ShareError> {
        let owner_key = owner_key(owner).ok_or(LinkError::Unauthenticated)?;
        let base_url =
            self.settings.public_url.clone().or(base_url).ok_or(ShareError::NoPublicUrl)?;
        let time = invocation.time();
        // The link is thrown away. Any window shows that there is one.
        let window = RequestedWindow { min_expires_in: 1, ..self.settings.window };
        let request = LinkRequest { window, check: true, ..new.link };
        let (link, size) = in_time(time, links.make_checked(owner, &request, time)).await?;
        let (bucket, key) = (link.bucket.as_str(), link.key.as_str());
        let credentials = credentials(links).await?;
        let (grant, longest) = links
            .grants
            .find(owner, Action::Share, bucket, key)
            .zip(links.grants.longest_share(owner, bucket, key))
            .ok_or(LinkError::NotGranted)?;
        let region = in_time(time, links.region(grant, bucket, &credentials, time)).await?;

        let asked = new.expires_in.unwrap_or(DEFAULT_SHARE_EXPIRES_IN);
        let expires_in = asked.min(longest);
        let now = whole_second(time.now());
        let token = Token::random()?;
        let share = Share {
            summary: Summary {
                id: token.share_id(),
                owner_key,
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                version_id: request.version_id.clone(),
                name: new.name.unwrap_or_else(|| words::file_name(key)),
                size,
                created_at: now,
                expires_at: after(now, expires_in)?,
                max_downloads: new.max_downloads,
                downloads: 0,
                last_download_at: None,
                has_passcode: new.passcode.is_some(),
                attempts: 0,
                last_attempt_at: None,
                revoked_at: None,
                recipient: new.recipient,
                note: new.note,
            },
            owner: as_judged_later(owner, links),
            owner_name: owner_name(owner),
            region,
            response_headers: request.response_headers,
            passcode: new.passcode.as_ref().map(Passcode::hash).transpose()?,
            presses: std::collections::BTreeMap::new(),
        };
        self.table.create(&share, &credentials, time).await?;
        log::made(invocation, caller, &share);
        Ok(Made {
            url: format!("{base_url}/s/{}", token.reveal()),
            expires_in,
            is_shortened: expires_in < asked,
            summary: share.summary,
        })
    }
}

/// The owner with nothing but what grants ask for. The rest of a token is of no use later.
fn as_judged_later(owner: &Principal, links: &Links) -> Principal {
    match owner {
        Principal::Authorized { name, claims } => Principal::Authorized {
            name: name.clone(),
            claims: claims.only(&links.grants.claim_names()),
        },
        Principal::Iam(_) | Principal::Anonymous | Principal::S3Event => owner.clone(),
    }
}

/// The instant in so many seconds.
///
/// # Errors
///
/// [`ShareError::Field`] beyond the calendar.
pub(super) fn after(now: Timestamp, seconds: u64) -> Result<Timestamp, ShareError> {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| now.checked_add(SignedDuration::from_secs(seconds)).ok())
        .ok_or_else(|| ShareError::Field("expires_in: this is beyond the calendar".to_owned()))
}

/// The whole second that an instant lies in: the table keeps no fractions.
pub(super) fn whole_second(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant)
}
