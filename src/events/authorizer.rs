//! Whom the gateway's authorizer vouches for, and with which claims.
//!
//! Gateways write a JWT's claims as texts, also those that are lists, numbers or booleans. JWT
//! authorizers write a list as `[a b]`, and Cognito authorizers of REST APIs as `a,b`. AWS does not
//! document it; public events show it (guidance-for-claude-code-with-amazon-bedrock#803,
//! aws/chalice#783).

use serde_json::{Map, Value};

use link_rules::access::{Claim, Claims, Principal};

/// How a text is read that the gateway may have made of a list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lists {
    /// The gateway leaves lists as they are. A text is a text.
    AsTheyAre,
    /// `[a b]`: JWT authorizers of HTTP APIs.
    InBrackets,
    /// `a,b`: Cognito authorizers of REST APIs. A list of one entry is written as the entry.
    WithCommas,
}

/// The principal of a request of payload 2.0. The authorizer says a JWT's claims, IAM's identity, or
/// the context of a Lambda authorizer. The gateway writes exactly one of them.
pub(super) fn principal_of_v2(authorizer: &Value) -> Principal {
    authorized(authorizer.pointer("/jwt/claims"), "sub", Lists::InBrackets)
        .or_else(|| authorized(authorizer.get("lambda"), "principalId", Lists::AsTheyAre))
        .or_else(|| iam(authorizer.pointer("/iam/userArn").and_then(Value::as_str)))
        .unwrap_or(Principal::Anonymous)
}

/// The principal of a request of payload 1.0. `claim_lists` says how its gateway writes claims that
/// are lists.
///
/// A Lambda authorizer's context stands flat beside `principalId` and may hold `claims` of its own,
/// so `principalId` comes first. A Cognito or JWT authorizer has `claims` and no `principalId`.
pub(super) fn principal_of_v1(
    authorizer: &Value,
    user_arn: Option<&str>,
    claim_lists: Lists,
) -> Principal {
    let by_lambda = authorizer.get("principalId").is_some_and(Value::is_string);
    let caller = if by_lambda {
        authorized(Some(authorizer), "principalId", Lists::AsTheyAre)
    } else {
        authorized(authorizer.get("claims"), "sub", claim_lists)
    };
    caller.or_else(|| iam(user_arn)).unwrap_or(Principal::Anonymous)
}

/// The principal that the field `name` of `claims` names.
fn authorized(claims: Option<&Value>, name: &str, lists: Lists) -> Option<Principal> {
    let claims = claims?.as_object()?;
    let name = claims.get(name)?.as_str()?;
    (!name.is_empty())
        .then(|| Principal::Authorized { name: name.to_owned(), claims: claims_of(claims, lists) })
}

/// The principal whose ARN IAM vouches for.
fn iam(user_arn: Option<&str>) -> Option<Principal> {
    user_arn.filter(|arn| !arn.is_empty()).map(|arn| Principal::Iam(arn.to_owned()))
}

/// The claims that have a value which can be matched. Objects and nulls have none.
fn claims_of(claims: &Map<String, Value>, lists: Lists) -> Claims {
    let claim = |(name, value): (&String, &Value)| {
        let claim = match value {
            Value::Array(entries) => Claim::List(entries.iter().filter_map(text).collect()),
            Value::String(text) => match entries(text, lists) {
                Some(entries) => Claim::TextOrList { text: text.clone(), entries },
                None => Claim::Text(text.clone()),
            },
            other => Claim::Text(text(other)?),
        };
        Some((name.clone(), claim))
    };
    claims.iter().filter_map(claim).collect()
}

