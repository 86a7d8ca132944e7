//! The signer against aws-sdk-s3: the same parameters and the same signature.
//!
//! The SDK writes the parameters in another order, and the signature does not depend on their
//! order. Both URLs are therefore compared with their parameters sorted.
//!
//! `tests/e2e/signatures` asks botocore, and a server that verifies signatures.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Region};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use jiff::{SignedDuration, Timestamp};
use link_rules::object::ObjectRef;
use link_rules::response_headers::{DownloadAs, ResponseHeaders};
use link_rules::window::{LimitedBy, Window};
use proptest::prelude::*;
use s3_link_signer::{Aws, AwsSettings, GetObject, Operation, SignError, Signer};

/// One link to be signed twice: by us and by the SDK.
#[derive(Clone, Debug)]
struct Case {
    credentials: Credentials,
    settings: AwsSettings,
    is_head: bool,
    bucket: String,
    region: String,
    key: String,
    version_id: Option<String>,
    response_headers: ResponseHeaders,
    signed_at: Timestamp,
    expires_in: u64,
}

const LINK_ID: &str = "a848b80e-cf3b-4076-b792-27e1dbf10a28";
const MULTI_REGION: &str = "arn:aws:s3::123456789012:accesspoint:mfzwi23gnjvgw.mrap";

impl Case {
    fn window(&self) -> Window {
        let length = SignedDuration::from_secs(i64::try_from(self.expires_in).unwrap());
        Window {
            signed_at: self.signed_at,
            expires_in: self.expires_in,
            expires_at: self.signed_at + length,
            limited_by: LimitedBy::Request,
        }
    }

    fn ours(&self, signer: &Signer) -> Result<String, SignError> {
        let get = GetObject {
            object: ObjectRef {
                bucket: &self.bucket,
                region: &self.region,
                key: &self.key,
                version_id: self.version_id.as_deref(),
            },
            response_headers: &self.response_headers,
        };
        let operation =
            if self.is_head { Operation::HeadObject(get) } else { Operation::GetObject(get) };
        signer.sign(&self.credentials, &operation, LINK_ID, &self.window())
    }

    fn signer(&self) -> Signer {
        Signer::new(Aws::new(self.settings.clone()))
    }

    async fn the_sdk_s(&self) -> Result<String, String> {
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(self.credentials.clone()))
            .use_fips(self.settings.use_fips)
            .use_dual_stack(self.settings.use_dual_stack);
        config.set_endpoint_url(self.settings.s3_endpoint.clone());
        let presigning = PresigningConfig::builder()
            .start_time(SystemTime::try_from(self.signed_at).unwrap())
            .expires_in(Duration::from_secs(self.expires_in))
            .build()
            .unwrap();
        let ResponseHeaders { content_disposition, content_type } = &self.response_headers;
        let with_link_id = |request: &mut HttpRequest| {
            let uri = format!("{}&x-link-id={LINK_ID}", request.uri());
            request.set_uri(uri).unwrap();
        };
        let client = Client::from_conf(config.build());
        let presigned = if self.is_head {
            let request = client.head_object().bucket(&self.bucket).key(&self.key);
            let request = request
                .set_version_id(self.version_id.clone())
                .response_content_disposition(content_disposition)
                .set_response_content_type(content_type.clone())
                .customize()
                .mutate_request(with_link_id);
            request.presigned(presigning).await.map_err(|error| format!("{error:?}"))?
        } else {
            let request = client.get_object().bucket(&self.bucket).key(&self.key);
            let request = request
                .set_version_id(self.version_id.clone())
                .response_content_disposition(content_disposition)
                .set_response_content_type(content_type.clone())
                .customize()
                .mutate_request(with_link_id);
            request.presigned(presigning).await.map_err(|error| format!("{error:?}"))?
        };
        assert_eq!(presigned.method(), if self.is_head { "HEAD" } else { "GET" });
        assert_eq!(presigned.headers().count(), 0);
        Ok(presigned.uri().to_owned())
    }
}

