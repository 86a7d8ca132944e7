//! The signer of uploads against aws-sdk-s3: the same parameters, headers and signature.
//!
//! The SDK presigns `PutObject` and `UploadPart` alone. `tests/e2e/signatures` asks botocore about the other steps and
//! about forms, and servers that verify signatures.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Region};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use jiff::{SignedDuration, Timestamp};
use link_rules::object::ObjectRef;
use link_rules::window::{LimitedBy, Window};
use s3_link_signer::{Aws, AwsSettings, NewObject, Operation, Signer, StepOfUpload};

const LINK_ID: &str = "a848b80e-cf3b-4076-b792-27e1dbf10a28";
const EXPIRES_IN: u64 = 600;

fn signed_at() -> Timestamp {
    "2026-11-29T12:34:56Z".parse().unwrap()
}

fn credentials() -> Credentials {
    Credentials::new("ASIAUPLOAD", "secret/+", Some("token/+=".to_owned()), None, "test")
}

/// Our URL, with its parameters sorted: the SDK writes them in another order.
fn ours(operation: &Operation<'_>) -> Vec<String> {
    let window = Window {
        signed_at: signed_at(),
        expires_in: EXPIRES_IN,
        expires_at: signed_at() + SignedDuration::from_secs(600),
        limited_by: LimitedBy::Request,
    };
    let settings = AwsSettings { region: "eu-west-1".to_owned(), ..AwsSettings::default() };
    let url = Signer::new(Aws::new(settings)).sign(&credentials(), operation, LINK_ID, &window);
    sorted(&url.unwrap())
}

fn sorted(url: &str) -> Vec<String> {
    let (address, query) = url.split_once('?').unwrap();
    let mut parts: Vec<_> = query.split('&').map(str::to_owned).collect();
    parts.sort();
    parts.insert(0, address.to_owned());
    parts
}

fn client() -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials()))
        .request_checksum_calculation(aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired);
    Client::from_conf(config.build())
}

fn presigning() -> PresigningConfig {
    PresigningConfig::builder()
        .start_time(SystemTime::try_from(signed_at()).unwrap())
        .expires_in(Duration::from_secs(EXPIRES_IN))
        .build()
        .unwrap()
}

/// The SDK's request with these headers and the link's id, signed.
macro_rules! the_sdk_s {
    ($request:expr, $headers:expr) => {{
        let headers: Vec<(String, String)> = $headers
            .iter()
            .map(|(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let change = move |request: &mut HttpRequest| {
            let uri = format!("{}&x-link-id={LINK_ID}", request.uri());
            request.set_uri(uri).unwrap();
            for (name, value) in &headers {
                request.headers_mut().insert(name.clone(), value.clone());
            }
        };
        let presigned =
            $request.customize().mutate_request(change).presigned(presigning()).await.unwrap();
        sorted(presigned.uri())
    }};
}

#[tokio::test]
async fn files_and_parts_are_signed_as_the_sdk_signs_them() {
    let client = client();
    for key in ["in/a.txt", "in/ü b+c%2F//?#.png", "in/🦀/'(x)*"] {
        let object = ObjectRef { bucket: "my-files", region: "eu-west-1", key, version_id: None };
        let put = [
            ("content-type", "text/plain; charset=utf-8"),
            ("content-length", "7"),
            ("if-none-match", "*"),
            ("x-amz-meta-author", "alice   b"),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-checksum-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        ];
        let new = NewObject { object, headers: &put };
        let request = client.put_object().bucket("my-files").key(key);
        assert_eq!(ours(&Operation::PutObject(new)), the_sdk_s!(request, put), "{key}");

        let part = [("content-type", "application/octet-stream"), ("content-length", "5242880")];
        let step = StepOfUpload { object, upload_id: "u/1+2=", headers: &part };
        let request = client.upload_part().bucket("my-files").key(key);
        let request = request.upload_id("u/1+2=").part_number(7);
        assert_eq!(ours(&Operation::UploadPart(step, "7")), the_sdk_s!(request, part));
    }
}
