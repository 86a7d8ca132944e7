//! The requests to S3 that a link can stand for.
//!
//! An operation names its method, its query parameters and its signed headers as S3's API reference
//! does. How they are signed is no concern of this module.

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

impl<'a> Operation<'a> {
    /// The HTTP method.
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Self::GetObject(_) => "GET",
            Self::HeadObject(_) => "HEAD",
        }
    }

    /// The object that the request is about.
    pub(crate) fn object(&self) -> ObjectRef<'a> {
        match self {
            Self::GetObject(get) | Self::HeadObject(get) => get.object,
        }
    }

    /// The query parameters, not encoded, in no particular order. `x-id` names the operation: the
    /// SDKs add it to `GetObject`, and not to `HeadObject`, so S3's access log shows such links as it
    /// shows the SDKs' own requests.
    pub(crate) fn query(&self) -> Vec<(&'static str, &'a str)> {
        let (get, id) = match self {
            Self::GetObject(get) => (get, Some("GetObject")),
            Self::HeadObject(get) => (get, None),
        };
        let ResponseHeaders { content_disposition, content_type } = get.response_headers;
        let optional = [
            ("response-content-disposition", Some(content_disposition.as_str())),
            ("response-content-type", content_type.as_deref()),
            ("versionId", get.object.version_id),
            ("x-id", id),
        ];
        optional.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The headers besides `host` that the request must send exactly so. A download has none: a
    /// browser that opens a link can't send any.
    pub(crate) fn signed_headers(&self) -> &'a [(&'static str, &'a str)] {
        match self {
            Self::GetObject(_) | Self::HeadObject(_) => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_is_a_get_without_headers_of_its_own() {
        let response_headers = ResponseHeaders::default();
        let object = ObjectRef { bucket: "b", region: "eu-west-1", key: "a", version_id: None };
        let get = GetObject { object, response_headers: &response_headers };
        let operation = Operation::GetObject(get);
        assert_eq!((operation.method(), operation.object()), ("GET", object));
        let attachment = ("response-content-disposition", "attachment");
        assert_eq!(operation.query(), [attachment, ("x-id", "GetObject")]);
        assert!(operation.signed_headers().is_empty());
        let head = Operation::HeadObject(get);
        assert_eq!(
            (head.method(), head.object(), head.query()),
            ("HEAD", object, vec![attachment])
        );
        assert!(head.signed_headers().is_empty());
    }
}
