//! The function signed by aws-sdk-s3, the way the SDK's guide writes it: the defaults of
//! `aws_config` at the start, one `presigned()` for each link.
//!
//! What it leaves out of s3-link-signer stands in the first lines of the library `peers`.

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use lambda_runtime::Error;
use peers::{Presign, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let bucket = &Settings::from_environment()?.bucket;
    let config = aws_config::defaults(BehaviorVersion::latest()).load().await;
    let s3 = Client::new(&config);
    peers::run(bucket, async |link: &Presign<'_>| {
        let presigning = PresigningConfig::builder()
            .start_time(link.signed_at)
            .expires_in(link.expires_in)
            .build()?;
        let link_id = link.link_id.to_owned();
        let signed = s3
            .get_object()
            .bucket(bucket)
            .key(link.key)
            .customize()
            .mutate_request(move |request| {
                let uri = format!("{}&x-link-id={link_id}", request.uri());
                // It was a URI before, and the id holds nothing that a URI may not hold.
                let _ = request.set_uri(uri);
            })
            .presigned(presigning)
            .await?;
        Ok(signed.uri().to_owned())
    })
    .await
}
