//! Requests to the function, as an HTTP API with a JWT authorizer sends them.

use jiff::Timestamp;
use s3_link_signer::Handler;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::evidence::FUNCTION_ARN;

/// The status and the body of a POST by `principal`.
pub(crate) async fn post(
    handler: &Handler,
    principal: &str,
    path: &str,
    body: &Value,
) -> (u64, Value) {
    post_until(handler, principal, path, body, Timestamp::MAX).await
}

/// The status and the `Location` of a GET by `principal`.
pub(crate) async fn get(
    handler: &Handler,
    principal: &str,
    path: &str,
    query: &str,
) -> (u64, String) {
    let event = json!({
        "version": "2.0", "routeKey": format!("GET {path}"), "rawPath": path,
        "rawQueryString": query, "headers": {}, "isBase64Encoded": false,
        "requestContext": {
            "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1",
                     "sourceIp": "192.0.2.1", "userAgent": "test"},
            "authorizer": {"jwt": {"claims": {"sub": principal}}},
        },
    });
    let event = RawValue::from_string(event.to_string()).unwrap();
    let answer = handler.handle(&event, "request", FUNCTION_ARN, Timestamp::MAX);
    let answer = serde_json::to_value(Box::pin(answer).await.unwrap()).unwrap();
    let headers = answer["headers"].as_object().unwrap();
    let location = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("location"));
    let location = location.map_or("", |(_, value)| value.as_str().unwrap()).to_owned();
    (answer["statusCode"].as_u64().unwrap(), location)
}

/// As [`post`], in an invocation that ends at `deadline`.
pub(crate) async fn post_until(
    handler: &Handler,
    principal: &str,
    path: &str,
    body: &Value,
    deadline: Timestamp,
) -> (u64, Value) {
    let event = posted(principal, path, body);
    let answer = Box::pin(handler.handle(&event, "request", FUNCTION_ARN, deadline)).await.unwrap();
    let answer = serde_json::to_value(answer).unwrap();
    let body = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    (answer["statusCode"].as_u64().unwrap(), body)
}

/// The event of a POST by `principal`.
pub(crate) fn posted(principal: &str, path: &str, body: &Value) -> Box<RawValue> {
    let event = json!({
        "version": "2.0", "routeKey": format!("POST {path}"), "rawPath": path,
        "headers": {}, "isBase64Encoded": false, "body": body.to_string(),
        "requestContext": {
            "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1",
                     "sourceIp": "192.0.2.1", "userAgent": "test"},
            "authorizer": {"jwt": {"claims": {"sub": principal}}},
        },
    });
    RawValue::from_string(event.to_string()).unwrap()
}
