//! What a share's page shows, and what a press of its button gets.
//!
//! A page takes one call of DynamoDB and changes nothing. A press takes two, and with a passcode three.
//! The first reads the share or, where a passcode was given, counts the attempt before anybody looks at
//! the passcode. Right after the look its outcome is written. Then everything must hold that a link
//! needs: the owner's grant, the session, the bucket's policy, the file. The last call judges end,
//! revocation and limit, and counts, at one instant. So nothing is counted that is not given, and
//! nothing is given that the table does not know of. The first attempt after a lock takes one call more.
//!
//! A press is known by a secret of its browser. The last call writes its digest down, so a call that
//! is repeated counts once, and so does a press that is repeated within ten minutes. That press makes
//! that call as well: a revocation that came in between counts.

use std::time::Duration;

use jiff::Timestamp;
use link_rules::access::Action;
use link_rules::window::LimitedBy;

use super::attempts::{Lock, Trial};
use super::item::{Item, share, whole_summary};
use super::log::{self, Refusal};
use super::sender::SenderName;
use super::share::{Share, Summary};
use super::state::ShareState;
use super::table::{ConditionalUpdate, Press};
use super::token::{Browser, ShareId, Token};
use super::{ShareError, Shares};
use crate::invocation::Invocation;
use crate::links::{Link, LinkError, log_signed};

/// The time that an invocation must have left when a download is counted. DynamoDB's answer takes
/// less, even at its slowest.
const MIN_TIME_LEFT: Duration = Duration::from_secs(3);

/// What whoever has a share's address may know of it.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// Who shares the file. `None`: nobody is named.
    pub(crate) from: Option<String>,
    /// The file's name, and its size in bytes. `None`: the passcode comes first.
    pub(crate) file: Option<(String, Option<u64>)>,
    /// What the owner says about it. `None`: nothing, or the passcode comes first.
    pub(crate) message: Option<String>,
    /// Whether there is a message that only the passcode shows.
    pub(crate) hides_message: bool,
    /// From this instant on the share opens nothing.
    pub(crate) expires_at: Timestamp,
    /// How many downloads are left, and of how many. `None` without a limit.
    pub(crate) downloads: Option<(u64, u64)>,
    /// Whether a passcode is wanted.
    pub(crate) wants_passcode: bool,
    /// Why no passcode is looked at. `None`: one may be tried.
    pub(crate) lock: Option<Lock>,
    /// Until when no passcode is looked at, unless the share is unlocked.
    pub(crate) locked_until: Option<Timestamp>,
    /// The origin that a download comes from, with `*` for the bucket before the passcode is right.
    pub(crate) download_origin: String,
}

/// What a press of the button got. Not `Debug`: it may hold a link.
pub(crate) struct DownloadOutcome {
    /// What the page shows after a press in vain. `None`: there is nothing to show.
    pub(crate) facts: Option<Facts>,
    /// The link, or why there is none.
    pub(crate) outcome: Result<Link, ShareError>,
    /// The secret by which the browser may press again uncounted. `None`: it has no use for one.
    pub(crate) browser: Option<Browser>,
}

impl DownloadOutcome {
    /// A press of which nothing is known but why it gets nothing.
    pub(crate) fn refused(error: ShareError) -> Self {
        Self { facts: None, outcome: Err(error), browser: None }
    }

    /// A press that can't be read. It is logged and counted.
    pub(crate) fn unreadable(token: &Token, error: ShareError, invocation: &Invocation) -> Self {
        let id = token.share_id();
        let refusal = Refusal { id: &id, owner: None, error: &error, cause: None };
        log::refused(invocation, &refusal, false);
        Self::refused(error)
    }
}

/// A press whose share is known.
struct JudgedDownload {
    share: Share,
    /// Whether the passcode was looked at and right. `None`: none was looked at.
    passcode_is_right: Option<bool>,
    outcome: Result<Link, ShareError>,
    browser: Browser,
}

