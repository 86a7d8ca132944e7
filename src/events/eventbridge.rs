//! S3's events as EventBridge delivers them. Keys are not encoded here.
//!
//! `aws_lambda_events` has the event but not S3's `detail`, so its fields are named here.
//!
//! Source: Amazon S3 user guide, "EventBridge event message structure".

use aws_lambda_events::eventbridge::EventBridgeEvent;
use serde::{Deserialize, Serialize};

use super::s3_notification::is_version;
use super::{UnknownEvent, position};
use crate::mail::{BucketEvent, ObjectCreated};

/// The `detail` of "Object Created".
#[derive(Deserialize, Serialize)]
struct Detail {
    bucket: Bucket,
    object: Object,
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

/// Translates an event of the source `aws.s3`.
pub(super) fn parse(detail_type: &str, json: &str) -> Result<BucketEvent, UnknownEvent> {
    if detail_type != "Object Created" {
        return Ok(BucketEvent::Other(detail_type.to_owned()));
    }
    let event: EventBridgeEvent<Detail> = serde_json::from_str(json).map_err(|error| {
        UnknownEvent::new(format!(
            "it is an {detail_type:?} whose detail can't be understood ({})",
            position(&error)
        ))
    })?;
    let Detail { bucket, object } = event.detail;
    Ok(BucketEvent::Created(ObjectCreated {
        bucket: bucket.name,
        key: object.key,
        version_id: object.version_id.filter(is_version),
        etag: object.etag.filter(|etag| !etag.is_empty()),
        sequencer: object.sequencer,
        size: object.size,
    }))
}
