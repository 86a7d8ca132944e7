//! Decides what is mailed about an event, and does it step by step.
//!
//! For each object: is it granted, is it still there, who gets it? Then for each recipient, in this
//! order: claim, sign, compose, send, mark. The link is opened once, and signed after the claim and right
//! before the mail is sent, so that little of its window is lost. When the event is delivered again, a new
//! link is signed. Where a mail brings a share, the share is made in the place of the signature, and the
//! claim names it before it exists.
//!
//! The mails of a batch go out in rounds: the first recipient of every object, then the second of
//! every object, and so on. An object with many recipients thus delays no other object's first
//! mail. If SES's quota or the invocation's time ends, it is the last recipients who have to wait.
//!
//! An error about one recipient fails the event, so that the event is delivered again. The other
//! recipients are still served. A recipient who has the mail does not get it again, because the
//! ledger knows. A case that no retry can fix (no grant, nobody allowed, too many recipients, a file in
//! an archive) is logged and counted, and the event is done.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use link_rules::access::{Action, Grants, Principal};
use link_rules::object::ObjectKey;
use link_rules::problem::Subject;
use link_rules::response_headers::{DownloadAs, ResponseHeaders};
use link_rules::text;
use uuid::Uuid;

use super::bucket_event::{BucketEvent, ObjectCreated};
use super::choice::Choice;
use super::error::{DeliveryError, MIN_TIME_LEFT, MIN_TIME_LEFT_FOR_SES};
use super::ledger::{Claim, ClaimToken, Entry, Ledger};
use super::log;
use super::mailed_link::MailedLink;
use super::message;
use super::object::{MailedObject, ObjectError, Objects};
use super::recipients::{Address, Named, named};
use super::ses::{SendError, Ses};
use super::settings::MailSettings;
use crate::aws::Aws;
use crate::invocation::Invocation;
use crate::links::{LinkError, LinkRequest, Links, Method, log_refused, log_signed};
use crate::shares::{Made, NewShare, ShareError, Shares, Token};

/// How long to wait before a mail is sent again that SES throttled, try by try. A new account may
/// send one mail a second. The waiting is part of the invocation's time.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// Mails links that [`Links`] signs, or shares.
#[derive(Debug)]
pub(crate) struct Mailer {
    settings: MailSettings,
    links: Arc<Links>,
    /// Makes the shares that mails bring. `None`: all of them bring links.
    shares: Option<Arc<Shares>>,
    objects: Objects,
    ledger: Ledger,
    ses: Ses,
}

/// An object that may be mailed, and the execution role's credentials, with which the mail is sent.
struct Delivery<'a> {
    /// What the mail brings.
    action: Action,
    created: &'a ObjectCreated,
    object: MailedObject,
    credentials: Credentials,
}

/// An event of a batch with recipients whose turn has not come.
struct Pending<'a> {
    /// The event's index in the batch.
    index: usize,
    delivery: Delivery<'a>,
    recipients: VecDeque<Address>,
}

/// The events of a batch that failed: their indexes, and the first error of each.
pub(crate) type Failures = BTreeMap<usize, DeliveryError>;

impl Mailer {
    /// Mails as `settings` say, through `aws`. Makes no call. `links` makes the links, and `shares` the
    /// shares that mails bring.
    pub(crate) fn new(
        settings: MailSettings,
        links: Arc<Links>,
        shares: Option<Arc<Shares>>,
        aws: Aws,
    ) -> Self {
        let shares = shares.filter(|_| settings.can_share);
        let share_life = shares.as_ref().map(|_| settings.window(Action::Share).expires_in);
        Self {
            shares,
            objects: Objects::new(aws.clone()),
            ledger: Ledger::new(settings.table.clone(), share_life, aws.clone()),
            ses: Ses::new(aws),
            settings,
            links,
        }
    }

