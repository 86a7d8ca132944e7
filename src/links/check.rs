//! The one-byte check: opens a link once, with that very URL, before it is given.
//!
//! Signing succeeds for objects that are missing, forbidden or encrypted with a key that the role
//! may not use. Only a request tells. The request is a GET, because S3 answers HEAD on a URL that
//! was signed for GET with 403. If S3 does not answer, it is asked once more.

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Limited};

use super::{LinkError, ObjectEnd};
use crate::aws::{AwsHttp, CALL_TIMEOUT, error_chain, error_code};

/// How much of S3's answer is read, in bytes. Error documents are far smaller.
const MAX_BODY_BYTES: usize = 16 * 1_024;

/// S3's answer.
struct Answer {
    status: u16,
    /// The error document. Empty if the link opens.
    body: String,
    end: ObjectEnd,
}

/// Fetches one byte through `url`. Returns when the object ends, as far as S3 says.
///
/// # Errors
///
/// [`LinkError::ObjectUnavailable`] with the likely causes when S3 refuses, and
/// [`LinkError::Upstream`] when S3 does not answer or answers 5xx. Neither holds the URL or any
/// part of its signature.
pub(super) async fn open_once(http: &AwsHttp, url: &str) -> Result<ObjectEnd, LinkError> {
    let answer = match fetch_in_time(http, url).await {
        // A call without an answer says nothing about the link. It may have been cut off.
        Err(_) => fetch_in_time(http, url).await,
        answer => answer,
    };
    let Answer { status, body, end } = answer.map_err(|reason| unreachable(&reason))?;
    match status {
        // 416: the object exists and is empty, so it has no first byte.
        200 | 206 | 416 => Ok(end),
        500.. => Err(unreachable(&format!("it answered {status}"))),
        _ => {
            let code = code_of(&body);
            let causes = likely_causes(status, code);
            Err(LinkError::ObjectUnavailable(format!("S3 answered {status} {code}: {causes}")))
        }
    }
}

fn unreachable(reason: &str) -> LinkError {
    LinkError::Upstream(format!("S3 could not be asked whether the link opens: {reason}"))
}

async fn fetch_in_time(http: &AwsHttp, url: &str) -> Result<Answer, String> {
    tokio::time::timeout(CALL_TIMEOUT, fetch_one_byte(http, url))
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", CALL_TIMEOUT.as_secs())))
}

async fn fetch_one_byte(http: &AwsHttp, url: &str) -> Result<Answer, String> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_uri(url).map_err(|_| "the link is not a URI".to_owned())?;
    // The header is not signed. S3 honours it all the same, as it does a browser's.
    request.headers_mut().insert("range", "bytes=0-0");

    let answer = http.connector().call(request).await.map_err(|error| error_chain(&error))?;
    let status = answer.status().as_u16();
    let header = |name| answer.headers().get(name);
    let end = ObjectEnd::read(header("x-amz-expiration"), header("x-amz-restore"));
    // A server that ignores the range sends the whole file. What follows the limit is not read.
    let body = if status >= 300 {
        let body = Limited::new(answer.into_body(), MAX_BODY_BYTES).collect().await;
        body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default()
    } else {
        String::new()
    };
    Ok(Answer { status, body, end })
}

/// The `Code` of S3's error document. Empty if the document has none that looks like a code.
fn code_of(document: &str) -> &str {
    let code = document.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    error_code(code.map(|(code, _)| code).unwrap_or_default())
}

fn likely_causes(status: u16, code: &str) -> &'static str {
    match (status, code) {
        (404, "NoSuchVersion") | (405, _) => {
            "there is no such version of the object, or that version is a delete marker."
        }
        (404, "NoSuchBucket") => "there is no such bucket.",
        (404, _) => "there is no such object.",
        (_, "InvalidObjectState") => {
            "the object is archived (Glacier or an Intelligent-Tiering archive tier): restore it first with \
             `aws s3api restore-object --bucket BUCKET --key KEY --restore-request Days=7`."
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
        assert_eq!(code_of("<Error><Code>NoSuchKey</Code></Error>"), "NoSuchKey");
        assert_eq!(
            code_of("<Error><Code>KMS.DisabledException</Code></Error>"),
            "KMS.DisabledException"
        );
        assert_eq!(code_of("<Code>X-Amz-Signature=abc</Code>"), "");
        assert_eq!(code_of("<Code>"), "");
        assert_eq!(code_of(""), "");
    }
}
