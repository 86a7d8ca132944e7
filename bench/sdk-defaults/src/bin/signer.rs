//! What one URL costs: in the signer, at the least, and with the SDK's crates.
//!
//! - `the floor`: one SHA-256 of the canonical request, one HMAC with a derived key, and one copy
//!   of the URL. All else is known in advance. No signer can be faster.
//! - `s3-link-signer`: [`Signer::sign`], with another object each time.
//! - `aws-sigv4`: the crate by itself. It derives the signing key each time and leaves the URL to its
//!   caller, so no URL is made here.
//! - `aws-sdk-s3`: `presigned()`. It does not need an HTTP client either.
//! - `s3-link-signer, multi-region access point`: [`Signer::sign`] with `SigV4A`, which it leaves
//!   to the SDK.
//!
//! Each signs a run of URLs in its turn, and its median and its shortest run are printed. On a machine
//! that does other work too, the shortest run is nearer to the truth. All but the last sign the same
//! request. Before anything is measured, the program checks that they sign it alike.

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Region};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SessionTokenMode, SignableBody, SignableRequest,
    SignatureLocation, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use link_rules::object::ObjectRef;
use link_rules::response_headers::ResponseHeaders;
use link_rules::window::{LimitedBy, Window};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};
use s3_link_signer::{Aws, AwsSettings, GetObject, Operation, Signer};

const BUCKET: &str = "private-files-of-example-com";
const MULTI_REGION: &str = "arn:aws:s3::123456789012:accesspoint:mfzwi23gnjvgw.mrap";
const REGION: &str = "eu-west-1";
const KEY: &str = "private-files/2026/11/quarterly-report-00000.pdf";
const LINK_ID: &str = "a848b80e-cf3b-4076-b792-27e1dbf10a28";
/// What `ResponseHeaders::default()` signs.
const DISPOSITION: &str = "attachment";
const EXPIRES_IN: u64 = 900;

/// URLs in one run. A run is short, so that the scheduler seldom interrupts it.
const URLS: u32 = 200;
/// Runs of each signer.
const RUNS: usize = 300;

/// A name, and what signs a URL for the n-th key.
type Candidate<'a> = (&'static str, Box<dyn FnMut(usize) + 'a>);

fn main() {
    // The SDK's time-outs need a runtime's clock, even though signing waits for nothing.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _within = runtime.enter();

    let request = Request::new();
    let window = request.window();
    let response_headers = ResponseHeaders::default();
    let aws = Aws::new(AwsSettings { region: REGION.to_owned(), ..AwsSettings::default() });
    let signer = Signer::new(aws);
    let sign = |bucket, key| {
        let object = ObjectRef { bucket, region: REGION, key, version_id: None };
        let get = GetObject { object, response_headers: &response_headers };
        let operation = Operation::GetObject(get);
        signer.sign(&request.credentials, &operation, LINK_ID, &window).unwrap()
    };
    let floor = Floor::new(&request);
    let client = request.client();

    let url = sign(BUCKET, KEY);
    assert!(sorted(&floor.sign()) == sorted(&url), "the floor signs another URL");
    assert!(sorted(&request.with_the_sdk(&client)) == sorted(&url), "the SDK signs another URL");
    let signature = url.split("X-Amz-Signature=").nth(1).map(|rest| &rest[..64]);
    assert_eq!(Some(request.with_sigv4(KEY).as_str()), signature, "aws-sigv4 signs another URL");

    let keys: Vec<_> =
        (0..URLS).map(|number| KEY.replace("00000", &format!("{number:05}"))).collect();
    let mut candidates: [Candidate<'_>; 5] = [
        ("the floor", Box::new(|_| drop(black_box(floor.sign())))),
        ("**s3-link-signer**", Box::new(|n| drop(black_box(sign(BUCKET, &keys[n]))))),
        ("aws-sigv4, no URL made", Box::new(|n| drop(black_box(request.with_sigv4(&keys[n]))))),
        ("aws-sdk-s3, `presigned()`", Box::new(|_| drop(black_box(request.with_the_sdk(&client))))),
        (
            "**s3-link-signer**, multi-region access point",
            Box::new(|n| drop(black_box(sign(MULTI_REGION, &keys[n])))),
        ),
    ];
    let mut times = [const { Vec::new() }; 5];
    for _ in 0..RUNS {
        for ((_, candidate), times) in candidates.iter_mut().zip(&mut times) {
            let start = Instant::now();
            (0..URLS as usize).for_each(&mut *candidate);
            times.push(start.elapsed() / URLS);
        }
    }
    println!("| one URL of {} characters | median | least |\n| --- | ---: | ---: |", url.len());
    for ((name, _), mut times) in candidates.into_iter().zip(times) {
        times.sort_unstable();
        println!("| {name} | {} | {} |", microseconds(times[RUNS / 2]), microseconds(times[0]));
    }
}

fn microseconds(time: Duration) -> String {
    format!("{:.2} µs", time.as_secs_f64() * 1e6)
}

