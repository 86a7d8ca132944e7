//! The files in `examples/`: policies of AWS's guides, each with what it does to a link.

use std::path::Path;

use link_rules::policy::{Bound, Effect, Policy, TokenIssued};
use serde::Deserialize;

use crate::{question, signer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    /// Where the policy is from.
    source: String,
    #[serde(default, rename = "note")]
    _note: String,
    /// What differs from the link of the other examples.
    #[serde(default)]
    link: Link,
    policy: serde_json::Value,
    expected: Expected,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    key: Option<String>,
    version_id: Option<String>,
    token_issued: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// The statement that keeps the link from opening.
    refused_by: Option<String>,
    /// When that statement ends, if it does.
    until: Option<String>,
    /// The least age at which a statement refuses the link, in milliseconds.
    age_ms: Option<i128>,
    /// The first instant at which a statement refuses the link.
    instant: Option<String>,
    /// The statements that depend on something unknown.
    depends: Vec<String>,
}

#[test]
fn every_example_does_to_a_link_what_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy/examples");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let example: Example = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(!example.source.is_empty(), "{}", path.display());
        assert_eq!(outcome(&example), example.expected, "{}", path.display());
        count += 1;
    }
    assert!(count >= 40, "only {count} examples were found");
}

fn outcome(example: &Example) -> Expected {
    let policy = Policy::parse(&example.policy.to_string()).unwrap();
    let mut question = question();
    question.signer = signer();
    if let Some(key) = &example.link.key {
        question.key = key;
    }
    question.version_id = example.link.version_id.as_deref();
    if let Some(instant) = &example.link.token_issued {
        question.signer.token_issued = TokenIssued::At(instant.parse().unwrap());
    }
    let verdict = policy.evaluate(&question);
    let name = |sid: &Option<String>| sid.clone().unwrap_or_default();
    let until = verdict.refused_by().and_then(|statement| match statement.effect {
        Effect::Refuses { until: Some(Bound::Instant(instant)) } => Some(instant.to_string()),
        _ => None,
    });
    let depends = verdict
        .statements
        .iter()
        .filter(|statement| matches!(statement.effect, Effect::Depends { .. }));
    Expected {
        refused_by: verdict.refused_by().map(|statement| name(&statement.sid)),
        until,
        age_ms: verdict.least_age().map(|age| age.as_millis()),
        instant: verdict.least_instant().map(|instant| instant.to_string()),
        depends: depends.map(|statement| name(&statement.sid)).collect(),
    }
}
