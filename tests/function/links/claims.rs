//! Grants on claims, with the fixtures of each gateway, and with claims that somebody chose.

use std::path::Path;

use jiff::Timestamp;
use s3_link_signer::Handler;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::settings::settings;

/// A function that needs no network, with one grant on the bucket `files`.
fn handler(grant: &Value) -> Handler {
    let mut grant = grant.clone();
    let fields = json!({"bucket": "files", "principals": ["*"], "region": "eu-west-1"});
    grant.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let grants = json!([grant]).to_string();
    let settings = settings(&[("GRANTS", grants.as_str()), ("ASSUMED_SESSION_SECONDS", "43200")]);
    Handler::new(settings, Timestamp::now, |_| ())
}

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The status that the event is answered with, asking for this key.
async fn status(handler: &Handler, mut event: Value, key: &str) -> u64 {
    event["body"] = json!(json!({ "key": key }).to_string());
    let event = RawValue::from_string(event.to_string()).unwrap();
    let answer = Box::pin(handler.handle(&event, "request", "", Timestamp::MAX)).await.unwrap();
    serde_json::to_value(answer).unwrap()["statusCode"].as_u64().unwrap()
}

const WITH_GROUPS: [&str; 3] = [
    "http-api/post-links-jwt-groups",
    "http-api-payload-1/post-links-jwt-groups",
    "rest-api/post-links-cognito-groups",
];

const WITHOUT_GROUPS: [&str; 6] = [
    "http-api/post-links-jwt",
    "http-api/post-links",
    "http-api/post-links-lambda-authorizer",
    "rest-api/post-links-cognito",
    "rest-api/post-links",
    "rest-api/post-links-lambda-authorizer",
];

#[tokio::test]
async fn a_grant_on_a_group_admits_its_members_through_every_gateway() {
    for (claims, expected) in [
        (json!({"cognito:groups": "finance"}), 200),
        (json!({"cognito:groups": "reports", "custom:tenant": "*"}), 200),
        (json!({"cognito:groups": "fin*", "custom:tenant": "acme"}), 200),
        (json!({"cognito:groups": "nance"}), 403),
        (json!({"cognito:groups": "*s*f*"}), 403),
        (json!({"cognito:groups": "finance", "custom:tenant": "other"}), 403),
        (json!({"cognito:groups": "finance", "custom:region": "*"}), 403),
    ] {
        let handler = handler(&json!({"prefix": "", "claims": claims}));
        for name in WITH_GROUPS {
            assert_eq!(status(&handler, fixture(name), "a").await, expected, "{name} {claims}");
        }
        for name in WITHOUT_GROUPS {
            assert_eq!(status(&handler, fixture(name), "a").await, 403, "{name} {claims}");
        }
    }
}

#[tokio::test]
async fn the_context_of_a_lambda_authorizer_is_its_claims() {
    let events = ["http-api/post-links-lambda-authorizer", "rest-api/post-links-lambda-authorizer"];
    for (claims, expected) in [
        (json!({"plan": "gold", "quota": "7"}), [200, 200]),
        // Only HTTP APIs let a Lambda authorizer give lists and booleans as they are.
        (json!({"roles": "reader", "verified": "true"}), [200, 403]),
        (json!({"plan": "silver"}), [403, 403]),
    ] {
        let handler = handler(&json!({"prefix": "", "claims": claims}));
        for (name, expected) in events.into_iter().zip(expected) {
            assert_eq!(status(&handler, fixture(name), "a").await, expected, "{name} {claims}");
        }
    }
}

#[tokio::test]
async fn a_tenant_reaches_its_own_folder_and_no_other() {
    let handler = handler(&json!({"prefix": "tenants/{claim:custom:tenant}/{principal}/"}));
    for name in WITH_GROUPS {
        let event = fixture(name);
        let authorizer = &event["requestContext"]["authorizer"];
        let claims = authorizer.pointer("/jwt/claims").unwrap_or(&authorizer["claims"]);
        let subject = claims["sub"].as_str().unwrap().to_owned();
        for (key, expected) in [
            (format!("tenants/acme/{subject}/a"), 200),
            (format!("tenants/other/{subject}/a"), 403),
            ("tenants/acme/eve/a".to_owned(), 403),
            ("tenants/acme/a".to_owned(), 403),
        ] {
            assert_eq!(status(&handler, event.clone(), &key).await, expected, "{name} {key}");
        }
    }
    for name in WITHOUT_GROUPS {
        assert_eq!(status(&handler, fixture(name), "tenants/acme/alice/a").await, 403, "{name}");
    }
}

/// An event of this gateway whose caller has these claims besides a subject.
fn with_claims(name: &str, claims: &Value) -> Value {
    let mut event = fixture(name);
    let authorizer = &mut event["requestContext"]["authorizer"];
    let place = if authorizer.get("jwt").is_some() { &mut authorizer["jwt"] } else { authorizer };
    place["claims"] = json!({"sub": "eve"});
    place["claims"].as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    event
}

#[tokio::test]
async fn what_somebody_chose_for_another_claim_opens_nothing() {
    let groups = handler(&json!({"prefix": "", "claims": {"cognito:groups": "finance"}}));
    let tenant = handler(&json!({"prefix": "{claim:tenant}/"}));
    for name in WITH_GROUPS {
        for value in ["finance", "[a finance]", "a,finance", "[finance]", "*", "{claim:tenant}"] {
            for claim in ["name", "nickname", "Cognito:Groups", "cognito:groups ", "custom:groups"]
            {
                let event = with_claims(name, &json!({ claim: value }));
                assert_eq!(status(&groups, event, "a").await, 403, "{name} {claim} {value}");
            }
            // Whatever the tenant is called, it reaches no folder of another name.
            let event = with_claims(name, &json!({ "tenant": value }));
            for key in ["acme/a", "a/a", "[a/a", "finance]/a", "a,b/a", "tenant/a"] {
                assert_eq!(status(&tenant, event.clone(), key).await, 403, "{name} {value} {key}");
            }
            let reached = status(&tenant, event, "finance/a").await == 200;
            assert_eq!(reached, value == "finance", "{name} {value}");
        }
    }
}

#[tokio::test]
async fn claims_in_a_body_a_header_or_a_query_are_none() {
    let handler = handler(&json!({"prefix": "", "claims": {"tenant": "acme"}}));
    for name in WITH_GROUPS.into_iter().chain(WITHOUT_GROUPS) {
        let mut event = fixture(name);
        for place in ["headers", "queryStringParameters", "stageVariables", "pathParameters"] {
            event[place] = json!({"tenant": "acme", "claims": "{\"tenant\": \"acme\"}"});
        }
        event["tenant"] = json!("acme");
        event["claims"] = json!({"tenant": "acme"});
        event["requestContext"]["claims"] = json!({"tenant": "acme"});
        event["requestContext"]["identity"]["tenant"] = json!("acme");
        assert_eq!(status(&handler, event, "a").await, 403, "{name}");
    }
}