impl Shares {
    /// What the share of `token` is, and whether the browser needs another secret: the ten minutes of
    /// its own are over. Nothing is changed and nothing is counted.
    ///
    /// # Errors
    ///
    /// [`ShareError::NoSuchShare`], [`ShareError::Over`], [`ShareError::Unavailable`].
    pub(crate) async fn show(
        &self,
        token: &Token,
        browser: Option<&Browser>,
        invocation: &Invocation,
    ) -> Result<(Facts, bool), ShareError> {
        let id = token.share_id();
        let mut owner = None;
        let shown = async {
            let item = self.table.get(&id, invocation).await?;
            let share = share(&item.ok_or(ShareError::NoSuchShare)?)?;
            owner = Some(share.owner.name().to_owned());
            let now = invocation.now();
            check_state(&share, browser, invocation)?;
            let is_over = browser.is_some_and(|browser| share.is_over_for(browser, now));
            // Who downloaded the file a moment ago has had the passcode.
            let is_known = browser.is_some_and(|browser| share.counted(browser, now));
            Ok((self.facts(&share, is_known, now)?, is_over))
        };
        match shown.await {
            Ok(shown) => {
                log::shown(invocation, &id, owner.as_deref());
                Ok(shown)
            }
            Err(error) => {
                let (error, cause) = judged(error);
                let (owner, cause) = (owner.as_deref(), cause.as_deref());
                log::not_shown(invocation, &Refusal { id: &id, owner, error: &error, cause });
                Err(error)
            }
        }
    }

    /// Judges a press of the button, and makes the link for it.
    pub(crate) async fn press(
        &self,
        token: &Token,
        passcode: Option<&str>,
        browser: Option<&Browser>,
        invocation: &Invocation,
    ) -> DownloadOutcome {
        let id = token.share_id();
        let passcode = passcode.filter(|passcode| !passcode.is_empty());
        let pressed = self.try_press(&id, passcode, browser, invocation).await;
        let JudgedDownload { share, passcode_is_right, outcome, browser } = match pressed {
            Ok(judged) => judged,
            Err(error) => {
                let (error, cause) = judged(error);
                let cause = cause.as_deref();
                let refusal = Refusal { id: &id, owner: None, error: &error, cause };
                log::refused(invocation, &refusal, false);
                return DownloadOutcome {
                    facts: None,
                    outcome: Err(error),
                    browser: browser.cloned(),
                };
            }
        };
        let outcome = match outcome {
            Ok(link) => {
                log_signed(invocation, &share.owner, &link);
                log::downloaded(invocation, &share, &link);
                Ok(link)
            }
            Err(error) => {
                self.note_problem(&share, &error, invocation).await;
                let (error, cause) = judged(error);
                let is_wrong = passcode_is_right == Some(false);
                let (owner, cause) = (Some(share.owner.name()), cause.as_deref());
                let refusal = Refusal { id: &id, owner, error: &error, cause };
                log::refused(invocation, &refusal, is_wrong);
                Err(error)
            }
        };
        let facts = self.facts(&share, passcode_is_right == Some(true), invocation.now()).ok();
        DownloadOutcome { facts, outcome, browser: Some(browser) }
    }

    /// Finds the share, and judges the press. An error here is one that tells nothing of a share.
    async fn try_press(
        &self,
        id: &ShareId,
        passcode: Option<&str>,
        browser: Option<&Browser>,
        invocation: &Invocation,
    ) -> Result<JudgedDownload, ShareError> {
        let mut browser = browser.cloned().map_or_else(Browser::random, Ok)?;
        let (mut share, is_counted) = match passcode {
            Some(_) => self.count_attempt(id, &browser, invocation).await?,
            None => (found(self.table.get(id, invocation).await?)?, false),
        };
        let now = invocation.now();
        if share.is_over_for(&browser, now) {
            browser = Browser::random()?;
        }
        let state = check_state(&share, Some(&browser), invocation);
        let (passcode_is_right, checked) = match (state, passcode.filter(|_| is_counted)) {
            (Ok(()), Some(passcode)) => {
                let is_right = share.passcode.as_ref().is_some_and(|hash| hash.is_of(passcode));
                (Some(is_right), self.decide_attempt(&mut share, is_right, invocation).await)
            }
            (Ok(()), None) => (None, check_without_a_look(&share, passcode.is_some(), now)),
            (Err(error), counted) => {
                if counted.is_some() {
                    // Nobody looked. If this fails, somebody has one try less.
                    let _ = self.table.give_attempt_back(&share, invocation).await;
                }
                (None, Err(error))
            }
        };
        let outcome = match checked {
            Ok(()) => self.give(&share, &browser, invocation).await,
            Err(error) => Err(error),
        };
        Ok(JudgedDownload { share, passcode_is_right, outcome, browser })
    }

