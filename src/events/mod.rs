//! AWS's events, in and out: each is translated into the plain types of `api` and `mail`, and
//! answers are translated back. AWS's shapes are known here and nowhere else.
//!
//! - [`http`]: requests that API Gateway and function URLs pack,
//! - [`authorizer`]: whom the gateway vouches for, and with which claims,
//! - [`s3_notification`]: S3's own notifications,
//! - [`eventbridge`]: S3's events as EventBridge delivers them,
//! - [`sns`]: notifications of a topic that hold either of them,
//! - [`sqs`]: batches of messages that hold any of these,
//! - [`other_senders`]: who else may have sent an event, and what to do instead,
//! - [`doctor`]: an operator's question to the doctor,
//! - [`shares`]: what an operator wants of shares,
//! - [`bounds`]: how large an event may be that is parsed as a whole.
//!
//! The shapes are those of `aws_lambda_events`. A module that reads a field in another way says
//! why.

mod authorizer;
mod bounds;
mod doctor;
mod eventbridge;
mod http;
mod other_senders;
mod s3_notification;
mod shares;
mod sns;
mod sqs;

use aws_lambda_events::sqs::SqsBatchResponse;
use link_rules::access::Principal;
use link_rules::json::FirstOf;
use link_rules::json::WithoutRepeatedNames;
use link_rules::text;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use self::bounds::Outline;
pub use self::doctor::MalformedQuestion;
pub(crate) use self::http::{HttpEvent, HttpResponse};
pub use self::shares::MalformedOperation;
pub(crate) use self::sqs::{QueueMessage, batch_response};
use crate::api::Problem;
use crate::doctor::{Diagnosis, Question};
use crate::invocation::Caller;
use crate::mail::BucketEvent;
use crate::shares::{OperatorRequest, Report};

/// An event, translated.
pub(crate) enum Event {
    /// An HTTP request.
    Http(Box<HttpEvent>),
    /// Events about a bucket that came without a queue.
    Bucket(Vec<BucketEvent>),
    /// A batch of a queue.
    Queue(Vec<QueueMessage>),
    /// A question to the doctor.
    Doctor(Result<Question, MalformedQuestion>),
    /// What an operator wants of shares.
    Shares(Result<OperatorRequest, MalformedOperation>),
}

/// What the function answers, in the shape that the event's sender wants.
#[derive(Serialize)]
#[serde(untagged)]
pub enum EventResponse {
    /// The answer to an HTTP request.
    Http(HttpResponse),
    /// The answer to a batch of a queue: the messages that failed.
    Queue(SqsBatchResponse),
    /// The doctor's answer.
    Doctor(Box<Diagnosis>),
    /// The answer to an operator's wish about shares.
    Shares(Box<Report>),
    /// The answer to an event whose sender wants none: `null`.
    Nothing(()),
}

/// An event that this function does not know.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "this event is none of an HTTP API (payload 2.0), a REST API (payload 1.0), a function URL, an \
     S3 notification, EventBridge's \"Object Created\", either of these through SNS or SQS, \
     {{\"doctor\": {{\"key\": …}}}}, or {{\"shares\": {{\"list\": …}}}}: {0}"
)]
pub struct UnknownEvent(String);

/// The fields that tell the events apart.
#[derive(Deserialize)]
struct EventFields<'a> {
    #[serde(borrow, rename = "requestContext")]
    request_context: Option<&'a RawValue>,
    #[serde(borrow, rename = "httpMethod")]
    http_method: Option<&'a RawValue>,
    #[serde(borrow, rename = "Records")]
    records: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow)]
    doctor: Option<&'a RawValue>,
    #[serde(borrow)]
    shares: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    raw_path: Option<&'a RawValue>,
}

/// The field that tells the records of a queue and of a topic from S3's own. SNS writes it with a capital.
#[derive(Deserialize)]
struct RecordFields {
    #[serde(rename = "eventSource", alias = "EventSource")]
    event_source: Option<String>,
}

impl Event {
    /// Who calls. Nobody calls with an event that is no HTTP request.
    pub(crate) fn caller(&self) -> Caller {
        match self {
            Self::Http(event) => event.caller.clone(),
            Self::Bucket(_) | Self::Queue(_) => {
                Caller { principal: Principal::S3Event, ..Caller::default() }
            }
            Self::Doctor(_) | Self::Shares(_) => Caller::default(),
        }
    }

