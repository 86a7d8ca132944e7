//! What is told to CloudWatch: one log line per link, per mail and per refusal, one line of metrics
//! per invocation. Never a URL, a signature or a token, and of a mail address only the domain.
//!
//! Levels and format follow Lambda's own logging settings. Only this crate and the runtime's
//! errors are logged: at their finest levels the SDK and hyper would print requests with their
//! signatures. The release build does not even hold such lines (see `tracing` in Cargo.toml), so
//! `TRACE` and `DEBUG` say there what `INFO` says.

mod lines;
mod metrics;

use std::io::Write;

use jiff::Timestamp;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, fmt};

pub use self::lines::{Gathering, gather};
use self::metrics::{Metric, Metrics};
use crate::doors::UnknownEvent;
use crate::link::Link;
use crate::mail::DeliveryError;
use crate::mail::arrival::Arrival;
use crate::mail::recipients::{Address, RecipientRefused};
use crate::principal::Principal;
use crate::problem::Problem;
use crate::window::LimitedBy;

/// Logs to standard output as `AWS_LAMBDA_LOG_FORMAT` and `AWS_LAMBDA_LOG_LEVEL` say: `Text` or
/// (the default) `JSON`, at a level from `TRACE` to `FATAL` (the default is `INFO`).
pub fn start_logging(format: Option<&str>, level: Option<&str>) {
    let level = match level.unwrap_or_default().to_ascii_uppercase().as_str() {
        "TRACE" => LevelFilter::TRACE,
        "DEBUG" => LevelFilter::DEBUG,
        "WARN" => LevelFilter::WARN,
        "ERROR" | "FATAL" => LevelFilter::ERROR,
        _ => LevelFilter::INFO,
    };
    let targets = Targets::new()
        .with_target("s3_link_signer", level)
        .with_target("lambda_runtime", LevelFilter::ERROR);
    let lines = fmt::layer().with_writer(lines::Output).with_target(false).with_ansi(false);
    let lines = if format.is_some_and(|format| format.eq_ignore_ascii_case("text")) {
        // Lambda stamps text lines itself.
        lines.without_time().boxed()
    } else {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    };
    // Fails only if a subscriber is set already, and then that one logs.
    let _ = tracing::subscriber::set_global_default(
        Registry::default().with(lines.with_filter(targets)),
    );
}

/// What one invocation did, for its log lines and its metrics.
#[derive(Debug)]
pub struct Invocation<'a> {
    request_id: &'a str,
    function_name: &'a str,
    signed: u64,
    shortened: u64,
    refused: u64,
    unproven: u64,
    too_short: u64,
    session_ends_first: Option<Timestamp>,
    mails: Mails,
}

/// What one invocation mailed, and what it didn't.
#[derive(Debug, Default, PartialEq, Eq)]
struct Mails {
    sent: u64,
    failed: u64,
    events_refused: u64,
    recipients_refused: u64,
}

impl<'a> Invocation<'a> {
    /// Begins to count.
    #[must_use]
    pub fn new(request_id: &'a str, function_name: &'a str) -> Self {
        Self {
            request_id,
            function_name,
            signed: 0,
            shortened: 0,
            refused: 0,
            unproven: 0,
            too_short: 0,
            session_ends_first: None,
            mails: Mails::default(),
        }
    }

