//! How large an event may be that is parsed as a whole. An event of Lambda's 6 MB can be made of
//! millions of small values, and each of them would become a value of many times its length.
//!
//! What is looked at here is counted or skipped, so its memory does not grow with the event.

use link_rules::json::{FirstOf, each_entry};
use serde::de::{Deserialize, Deserializer, IgnoredAny};
use serde_json::value::RawValue;

use super::{EventFields, UnknownEvent, quoted};
use crate::api::Problem;

/// The largest HTTP event that is read, in bytes, its body left out. API Gateway lets 10,240 bytes
/// of request line and headers through, and repeats them at most twice.
///
/// Source: API Gateway developer guide, "Quotas for configuring and running a REST API".
const MAX_HTTP_BYTES_BESIDES_BODY: usize = 128 * 1_024;

/// The largest event about a bucket that is read, in bytes: the largest message of SQS, and the
/// largest event that Lambda takes asynchronously.
///
/// Sources: SQS developer guide, "Amazon SQS message quotas"; Lambda guide, "Lambda quotas".
const MAX_BUCKET_EVENT_BYTES: usize = 1_024 * 1_024;

/// The most records of one event about a bucket. S3 sends one.
const MAX_BUCKET_RECORDS: usize = 100;

/// The most messages of a batch.
///
/// Source: Lambda guide, "Creating and configuring an Amazon SQS event source mapping".
const MAX_QUEUE_MESSAGES: usize = 10_000;

/// How many fields of an unknown event are named.
const MAX_NAMED_FIELDS: usize = 8;

/// The fields whose values say which kind of event it is.
const KINDS: [&str; 4] = ["source", "detail-type", "Event", "Type"];

/// Refuses an HTTP event that is large without its body. A gateway sends none.
pub(super) fn check_http(event: &str, fields: &EventFields<'_>) -> Result<(), Problem> {
    let body = fields.body.map(RawValue::get).filter(|body| body.starts_with('"'));
    let bytes = event.len() - body.map_or(0, str::len);
    if bytes <= MAX_HTTP_BYTES_BESIDES_BODY {
        return Ok(());
    }
    Err(Problem::invalid_request(format!(
        "the gateway's event has {bytes} bytes besides its body; at most \
         {MAX_HTTP_BYTES_BESIDES_BODY} are read"
    )))
}

/// Refuses an event about a bucket that is larger than its sender can send.
pub(super) fn check_bucket_event(json: &str) -> Result<(), UnknownEvent> {
    if json.len() <= MAX_BUCKET_EVENT_BYTES {
        return Ok(());
    }
    Err(UnknownEvent::new(format!(
        "it has {} bytes, and an event about a bucket has at most {MAX_BUCKET_EVENT_BYTES}",
        json.len()
    )))
}

/// Refuses the records of S3 if there are too many.
pub(super) fn check_bucket_records(records: &RawValue) -> Result<(), UnknownEvent> {
    check_count(records, MAX_BUCKET_RECORDS, "an event about a bucket")
}

/// Refuses a batch of messages if there are too many.
pub(super) fn check_queue_messages(records: &RawValue) -> Result<(), UnknownEvent> {
    check_count(records, MAX_QUEUE_MESSAGES, "a batch of SQS")
}

fn check_count(records: &RawValue, max: usize, of: &str) -> Result<(), UnknownEvent> {
    match serde_json::from_str::<FirstOf<IgnoredAny, 0>>(records.get()) {
        Ok(records) if records.count > max => Err(UnknownEvent::new(format!(
            "it has {} records, and {of} has at most {max}",
            records.count
        ))),
        // What is no array is refused by whoever parses it.
        _ => Ok(()),
    }
}

/// What can be recognised of an object: the names of its first fields, and the values of those that
/// say which kind of event it is.
#[derive(Default)]
pub(super) struct Outline {
    names: Vec<String>,
    count: usize,
    kinds: [Option<String>; KINDS.len()],
}

