//! Whether a request names the current version of an object.
//!
//! S3 names the version in every download, and keeps it readable after the object is deleted or
//! replaced. Whoever read an object once could thus go on to ask for it. So a grant gives old
//! versions only if it says so, and S3 is asked otherwise.

use aws_credential_types::Credentials;

use super::LinkError;
use crate::aws::{Aws, AwsError, answered};
use crate::clock::InvocationTime;

/// The version id of an object that was created without versioning. S3 leaves it out where a bucket
/// was never versioned.
///
/// Source: Amazon S3 user guide, "How S3 Versioning works".
const UNVERSIONED: &str = "null";

/// Asks S3 about versions.
#[derive(Debug)]
pub(crate) struct Versions(Aws);

impl Versions {
    /// Asks S3 through `aws`.
    #[must_use]
    pub(crate) fn new(aws: Aws) -> Self {
        Self(aws)
    }

    /// Asks S3 in `region` whether `version_id` is the current version of `key`.
    ///
    /// # Errors
    ///
    /// - [`LinkError::VersionNotGranted`] if it is not, or if the object is deleted.
    /// - [`LinkError::ObjectUnavailable`] if S3 refuses to say.
    /// - [`LinkError::Upstream`] if S3 does not answer, or answers 5xx.
    pub(crate) async fn check_current(
        &self,
        bucket: &str,
        region: &str,
        key: &str,
        version_id: &str,
        credentials: &Credentials,
        time: InvocationTime,
    ) -> Result<(), LinkError> {
        let call = self.0.s3(region, credentials).head_object().bucket(bucket).key(key);
        match answered(time, || call.clone().send()).await {
            Ok(current) if current.version_id().unwrap_or(UNVERSIONED) == version_id => Ok(()),
            Ok(_) => Err(LinkError::VersionNotGranted),
            Err(error) => Err(refused(&error)),
        }
    }
}

/// The answer to a HEAD has no body, so only its status is known.
fn refused(error: &AwsError) -> LinkError {
    let unavailable = |causes: &str| {
        LinkError::ObjectUnavailable(format!(
            "S3 was asked whether version_id is the current version, and {causes}"
        ))
    };
    match error {
        AwsError::Refused { status: 404, .. } => LinkError::VersionNotGranted,
        AwsError::Refused { status: 403, .. } => unavailable(
            "answered 403: the object is missing or forbidden. Without s3:ListBucket S3 does not \
             tell which. Else the function's role lacks s3:GetObject, which HEAD needs too, or \
             kms:Decrypt on the object's key, or the bucket policy or a boundary denies it.",
        ),
        AwsError::Refused { status, .. } => unavailable(&format!("answered {status}.")),
        AwsError::Temporary { status, .. } => LinkError::Upstream(format!(
            "S3 could not be asked whether version_id is the current version: it answered {status}"
        )),
        AwsError::NoResponse(reason) => LinkError::Upstream(format!(
            "S3 could not be asked whether version_id is the current version: {reason}"
        )),
    }
}
