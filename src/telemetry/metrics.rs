//! Metrics as one line of CloudWatch's embedded metric format.
//!
//! Lambda filters lines by their level, these lines too. A line without `level`, or without a
//! `timestamp` in RFC 3339, counts as `INFO`. So each line has both, and names the level that the
//! function's log is set to: it passes, whatever that is.
//!
//! Sources: Amazon CloudWatch user guide, "Specification: Embedded metric format"; Lambda developer
//! guide, "Log-level filtering", which knows no exception for these lines.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// The CloudWatch namespace of the metrics.
const NAMESPACE: &str = "S3LinkSigner";

/// Makes the enum of counters from one list, so that its names, its kinds and the array of counts can't
/// fall out of step.
macro_rules! counters {
    ($($kind:ident { $($(#[doc = $doc:literal])+ $name:ident,)+ })+) => {
        /// What is counted. Each variant bears the name of its field in the log.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Counter {
            $($($(#[doc = $doc])+ $name,)+)+
        }

        impl Counter {
            /// All counters, kind by kind.
            const ALL: &[(Kind, Self)] = &[$($((Kind::$kind, Self::$name),)+)+];

            fn name(self) -> &'static str {
                match self {
                    $($(Self::$name => stringify!($name),)+)+
                }
            }
        }
    };
}

/// What becomes of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A metric of CloudWatch, which is paid for by the month. An alarm or the dashboard reads it.
    Metric,
    /// A field of the log alone, which Logs Insights sums up.
    Field,
}

counters! {
    Metric {
        /// Links that were given to callers. Links in mails are counted as mails.
        LinksSigned,
        /// Requests for a link, and other requests, that got a problem. Requests about shares are not
        /// among them.
        LinksRefused,
        /// Links and shares refused because nothing proves how long the session lasts.
        SessionUnproven,
        /// Looks at the grants' object that found it wrong, missing or forbidden.
        GrantsObjectInvalid,
        /// Requests about shares that were answered with 500 or more, for a cause on our side or on AWS's.
        SharesUnserved,
        /// Mails that SES accepted.
        MailsSent,
        /// Mails that did not go out and whose event comes back.
        MailsFailed,
    }
    Field {
        /// Those of the links whose window is shorter than the caller asked for.
        WindowsShortened,
        /// Links and shares refused because the window would be too short.
        WindowsTooShort,
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
        /// Events about objects that may not be mailed.
        EventsRefused,
        /// Recipients that may not get mail.
        RecipientsRefused,
        /// Events about objects that nobody wants a mail about: litter, empty files, copies in place.
        EventsLeftOut,
        /// Requests of uploads that were signed: a file, the beginning of one in parts, each part, its end.
        UploadsSigned,
        /// Requests for uploads that got a problem.
        UploadsRefused,
    }
}

/// What one invocation counted.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    values: [u64; Counter::ALL.len()],
    /// The end of the session that ends first of those that signed a link.
    first_session_end: Option<Timestamp>,
}

impl Counters {
    /// Adds `times` to `counter`.
    pub(crate) fn add(&self, counter: Counter, times: u64) {
        self.counts().values[counter as usize] += times;
    }

    /// Takes note of a session that signed a link.
    pub(crate) fn session_ends_at(&self, end: Timestamp) {
        let mut counts = self.counts();
        counts.first_session_end =
            Some(counts.first_session_end.map_or(end, |first| first.min(end)));
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// What was counted, and whether it is a metric. What is 0 is left out: CloudWatch takes money for the
    /// hours in which a metric was sent, and a sum over nothing is 0 too.
    fn counted(&self, now: Timestamp) -> Vec<(Kind, Metric)> {
        let counted = Counter::ALL.iter().filter_map(|&(kind, counter)| {
            let value = self.values[counter as usize];
            let metric = Metric { name: counter.name(), unit: "Count", value };
            (value > 0).then_some((kind, metric))
        });
        let session = self.first_session_end.map(|end| Metric {
            name: "SessionRemainingSeconds",
            unit: "Seconds",
            value: u64::try_from(end.duration_since(now).as_secs()).unwrap_or_default(),
        });
        counted.chain(session.map(|metric| (Kind::Metric, metric))).collect()
    }
}

/// What an invocation counted, as a line of JSON. `None` if it counted nothing. `log_level` is the level
/// of the function's log (`AWS_LAMBDA_LOG_LEVEL`).
pub(crate) fn metrics_line(
    counters: &Counters,
    request_id: &str,
    function_name: &str,
    log_level: Option<&str>,
    now: Timestamp,
) -> Option<String> {
    let counted = counters.counts().counted(now);
    if counted.is_empty() {
        return None;
    }
    let (metrics, fields): (Vec<_>, Vec<_>) =
        counted.into_iter().partition(|(kind, _)| *kind == Kind::Metric);
    let without_kind = |(_, metric)| metric;
    let metrics = metrics.into_iter().map(without_kind).collect();
    let fields = fields.into_iter().map(without_kind).collect();
    let level = level_that_passes(log_level);
    serde_json::to_string(&Line { at: now, level, function_name, request_id, metrics, fields }).ok()
}

/// The least severe level that passes, where the log's level is `configured`
/// (`AWS_LAMBDA_LOG_LEVEL`).
fn level_that_passes(configured: Option<&str>) -> &'static str {
    match configured.unwrap_or_default().to_ascii_uppercase().as_str() {
        "WARN" => "WARN",
        "ERROR" => "ERROR",
        "FATAL" => "FATAL",
        _ => "INFO",
    }
}

/// What one invocation counted.
struct Line<'a> {
    at: Timestamp,
    level: &'static str,
    function_name: &'a str,
    request_id: &'a str,
    metrics: Vec<Metric>,
    fields: Vec<Metric>,
}

/// One count. Of a metric CloudWatch is told the name and the unit; the value is a field of the line.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
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

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_map(None)?;
        // A line without a metric is a line of the log.
        if !self.metrics.is_empty() {
            let directive = Directive {
                namespace: NAMESPACE,
                dimensions: [["FunctionName"]],
                metrics: &self.metrics,
            };
            let metadata =
                Metadata { timestamp: self.at.as_millisecond(), cloud_watch_metrics: [directive] };
            line.serialize_entry("_aws", &metadata)?;
        }
        line.serialize_entry("timestamp", &self.at)?;
        line.serialize_entry("level", self.level)?;
        line.serialize_entry("FunctionName", self.function_name)?;
        line.serialize_entry("RequestId", self.request_id)?;
        for count in self.metrics.iter().chain(&self.fields) {
            line.serialize_entry(count.name, &count.value)?;
        }
        line.end()
    }
}
