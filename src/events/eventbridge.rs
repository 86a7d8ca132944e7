//! S3's events as EventBridge delivers them, whole or the detail alone. Keys are not encoded here.
//!
//! `aws_lambda_events` has the event but not S3's `detail`, so its fields are named here.
//!
//! Source: Amazon S3 user guide, "EventBridge event message structure".

use aws_lambda_events::eventbridge::EventBridgeEvent;
use serde::{Deserialize, Serialize};

use super::other_senders::CLOUDTRAIL;
use super::s3_notification::{is_version, unquoted};
use super::{UnknownEvent, position};
use crate::mail::{BucketEvent, ObjectCreated};

/// The `detail` of "Object Created".
#[derive(Deserialize, Serialize)]
struct Detail {
    bucket: Bucket,
    object: Object,
    reason: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Object {
    key: String,
    size: Option<u64>,
    etag: Option<String>,
    version_id: Option<String>,
    sequencer: Option<String>,
}

/// The calls that create an object, as `reason` names them. Source: as above.
const CREATIONS: [&str; 4] = ["PutObject", "POST Object", "CopyObject", "CompleteMultipartUpload"];

/// Translates an event of the source `aws.s3`.
///
/// # Errors
///
/// [`UnknownEvent`] when the detail can't be understood, and for what is no event of S3's: CloudTrail
/// tells about calls under S3's name.
pub(super) fn parse(detail_type: &str, json: &str) -> Result<BucketEvent, UnknownEvent> {
    if detail_type == "AWS API Call via CloudTrail" {
        return Err(UnknownEvent::new(CLOUDTRAIL));
    }
    if !detail_type.starts_with("Object ") {
        return Err(UnknownEvent::describe(json));
    }
    if detail_type != "Object Created" {
        return Ok(BucketEvent::Other(detail_type.to_owned()));
    }
    let event: EventBridgeEvent<Detail> = serde_json::from_str(json).map_err(|error| {
        UnknownEvent::new(format!(
            "it is an {detail_type:?} whose detail can't be understood ({})",
            position(&error)
        ))
    })?;
    Ok(event.detail.created())
}

/// Translates a detail that came without its event. Its `reason` says whether the object was created.
///
/// # Errors
///
/// [`UnknownEvent`] when it can't be understood, or has no reason.
pub(super) fn parse_detail(json: &str) -> Result<BucketEvent, UnknownEvent> {
    let detail: Detail = serde_json::from_str(json).map_err(|_| UnknownEvent::describe(json))?;
    match detail.reason.as_deref() {
        Some(reason) if CREATIONS.contains(&reason) => Ok(detail.created()),
        Some(reason) => Ok(BucketEvent::Other(reason.to_owned())),
        None => Err(UnknownEvent::new(
            "it has a bucket and an object, and no reason that says whether the object was created: \
             let the rule match \"Object Created\" alone, and pass the whole event on",
        )),
    }
}

impl Detail {
    fn created(self) -> BucketEvent {
        let Self { bucket, object, reason } = self;
        BucketEvent::Created(ObjectCreated {
            bucket: bucket.name,
            key: object.key,
            version_id: object.version_id.filter(is_version),
            etag: object.etag.and_then(|etag| unquoted(&etag)),
            sequencer: object.sequencer,
            size: object.size,
            is_copy: reason.as_deref() == Some("CopyObject"),
        })
    }
}
