//! The log lines and counters of shares. A line names the share by its id, never by its token, and no
//! line holds a passcode or a link.

use super::ShareError;
use super::share::Share;
use super::token::ShareId;
use crate::links::Link;
use crate::telemetry::{Counter, Invocation};
use link_rules::access::Principal;

/// Who calls, for the log.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Caller<'a> {
    /// The IP address that the gateway saw.
    pub(crate) ip_address: Option<&'a str>,
}

/// Logs and counts a share that was made.
pub(super) fn made(invocation: &mut Invocation<'_>, caller: Caller<'_>, share: &Share) {
    invocation.count(Counter::SharesCreated);
    tracing::info!(
        share_id = share.summary.id.as_str(),
        request_id = invocation.request_id(),
        principal = share.owner.name(),
        caller = caller.ip_address,
        bucket = share.summary.bucket,
        key = share.summary.key,
        expires_at = share.summary.expires_at.to_string(),
        max_downloads = share.summary.max_downloads,
        has_passcode = share.summary.has_passcode,
        "share made"
    );
}

/// Logs and counts a page that was shown, or its facts. `owner` is the owner's name.
pub(super) fn shown(
    invocation: &mut Invocation<'_>,
    caller: Caller<'_>,
    id: &ShareId,
    owner: Option<&str>,
) {
    invocation.count(Counter::SharePagesShown);
    tracing::info!(
        share_id = id.as_str(),
        request_id = invocation.request_id(),
        principal = owner,
        caller = caller.ip_address,
        "share opened"
    );
}

/// Logs a page that shows nothing to download. `owner` is the owner's name, if there is a share, and
/// `cause` what stands behind an error that recipients are told less of.
pub(super) fn not_shown(
    invocation: &Invocation<'_>,
    caller: Caller<'_>,
    id: &ShareId,
    owner: Option<&str>,
    error: &ShareError,
    cause: Option<&str>,
) {
    let (share_id, request_id, principal) = (id.as_str(), invocation.request_id(), owner);
    let (caller, code) = (caller.ip_address, error.code());
    if is_ours(error) {
        let detail = cause.map_or_else(|| error.for_the_log(), str::to_owned);
        tracing::warn!(share_id, request_id, principal, caller, code, detail, "share not opened");
    } else {
        tracing::info!(share_id, request_id, principal, caller, code, cause, "share not opened");
    }
}

/// Logs and counts a download that was given.
pub(super) fn downloaded(
    invocation: &mut Invocation<'_>,
    caller: Caller<'_>,
    share: &Share,
    link: &Link,
) {
    invocation.count(Counter::ShareDownloads);
    tracing::info!(
        share_id = share.summary.id.as_str(),
        link_id = link.link_id,
        request_id = invocation.request_id(),
        principal = share.owner.name(),
        caller = caller.ip_address,
        bucket = link.bucket,
        key = link.key,
        "share downloaded"
    );
}

/// Logs and counts a press that got nothing. `cause` is what stands behind an error that recipients
/// are told less of.
pub(super) fn refused(
    invocation: &mut Invocation<'_>,
    caller: Caller<'_>,
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
    let (caller, code) = (caller.ip_address, error.code());
    if is_ours(error) {
        let detail = cause.map_or_else(|| error.for_the_log(), str::to_owned);
        tracing::warn!(share_id, request_id, principal, caller, code, detail, "share refused");
    } else {
        tracing::info!(share_id, request_id, principal, caller, code, cause, "share refused");
    }
}

/// Logs what an owner did to a share: `what` is the message.
pub(super) fn changed(
    invocation: &Invocation<'_>,
    caller: Caller<'_>,
    owner: &Principal,
    id: &ShareId,
    what: &'static str,
) {
    tracing::info!(
        share_id = id.as_str(),
        request_id = invocation.request_id(),
        principal = owner.name(),
        caller = caller.ip_address,
        "{what}"
    );
}

/// Logs a share that an operator revoked.
pub(super) fn revoked_by_operator(invocation: &Invocation<'_>, id: &ShareId) {
    tracing::info!(
        share_id = id.as_str(),
        request_id = invocation.request_id(),
        principal = "operator",
        "share revoked"
    );
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
