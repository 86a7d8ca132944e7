//! The JSON of a request and of its response, with s3-link-signer's names.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
pub(crate) struct BatchRequest {
    pub(crate) links: Vec<LinkRequest>,
}

#[derive(Deserialize)]
pub(crate) struct LinkRequest {
    pub(crate) key: String,
    /// Seconds.
    #[serde(default = "one_hour")]
    pub(crate) expires_in: u64,
}

fn one_hour() -> u64 {
    3_600
}

#[derive(Serialize)]
pub(crate) struct BatchResponse<'a> {
    pub(crate) links: Vec<LinkResponse<'a>>,
}

#[derive(Serialize)]
pub(crate) struct LinkResponse<'a> {
    pub(crate) url: String,
    pub(crate) link_id: String,
    pub(crate) method: &'static str,
    pub(crate) bucket: &'a str,
    pub(crate) key: String,
    pub(crate) expires_at: Timestamp,
    pub(crate) expires_in: u64,
    pub(crate) requested_expires_in: u64,
    pub(crate) limited_by: &'static str,
    pub(crate) session: Session,
    pub(crate) proven: bool,
}

#[derive(Serialize)]
pub(crate) struct Session {
    pub(crate) evidence: &'static str,
}