fn keys() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{1,40}",
        "[a-z/+%~ ]{1,40}",
        "\\PC{1,40}",
        any::<String>().prop_filter("a key has a byte", |key| !key.is_empty()),
        Just("/".to_owned()),
        Just("//leading and trailing//".to_owned()),
        Just("line\nbreak\u{0}".to_owned()),
        Just("e\u{301} and \u{e9}".to_owned()),
        Just("🦀".repeat(256)),
    ]
}

fn buckets() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("files"),
        Just("my-files-2026"),
        Just("files.example.com"),
        Just("My_Bucket"),
        Just("FILES"),
        Just("my-access-po-5yrgmkrjgb3ekdu8ik4m6hfm1yt5kuse1b-s3alias"),
        Just("arn:aws:s3:eu-west-1:123456789012:accesspoint/reports"),
        Just("arn:aws:s3-object-lambda:eu-west-1:123456789012:accesspoint/redacting"),
        Just(MULTI_REGION),
    ]
}

fn regions() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("us-east-1"),
        Just("eu-west-1"),
        Just("eu-west-1"),
        Just("cn-north-1"),
        Just("us-gov-west-1"),
        Just("auto"),
        Just("garage"),
    ]
}

fn settings() -> impl Strategy<Value = AwsSettings> {
    let endpoint = prop_oneof![
        3 => Just(None),
        1 => Just(Some("http://127.0.0.1:9000")),
        1 => Just(Some("https://s3.example.com")),
        1 => Just(Some("http://localhost:4566/with/a/path/")),
        1 => Just(Some("https://s3.example.com:443")),
        1 => Just(Some("http://s3.example.com:80")),
    ];
    (endpoint, any::<bool>(), any::<bool>()).prop_map(|(endpoint, use_fips, use_dual_stack)| {
        let endpoint = endpoint.map(str::to_owned);
        let aws = endpoint.is_none();
        AwsSettings {
            s3_endpoint: endpoint,
            use_fips: use_fips && aws,
            use_dual_stack: use_dual_stack && aws,
            ..AwsSettings::default()
        }
    })
}

fn credentials() -> impl Strategy<Value = Credentials> {
    ("ASIA[A-Z0-9]{16}", "[A-Za-z0-9/+]{40}", prop::option::of("[A-Za-z0-9/+=]{1,900}"))
        .prop_map(|(key, secret, token)| Credentials::new(key, secret, token, None, "test"))
}

fn response_headers() -> impl Strategy<Value = ResponseHeaders> {
    (prop::option::of("[^\\p{C}/\\\\]{1,40}"), any::<bool>()).prop_map(|(filename, typed)| {
        let content_type = typed.then_some("text/plain; charset=utf-8");
        let filename = filename.as_deref();
        ResponseHeaders::new(DownloadAs { filename, content_type, ..DownloadAs::default() })
            .unwrap_or_default()
    })
}

