//! A link as callers read it: the JSON that docs/reference.md documents, field by field.

use jiff::Timestamp;
use link_rules::window::LimitedBy;
use serde::Serialize;

use crate::links::{Link, PolicyReading};
use crate::sessions::Evidence;

/// The JSON of a link. Not `Debug`: it holds the URL.
#[derive(Serialize)]
pub(super) struct LinkResponse<'a> {
    url: &'a str,
    link_id: &'a str,
    method: &'static str,
    bucket: &'a str,
    key: &'a str,
    expires_at: Timestamp,
    expires_in: u64,
    requested_expires_in: u64,
    limited_by: LimitedBy,
    session: LinkSession,
    proven: bool,
    bucket_policy: PolicyReading,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checked: Option<&'static str>,
}

/// The session that signed a link, or a request of an upload.
#[derive(Serialize)]
pub(super) struct LinkSession {
    evidence: Evidence,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

impl LinkSession {
    pub(super) fn new(evidence: Evidence, expires_at: Option<Timestamp>) -> Self {
        Self { evidence, expires_at }
    }
}

impl<'a> From<&'a Link> for LinkResponse<'a> {
    fn from(link: &'a Link) -> Self {
        Self {
            url: &link.url,
            link_id: &link.link_id,
            method: link.method.as_str(),
            bucket: &link.bucket,
            key: &link.key,
            expires_at: link.window.expires_at,
            expires_in: link.window.expires_in,
            requested_expires_in: link.requested_expires_in,
            limited_by: link.window.limited_by,
            session: LinkSession::new(link.evidence, link.session_expires_at),
            proven: link.evidence.is_proof(),
            bucket_policy: link.bucket_policy,
            object_expires_at: link.bounds.object_instant,
            // The function does not try what is outside of its network.
            checked: link.is_checked_inside.then_some("inside"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::Method;
    use link_rules::window::{Bounds, Window};
    use serde_json::{Value, json};

    fn read(link: &Link) -> Value {
        serde_json::to_value(LinkResponse::from(link)).unwrap()
    }

    #[test]
    fn it_has_the_fields_that_the_documentation_names() {
        let link = Link {
            url: "https://files.s3.eu-west-1.amazonaws.com/a%20%22b%22?X-Amz-Expires=60".to_owned(),
            link_id: "a848b80e-cf3b-4076-b792-27e1dbf10a28".to_owned(),
            method: Method::Get,
            is_checked_inside: false,
            bucket: "files".to_owned(),
            region: "eu-west-1".to_owned(),
            key: "a \"b\"".to_owned(),
            window: Window {
                signed_at: "2026-11-23T14:00:00Z".parse().unwrap(),
                expires_in: 60,
                expires_at: "2026-11-23T14:01:00Z".parse().unwrap(),
                limited_by: LimitedBy::Grant,
            },
            requested_expires_in: 90,
            evidence: Evidence::Minted,
            session_expires_at: Some("2026-11-23T15:00:00Z".parse().unwrap()),
            bucket_policy: PolicyReading::Heeded,
            bounds: Bounds::default(),
        };
        let mut expected = json!({
            "url": "https://files.s3.eu-west-1.amazonaws.com/a%20%22b%22?X-Amz-Expires=60",
            "link_id": "a848b80e-cf3b-4076-b792-27e1dbf10a28",
            "method": "GET",
            "bucket": "files",
            "key": "a \"b\"",
            "expires_at": "2026-11-23T14:01:00Z",
            "expires_in": 60,
            "requested_expires_in": 90,
            "limited_by": "grant",
            "session": {"evidence": "minted", "expires_at": "2026-11-23T15:00:00Z"},
            "proven": true,
            "bucket_policy": "heeded",
        });
        assert_eq!(read(&link), expected);
        expected["session"] = json!({"evidence": "unlimited"});
        expected["object_expires_at"] = json!("2026-11-24T00:00:00Z");
        let without_end = Link {
            evidence: Evidence::Unlimited,
            session_expires_at: None,
            bounds: Bounds {
                object_instant: Some("2026-11-24T00:00:00Z".parse().unwrap()),
                ..Bounds::default()
            },
            ..link
        };
        assert_eq!(read(&without_end), expected);
        expected["checked"] = json!("inside");
        assert_eq!(read(&Link { is_checked_inside: true, ..without_end }), expected);
    }
}
