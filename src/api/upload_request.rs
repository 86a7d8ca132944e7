//! Requests for uploads as callers write them: our own JSON, and what uppy's `signRequest` passes.
//!
//! uppy says a step by method and ids, as S3 does. It passes no size, so its page adds that. Field names are
//! uppy's in the one form, and ours in the other.
//!
//! Source: @uppy/aws-s3 6.3.1, `PresignableRequest`.

use std::collections::BTreeMap;

use link_rules::object::ObjectKey;
use link_rules::upload::{
    MAX_OBJECT_BYTES, MAX_PARTS, MULTIPART_FROM, UNKNOWN_CONTENT_TYPE, is_content_type,
};
use serde::Deserialize;

use super::Problem;
use super::link_request::{WholeNumber, parse, requested_window};
use crate::uploads::{NewUpload, ProposedKey, Step, UploadRequest};

/// How many parts one request may ask for.
const MAX_NUMBERS: usize = 1_000;

/// The longest id of an upload that is accepted, in bytes. S3's own have some 130.
const MAX_UPLOAD_ID_BYTES: usize = 1_024;

/// The longest name of a file that is accepted, in bytes.
const MAX_NAME_BYTES: usize = 1_024;

/// `POST /uploads`, before its values are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a JSON object with the fields \"name\" and \"size\"")]
struct RawUploadRequest {
    bucket: Option<String>,
    key: Option<String>,
    name: Option<String>,
    prefix: Option<String>,
    size: Option<WholeNumber>,
    content_type: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    form: Option<bool>,
    multipart: Option<bool>,
    expires_in: Option<WholeNumber>,
    min_expires_in: Option<WholeNumber>,
}

/// `POST /uploads/sign`, before its values are checked.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "camelCase",
    expecting = "a JSON object with the fields \"method\" and \"key\""
)]
struct RawSignRequest {
    method: Option<String>,
    key: Option<String>,
    upload_id: Option<String>,
    part_number: Option<WholeNumber>,
    part_numbers: Option<Vec<WholeNumber>>,
    part_number_marker: Option<WholeNumber>,
    content_type: Option<String>,
    expires_in: Option<WholeNumber>,
    min_expires_in: Option<WholeNumber>,
    bucket: Option<String>,
    name: Option<String>,
    prefix: Option<String>,
    size: Option<WholeNumber>,
    headers: Option<BTreeMap<String, String>>,
    form: Option<bool>,
}

/// Reads the JSON of `POST /uploads`.
///
/// # Errors
///
/// [`Problem::InvalidRequest`], which names the field.
pub(super) fn begin(body: &[u8]) -> Result<UploadRequest, Problem> {
    let raw: RawUploadRequest = parse(body)?;
    let key = match (raw.key, raw.name) {
        (Some(_), Some(_)) => {
            return invalid(
                "key: send \"name\", of which the function makes a key, or \"key\", not both",
            );
        }
        (Some(key), None) => ProposedKey::Exactly(checked_key(key)?),
        (None, Some(name)) => ProposedKey::Named(checked_name(name)?),
        (None, None) => return invalid("name: missing; send the file's name"),
    };
    let size = raw.size.map(|size| checked_size(size.0)).transpose()?;
    let form = raw.form.unwrap_or(false);
    if form && raw.multipart == Some(true) {
        return invalid("form: a form uploads the file whole; leave \"multipart\" out");
    }
    let new = NewUpload {
        key,
        prefix: raw.prefix,
        size,
        content_type: checked_content_type(raw.content_type, "content_type")?,
        headers: checked_headers(raw.headers)?,
    };
    let step = match (form, size) {
        (true, _) => Step::Form(new),
        (false, None) => return invalid("size: missing; send the file's size in bytes"),
        // An empty file has no part.
        (false, Some(0)) => Step::Put(new),
        (false, Some(size)) if raw.multipart.unwrap_or(size > MULTIPART_FROM) => Step::Create(new),
        (false, Some(_)) => Step::Put(new),
    };
    let window = requested_window(raw.expires_in, raw.min_expires_in)?;
    Ok(UploadRequest { bucket: raw.bucket, step, window })
}

