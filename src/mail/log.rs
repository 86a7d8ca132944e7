//! The log lines and counters of mailing: one line for each mail, one for each event that gets none,
//! and one for all recipients of an object that are refused.
//!
//! Of a mail address a line holds only the domain. No line holds a link.

use super::bucket_event::ObjectCreated;
use super::error::DeliveryError;
use super::mailed_link::MailedLink;
use super::recipients::{Address, RefusedRecipients};
use crate::invocation::Invocation;
use crate::telemetry::Counter;

/// Logs and counts a mail that SES accepted. `message_id` is SES's id of the mail.
pub(super) fn mailed(
    invocation: &Invocation,
    object: &ObjectCreated,
    to: &Address,
    mailed: &MailedLink,
    message_id: &str,
) {
    invocation.count(Counter::MailsSent);
    tracing::info!(
        link_id = mailed.link_id(),
        share_id = mailed.share_id(),
        request_id = invocation.request_id(),
        bucket = object.bucket,
        key = object.key,
        to_domain = to.domain(),
        message_id,
        expires_in = mailed.expires_in,
        "mail sent"
    );
}

/// Logs a mail that was sent when the event was delivered before.
pub(super) fn mailed_already(invocation: &Invocation, object: &ObjectCreated, to: &Address) {
    tracing::info!(
        request_id = invocation.request_id(),
        bucket = object.bucket,
        key = object.key,
        to_domain = to.domain(),
        "mail sent before, not again"
    );
}

/// Logs a mail that was not sent and whose event will be delivered again. `to` is `None` when the
/// error concerns all mails of the event.
///
/// A mail whose claim another invocation holds is not counted as failed.
pub(super) fn not_mailed(
    invocation: &Invocation,
    object: &ObjectCreated,
    to: Option<&Address>,
    error: &DeliveryError,
) {
    let to_domain = to.map(Address::domain);
    let reason = error.to_string();
    if let DeliveryError::Held = error {
        tracing::info!(
            request_id = invocation.request_id(),
            bucket = object.bucket,
            key = object.key,
            to_domain,
            reason,
            "mail left to another"
        );
        return;
    }
    invocation.count(Counter::MailsFailed);
    tracing::error!(
        request_id = invocation.request_id(),
        bucket = object.bucket,
        key = object.key,
        to_domain,
        reason,
        "mail not sent"
    );
}

/// Logs a mail that SES accepted and that the ledger does not know as sent.
pub(super) fn not_marked(invocation: &Invocation, mailed: &MailedLink, reason: &str) {
    tracing::error!(
        link_id = mailed.link_id(),
        share_id = mailed.share_id(),
        request_id = invocation.request_id(),
        reason,
        "mail sent and not marked: if this event comes again, so does the mail"
    );
}

/// Logs that the ledger does not know which content a mail is about.
pub(super) fn not_remembered(invocation: &Invocation, object: &ObjectCreated, reason: &str) {
    tracing::warn!(
        request_id = invocation.request_id(),
        bucket = object.bucket,
        key = object.key,
        reason,
        "a mail's content was not written down: if the file is copied in place, it is mailed again"
    );
}

/// Logs a claim that stays until its lease ends, although nothing was sent under it.
pub(super) fn not_released(invocation: &Invocation, reason: &str) {
    tracing::warn!(
        request_id = invocation.request_id(),
        reason,
        "a claim was not released: the mail waits until its lease ends"
    );
}

/// Logs an event about an object that nobody is to have, now or later.
pub(super) fn object_skipped(invocation: &Invocation, object: &ObjectCreated, reason: &str) {
    tracing::info!(
        request_id = invocation.request_id(),
        bucket = object.bucket,
        key = object.key,
        reason,
        "nothing mailed"
    );
}

/// Logs and counts an event about an object that nobody wants a mail about.
pub(super) fn left_out(invocation: &Invocation, object: &ObjectCreated, reason: &str) {
    invocation.count(Counter::EventsLeftOut);
    object_skipped(invocation, object, reason);
}

/// Logs and counts an event about a copy in place. Whoever was mailed the same bytes is not mailed again, and
/// one line is for all of them.
pub(super) fn copied_in_place(invocation: &Invocation, object: &ObjectCreated) {
    invocation.count(Counter::EventsLeftOut);
    tracing::info!(
        request_id = invocation.request_id(),
        bucket = object.bucket,
        key = object.key,
        reason = "it is a copy in place, of the same bytes",
        "mail sent before, not again"
    );
}

/// Logs and counts an event about an object that may not be mailed.
pub(super) fn object_refused(invocation: &Invocation, object: &ObjectCreated, reason: &str) {
    invocation.count(Counter::EventsRefused);
    tracing::warn!(
        request_id = invocation.request_id(),
        bucket = object.bucket,
        key = object.key,
        reason,
        "event refused"
    );
}

/// Logs and counts the recipients that the object names and that may not get mail. They share one
/// line, whose length does not depend on how many they are.
pub(super) fn recipients_refused(
    invocation: &Invocation,
    object: &ObjectCreated,
    refused: &RefusedRecipients,
) {
    invocation.count_many(Counter::RecipientsRefused, refused.count());
    tracing::warn!(
        request_id = invocation.request_id(),
        bucket = object.bucket,
        key = object.key,
        count = refused.count(),
        reason = refused.to_string(),
        "recipients refused"
    );
}

/// Logs an event that is not about a new object. `event` is S3's name for it.
pub(super) fn other_event(invocation: &Invocation, event: &str) {
    tracing::info!(request_id = invocation.request_id(), event, "nothing to mail about");
}
