//! Whom the gateway's authorizer vouches for, and with which claims.
//!
//! Gateways write a JWT's claims as texts, also those that are lists, numbers or booleans. JWT
//! authorizers write a list as `[a b]`, and Cognito authorizers of REST APIs as `a,b`. AWS does not
//! document it; public events show it (guidance-for-claude-code-with-amazon-bedrock#803,
//! aws/chalice#783).

use serde_json::{Map, Value};

use link_rules::access::{Claim, Claims, IamCaller, Principal};

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

/// What is missing where an authorizer answered and named nobody.
const TOKEN_WITHOUT_SUBJECT: &str = "The gateway accepted a token that names nobody: it has no \"sub\". Send a token of a user, or have the \
     issuer put a \"sub\" into it.";
const CONTEXT_WITHOUT_PRINCIPAL: &str = "The Lambda authorizer accepted the request and named nobody: its answer has no \"principalId\". Have it \
     answer with one, on HTTP APIs in its \"context\".";
const GUEST: &str = "The Cognito identity pool calls you a guest (unauthenticated). Sign in at one of its providers and ask \
     again.";

/// Whom the gateway names, and why nobody, where an authorizer accepted the request all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authorized {
    pub(super) principal: Principal,
    pub(super) why_unnamed: Option<&'static str>,
}

impl Authorized {
    fn new(principal: Option<Principal>, why_unnamed: Option<&'static str>) -> Self {
        match principal {
            Some(principal) => Self { principal, why_unnamed: None },
            None => Self { principal: Principal::Anonymous, why_unnamed },
        }
    }
}

/// What IAM says of a caller of payload 1.0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IamIdentity<'a> {
    pub(super) user_arn: Option<&'a str>,
    /// The id of an identity pool's user.
    pub(super) cognito_identity_id: Option<&'a str>,
    /// `authenticated` or `unauthenticated`.
    pub(super) cognito_authentication_type: Option<&'a str>,
}

/// The principal of a request of payload 2.0. The authorizer says a JWT's claims, IAM's identity, or
/// the context of a Lambda authorizer. The gateway writes exactly one of them.
pub(super) fn principal_of_v2(authorizer: &Value) -> Authorized {
    let text = |pointer: &str| authorizer.pointer(pointer).and_then(Value::as_str);
    let methods = authorizer.pointer("/iam/cognitoIdentity/amr").and_then(Value::as_array);
    // The authentication methods' references: whether, and by which provider.
    let is_guest = methods.is_some_and(|methods| methods.iter().any(|it| it == UNAUTHENTICATED));
    let iam = IamIdentity {
        user_arn: text("/iam/userArn"),
        cognito_identity_id: text("/iam/cognitoIdentity/identityId"),
        cognito_authentication_type: is_guest.then_some(UNAUTHENTICATED),
    };
    let claims = authorizer.pointer("/jwt/claims");
    let context = authorizer.get("lambda");
    let principal = authorized(claims, "sub", Lists::InBrackets)
        .or_else(|| authorized(context, "principalId", Lists::AsTheyAre))
        .or_else(|| iam.principal());
    let why_unnamed = if claims.is_some_and(Value::is_object) {
        Some(TOKEN_WITHOUT_SUBJECT)
    } else if context.is_some_and(Value::is_object) {
        Some(CONTEXT_WITHOUT_PRINCIPAL)
    } else {
        is_guest.then_some(GUEST)
    };
    Authorized::new(principal, why_unnamed)
}

/// The principal of a request of payload 1.0. `claim_lists` says how its gateway writes claims that
/// are lists.
///
/// A Lambda authorizer's context stands flat beside `principalId` and may hold `claims` of its own,
/// so `principalId` comes first. A Cognito or JWT authorizer has `claims` and no `principalId`.
pub(super) fn principal_of_v1(
    authorizer: &Value,
    iam: IamIdentity<'_>,
    claim_lists: Lists,
) -> Authorized {
    let by_lambda = authorizer.get("principalId").is_some_and(Value::is_string);
    let caller = if by_lambda {
        authorized(Some(authorizer), "principalId", Lists::AsTheyAre)
    } else {
        authorized(authorizer.get("claims"), "sub", claim_lists)
    };
    let is_guest = iam.cognito_authentication_type == Some(UNAUTHENTICATED);
    let why_unnamed = if authorizer.get("claims").is_some_and(Value::is_object) {
        Some(TOKEN_WITHOUT_SUBJECT)
    } else if authorizer.as_object().is_some_and(|context| !context.is_empty()) {
        Some(CONTEXT_WITHOUT_PRINCIPAL)
    } else {
        is_guest.then_some(GUEST)
    };
    Authorized::new(caller.or_else(|| iam.principal()), why_unnamed)
}