    /// A link is given.
    pub fn signed(&mut self, principal: &Principal, link: &Link) {
        self.signed += 1;
        self.shortened += u64::from(link.window.limited_by != LimitedBy::Request);
        self.session_ends_first = match (self.session_ends_first, link.session_expires_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        tracing::info!(
            link_id = link.link_id,
            request_id = self.request_id,
            principal = principal.name(),
            bucket = link.bucket,
            key = link.key,
            expires_in = link.window.expires_in,
            limited_by = link.window.limited_by.as_str(),
            evidence = link.evidence.as_str(),
            "link signed"
        );
    }

    /// Something is refused.
    pub fn refused(&mut self, principal: &Principal, problem: &Problem) {
        self.refused += 1;
        self.too_short += u64::from(matches!(problem, Problem::WindowTooShort { .. }));
        // Details of the caller's own mistakes repeat what the caller wrote, which may be anything.
        match problem {
            Problem::SessionUnproven(detail) => {
                self.unproven += 1;
                tracing::error!(
                    request_id = self.request_id,
                    principal = principal.name(),
                    code = problem.code(),
                    detail,
                    "link refused"
                );
            }
            Problem::Upstream(detail) | Problem::ObjectUnavailable(detail) => tracing::warn!(
                request_id = self.request_id,
                principal = principal.name(),
                code = problem.code(),
                detail,
                "link refused"
            ),
            _ => tracing::info!(
                request_id = self.request_id,
                principal = principal.name(),
                code = problem.code(),
                "link refused"
            ),
        }
    }

    /// A mail is sent, and SES named it.
    pub fn mailed(&mut self, arrival: &Arrival, to: &Address, link: &Link, message_id: &str) {
        self.mails.sent += 1;
        tracing::info!(
            link_id = link.link_id,
            request_id = self.request_id,
            bucket = arrival.bucket,
            key = arrival.key,
            to_domain = to.domain(),
            message_id,
            expires_in = link.window.expires_in,
            "mail sent"
        );
    }

    /// A mail was sent when this event came before.
    pub fn mailed_already(&mut self, arrival: &Arrival, to: &Address) {
        tracing::info!(
            request_id = self.request_id,
            bucket = arrival.bucket,
            key = arrival.key,
            to_domain = to.domain(),
            "mail sent before, not again"
        );
    }

    /// A mail is not sent, and its event will come back. `to` is `None` when it concerns all of
    /// the event's mails.
    pub fn not_mailed(&mut self, arrival: &Arrival, to: Option<&Address>, error: &DeliveryError) {
        if let DeliveryError::Held = error {
            // No failure: it is in other hands, and comes back to see whether they did it.
            tracing::info!(
                request_id = self.request_id,
                bucket = arrival.bucket,
                key = arrival.key,
                to_domain = to.map(Address::domain),
                reason = error.to_string(),
                "mail left to another"
            );
            return;
        }
        self.mails.failed += 1;
        tracing::error!(
            request_id = self.request_id,
            bucket = arrival.bucket,
            key = arrival.key,
            to_domain = to.map(Address::domain),
            reason = error.to_string(),
            "mail not sent"
        );
    }

    /// An event about an object that nothing is to be mailed about, now or ever.
    pub fn arrival_skipped(&mut self, arrival: &Arrival, reason: &str) {
        tracing::info!(
            request_id = self.request_id,
            bucket = arrival.bucket,
            key = arrival.key,
            reason,
            "nothing mailed"
        );
    }

    /// An event about an object that may not be mailed.
    pub fn arrival_refused(&mut self, arrival: &Arrival, reason: &str) {
        self.mails.events_refused += 1;
        tracing::warn!(
            request_id = self.request_id,
            bucket = arrival.bucket,
            key = arrival.key,
            reason,
            "event refused"
        );
    }

    /// Somebody an object names may not get mail.
    pub fn recipient_refused(&mut self, arrival: &Arrival, refused: &RecipientRefused) {
        self.mails.recipients_refused += 1;
        tracing::warn!(
            request_id = self.request_id,
            bucket = arrival.bucket,
            key = arrival.key,
            reason = refused.to_string(),
            "recipient refused"
        );
    }

    /// An event about a bucket that says nothing of a file that landed.
    pub fn event_of_no_concern(&mut self, what: &str) {
        tracing::info!(request_id = self.request_id, event = what, "nothing to mail about");
    }

    /// A message of a queue that no door knows. It will come back, and end in the dead-letter
    /// queue.
    pub fn message_not_understood(&mut self, message_id: &str, unknown: &UnknownEvent) {
        self.mails.failed += 1;
        tracing::error!(
            request_id = self.request_id,
            message_id,
            reason = unknown.to_string(),
            "message not understood"
        );
    }

    /// Ends the invocation: its metrics as a line of JSON, if it has any.
    #[must_use]
    pub fn metrics(self, now: Timestamp) -> Option<String> {
        let mailed = self.mails != Mails::default();
        if self.signed + self.refused == 0 && !mailed {
            return None;
        }
        let mut values = vec![
            Metric::count("LinksSigned", self.signed),
            Metric::count("WindowsShortened", self.shortened),
            Metric::count("LinksRefused", self.refused),
            Metric::count("SessionUnproven", self.unproven),
            Metric::count("WindowsTooShort", self.too_short),
        ];
        if let Some(end) = self.session_ends_first {
            let remaining = u64::try_from(end.duration_since(now).as_secs()).unwrap_or_default();
            values.push(Metric::seconds("SessionRemainingSeconds", remaining));
        }
        if mailed {
            values.extend([
                Metric::count("MailsSent", self.mails.sent),
                Metric::count("MailsFailed", self.mails.failed),
                Metric::count("EventsRefused", self.mails.events_refused),
                Metric::count("RecipientsRefused", self.mails.recipients_refused),
            ]);
        }
        let (request_id, function_name) = (self.request_id, self.function_name);
        serde_json::to_string(&Metrics { at: now, function_name, request_id, values }).ok()
    }
}

/// Where a line of metrics goes. A value, so that tests can read it.
pub type PrintMetrics = fn(&str);

/// Prints a line of metrics where Lambda collects them: standard output.
pub fn print_metrics(line: &str) {
    // If standard output is gone, so is everything that could be told about it.
    let _ = lines::Output.write_all(format!("{line}\n").as_bytes());
}
