//! The same function the way the SDK's guide writes it: `aws_config::defaults().load()` at the
//! start, one `presigned()` per link.
//!
//! Requests are understood, grants looked up, links logged and answers written by the function's
//! own code, so that what differs is the SDK's start and its signing and nothing else. It proves
//! nothing about the session and knows no routes but the two that are measured.

use std::env;
use std::time::{Duration, UNIX_EPOCH};

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use s3_link_signer::api::body::Body;
use s3_link_signer::api::{link_json, request};
use s3_link_signer::grant::Grants;
use s3_link_signer::link::{Link, LinkRequest};
use s3_link_signer::principal::Principal;
use s3_link_signer::problem::Problem;
use s3_link_signer::session::Evidence;
use s3_link_signer::telemetry::{self, Invocation};
use s3_link_signer::window::{self, SessionEnd};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The fields read of an HTTP API's event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    raw_path: String,
    body: String,
    request_context: Context,
}

#[derive(Deserialize)]
struct Context {
    authorizer: Authorizer,
}

#[derive(Deserialize)]
struct Authorizer {
    iam: Caller,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Caller {
    user_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rest {
    status_code: u16,
}

struct Function {
    grants: Grants,
    s3: Client,
    name: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start_logging(env::var("AWS_LAMBDA_LOG_FORMAT").ok().as_deref(), None);
    let config = aws_config::defaults(BehaviorVersion::latest()).load().await;
    let function = &Function {
        grants: Grants::parse(&env::var("GRANTS")?)?,
        s3: Client::new(&config),
        name: env::var("AWS_LAMBDA_FUNCTION_NAME")?,
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        function.handle(&event.payload, &event.context.request_id).await
    }))
    .await
}

impl Function {
    async fn handle(&self, event: &RawValue, request_id: &str) -> Result<Box<RawValue>, Error> {
        let event: Event = serde_json::from_str(event.get())?;
        let principal = Principal::Authenticated(event.request_context.authorizer.iam.user_arn);
        let mut invocation = Invocation::new(request_id, &self.name);
        let _gathering = telemetry::gather();
        let mut body = Vec::new();
        if event.raw_path == "/links/batch" {
            body.extend_from_slice(b"{\"links\":[");
            let wanted = request::batch_from_json(event.body.as_bytes()).map_err(said)?;
            for (index, wanted) in wanted.into_iter().enumerate() {
                if index > 0 {
                    body.push(b',');
                }
                let made = match wanted {
                    Ok(wanted) => self.sign(&principal, &wanted).await,
                    Err(problem) => Err(problem),
                };
                match made {
                    Ok(link) => {
                        invocation.signed(&principal, &link);
                        link_json::write(&link, &mut body);
                    }
                    Err(problem) => {
                        invocation.refused(&principal, &problem);
                        serde_json::to_writer(&mut body, &problem)?;
                    }
                }
            }
            body.extend_from_slice(b"]}");
        } else {
            let wanted = request::from_json(event.body.as_bytes()).map_err(said)?;
            let link = self.sign(&principal, &wanted).await.map_err(said)?;
            invocation.signed(&principal, &link);
            link_json::write(&link, &mut body);
        }
        if let Some(line) = invocation.metrics(Timestamp::now()) {
            telemetry::print_metrics(&line);
        }
        let answer = Body::of(&body).into_answer(&Rest { status_code: 200 })?;
        Ok(RawValue::from_string(String::from_utf8(answer)?)?)
    }

    async fn sign(&self, principal: &Principal, wanted: &LinkRequest) -> Result<Link, Problem> {
        let upstream = |error: String| Problem::Upstream(error);
        let bucket = wanted.bucket.as_deref().or_else(|| self.grants.only_bucket());
        let bucket = bucket.ok_or(Problem::NotGranted)?;
        let grant = self.grants.find(principal, bucket, &wanted.key).ok_or(Problem::NotGranted)?;
        let window =
            window::window(Timestamp::now(), wanted.asked, grant.max_expires_in, SessionEnd::Never)
                .map_err(|_| Problem::NotGranted)?;
        let signed_at = u64::try_from(window.signed_at.as_second()).unwrap_or_default();
        let presigning = PresigningConfig::builder()
            .start_time(UNIX_EPOCH + Duration::from_secs(signed_at))
            .expires_in(Duration::from_secs(window.expires_in))
            .build()
            .map_err(|error| upstream(error.to_string()))?;
        let link_id = uuid::Uuid::new_v4().to_string();
        let id = link_id.clone();
        let signed = self
            .s3
            .get_object()
            .bucket(bucket)
            .key(&wanted.key)
            .set_version_id(wanted.version_id.clone())
            .set_response_content_disposition(wanted.response_headers.content_disposition.clone())
            .set_response_content_type(wanted.response_headers.content_type.clone())
            .customize()
            .mutate_request(move |request| {
                let joint = if request.uri().contains('?') { '&' } else { '?' };
                let uri = format!("{}{joint}x-link-id={id}", request.uri());
                // It was a URI before, and the id holds nothing that could change that.
                let _ = request.set_uri(uri);
            })
            .presigned(presigning)
            .await
            .map_err(|error| upstream(error.to_string()))?;
        Ok(Link {
            url: signed.uri().to_owned(),
            link_id,
            bucket: bucket.to_owned(),
            key: wanted.key.clone(),
            window,
            requested_expires_in: wanted.asked.expires_in,
            evidence: Evidence::Assumed,
            session_expires_at: None,
        })
    }
}

fn said(problem: Problem) -> Error {
    problem.detail().into()
}
