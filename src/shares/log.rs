//! The log lines and counters of shares. A line names the share by its id, never by its token, and no
//! line holds a passcode or a link.

use link_rules::access::Principal;

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

/// Logs a page that shows nothing to download. `owner` is the owner's name, if there is a share, and
/// `cause` what stands behind an error that recipients are told less of.
pub(super) fn not_shown(
    invocation: &Invocation,
    id: &ShareId,
    owner: Option<&str>,
    error: &ShareError,
    cause: Option<&str>,
) {
    let (share_id, request_id, principal) = (id.as_str(), invocation.request_id(), owner);
    let (caller, code) = (address(invocation), error.kind().code());
    if is_ours(error) {
        let detail = cause.map_or_else(|| error.for_the_log(), str::to_owned);
        tracing::warn!(share_id, request_id, principal, caller, code, detail, "share not opened");
    } else {
        tracing::info!(share_id, request_id, principal, caller, code, cause, "share not opened");
    }
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

/// Logs and counts a press that got nothing. `cause` is what stands behind an error that recipients
/// are told less of.
pub(super) fn refused(
    invocation: &Invocation,
    id: &ShareId,
    share: Option<&Share>,
    error: &ShareError,
    cause: Option<&str>,
    passcode_is_wrong: bool,
) {
    invocation.count(Counter::ShareRefusals);
    if passcode_is_wrong {
        invocation.count(Counter::SharePasscodesWrong);
    }
    let (share_id, request_id) = (id.as_str(), invocation.request_id());
    let principal = share.map(|share| share.owner.name());
    let (caller, code) = (address(invocation), error.kind().code());
    if is_ours(error) {
        let detail = cause.map_or_else(|| error.for_the_log(), str::to_owned);
        tracing::warn!(share_id, request_id, principal, caller, code, detail, "share refused");
    } else {
        tracing::info!(share_id, request_id, principal, caller, code, cause, "share refused");
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

/// Logs a share that an operator revoked.
pub(super) fn revoked_by_operator(invocation: &Invocation, id: &ShareId) {
    tracing::info!(
        share_id = id.as_str(),
        request_id = invocation.request_id(),
        principal = "operator",
        "share revoked"
    );
}

/// The IP address of the caller, as the gateway saw it.
fn address(invocation: &Invocation) -> Option<&str> {
    invocation.caller().ip_address.as_deref()
}

/// Whether the cause is on our side or on AWS's.
fn is_ours(error: &ShareError) -> bool {
    matches!(
        error,
        ShareError::Unavailable { .. }
            | ShareError::Table(_)
            | ShareError::Internal(_)
            | ShareError::NoPublicUrl
    )
}
