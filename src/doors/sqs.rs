//! Batches from an SQS queue: each message is an event about objects, and the answer names those
//! that failed, so that only they come back (`ReportBatchItemFailures`).
//!
//! Source: AWS Lambda guide, "Handling errors for an SQS event source in Lambda".

use serde::{Deserialize, Serialize};

use super::{UnknownEvent, objects, place};
use crate::mail::arrival::News;

#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Message>,
}

/// The fields read of a message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    body: String,
}

/// A message and what it says.
pub(super) struct Item {
    /// SQS's id of the message.
    pub(super) id: String,
    /// What it says, if it can be understood.
    pub(super) news: Result<Vec<News>, UnknownEvent>,
}

/// The answer to a batch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

/// The messages of a batch, in order.
///
/// # Errors
///
/// [`UnknownEvent`] when the batch itself can't be understood.
pub(super) fn read(json: &str) -> Result<Vec<Item>, UnknownEvent> {
    let batch: Batch = serde_json::from_str(json).map_err(|error| {
        UnknownEvent::of(format!("it is an SQS batch that can't be understood ({})", place(&error)))
    })?;
    let items = batch
        .records
        .into_iter()
        .map(|message| Item { news: objects::read(&message.body), id: message.message_id });
    Ok(items.collect())
}

/// The answer that has the messages with these ids delivered again.
pub(super) fn answer(failed: Vec<String>) -> BatchAnswer {
    let failures = failed.into_iter().map(|item_identifier| Failure { item_identifier });
    BatchAnswer { batch_item_failures: failures.collect() }
}
