//! Log lines and metrics for CloudWatch.
//!
//! This room starts the logging and counts what one invocation did. It imports `clock` only: each
//! room writes its own log lines with `tracing`'s macros and passes on [`Invocation::request_id`].
//!
//! No line ever holds a URL, a signature or a token, and of a mail address only the domain.

mod logging;
mod metrics;
mod no_spans;
mod output;

use std::io::Write;

use jiff::{SignedDuration, Timestamp};

pub use self::logging::start_logging;
pub(crate) use self::metrics::Counter;
use self::metrics::{Counters, Metrics, level_that_passes};
pub(crate) use self::output::write_together;
use crate::clock::InvocationTime;

/// One invocation: its request id, its time, and what it did.
#[derive(Debug)]
pub(crate) struct Invocation<'a> {
    request_id: &'a str,
    function_name: &'a str,
    time: InvocationTime,
    metrics_level: &'static str,
    counters: Counters,
    first_session_end: Option<Timestamp>,
}

impl<'a> Invocation<'a> {
    /// Starts counting.
    pub(crate) fn new(request_id: &'a str, function_name: &'a str, time: InvocationTime) -> Self {
        Self {
            request_id,
            function_name,
            time,
            metrics_level: level_that_passes(None),
            counters: Counters::default(),
            first_session_end: None,
        }
    }

    /// The same invocation, whose metrics pass the log's level `log_level`
    /// (`AWS_LAMBDA_LOG_LEVEL`).
    pub(crate) fn logging_at(self, log_level: Option<&str>) -> Self {
        Self { metrics_level: level_that_passes(log_level), ..self }
    }

    /// When the invocation began, and what time it is now. What asks AWS takes this, so that one
    /// invocation does not repeat a call that failed.
    pub(crate) fn time(&self) -> InvocationTime {
        self.time
    }

    /// The request id that Lambda gave this invocation. Every log line names it.
    pub(crate) fn request_id(&self) -> &'a str {
        self.request_id
    }

    /// Adds 1 to `counter`.
    pub(crate) fn count(&mut self, counter: Counter) {
        self.count_many(counter, 1);
    }

    /// Adds `times` to `counter`.
    pub(crate) fn count_many(&mut self, counter: Counter, times: u64) {
        self.counters.add(counter, times);
    }

    /// Takes note of a session that signed a link. The metric `SessionRemainingSeconds` is about
    /// the session that ends first.
    pub(crate) fn session_ends_at(&mut self, end: Timestamp) {
        self.first_session_end = Some(self.first_session_end.map_or(end, |first| first.min(end)));
    }

    /// Ends the invocation. Returns its metrics as a line of JSON, or `None` if there are none.
    pub(crate) fn metrics(self, now: Timestamp) -> Option<String> {
        let session_remaining_seconds = self.first_session_end.map(|end| {
            let remaining: SignedDuration = end.duration_since(now);
            u64::try_from(remaining.as_secs()).unwrap_or_default()
        });
        let metrics = Metrics {
            at: now,
            level: self.metrics_level,
            function_name: self.function_name,
            request_id: self.request_id,
            values: self.counters.metrics(session_remaining_seconds)?,
        };
        serde_json::to_string(&metrics).ok()
    }
}

/// A function that takes a line of metrics. Tests read the line; `main` prints it.
pub(crate) type PrintMetrics = fn(&str);

/// Prints a line of metrics to standard output, where Lambda collects it.
pub fn print_metrics(line: &str) {
    // When standard output is closed, the error could not be reported anywhere either.
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn now() -> Timestamp {
        "2026-11-23T13:00:00Z".parse().unwrap()
    }

    fn invocation(function_name: &str) -> Invocation<'_> {
        Invocation::new("request-1", function_name, InvocationTime::begin(now))
    }

    fn metrics(invocation: Invocation<'_>) -> Option<Value> {
        invocation.metrics(now()).map(|line| serde_json::from_str(&line).unwrap())
    }

    #[test]
    fn an_invocation_that_did_nothing_has_no_metrics() {
        assert_eq!(metrics(invocation("signer")), None);
    }

    #[test]
    fn links_are_counted_beside_the_session_that_ends_first() {
        let mut invocation = invocation("signer");
        invocation.count(Counter::LinksSigned);
        invocation.count(Counter::LinksSigned);
        invocation.session_ends_at(now() + SignedDuration::from_mins(2));
        invocation.session_ends_at(now() + SignedDuration::from_mins(1));
        let line = metrics(invocation).unwrap();
        assert_eq!(line["LinksSigned"], 2);
        assert_eq!(line["LinksRefused"], 0);
        assert_eq!(line["SessionRemainingSeconds"], 60);
        assert_eq!(line["RequestId"], "request-1");
        assert_eq!(line.get("MailsSent"), None);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([["FunctionName"]]));
        assert_eq!(
            directive["Metrics"][5],
            json!({"Name": "SessionRemainingSeconds", "Unit": "Seconds"})
        );
    }

    #[test]
    fn metrics_pass_every_level_of_the_log() {
        for (level, expected) in [
            (None, "INFO"),
            (Some("TRACE"), "INFO"),
            (Some("DEBUG"), "INFO"),
            (Some("INFO"), "INFO"),
            (Some("warn"), "WARN"),
            (Some("ERROR"), "ERROR"),
            (Some("FATAL"), "FATAL"),
        ] {
            let mut invocation = invocation("signer").logging_at(level);
            invocation.count(Counter::LinksSigned);
            let line = metrics(invocation).unwrap();
            assert_eq!(line["level"], expected);
            // Without a time in RFC 3339 Lambda does not believe the level.
            assert_eq!(line["timestamp"], "2026-11-23T13:00:00Z");
        }
    }

    #[test]
    fn a_wrong_grants_object_is_counted_where_it_was_met() {
        let mut invocation = invocation("signer");
        invocation.count(Counter::GrantsObjectInvalid);
        let line = metrics(invocation).unwrap();
        assert_eq!(line["GrantsObjectInvalid"], 1);
        assert_eq!(
            line["_aws"]["CloudWatchMetrics"][0]["Metrics"][5],
            json!({"Name": "GrantsObjectInvalid", "Unit": "Count"})
        );
    }

    #[test]
    fn the_counters_of_mailing_appear_once_something_was_mailed() {
        let mut invocation = invocation("mailer");
        invocation.count(Counter::RecipientsRefused);
        let line = metrics(invocation).unwrap();
        assert_eq!(line["RecipientsRefused"], 1);
        assert_eq!(line["MailsSent"], 0);
    }
}