/// The text of a single value.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The entries of the list that the gateway may have made this text of. `None`: it made it of no
/// list.
///
/// A list that holds lists or maps has further brackets, and its entries can't be told apart. It
/// has none then.
fn entries(text: &str, lists: Lists) -> Option<Vec<String>> {
    let split = |list: &str, separator: char| list.split(separator).map(str::to_owned).collect();
    match lists {
        Lists::AsTheyAre => None,
        Lists::InBrackets => {
            let inside = text.strip_prefix('[')?.strip_suffix(']')?;
            let is_flat = !inside.contains(['[', ']']);
            Some(if is_flat { split(inside, ' ') } else { Vec::new() })
        }
        Lists::WithCommas => text.contains(',').then(|| split(text, ',')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(principal: &Principal) -> &Claims {
        match principal {
            Principal::Authorized { claims, .. } => claims,
            other => panic!("{other:?}"),
        }
    }

    /// The claim `it` of an HTTP API, of an HTTP API with payload 1.0, and of a REST API.
    fn of_each_gateway(value: &Value) -> [Claim; 3] {
        let jwt = json!({"claims": {"sub": "alice", "it": value}});
        let v1 = |lists| principal_of_v1(&jwt, None, lists);
        [principal_of_v2(&json!({ "jwt": jwt })), v1(Lists::InBrackets), v1(Lists::WithCommas)]
            .map(|principal| claims(&principal).get("it").unwrap().clone())
    }

    fn text_of(text: &str) -> Claim {
        Claim::Text(text.to_owned())
    }

    fn either(text: &str, entries: &[&str]) -> Claim {
        let entries = entries.iter().map(|entry| (*entry).to_owned()).collect();
        Claim::TextOrList { text: text.to_owned(), entries }
    }

    #[test]
    fn each_gateway_s_own_way_to_write_a_list_is_a_list_and_the_other_s_is_a_text() {
        let brackets = either("[a b]", &["a", "b"]);
        assert_eq!(
            of_each_gateway(&json!("[a b]")),
            [brackets.clone(), brackets, text_of("[a b]")]
        );
        let text = text_of("a,b");
        assert_eq!(
            of_each_gateway(&json!("a,b")),
            [text.clone(), text, either("a,b", &["a", "b"])]
        );
        for single in ["a", "a b", "[a", "a]", "", "map[groups:[a b]]"] {
            assert_eq!(of_each_gateway(&json!(single)), [(); 3].map(|()| text_of(single)));
        }
    }

    #[test]
    fn a_list_within_a_list_has_no_entries() {
        for text in ["[[x finance] y]", "[map[name:x finance y:z]]", "[x] finance [y]"] {
            assert_eq!(of_each_gateway(&json!(text))[0], either(text, &[]));
        }
    }

    #[test]
    fn numbers_and_booleans_are_their_texts_and_objects_are_nothing() {
        let authorizer = json!({"lambda": {
            "principalId": "alice", "quota": 7, "verified": true, "ratio": 1.5, "none": null,
            "roles": ["reader", 7, null, ["x"], {"y": "z"}], "more": {"tenant": "acme"},
            "text": "[a b]", "commas": "a,b",
        }});
        let principal = principal_of_v2(&authorizer);
        let claims = claims(&principal);
        assert_eq!(claims.get("quota"), Some(&text_of("7")));
        assert_eq!(claims.get("verified"), Some(&text_of("true")));
        assert_eq!(claims.get("ratio"), Some(&text_of("1.5")));
        assert_eq!(
            claims.get("roles"),
            Some(&Claim::List(vec!["reader".to_owned(), "7".to_owned()]))
        );
        assert_eq!((claims.get("none"), claims.get("more")), (None, None));
        // The operator's own function wrote these as texts.
        assert_eq!(claims.get("text"), Some(&text_of("[a b]")));
        assert_eq!(claims.get("commas"), Some(&text_of("a,b")));
    }

    #[test]
    fn a_lambda_authorizer_s_claims_are_its_context_and_never_what_is_nested_in_it() {
        let authorizer = json!({
            "principalId": "alice", "tenant": "acme",
            "claims": {"tenant": "eve", "sub": "eve"}, "jwt": {"claims": {"tenant": "eve"}},
        });
        for principal in [
            principal_of_v1(&authorizer, None, Lists::WithCommas),
            principal_of_v2(&json!({ "lambda": authorizer })),
        ] {
            assert_eq!(principal.name(), "alice");
            assert_eq!(claims(&principal).get("tenant"), Some(&text_of("acme")));
            assert_eq!(claims(&principal).get("claims"), None);
        }
    }

    #[test]
    fn who_is_not_authenticated_has_no_claims() {
        for authorizer in [
            json!({"jwt": {"claims": {"tenant": "acme"}}}),
            json!({"lambda": {"tenant": "acme"}}),
            json!({"claims": {"tenant": "acme"}}),
            json!({"tenant": "acme"}),
            json!({"principalId": "", "tenant": "acme", "claims": {"sub": "eve"}}),
            json!({"iam": {"tenant": "acme"}}),
        ] {
            assert_eq!(principal_of_v2(&authorizer), Principal::Anonymous);
            let v1 = principal_of_v1(&authorizer, None, Lists::WithCommas);
            assert_eq!(v1, Principal::Anonymous);
        }
    }
}
