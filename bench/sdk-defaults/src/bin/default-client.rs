//! A function that asks STS for the end of its session with the SDK's default HTTP client.
//!
//! It signs with s3-link-signer's signer, so the difference between its first answer and
//! s3-link-signer's is mostly the HTTP client. It asks before the first event, as s3-link-signer
//! does. It does not load its configuration with `aws_config::load()`, which would make it slower
//! still.
//!
//! It reads the end of the session in STS's token, and checks neither the token's claims nor any
//! window against that end. What else it leaves out stands in the first lines of the library
//! `peers`.

use std::env;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{BehaviorVersion, Config, Region};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::Error;
use link_rules::object::ObjectRef;
use link_rules::response_headers::ResponseHeaders;
use link_rules::window::{LimitedBy, Window};
use peers::{Presign, Settings};
use s3_link_signer::{Aws, AwsSettings, GetObject, Operation, Signer};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let Settings { bucket, region, access_key_id, secret_access_key, session_token } =
        Settings::from_environment()?;
    let credentials =
        Credentials::new(access_key_id, secret_access_key, Some(session_token), None, "bench");
    if session_end(&credentials, &region).await? < SystemTime::now() {
        return Err("the session is over".into());
    }
    let aws = Aws::new(AwsSettings { region: region.clone(), ..AwsSettings::default() });
    let signer = Signer::new(aws);
    let response_headers = ResponseHeaders::default();
    peers::run(&bucket, async |link: &Presign<'_>| {
        let operation = Operation::GetObject(GetObject {
            object: ObjectRef { bucket: &bucket, region: &region, key: link.key, version_id: None },
            response_headers: &response_headers,
        });
        let signed_at = Timestamp::try_from(link.signed_at)?;
        let window = Window {
            signed_at,
            expires_in: link.expires_in.as_secs(),
            expires_at: signed_at + SignedDuration::try_from(link.expires_in)?,
            limited_by: LimitedBy::Request,
        };
        Ok(signer.sign(&credentials, &operation, link.link_id, &window)?)
    })
    .await
}

/// The end of the session, as STS states it.
async fn session_end(credentials: &Credentials, region: &str) -> Result<SystemTime, Error> {
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(credentials.clone())
        .retry_config(RetryConfig::disabled())
        // Under valgrind a connection can take longer than the default time-out.
        .timeout_config(TimeoutConfig::disabled());
    config.set_endpoint_url(env::var("AWS_ENDPOINT_URL_STS").ok());
    let call = Client::from_conf(config.build())
        .get_web_identity_token()
        .audience("https://s3-link-signer.invalid")
        .signing_algorithm("ES384")
        .duration_seconds(60)
        .send();
    let response = Box::pin(call).await?;
    let token = response.web_identity_token().ok_or("STS sent no token")?;
    end_stated_by(token).ok_or_else(|| "the token states no end of the session".into())
}

fn end_stated_by(token: &str) -> Option<SystemTime> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let end = claims["https://sts.amazonaws.com/"]["original_session_exp"].as_str()?;
    SystemTime::try_from(end.parse::<Timestamp>().ok()?).ok()
}
