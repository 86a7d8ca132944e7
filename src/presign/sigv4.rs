//! Signature Version 4 in the query string: a presigned URL.
//!
//! [`SigV4Signer::presign`] follows the specification's order: canonical request, string to sign,
//! signature. The URL's query is the canonical query, so the text that is hashed is the text that
//! is sent.
//!
//! What links have in common is computed once: the signing key once per day and endpoint, and
//! [`SigningContext`] once per second and endpoint. A URL then takes one encoding, one SHA-256 and
//! one HMAC.
//!
//! Source: Amazon S3 API reference, "Authenticating Requests: Using Query Parameters".

use std::fmt::Write;

use aws_credential_types::Credentials;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};
use zeroize::Zeroizing;

use super::endpoint::Endpoint;

/// The characters that Signature Version 4 encodes in a query: all but RFC 3986's unreserved ones.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The characters that it encodes in a path. Slashes stay. S3 neither normalizes a path nor encodes
/// it a second time.
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// An estimate of a URL's length without its key, its token and its parameters, so that the URL is
/// allocated once.
const USUAL_LENGTH: usize = 320;

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A request to be signed. Nothing in it is encoded.
pub(super) struct SignableRequest<'a> {
    pub(super) method: &'static str,
    pub(super) key: &'a str,
    /// Query parameters, in any order.
    pub(super) query: Vec<(&'static str, &'a str)>,
    /// Headers besides `host`, with lower-case names and trimmed values, in any order.
    pub(super) headers: &'a [(&'a str, &'a str)],
}

/// Signs with one snapshot of credentials. Not `Debug`: it holds the secret access key.
pub(super) struct SigV4Signer {
    /// The SDK zeroes them when the last copy is dropped.
    credentials: Credentials,
    /// `&X-Amz-Security-Token=` and the encoded session token. Empty for long-term keys.
    security_token: Zeroizing<String>,
}

/// What all URLs have in common that are signed for one endpoint within one second.
pub(super) struct SigningContext {
    signed_at: Timestamp,
    /// `X-Amz-Date`.
    pub(super) date_time: String,
    /// `X-Amz-Credential`, not encoded.
    pub(super) credential: String,
    signing_key: hmac::Key,
    /// The canonical query up to and including `X-Amz-Expires=`.
    query_to_expires: String,
    /// The string to sign up to the hash of the canonical request.
    string_to_sign: String,
}

impl SigV4Signer {
    pub(super) fn new(credentials: &Credentials) -> Self {
        let security_token = credentials.session_token().map_or_else(String::new, |token| {
            format!("&X-Amz-Security-Token={}", utf8_percent_encode(token, QUERY))
        });
        let security_token = Zeroizing::new(security_token);
        Self { credentials: credentials.clone(), security_token }
    }

    /// The session's token. `None` for long-term keys.
    pub(super) fn session_token(&self) -> Option<&str> {
        self.credentials.session_token()
    }

    /// The context for `signed_at`: the one in `cached` if it is of that second, else a new one,
    /// which is left in `cached`.
    pub(super) fn context<'a>(
        &self,
        cached: &'a mut Option<SigningContext>,
        endpoint: &Endpoint,
        signed_at: Timestamp,
    ) -> &'a SigningContext {
        let context = match cached.take() {
            Some(context) if context.signed_at == signed_at => context,
            earlier => self.new_context(earlier, endpoint, signed_at),
        };
        cached.insert(context)
    }

    fn new_context(
        &self,
        earlier: Option<SigningContext>,
        endpoint: &Endpoint,
        signed_at: Timestamp,
    ) -> SigningContext {
        let date_time = signed_at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = &date_time[..8];
        let scope = format!("{day}/{}/{}/aws4_request", endpoint.region, endpoint.service);
        let credential = format!("{}/{scope}", self.credentials.access_key_id());
        let signing_key = match earlier {
            Some(earlier) if earlier.date_time.starts_with(day) => earlier.signing_key,
            _ => self.signing_key(day, endpoint),
        };
        SigningContext {
            signed_at,
            signing_key,
            query_to_expires: format!(
                "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={date_time}\
                 &X-Amz-Expires=",
                utf8_percent_encode(&credential, QUERY)
            ),
            string_to_sign: format!("AWS4-HMAC-SHA256\n{date_time}\n{scope}\n"),
            date_time,
            credential,
        }
    }

    fn signing_key(&self, day: &str, endpoint: &Endpoint) -> hmac::Key {
        let secret = Zeroizing::new(format!("AWS4{}", self.credentials.secret_access_key()));
        let first = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        [day, &endpoint.region, &endpoint.service, "aws4_request"].into_iter().fold(
            first,
            |key, part| {
                hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
            },
        )
    }

    /// The URL of `request`, valid for `expires_in` seconds from the second of `context`.
    pub(super) fn presign(
        &self,
        context: &SigningContext,
        endpoint: &Endpoint,
        request: SignableRequest<'_>,
        expires_in: u64,
    ) -> String {
        let mut headers = vec![("host", endpoint.host.as_str())];
        headers.extend(request.headers);
        headers.sort_unstable();

        // The URL up to its query, and the canonical URI in it.
        let mut url = String::with_capacity(self.length(endpoint, &request));
        url.push_str(&endpoint.origin);
        let uri_starts_at = url.len();
        url.push_str(&endpoint.path);
        url.push('/');
        url.extend(utf8_percent_encode(request.key, PATH));
        let uri_ends_at = url.len();

        // The canonical query string: parameters sorted by name. Those of Signature Version 4 come
        // first, because no operation has a parameter that begins with a capital.
        url.push('?');
        let query_starts_at = url.len();
        url.push_str(&context.query_to_expires);
        // Writing to a string can't fail.
        let _ = write!(url, "{expires_in}");
        url.push_str(&self.security_token);
        url.push_str("&X-Amz-SignedHeaders=");
        for (index, (name, _)) in headers.iter().enumerate() {
            // An encoded semicolon separates the names.
            url.push_str(if index == 0 { "" } else { "%3B" });
            url.push_str(name);
        }
        let mut query = request.query;
        query.sort_unstable();
        for (name, value) in query {
            url.push('&');
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(value, QUERY));
        }

        // Step 1: the canonical request. Only its hash is needed.
        let mut canonical_request = digest::Context::new(&digest::SHA256);
        let mut hash = |part: &str| canonical_request.update(part.as_bytes());
        hash(request.method);
        hash("\n");
        hash(&url[uri_starts_at..uri_ends_at]);
        hash("\n");
        hash(&url[query_starts_at..]);
        hash("\n");
        for (name, value) in &headers {
            hash(name);
            hash(":");
            // Several spaces count as one.
            // Source: IAM user guide, "Create a signed AWS API request", the canonical headers.
            for (index, word) in value.split(' ').filter(|word| !word.is_empty()).enumerate() {
                hash(if index == 0 { "" } else { " " });
                hash(word);
            }
            hash("\n");
        }
        hash("\n");
        for (index, (name, _)) in headers.iter().enumerate() {
            hash(if index == 0 { "" } else { ";" });
            hash(name);
        }
        hash("\nUNSIGNED-PAYLOAD");

        // Step 2: the string to sign.
        let mut signature = hmac::Context::with_key(&context.signing_key);
        signature.update(context.string_to_sign.as_bytes());
        signature.update(&hex(canonical_request.finish().as_ref()));

        // Step 3: the signature.
        url.push_str("&X-Amz-Signature=");
        url.extend(hex(signature.sign().as_ref()).map(char::from));
        url
    }

    /// About the length of the URL, in bytes.
    fn length(&self, endpoint: &Endpoint, request: &SignableRequest<'_>) -> usize {
        let parameters: usize =
            request.query.iter().map(|(name, value)| name.len() + 3 * value.len()).sum();
        endpoint.origin.len()
            + endpoint.path.len()
            + 3 * request.key.len()
            + self.security_token.len()
            + parameters
            + USUAL_LENGTH
    }
}

