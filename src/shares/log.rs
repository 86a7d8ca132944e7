//! The log lines and counters of shares. A line names the share by its id, never by its token, and no
//! line holds a passcode or a link.

use link_rules::access::Principal;
use link_rules::problem::{Severity, Subject};

use super::ShareError;
use super::share::Share;
use super::token::ShareId;
use crate::invocation::Invocation;
use crate::links::Link;
use crate::telemetry::Counter;

/// Logs and counts a share that was made.
pub(super) fn made(invocation: &Invocation, share: &Share) {
    invocation.count(Counter::SharesCreated);
    tracing::info!(
        share_id = share.summary.id.as_str(),
        request_id = invocation.request_id(),
        principal = share.owner.name(),
        caller = address(invocation),
        bucket = share.summary.bucket,
        key = share.summary.key,
        expires_at = share.summary.expires_at.to_string(),
        max_downloads = share.summary.max_downloads,
        has_passcode = share.summary.has_passcode,
        "share made"
    );
}

/// Logs and counts a page that was shown, or its facts. `owner` is the owner's name.
pub(super) fn shown(invocation: &Invocation, id: &ShareId, owner: Option<&str>) {
    invocation.count(Counter::SharePagesShown);
    tracing::info!(
        share_id = id.as_str(),
        request_id = invocation.request_id(),
        principal = owner,
        caller = address(invocation),
        "share opened"
    );
}

/// Why somebody with a share's address gets nothing.
pub(super) struct Refusal<'a> {
    /// The share that the address names, whether there is one or not.
    pub(super) id: &'a ShareId,
    /// The owner's name, if there is a share.
    pub(super) owner: Option<&'a str>,
    /// Why, as recipients may know it.
    pub(super) error: &'a ShareError,
    /// What stands behind an error that recipients are told less of.
    pub(super) cause: Option<&'a str>,
}

/// Logs a page that shows nothing to download, and counts it if that is no recipient's doing.
pub(super) fn not_shown(invocation: &Invocation, refusal: &Refusal<'_>) {
    refusal.log(invocation, "share not opened");
}

/// Logs and counts a download that was given.
pub(super) fn downloaded(invocation: &Invocation, share: &Share, link: &Link) {
    invocation.count(Counter::ShareDownloads);
    tracing::info!(
        share_id = share.summary.id.as_str(),
        link_id = link.link_id,
        request_id = invocation.request_id(),
        principal = share.owner.name(),
        caller = address(invocation),
        bucket = link.bucket,
        key = link.key,
        "share downloaded"
    );
}

/// Logs and counts a press that got nothing.
pub(super) fn refused(invocation: &Invocation, refusal: &Refusal<'_>, passcode_is_wrong: bool) {
    invocation.count(Counter::ShareRefusals);
    if passcode_is_wrong {
        invocation.count(Counter::SharePasscodesWrong);
    }
    refusal.log(invocation, Subject::Share.refused());
}

impl Refusal<'_> {
    /// Logs it as `message`. Where the cause is on our side or on AWS's, it is counted, and it is the line's
    /// `detail`.
    fn log(&self, invocation: &Invocation, message: &'static str) {
        let Self { id, owner: principal, error, cause } = *self;
        if error.kind().is_failure() {
            invocation.count(Counter::SharesUnserved);
        }
        let (share_id, request_id, caller) =
            (id.as_str(), invocation.request_id(), address(invocation));
        let code = error.kind().code();
        let severity = error.kind().severity();
        let detail = severity
            .logs_detail()
            .then(|| cause.map_or_else(|| error.for_the_log(), str::to_owned));
        match severity {
            Severity::Info => {
                tracing::info!(share_id, request_id, principal, caller, code, cause, "{message}");
            }
            Severity::Warn => {
                tracing::warn!(share_id, request_id, principal, caller, code, detail, "{message}");
            }
            Severity::Error => {
                tracing::error!(share_id, request_id, principal, caller, code, detail, "{message}");
            }
        }
    }
}

/// Logs what an owner did to a share: `what` is the message.
pub(super) fn changed(
    invocation: &Invocation,
    owner: &Principal,
    id: &ShareId,
    what: &'static str,
) {
    tracing::info!(
        share_id = id.as_str(),
        request_id = invocation.request_id(),
        principal = owner.name(),
        caller = address(invocation),
        "{what}"
    );
}

/// Logs what an operator did to a share: `what` is the message.
pub(super) fn by_operator(invocation: &Invocation, id: &ShareId, what: &'static str) {
    tracing::info!(
        share_id = id.as_str(),
        request_id = invocation.request_id(),
        principal = "operator",
        "{what}"
    );
}

/// Logs a share that was revoked because the mail that was to bring it was not sent.
pub(super) fn withdrawn_unsent(invocation: &Invocation, id: &ShareId) {
    tracing::info!(
        share_id = id.as_str(),
        request_id = invocation.request_id(),
        principal = "s3-event",
        "share revoked"
    );
}

/// The IP address of the caller, as the gateway saw it.
fn address(invocation: &Invocation) -> Option<&str> {
    invocation.caller().ip_address.as_deref()
}
