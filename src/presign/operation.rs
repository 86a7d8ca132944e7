//! The requests to S3 that a link, or a step of an upload, can stand for.
//!
//! An operation names its method, its query parameters and its signed headers as S3's API reference
//! does. How they are signed is no concern of this module, and what a grant allows is none either.

use link_rules::object::ObjectRef;
use link_rules::response_headers::ResponseHeaders;

/// A request to S3, apart from time and credentials.
#[derive(Clone, Copy, Debug)]
pub enum Operation<'a> {
    /// `GetObject`: a download.
    GetObject(GetObject<'a>),
    /// `HeadObject`: what S3 answers to a download, without the file. It takes the parameters of
    /// `GetObject` and the same permission.
    ///
    /// Source: Amazon S3 API reference, `HeadObject`.
    HeadObject(GetObject<'a>),
    /// `PutObject`: an upload in one request.
    PutObject(NewObject<'a>),
    /// `CreateMultipartUpload`: the beginning of an upload in parts.
    CreateMultipartUpload(NewObject<'a>),
    /// `UploadPart`: one part, with its number, counted from 1.
    UploadPart(StepOfUpload<'a>, &'a str),
    /// `CompleteMultipartUpload`: the parts become the object.
    CompleteMultipartUpload(StepOfUpload<'a>),
    /// `ListParts`: which parts have arrived after this number, or all.
    ListParts(StepOfUpload<'a>, Option<&'a str>),
    /// `AbortMultipartUpload`: the parts are deleted.
    AbortMultipartUpload(StepOfUpload<'a>),
}

/// The parameters of `GetObject`, and of `HeadObject`.
#[derive(Clone, Copy, Debug)]
pub struct GetObject<'a> {
    /// The object, or the version of it. S3 answers links that are signed for another region than the
    /// bucket's own with an error.
    pub object: ObjectRef<'a>,
    /// What S3 shall answer in its headers.
    pub response_headers: &'a ResponseHeaders,
}

/// The parameters of a request that begins an object.
#[derive(Clone, Copy, Debug)]
pub struct NewObject<'a> {
    /// The object. It has no version yet.
    pub object: ObjectRef<'a>,
    /// The headers besides `host` that the request must send exactly so: lower-case names, trimmed values.
    pub headers: &'a [(&'a str, &'a str)],
}

/// The parameters of a request about an upload that has begun.
#[derive(Clone, Copy, Debug)]
pub struct StepOfUpload<'a> {
    /// The object that the upload becomes.
    pub object: ObjectRef<'a>,
    /// S3's id of the upload.
    pub upload_id: &'a str,
    /// As for [`NewObject`].
    pub headers: &'a [(&'a str, &'a str)],
}

impl<'a> Operation<'a> {
    /// The HTTP method.
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Self::GetObject(_) | Self::ListParts(..) => "GET",
            Self::HeadObject(_) => "HEAD",
            Self::PutObject(_) | Self::UploadPart(..) => "PUT",
            Self::CreateMultipartUpload(_) | Self::CompleteMultipartUpload(_) => "POST",
            Self::AbortMultipartUpload(_) => "DELETE",
        }
    }

    /// The operation's name in S3's API reference.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::GetObject(_) => "GetObject",
            Self::HeadObject(_) => "HeadObject",
            Self::PutObject(_) => "PutObject",
            Self::CreateMultipartUpload(_) => "CreateMultipartUpload",
            Self::UploadPart(..) => "UploadPart",
            Self::CompleteMultipartUpload(_) => "CompleteMultipartUpload",
            Self::ListParts(..) => "ListParts",
            Self::AbortMultipartUpload(_) => "AbortMultipartUpload",
        }
    }

    /// The object that the request is about.
    pub(crate) fn object(&self) -> ObjectRef<'a> {
        match self {
            Self::GetObject(get) | Self::HeadObject(get) => get.object,
            Self::PutObject(new) | Self::CreateMultipartUpload(new) => new.object,
            Self::UploadPart(step, _)
            | Self::CompleteMultipartUpload(step)
            | Self::ListParts(step, _)
            | Self::AbortMultipartUpload(step) => step.object,
        }
    }

    /// The query parameters, not encoded, in no particular order. `x-id` names the operation where the SDKs
    /// add it, so that S3's access log shows such links as it shows the SDKs' own requests.
    pub(crate) fn query(&self) -> Vec<(&'static str, &'a str)> {
        let id = match self {
            Self::HeadObject(_)
            | Self::CreateMultipartUpload(_)
            | Self::CompleteMultipartUpload(_) => None,
            named => Some(named.name()),
        };
        let mut query: Vec<_> = id.map(|id| ("x-id", id)).into_iter().collect();
        match *self {
            Self::GetObject(get) | Self::HeadObject(get) => {
                let ResponseHeaders { content_disposition, content_type } = get.response_headers;
                query.push(("response-content-disposition", content_disposition));
                query.extend(content_type.as_deref().map(|value| ("response-content-type", value)));
                query.extend(get.object.version_id.map(|value| ("versionId", value)));
            }
            Self::PutObject(_) => {}
            Self::CreateMultipartUpload(_) => query.push(("uploads", "")),
            Self::UploadPart(step, number) => {
                query.extend([("uploadId", step.upload_id), ("partNumber", number)]);
            }
            Self::ListParts(step, after) => {
                query.push(("uploadId", step.upload_id));
                query.extend(after.map(|number| ("part-number-marker", number)));
            }
            Self::CompleteMultipartUpload(step) | Self::AbortMultipartUpload(step) => {
                query.push(("uploadId", step.upload_id));
            }
        }
        query
    }

    /// The headers besides `host` that the request must send exactly so. A download has none: a
    /// browser that opens a link can't send any.
    pub(crate) fn signed_headers(&self) -> &'a [(&'a str, &'a str)] {
        match self {
            Self::GetObject(_) | Self::HeadObject(_) => &[],
            Self::PutObject(new) | Self::CreateMultipartUpload(new) => new.headers,
            Self::UploadPart(step, _)
            | Self::CompleteMultipartUpload(step)
            | Self::ListParts(step, _)
            | Self::AbortMultipartUpload(step) => step.headers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: ObjectRef<'_> =
        ObjectRef { bucket: "b", region: "eu-west-1", key: "a", version_id: None };

    #[test]
    fn a_download_is_a_get_without_headers_of_its_own() {
        let response_headers = ResponseHeaders::default();
        let get = GetObject { object: OBJECT, response_headers: &response_headers };
        let operation = Operation::GetObject(get);
        assert_eq!((operation.method(), operation.object()), ("GET", OBJECT));
        let attachment = ("response-content-disposition", "attachment");
        assert_eq!(operation.query(), [("x-id", "GetObject"), attachment]);
        assert!(operation.signed_headers().is_empty());
        let head = Operation::HeadObject(get);
        assert_eq!(
            (head.method(), head.object(), head.query()),
            ("HEAD", OBJECT, vec![attachment])
        );
        assert!(head.signed_headers().is_empty());
    }

    /// As aws-sdk-s3 1.157.0 writes its requests.
    #[test]
    fn an_upload_s_requests_are_those_of_the_api_reference() {
        let headers = &[("content-type", "text/plain")];
        let new = NewObject { object: OBJECT, headers };
        let step = StepOfUpload { object: OBJECT, upload_id: "u", headers };
        for (operation, method, query) in [
            (Operation::PutObject(new), "PUT", vec![("x-id", "PutObject")]),
            (Operation::CreateMultipartUpload(new), "POST", vec![("uploads", "")]),
            (
                Operation::UploadPart(step, "7"),
                "PUT",
                vec![("x-id", "UploadPart"), ("uploadId", "u"), ("partNumber", "7")],
            ),
            (Operation::CompleteMultipartUpload(step), "POST", vec![("uploadId", "u")]),
            (
                Operation::ListParts(step, Some("1000")),
                "GET",
                vec![("x-id", "ListParts"), ("uploadId", "u"), ("part-number-marker", "1000")],
            ),
            (
                Operation::AbortMultipartUpload(step),
                "DELETE",
                vec![("x-id", "AbortMultipartUpload"), ("uploadId", "u")],
            ),
        ] {
            assert_eq!((operation.method(), operation.query()), (method, query));
            assert_eq!((operation.object(), operation.signed_headers()), (OBJECT, &headers[..]));
        }
    }
}