    /// Counts an attempt at the passcode. Returns the share, and whether the passcode may be looked
    /// at: an attempt is counted where the share has a passcode, opens and is not locked.
    async fn count_attempt(
        &self,
        id: &ShareId,
        browser: &Browser,
        invocation: &Invocation,
    ) -> Result<(Share, bool), ShareError> {
        // Of several first attempts after a lock one ends it. The others are counted after it.
        for _ in 0..2 {
            let now = invocation.now();
            let old = match self.table.count_attempt(id, browser, now, invocation).await? {
                ConditionalUpdate::Applied(item) => return Ok((share(&item)?, true)),
                ConditionalUpdate::Refused(old) => found(old)?,
            };
            let lock_is_over = old.passcode.is_some()
                && old.state_for(Some(browser), now) == ShareState::Active
                && old.summary.attempts.trial(now) == Trial::OpenAgain;
            if !lock_is_over {
                return Ok((old, false));
            }
            let first = self.table.count_first_attempt(&old, now, invocation).await?;
            if let ConditionalUpdate::Applied(item) = first {
                return Ok((share(&item)?, true));
            }
        }
        Err(ShareError::Busy)
    }

    /// Writes down the outcome of an attempt right after the look, so that it is in flight for no longer
    /// than that.
    async fn decide_attempt(
        &self,
        share: &mut Share,
        is_right: bool,
        invocation: &Invocation,
    ) -> Result<(), ShareError> {
        if is_right {
            // If this fails, whoever knows the passcode has one try less.
            let _ = self.table.give_attempt_back(share, invocation).await;
            return Ok(());
        }
        let kept = self.table.keep_attempt(share, invocation.now(), invocation).await;
        let now = invocation.now();
        let Summary { attempts, expires_at, .. } = &mut share.summary;
        match kept {
            Ok(ConditionalUpdate::Applied(item)) => *attempts = whole_summary(&item)?.attempts,
            // It counts as wrong all the same, when the invocation has ended.
            Ok(ConditionalUpdate::Refused(_)) | Err(_) => attempts.count_as_wrong(),
        }
        match attempts.tries_left(now) {
            0 => Err(locked(attempts.lock(now), *expires_at, now)),
            tries_left => Err(ShareError::WrongPasscode { tries_left }),
        }
    }

    /// Writes down for the owner why the file can't be had, if a press meets this for the first time. If it
    /// fails, the next press writes it.
    async fn note_problem(&self, share: &Share, error: &ShareError, invocation: &Invocation) {
        // What the grants say is known without a press.
        let ShareError::Link(
            LinkError::ObjectUnavailable(_)
            | LinkError::Archived(_)
            | LinkError::WindowTooShort { .. },
        ) = error
        else {
            return;
        };
        let (seen, _) = judged(error.clone());
        let code = error.kind().code();
        let is_known = share.summary.press_problem.as_ref().is_some_and(|known| known.code == code);
        if seen == ShareError::Over(ShareState::Withdrawn) && !is_known {
            let _ = self.table.note_problem(&share.summary.id, code, invocation).await;
        }
    }

    /// Makes the link, and writes the press down if at that moment everything still holds.
    async fn give(
        &self,
        share: &Share,
        browser: &Browser,
        invocation: &Invocation,
    ) -> Result<Link, ShareError> {
        let window = share.window_of_press(self.settings.window, invocation.now());
        let request = share.link_request(window);
        let made = self.links.make_checked(&share.owner, &request, invocation);
        let (link, _) = invocation.in_time(made).await.map_err(LinkError::from)??;
        if invocation.left() < MIN_TIME_LEFT {
            return Err(LinkError::OutOfTime.into());
        }
        let now = invocation.now();
        let press = if share.counted(browser, now) { Press::Again } else { Press::Counted };
        match self.table.press(share, press, browser, now, invocation).await? {
            ConditionalUpdate::Applied(_) => Ok(link),
            ConditionalUpdate::Refused(old) => {
                let old = found(old)?;
                if old.passcode != share.passcode {
                    return Err(ShareError::PasscodeWanted);
                }
                match old.state_for(Some(browser), now) {
                    // The same press was counted: by another one of this browser at the same moment,
                    // or by an earlier call whose answer was lost.
                    ShareState::Active if old.counted(browser, now) => Ok(link),
                    ShareState::Active => {
                        let reason = "the share was changed at the same moment".to_owned();
                        Err(ShareError::Unavailable { reason })
                    }
                    state => Err(ShareError::Over(state)),
                }
            }
        }
    }

