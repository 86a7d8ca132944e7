//! Uploads by form: the POST policy, and the fields that a browser's form sends with the file.
//!
//! The policy is JSON. Its base64 is what is signed, and the field `policy` has the same text. S3 takes
//! no field that no condition names, so each field here is a condition as well.
//!
//! Source: Amazon S3 API reference, "Authenticating Requests in Browser-Based Uploads Using POST (AWS
//! Signature Version 4)".

use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use link_rules::object::ObjectRef;
use link_rules::window::Window;
use serde_json::{Value, json};

use super::endpoint::Endpoint;
use super::sigv4::{SigV4Signer, SigningContext};

/// An upload by form that is to be signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form<'a> {
    /// The object that the form makes.
    pub(crate) object: ObjectRef<'a>,
    /// The fields besides the key and those of the signature: lower-case names.
    pub(crate) fields: &'a [(&'a str, &'a str)],
    /// How long the file may be, in bytes.
    pub(crate) length: &'a RangeInclusive<u64>,
}

/// A form, ready to be sent. Not `Debug`: who has the fields can upload.
pub(crate) struct SignedForm {
    /// Where the form is sent with `POST`.
    pub(crate) url: String,
    /// The fields in the order to send them. The file comes after them.
    pub(crate) fields: Vec<(String, String)>,
}

/// Signs `form` for the window of `window`, whose beginning is that of `context`.
pub(super) fn sign(
    signer: &SigV4Signer,
    context: &SigningContext,
    endpoint: &Endpoint,
    form: &Form<'_>,
    window: &Window,
) -> SignedForm {
    let mut fields = vec![("key".to_owned(), form.object.key.to_owned())];
    fields
        .extend(form.fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    fields.extend([
        ("x-amz-algorithm".to_owned(), "AWS4-HMAC-SHA256".to_owned()),
        ("x-amz-credential".to_owned(), context.credential.clone()),
        ("x-amz-date".to_owned(), context.date_time.clone()),
    ]);
    if let Some(token) = signer.session_token() {
        fields.push(("x-amz-security-token".to_owned(), token.to_owned()));
    }
    let mut conditions = vec![
        json!({"bucket": form.object.bucket}),
        json!(["content-length-range", form.length.start(), form.length.end()]),
    ];
    conditions.extend(fields.iter().map(|(name, value)| {
        Value::Object([(name.clone(), Value::from(value.as_str()))].into_iter().collect())
    }));
    let expiration = window.expires_at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
    let policy =
        STANDARD.encode(json!({"expiration": expiration, "conditions": conditions}).to_string());
    let signature = context.sign(&policy);
    fields.extend([("policy".to_owned(), policy), ("x-amz-signature".to_owned(), signature)]);
    // A bucket that the host names is asked at "/".
    let path = if endpoint.path.is_empty() { "/" } else { &endpoint.path };
    SignedForm { url: format!("{}{path}", endpoint.origin), fields }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;

    use super::*;
    use link_rules::window::LimitedBy;

    fn endpoint() -> Endpoint {
        Endpoint {
            origin: "https://sigv4examplebucket.s3.amazonaws.com".to_owned(),
            host: "sigv4examplebucket.s3.amazonaws.com".to_owned(),
            path: String::new(),
            region: "us-east-1".to_owned(),
            service: "s3".to_owned(),
        }
    }

    fn signer(token: Option<&str>) -> SigV4Signer {
        SigV4Signer::new(&Credentials::new(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            token.map(str::to_owned),
            None,
            "documentation",
        ))
    }

    /// The example in the S3 API reference, "Examples: Browser-Based Upload using HTTP POST (Using AWS
    /// Signature Version 4)".
    #[test]
    fn the_published_policy_has_the_published_signature() {
        let policy = concat!(
            "{ \"expiration\": \"2015-12-30T12:00:00.000Z\",\r\n  \"conditions\": [\r\n    {\"bucket\": ",
            "\"sigv4examplebucket\"},\r\n    [\"starts-with\", \"$key\", \"user/user1/\"],\r\n    {\"acl\": ",
            "\"public-read\"},\r\n    {\"success_action_redirect\": ",
            "\"http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html\"},\r\n    [\"starts-with\", ",
            "\"$Content-Type\", \"image/\"],\r\n    {\"x-amz-meta-uuid\": \"14365123651274\"},\r\n    ",
            "{\"x-amz-server-side-encryption\": \"AES256\"},\r\n    [\"starts-with\", \"$x-amz-meta-tag\", ",
            "\"\"],\r\n\r\n    {\"x-amz-credential\": ",
            "\"AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request\"},\r\n    {\"x-amz-algorithm\": ",
            "\"AWS4-HMAC-SHA256\"},\r\n    {\"x-amz-date\": \"20151229T000000Z\" }\r\n  ]\r\n}"
        );
        let (signer, mut cached) = (signer(None), None);
        let context =
            signer.context(&mut cached, &endpoint(), "2015-12-29T00:00:00Z".parse().unwrap());
        assert_eq!(context.credential, "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request");
        assert_eq!(
            context.sign(&STANDARD.encode(policy)),
            "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
        );
    }

    #[test]
    fn each_field_is_a_condition_and_the_end_is_the_window_s() {
        let (signer, mut cached) = (signer(Some("TOKEN+/")), None);
        let signed_at = "2026-11-29T00:00:00Z".parse().unwrap();
        let context = signer.context(&mut cached, &endpoint(), signed_at);
        let object =
            ObjectRef {
                bucket: "files", region: "us-east-1", key: "in/ü \"a\"", version_id: None
            };
        let form = Form { object, fields: &[("content-type", "text/plain")], length: &(1..=5) };
        let window = Window {
            signed_at,
            expires_in: 900,
            expires_at: "2026-11-29T00:15:00Z".parse().unwrap(),
            limited_by: LimitedBy::Request,
        };
        let form = sign(&signer, context, &endpoint(), &form, &window);
        assert_eq!(form.url, "https://sigv4examplebucket.s3.amazonaws.com/");
        let field = |name: &str| form.fields.iter().find(|(it, _)| it == name).unwrap().1.clone();
        assert_eq!(form.fields[0], ("key".to_owned(), "in/ü \"a\"".to_owned()));
        assert_eq!(field("x-amz-security-token"), "TOKEN+/");
        let policy: Value =
            serde_json::from_slice(&STANDARD.decode(field("policy")).unwrap()).unwrap();
        assert_eq!(policy["expiration"], "2026-11-29T00:15:00.000Z");
        let conditions = policy["conditions"].as_array().unwrap();
        assert!(conditions.contains(&json!(["content-length-range", 1, 5])));
        assert!(conditions.contains(&json!({"bucket": "files"})));
        for (name, value) in &form.fields {
            if !["policy", "x-amz-signature"].contains(&name.as_str()) {
                assert!(conditions.contains(&json!({name.as_str(): value})), "{name}");
            }
        }
        assert_eq!(field("x-amz-signature"), context.sign(&field("policy")));
    }
}
