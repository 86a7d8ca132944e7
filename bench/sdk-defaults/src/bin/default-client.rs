//! The function itself, but for one thing: the HTTP client that asks STS for the session's evidence
//! is the SDK's default one instead of `outbound`'s. What that costs is the difference between the
//! two first answers; that this one is built for speed throughout takes a little from it.
//!
//! Nothing but the HTTP client is left to the SDK's defaults: `aws_config::load()` would make this
//! dearer still. The token is read, and no more; that it is about this function is not checked.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_sts::Client;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{BehaviorVersion, Config, Region};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use s3_link_signer::doors::Function;
use s3_link_signer::links::Links;
use s3_link_signer::outbound::{self, Outbound};
use s3_link_signer::regions::Regions;
use s3_link_signer::session::credentials::CredentialsSource;
use s3_link_signer::session::execution::ExecutionRole;
use s3_link_signer::session::sessions::Sessions;
use s3_link_signer::settings::Settings;
use s3_link_signer::sts::{Sts, TOKEN_AUDIENCE};
use s3_link_signer::telemetry;
use s3_link_signer::window::DEFAULT_EXPIRES_IN;
use serde_json::Value;
use serde_json::value::RawValue;

/// The environment's credentials, with the end STS states of them.
#[derive(Debug)]
struct Attested {
    credentials: Credentials,
    sts: Client,
}

impl ProvideCredentials for Attested {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let call = self
                .sts
                .get_web_identity_token()
                .audience(TOKEN_AUDIENCE)
                .signing_algorithm("ES384")
                .duration_seconds(60)
                .send();
            let answer = Box::pin(call).await.map_err(CredentialsError::provider_error)?;
            let end = answer.web_identity_token().and_then(end_stated_by);
            let mut credentials = self.credentials.clone();
            *credentials.expiry_mut() = end;
            Ok(credentials)
        })
    }
}

fn end_stated_by(token: &str) -> Option<SystemTime> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let end = claims["https://sts.amazonaws.com/"]["original_session_exp"].as_str()?;
    SystemTime::try_from(end.parse::<Timestamp>().ok()?).ok()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start_logging(std::env::var("AWS_LAMBDA_LOG_FORMAT").ok().as_deref(), None);
    let settings = Settings::read(|name| std::env::var(name).ok(), Timestamp::now())?;
    let name = settings.execution.function_name.clone();
    let links = links(settings).ok_or("there are no credentials in the environment")?;
    let print_metrics = telemetry::print_metrics;
    let function = Arc::new(Function { links, mailer: None, base_path: None, name, print_metrics });

    let early = Arc::clone(&function);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let _ = early.links.sessions.find(DEFAULT_EXPIRES_IN, Timestamp::now()).await;
    });
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let function = Arc::clone(&function);
        async move {
            let request_id = &event.context.request_id;
            function.handle(&event.payload, request_id, Timestamp::MAX).await
        }
    }))
    .await
}

fn links(settings: Settings) -> Option<Links> {
    let credentials = settings.credentials?;
    // `Sts`'s own client, without its `http_client`.
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .credentials_provider(credentials.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(outbound::timeouts());
    config.set_endpoint_url(settings.sts_endpoint.clone());
    let source = CredentialsSource::provider(Attested {
        credentials,
        sts: Client::from_conf(config.build()),
    });
    let outbound = Arc::new(Outbound::new(settings.trust));
    let sts = Sts::new(settings.region.clone(), settings.sts_endpoint, Arc::clone(&outbound));
    let execution =
        ExecutionRole::new(source, sts.clone(), settings.execution, settings.signer.clone());
    Some(Links {
        grants: settings.grants,
        sessions: Sessions::new(execution, None, sts),
        regions: Regions::new(settings.region, settings.signer, Arc::clone(&outbound)),
        outbound,
        clock: Timestamp::now,
    })
}
