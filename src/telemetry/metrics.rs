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

/// Makes the enum of counters from one list, so that its names, its groups and the array of counts can't
/// fall out of step.
macro_rules! counters {
    ($($group:ident { $($(#[doc = $doc:literal])+ $name:ident,)+ })+) => {
        /// The metrics that count something. Each variant bears the metric's name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Counter {
            $($($(#[doc = $doc])+ $name,)+)+
        }

        impl Counter {
            /// All counters, group by group.
            const ALL: &[(Group, Self)] = &[$($((Group::$group, Self::$name),)+)+];

            fn name(self) -> &'static str {
                match self {
                    $($(Self::$name => stringify!($name),)+)+
                }
            }
        }
    };
}

/// Which counters appear together. A line of metrics has all counters of a group or, when all of them
/// are 0, none. It always has those of links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Links,
    Mails,
    Grants,
    Shares,
}

counters! {
    Links {
        /// Links that were given out.
        LinksSigned,
        /// Those of them whose window is shorter than the caller asked for.
        WindowsShortened,
        /// Requests for a link, and other requests, that got a problem. Requests about shares are not
        /// among them.
        LinksRefused,
        /// Links and shares refused because nothing proves how long the session lasts.
        SessionUnproven,
        /// Links and shares refused because the window would be too short.
        WindowsTooShort,
    }
    Mails {
        /// Mails that SES accepted.
        MailsSent,
        /// Mails that did not go out and whose event comes back.
        MailsFailed,
        /// Events about objects that may not be mailed.
        EventsRefused,
        /// Recipients that may not get mail.
        RecipientsRefused,
        /// Events about objects that nobody wants a mail about: litter, empty files, copies in place.
        EventsLeftOut,
    }
    Grants {
        /// Looks at the grants' object that found it wrong, missing or forbidden.
        GrantsObjectInvalid,
    }
    Shares {
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
    /// The metrics to print, or `None` if nothing was counted.
    fn metrics(&self, now: Timestamp) -> Option<Vec<Metric>> {
        if self.values.iter().all(|value| *value == 0) {
            return None;
        }
        let value = |counter: Counter| self.values[counter as usize];
        let was_counted = |wanted: Group| {
            Counter::ALL.iter().any(|(group, one)| *group == wanted && value(*one) > 0)
        };
        let count = |group: Group| {
            let counters = Counter::ALL.iter().filter(move |(of, _)| *of == group);
            counters.map(|(_, one)| Metric { name: one.name(), unit: "Count", value: value(*one) })
        };
        let mut metrics: Vec<_> = count(Group::Links).collect();
        metrics.extend(self.first_session_end.map(|end| Metric {
            name: "SessionRemainingSeconds",
            unit: "Seconds",
            value: u64::try_from(end.duration_since(now).as_secs()).unwrap_or_default(),
        }));
        for group in [Group::Mails, Group::Grants, Group::Shares] {
            if was_counted(group) {
                metrics.extend(count(group));
            }
        }
        Some(metrics)
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
    let values = counters.counts().metrics(now)?;
    let level = level_that_passes(log_level);
    serde_json::to_string(&Metrics { at: now, level, function_name, request_id, values }).ok()
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

/// The metrics of one invocation.
struct Metrics<'a> {
    at: Timestamp,
    level: &'static str,
    function_name: &'a str,
    request_id: &'a str,
    values: Vec<Metric>,
}

/// One metric. CloudWatch is told its name and its unit; its value is a field of the line.
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
