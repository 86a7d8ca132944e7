//! Notifications of an SNS topic: as SNS sends them to a function, and as it puts them into a queue. Each
//! holds an event about a bucket as a text. With raw delivery a queue gets that text alone.
//!
//! Only the text is read. Whoever may send to the queue or call the function could write any signature's
//! address beside it.
//!
//! Sources: AWS Lambda guide, "Invoking Lambda functions with Amazon SNS notifications"; SNS developer
//! guide, "Amazon SNS message and JSON formats".

use serde::Deserialize;

use super::{UnknownEvent, parse_unwrapped, position};
use crate::mail::BucketEvent;

/// An event as SNS sends it to a function.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "Sns")]
    notification: Notification,
}

/// A notification. Confirmations of subscriptions have other types.
#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "Message")]
    message: String,
}

/// Translates an event of SNS's: the events that its notifications hold, in their order.
///
/// # Errors
///
/// [`UnknownEvent`] when one of them is not understood. SNS sends one at a time.
pub(super) fn parse(json: &str) -> Result<Vec<BucketEvent>, UnknownEvent> {
    let event: Event = serde_json::from_str(json).map_err(|error| {
        let position = position(&error);
        UnknownEvent::new(format!("it is an event of SNS that can't be understood ({position})"))
    })?;
    let mut events = Vec::with_capacity(event.records.len());
    for record in event.records {
        events.extend(parse_unwrapped(&record.notification.message)?);
    }
    Ok(events)
}

/// The message of a notification in a queue. `None`: `json` is no notification.
pub(super) fn message(json: &str) -> Option<String> {
    let Notification { kind, message } = serde_json::from_str(json).ok()?;
    (kind == "Notification").then_some(message)
}
