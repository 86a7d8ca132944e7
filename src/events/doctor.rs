//! The doctor's event: `{"doctor": {"key": …, "action": …, "bucket": …, "version_id": …, "principal": …,
//! "claims": …}}`.
//!
//! Nobody sends it but an operator with `lambda:InvokeFunction`: every gateway's event has a
//! `requestContext`, and every event about objects has fields of its own.

use link_rules::access::{Action, Claim, Claims, Principal};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{check_names, quoted};
use crate::doctor::Question;

/// The largest event for the doctor that is read, in bytes. A key has at most 1,024.
const MAX_BYTES: usize = 16 * 1_024;

/// The question to the doctor is not one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0}. Send {{\"doctor\": {{\"key\": \"private-files/report.pdf\"}}}}; \"action\", \"bucket\", \
     \"version_id\" and \"principal\" may stand beside the key, and each is a text; \"claims\" is an object \
     with the principal's claims"
)]
pub struct MalformedQuestion(String);

/// Reads a whole event that has a field `doctor`.
pub(super) fn parse(event: &str) -> Result<Question, MalformedQuestion> {
    if event.len() > MAX_BYTES {
        let bytes = event.len();
        return Err(malformed(format!(
            "the event has {bytes} bytes; at most {MAX_BYTES} are read"
        )));
    }
    check_names(event).map_err(malformed)?;
    let event: Map<String, Value> =
        serde_json::from_str(event).map_err(|_| malformed("the event is no JSON object"))?;
    let mut asked = None;
    for (name, value) in event {
        match (name.as_str(), value) {
            ("doctor", Value::Object(fields)) => asked = Some(fields),
            ("doctor", _) => return Err(malformed("doctor is no JSON object")),
            (other, _) => {
                let other = quoted(other);
                return Err(malformed(format!("beside doctor stands the unknown field {other}")));
            }
        }
    }
    question(asked.unwrap_or_default())
}

fn question(fields: Map<String, Value>) -> Result<Question, MalformedQuestion> {
    let (mut bucket, mut key, mut version_id, mut principal) = (None, None, None, None);
    let (mut action, mut claims) = (None, None);
    for (name, value) in fields {
        if name == "claims" {
            claims = Some(read_claims(value)?);
            continue;
        }
        let field = match name.as_str() {
            "action" => &mut action,
            "bucket" => &mut bucket,
            "key" => &mut key,
            "version_id" => &mut version_id,
            "principal" => &mut principal,
            other => {
                return Err(malformed(format!("doctor has the unknown field {}", quoted(other))));
            }
        };
        *field = match value {
            Value::String(text) if !text.is_empty() => Some(text),
            Value::String(_) => return Err(malformed(format!("doctor.{name} is empty"))),
            _ => return Err(malformed(format!("doctor.{name} is not a text"))),
        };
    }
    let key = key.ok_or_else(|| malformed("doctor.key is missing"))?;
    let action = match action.as_deref() {
        None | Some("get") => Action::Get,
        Some("put") => Action::Put,
        Some(_) => return Err(malformed("doctor.action is neither \"get\" nor \"put\"")),
    };
    if action == Action::Put && version_id.is_some() {
        return Err(malformed("doctor.version_id is set, and an upload has no version yet"));
    }
    let has_claims = claims.is_some();
    let principal = principal.map(|name| Question::principal(name, claims.unwrap_or_default()));
    if has_claims && !matches!(principal, Some(Principal::Authorized { .. })) {
        return Err(malformed("doctor.claims are not those of a principal with a token"));
    }
    Ok(Question { action, bucket, key, version_id, principal })
}

/// The claims as the token has them: each a text or a list of texts.
fn read_claims(value: Value) -> Result<Claims, MalformedQuestion> {
    let text = |value| match value {
        Value::String(text) => Some(text),
        _ => None,
    };
    let claim = |value| match value {
        Value::String(text) => Some(Claim::Text(text)),
        Value::Array(entries) => {
            entries.into_iter().map(text).collect::<Option<_>>().map(Claim::List)
        }
        _ => None,
    };
    let Value::Object(claims) = value else {
        return Err(malformed("doctor.claims is no JSON object"));
    };
    let read = claims.into_iter().map(|(name, value)| claim(value).map(|claim| (name, claim)));
    read.collect::<Option<_>>().ok_or_else(|| {
        malformed("doctor.claims has a claim that is neither a text nor a list of texts")
    })
}

