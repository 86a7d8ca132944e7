//! The requests that an upload under a grant makes of S3, for whoever examines it and uploads nothing.

use link_rules::access::UploadRules;
use link_rules::object::ObjectRef;
use link_rules::policy::S3Request;
use link_rules::upload::UNKNOWN_CONTENT_TYPE;

use super::headers::{self, Headers};
use super::request::{NewUpload, ProposedKey};
use crate::presign::{NewObject, Operation, StepOfUpload};

/// The id of an upload that is not there.
const NO_UPLOAD: &str = "none";

/// A request as it is signed, for a caller who has no headers signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlannedRequest<'a> {
    /// The operation in S3's words.
    pub(crate) name: &'static str,
    /// The signed headers besides `host`, or the fields of the form.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// What a policy is asked about it.
    pub(crate) question: S3Request<'a>,
    /// What is signed. `None`: it is a form.
    pub(crate) operation: Option<Operation<'a>>,
}

/// Visits each request that an upload to `object` may make under a grant with these rules. Those of an
/// upload in parts are about one that is not there, so sending them changes nothing.
pub(crate) fn visit_requests(
    object: ObjectRef<'_>,
    rules: &UploadRules,
    mut visit: impl FnMut(PlannedRequest<'_>),
) {
    let new = NewUpload {
        key: ProposedKey::Exactly(object.key.to_owned()),
        prefix: None,
        size: Some(1),
        content_type: UNKNOWN_CONTENT_TYPE.to_owned(),
        headers: Vec::new(),
    };
    let mut sign = |operation: Operation<'_>| {
        visit(PlannedRequest {
            name: operation.name(),
            headers: operation.signed_headers(),
            question: headers::question(&operation),
            operation: Some(operation),
        });
    };
    let (put, create) = (Headers::of_put(&new, rules), Headers::of_create(&new, rules));
    sign(Operation::PutObject(NewObject { object, headers: &put.borrowed() }));
    sign(Operation::CreateMultipartUpload(NewObject { object, headers: &create.borrowed() }));
    let (part, complete) = (Headers::of_part(1), Headers::of_complete(1, rules));
    let (part, complete) = (part.borrowed(), complete.borrowed());
    let step = |headers| StepOfUpload { object, upload_id: NO_UPLOAD, headers };
    sign(Operation::UploadPart(step(&part), "1"));
    sign(Operation::CompleteMultipartUpload(step(&complete)));
    sign(Operation::ListParts(step(&[]), None));
    sign(Operation::AbortMultipartUpload(step(&[])));
    if rules.forms {
        let fields = Headers::of_form(&new, rules);
        let fields = fields.borrowed();
        visit(PlannedRequest {
            name: "PostObject",
            headers: &fields,
            question: headers::question_of_form(&fields),
            operation: None,
        });
    }
}
