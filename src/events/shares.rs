//! An operator's event about shares: `{"shares": {"list": {…}}}`, and `revoke` or
//! `unlock` in place of `list`.
//!
//! Nobody sends it but an operator with `lambda:InvokeFunction`, as with the doctor's event.

use serde_json::{Map, Value};
use thiserror::Error;

use super::{check_names, quoted};
use crate::shares::{OperatorRequest, Selector, ShareId};

/// The largest event about shares that is read, in bytes. A key has at most 1,024.
const MAX_BYTES: usize = 16 * 1_024;

/// What an operator wants of shares can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0}. Send {{\"shares\": {{\"list\": {{\"owner\": \"alice\"}}}}}} or \"revoke\" or \
     \"unlock\" in place of \"list\"; \"share_id\", \"owner\", \"recipient\", \"bucket\" and \"prefix\" say which shares are \
     meant, \"all\": true means all of them, and \"from\" is the \"next\" of an earlier answer"
)]
pub struct MalformedOperation(String);

/// Reads a whole event that has a field `shares`.
pub(super) fn parse(event: &str) -> Result<OperatorRequest, MalformedOperation> {
    if event.len() > MAX_BYTES {
        let bytes = event.len();
        return Err(malformed(format!(
            "the event has {bytes} bytes; at most {MAX_BYTES} are read"
        )));
    }
    check_names(event).map_err(malformed)?;
    let mut event: Map<String, Value> =
        serde_json::from_str(event).map_err(|_| malformed("the event is no JSON object"))?;
    let Some(Value::Object(operations)) = event.remove("shares") else {
        return Err(malformed("shares is no JSON object"));
    };
    if let Some(other) = event.keys().next() {
        let other = quoted(other);
        return Err(malformed(format!("beside shares stands the unknown field {other}")));
    }
    let mut operations = operations.into_iter();
    let (Some((name, fields)), None) = (operations.next(), operations.next()) else {
        return Err(malformed("shares has not exactly one of the fields list, revoke and unlock"));
    };
    let Value::Object(fields) = fields else {
        return Err(malformed(format!("shares.{} is no JSON object", quoted(&name))));
    };
    match name.as_str() {
        "list" => selector(fields).map(OperatorRequest::List),
        "revoke" => selector(fields).map(OperatorRequest::Revoke),
        "unlock" => selector(fields).map(OperatorRequest::Unlock),
        other => Err(malformed(format!("shares has the unknown field {}", quoted(other)))),
    }
}

/// Which shares are meant. All of them only where that is said: a forgotten field must not revoke
/// everything.
fn selector(fields: Map<String, Value>) -> Result<Selector, MalformedOperation> {
    let mut selector = Selector::default();
    let mut all = false;
    let mut is_narrowed = false;
    for (name, value) in fields {
        let field = match name.as_str() {
            "all" => {
                all = value == Value::Bool(true);
                if !all {
                    return Err(malformed("all is not true"));
                }
                continue;
            }
            "from" | "share_id" => {
                let id = value.as_str().and_then(ShareId::parse);
                let id = id.ok_or_else(|| malformed(format!("{name} is no share's id")))?;
                if name == "from" {
                    selector.from = Some(id);
                } else {
                    selector.share_id = Some(id);
                    is_narrowed = true;
                }
                continue;
            }
            "owner" => &mut selector.owner,
            "recipient" => &mut selector.recipient,
            "bucket" => &mut selector.bucket,
            "prefix" => &mut selector.prefix,
            other => {
                return Err(malformed(format!("there is no field {}", quoted(other))));
            }
        };
        *field = match value {
            Value::String(text) if !text.is_empty() => Some(text),
            Value::String(_) => return Err(malformed(format!("{name} is empty"))),
            _ => return Err(malformed(format!("{name} is not a text"))),
        };
        is_narrowed = true;
    }
    match (all, is_narrowed) {
        (true, true) => Err(malformed("all stands beside fields that mean some")),
        (false, false) => Err(malformed("nothing says which shares are meant")),
        _ => Ok(selector),
    }
}

fn malformed(problem: impl Into<String>) -> MalformedOperation {
    MalformedOperation(problem.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_says_which_shares_are_meant() {
        let id = "GL-ei-ChZ0byM7GCacdERMPcXH1xGp3-lqncG-x6w28";
        let event = format!(
            r#"{{"shares": {{"revoke": {{"owner": "alice", "prefix": "a/", "from": "{id}"}}}}}}"#
        );
        let expected = Selector {
            owner: Some("alice".to_owned()),
            prefix: Some("a/".to_owned()),
            from: ShareId::parse(id),
            ..Selector::default()
        };
        assert_eq!(parse(&event), Ok(OperatorRequest::Revoke(expected)));
        let all = r#"{"shares": {"list": {"all": true}}}"#;
        assert_eq!(parse(all), Ok(OperatorRequest::List(Selector::default())));
    }

    #[test]
    fn what_could_mean_more_than_was_meant_is_refused() {
        for (event, problem) in [
            (r#"{"shares": {"revoke": {}}}"#, "nothing says which shares are meant"),
            (r#"{"shares": {"revoke": {"all": false}}}"#, "all is not true"),
            (r#"{"shares": {"revoke": {"all": true, "owner": "a"}}}"#, "all stands beside"),
            (r#"{"shares": {"revoke": {"owner": ""}}}"#, "owner is empty"),
            (r#"{"shares": {"revoke": {"owner": null}}}"#, "owner is not a text"),
            (r#"{"shares": {"revoke": {"owners": "a"}}}"#, "there is no field \"owners\""),
            (r#"{"shares": {"revoke": {"share_id": "a"}}}"#, "share_id is no share's id"),
            (r#"{"shares": {"revoke": "all"}}"#, "shares.\"revoke\" is no JSON object"),
            (r#"{"shares": {"list": {}, "revoke": {}}}"#, "shares has not exactly one"),
            (r#"{"shares": {"delete": {}}}"#, "shares has the unknown field \"delete\""),
            (r#"{"shares": {}}"#, "shares has not exactly one"),
            (r#"{"shares": [], "b": 1}"#, "shares is no JSON object"),
            (r#"{"shares": {"list": {"all": true}}, "b": 1}"#, "beside shares stands the unknown"),
        ] {
            let error = parse(event).unwrap_err().to_string();
            assert!(error.starts_with(problem), "{error}");
            assert!(error.contains(". Send {\"shares\": {\"list\": "), "{error}");
        }
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        for event in [
            r#"{"shares": {"revoke": {"owner": "alice", "owner": "bob"}}}"#,
            r#"{"shares": {"list": {"all": true}}, "shares": {"list": {"owner": "a"}}}"#,
            r#"{"shares": {"list": {"all": true}, "list": {"all": true}}}"#,
        ] {
            let error = parse(event).unwrap_err().to_string();
            assert!(error.contains("stands twice"), "{error}");
        }
        assert!(parse("{").unwrap_err().to_string().contains("no JSON object"));
    }
}
