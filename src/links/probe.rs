//! The one-byte check: opens a link once before it is given.
//!
//! Signing succeeds for objects that are missing, forbidden or encrypted with a key that the role
//! may not use. Only a request tells. The request has the link's own method, because S3 answers any
//! other with 403.

use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use memchr::memmem;

use super::{Expiration, LinkError, Method, StorageInfo};
use crate::aws::presigned::{self, PresignedRequest};
use crate::aws::{Aws, CALL_TIMEOUT, error_code, is_throttling};
use crate::invocation::Invocation;

/// How much of S3's answer is read, in bytes. Error documents are far smaller.
const MAX_BODY_BYTES: usize = 16 * 1_024;

/// The code of S3's refusal to open an object that is archived.
const INVALID_OBJECT_STATE: &str = "InvalidObjectState";

/// What S3's message says of an object that is encrypted with its writer's key (SSE-C). Its code is
/// `InvalidRequest`, as of much else.
///
/// Source: S3's own answer in minio/minio#4894.
const CUSTOMER_KEY: &str = "stored using a form of Server Side Encryption";

/// The kinds of policy that S3's messages name.
///
/// Source: Amazon S3 user guide, "Troubleshoot access denied (403 Forbidden) errors in Amazon S3".
const POLICY_KINDS: [&str; 7] = [
    "service control policy",
    "resource control policy",
    "VPC endpoint policy",
    "permissions boundary",
    "session policy",
    "resource-based policy",
    "identity-based policy",
];

/// S3's answer to a request for one byte. It holds no word that S3 chose but for a code.
#[derive(Clone, Debug)]
pub(crate) struct ProbeAnswer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The code of the error document. Empty if the link opens, or if there is none.
    pub(crate) code: String,
    /// Why access is denied, as far as S3 says.
    pub(crate) denial: Option<Denial>,
    /// How the object is stored, as far as S3 says.
    pub(crate) storage: StorageInfo,
    /// When the object ends, as far as S3 says.
    pub(crate) end: Expiration,
    /// The object's size in bytes, as far as S3 says.
    pub(crate) size: Option<u64>,
    /// When the object was made, as far as S3 says.
    pub(crate) last_modified: Option<Timestamp>,
}

