//! Batches of an SQS queue. Each message is an event about a bucket. The answer names the messages
//! that failed, so that only those come back (`ReportBatchItemFailures`).
//!
//! Only two fields of a message are read, and not by `aws_lambda_events`: its shape also keeps the
//! attributes, which take many times their length in memory.
//!
//! Source: AWS Lambda guide, "Handling errors for an SQS event source in Lambda".

use aws_lambda_events::sqs::SqsBatchResponse;
use serde::Deserialize;

use super::{UnknownEvent, parse_bucket_event, position};
use crate::mail::BucketEvent;

/// A batch as Lambda sends it.
#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Message>,
}

/// A message as Lambda sends it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: Option<String>,
    body: Option<String>,
}

/// A message of a batch.
pub(crate) struct QueueMessage {
    /// SQS's id of the message.
    pub(crate) id: String,
    /// What the message says, if it is an event that this function knows.
    pub(crate) events: Result<Vec<BucketEvent>, UnknownEvent>,
}

/// Translates the messages of a batch, in their order.
///
/// # Errors
///
/// [`UnknownEvent`] when the batch itself can't be read.
pub(super) fn parse(json: &str) -> Result<Vec<QueueMessage>, UnknownEvent> {
    let batch: Batch = serde_json::from_str(json).map_err(|error| {
        let position = position(&error);
        UnknownEvent::new(format!("it is an SQS batch that can't be understood ({position})"))
    })?;
    let messages = batch.records.into_iter().map(|message| {
        // Without its id a message could not be reported as failed.
        let id = message.message_id.ok_or_else(|| {
            UnknownEvent::new("it is an SQS batch with a message that has no messageId")
        })?;
        Ok(QueueMessage { id, events: parse_bucket_event(&message.body.unwrap_or_default()) })
    });
    messages.collect()
}

/// The answer to a batch of which the messages with these ids failed.
pub(crate) fn batch_response(failed: Vec<String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.set_failures(failed);
    response
}
