//! What a bucket's policy does to a link or an upload, as another crate sees it.
//!
//! - `examples`: the policies of AWS's guides, one file each, with the expected outcome,
//! - `rules`: IAM's rules, one by one, `readings`: what AWS may read in several ways, and
//!   `access_points`: the keys of access points,
//! - `uploads`: the keys of uploads,
//! - `random`: a hundred thousand random policies in two halves, each with one of the `requests`, made
//!   by `generator` and judged by `oracle` as well,
//! - `speed`: policies as large as S3 stores.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that can't go on has failed"
)]

mod access_points;
mod examples;
mod generator;
mod json;
mod oracle;
mod random;
mod readings;
mod requests;
mod rules;
mod speed;
mod uploads;

use link_rules::policy::{
    RequestContext, S3Request, SignatureVersion, SigningPrincipal, TokenIssued,
};

/// The session of a function's role. The role's path is not known.
fn signer() -> SigningPrincipal<'static> {
    SigningPrincipal {
        arn: Some("arn:aws:sts::111122223333:assumed-role/link-signer/link-signer"),
        role_arn: None,
        user_id: None,
        token_issued: TokenIssued::Unknown,
        multi_factor: Some(false),
    }
}

/// A link to the current version of a file, signed at 14:00 and a fraction of a second.
fn question() -> RequestContext<'static> {
    RequestContext {
        request: S3Request::GetObject,
        bucket_arn: "arn:aws:s3:::amzn-s3-demo-bucket",
        key: "private-files/report.pdf",
        version_id: None,
        region: Some("eu-west-1"),
        https: Some(true),
        signature: SignatureVersion::SigV4,
        signer: signer(),
        signed_at: "2026-11-23T14:00:00.4Z".parse().unwrap(),
    }
}
