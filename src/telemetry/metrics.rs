//! Metrics as one line of CloudWatch's embedded metric format.
//!
//! Lambda filters lines by their level, these lines too. A line without `level`, or without a
//! `timestamp` in RFC 3339, counts as `INFO`. So each line has both, and names the level that the
//! function's log is set to: it passes, whatever that is.
//!
//! Sources: Amazon CloudWatch user guide, "Specification: Embedded metric format"; Lambda developer
//! guide, "Log-level filtering", which knows no exception for these lines.

use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// The CloudWatch namespace of the metrics.
const NAMESPACE: &str = "S3LinkSigner";

/// The metrics that count something. Each variant bears the metric's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// Links that were given out.
    LinksSigned,
    /// Those of them whose window is shorter than the caller asked for.
    WindowsShortened,
    /// Requests for a link, and other requests, that got a problem.
    LinksRefused,
    /// Those of them refused because nothing proves how long the session lasts.
    SessionUnproven,
    /// Those of them refused because the window would be too short.
    WindowsTooShort,
    /// Mails that SES accepted.
    MailsSent,
    /// Mails that did not go out and whose event comes back.
    MailsFailed,
    /// Events about objects that may not be mailed.
    EventsRefused,
    /// Recipients that may not get mail.
    RecipientsRefused,
    /// Looks at the object that `GRANTS` names that found it wrong.
    GrantsObjectInvalid,
    /// Shares that were made.
    SharesCreated,
    /// Pages of shares that work, and their facts as JSON.
    SharePagesShown,
    /// Downloads of shares that were given.
    ShareDownloads,
    /// Presses of a share's button that got nothing. An address that is not well formed is no share's.
    ShareRefusals,
    /// Those of them with a wrong passcode.
    SharePasscodesWrong,
}

impl Counter {
    /// The counters of links. Every line of metrics has all of them.
    const LINKS: [Self; 5] = [
        Self::LinksSigned,
        Self::WindowsShortened,
        Self::LinksRefused,
        Self::SessionUnproven,
        Self::WindowsTooShort,
    ];

    /// The counters of mailing. A line has all of them or, when all are 0, none.
    const MAILS: [Self; 4] =
        [Self::MailsSent, Self::MailsFailed, Self::EventsRefused, Self::RecipientsRefused];

    /// The counters of shares. A line has all of them or, when all are 0, none.
    const SHARES: [Self; 5] = [
        Self::SharesCreated,
        Self::SharePagesShown,
        Self::ShareDownloads,
        Self::ShareRefusals,
        Self::SharePasscodesWrong,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::LinksSigned => "LinksSigned",
            Self::WindowsShortened => "WindowsShortened",
            Self::LinksRefused => "LinksRefused",
            Self::SessionUnproven => "SessionUnproven",
            Self::WindowsTooShort => "WindowsTooShort",
            Self::MailsSent => "MailsSent",
            Self::MailsFailed => "MailsFailed",
            Self::EventsRefused => "EventsRefused",
            Self::RecipientsRefused => "RecipientsRefused",
            Self::GrantsObjectInvalid => "GrantsObjectInvalid",
            Self::SharesCreated => "SharesCreated",
            Self::SharePagesShown => "SharePagesShown",
            Self::ShareDownloads => "ShareDownloads",
            Self::ShareRefusals => "ShareRefusals",
            Self::SharePasscodesWrong => "SharePasscodesWrong",
        }
    }
}

/// How often each counter was counted in one invocation.
#[derive(Debug, Default)]
pub(super) struct Counters(
    [u64; Counter::LINKS.len() + Counter::MAILS.len() + 1 + Counter::SHARES.len()],
);

impl Counters {
    pub(super) fn add(&mut self, counter: Counter, times: u64) {
        self.0[counter as usize] += times;
    }

    /// The metrics to print, or `None` if nothing was counted.
    pub(super) fn metrics(&self, session_remaining_seconds: Option<u64>) -> Option<Vec<Metric>> {
        if self.0.iter().all(|value| *value == 0) {
            return None;
        }
        let count = |counter: Counter| Metric {
            name: counter.name(),
            unit: "Count",
            value: self.0[counter as usize],
        };
        let mut metrics: Vec<_> = Counter::LINKS.into_iter().map(count).collect();
        metrics.extend(session_remaining_seconds.map(|value| Metric {
            name: "SessionRemainingSeconds",
            unit: "Seconds",
            value,
        }));
        if Counter::MAILS.into_iter().any(|counter| self.0[counter as usize] > 0) {
            metrics.extend(Counter::MAILS.into_iter().map(count));
        }
        if self.0[Counter::GrantsObjectInvalid as usize] > 0 {
            metrics.push(count(Counter::GrantsObjectInvalid));
        }
        if Counter::SHARES.into_iter().any(|counter| self.0[counter as usize] > 0) {
            metrics.extend(Counter::SHARES.into_iter().map(count));
        }
        Some(metrics)
    }
}

/// The least severe level that passes, where the log's level is `configured`
/// (`AWS_LAMBDA_LOG_LEVEL`).
pub(super) fn level_that_passes(configured: Option<&str>) -> &'static str {
    match configured.unwrap_or_default().to_ascii_uppercase().as_str() {
        "WARN" => "WARN",
        "ERROR" => "ERROR",
        "FATAL" => "FATAL",
        _ => "INFO",
    }
}

/// The metrics of one invocation.
pub(super) struct Metrics<'a> {
    pub(super) at: Timestamp,
    pub(super) level: &'static str,
    pub(super) function_name: &'a str,
    pub(super) request_id: &'a str,
    pub(super) values: Vec<Metric>,
}

/// One metric. CloudWatch is told its name and its unit; its value is a field of the line.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Metric {
    name: &'static str,
    unit: &'static str,
    #[serde(skip)]
    value: u64,
}

/// Tells CloudWatch which fields of the line are metrics.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'a> {
    timestamp: i64,
    cloud_watch_metrics: [Directive<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'static str,
    dimensions: [[&'static str; 1]; 1],
    metrics: &'a [Metric],
}

impl Serialize for Metrics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let directive = Directive {
            namespace: NAMESPACE,
            dimensions: [["FunctionName"]],
            metrics: &self.values,
        };
        let metadata =
            Metadata { timestamp: self.at.as_millisecond(), cloud_watch_metrics: [directive] };
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("_aws", &metadata)?;
        line.serialize_entry("timestamp", &self.at)?;
        line.serialize_entry("level", self.level)?;
        line.serialize_entry("FunctionName", self.function_name)?;
        line.serialize_entry("RequestId", self.request_id)?;
        for metric in &self.values {
            line.serialize_entry(metric.name, &metric.value)?;
        }
        line.end()
    }
}