/// Why S3 denies access, as its message says. It says so to principals of the bucket's own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    /// The signer may not use the object's KMS key.
    Kms,
    /// A policy of this kind has a `Deny`.
    Denied(&'static str),
    /// No policy of this kind allows the request.
    NotAllowed(&'static str),
    /// The object is encrypted with a key that S3 does not keep, and that each request must bring
    /// (SSE-C).
    CustomerKey,
}

impl ProbeAnswer {
    /// Whether the link opens.
    pub(crate) fn opens(&self) -> bool {
        // 416: the object exists and is empty, so it has no first byte.
        matches!(self.status, 200 | 206 | 416)
    }

    /// Whether the same link may open later, or one that another session signs: S3 or KMS has a fault
    /// or throttles, or S3 does not accept the session, the signature or the clock. The object is not to
    /// blame.
    ///
    /// Source of the codes: Amazon S3 API reference, "Error responses".
    fn is_passing(&self) -> bool {
        let Self { status, code, .. } = self;
        matches!(status, 429 | 500..)
            || is_throttling(code)
            || matches!(
                code.as_str(),
                "ExpiredToken"
                    | "InvalidAccessKeyId"
                    | "InvalidToken"
                    | "RequestTimeTooSkewed"
                    | "RequestTimeout"
                    | "SignatureDoesNotMatch"
                    | "TokenRefreshRequired"
            )
    }

    /// Whether S3 says that there is no such object. It says so only to whom may list the bucket.
    ///
    /// Source: Amazon S3 API reference, `GetObject`, "Permissions".
    pub(crate) fn is_missing(&self) -> bool {
        self.status == 404 && matches!(self.code.as_str(), "" | "NoSuchKey")
    }

    /// Whether S3 denies access.
    pub(super) fn is_denied(&self) -> bool {
        self.status == 403 && self.code == "AccessDenied"
    }

    /// The answer itself if the link opens.
    ///
    /// # Errors
    ///
    /// [`LinkError::ObjectUnavailable`] with the likely causes when S3 refuses, [`LinkError::Archived`]
    /// when the object must be restored first, and [`LinkError::Upstream`] when what it answers passes.
    pub(super) fn opened(self) -> Result<Self, LinkError> {
        match self.why_not() {
            None => Ok(self),
            Some(reason) if self.is_passing() => Err(LinkError::Upstream(reason)),
            Some(reason) if self.code == INVALID_OBJECT_STATE => Err(LinkError::Archived(reason)),
            Some(reason) => Err(LinkError::ObjectUnavailable(reason)),
        }
    }

    /// What S3 answered and what the likely causes are, in words. `None` if the link opens.
    pub(crate) fn why_not(&self) -> Option<String> {
        let Self { status, code, denial, .. } = self;
        (!self.opens()).then(|| described(*status, code, *denial))
    }
}

/// Asks for one byte through `url`, or with HEAD for none.
///
/// # Errors
///
/// Why there is no answer. The text holds no part of the URL.
pub(crate) async fn probe(
    aws: &Aws,
    url: &str,
    method: Method,
    invocation: &Invocation,
) -> Result<ProbeAnswer, String> {
    // The header is not signed. S3 honours it all the same, as it does a browser's.
    let headers: &[_] = match method {
        Method::Get => &[("range", "bytes=0-0")],
        Method::Head => &[],
    };
    let request = PresignedRequest { method: method.as_str(), url, headers, body: "" };
    let answer = presigned::send(aws, request, invocation).await?;
    let status = answer.status().as_u16();
    let header = |name: &str| answer.headers().get(name);
    let end = Expiration::read(header("x-amz-expiration"), header("x-amz-restore"));
    let storage = StorageInfo::read(header);
    let size = size(status, header);
    let last_modified = header("last-modified").and_then(|date| rfc2822::parse(date).ok());
    let last_modified = last_modified.map(|date| date.timestamp());
    // A server that ignores the range answers 200 and sends the whole file, which is not read. All
    // other bodies are read to their end, so that the next call can use the connection.
    let document = match status {
        200 => String::new(),
        _ => match document(answer.into_body()).await {
            Some(document) => document,
            // The byte of a file says nothing, and a 5xx is no refusal whatever it says.
            None if matches!(status, 206 | 416 | 500..) => String::new(),
            None => return Err(format!("an answer with status {status} that was cut off")),
        },
    };
    let code = code_of(&document).to_owned();
    Ok(ProbeAnswer { status, code, denial: denial(&document), storage, end, size, last_modified })
}

/// S3's answer to a step of an upload that is not there. It holds no word that S3 chose but for a code.
#[derive(Clone, Debug)]
pub(crate) struct StepAnswer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The code of the error document. Empty if there is none.
    pub(crate) code: String,
    /// Why access is denied, as far as S3 says.
    pub(crate) denial: Option<Denial>,
}

impl StepAnswer {
    /// Whether S3 would go on if the upload were there.
    pub(crate) fn misses_the_upload(&self) -> bool {
        self.status == 404 && self.code == "NoSuchUpload"
    }

    /// What S3 answered and what the likely causes are, in words.
    pub(crate) fn why_not(&self) -> String {
        described(self.status, &self.code, self.denial)
    }
}

/// Sends a step of an upload that is not there, so nothing changes whatever S3 answers.
///
/// # Errors
///
/// As for [`probe`].
pub(crate) async fn probe_step(
    aws: &Aws,
    request: PresignedRequest<'_>,
    invocation: &Invocation,
) -> Result<StepAnswer, String> {
    let answer = presigned::send(aws, request, invocation).await?;
    let status = answer.status().as_u16();
    let document = document(answer.into_body()).await;
    let document =
        document.ok_or_else(|| format!("an answer with status {status} that was cut off"))?;
    Ok(StepAnswer { status, code: code_of(&document).to_owned(), denial: denial(&document) })
}

/// The body. `None`: it does not come in time, or is longer than an error document.
async fn document(body: SdkBody) -> Option<String> {
    let body = Limited::new(body, MAX_BODY_BYTES).collect();
    let body = tokio::time::timeout(CALL_TIMEOUT, body).await;
    // The connection is put back by a task of its own, which goes first.
    tokio::task::yield_now().await;
    let body = body.ok()?.ok()?;
    Some(String::from_utf8_lossy(&body.to_bytes()).into_owned())
}

/// The object's size: what stands behind the slash of `Content-Range`, or the whole length where the
/// server ignored the range.
///
/// Source: RFC 9110, section 14.4.
fn size<'a>(status: u16, header: impl Fn(&str) -> Option<&'a str>) -> Option<u64> {
    match status {
        206 | 416 => header("content-range")?.rsplit_once('/')?.1.trim().parse().ok(),
        200 => header("content-length")?.trim().parse().ok(),
        _ => None,
    }
}

