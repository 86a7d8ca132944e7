//! Events about objects: S3's own notifications (`Records`), EventBridge's ("Object Created") and
//! the `s3:TestEvent` that S3 sends when a notification is set up. The same shapes come directly
//! and as the bodies of SQS messages.
//!
//! Keys are form-encoded in S3's notifications (`+` is a space) and not at all in EventBridge's.
//!
//! The types here name the few fields that are read; the tests hold our fixtures against the whole
//! shapes of `aws_lambda_events`, whose `url_decoded_key` nothing computes.
//!
//! Sources: Amazon S3 user guide, "Event message structure" and "EventBridge event message
//! structure".

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{UnknownEvent, named_fields, place};
use crate::mail::arrival::{Arrival, News};

/// The fields that tell these shapes apart.
#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow, rename = "Records")]
    records: Option<&'a RawValue>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    source: Option<String>,
    #[serde(rename = "Event")]
    event: Option<String>,
}

/// One record of a notification.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_source: Option<String>,
    event_name: Option<String>,
    s3: Option<Entity>,
}

#[derive(Deserialize)]
struct Entity {
    bucket: Bucket,
    object: NotifiedObject,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NotifiedObject {
    /// Form-encoded.
    key: String,
    size: Option<u64>,
    e_tag: Option<String>,
    version_id: Option<String>,
    sequencer: Option<String>,
}

/// EventBridge's `detail`.
#[derive(Deserialize)]
struct Detail {
    bucket: Bucket,
    object: BridgedObject,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct BridgedObject {
    /// Not encoded.
    key: String,
    size: Option<u64>,
    etag: Option<String>,
    version_id: Option<String>,
    sequencer: Option<String>,
}

#[derive(Deserialize)]
struct Bridged {
    detail: Detail,
}

/// What an event, or the body of a message, says about objects.
///
/// # Errors
///
/// [`UnknownEvent`] naming what was recognised in it.
pub(super) fn read(json: &str) -> Result<Vec<News>, UnknownEvent> {
    let shape: Shape<'_> = named_fields(json)?;
    match shape {
        Shape { records: Some(records), .. } => notified(records),
        Shape { detail_type: Some(kind), source: Some(source), .. } if source == "aws.s3" => {
            Ok(vec![bridged(&kind, json)?])
        }
        Shape { event: Some(event), .. } if event.starts_with("s3:") => {
            Ok(vec![News::Other(event)])
        }
        _ => Err(UnknownEvent::describe(json)),
    }
}

fn notified(records: &RawValue) -> Result<Vec<News>, UnknownEvent> {
    let records: Vec<Record> = serde_json::from_str(records.get()).map_err(|error| {
        UnknownEvent::of(format!("its Records can't be understood ({})", place(&error)))
    })?;
    if records.is_empty() {
        return Err(UnknownEvent::of("its Records are empty"));
    }
    records.into_iter().map(Record::news).collect()
}

impl Record {
    fn news(self) -> Result<News, UnknownEvent> {
        let source = self.event_source.unwrap_or_default();
        if source != "aws:s3" {
            return Err(UnknownEvent::of(format!("it has a record of {source:?}")));
        }
        let name = self.event_name.unwrap_or_default();
        if !name.trim_start_matches("s3:").starts_with("ObjectCreated:") {
            return Ok(News::Other(name));
        }
        let entity =
            self.s3.ok_or_else(|| UnknownEvent::of(format!("its {name} names no object")))?;
        let key = form_decoded(&entity.object.key)
            .ok_or_else(|| UnknownEvent::of(format!("the key in its {name} is not UTF-8")))?;
        Ok(News::Created(Arrival {
            bucket: entity.bucket.name,
            key,
            version_id: entity.object.version_id.filter(is_version),
            etag: entity.object.e_tag.filter(|etag| !etag.is_empty()),
            sequencer: entity.object.sequencer,
            size: entity.object.size,
        }))
    }
}

fn bridged(kind: &str, json: &str) -> Result<News, UnknownEvent> {
    if kind != "Object Created" {
        return Ok(News::Other(kind.to_owned()));
    }
    let Bridged { detail } = serde_json::from_str(json).map_err(|error| {
        let place = place(&error);
        UnknownEvent::of(format!("it is an {kind:?} whose detail can't be understood ({place})"))
    })?;
    Ok(News::Created(Arrival {
        bucket: detail.bucket.name,
        key: detail.object.key,
        version_id: detail.object.version_id.filter(is_version),
        etag: detail.object.etag.filter(|etag| !etag.is_empty()),
        sequencer: detail.object.sequencer,
        size: detail.object.size,
    }))
}

/// Objects that were created before their bucket was versioned have the version `"null"`, which
/// the next upload without versioning would take over: it names no content.
fn is_version(version_id: &String) -> bool {
    !version_id.is_empty() && version_id != "null"
}

/// A form-encoded key, decoded: `+` first, or an encoded plus sign would turn into a space.
fn form_decoded(key: &str) -> Option<String> {
    let spaced = key.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_sign_is_a_space_and_an_encoded_one_is_itself() {
        assert_eq!(form_decoded("a%2Bb+c.pdf").as_deref(), Some("a+b c.pdf"));
        assert_eq!(form_decoded("100%25+%C3%BC/a%2520b").as_deref(), Some("100% ü/a%20b"));
        assert_eq!(form_decoded("%FF"), None);
    }
}
