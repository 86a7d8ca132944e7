//! The doors: every shape of event that can reach the function, each translated into the plain
//! types inside and back. AWS's shapes are known here and nowhere else.

pub mod http;
mod objects;
pub mod sqs;

use jiff::Timestamp;
use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::links::Links;
use crate::mail::Mailer;
use crate::mail::arrival::News;
use crate::telemetry::{Invocation, PrintMetrics};

/// How many fields of an unknown event are named.
const NAMED_FIELDS: usize = 8;

/// Everything the doors need.
#[derive(Debug)]
pub struct Function {
    /// Makes the links.
    pub links: Links,
    /// Mails links, if `MAIL_FROM` is set.
    pub mailer: Option<Mailer>,
    /// `BASE_PATH`: what stands before the routes, if anything.
    pub base_path: Option<String>,
    /// `AWS_LAMBDA_FUNCTION_NAME`, the dimension of the metrics.
    pub name: String,
    /// Where the metrics go.
    pub print_metrics: PrintMetrics,
}

/// What the function answers, as the event's sender expects it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To an HTTP request.
    Http(http::HttpAnswer),
    /// To a batch of an SQS queue: what failed.
    Batch(sqs::BatchAnswer),
    /// To an event that nobody waits for an answer to: `null`.
    Done(()),
}

/// The invocation fails, so that its sender's retries and dead-letter queue do their work.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EventError {
    /// No door knows it.
    #[error(transparent)]
    Unknown(#[from] UnknownEvent),
    /// It is about objects, and this function mails nothing.
    #[error(
        "this is an event about S3 objects, and this function mails nothing: set MAIL_FROM to the \
         sender's address, or send such events elsewhere"
    )]
    MailingIsOff,
    /// A mail that should have gone out did not.
    #[error("{failed} of {of} events about S3 objects failed, the first because {reason}")]
    NotMailed {
        /// How many events.
        failed: usize,
        /// Of how many.
        of: usize,
        /// Why the first of them failed.
        reason: String,
    },
}

/// An event no door knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "this event is none of an HTTP API (payload 2.0), a REST API (payload 1.0), a function URL, an \
     S3 notification, an SQS batch of those, or EventBridge's \"Object Created\": {0}"
)]
pub struct UnknownEvent(String);

