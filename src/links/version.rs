//! Whether a request names the current version of an object, and until when an object has one.
//!
//! S3 names the version in every download, and keeps it readable after the object is deleted or
//! replaced. Whoever read an object once could thus go on to ask for it. So a grant gives old
//! versions only if it says so, and S3 is asked otherwise.

use std::fmt;

use aws_credential_types::Credentials;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use jiff::Timestamp;
use link_rules::object::{ObjectRef, UNVERSIONED};

use super::{Expiration, LinkError};
use crate::aws::{Aws, AwsError, answered};
use crate::invocation::Invocation;

/// Asks S3 about versions.
#[derive(Debug)]
pub(crate) struct Versions(Aws);

impl Versions {
    /// Asks S3 through `aws`.
    #[must_use]
    pub(crate) fn new(aws: Aws) -> Self {
        Self(aws)
    }

    /// Asks S3 whether `version_id` is the current version of the object, and until when the object has a
    /// current version. `None`: S3 names no end.
    ///
    /// # Errors
    ///
    /// - [`LinkError::VersionNotGranted`] if it is not, or if the object is deleted.
    /// - [`LinkError::ObjectUnavailable`] if S3 refuses to say.
    /// - [`LinkError::Upstream`] if S3 does not answer, or answers 400 or 5xx.
    pub(crate) async fn check_current(
        &self,
        object: ObjectRef<'_>,
        version_id: &str,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<Option<Timestamp>, LinkError> {
        match self.current(object, credentials, invocation).await {
            Ok(current) if current.version_id().unwrap_or(UNVERSIONED) == version_id => {
                Ok(end_of(&current))
            }
            Ok(_) | Err(AwsError::Refused { status: 404, .. }) => Err(LinkError::VersionNotGranted),
            Err(error) => Err(refused(&error, "version_id is the current version")),
        }
    }

    /// Asks S3 whether the version that `object` names is the current one.
    ///
    /// # Errors
    ///
    /// [`AwsError`] if S3 does not say.
    pub(super) async fn is_current(
        &self,
        object: ObjectRef<'_>,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<bool, AwsError> {
        let current = self.current(object, credentials, invocation).await?;
        Ok(current.version_id() == object.version_id)
    }

    /// Asks S3 until when the object has a current version. `None`: S3 names no end. It has none once it
    /// is deleted, whatever versions are left.
    ///
    /// # Errors
    ///
    /// - [`LinkError::ObjectUnavailable`] if the object is deleted, or if S3 refuses to say.
    /// - [`LinkError::Upstream`] if S3 does not answer, or answers 5xx.
    pub(crate) async fn end_of_current(
        &self,
        object: ObjectRef<'_>,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<Option<Timestamp>, LinkError> {
        match self.current(object, credentials, invocation).await {
            Ok(current) => Ok(end_of(&current)),
            Err(AwsError::Refused { status: 404, .. }) => {
                Err(LinkError::ObjectUnavailable("The object is deleted.".to_owned()))
            }
            // The current version has a key of its owner's own, or S3 does not accept the session. A
            // request for the version tells.
            Err(AwsError::Refused { status: 400, .. }) => Ok(None),
            Err(error) => Err(refused(&error, "the object is deleted")),
        }
    }

    /// What S3 says of the current version.
    async fn current(
        &self,
        object: ObjectRef<'_>,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<HeadObjectOutput, AwsError> {
        let ObjectRef { bucket, region, key, .. } = object;
        let call = self.0.s3(region, credentials, invocation).head_object().bucket(bucket).key(key);
        answered(call.send()).await
    }
}

/// When the object has no current version any more.
fn end_of(current: &HeadObjectOutput) -> Option<Timestamp> {
    Expiration::read(current.expiration(), None).of(None)
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
        // S3 does not accept the session, or KMS throttles, or the object has a key of its owner's own:
        // without a body nobody knows. A request with `check` tells.
        AwsError::Refused { status: status @ 400, .. } | AwsError::Temporary { status, .. } => {
            upstream(&format_args!("it answered {status}"))
        }
        AwsError::Refused { status, .. } => unavailable(&format!("answered {status}.")),
        AwsError::NoResponse(reason) => upstream(reason),
    }
}
