//! The function signed by aws-sigv4. What it leaves out stands in the library's first lines.
//!
//! The crate signs a URL that its caller writes, and adds the signature's parameters to it. It
//! derives the signing key for each URL.

use std::iter;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use lambda_runtime::Error;
use peers::{Presign, Settings};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What Signature Version 4 encodes in a path: all but unreserved characters and the slash.
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let Settings { bucket, region, access_key_id, secret_access_key, session_token } =
        Settings::from_environment()?;
    let origin = format!("https://{bucket}.s3.{region}.amazonaws.com");
    let identity = Credentials::new(
        access_key_id,
        secret_access_key,
        Some(session_token),
        None,
        "environment",
    )
    .into();
    peers::run(&bucket, async |link: &Presign<'_>| {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(link.expires_in);
        // S3 wants paths as they are sent: encoded once, and not normalized.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&region)
            .name("s3")
            .time(link.signed_at)
            .settings(settings)
            .build()?
            .into();
        let key = utf8_percent_encode(link.key, PATH);
        let url = format!("{origin}/{key}?x-link-id={}", link.link_id);
        let request =
            SignableRequest::new("GET", &url, iter::empty(), SignableBody::UnsignedPayload)?;
        let (instructions, _) = sign(request, &params)?.into_parts();
        let mut request = http::Request::get(&url).body(())?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request.uri().to_string())
    })
    .await
}
