//! Which headers each request of an upload has, and what a bucket's policy sees of them.
//!
//! What is signed can't be changed, left out or added to by whoever sends the request. S3 honours some
//! headers that are not signed all the same; SECURITY.md lists them.

use link_rules::access::UploadRules;
use link_rules::policy::{S3Request, Upload, UploadOperation};
use link_rules::upload::UNKNOWN_CONTENT_TYPE;

use super::request::NewUpload;
use crate::presign::Operation;

const CONTENT_LENGTH: &str = "content-length";
const CONTENT_TYPE: &str = "content-type";

/// S3 makes no object where one is.
///
/// Source: Amazon S3 user guide, "How to prevent object overwrites with conditional writes".
const IF_NONE_MATCH: (&str, &str) = ("if-none-match", "*");

/// S3 refuses to complete an upload whose parts have another size together.
///
/// Source: Amazon S3 API reference, `CompleteMultipartUpload`.
const OBJECT_SIZE: &str = "x-amz-mp-object-size";

/// The signed headers of a request besides `host`, or the fields of a form: lower-case names and values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Headers(Vec<(String, String)>);

impl Headers {
    /// Those of an upload in one request.
    pub(super) fn of_put(new: &NewUpload, rules: &UploadRules) -> Self {
        let mut headers = Self::of_new(new, rules);
        headers.0.extend(new.size.map(|size| (CONTENT_LENGTH.to_owned(), size.to_string())));
        headers.sparing_what_is_there(rules)
    }

    /// Those that begin an upload in parts. Nothing is made yet, so nothing is replaced.
    pub(super) fn of_create(new: &NewUpload, rules: &UploadRules) -> Self {
        Self::of_new(new, rules)
    }

    /// The fields of a form. A form knows no `If-None-Match`, so its key is one that was never there.
    pub(super) fn of_form(new: &NewUpload, rules: &UploadRules) -> Self {
        let mut fields = Self::of_new(new, rules);
        fields.0.push(("success_action_status".to_owned(), "201".to_owned()));
        fields
    }

    /// Those of a part of `length` bytes. Its media type is none of the object's.
    pub(super) fn of_part(length: u64) -> Self {
        let content_type = (CONTENT_TYPE.to_owned(), UNKNOWN_CONTENT_TYPE.to_owned());
        Self(vec![content_type, (CONTENT_LENGTH.to_owned(), length.to_string())])
    }

    /// Those that make the object of `size` bytes.
    pub(super) fn of_complete(size: u64, rules: &UploadRules) -> Self {
        Self(vec![(OBJECT_SIZE.to_owned(), size.to_string())]).sparing_what_is_there(rules)
    }

    /// What all requests have that begin an object.
    fn of_new(new: &NewUpload, rules: &UploadRules) -> Self {
        let own = (CONTENT_TYPE.to_owned(), new.content_type.clone());
        let operators = rules.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
        Self([own].into_iter().chain(operators).chain(new.headers.iter().cloned()).collect())
    }

    fn sparing_what_is_there(mut self, rules: &UploadRules) -> Self {
        if !rules.overwrite {
            self.0.push((IF_NONE_MATCH.0.to_owned(), IF_NONE_MATCH.1.to_owned()));
        }
        self
    }

    /// As the signer takes them.
    pub(super) fn borrowed(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// As the fields of a form, which names the canned ACL `acl`.
    ///
    /// Source: Amazon S3 user guide, "Creating an HTML form (using AWS Signature Version 4)".
    pub(super) fn fields(&self) -> Vec<(&str, &str)> {
        let field = |(name, value)| (if name == "x-amz-acl" { "acl" } else { name }, value);
        self.borrowed().into_iter().map(field).collect()
    }

    /// Those that the client has to set. Scripts can't set the length, and every client sends it by itself.
    pub(super) fn for_the_caller(&self) -> Vec<(String, String)> {
        self.0.iter().filter(|(name, _)| name != CONTENT_LENGTH).cloned().collect()
    }
}

/// What a policy is asked about an operation.
pub(super) fn question<'a>(operation: &Operation<'a>) -> S3Request<'a> {
    let headers = operation.signed_headers();
    let put = |operation| S3Request::PutObject(Upload { operation, headers });
    match operation {
        Operation::PutObject(_) => put(UploadOperation::PutObject),
        Operation::CreateMultipartUpload(_) => put(UploadOperation::CreateMultipartUpload),
        Operation::UploadPart(..) => put(UploadOperation::UploadPart),
        Operation::CompleteMultipartUpload(_) => put(UploadOperation::CompleteMultipartUpload),
        Operation::ListParts(..) => S3Request::ListMultipartUploadParts,
        Operation::AbortMultipartUpload(_) => S3Request::AbortMultipartUpload,
        Operation::GetObject(_) | Operation::HeadObject(_) => S3Request::GetObject,
    }
}

/// What a policy is asked about a form with these fields.
pub(super) fn question_of_form<'a>(fields: &'a [(&'a str, &'a str)]) -> S3Request<'a> {
    S3Request::PutObject(Upload { operation: UploadOperation::Form, headers: fields })
}
