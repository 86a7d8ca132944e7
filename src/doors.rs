//! The doors: every shape of event that can reach the function, each translated into the plain
//! types inside and back. AWS's shapes are known here and nowhere else.

pub mod http;

use std::fmt;

use lambda_runtime::Diagnostic;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::links::Links;
use crate::telemetry::{Invocation, PrintMetrics};

/// Everything the doors need.
#[derive(Debug)]
pub struct Function {
    /// Makes the links.
    pub links: Links,
    /// `BASE_PATH`: what stands before the routes, if anything.
    pub base_path: Option<String>,
    /// `AWS_LAMBDA_FUNCTION_NAME`, the dimension of the metrics.
    pub name: String,
    /// Where the metrics go.
    pub print_metrics: PrintMetrics,
}

/// An event no door knows. The invocation fails, so that its sender's retries and dead-letter
/// queue do their work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEvent(String);

impl fmt::Display for UnknownEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "this event is none of an HTTP API (payload 2.0), a REST API (payload 1.0) or a function \
             URL: {}",
            self.0
        )
    }
}

impl std::error::Error for UnknownEvent {}

/// What Lambda reports to the event's sender.
impl From<UnknownEvent> for Diagnostic {
    fn from(error: UnknownEvent) -> Self {
        Self { error_type: "UnknownEvent".to_owned(), error_message: error.to_string() }
    }
}

/// The one field that tells the two kinds of HTTP events from everything else.
#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow, rename = "requestContext")]
    request_context: Option<&'a RawValue>,
}

impl Function {
    /// Answers one event.
    ///
    /// # Errors
    ///
    /// [`UnknownEvent`] for shapes no door knows. Everything that is an HTTP request gets an
    /// answer with a status.
    pub async fn handle(
        &self,
        event: &RawValue,
        request_id: &str,
    ) -> Result<http::HttpAnswer, UnknownEvent> {
        // Left to itself, serde would also take the fields' values in an array, without names.
        if !event.get().starts_with('{') {
            return Err(UnknownEvent("it is no JSON object".to_owned()));
        }
        match serde_json::from_str::<Shape<'_>>(event.get()) {
            Ok(Shape { request_context: Some(_) }) => {}
            Ok(_) => return Err(UnknownEvent("it has no requestContext".to_owned())),
            Err(error) => return Err(UnknownEvent(format!("it is no JSON object ({error})"))),
        }
        let mut invocation = Invocation::new(request_id, &self.name);
        let answer = http::answer(self, event, &mut invocation).await;
        if let Some(line) = invocation.metrics((self.links.clock)()) {
            (self.print_metrics)(&line);
        }
        Ok(answer)
    }
}
