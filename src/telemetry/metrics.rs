//! Metrics as one line of CloudWatch's embedded metric format.
//!
//! Source: Amazon CloudWatch user guide, "Specification: Embedded metric format".

use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// The CloudWatch namespace of the metrics.
const NAMESPACE: &str = "S3LinkSigner";

/// The metrics of one invocation.
pub(super) struct Metrics<'a> {
    pub(super) at: Timestamp,
    pub(super) function_name: &'a str,
    pub(super) request_id: &'a str,
    pub(super) values: Vec<Metric>,
}

/// One of them. Its name and unit are what CloudWatch is told about it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Metric {
    name: &'static str,
    unit: &'static str,
    #[serde(skip)]
    value: u64,
}

impl Metric {
    pub(super) fn count(name: &'static str, value: u64) -> Self {
        Self { name, unit: "Count", value }
    }

    pub(super) fn seconds(name: &'static str, value: u64) -> Self {
        Self { name, unit: "Seconds", value }
    }
}

/// What tells CloudWatch which of the line's fields are metrics.
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
        line.serialize_entry("FunctionName", self.function_name)?;
        line.serialize_entry("RequestId", self.request_id)?;
        for metric in &self.values {
            line.serialize_entry(metric.name, &metric.value)?;
        }
        line.end()
    }
}