impl SigningContext {
    /// The signature of `text` in hexadecimal.
    pub(super) fn sign(&self, text: &str) -> String {
        let signature = hmac::sign(&self.signing_key, text.as_bytes());
        hex(signature.as_ref()).map(char::from).iter().collect()
    }
}

/// A SHA-256 hash in lower-case hexadecimal.
fn hex(hash: &[u8]) -> [u8; 2 * digest::SHA256_OUTPUT_LEN] {
    let mut hex = [0; 2 * digest::SHA256_OUTPUT_LEN];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(hash) {
        pair[0] = HEX_DIGITS[usize::from(byte >> 4)];
        pair[1] = HEX_DIGITS[usize::from(byte & 15)];
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presign(request: SignableRequest<'_>, signed_at: &str, expires_in: u64) -> String {
        let credentials = Credentials::new(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            None,
            None,
            "documentation",
        );
        let endpoint = Endpoint {
            origin: "https://examplebucket.s3.amazonaws.com".to_owned(),
            host: "examplebucket.s3.amazonaws.com".to_owned(),
            path: String::new(),
            region: "us-east-1".to_owned(),
            service: "s3".to_owned(),
        };
        let signer = SigV4Signer::new(&credentials);
        let mut cached = None;
        let context = signer.context(&mut cached, &endpoint, signed_at.parse().unwrap());
        signer.presign(context, &endpoint, request, expires_in)
    }

    /// The example in the S3 API reference, "Authenticating Requests: Using Query Parameters".
    #[test]
    fn the_published_example_has_the_published_signature() {
        let request =
            SignableRequest { method: "GET", key: "test.txt", query: Vec::new(), headers: &[] };
        assert_eq!(
            presign(request, "2013-05-24T00:00:00Z", 86_400),
            "https://examplebucket.s3.amazonaws.com/test.txt\
             ?X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    /// The signature was computed with botocore 1.43's `S3SigV4QueryAuth`.
    #[test]
    fn signed_headers_are_sorted_and_named_in_the_query() {
        let headers = [("x-amz-meta-a", "b"), ("content-type", "text/plain")];
        let query = vec![("uploadId", "u/1"), ("partNumber", "7")];
        let request = SignableRequest { method: "PUT", key: "a b/ü", query, headers: &headers };
        let url = presign(request, "2026-11-25T00:00:00Z", 60);
        assert!(url.contains("/a%20b/%C3%BC?X-Amz-Algorithm="), "{url}");
        assert!(url.contains("&X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-meta-a"), "{url}");
        assert!(url.contains("&partNumber=7&uploadId=u%2F1&X-Amz-Signature="), "{url}");
        let signature = "3f58960a3c82fdc3ff965c17d6503d682d15cdaebf1e1817c6dc6872cee80364";
        assert!(url.ends_with(&format!("&X-Amz-Signature={signature}")), "{url}");
    }

    #[test]
    fn several_spaces_in_a_header_are_signed_as_one() {
        let signed = |value: &'static str| {
            let headers = [("x-amz-meta-a", value)];
            let request =
                SignableRequest { method: "PUT", key: "a", query: Vec::new(), headers: &headers };
            presign(request, "2026-11-25T00:00:00Z", 60)
        };
        assert_eq!(signed("a   b  c"), signed("a b c"));
        assert_ne!(signed("a bc"), signed("a b c"));
    }
}