/// What is signed, but for the multi-region access point, which is another bucket.
struct Request {
    credentials: Credentials,
    signed_at: Timestamp,
}

impl Request {
    /// With a session token as long as Lambda's own.
    fn new() -> Self {
        let token: String = ('A'..='Z').chain('a'..='z').chain("0123456789+/".chars()).collect();
        Self {
            credentials: Credentials::new(
                "ASIAIOSFODNN7EXAMPLE",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                Some(token.repeat(16)),
                None,
                "bench",
            ),
            signed_at: Timestamp::from_second(Timestamp::now().as_second()).unwrap(),
        }
    }

    fn window(&self) -> Window {
        Window {
            signed_at: self.signed_at,
            expires_in: EXPIRES_IN,
            expires_at: self.signed_at + SignedDuration::from_secs(900),
            limited_by: LimitedBy::Request,
        }
    }

    fn signed_at(&self) -> SystemTime {
        SystemTime::try_from(self.signed_at).unwrap()
    }

    fn client(&self) -> Client {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(self.credentials.clone());
        Client::from_conf(config.build())
    }

    fn with_the_sdk(&self, client: &Client) -> String {
        let presigning = PresigningConfig::builder()
            .start_time(self.signed_at())
            .expires_in(Duration::from_secs(EXPIRES_IN))
            .build();
        let presigned = client
            .get_object()
            .bucket(BUCKET)
            .key(KEY)
            .response_content_disposition(DISPOSITION)
            .customize()
            .mutate_request(|request| {
                let uri = format!("{}&x-link-id={LINK_ID}", request.uri());
                request.set_uri(uri).unwrap();
            })
            .presigned(presigning.unwrap());
        // Signing waits for nothing.
        presigned.now_or_never().unwrap().unwrap().uri().to_owned()
    }

    fn with_sigv4(&self, key: &str) -> String {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(EXPIRES_IN));
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
        settings.session_token_mode = SessionTokenMode::Include;
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name("s3")
            .time(self.signed_at())
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let url = format!(
            "https://{BUCKET}.s3.{REGION}.amazonaws.com/{key}?x-id=GetObject\
             &response-content-disposition={DISPOSITION}&x-link-id={LINK_ID}"
        );
        let request =
            SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::UnsignedPayload);
        sign(request.unwrap(), &params).unwrap().into_parts().1
    }
}

/// Everything about one URL but its signature.
struct Floor {
    canonical_request: String,
    /// The string to sign, up to the hash.
    to_sign: String,
    key: hmac::Key,
    /// The URL around its signature.
    before: String,
    after: String,
}

impl Floor {
    fn new(request: &Request) -> Self {
        let time = request.signed_at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = &time[..8];
        let scope = format!("{day}/{REGION}/s3/aws4_request");
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let token = encode(request.credentials.session_token().unwrap());
        let host = format!("{BUCKET}.s3.{REGION}.amazonaws.com");
        let signed = format!(
            "X-Amz-Algorithm=AWS4%2DHMAC%2DSHA256&X-Amz-Credential={}%2F{}&X-Amz-Date={time}\
             &X-Amz-Expires={EXPIRES_IN}",
            request.credentials.access_key_id(),
            encode(&scope),
        )
        .replace("%2D", "-")
        .replace("%5F", "_");
        let secret = format!("AWS4{}", request.credentials.secret_access_key());
        let key = [day, REGION, "s3", "aws4_request"].iter().fold(
            hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
            |key, part| {
                hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
            },
        );
        Self {
            canonical_request: format!(
                "GET\n/{KEY}\n{signed}&X-Amz-Security-Token={token}&X-Amz-SignedHeaders=host\
                 &response-content-disposition={DISPOSITION}&x-id=GetObject&x-link-id={LINK_ID}\n\
                 host:{host}\n\nhost\nUNSIGNED-PAYLOAD"
            ),
            to_sign: format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n"),
            key,
            before: format!(
                "https://{host}/{KEY}?x-id=GetObject&response-content-disposition={DISPOSITION}\
                 &x-link-id={LINK_ID}&{signed}&X-Amz-SignedHeaders=host&X-Amz-Signature="
            ),
            after: format!("&X-Amz-Security-Token={token}"),
        }
    }

    fn sign(&self) -> String {
        let hash = digest::digest(&digest::SHA256, self.canonical_request.as_bytes());
        let mut signature = hmac::Context::with_key(&self.key);
        signature.update(self.to_sign.as_bytes());
        signature.update(&hex(hash.as_ref()));
        let mut url = String::with_capacity(self.before.len() + 64 + self.after.len());
        url.push_str(&self.before);
        url.extend(hex(signature.sign().as_ref()).map(char::from));
        url.push_str(&self.after);
        url
    }
}

fn hex(hash: &[u8]) -> [u8; 64] {
    let mut hex = [0; 64];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(hash) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    hex
}

/// A URL's path and its parameters, sorted: the signature does not depend on their order.
fn sorted(url: &str) -> Vec<&str> {
    let mut parts: Vec<_> = url.split(['?', '&']).collect();
    parts.sort_unstable();
    parts
}