/// Why access is denied, by the phrases of S3's own messages.
fn denial(document: &str) -> Option<Denial> {
    let says = |phrase: &str| memmem::find(document.as_bytes(), phrase.as_bytes()).is_some();
    if says("kms:Decrypt") {
        return Some(Denial::Kms);
    }
    if says(CUSTOMER_KEY) {
        return Some(Denial::CustomerKey);
    }
    POLICY_KINDS.into_iter().find_map(|kind| {
        let denied = ["a", "an"].iter().any(|a| says(&format!("explicit deny in {a} {kind}")));
        if denied {
            Some(Denial::Denied(kind))
        } else {
            says(&format!("no {kind} allows")).then_some(Denial::NotAllowed(kind))
        }
    })
}

/// The `Code` of S3's error document. Empty if the document has none that looks like a code.
fn code_of(document: &str) -> &str {
    let code = document.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    error_code(code.map(|(code, _)| code).unwrap_or_default())
}

fn described(status: u16, code: &str, denial: Option<Denial>) -> String {
    let causes = likely_causes(status, code, denial);
    let space = if code.is_empty() { "" } else { " " };
    format!("S3 answered {status}{space}{code}: {causes}")
}

fn likely_causes(status: u16, code: &str, denial: Option<Denial>) -> &'static str {
    match (status, code) {
        _ if denial == Some(Denial::CustomerKey) => {
            "the object is encrypted with its writer's own key (SSE-C), which each request must bring \
             in headers, and a link can't. Copy the object onto itself with SSE-S3 or SSE-KMS."
        }
        // The answer to a HEAD has no body, so no code either.
        (400, "") => {
            "S3 does not say why to HEAD. The object is encrypted with its writer's own key (SSE-C), \
             S3 does not accept the session, or the bucket is in another region than the one signed \
             for. A link for GET with \"check\" tells."
        }
        (404, "NoSuchVersion") | (405, _) => {
            "there is no such version of the object, or that version is a delete marker."
        }
        (404, "NoSuchBucket") => "there is no such bucket.",
        (404, _) => "there is no such object.",
        (_, INVALID_OBJECT_STATE) => {
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
             policy or a boundary denies it, or the role lacks kms:Decrypt on the object's key. \
             Another account's Requester Pays bucket refuses all links of this function."
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

    #[test]
    fn the_size_is_what_the_range_is_a_part_of() {
        for (status, range, length, expected) in [
            (206, "bytes 0-0/1250000", "1", Some(1_250_000)),
            (416, "bytes */0", "200", Some(0)),
            (200, "", "7", Some(7)),
            (206, "bytes 0-0/*", "1", None),
            (206, "", "1", None),
        ] {
            let headers = [("content-range", range), ("content-length", length)];
            let header = |name: &str| headers.iter().find(|(known, _)| *known == name);
            assert_eq!(size(status, |name| header(name).map(|(_, value)| *value)), expected);
        }
    }

    #[test]
    fn s3_says_which_kind_of_policy_denies() {
        let message = |why: &str| {
            denial(&format!(
                "<Error><Code>AccessDenied</Code><Message>User: arn:aws:iam::123456789012:user/a is \
                 not authorized to perform: {why}</Message></Error>"
            ))
        };
        let on = "s3:GetObject on resource: \"arn:aws:s3:::files/a\"";
        for (why, expected) in [
            (
                format!("{on} with an explicit deny in a resource-based policy"),
                Some(Denial::Denied("resource-based policy")),
            ),
            (
                format!("{on} with an explicit deny in an identity-based policy"),
                Some(Denial::Denied("identity-based policy")),
            ),
            (
                format!("{on} because no permissions boundary allows the s3:GetObject action"),
                Some(Denial::NotAllowed("permissions boundary")),
            ),
            (
                "kms:Decrypt on resource: arn:aws:kms:eu-west-1:1:key/2".to_owned(),
                Some(Denial::Kms),
            ),
            (
                "The object was stored using a form of Server Side Encryption. The correct parameters \
                 must be provided to retrieve the object."
                    .to_owned(),
                Some(Denial::CustomerKey),
            ),
            (on.to_owned(), None),
        ] {
            assert_eq!(message(&why), expected, "{why}");
        }
    }
}
