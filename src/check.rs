//! The one-byte check: opens a link once, with that very URL, before it is given away.
//!
//! Signing succeeds for objects that are missing, forbidden or encrypted with a key the role may
//! not use; only a request tells. HEAD would not do: a GET-signed URL answers it with 403.

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Limited};
use thiserror::Error;

use crate::outbound::{self, CALL_TIMEOUT, Outbound};

/// How much of S3's answer is read: error documents are far smaller.
const MAX_ANSWER_BYTES: usize = 16 * 1_024;

/// What opening the link showed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckError {
    /// S3 refused, and why that can be.
    #[error("{0}")]
    Unavailable(String),
    /// S3 could not be asked.
    #[error("S3 could not be asked whether the link opens: {0}")]
    Unreachable(String),
}

/// Fetches one byte through `url`.
///
/// # Errors
///
/// [`CheckError::Unavailable`] with the likely causes when S3 refuses; `Unreachable` when it does
/// not answer, or answers 5xx. Neither holds the URL or any part of its signature.
pub async fn check(outbound: &Outbound, url: &str) -> Result<(), CheckError> {
    let answer = tokio::time::timeout(CALL_TIMEOUT, fetch_one_byte(outbound, url)).await;
    let (status, body) = answer.unwrap_or_else(|_| {
        let reason = format!("no answer within {} s", CALL_TIMEOUT.as_secs());
        Err(CheckError::Unreachable(reason))
    })?;
    match status {
        // 416: the object is there and empty, so it has no first byte.
        200 | 206 | 416 => Ok(()),
        500.. => Err(CheckError::Unreachable(format!("it answered {status}"))),
        _ => {
            let code = error_code(&body);
            let causes = likely_causes(status, code);
            Err(CheckError::Unavailable(format!("S3 answered {status} {code}: {causes}")))
        }
    }
}

async fn fetch_one_byte(outbound: &Outbound, url: &str) -> Result<(u16, String), CheckError> {
    let unreachable = |reason: &str| CheckError::Unreachable(reason.to_owned());
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_uri(url).map_err(|_| unreachable("the link is not a URI"))?;
    // Not signed, and not needing to be: S3 honours it, and a browser's own would be as well.
    request.headers_mut().insert("range", "bytes=0-0");

    let answer = outbound
        .connector()
        .call(request)
        .await
        .map_err(|error| CheckError::Unreachable(outbound::causes(&error)))?;
    let status = answer.status().as_u16();
    // A server that ignores the range sends the whole file: what follows the limit is not read.
    let body = if status >= 300 {
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
        body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default()
    } else {
        String::new()
    };
    Ok((status, body))
}

/// The `Code` of S3's error document; empty if there is none that looks like one.
fn error_code(body: &str) -> &str {
    body.split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"))
        .map(|(code, _)| code)
        .filter(|code| {
            code.len() <= 64 && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
        })
        .unwrap_or_default()
}

fn likely_causes(status: u16, code: &str) -> &'static str {
    match (status, code) {
        (404, "NoSuchVersion") | (405, _) => {
            "there is no such version of the object, or that version is a delete marker."
        }
        (404, "NoSuchBucket") => "there is no such bucket.",
        (404, _) => "there is no such object.",
        (_, "InvalidObjectState") => {
            "the object is archived (Glacier or an Intelligent-Tiering archive tier): restore it first."
        }
        (_, code) if code.starts_with("KMS") => {
            "the object's KMS key can't be used: it is disabled, deleted or in another state."
        }
        (301 | 307, _) | (400, "AuthorizationHeaderMalformed" | "PermanentRedirect") => {
            "the bucket is in another region than the one signed for: correct \"region\" in GRANTS."
        }
        (_, "ExpiredToken" | "InvalidToken" | "InvalidAccessKeyId") => {
            "S3 does not accept the session that signed."
        }
        (_, "SignatureDoesNotMatch") => {
            "the signature does not match: a proxy or custom endpoint changes the URL, or the \
             bucket is in another region."
        }
        (_, "RequestTimeTooSkewed") => "this host's clock is wrong.",
        (403, _) => {
            "the object is missing or forbidden. Without s3:ListBucket S3 does not tell which. Else \
             the signing role lacks s3:GetObject (s3:GetObjectVersion for a version), the bucket \
             policy or a boundary denies it, or the role lacks kms:Decrypt on the object's key."
        }
        _ => "the link would not open.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_code_is_taken_from_an_error_document() {
        assert_eq!(error_code("<Error><Code>NoSuchKey</Code></Error>"), "NoSuchKey");
        assert_eq!(
            error_code("<Error><Code>KMS.DisabledException</Code></Error>"),
            "KMS.DisabledException"
        );
        assert_eq!(error_code("<Code>X-Amz-Signature=abc</Code>"), "");
        assert_eq!(error_code("<Code>"), "");
        assert_eq!(error_code(""), "");
    }
}
