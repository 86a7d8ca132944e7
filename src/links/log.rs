//! The log lines and counters of links: one line for each link given, and one for each request refused.

use link_rules::access::Principal;
use link_rules::problem::{ProblemKind, ProblemMetric, Severity, Subject};
use link_rules::window::LimitedBy;

use super::Link;
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
    write_signed(invocation, principal, link);
}

/// Logs a link that goes into a mail. It counts as a mail, once SES has accepted that.
pub(crate) fn log_signed_for_mail(invocation: &Invocation, link: &Link) {
    write_signed(invocation, &Principal::S3Event, link);
}

fn write_signed(invocation: &Invocation, principal: &Principal, link: &Link) {
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

/// Logs and counts what is refused: a link, an upload, another request, or an owner's request about a share. It
/// writes one line.
pub(crate) fn log_refused(
    invocation: &Invocation,
    principal: &Principal,
    subject: Subject,
    kind: ProblemKind,
    detail: impl FnOnce() -> String,
) {
    match subject {
        Subject::Link => invocation.count(Counter::LinksRefused),
        // `ShareRefusals` counts presses of a share's button alone.
        Subject::Share if kind.is_failure() => invocation.count(Counter::SharesUnserved),
        Subject::Share => {}
        Subject::Upload => invocation.count(Counter::UploadsRefused),
    }
    match kind.metric() {
        Some(ProblemMetric::SessionUnproven) => invocation.count(Counter::SessionUnproven),
        Some(ProblemMetric::WindowsTooShort) => invocation.count(Counter::WindowsTooShort),
        None => {}
    }
    write_refused(invocation, principal, subject, kind, detail);
}

/// Logs that there is no link, or no share, for a mail. The event's own line says how the mail counts.
pub(crate) fn log_refused_for_mail(
    invocation: &Invocation,
    kind: ProblemKind,
    detail: impl FnOnce() -> String,
) {
    write_refused(invocation, &Principal::S3Event, Subject::Link, kind, detail);
}

/// `detail` is logged where the cause is on our side or on AWS's. Details about a caller's own mistake
/// are not logged: they repeat what the caller wrote, which may be anything.
fn write_refused(
    invocation: &Invocation,
    principal: &Principal,
    subject: Subject,
    kind: ProblemKind,
    detail: impl FnOnce() -> String,
) {
    let (request_id, principal) = (invocation.request_id(), principal.name());
    let (code, message) = (kind.code(), subject.refused());
    let detail = kind.severity().logs_detail().then(detail);
    match kind.severity() {
        Severity::Info => tracing::info!(request_id, principal, code, detail, "{message}"),
        Severity::Warn => tracing::warn!(request_id, principal, code, detail, "{message}"),
        Severity::Error => tracing::error!(request_id, principal, code, detail, "{message}"),
    }
}
