//! S3's own notifications, directly or in the body of a queue's message.
//!
//! Keys are form-encoded in notifications: `+` is a space. `aws_lambda_events` has a field
//! `url_decoded_key` that nothing fills, so the key is decoded here.
//!
//! Source: Amazon S3 user guide, "Event message structure".

use aws_lambda_events::s3::{S3Event, S3EventRecord};
use link_rules::form;
use link_rules::object::UNVERSIONED;
use serde_json::value::RawValue;

use super::{RecordFields, UnknownEvent, position, quoted};
use crate::mail::{BucketEvent, ObjectCreated};

/// Translates a notification. `records` is its field `Records`.
pub(super) fn parse(json: &str, records: &RawValue) -> Result<Vec<BucketEvent>, UnknownEvent> {
    let sources: Vec<RecordFields> = serde_json::from_str(records.get()).unwrap_or_default();
    let mut sources =
        sources.iter().map(|record| record.event_source.as_deref().unwrap_or_default());
    if let Some(source) = sources.find(|source| *source != "aws:s3") {
        return Err(UnknownEvent::new(format!("it has a record of {}", quoted(source))));
    }
    let event: S3Event = serde_json::from_str(json).map_err(|error| {
        UnknownEvent::new(format!("its Records can't be understood ({})", position(&error)))
    })?;
    if event.records.is_empty() {
        return Err(UnknownEvent::new("its Records are empty"));
    }
    event.records.into_iter().map(bucket_event).collect()
}

fn bucket_event(record: S3EventRecord) -> Result<BucketEvent, UnknownEvent> {
    let name = record.event_name.unwrap_or_default();
    if !name.trim_start_matches("s3:").starts_with("ObjectCreated:") {
        return Ok(BucketEvent::Other(name));
    }
    let (bucket, object) = (record.s3.bucket.name, record.s3.object);
    let (Some(bucket), Some(key)) = (bucket, object.key) else {
        return Err(UnknownEvent::new(format!("its {name} names no object")));
    };
    let key = form::decode(&key)
        .map_err(|_| UnknownEvent::new(format!("the key in its {name} is not UTF-8")))?;
    Ok(BucketEvent::Created(ObjectCreated {
        bucket,
        key,
        version_id: object.version_id.filter(is_version),
        etag: object.e_tag.filter(|etag| !etag.is_empty()),
        sequencer: object.sequencer,
        size: object.size.and_then(|size| size.try_into().ok()),
    }))
}

/// Whether a version id names content. [`UNVERSIONED`] names whatever was uploaded last without
/// versioning.
pub(super) fn is_version(version_id: &String) -> bool {
    !version_id.is_empty() && version_id != UNVERSIONED
}