    /// Translates an event. `base_path` is what stands before the routes in an HTTP request's path.
    ///
    /// # Errors
    ///
    /// [`UnknownEvent`]. An HTTP request that can't be read is no error here: its caller gets an
    /// answer.
    pub(crate) fn parse(event: &RawValue, base_path: Option<&str>) -> Result<Self, UnknownEvent> {
        let event = event.get();
        let fields: EventFields<'_> = parse_object(event)?;
        if let Some(refusal) = other_senders::of_request(&fields) {
            Ok(Self::Http(Box::new(HttpEvent::refused(Problem::invalid_request(refusal)))))
        } else if fields.request_context.is_some() {
            Ok(Self::Http(Box::new(match bounds::check_http(event, &fields) {
                Ok(()) => HttpEvent::parse(event, &fields, base_path),
                Err(problem) => HttpEvent::refused(problem),
            })))
        } else if let Some(messages) = fields.records.filter(|records| are_of("aws:sqs", records)) {
            bounds::check_queue_messages(messages)?;
            Ok(Self::Queue(sqs::parse(event)?))
        } else if let Some(records) = fields.records.filter(|records| are_of("aws:sns", records)) {
            bounds::check_bucket_event(event)?;
            bounds::check_bucket_records(records)?;
            Ok(Self::Bucket(sns::parse(event)?))
        } else if fields.doctor.is_some() && fields.records.is_none() {
            Ok(Self::Doctor(doctor::parse(event)))
        } else if fields.shares.is_some() && fields.records.is_none() {
            Ok(Self::Shares(shares::parse(event)))
        } else {
            Ok(Self::Bucket(parse_bucket_event(event)?))
        }
    }
}

/// Whether these records are of the service `source`. The first of them says so.
fn are_of(source: &str, records: &RawValue) -> bool {
    serde_json::from_str::<FirstOf<RecordFields, 1>>(records.get())
        .ok()
        .and_then(|records| records.first.into_iter().next()?.event_source)
        .is_some_and(|first| first == source)
}

/// The fields that tell the events about a bucket apart.
#[derive(Deserialize)]
struct BucketEventFields<'a> {
    #[serde(borrow, rename = "Records")]
    records: Option<&'a RawValue>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    source: Option<String>,
    #[serde(rename = "Event")]
    event: Option<String>,
    #[serde(borrow)]
    bucket: Option<&'a RawValue>,
    #[serde(borrow)]
    object: Option<&'a RawValue>,
}

/// Translates an event about a bucket: a whole event, or the body of a queue's message. A body may be a
/// topic's notification, which holds the event.
///
/// # Errors
///
/// [`UnknownEvent`], which says what was recognised.
fn parse_bucket_event(json: &str) -> Result<Vec<BucketEvent>, UnknownEvent> {
    match sns::message(json) {
        Some(message) => parse_unwrapped(&message),
        None => parse_unwrapped(json),
    }
}

/// Translates an event about a bucket as S3 or EventBridge wrote it.
fn parse_unwrapped(json: &str) -> Result<Vec<BucketEvent>, UnknownEvent> {
    let fields: BucketEventFields<'_> = parse_object(json)?;
    match fields {
        BucketEventFields { records: Some(records), .. } => {
            bounds::check_bucket_event(json)?;
            bounds::check_bucket_records(records)?;
            s3_notification::parse(json, records)
        }
        BucketEventFields { detail_type: Some(detail_type), source: Some(source), .. }
            if source == "aws.s3" =>
        {
            bounds::check_bucket_event(json)?;
            Ok(vec![eventbridge::parse(&detail_type, json)?])
        }
        // A rule with the `InputPath` `$.detail` passes on nothing else.
        BucketEventFields { bucket: Some(_), object: Some(_), .. } => {
            bounds::check_bucket_event(json)?;
            Ok(vec![eventbridge::parse_detail(json)?])
        }
        // S3 sends `s3:TestEvent` when a notification is set up.
        BucketEventFields { event: Some(event), .. } if event.starts_with("s3:") => {
            Ok(vec![BucketEvent::Other(event)])
        }
        _ => Err(UnknownEvent::describe(json)),
    }
}

impl UnknownEvent {
    fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// Says what can be recognised in `json`.
    fn describe(json: &str) -> Self {
        if !json.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(json).is_ok() {
            let hint =
                if json.trim_start().starts_with('"') { other_senders::TRANSFORMER } else { "" };
            return Self::new(format!("it is JSON, but no object{hint}"));
        }
        match serde_json::from_str::<Outline>(json) {
            Ok(outline) => Self::new(outline.describe() + other_senders::hint(json)),
            Err(error) => Self::new(format!("it is no JSON object ({})", position(&error))),
        }
    }
}

/// Parses a JSON object. serde would also accept an array that holds the fields' values without
/// their names.
fn parse_object<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, UnknownEvent> {
    let object = json.trim_start().starts_with('{').then(|| serde_json::from_str(json).ok());
    object.flatten().ok_or_else(|| UnknownEvent::describe(json))
}

/// Where JSON can't be parsed. What stands there may be anything, so it is not repeated.
fn position(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}

/// Checks that an operator's event has no name twice: of two values one would be passed over without a
/// word.
///
/// # Errors
///
/// Which name stands twice, or that the event is no JSON.
fn check_names(event: &str) -> Result<(), String> {
    match serde_json::from_str::<WithoutRepeatedNames>(event) {
        Ok(_) => Ok(()),
        Err(error) if error.is_data() => {
            let problem = error.to_string();
            let problem = problem.split(" at line").next().unwrap_or_default();
            Err(format!("the field {}", text::shortened(problem, 80)))
        }
        Err(_) => Err("the event is no JSON object".to_owned()),
    }
}

/// A text from outside in quotes, at most 40 characters of it, on one line.
fn quoted(text: &str) -> String {
    format!("{:?}", text::shortened(text, 40))
}
