//! The log lines and counters of links: one line for each link given and for each refused.

use link_rules::access::Principal;
use link_rules::window::LimitedBy;

use super::{Link, LinkError};
use crate::invocation::Invocation;
use crate::telemetry::Counter;

/// Logs and counts a link that is given out.
pub(crate) fn log_signed(invocation: &Invocation, principal: &Principal, link: &Link) {
    invocation.count(Counter::LinksSigned);
    if link.window.limited_by != LimitedBy::Request {
        invocation.count(Counter::WindowsShortened);
    }
    if let Some(end) = link.session_expires_at {
        invocation.session_ends_at(end);
    }
    tracing::info!(
        link_id = link.link_id,
        request_id = invocation.request_id(),
        principal = principal.name(),
        bucket = link.bucket,
        key = link.key,
        expires_in = link.window.expires_in,
        limited_by = link.window.limited_by.as_str(),
        evidence = link.evidence.as_str(),
        "link signed"
    );
}

/// Logs and counts a link that is refused.
///
/// The detail is logged where the cause is on our side or on AWS's. Details about a caller's own
/// mistake are not logged: they repeat what the caller wrote, which may be anything.
pub(crate) fn log_refused(invocation: &Invocation, principal: &Principal, error: &LinkError) {
    invocation.count(Counter::LinksRefused);
    let request_id = invocation.request_id();
    let (principal, code) = (principal.name(), error.kind().code());
    match error {
        LinkError::SessionUnproven(detail)
        | LinkError::Misconfigured(detail)
        | LinkError::Internal(detail) => {
            tracing::error!(request_id, principal, code, detail, "link refused");
        }
        LinkError::Upstream(detail) | LinkError::ObjectUnavailable(detail) => {
            tracing::warn!(request_id, principal, code, detail, "link refused");
        }
        LinkError::OutOfTime | LinkError::PolicyUnreadable { .. } => {
            let detail = error.to_string();
            tracing::warn!(request_id, principal, code, detail, "link refused");
        }
        _ => tracing::info!(request_id, principal, code, "link refused"),
    }
    match error {
        LinkError::SessionUnproven(_) => invocation.count(Counter::SessionUnproven),
        LinkError::WindowTooShort { .. } => invocation.count(Counter::WindowsTooShort),
        _ => {}
    }
}
