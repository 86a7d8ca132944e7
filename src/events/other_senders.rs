//! Senders whose events this function does not take. Each is named, with what to do instead.
//!
//! Sources: Elastic Load Balancing, "Use Lambda functions as targets of an Application Load Balancer"; VPC
//! Lattice user guide, "Receive events from the VPC Lattice service"; EventBridge user guide, "Amazon
//! EventBridge input transformation"; CloudTrail user guide, events in EventBridge.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::EventFields;

/// CloudTrail's record of a call of S3, which has no sequencer and may come minutes later.
pub(super) const CLOUDTRAIL: &str = "it is CloudTrail's record of a call: let the rule match the source \"aws.s3\" and the detail-type \
     \"Object Created\", and let the bucket send its events to EventBridge";

/// What to do where a rule's input transformer wrote the event.
pub(super) const TRANSFORMER: &str = ". If an input transformer of an EventBridge rule wrote it, take the transformer away: the whole \
     event is needed, or its detail (InputPath \"$.detail\")";

/// The fields of `requestContext` that only these senders write.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContextFields {
    elb: Option<IgnoredAny>,
    service_arn: Option<IgnoredAny>,
    service_network_arn: Option<IgnoredAny>,
}

/// Why a request is refused that a load balancer or VPC Lattice sent. `None`: neither did.
pub(super) fn of_request(fields: &EventFields<'_>) -> Option<String> {
    let context = fields.request_context.map_or("{}", RawValue::get);
    let context: Option<ContextFields> = serde_json::from_str(context).ok();
    let sender = match context {
        Some(ContextFields { elb: Some(_), .. }) => "an Application Load Balancer",
        Some(
            ContextFields { service_arn: Some(_), .. }
            | ContextFields { service_network_arn: Some(_), .. },
        ) => "VPC Lattice",
        // The older version of its events has no context.
        _ if fields.raw_path.is_some() && fields.method.is_some() => "VPC Lattice",
        _ => return None,
    };
    Some(format!(
        "this is an event of {sender}, whose callers the function can't tell apart: send requests \
         through an HTTP API, a REST API or a function URL"
    ))
}

/// The fields by which an event about an object is known that nothing else says what it is.
#[derive(Deserialize)]
struct ObjectFields {
    bucket: Option<IgnoredAny>,
    key: Option<IgnoredAny>,
    object: Option<IgnoredAny>,
    detail: Option<IgnoredAny>,
    source: Option<IgnoredAny>,
    #[serde(rename = "eventSource")]
    event_source: Option<String>,
}

/// What to do about an unknown event that seems to be about an object.
pub(super) fn hint(json: &str) -> &'static str {
    match serde_json::from_str(json) {
        Ok(ObjectFields { event_source: Some(source), .. }) if source == "s3.amazonaws.com" => {
            CLOUDTRAIL_DETAIL
        }
        Ok(ObjectFields { bucket, key, object, detail, source: None, .. })
            if bucket.or(key).or(object).or(detail).is_some() =>
        {
            TRANSFORMER
        }
        _ => "",
    }
}

/// The same as [`CLOUDTRAIL`], behind what was recognised.
const CLOUDTRAIL_DETAIL: &str = ". It is the detail of CloudTrail's record of a call: let the rule match the source \"aws.s3\" and \
     the detail-type \"Object Created\", and let the bucket send its events to EventBridge";