fn malformed(problem: impl Into<String>) -> MalformedQuestion {
    MalformedQuestion(problem.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_a_key_and_may_have_more() {
        let whole =
            r#"{"doctor": {"key": "a", "bucket": "b", "version_id": "c", "principal": "d"}}"#;
        assert_eq!(
            parse(whole).unwrap(),
            Question {
                action: Action::Get,
                bucket: Some("b".to_owned()),
                key: "a".to_owned(),
                version_id: Some("c".to_owned()),
                principal: Some(Principal::Authorized {
                    name: "d".to_owned(),
                    claims: Claims::default()
                }),
            }
        );
        let principal = |name: &str| {
            parse(&format!(r#"{{"doctor": {{"key": "a", "principal": "{name}"}}}}"#))
                .unwrap()
                .principal
        };
        assert_eq!(principal("anonymous"), Some(Principal::Anonymous));
        assert_eq!(principal("s3-event"), Some(Principal::S3Event));
        let arn = "arn:aws:iam::123456789012:user/alice";
        assert_eq!(principal(arn), Some(Principal::Iam(arn.into())));
        let session = "arn:aws:sts::123456789012:assumed-role/reader/SESSION";
        let role = "arn:aws:iam::123456789012:role/team/reader";
        assert_eq!(principal(role), Some(Principal::Iam(session.into())));
        assert_eq!(parse(r#"{"doctor": {"key": "a"}}"#).unwrap().principal, None);
        for (action, expected) in [("get", Action::Get), ("put", Action::Put)] {
            let asked = format!(r#"{{"doctor": {{"key": "a", "action": "{action}"}}}}"#);
            assert_eq!(parse(&asked).unwrap().action, expected);
        }
    }

    #[test]
    fn a_malformed_question_is_told_what_to_send() {
        for (event, problem) in [
            (r#"{"doctor": {}}"#, "doctor.key is missing"),
            (r#"{"doctor": "a"}"#, "doctor is no JSON object"),
            (r#"{"doctor": ["a"]}"#, "doctor is no JSON object"),
            (r#"{"doctor": {"key": 7}}"#, "doctor.key is not a text"),
            (r#"{"doctor": {"key": ""}}"#, "doctor.key is empty"),
            (r#"{"doctor": {"key": "a", "bucket": null}}"#, "doctor.bucket is not a text"),
            (r#"{"doctor": {"key": "a", "keys": "b"}}"#, "doctor has the unknown field \"keys\""),
            (
                r#"{"doctor": {"key": "a", "action": "share"}}"#,
                "doctor.action is neither \"get\" nor \"put\"",
            ),
            (
                r#"{"doctor": {"key": "a", "action": "put", "version_id": "b"}}"#,
                "doctor.version_id is set, and an upload has no version yet",
            ),
            (r#"{"doctor": {"key": "a", "claims": "b"}}"#, "doctor.claims is no JSON object"),
            (
                r#"{"doctor": {"key": "a", "principal": "b", "claims": {"c": [7]}}}"#,
                "doctor.claims has a claim that is neither a text nor a list of texts",
            ),
            (
                r#"{"doctor": {"key": "a", "principal": "anonymous", "claims": {}}}"#,
                "doctor.claims are not those of a principal with a token",
            ),
            (r#"{"doctor": {"key": "a"}, "b": 1}"#, "beside doctor stands the unknown field \"b\""),
        ] {
            let error = parse(event).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{problem}. Send {{\"doctor\": ")), "{error}");
        }
        let long = format!(r#"{{"doctor": {{"key": "{}"}}}}"#, "a".repeat(MAX_BYTES));
        assert!(parse(&long).unwrap_err().to_string().contains("bytes; at most 16384 are read"));
    }
}
