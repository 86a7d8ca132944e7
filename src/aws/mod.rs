//! How this function reaches AWS: the HTTP client, the configuration of the SDK's clients, and the
//! calls that more than one room needs.
//!
//! - [`config`] makes every SDK client, in one place,
//! - [`http`] is the HTTP client behind them, and which certificates it trusts,
//! - [`presigned`] requests URLs that are signed already,
//! - [`retry`] says how often each call is made, and how long it may take,
//! - [`sts`] asks STS, [`regions`] asks S3 where a bucket is,
//! - [`errors`] sorts what AWS answers when a call fails, [`redact`] makes its words fit for the log.
//!
//! This room decides nothing about links. What an answer of STS proves is for `sessions` to say.

mod config;
mod errors;
mod http;
pub(crate) mod presigned;
mod redact;
mod regions;
mod retry;
mod sts;

pub use self::config::{Aws, AwsSettings, S3Addressing};
pub(crate) use self::errors::AwsError;
pub(crate) use self::errors::{error_chain, error_code, is_throttling, says};
pub use self::http::{AwsHttp, Trust};
pub(crate) use self::regions::{REMEMBERED_BUCKETS, Regions};
pub(crate) use self::retry::{Attempts, BACKOFF, CALL_TIMEOUT, answered};
pub(crate) use self::sts::CallerIdentity;
pub use self::sts::Sts;
pub(crate) use self::sts::{MINTED_SECONDS, TOKEN_ALGORITHM, TOKEN_AUDIENCE};
