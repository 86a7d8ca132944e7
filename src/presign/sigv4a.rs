//! Signature Version 4A, an elliptic curve's, for links to multi-region access points. aws-sdk-s3
//! signs these.
//!
//! The SDK takes about 150 µs per link, so other links do not use it. The client has no HTTP client
//! and only the snapshot of credentials that was examined, so it can neither make a call nor sign
//! with another identity.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use futures_util::FutureExt;
use link_rules::object::ObjectRef;
use link_rules::response_headers::ResponseHeaders;
use link_rules::window::Window;

use super::Operation;
use crate::aws::{Aws, error_chain};

/// Signs with one snapshot of credentials.
pub(super) struct SigV4aSigner(Client);

impl SigV4aSigner {
    pub(super) fn new(aws: &Aws, region: &str, credentials: &Credentials) -> Self {
        Self(aws.s3_for_signing(region, credentials))
    }

    /// The presigned URL, or a sentence that says why there is none.
    pub(super) fn presign(
        &self,
        operation: &Operation<'_>,
        link_id: &str,
        window: &Window,
    ) -> Result<String, String> {
        let (Operation::GetObject(get) | Operation::HeadObject(get)) = *operation else {
            return Err("uploads to multi-region access points are not signed".to_owned());
        };
        let ObjectRef { bucket, key, version_id, .. } = get.object;
        let ResponseHeaders { content_disposition, content_type } = get.response_headers;
        let signed_at =
            SystemTime::try_from(window.signed_at).map_err(|error| error.to_string())?;
        let presigning = PresigningConfig::builder()
            .start_time(signed_at)
            .expires_in(Duration::from_secs(window.expires_in))
            .build()
            .map_err(|error| error.to_string())?;
        let link_id = format!("&x-link-id={link_id}");
        let parameter = link_id.clone();
        let with_link_id = move |request: &mut HttpRequest| {
            let uri = format!("{}{parameter}", request.uri());
            // If this fails, the URL lacks the parameter, which is checked below.
            let _ = request.set_uri(uri);
        };
        // The SDK has a type for each operation, with the same methods.
        macro_rules! presigned {
            ($request:expr) => {{
                let request = $request
                    .bucket(bucket)
                    .key(key)
                    .set_version_id(version_id.map(str::to_owned))
                    .response_content_disposition(content_disposition)
                    .set_response_content_type(content_type.clone())
                    .customize()
                    .mutate_request(with_link_id);
                let signed = request.presigned(presigning).now_or_never();
                signed.map(|signed| signed.map_err(|error| error_chain(&error)))
            }};
        }
        let presigned = if let Operation::GetObject(_) = operation {
            presigned!(self.0.get_object())
        } else {
            presigned!(self.0.head_object())
        };
        let presigned = presigned.ok_or("the SDK did not sign at once")??;
        // Whoever opens a link sends the header `host` and no other.
        if presigned.headers().next().is_some() || !presigned.uri().contains(link_id.as_str()) {
            return Err("the SDK signed another request than it was given".to_owned());
        }
        Ok(presigned.uri().to_owned())
    }
}