/// The principal that the field `name` of `claims` names.
fn authorized(claims: Option<&Value>, name: &str, lists: Lists) -> Option<Principal> {
    let claims = claims?.as_object()?;
    let name = claims.get(name)?.as_str()?;
    (!name.is_empty())
        .then(|| Principal::Authorized { name: name.to_owned(), claims: claims_of(claims, lists) })
}

/// How Cognito and the gateways call a guest of an identity pool.
const UNAUTHENTICATED: &str = "unauthenticated";

impl IamIdentity<'_> {
    /// The principal for whom IAM vouches. A guest of an identity pool is nobody.
    fn principal(self) -> Option<Principal> {
        let arn = self.user_arn.filter(|arn| !arn.is_empty())?;
        let identity = self.cognito_identity_id.filter(|identity| !identity.is_empty());
        let is_guest = self.cognito_authentication_type == Some(UNAUTHENTICATED);
        (!is_guest).then(|| Principal::Iam(IamCaller::new(arn, identity)))
    }
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
        let v1 = |lists| principal_of_v1(&jwt, IamIdentity::default(), lists);
        [principal_of_v2(&json!({ "jwt": jwt })), v1(Lists::InBrackets), v1(Lists::WithCommas)]
            .map(|it| claims(&it.principal).get("it").unwrap().clone())
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
        let principal = principal_of_v2(&authorizer).principal;
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
            principal_of_v1(&authorizer, IamIdentity::default(), Lists::WithCommas),
            principal_of_v2(&json!({ "lambda": authorizer })),
        ]
        .map(|it| it.principal)
        {
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
            assert_eq!(principal_of_v2(&authorizer).principal, Principal::Anonymous);
            let v1 = principal_of_v1(&authorizer, IamIdentity::default(), Lists::WithCommas);
            assert_eq!(v1.principal, Principal::Anonymous);
        }
    }

    #[test]
    fn who_is_accepted_and_not_named_learns_what_is_missing() {
        let v1 = |authorizer: &Value| {
            principal_of_v1(authorizer, IamIdentity::default(), Lists::WithCommas).why_unnamed
        };
        let v2 = |authorizer: &Value| principal_of_v2(authorizer).why_unnamed;
        let claims = json!({"claims": {"client_id": "a"}});
        assert_eq!(v1(&claims), Some(TOKEN_WITHOUT_SUBJECT));
        assert_eq!(v2(&json!({"jwt": claims})), Some(TOKEN_WITHOUT_SUBJECT));
        let context = json!({"tenant": "acme"});
        assert_eq!(v1(&context), Some(CONTEXT_WITHOUT_PRINCIPAL));
        assert_eq!(v2(&json!({"lambda": context})), Some(CONTEXT_WITHOUT_PRINCIPAL));
        for nobody in [json!({}), Value::Null] {
            assert_eq!((v1(&nobody), v2(&nobody)), (None, None));
        }
        assert_eq!(v2(&json!({"jwt": {"claims": {"sub": "alice"}}})), None);
    }

    #[test]
    fn users_of_an_identity_pool_are_told_apart_and_guests_are_nobody() {
        let arn = "arn:aws:sts::123456789012:assumed-role/users/CognitoIdentityCredentials";
        let of = |identity: &str, method: &str| {
            let v2 = json!({"iam": {"userArn": arn, "cognitoIdentity": {
                "amr": [method], "identityId": identity, "identityPoolId": "eu-west-1:pool",
            }}});
            let v1 = IamIdentity {
                user_arn: Some(arn),
                cognito_identity_id: Some(identity),
                cognito_authentication_type: Some(method),
            };
            let v1 = principal_of_v1(&json!({}), v1, Lists::WithCommas);
            assert_eq!(v1, principal_of_v2(&v2));
            v1
        };
        let [alice, bob] =
            ["eu-west-1:a", "eu-west-1:b"].map(|it| of(it, "authenticated").principal);
        assert_eq!(alice.name(), format!("{arn} eu-west-1:a"));
        assert_ne!(alice, bob);
        let guest = of("eu-west-1:c", "unauthenticated");
        assert_eq!(guest, Authorized { principal: Principal::Anonymous, why_unnamed: Some(GUEST) });
        // A function URL leaves the identity out.
        let url = json!({"iam": {"userArn": arn, "cognitoIdentity": null}});
        assert_eq!(principal_of_v2(&url).principal, Principal::Iam(arn.into()));
    }
}
