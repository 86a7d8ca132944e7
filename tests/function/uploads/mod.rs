//! Signed uploads, from outside the crate.
//!
//! - `steps`: what each request of an upload is answered with, and what is logged,
//! - `windows`: sessions, grants and policies that end a signature,
//! - `bounds`: no signed request writes more than a grant allows, whatever is asked,
//! - `signatures`: the signer against aws-sdk-s3.

mod bounds;
mod signatures;
mod steps;
mod windows;

use std::collections::BTreeMap;

use fake_aws::FakeAws;
use jiff::{SignedDuration, Timestamp};
use s3_link_signer::Handler;
use serde_json::Value;

use crate::links::requests::post;
use crate::links::settings::settings;

pub(crate) const UPLOAD_ROLE: &str = "arn:aws:iam::123456789012:role/upload";

/// A function that signs uploads under these grants.
fn handler(aws: &FakeAws, grants: &str, changes: &[(&str, &str)]) -> Handler {
    handler_at(aws, grants, changes, Timestamp::now)
}

/// The same with another clock.
fn handler_at(
    aws: &FakeAws,
    grants: &str,
    changes: &[(&str, &str)],
    clock: fn() -> Timestamp,
) -> Handler {
    aws.state().sts.minted_until = Some(clock() + SignedDuration::from_hours(1));
    let endpoint = aws.endpoint();
    let usual = [
        ("GRANTS", grants),
        ("UPLOAD_ROLE_ARN", UPLOAD_ROLE),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
    ];
    Handler::new(settings(&[&usual, changes].concat()), clock, |_| ())
}

/// A grant for uploads to `in/`, with further fields.
fn grant(fields: &str) -> String {
    format!(
        r#"[{{"bucket":"files","prefix":"in/","principals":["*"],"actions":["put"],"region":"eu-west-1"{fields}}}]"#
    )
}

async fn begin(handler: &Handler, body: &Value) -> (u64, Value) {
    post(handler, "alice", "/uploads", body).await
}

async fn sign(handler: &Handler, body: &Value) -> (u64, Value) {
    post(handler, "alice", "/uploads/sign", body).await
}

/// The decoded query parameters of a URL.
fn query(url: &str) -> BTreeMap<String, String> {
    let (_, query) = url.split_once('?').unwrap();
    link_rules::form::decode_pairs(query).unwrap().into_iter().collect()
}

/// The names of the headers that a URL's signature covers.
fn signed_headers(url: &str) -> Vec<String> {
    query(url)["X-Amz-SignedHeaders"].split(';').map(str::to_owned).collect()
}