    /// What the operator should know about mails under these grants.
    pub(crate) fn warning(&self, grants: &Grants) -> Option<&'static str> {
        self.settings.warning(grants)
    }

    /// Mails links to the objects of a batch of events, in rounds. Nothing is mailed about events
    /// that create no object.
    ///
    /// A mail that can't be begun in time for the end of the invocation is not begun.
    ///
    /// Returns the events that failed, after every recipient was tried.
    pub(crate) async fn handle<'a>(
        &self,
        events: impl Iterator<Item = &'a BucketEvent>,
        invocation: &Invocation,
    ) -> Failures {
        let mut failures = Failures::new();
        let mut unfinished = Vec::new();
        // S3 is asked about an object right before the object's first mail, so that asking about
        // many objects does not use up the time before any mail is sent.
        for (index, event) in events.enumerate() {
            match self.begin(event, invocation).await {
                Ok(Some((delivery, recipients))) => {
                    let mut pending = Pending { index, delivery, recipients };
                    self.deliver_next(&mut pending, invocation, &mut failures).await;
                    unfinished.push(pending);
                }
                Ok(None) => {}
                Err(error) => {
                    failures.insert(index, error);
                }
            }
        }
        loop {
            unfinished.retain(|pending| !pending.recipients.is_empty());
            if unfinished.is_empty() {
                return failures;
            }
            for pending in &mut unfinished {
                self.deliver_next(pending, invocation, &mut failures).await;
            }
        }
    }

    /// Finds out whether an event leads to mails, and who gets them. `None`: it leads to none.
    async fn begin<'a>(
        &self,
        event: &'a BucketEvent,
        invocation: &Invocation,
    ) -> Result<Option<(Delivery<'a>, VecDeque<Address>)>, DeliveryError> {
        let created = match event {
            BucketEvent::Created(created) => created,
            BucketEvent::Other(event) => {
                log::other_event(invocation, event);
                return Ok(None);
            }
        };
        if created.is_folder_marker() {
            log::object_skipped(invocation, created, "it is a folder's marker");
            return Ok(None);
        }
        let choice = match Choice::of(&self.settings, invocation.grants(), created) {
            Ok(choice) => choice,
            Err(reason) => {
                log::object_refused(invocation, created, reason);
                return Ok(None);
            }
        };
        if let Err(error) = ObjectKey::parse(&created.key) {
            log::object_refused(invocation, created, &error.to_string());
            return Ok(None);
        }
        let delivery = match self.prepare(choice, created, invocation).await {
            Ok(delivery) => delivery,
            Err(DeliveryError::Object(ObjectError::Gone(reason))) => {
                log::object_skipped(invocation, created, reason);
                return Ok(None);
            }
            Err(error) => {
                log::not_mailed(invocation, created, None, &error);
                return Err(error);
            }
        };
        let recipients = self.recipients(&delivery, invocation);
        Ok(recipients.map(|recipients| (delivery, recipients)))
    }

    /// Mails to the next recipient of an event, if one is left.
    async fn deliver_next(
        &self,
        pending: &mut Pending<'_>,
        invocation: &Invocation,
        failures: &mut Failures,
    ) {
        let Some(recipient) = pending.recipients.pop_front() else { return };
        let delivery = &pending.delivery;
        let outcome = self.deliver_to(delivery, &recipient, invocation).await;
        let Err(error) = outcome else { return };
        if let Some(reason) = error.why_final() {
            log::object_refused(invocation, delivery.created, reason);
            pending.recipients.clear();
        } else {
            log::not_mailed(invocation, delivery.created, Some(&recipient), &error);
            failures.entry(pending.index).or_insert(error);
        }
    }

    /// Asks S3 about the object, with the execution role's credentials.
    async fn prepare<'a>(
        &self,
        Choice { action, grant }: Choice<'_>,
        created: &'a ObjectCreated,
        invocation: &Invocation,
    ) -> Result<Delivery<'a>, DeliveryError> {
        check_time_left(invocation)?;
        self.ses.check_quota(invocation).await?;
        let wanted = self.settings.window(action).capped(grant.max_expires_in);
        let selection = self
            .links
            .sessions
            .select(wanted, invocation)
            .await
            .map_err(|error| DeliveryError::Link(LinkError::Upstream(error.to_string())))?;
        let credentials = selection.credentials;
        let region = self.links.region(grant, &credentials, invocation).await;
        let region = region.map_err(DeliveryError::Link)?;
        let object = self.objects.find(created, &region, &credentials, invocation).await?;
        Ok(Delivery { action, created, object, credentials })
    }

    /// The recipients that the object names and that are allowed. If the object names none, the
    /// recipients that the operator names. `None`: nobody gets a mail.
    fn recipients(
        &self,
        delivery: &Delivery<'_>,
        invocation: &Invocation,
    ) -> Option<VecDeque<Address>> {
        let created = delivery.created;
        let recipients = match &delivery.object.link_to {
            None => self.settings.fallback.clone(),
            Some(list) => {
                let Named { mailboxes, admitted, refused } = named(list, &self.settings.allowed);
                let max = self.settings.max_recipients;
                if mailboxes > max {
                    let reason = format!(
                        "its link-to names {mailboxes} mailboxes, and MAIL_MAX_RECIPIENTS allows \
                         {max}: nobody gets a mail"
                    );
                    log::object_refused(invocation, created, &reason);
                    return None;
                }
                if refused.count() > 0 {
                    log::recipients_refused(invocation, created, &refused);
                }
                admitted
            }
        };
        if recipients.is_empty() {
            log::object_skipped(
                invocation,
                created,
                "it has no recipient: neither its link-to nor MAIL_TO names anyone allowed",
            );
            return None;
        }
        Some(recipients.into())
    }

    /// Mails the object to one recipient, unless the recipient has the mail already.
    async fn deliver_to(
        &self,
        delivery: &Delivery<'_>,
        recipient: &Address,
        invocation: &Invocation,
    ) -> Result<(), DeliveryError> {
        check_time_left(invocation)?;
        self.ses.check_quota(invocation).await?;
        let entry = Entry { created: delivery.created, recipient };
        let token = (delivery.action == Action::Share).then(Token::random).transpose();
        let token = token.map_err(DeliveryError::Share)?;
        let share_id = token.as_ref().map(Token::share_id);
        let claim =
            self.ledger.claim(entry, share_id.clone(), &delivery.credentials, invocation).await?;
        let claim_token = match claim {
            Claim::Ours(claim_token, left) => {
                if let Some((shares, id)) = self.shares.as_ref().zip(left) {
                    // Its invocation ended before the mail was handed to SES, so nobody has its address. If
                    // this fails, an address that nobody has goes on working.
                    shares.withdraw_unsent(&id, invocation).await;
                }
                claim_token
            }
            Claim::Held => return Err(DeliveryError::Held),
            Claim::Sent => {
                log::mailed_already(invocation, delivery.created, recipient);
                return Ok(());
            }
        };
        match self.send_in_time(delivery, recipient, &claim_token, token, invocation).await {
            Ok((mailed, message_id)) => {
                log::mailed(invocation, delivery.created, recipient, &mailed, &message_id);
                self.mark(delivery, &claim_token, &mailed, &message_id, invocation).await;
                Ok(())
            }
            // The mail may have been sent. The claim keeps it from being sent again at once.
            Err(DeliveryError::Send(error)) if !error.nothing_was_sent() => Err(error.into()),
            Err(error) => {
                // Nobody has the address of a share whose mail was certainly not sent.
                let was_made = !matches!(error, DeliveryError::Share(ShareError::Link(_)));
                let share_is_gone = match self.shares.as_ref().zip(share_id) {
                    Some((shares, id)) if was_made => shares.withdraw_unsent(&id, invocation).await,
                    _ => true,
                };
                self.release(delivery, &claim_token, share_is_gone, invocation).await;
                Err(error)
            }
        }
    }

    /// Sends, and sends again while SES's sending rate is exceeded, for as long as the invocation
    /// has time for it. Each try signs a new link, so that none has lost some of its window. All of
    /// them bring the same share, that of `token`.
    ///
    /// Otherwise the event would come back minutes later, and each return counts towards the dead
    /// letters.
    async fn send_in_time(
        &self,
        delivery: &Delivery<'_>,
        recipient: &Address,
        claim_token: &ClaimToken,
        token: Option<Token>,
        invocation: &Invocation,
    ) -> Result<(MailedLink, String), DeliveryError> {
        let share = match self.shares.as_ref().zip(token) {
            Some((shares, token)) => {
                let made = self.share(shares, delivery, recipient, token, invocation).await?;
                self.ledger.hand_over(claim_token, &delivery.credentials).await?;
                Some(made)
            }
            None => None,
        };
        let share = share.as_ref();
        for pause in PAUSES {
            let outcome = self.send(delivery, recipient, share, invocation).await;
            let Err(DeliveryError::Send(SendError::TooFast(_))) = &outcome else { return outcome };
            let pause = jittered(pause);
            if invocation.left() < pause + MIN_TIME_LEFT {
                return outcome;
            }
            tokio::time::sleep(pause).await;
        }
        self.send(delivery, recipient, share, invocation).await
    }

    /// Sends the share, or a link that is signed now. Returns what was sent, and SES's id of the mail.
    async fn send(
        &self,
        delivery: &Delivery<'_>,
        recipient: &Address,
        share: Option<&Made>,
        invocation: &Invocation,
    ) -> Result<(MailedLink, String), DeliveryError> {
        let mailed = self.mailed_link(delivery, share, invocation).await?;
        let sender = &self.settings.sender;
        let mime = message::compose(sender, recipient, &mailed, delivery.object.size)?;
        let Delivery { credentials, .. } = delivery;
        let sent = self.ses.send(&sender.address, recipient, mime, credentials, invocation).await;
        Ok((mailed, sent?))
    }

    /// What the mail brings: the share, or a link that is signed now.
    async fn mailed_link(
        &self,
        delivery: &Delivery<'_>,
        share: Option<&Made>,
        invocation: &Invocation,
    ) -> Result<MailedLink, DeliveryError> {
        if let Some(share) = share {
            check_time_left_for_ses(invocation)?;
            return Ok(share.into());
        }
        let request = self.link_request(delivery);
        // Boxed, because a link that is opened takes much more room than the rest of a mail.
        let made =
            Box::pin(self.links.make_checked(&Principal::S3Event, &request, invocation)).await;
        let (link, _) = made.map_err(|error| {
            log_no_link(invocation, &error);
            DeliveryError::Link(error)
        })?;
        check_time_left_for_ses(invocation)?;
        log_signed(invocation, &Principal::S3Event, &link);
        Ok(link.into())
    }

    /// Makes the share of `token`: this recipient's own.
    async fn share(
        &self,
        shares: &Shares,
        delivery: &Delivery<'_>,
        recipient: &Address,
        token: Token,
        invocation: &Invocation,
    ) -> Result<Made, DeliveryError> {
        let new = NewShare {
            token,
            link: self.link_request(delivery),
            name: None,
            from: Some(self.settings.shared_by.clone()),
            // Its only author would be an uploader.
            message: None,
            window: self.settings.window(Action::Share),
            max_downloads: None,
            passcode: None,
            recipient: Some(recipient.in_full()),
            note: None,
        };
        let made = shares.create(&Principal::S3Event, new, None, invocation);
        let made = Box::pin(made).await;
        made.map_err(|error| {
            if let ShareError::Link(error) = &error {
                log_no_link(invocation, error);
            }
            DeliveryError::Share(error)
        })
    }

    /// A request for a link that downloads the created version of the object, under its own name.
    fn link_request(&self, delivery: &Delivery<'_>) -> LinkRequest {
        let Delivery { action, created, .. } = *delivery;
        let name = text::file_name(&created.key);
        let named = DownloadAs { filename: Some(&name), ..DownloadAs::default() };
        // A name that is not accepted as a file name is left out, and the browser chooses one.
        let response_headers = ResponseHeaders::new(named).unwrap_or_default();
        LinkRequest {
            action,
            bucket: Some(created.bucket.clone()),
            key: created.key.clone(),
            version_id: created.version_id.clone(),
            window: self.settings.window(action),
            response_headers,
            check: false,
            method: Method::Get,
        }
    }

    /// Marks the mail as sent. If that fails the delivery still succeeds: the mail is out, and a
    /// failed event would send it again.
    async fn mark(
        &self,
        delivery: &Delivery<'_>,
        claim_token: &ClaimToken,
        mailed: &MailedLink,
        message_id: &str,
        invocation: &Invocation,
    ) {
        let now = invocation.now();
        let marked = self
            .ledger
            .mark_sent(claim_token, message_id, mailed.link_id(), &delivery.credentials, now)
            .await;
        if let Err(error) = marked {
            log::not_marked(invocation, mailed, &error.to_string());
        }
    }

    /// Releases the claim, so that the next delivery of the event need not wait for the lease to
    /// end.
    async fn release(
        &self,
        delivery: &Delivery<'_>,
        claim_token: &ClaimToken,
        share_is_gone: bool,
        invocation: &Invocation,
    ) {
        let now = invocation.now();
        let released =
            self.ledger.release(claim_token, share_is_gone, &delivery.credentials, now).await;
        if let Err(error) = released {
            log::not_released(invocation, &error.to_string());
        }
    }
}

/// A random half or more of a pause. Two functions that were throttled together would otherwise
/// meet again.
fn jittered(pause: Duration) -> Duration {
    let [random, ..] = Uuid::new_v4().into_bytes();
    pause / 2 + pause * u32::from(random) / 512
}

/// Logs and counts a mail's link, or a share's first link, that is refused. Of an archived file the
/// event's line says it.
fn log_no_link(invocation: &Invocation, error: &LinkError) {
    if let LinkError::Archived(_) = error {
        return;
    }
    let principal = &Principal::S3Event;
    log_refused(invocation, principal, Subject::Link, error.kind(), || error.to_string());
}

/// Checks that enough time is left to begin a mail.
fn check_time_left(invocation: &Invocation) -> Result<(), DeliveryError> {
    if invocation.left() < MIN_TIME_LEFT {
        return Err(DeliveryError::OutOfTime);
    }
    Ok(())
}

/// Checks that enough time is left to hand a mail to SES. STS, S3 and DynamoDB may have been slow.
fn check_time_left_for_ses(invocation: &Invocation) -> Result<(), DeliveryError> {
    if invocation.left() < MIN_TIME_LEFT_FOR_SES {
        return Err(DeliveryError::OutOfTime);
    }
    Ok(())
}
