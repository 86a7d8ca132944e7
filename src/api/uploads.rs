//! `POST /uploads` and `POST /uploads/sign`: signed requests for an upload.

use std::collections::BTreeMap;

use jiff::Timestamp;
use link_rules::window::LimitedBy;
use serde::Serialize;

use super::batch::BatchBody;
use super::link_response::LinkSession;
use super::response::json;
use super::{Problem, Request, Response, upload_request};
use crate::invocation::Invocation;
use crate::links::PolicyReading;
use crate::telemetry::write_together;
use crate::uploads::{SignedUpload, Step, UploadRequest, Uploads, log_signed};

/// What is wanted of uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UploadRoute {
    /// The beginning of an upload.
    Begin,
    /// Any step of one, in uppy's form.
    Sign,
}

/// A signed request as callers read it. Not `Debug`: it holds the URL.
#[derive(Serialize)]
struct UploadResponse<'a> {
    url: &'a str,
    method: &'static str,
    bucket: &'a str,
    key: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Fields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multipart: Option<Multipart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unfinished_until: Option<Timestamp>,
    #[serde(rename = "partNumber", skip_serializing_if = "Option::is_none")]
    part_number: Option<u64>,
    link_id: &'a str,
    expires_at: Timestamp,
    expires_in: u64,
    requested_expires_in: u64,
    limited_by: LimitedBy,
    session: LinkSession,
    proven: bool,
    bucket_policy: PolicyReading,
}

/// The fields of a form, in the order in which they are sent.
struct Fields<'a>(&'a [(String, String)]);

impl Serialize for Fields<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// How a file is cut into parts.
#[derive(Serialize)]
struct Multipart {
    part_size: u64,
    parts: u64,
}

impl<'a> From<&'a SignedUpload> for UploadResponse<'a> {
    fn from(signed: &'a SignedUpload) -> Self {
        let headers = signed.headers.iter();
        Self {
            url: &signed.url,
            method: signed.method,
            bucket: &signed.bucket,
            key: &signed.key,
            headers: headers.map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            fields: signed.fields.as_deref().map(Fields),
            size: signed.size,
            multipart: signed
                .parts
                .map(|parts| Multipart { part_size: parts.part_size, parts: parts.count }),
            unfinished_until: signed.unfinished_until,
            part_number: signed.part_number,
            link_id: &signed.link_id,
            expires_at: signed.window.expires_at,
            expires_in: signed.window.expires_in,
            requested_expires_in: signed.requested_expires_in,
            limited_by: signed.window.limited_by,
            session: LinkSession::new(signed.evidence, signed.session_expires_at),
            proven: signed.evidence.is_proof(),
            bucket_policy: signed.bucket_policy,
        }
    }
}

/// Answers a request to one of the routes of uploads.
pub(super) async fn post(
    uploads: &Uploads,
    route: UploadRoute,
    request: &Request,
    invocation: &Invocation,
) -> Result<Response, Problem> {
    let wanted = match route {
        UploadRoute::Begin => upload_request::begin(&request.body)?,
        UploadRoute::Sign => upload_request::sign(&request.body)?,
    };
    let principal = &invocation.caller().principal;
    let signed = invocation.in_time(uploads.sign(principal, &wanted, invocation)).await??;
    let body = body(&wanted, &signed)?;
    write_together(|| signed.iter().for_each(|it| log_signed(invocation, principal, it)));
    Ok(match route {
        UploadRoute::Begin => Response::created(body),
        UploadRoute::Sign => Response::json(body),
    })
}

/// The JSON of one signed request, or of the list of parts that were asked for.
fn body(wanted: &UploadRequest, signed: &[SignedUpload]) -> Result<String, Problem> {
    match (&wanted.step, signed) {
        (Step::Parts { is_list: false, .. }, [one]) => Ok(json(&UploadResponse::from(one))),
        (Step::Parts { .. }, parts) => {
            let mut body = BatchBody::new("parts", parts.len());
            for part in parts {
                body.push(&json(&UploadResponse::from(part)));
            }
            body.finish()
        }
        (_, parts) => {
            Ok(parts.first().map(|one| json(&UploadResponse::from(one))).unwrap_or_default())
        }
    }
}
