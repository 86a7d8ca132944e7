//! The log line and the counter of uploads.

use link_rules::access::Principal;

use super::SignedUpload;
use crate::invocation::Invocation;
use crate::telemetry::Counter;

/// Logs and counts a request of an upload that is signed. The URL and the fields are never logged.
pub(crate) fn log_signed(invocation: &Invocation, principal: &Principal, signed: &SignedUpload) {
    invocation.count(Counter::UploadsSigned);
    if let Some(end) = signed.session_expires_at {
        invocation.session_ends_at(end);
    }
    tracing::info!(
        link_id = signed.link_id,
        request_id = invocation.request_id(),
        principal = principal.name(),
        operation = signed.operation,
        bucket = signed.bucket,
        key = signed.key,
        part_number = signed.part_number,
        size = signed.size,
        expires_in = signed.window.expires_in,
        limited_by = signed.window.limited_by.as_str(),
        evidence = signed.evidence.as_str(),
        "upload signed"
    );
}
