//! Whether a request names the current version of an object, and whether an object is deleted.
//!
//! S3 names the version in every download, and keeps it readable after the object is deleted or
//! replaced. Whoever read an object once could thus go on to ask for it. So a grant gives old
//! versions only if it says so, and S3 is asked otherwise.

use std::fmt;

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
        match self.current(bucket, region, key, credentials, time).await {
            Ok(current) if current == version_id => Ok(()),
            Ok(_) | Err(AwsError::Refused { status: 404, .. }) => Err(LinkError::VersionNotGranted),
            Err(error) => Err(refused(&error, "version_id is the current version")),
        }
    }

    /// Asks S3 in `region` whether `key` has a current version. It has none once it is deleted,
    /// whatever versions are left.
    ///
    /// # Errors
    ///
    /// - [`LinkError::ObjectUnavailable`] if the object is deleted, or if S3 refuses to say.
    /// - [`LinkError::Upstream`] if S3 does not answer, or answers 5xx.
    pub(crate) async fn check_not_deleted(
        &self,
        bucket: &str,
        region: &str,
        key: &str,
        credentials: &Credentials,
        time: InvocationTime,
    ) -> Result<(), LinkError> {
        match self.current(bucket, region, key, credentials, time).await {
            Ok(_) => Ok(()),
            Err(AwsError::Refused { status: 404, .. }) => {
                Err(LinkError::ObjectUnavailable("The object is deleted.".to_owned()))
            }
            Err(error) => Err(refused(&error, "the object is deleted")),
        }
    }

    /// The id of the current version.
    async fn current(
        &self,
        bucket: &str,
        region: &str,
        key: &str,
        credentials: &Credentials,
        time: InvocationTime,
    ) -> Result<String, AwsError> {
        let call = self.0.s3(region, credentials).head_object().bucket(bucket).key(key);
        let head = answered(time, || call.clone().send()).await?;
        Ok(head.version_id.unwrap_or_else(|| UNVERSIONED.to_owned()))
    }
}

/// Why S3 does not say `what`. The answer to a HEAD has no body, so only its status is known.
fn refused(error: &AwsError, what: &str) -> LinkError {
    let unavailable = |causes: &str| {
        LinkError::ObjectUnavailable(format!("S3 was asked whether {what}, and {causes}"))
    };
    let upstream = |reason: &dyn fmt::Display| {
        LinkError::Upstream(format!("S3 could not be asked whether {what}: {reason}"))
    };
    match error {
        AwsError::Refused { status: 403, .. } => unavailable(
            "answered 403: the object is missing or forbidden. Without s3:ListBucket S3 does not \
             tell which. Else the function's role lacks s3:GetObject, which HEAD needs too, or \
             kms:Decrypt on the object's key, or the bucket policy or a boundary denies it.",
        ),
        // S3 does not accept the session, or KMS throttles: the object is not to blame.
        AwsError::Refused { status: status @ 400, .. } | AwsError::Temporary { status, .. } => {
            upstream(&format_args!("it answered {status}"))
        }
        AwsError::Refused { status, .. } => unavailable(&format!("answered {status}.")),
        AwsError::NoResponse(reason) => upstream(reason),
    }
}