/// Reads the JSON of `POST /uploads/sign`.
///
/// # Errors
///
/// As for [`begin`].
pub(super) fn sign(body: &[u8]) -> Result<UploadRequest, Problem> {
    let raw: RawSignRequest = parse(body)?;
    let Some(key) = raw.key.clone() else {
        return invalid("key: missing; name the object");
    };
    let window = requested_window(raw.expires_in, raw.min_expires_in)?;
    let key = checked_key(key)?;
    let bucket = raw.bucket.clone();
    let step = match raw.upload_id.clone() {
        None => raw.beginning(key)?,
        Some(upload_id) if (1..=MAX_UPLOAD_ID_BYTES).contains(&upload_id.len()) => {
            raw.step_of_upload(key, upload_id)?
        }
        Some(upload_id) => {
            return invalid(format!(
                "uploadId: {} bytes; use 1 to {MAX_UPLOAD_ID_BYTES}",
                upload_id.len()
            ));
        }
    };
    Ok(UploadRequest { bucket, step, window })
}

impl RawSignRequest {
    /// A step before S3 has given the upload an id.
    fn beginning(self, key: String) -> Result<Step, Problem> {
        if self.part_number.is_some() || self.part_numbers.is_some() {
            return invalid(
                "uploadId: missing; a part needs it, as S3 answered it to the first request",
            );
        }
        let is_put = match self.method.as_deref() {
            Some("PUT") => true,
            Some("POST") => false,
            Some("DELETE") => {
                return invalid(
                    "uploadId: missing; without it DELETE would delete the object, which is not signed here",
                );
            }
            Some("GET") => {
                return invalid("uploadId: missing; a download is a link, which POST /links gives");
            }
            method => return unknown_method(method),
        };
        let form = self.form.unwrap_or(false);
        let size = match self.size {
            Some(size) => Some(checked_size(size.0)?),
            None if form => None,
            None => return Err(without_size()),
        };
        let name = checked_name(self.name.unwrap_or_else(|| key.clone()))?;
        let new = NewUpload {
            key: ProposedKey::Preferably { key, name },
            prefix: self.prefix,
            size,
            content_type: checked_content_type(self.content_type, "contentType")?,
            headers: checked_headers(self.headers)?,
        };
        match (is_put, form) {
            (true, true) => Ok(Step::Form(new)),
            (true, false) => Ok(Step::Put(new)),
            (false, true) => invalid("form: a form uploads the file whole; use the method PUT"),
            (false, false) if size == Some(0) => {
                invalid("size: 0; an empty file has no parts, so upload it with PUT")
            }
            (false, false) => Ok(Step::Create(new)),
        }
    }

    /// A step of an upload that S3 has given an id.
    fn step_of_upload(self, key: String, upload_id: String) -> Result<Step, Problem> {
        if self.form == Some(true) {
            return invalid("form: an upload in parts has no forms; leave it out");
        }
        if self.headers.is_some_and(|headers| !headers.is_empty()) {
            return invalid("headers: send them with the request that begins the upload");
        }
        let size = || -> Result<u64, Problem> {
            match self.size {
                Some(WholeNumber(0)) => invalid("size: 0; an empty file has no parts"),
                Some(size) => checked_size(size.0),
                None => Err(without_size()),
            }
        };
        match self.method.as_deref() {
            Some("PUT") => {
                let is_list = self.part_numbers.is_some();
                let numbers = match (self.part_number, &self.part_numbers) {
                    (Some(number), None) => vec![number.0],
                    (None, Some(numbers)) => numbers.iter().map(|number| number.0).collect(),
                    _ => return invalid("partNumber: missing; number the parts from 1"),
                };
                if !(1..=MAX_NUMBERS).contains(&numbers.len()) {
                    return invalid(format!(
                        "partNumbers: {} of them; send 1 to {MAX_NUMBERS}",
                        numbers.len()
                    ));
                }
                Ok(Step::Parts { key, upload_id, size: size()?, numbers, is_list })
            }
            Some("POST") => Ok(Step::Complete { key, upload_id, size: size()? }),
            Some("GET") => {
                let after = self.part_number_marker.map(|number| number.0);
                if after.is_some_and(|number| number > MAX_PARTS) {
                    return invalid(format!("partNumberMarker: use 0 to {MAX_PARTS}"));
                }
                Ok(Step::List { key, upload_id, after })
            }
            Some("DELETE") => Ok(Step::Abort { key, upload_id }),
            method => unknown_method(method),
        }
    }
}

