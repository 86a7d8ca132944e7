//! Events as AWS sends them: a request through an HTTP API, and S3's notification of a new object.
//!
//! Requests that a test writes field by field stand in that test.

use serde_json::{Value, json};

/// A request through an HTTP API whose route is `$default`.
#[derive(Clone, Debug)]
pub(crate) struct HttpRequest<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: Value,
    pub(crate) cookie: Option<String>,
    pub(crate) body: &'a str,
    /// What the gateway's authorizer says. Null: it authenticated nobody.
    pub(crate) authorizer: Value,
}

impl HttpRequest<'_> {
    pub(crate) fn event(&self) -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": self.path,
            "rawQueryString": self.query, "headers": self.headers,
            "cookies": self.cookie.iter().collect::<Vec<_>>(),
            "isBase64Encoded": false, "body": self.body,
            "requestContext": {
                "stage": "$default", "domainName": "api.example.com",
                "http": {"method": self.method, "path": self.path, "protocol": "HTTP/1.1",
                         "sourceIp": "192.0.2.7", "userAgent": "test"},
                "authorizer": self.authorizer,
            },
        })
    }
}

/// S3's record that the object `key` of the bucket `files` was created. `key` is form-encoded.
pub(crate) fn object_created(region: &str, key: &str) -> Value {
    json!({
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": region,
        "eventTime": "2026-11-23T13:05:16.000Z", "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AIDACKCEVSQ6C2EXAMPLE"},
        "requestParameters": {"sourceIPAddress": "203.0.113.7"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
        "s3": {
            "bucket": {"name": "files", "arn": "arn:aws:s3:::files"},
            "object": {"key": key, "size": 1_250_000, "eTag": "e1", "sequencer": "0062E99A88DC407460"}
        }
    })
}
