//! The function signed by rusty-s3. What it leaves out stands in the library's first lines.
//!
//! The bucket and the credentials are made once, at the start. The crate derives the signing key
//! for each URL.

use jiff::Timestamp;
use lambda_runtime::Error;
use peers::{Presign, Settings};
use rusty_s3::actions::GetObject;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = Settings::from_environment()?;
    let endpoint = format!("https://s3.{}.amazonaws.com", settings.region).parse()?;
    let bucket = settings.bucket.clone();
    let bucket = Bucket::new(endpoint, UrlStyle::VirtualHost, bucket, settings.region)?;
    let credentials = Credentials::new_with_token(
        settings.access_key_id,
        settings.secret_access_key,
        settings.session_token,
    );
    peers::run(&settings.bucket, async |link: &Presign<'_>| {
        let mut action = GetObject::new(&bucket, Some(&credentials), link.key);
        action.query_mut().insert("x-link-id", link.link_id);
        let signed_at = Timestamp::try_from(link.signed_at)?;
        Ok(action.sign_with_time(link.expires_in, &signed_at).into())
    })
    .await
}
