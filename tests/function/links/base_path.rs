//! The path of `PUBLIC_URL` may stand before the routes, with shares and without.

use jiff::{SignedDuration, Timestamp};
use s3_link_signer::Handler;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::evidence::FUNCTION_ARN;
use super::settings::settings;

fn handler(changes: &[(&str, &str)]) -> Handler {
    let end = (Timestamp::now() + SignedDuration::from_hours(12)).to_string();
    let usual = [
        ("GRANTS", r#"[{"bucket":"files","prefix":"","principals":["*"],"region":"eu-west-1"}]"#),
        ("AWS_LAMBDA_FUNCTION_NAME", "signer"),
        ("AWS_CREDENTIAL_EXPIRATION", end.as_str()),
        // Nobody listens there.
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ];
    Handler::new(settings(&[&usual, changes].concat()), Timestamp::now, |_| ())
}

/// The status of a request for a link, at a gateway that has no routes of its own.
async fn status(handler: &Handler, path: &str) -> u64 {
    let event: Value = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "headers": {},
        "isBase64Encoded": false, "body": json!({"key": "a"}).to_string(),
        "requestContext": {
            "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1",
                     "sourceIp": "192.0.2.1", "userAgent": "test"},
            "authorizer": {"jwt": {"claims": {"sub": "alice"}}},
        },
    });
    let event = RawValue::from_string(event.to_string()).unwrap();
    let answer = handler.handle(&event, "request", FUNCTION_ARN, Timestamp::MAX);
    let answer = Box::pin(answer).await.unwrap();
    serde_json::to_value(answer).unwrap()["statusCode"].as_u64().unwrap()
}

#[tokio::test]
async fn requests_below_the_path_of_the_public_url_find_their_route() {
    let url = ("PUBLIC_URL", "https://example.com/files/v1/");
    for changes in [&[url] as &[_], &[url, ("SHARES_TABLE", "shares")]] {
        let handler = handler(changes);
        assert_eq!(status(&handler, "/files/v1/links").await, 200);
        // The gateway may have taken the path away.
        assert_eq!(status(&handler, "/links").await, 200);
        for other in ["/files/links", "/v1/links", "/files/v1links", "/files/v1/files/v1/links"] {
            assert_eq!(status(&handler, other).await, 404, "{other}");
        }
    }
    for changes in [&[] as &[_], &[("PUBLIC_URL", "https://example.com")]] {
        let handler = handler(changes);
        assert_eq!(status(&handler, "/links").await, 200);
        assert_eq!(status(&handler, "/files/v1/links").await, 404);
    }
}