fn invalid<T>(detail: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::invalid_request(detail))
}

fn without_size() -> Problem {
    Problem::invalid_request(
        "size: missing; send the file's size in bytes. uppy passes none, so add it in signRequest: \
         {...request, size: file.size}",
    )
}

fn unknown_method<T>(method: Option<&str>) -> Result<T, Problem> {
    match method {
        None => invalid("method: missing; use \"PUT\", \"POST\", \"GET\" or \"DELETE\""),
        Some(other) => {
            invalid(format!("method: {other:?}; use \"PUT\", \"POST\", \"GET\" or \"DELETE\""))
        }
    }
}

fn checked_key(key: String) -> Result<String, Problem> {
    match ObjectKey::check_length(&key) {
        Ok(()) => Ok(key),
        Err(error) => invalid(error.to_string()),
    }
}

fn checked_name(name: String) -> Result<String, Problem> {
    if (1..=MAX_NAME_BYTES).contains(&name.len()) {
        return Ok(name);
    }
    invalid(format!("name: {} bytes; use 1 to {MAX_NAME_BYTES}", name.len()))
}

fn checked_size(size: u64) -> Result<u64, Problem> {
    if size <= MAX_OBJECT_BYTES {
        return Ok(size);
    }
    invalid(format!("size: {size}; S3's objects have {MAX_OBJECT_BYTES} bytes at most"))
}

fn checked_content_type(written: Option<String>, field: &str) -> Result<String, Problem> {
    let content_type = written.filter(|written| !written.is_empty());
    let content_type = content_type.unwrap_or_else(|| UNKNOWN_CONTENT_TYPE.to_owned());
    if is_content_type(&content_type) {
        return Ok(content_type);
    }
    invalid(format!(
        "{field}: use a media type such as \"application/pdf\" or \"text/plain; charset=utf-8\", with no other \
         parameter and no comma"
    ))
}

