//! A function that answers `POST /links` and `POST /links/batch`, but for the signature: each
//! program brings its own.
//!
//! All do what s3-link-signer does for a link with a declared session: they parse the event with
//! `aws_lambda_events`, sign an id into the URL, log one line of JSON per link through a subscriber
//! with the same settings, and answer with the same fields.
//!
//! They do less than s3-link-signer:
//!
//! - They look no grant up. They sign any key of the first grant's bucket, for anybody.
//! - They know nothing of the session, so a URL may stop working before its window ends.
//! - They know one bucket, and no object versions, file names or content types.
//! - They refuse nothing in the caller's words: a wrong request is an error of the function.
//! - They write no metrics.

mod logging;
mod protocol;

use std::env;
use std::time::{Duration, SystemTime};

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;

use crate::protocol::{BatchRequest, BatchResponse, LinkRequest, LinkResponse, Session};

/// The longest `X-Amz-Expires` that Signature Version 4 allows, in seconds (seven days).
const SIGNATURE_MAX_EXPIRES_IN: u64 = 604_800;

/// The most links in one batch.
const MAX_LINKS: usize = 1_000;

/// What a signer needs to know when the function starts.
pub struct Settings {
    /// The bucket of the first grant.
    pub bucket: String,
    /// The bucket's region.
    pub region: String,
    /// The access key's id.
    pub access_key_id: String,
    /// The access key's secret.
    pub secret_access_key: String,
    /// The session's token.
    pub session_token: String,
}

/// One URL to sign.
pub struct Presign<'a> {
    /// The object's key, not encoded.
    pub key: &'a str,
    /// The value of the query parameter `x-link-id`.
    pub link_id: &'a str,
    /// The time of the signature: a whole second.
    pub signed_at: SystemTime,
    /// How long the URL works.
    pub expires_in: Duration,
}

#[derive(Deserialize)]
struct Grant {
    bucket: String,
    region: String,
}

impl Settings {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    ///
    /// A variable is missing, or `GRANTS` holds no grant.
    pub fn from_environment() -> Result<Self, Error> {
        let grants: Vec<Grant> = serde_json::from_str(&env::var("GRANTS")?)?;
        let Grant { bucket, region } = grants.into_iter().next().ok_or("GRANTS is empty")?;
        Ok(Self {
            bucket,
            region,
            access_key_id: env::var("AWS_ACCESS_KEY_ID")?,
            secret_access_key: env::var("AWS_SECRET_ACCESS_KEY")?,
            session_token: env::var("AWS_SESSION_TOKEN")?,
        })
    }
}

/// Answers events until Lambda ends the process. `presign` signs a URL of an object in `bucket`.
///
/// # Errors
///
/// The Runtime API can't be reached.
pub async fn run(
    bucket: &str,
    presign: impl AsyncFn(&Presign<'_>) -> Result<String, Error>,
) -> Result<(), Error> {
    logging::start();
    let function = &Function { bucket, presign };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        function.handle(&event.payload, &event.context.request_id).await
    }))
    .await
}

struct Function<'a, Sign> {
    bucket: &'a str,
    presign: Sign,
}

impl<Sign: AsyncFn(&Presign<'_>) -> Result<String, Error>> Function<'_, Sign> {
    async fn handle(
        &self,
        event: &ApiGatewayV2httpRequest,
        request_id: &str,
    ) -> Result<ApiGatewayV2httpResponse, Error> {
        let principal = principal(event).ok_or("the event names no principal")?;
        let body = event.body.as_deref().unwrap_or_default();
        let body = match event.raw_path.as_deref() {
            Some("/links") => {
                let request = serde_json::from_str(body)?;
                serde_json::to_string(&self.link(request, principal, request_id).await?)?
            }
            Some("/links/batch") => {
                let BatchRequest { links: requests } = serde_json::from_str(body)?;
                if requests.len() > MAX_LINKS {
                    return Err("too many links".into());
                }
                let mut links = Vec::with_capacity(requests.len());
                for request in requests {
                    links.push(self.link(request, principal, request_id).await?);
                }
                serde_json::to_string(&BatchResponse { links })?
            }
            _ => return Err("no such path".into()),
        };
        let mut response = ApiGatewayV2httpResponse::default();
        response.status_code = 200;
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.body = Some(Body::Text(body));
        logging::write_lines()?;
        Ok(response)
    }

    async fn link(
        &self,
        request: LinkRequest,
        principal: &str,
        request_id: &str,
    ) -> Result<LinkResponse<'_>, Error> {
        let expires_in = request.expires_in.min(SIGNATURE_MAX_EXPIRES_IN);
        let signed_at = Timestamp::from_second(Timestamp::now().as_second())?;
        let link_id = uuid::Uuid::new_v4().to_string();
        let url = (self.presign)(&Presign {
            key: &request.key,
            link_id: &link_id,
            signed_at: signed_at.into(),
            expires_in: Duration::from_secs(expires_in),
        })
        .await?;
        let limited_by = if expires_in < request.expires_in { "signature" } else { "request" };
        let evidence = "assumed";
        tracing::info!(
            link_id,
            request_id,
            principal,
            bucket = self.bucket,
            key = request.key,
            expires_in,
            limited_by,
            evidence,
            "link signed"
        );
        Ok(LinkResponse {
            url,
            link_id,
            method: "GET",
            bucket: self.bucket,
            key: request.key,
            expires_at: signed_at + SignedDuration::from_secs(expires_in.cast_signed()),
            expires_in,
            requested_expires_in: request.expires_in,
            limited_by,
            session: Session { evidence },
            proven: false,
        })
    }
}

/// Who asks, as the gateway authenticated them with IAM.
fn principal(event: &ApiGatewayV2httpRequest) -> Option<&str> {
    event.request_context.authorizer.as_ref()?.iam.as_ref()?.user_arn.as_deref()
}