    /// What may be known of the share, its file included if the passcode was right or there is none.
    fn facts(
        &self,
        share: &Share,
        passcode_was_right: bool,
        now: Timestamp,
    ) -> Result<Facts, ShareError> {
        let Share { summary, region, .. } = share;
        let tells = !summary.has_passcode || passcode_was_right;
        let signer = &self.links.signer;
        // Before the passcode not even the bucket is named.
        let origin = if tells {
            signer.origin(&summary.bucket, region)
        } else {
            signer.origin_of_any_bucket(&summary.bucket, region)
        };
        Ok(Facts {
            from: summary
                .from
                .as_ref()
                .map(SenderName::as_str)
                .or(self.settings.from())
                .map(str::to_owned),
            message: summary.message.clone().filter(|_| tells),
            hides_message: !tells && summary.message.is_some(),
            file: tells.then(|| (summary.name.clone(), summary.size)),
            expires_at: summary.expires_at,
            downloads: summary.downloads_left().zip(summary.max_downloads),
            wants_passcode: summary.has_passcode,
            lock: summary.lock(now),
            locked_until: summary.locked_until(now),
            download_origin: origin.map_err(LinkError::from)?,
        })
    }
}

/// The share of an item.
fn found(item: Option<Item>) -> Result<Share, ShareError> {
    share(&item.ok_or(ShareError::NoSuchShare)?)
}

/// Whether the share opens now, and the owner's grants still cover the file.
fn check_state(
    share: &Share,
    browser: Option<&Browser>,
    invocation: &Invocation,
) -> Result<(), ShareError> {
    let Summary { bucket, key, .. } = &share.summary;
    let is_granted =
        || invocation.grants().find(&share.owner, Action::Share, bucket, key).is_some();
    match share.state_for(browser, invocation.now()) {
        ShareState::Active | ShareState::UsedUp if !is_granted() => {
            Err(LinkError::not_granted(&share.owner).into())
        }
        ShareState::Active => Ok(()),
        state => Err(ShareError::Over(state)),
    }
}

/// Whether the share opens without a look at a passcode. If it has one, this says why nobody looked.
fn check_without_a_look(share: &Share, is_given: bool, now: Timestamp) -> Result<(), ShareError> {
    if share.passcode.is_none() {
        return Ok(());
    }
    let Summary { attempts, expires_at, .. } = &share.summary;
    Err(match attempts.trial(now) {
        Trial::Locked(lock) => locked(Some(lock), *expires_at, now),
        _ if !is_given => ShareError::PasscodeWanted,
        Trial::Busy => ShareError::Busy,
        Trial::Open | Trial::OpenAgain => {
            let reason = "the share was changed at the same moment".to_owned();
            ShareError::Unavailable { reason }
        }
    })
}

/// The error of a lock on a share that ends at `expires_at`.
fn locked(lock: Option<Lock>, expires_at: Timestamp, now: Timestamp) -> ShareError {
    let lock = lock.unwrap_or(Lock::Until(now));
    ShareError::Locked { lock, until: lock.until(expires_at) }
}

/// An error as whoever has the address may know it, and its cause for the log.
fn judged(error: ShareError) -> (ShareError, Option<String>) {
    let cause = error.for_the_log();
    let unavailable = |reason: String| ShareError::Unavailable { reason };
    let error = match error {
        ShareError::Table(_) => unavailable(cause.clone()),
        ShareError::Link(error) => match &error {
            LinkError::Unauthenticated
            | LinkError::OneOfMany(_)
            | LinkError::NameTooLong { .. }
            | LinkError::NotGranted { .. }
            | LinkError::VersionNotGranted
            | LinkError::BucketNotNamed
            | LinkError::InlineWithoutContentType
            | LinkError::Key(_)
            | LinkError::Archived(_)
            | LinkError::ObjectUnavailable(_) => ShareError::Over(ShareState::Withdrawn),
            LinkError::BeingScanned(_) => ShareError::BeingScanned,
            LinkError::WindowTooShort { too_short, .. } => match too_short.limited_by {
                // A later session lasts longer.
                LimitedBy::Session | LimitedBy::Request | LimitedBy::Signature => {
                    unavailable(cause.clone())
                }
                LimitedBy::Grant | LimitedBy::Policy | LimitedBy::Object => {
                    ShareError::Over(ShareState::Withdrawn)
                }
            },
            LinkError::SessionUnproven(_)
            | LinkError::Upstream(_)
            | LinkError::OutOfTime
            | LinkError::PolicyUnreadable { .. } => unavailable(cause.clone()),
            LinkError::Misconfigured(_) | LinkError::Internal(_) => {
                ShareError::Internal("The file can't be given.".to_owned())
            }
        },
        error => return (error, None),
    };
    (error, Some(cause))
}
