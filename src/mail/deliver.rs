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

mod sending;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use aws_credential_types::Credentials;
use link_rules::access::{Action, Grants};
use link_rules::object::ObjectKey;

use super::bucket_event::{BucketEvent, ObjectCreated};
use super::choice::Choice;
use super::error::{DeliveryError, MIN_TIME_LEFT};
use super::ledger::{Claim, ClaimToken, Content, Entry, Ledger};
use super::log;
use super::mailed_link::MailedLink;
use super::object::{MailedObject, ObjectError, Objects};
use super::recipients::{Address, Named, named};
use super::ses::Ses;
use super::settings::MailSettings;
use super::unwanted::{EMPTY, why_unwanted};
use crate::aws::Aws;
use crate::invocation::Invocation;
use crate::links::{LinkError, Links};
use crate::shares::{ShareError, Shares, Token};

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
    /// Whether a recipient has the same bytes already, which one line says for all of them.
    is_left_out: bool,
}

/// What became of a mail that did not fail.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Delivered {
    /// It was sent, now or before.
    Sent,
    /// It is not sent, because the recipient was mailed the same bytes.
    LeftOut,
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
                    let mut pending = Pending { index, delivery, recipients, is_left_out: false };
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
        if let Some(reason) = why_unwanted(created, invocation.grants()) {
            log::left_out(invocation, created, reason);
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
        if created.size.is_none() && delivery.object.size == 0 {
            log::left_out(invocation, created, EMPTY);
            return Ok(None);
        }
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
        let error = match outcome {
            Ok(Delivered::LeftOut) if !pending.is_left_out => {
                pending.is_left_out = true;
                log::copied_in_place(invocation, delivery.created);
                return;
            }
            Ok(_) => return,
            Err(error) => error,
        };
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
                if admitted.is_empty() {
                    let reason = match refused.count() {
                        0 => "its link-to names nobody".to_owned(),
                        _ => format!("nobody in its link-to gets a mail: {refused}"),
                    };
                    log::object_skipped(invocation, created, &reason);
                    return None;
                }
                admitted
            }
        };
        if recipients.is_empty() {
            let reason = "it has no recipient: it has no link-to, and MAIL_TO is not set";
            log::object_skipped(invocation, created, reason);
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
    ) -> Result<Delivered, DeliveryError> {
        check_time_left(invocation)?;
        self.ses.check_quota(invocation).await?;
        let Delivery { created, credentials, .. } = delivery;
        let entry = Entry { created, recipient };
        if created.is_copy {
            let now = invocation.now();
            match self.ledger.content_of_copy(entry, credentials, now).await? {
                Content::New => {}
                Content::Mailed => return Ok(Delivered::LeftOut),
                Content::Claimed => return Err(DeliveryError::Held),
            }
        }
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
                log::mailed_already(invocation, created, recipient);
                return Ok(Delivered::Sent);
            }
        };
        let now = invocation.now();
        let remembered = self.ledger.remember(entry, &claim_token, credentials, now).await;
        if let Err(error) = remembered {
            log::not_remembered(invocation, created, &error.to_string());
        }
        match self.send_in_time(delivery, recipient, &claim_token, token, invocation).await {
            Ok((mailed, message_id)) => {
                log::mailed(invocation, delivery.created, recipient, &mailed, &message_id);
                self.mark(delivery, &claim_token, &mailed, &message_id, invocation).await;
                Ok(Delivered::Sent)
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

/// Checks that enough time is left to begin a mail.
fn check_time_left(invocation: &Invocation) -> Result<(), DeliveryError> {
    if invocation.left() < MIN_TIME_LEFT {
        return Err(DeliveryError::OutOfTime);
    }
    Ok(())
}
