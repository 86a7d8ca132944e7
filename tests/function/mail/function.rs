//! The function under test. It mails links to objects of the bucket `files`, calls the fake AWS,
//! and has a clock that only the test moves.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use fake_aws::FakeAws;
use jiff::{SignedDuration, Timestamp};
use s3_link_signer::{EventError, Handler, Settings};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::event::object_created;

thread_local! {
    /// Each test has a clock of its own, because each test runs in its own thread.
    static NOW: Cell<Timestamp> = Cell::new("2026-11-23T13:05:17.25Z".parse().unwrap());
    /// The line of metrics of the last invocation in this thread.
    static METRICS: RefCell<Value> = const { RefCell::new(Value::Null) };
}

pub(crate) fn now() -> Timestamp {
    NOW.get()
}

pub(crate) fn pass(time: SignedDuration) {
    NOW.set(NOW.get() + time);
}

/// A function that mails to recipients at example.com. Its session ends in an hour.
pub(crate) fn function(aws: &FakeAws) -> Handler {
    function_with(aws, &[])
}

pub(crate) fn function_with(aws: &FakeAws, changes: &[(&str, &str)]) -> Handler {
    let end = (now() + SignedDuration::from_hours(1)).to_string();
    let endpoint = aws.endpoint();
    let mut variables = HashMap::from([
        (
            "GRANTS",
            r#"[{"bucket":"files","prefix":"private-files/","principals":["s3-event"],"region":"eu-west-1"},
                {"bucket":"files","prefix":"asked/","principals":["*"],"region":"eu-west-1"}]"#,
        ),
        ("AWS_LAMBDA_FUNCTION_NAME", "mailer"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "ASIAMAILER"),
        ("AWS_SECRET_ACCESS_KEY", "SecretThatNobodyMaySee"),
        ("AWS_SESSION_TOKEN", "TokenThatNobodyMaySee"),
        ("AWS_CREDENTIAL_EXPIRATION", end.as_str()),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("MAIL_FROM", "Example & Sons <files@example.com>"),
        ("MAIL_TO", "alice@example.com"),
        ("MAIL_ALLOWED_RECIPIENTS", "*@example.com"),
        ("MAIL_TABLE", "mails"),
    ]);
    variables.extend(changes.iter().copied());
    let variable = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    let settings = Settings::read(variable, now()).unwrap();
    Handler::new(settings, now, |line| {
        assert!(!line.contains("alice"));
        METRICS.set(serde_json::from_str(line).unwrap());
    })
}

/// What the last invocation counted.
pub(crate) fn counted(metric: &str) -> u64 {
    METRICS.with_borrow(|metrics| metrics[metric].as_u64().unwrap_or(0))
}

pub(crate) const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:mailer";

/// Gives an event to the function, which has a minute to handle it.
pub(crate) async fn handle(function: &Handler, event: &Value) -> Result<Value, EventError> {
    let event = RawValue::from_string(event.to_string()).unwrap();
    let deadline = now() + SignedDuration::from_mins(1);
    // The future is boxed because the SDK's futures are nested too deep for the compiler.
    let response = Box::pin(function.handle(&event, "request-1", ARN, deadline)).await?;
    Ok(serde_json::to_value(response).unwrap())
}

/// S3's notification that the object `key` was created. `key` is form-encoded.
pub(crate) fn notification(key: &str) -> Value {
    json!({"Records": [object_created("eu-west-1", key)]})
}

/// A batch of messages `m0`, `m1`, … with these bodies.
pub(crate) fn batch(bodies: &[Value]) -> Value {
    let records = bodies.iter().enumerate().map(|(index, body)| {
        let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        json!({"messageId": format!("m{index}"), "eventSource": "aws:sqs", "body": body})
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

/// The ids of the messages that the queue has to deliver again.
pub(crate) fn failed(response: &Value) -> Vec<&str> {
    let failures = response["batchItemFailures"].as_array().unwrap();
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap()).collect()
}
