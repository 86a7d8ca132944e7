//! What people brought, and what they were told: the cases of `tests/reported/cases.json`.
//!
//! A case has a source, an input and what is expected. A report becomes a case with one entry there:
//!
//! - `start` is a start with these variables, which is `refused` with a sentence, `warned` about with one, or
//!   `started` without a warning,
//! - `event` is a file of `events/`, of which so many `mails` come, and whose refusal `says` something,
//! - `request` is a request to a function with these `settings`, which gets a `status` and an answer that
//!   `says` something.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::links::start::start;
use crate::mail;
use crate::shares::function::{Request, aws, function_with, send};

const CASES: &str = include_str!("../reported/cases.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    source: String,
    start: Option<HashMap<String, String>>,
    refused: Option<String>,
    warned: Option<String>,
    #[serde(default)]
    started: bool,
    #[serde(default)]
    settings: HashMap<String, String>,
    request: Option<Asked>,
    event: Option<String>,
    #[serde(default)]
    mails: usize,
    status: Option<u64>,
    says: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    method: String,
    path: String,
    #[serde(default)]
    query: String,
    #[serde(default)]
    body: String,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(CASES).unwrap()
}

/// The runtime's complaint where there is no Lambda. Whoever gets so far has started.
const STARTED: &str = "Missing AWS_LAMBDA_FUNCTION_NAME";

#[test]
fn each_start_is_refused_or_warned_about_with_what_to_write() {
    let mut starts = 0;
    for Case { source, start: variables, refused, warned, started, .. } in cases() {
        let Some(variables) = variables else { continue };
        starts += 1;
        let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let text = start(&variables.collect::<Vec<_>>());
        let lines: Vec<Value> =
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let says = |level: &str, text: &str| {
            let is_it = |line: &Value| {
                line["level"] == level && line["reason"].as_str().unwrap_or_default().contains(text)
            };
            lines.iter().any(is_it)
        };
        let is_refused =
            lines.iter().any(|line| line["message"] == "a setting is missing or wrong");
        assert_eq!(is_refused, refused.is_some(), "{source}: {lines:?}");
        assert_eq!(text.contains(STARTED), refused.is_none(), "{source}: {text}");
        match (refused, warned, started) {
            (Some(text), None, false) => assert!(says("ERROR", &text), "{source}: {lines:?}"),
            (None, Some(text), false) => assert!(says("WARN", &text), "{source}: {lines:?}"),
            (None, None, true) => assert!(!says("WARN", ""), "{source}: {lines:?}"),
            _ => panic!("{source}: a start is refused, warned about, or started"),
        }
    }
    assert!(starts > 10);
}

#[tokio::test]
async fn each_request_is_answered_with_what_to_send() {
    let mut requests = 0;
    for Case { source, settings, request, status, says, .. } in cases() {
        let Some(Asked { method, path, query, body }) = request else { continue };
        requests += 1;
        let aws = aws().await;
        let settings: Vec<_> =
            settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let function = function_with(&aws, &settings);
        let (method, path, query) = (method.as_str(), path.as_str(), query.as_str());
        let headers = json!({"accept": "application/json"});
        let principal = Some("alice");
        let asked = Request { principal, method, path, query, body, headers, ..Request::default() };
        let answer = send(&function, asked).await;
        assert_eq!(Some(answer.status), status, "{source}: {answer:?}");
        let told = answer.body.replace("\\\"", "\"");
        assert!(told.contains(&says.unwrap()), "{source}: {answer:?}");
    }
    assert!(requests > 10);
}

#[tokio::test]
async fn each_event_is_mailed_about_or_refused_with_what_to_do() {
    let mut events = 0;
    for Case { source, event, mails, says, .. } in cases() {
        let Some(file) = event else { continue };
        events += 1;
        let path = format!("{}/events/{file}.json", env!("CARGO_MANIFEST_DIR"));
        let event = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let aws = mail::events::aws().await;
        let handled = mail::function::handle(&mail::function::function(&aws), &event).await;
        let refusal = handled.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(aws.mails().len(), mails, "{source}: {refusal}");
        match says {
            Some(says) => assert!(refusal.contains(&says), "{source}: {refusal}"),
            None => assert_eq!(refusal, "", "{source}"),
        }
    }
    assert!(events > 10);
}