fn cases() -> impl Strategy<Value = Case> {
    let target = (buckets(), regions(), settings(), credentials());
    let what = (keys(), prop::option::of("[ -~]{1,40}"), response_headers(), any::<bool>());
    let when = (946_684_800_i64..4_102_444_800, 1..=604_800_u64);
    (target, what, when).prop_map(|(target, what, when)| Case {
        bucket: target.0.to_owned(),
        region: target.1.to_owned(),
        settings: target.2,
        credentials: target.3,
        key: what.0,
        version_id: what.1,
        response_headers: what.2,
        is_head: what.3,
        signed_at: Timestamp::from_second(when.0).unwrap(),
        expires_in: when.1,
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_url_has_the_sdk_s_parameters_and_signature(case in cases()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        match (case.ours(&case.signer()), runtime.block_on(case.the_sdk_s())) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(sorted(&ours), sorted(&theirs)),
            // Neither has an endpoint for an access point of another partition, or for an ARN with
            // a custom endpoint.
            (Err(_), Err(_)) => {}
            // S3 accepts a key that is white space only. The SDK takes it for missing.
            (Ok(_), Err(_)) if case.key.trim().is_empty() => {}
            (ours, theirs) => prop_assert!(false, "{ours:?} but the SDK: {theirs:?}"),
        }
    }

    #[test]
    fn a_url_does_not_depend_on_what_was_signed_before_it(
        first in cases(),
        others in prop::collection::vec(
            (keys(), -3..3_i64, -90_000..90_000_i64, prop::option::of(credentials())), 1..8
        )
    ) {
        let signer = first.signer();
        for (key, seconds, far, other_credentials) in others {
            for offset in [0, seconds, far] {
                let signed_at = first.signed_at + SignedDuration::from_secs(offset);
                let credentials = other_credentials.as_ref().unwrap_or(&first.credentials).clone();
                let case = Case { key: key.clone(), signed_at, credentials, ..first.clone() };
                prop_assert_eq!(case.ours(&signer), case.ours(&case.signer()));
            }
        }
    }
}

/// A URL with its parameters sorted.
fn sorted(url: &str) -> String {
    let (path, query) = url.split_once('?').unwrap();
    let mut parameters: Vec<_> = query.split('&').collect();
    parameters.sort_unstable();
    format!("{path}?{}", parameters.join("&"))
}

fn case() -> Case {
    Case {
        credentials: Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "test"),
        settings: AwsSettings::default(),
        is_head: false,
        bucket: "files".to_owned(),
        region: "eu-west-1".to_owned(),
        key: "private-files/report.pdf".to_owned(),
        version_id: None,
        response_headers: ResponseHeaders::default(),
        signed_at: Timestamp::from_second(1_795_000_000).unwrap(),
        expires_in: 60,
    }
}

#[test]
fn only_the_host_is_signed_and_the_window_is_in_the_url_as_promised() {
    let case = case();
    let url = case.ours(&case.signer()).unwrap();
    assert!(url.contains("&X-Amz-SignedHeaders=host&"), "{url}");
    assert!(url.contains("&X-Amz-Expires=60&"), "{url}");
    assert!(url.contains("&X-Amz-Date=20261118T110640Z"), "{url}");
    assert!(url.contains("X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261118%2Feu-west-1%2Fs3%2F"));
}

#[test]
fn links_to_a_multi_region_access_point_are_signed_for_all_regions() {
    let case = Case { bucket: MULTI_REGION.to_owned(), ..case() };
    let url = case.ours(&case.signer()).unwrap();
    let origin = "https://mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com/private-files/";
    assert!(url.starts_with(origin), "{url}");
    assert!(url.contains("&X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&"), "{url}");
    assert!(url.contains("&X-Amz-Region-Set=%2A") && url.contains("&X-Amz-Expires=60&"), "{url}");
    assert!(url.contains("&X-Amz-SignedHeaders=host&") && url.contains(LINK_ID), "{url}");
}

#[test]
fn a_link_for_head_to_a_multi_region_access_point_has_another_signature_than_one_for_get() {
    let head = Case { is_head: true, bucket: MULTI_REGION.to_owned(), ..case() };
    let url = head.ours(&head.signer()).unwrap();
    assert!(
        url.contains("&X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&") && url.contains(LINK_ID),
        "{url}"
    );
    assert!(!url.contains("x-id="), "{url}");
}

#[test]
fn a_bucket_that_wants_another_signature_is_refused_with_a_sentence() {
    let outpost =
        "arn:aws:s3-outposts:eu-west-1:123456789012:outpost:op-01234567890123456:accesspoint:files";
    for (bucket, scheme) in [("files--euw1-az1--x-s3", "sigv4-s3express"), (outpost, "sigv4a")] {
        let case = Case { bucket: bucket.to_owned(), ..case() };
        let error = case.ours(&case.signer()).unwrap_err();
        assert!(error.to_string().contains(scheme), "{error}");
    }
}

#[test]
fn an_endpoint_that_is_no_url_is_refused() {
    for endpoint in ["https://s3.example.com/a\"b", "https://s3.example.com/a\\b"] {
        let endpoint = Some(endpoint.to_owned());
        let case = Case {
            settings: AwsSettings { s3_endpoint: endpoint, ..Default::default() },
            ..case()
        };
        let signed = case.ours(&case.signer());
        assert!(matches!(signed, Err(SignError::NoEndpoint { .. })), "{signed:?}");
    }
}
