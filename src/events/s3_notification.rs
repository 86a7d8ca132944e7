//! S3's own notifications, directly or in the body of a queue's message. `MinIO` sends the same ones.
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

/// Whose records these may be. `MinIO` writes its own name, and encodes keys as S3 does.
///
/// Sources: Amazon S3 user guide, "Event message structure"; `MinIO`, `cmd/event-notification.go`.
const SOURCES: [&str; 2] = ["aws:s3", "minio:s3"];

/// Translates a notification. `records` is its field `Records`.
pub(super) fn parse(json: &str, records: &RawValue) -> Result<Vec<BucketEvent>, UnknownEvent> {
    let sources: Vec<RecordFields> = serde_json::from_str(records.get()).unwrap_or_default();
    let mut sources =
        sources.iter().map(|record| record.event_source.as_deref().unwrap_or_default());
    if let Some(source) = sources.find(|source| !SOURCES.contains(source)) {
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
        etag: object.e_tag.and_then(|etag| unquoted(&etag)),
        sequencer: object.sequencer,
        size: object.size.and_then(|size| size.try_into().ok()),
        is_copy: name.ends_with(":Copy"),
    }))
}

/// An `ETag` without the quotes that some stores write. `None`: there is nothing in them.
pub(super) fn unquoted(etag: &str) -> Option<String> {
    let etag = etag.trim_matches('"');
    (!etag.is_empty()).then(|| etag.to_owned())
}

/// Whether a version id names content. [`UNVERSIONED`] names whatever was uploaded last without
/// versioning.
pub(super) fn is_version(version_id: &String) -> bool {
    !version_id.is_empty() && version_id != UNVERSIONED
}