/// What Lambda reports to the event's sender.
impl From<EventError> for Diagnostic {
    fn from(error: EventError) -> Self {
        let error_type = match error {
            EventError::Unknown(_) => "UnknownEvent",
            EventError::MailingIsOff => "MailingIsOff",
            EventError::NotMailed { .. } => "NotMailed",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

impl UnknownEvent {
    fn of(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// Names what can be recognised: the fields, and none of their values but those that say
    /// which kind of event it means to be.
    fn describe(json: &str) -> Self {
        let event = match serde_json::from_str(json) {
            Ok(serde_json::Value::Object(event)) => event,
            Ok(_) => return Self::of("it is JSON, but no object"),
            Err(error) => return Self::of(format!("it is no JSON object ({})", place(&error))),
        };
        let mut names: Vec<String> =
            event.keys().take(NAMED_FIELDS).map(|name| cut(name)).collect();
        if event.len() > names.len() {
            names.push(format!("{} more", event.len() - names.len()));
        }
        let kinds = ["source", "detail-type", "Event", "Type"].into_iter().filter_map(|name| {
            let value = event.get(name)?.as_str()?;
            Some(format!(", {name} being {}", cut(value)))
        });
        let kinds: String = kinds.collect();
        match names.as_slice() {
            [] => Self::of("it has no fields"),
            names => Self::of(format!("it has the fields {}{kinds}", names.join(", "))),
        }
    }
}

/// The fields of an event. Left to itself, serde would also take their values in an array, without
/// names.
fn named_fields<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, UnknownEvent> {
    let object = json.trim_start().starts_with('{').then(|| serde_json::from_str(json).ok());
    object.flatten().ok_or_else(|| UnknownEvent::describe(json))
}

/// Where JSON can't be understood. What stands there may be anything, so it is not repeated.
fn place(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}

/// A name from outside, short and on one line.
fn cut(name: &str) -> String {
    format!("{:?}", name.chars().take(40).collect::<String>())
}

/// The fields that tell the shapes apart.
#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow, rename = "requestContext")]
    request_context: Option<&'a RawValue>,
    #[serde(borrow, rename = "Records")]
    records: Option<&'a RawValue>,
}

/// The field that tells a queue's records from S3's own.
#[derive(Deserialize)]
struct RecordShape {
    #[serde(rename = "eventSource")]
    event_source: Option<String>,
}

impl Function {
    /// Answers one event. What it has not begun in time for `deadline` it leaves to a retry.
    ///
    /// # Errors
    ///
    /// [`EventError`] for shapes no door knows, and for events about objects whose mails did not
    /// all go out. Everything that is an HTTP request gets an answer with a status.
    pub async fn handle(
        &self,
        event: &RawValue,
        request_id: &str,
        deadline: Timestamp,
    ) -> Result<Answer, EventError> {
        let shape: Shape<'_> = named_fields(event.get())?;
        let mut invocation = Invocation::new(request_id, &self.name);
        let answer = if shape.request_context.is_some() {
            Ok(Answer::Http(http::answer(self, event, &mut invocation).await))
        } else if shape.records.is_some_and(is_queue) {
            self.batch(event, &mut invocation, deadline).await
        } else {
            self.objects(event, &mut invocation, deadline).await
        };
        if let Some(line) = invocation.metrics((self.links.clock)()) {
            (self.print_metrics)(&line);
        }
        answer
    }

    /// Answers an event about objects that came without a queue.
    async fn objects(
        &self,
        event: &RawValue,
        invocation: &mut Invocation<'_>,
        deadline: Timestamp,
    ) -> Result<Answer, EventError> {
        let news = objects::read(event.get())?;
        let mailer = self.mailer.as_ref().ok_or(EventError::MailingIsOff)?;
        let of = news.len();
        let mut failures = Vec::new();
        for news in news {
            if let Err(error) = self.mail(mailer, news, invocation, deadline).await {
                failures.push(error);
            }
        }
        match failures.first() {
            None => Ok(Answer::Done(())),
            Some(reason) => {
                Err(EventError::NotMailed { failed: failures.len(), of, reason: reason.clone() })
            }
        }
    }

    /// Answers a batch of a queue: a message that fails spoils no other.
    async fn batch(
        &self,
        event: &RawValue,
        invocation: &mut Invocation<'_>,
        deadline: Timestamp,
    ) -> Result<Answer, EventError> {
        let items = sqs::read(event.get())?;
        let mailer = self.mailer.as_ref().ok_or(EventError::MailingIsOff)?;
        let mut failed = Vec::new();
        for item in items {
            let news = match item.news {
                Ok(news) => news,
                Err(unknown) => {
                    invocation.message_not_understood(&item.id, &unknown);
                    failed.push(item.id);
                    continue;
                }
            };
            let mut all_done = true;
            for news in news {
                all_done &= self.mail(mailer, news, invocation, deadline).await.is_ok();
            }
            if !all_done {
                failed.push(item.id);
            }
        }
        Ok(Answer::Batch(sqs::answer(failed)))
    }

    async fn mail(
        &self,
        mailer: &Mailer,
        news: News,
        invocation: &mut Invocation<'_>,
        deadline: Timestamp,
    ) -> Result<(), String> {
        match news {
            News::Created(arrival) => mailer
                .deliver(&self.links, &arrival, invocation, deadline)
                .await
                .map_err(|error| error.to_string()),
            News::Other(what) => {
                invocation.event_of_no_concern(&what);
                Ok(())
            }
        }
    }
}

/// Whether these records are a queue's messages.
fn is_queue(records: &RawValue) -> bool {
    serde_json::from_str::<Vec<RecordShape>>(records.get())
        .ok()
        .and_then(|records| records.into_iter().next()?.event_source)
        .is_some_and(|source| source == "aws:sqs")
}
