//! The files in `examples/`: policies of AWS's guides, each with what it does to a link, and some with
//! what they do to uploads.

use std::collections::BTreeMap;
use std::path::Path;

use link_rules::policy::{
    Bound, Effect, Policy, RequestContext, S3Request, TokenIssued, Upload, UploadOperation,
    missing_headers,
};
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
    #[serde(default)]
    uploads: Vec<UploadCase>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UploadCase {
    operation: Operation,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The statement that refuses it.
    refused_by: Option<String>,
    /// The statements that depend on something unknown.
    #[serde(default)]
    depends: Vec<String>,
    /// The headers that would lift that statement, each with the values of which it needs one.
    #[serde(default)]
    missing_headers: Vec<(String, Vec<String>)>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum Operation {
    PutObject,
    Form,
    CreateMultipartUpload,
    UploadPart,
    CompleteMultipartUpload,
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
        for case in &example.uploads {
            judge_upload(&example, case, &path);
        }
        count += 1;
    }
    assert!(count >= 40, "only {count} examples were found");
}

fn judge_upload(example: &Example, case: &UploadCase, path: &Path) {
    let policy = Policy::parse(&example.policy.to_string()).unwrap();
    let headers: Vec<_> =
        case.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let operation = match case.operation {
        Operation::PutObject => UploadOperation::PutObject,
        Operation::Form => UploadOperation::Form,
        Operation::CreateMultipartUpload => UploadOperation::CreateMultipartUpload,
        Operation::UploadPart => UploadOperation::UploadPart,
        Operation::CompleteMultipartUpload => UploadOperation::CompleteMultipartUpload,
    };
    let mut question = question();
    question.request = S3Request::PutObject(Upload { operation, headers: &headers });
    let verdict = policy.evaluate(&question);
    let name = |sid: &Option<String>| sid.clone().unwrap_or_default();
    let depends = verdict
        .statements
        .iter()
        .filter(|statement| matches!(statement.effect, Effect::Depends { .. }));
    let refusal = verdict.refused_by();
    let missing: Vec<_> = refusal.into_iter().flat_map(missing_headers).collect();
    let missing: Vec<_> =
        missing.into_iter().map(|header| (header.name.to_owned(), header.values)).collect();
    let refused_by = refusal.map(|statement| name(&statement.sid));
    assert_eq!(refused_by, case.refused_by, "{} {case:?}", path.display());
    let depends: Vec<_> = depends.map(|statement| name(&statement.sid)).collect();
    assert_eq!(depends, case.depends, "{} {case:?}", path.display());
    assert_eq!(missing, case.missing_headers, "{} {case:?}", path.display());
    // With one of the missing headers the statement does not refuse.
    for (header, values) in &missing {
        let values = if values.is_empty() { vec!["anything".to_owned()] } else { values.clone() };
        for value in values {
            // Tags stand beside those that are there.
            let value = match case.headers.get(header) {
                Some(tags) => format!("{tags}&{value}"),
                None => value,
            };
            let others = headers.iter().copied().filter(|(name, _)| name != header);
            let with: Vec<_> = others.chain([(header.as_str(), value.as_str())]).collect();
            let request = S3Request::PutObject(Upload { operation, headers: &with });
            let lifted = policy.evaluate(&RequestContext { request, ..question });
            let still = lifted.refused_by().map(|statement| name(&statement.sid));
            assert_ne!(still, refused_by, "{} {header}: {value}", path.display());
        }
    }
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