impl Outline {
    /// The outline in words.
    pub(super) fn describe(&self) -> String {
        if self.count == 0 {
            return "it has no fields".to_owned();
        }
        let mut names = self.names.clone();
        if self.count > names.len() {
            names.push(format!("{} more", self.count - names.len()));
        }
        let kinds = KINDS
            .iter()
            .zip(&self.kinds)
            .filter_map(|(name, value)| Some(format!(", {name} being {}", value.as_ref()?)));
        format!("it has the fields {}{}", names.join(", "), kinds.collect::<String>())
    }
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut outline = Self::default();
        each_entry(deserializer, "an object", |name, value: &RawValue| {
            outline.count += 1;
            if outline.names.len() < MAX_NAMED_FIELDS {
                outline.names.push(quoted(&name));
            }
            if let Some(index) = KINDS.iter().position(|kind| *kind == name) {
                let text = serde_json::from_str::<String>(value.get()).ok();
                outline.kinds[index] = text.map(|text| quoted(&text));
            }
            Ok(())
        })?;
        Ok(outline)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Event, parse_bucket_event};
    use super::*;

    fn refusal(json: String) -> String {
        let event = RawValue::from_string(json).unwrap();
        match Event::parse(&event, None) {
            Err(unknown) => unknown.to_string(),
            Ok(Event::Http(event)) => event.request.unwrap_err().detail(),
            Ok(_) => panic!("the event is not refused"),
        }
    }

    #[test]
    fn an_event_that_is_larger_than_its_sender_sends_is_refused_with_a_sentence() {
        let records = |record: &str, count| vec![record; count].join(",");
        let s3 = r#"{"eventSource":"aws:s3"}"#;
        let sqs = r#"{"eventSource":"aws:sqs","messageId":"m"}"#;
        for (json, expected) in [
            (format!(r#"{{"Records":[{}]}}"#, records(s3, 101)), "101 records"),
            (format!(r#"{{"Records":[{}]}}"#, records("{}", 400_000)), "at most 1048576"),
            (format!(r#"{{"Records":[{}]}}"#, records(sqs, 10_001)), "10001 records"),
            (format!(r#"{{"requestContext":{{}},"a":[{}]}}"#, records("1", 80_000)), "besides its"),
            (format!(r#"{{"requestContext":{{}},"body":[{}]}}"#, records("1", 80_000)), "besides"),
        ] {
            let sentence = refusal(json);
            assert!(sentence.contains(expected), "{sentence}");
        }
    }

    #[test]
    fn the_largest_batch_of_a_queue_is_read_and_so_is_a_large_body() {
        let message = r#"{"eventSource":"aws:sqs","messageId":"m","body":"{}"}"#;
        let json = format!(r#"{{"Records":[{}]}}"#, vec![message; 10_000].join(","));
        let event = RawValue::from_string(json).unwrap();
        let Ok(Event::Queue(messages)) = Event::parse(&event, None) else {
            panic!("the batch is not read");
        };
        assert_eq!(messages.len(), 10_000);
        let fields = r#"{"requestContext":{},"body":"BODY"}"#;
        let event = fields.replace("BODY", &"x".repeat(1_000_000));
        let fields = serde_json::from_str(&event).unwrap();
        assert!(check_http(&event, &fields).is_ok());
    }

    #[test]
    fn only_the_first_fields_of_an_unknown_event_are_named() {
        let names: Vec<_> = (0..20).map(|number| format!(r#""{number}":[]"#)).collect();
        let json = format!(r#"{{"source":"aws.ec2",{}}}"#, names.join(","));
        let sentence = parse_bucket_event(&json).map(drop).unwrap_err().to_string();
        let expected = r#"the fields "source", "0", "1", "2", "3", "4", "5", "6", 13 more, source being "aws.ec2""#;
        assert!(sentence.ends_with(expected), "{sentence}");
        for ours in [r#"{"doctor": {"key": …}}"#, r#"{"shares": {"list": …}}"#] {
            assert!(sentence.contains(ours), "{sentence}");
        }
        let json = format!(r#"{{"{}":1}}"#, "n".repeat(1_000));
        let sentence = parse_bucket_event(&json).map(drop).unwrap_err().to_string();
        let shown = format!("\"{}…{}\"", "n".repeat(26), "n".repeat(13));
        assert!(sentence.ends_with(&shown), "{sentence}");
    }
}