/// The headers with names in lower case.
fn checked_headers(
    headers: Option<BTreeMap<String, String>>,
) -> Result<Vec<(String, String)>, Problem> {
    let mut checked = BTreeMap::new();
    for (name, value) in headers.into_iter().flatten() {
        let lower = name.to_ascii_lowercase();
        if checked.insert(lower, value).is_some() {
            return invalid(format!("headers: {name:?} is there in two cases"));
        }
    }
    Ok(checked.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(read: fn(&[u8]) -> Result<UploadRequest, Problem>, body: &str) -> String {
        read(body.as_bytes()).unwrap_err().detail()
    }

    #[test]
    fn the_size_decides_whether_a_file_is_sent_in_parts() {
        let step =
            |fields: &str| begin(format!(r#"{{"name":"a",{fields}}}"#).as_bytes()).unwrap().step;
        assert!(matches!(step(r#""size":104857600"#), Step::Put(_)));
        assert!(matches!(step(r#""size":104857601"#), Step::Create(_)));
        assert!(matches!(step(r#""size":104857601,"multipart":false"#), Step::Put(_)));
        assert!(matches!(step(r#""size":1,"multipart":true"#), Step::Create(_)));
        assert!(matches!(step(r#""size":0,"multipart":true"#), Step::Put(_)));
        assert!(matches!(step(r#""form":true"#), Step::Form(_)));
    }

    #[test]
    fn a_mistake_is_answered_with_the_field() {
        for (body, expected) in [
            ("{}", "name: missing"),
            (r#"{"name":"a"}"#, "size: missing; send the file's size in bytes"),
            (r#"{"name":"a","key":"b","size":1}"#, "key: send \"name\""),
            (r#"{"name":"","size":1}"#, "name: 0 bytes"),
            (r#"{"name":"a","size":53687091200001}"#, "size: 53687091200001; S3's objects"),
            (r#"{"name":"a","size":"1"}"#, "size: invalid type: string"),
            (
                r#"{"name":"a","size":1,"content_type":"text/plain,text/html"}"#,
                "content_type: use a media",
            ),
            (r#"{"name":"a","size":1,"expires_in":0}"#, "expires_in: 0"),
            (r#"{"name":"a","form":true,"multipart":true}"#, "form: a form uploads the file whole"),
            (
                r#"{"name":"a","size":1,"headers":{"X-Amz-Acl":"a","x-amz-acl":"b"}}"#,
                "headers: \"x-amz-acl\"",
            ),
        ] {
            let detail = detail(begin, body);
            assert!(detail.starts_with(expected), "{body}: {detail}");
        }
    }

    /// What @uppy/aws-s3 6.3.1 passes, and the size that its page adds.
    #[test]
    fn uppy_s_requests_are_the_steps_of_an_upload() {
        let step = |body: &str| sign(body.as_bytes()).unwrap().step;
        assert!(matches!(
            step(r#"{"method":"PUT","key":"a","contentType":"a/b","size":1}"#),
            Step::Put(_)
        ));
        assert!(matches!(
            step(r#"{"method":"PUT","key":"a","size":1,"form":true}"#),
            Step::Form(_)
        ));
        assert!(matches!(step(r#"{"method":"POST","key":"a","size":1}"#), Step::Create(_)));
        let (key, upload_id) = ("a".to_owned(), "u".to_owned());
        assert_eq!(
            step(
                r#"{"method":"PUT","key":"a","uploadId":"u","partNumber":7,"size":9,"expiresIn":60}"#
            ),
            Step::Parts {
                key: key.clone(),
                upload_id: upload_id.clone(),
                size: 9,
                numbers: vec![7],
                is_list: false
            }
        );
        assert_eq!(
            step(r#"{"method":"POST","key":"a","uploadId":"u","size":9}"#),
            Step::Complete { key: key.clone(), upload_id: upload_id.clone(), size: 9 }
        );
        assert_eq!(
            step(r#"{"method":"GET","key":"a","uploadId":"u"}"#),
            Step::List { key: key.clone(), upload_id: upload_id.clone(), after: None }
        );
        assert_eq!(
            step(r#"{"method":"DELETE","key":"a","uploadId":"u"}"#),
            Step::Abort { key, upload_id }
        );
    }

    #[test]
    fn what_is_no_step_is_refused_by_name() {
        for (body, expected) in [
            (
                r#"{"method":"DELETE","key":"a"}"#,
                "uploadId: missing; without it DELETE would delete the object",
            ),
            (r#"{"method":"DELETE","key":"a","size":1}"#, "uploadId: missing; without it DELETE"),
            (r#"{"method":"GET","key":"a","size":1}"#, "uploadId: missing; a download is a link"),
            (
                r#"{"method":"PUT","key":"a"}"#,
                "size: missing; send the file's size in bytes. uppy passes none",
            ),
            (
                r#"{"method":"POST","key":"a","uploadId":"u"}"#,
                "size: missing; send the file's size",
            ),
            (
                r#"{"method":"PUT","key":"a","uploadId":"u","partNumber":1}"#,
                "size: missing; send the file's",
            ),
            (
                r#"{"method":"PUT","key":"a","size":1,"partNumber":1}"#,
                "uploadId: missing; a part needs it",
            ),
            (r#"{"method":"PUT","key":"a","size":1,"uploadId":"u"}"#, "partNumber: missing"),
            (r#"{"method":"PUT","key":"a","size":1,"uploadId":""}"#, "uploadId: 0 bytes"),
            (r#"{"method":"PATCH","key":"a","size":1}"#, "method: \"PATCH\"; use"),
            (r#"{"key":"a","size":1}"#, "method: missing"),
            (r#"{"method":"PUT","size":1}"#, "key: missing"),
            (
                r#"{"method":"PUT","key":"a","size":1,"uploadId":"u","partNumber":1,"headers":{"x-amz-acl":"a"}}"#,
                "headers: send them with the request that begins the upload",
            ),
        ] {
            let detail = detail(sign, body);
            assert!(detail.starts_with(expected), "{body}: {detail}");
        }
    }
}
