//! Signature Version 4 for one kind of request: the GET of an object through a presigned URL in
//! which only `host` is a signed header.
//!
//! What does not change from link to link is computed once: the signing key per day, region and
//! service; the text around key and length per second. A URL then costs one encoding, one SHA-256,
//! one HMAC and one allocation.
//!
//! Source: Amazon S3 API reference, "Authenticating Requests: Using Query Parameters". The order of
//! the parameters in the URL is aws-sdk-s3's, so that it can serve as the oracle.

use std::fmt::Write;

use aws_credential_types::Credentials;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};

use super::Target;
use super::endpoint::Endpoint;

/// Everything but RFC 3986's unreserved characters: what Signature Version 4 encodes in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same for a path, whose slashes stay. S3 neither normalizes paths nor encodes them twice.
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// Room for what a URL holds besides key, token and head, so that it is allocated once.
const ROOM: usize = 512;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Whoever signs: one snapshot of credentials.
pub(super) struct Signatory {
    access_key_id: String,
    secret_access_key: String,
    /// `&X-Amz-Security-Token=…`, encoded; empty for long-term keys.
    token: String,
}

/// What all links signed within one second, for one bucket, have in common.
pub(super) struct Second {
    signed_at: Timestamp,
    day: String,
    key: hmac::Key,
    /// From `X-Amz-Algorithm` to `X-Amz-Expires=`.
    head: String,
    /// The string to sign up to the hash.
    to_sign: String,
    /// The canonical request from the end of the query on.
    tail: String,
}

impl Signatory {
    pub(super) fn new(credentials: &Credentials) -> Self {
        let token = credentials.session_token().map_or_else(String::new, |token| {
            format!("&X-Amz-Security-Token={}", utf8_percent_encode(token, QUERY))
        });
        Self {
            access_key_id: credentials.access_key_id().to_owned(),
            secret_access_key: credentials.secret_access_key().to_owned(),
            token,
        }
    }

    /// What links signed at `signed_at` have in common: what is in `known`, if it is of that
    /// second, else worked out and put there.
    pub(super) fn second<'a>(
        &self,
        known: &'a mut Option<Second>,
        endpoint: &Endpoint,
        signed_at: Timestamp,
    ) -> &'a Second {
        let earlier = known.take();
        let second = match earlier {
            Some(second) if second.signed_at == signed_at => second,
            earlier => self.work_out(earlier, endpoint, signed_at),
        };
        known.insert(second)
    }

    fn work_out(
        &self,
        earlier: Option<Second>,
        endpoint: &Endpoint,
        signed_at: Timestamp,
    ) -> Second {
        let time = signed_at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = time[..8].to_owned();
        let scope = format!("{day}/{}/{}/aws4_request", endpoint.region, endpoint.service);
        let credential = format!("{}/{scope}", self.access_key_id);
        let key = match earlier {
            Some(earlier) if earlier.day == day => earlier.key,
            _ => self.signing_key(&day, endpoint),
        };
        Second {
            signed_at,
            day,
            key,
            head: format!(
                "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={time}\
                 &X-Amz-Expires=",
                utf8_percent_encode(&credential, QUERY)
            ),
            to_sign: format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n"),
            tail: format!("\nhost:{}\n\nhost\nUNSIGNED-PAYLOAD", endpoint.host),
        }
    }

    fn signing_key(&self, day: &str, endpoint: &Endpoint) -> hmac::Key {
        let secret = format!("AWS4{}", self.secret_access_key);
        let start = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        [day, &endpoint.region, &endpoint.service, "aws4_request"].into_iter().fold(
            start,
            |key, part| {
                hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
            },
        )
    }

    pub(super) fn sign(
        &self,
        second: &Second,
        endpoint: &Endpoint,
        target: &Target<'_>,
        expires_in: u64,
    ) -> String {
        let headers = target.response_headers;
        let mut url = String::with_capacity(
            endpoint.origin.len()
                + endpoint.path.len()
                + 3 * target.key.len()
                + 3 * headers.content_disposition.as_ref().map_or(0, String::len)
                + second.head.len()
                + self.token.len()
                + ROOM,
        );
        url.push_str(&endpoint.origin);
        let path = url.len();
        url.push_str(&endpoint.path);
        url.push('/');
        url.extend(utf8_percent_encode(target.key, PATH));
        let path = path..url.len();

        url.push_str("?x-id=GetObject");
        // In the canonical request these come, in this order, before `x-id`.
        let options = url.len();
        for (name, value) in [
            ("&response-content-disposition=", headers.content_disposition.as_deref()),
            ("&response-content-type=", headers.content_type.as_deref()),
            ("&versionId=", target.version_id),
        ] {
            if let Some(value) = value {
                url.push_str(name);
                url.extend(utf8_percent_encode(value, QUERY));
            }
        }
        let options = options..url.len();
        url.push_str("&x-link-id=");
        url.push_str(target.link_id);
        let link_id = options.end..url.len();

        url.push('&');
        let authorization = url.len();
        url.push_str(&second.head);
        // Writing to a string can't fail.
        let _ = write!(url, "{expires_in}");
        let authorization = authorization..url.len();

        let mut canonical_request = digest::Context::new(&digest::SHA256);
        for part in [
            "GET\n",
            &url[path],
            "\n",
            &url[authorization],
            &self.token,
            "&X-Amz-SignedHeaders=host",
            &url[options],
            "&x-id=GetObject",
            &url[link_id],
            &second.tail,
        ] {
            canonical_request.update(part.as_bytes());
        }
        let mut signature = hmac::Context::with_key(&second.key);
        signature.update(second.to_sign.as_bytes());
        signature.update(&hex(canonical_request.finish().as_ref()));

        url.push_str("&X-Amz-SignedHeaders=host&X-Amz-Signature=");
        url.extend(hex(signature.sign().as_ref()).map(char::from));
        url.push_str(&self.token);
        url
    }
}

/// A SHA-256 in lowercase hexadecimal.
fn hex(hash: &[u8]) -> [u8; 2 * digest::SHA256_OUTPUT_LEN] {
    let mut hex = [0; 2 * digest::SHA256_OUTPUT_LEN];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(hash) {
        pair[0] = HEX[usize::from(byte >> 4)];
        pair[1] = HEX[usize::from(byte & 15)];
    }
    hex
}
