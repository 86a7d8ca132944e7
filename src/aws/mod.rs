//! How this function reaches AWS: the HTTP client, the configuration of the SDK's clients, and the
//! calls that more than one room needs.
//!
//! - [`config`] makes every SDK client, in one place,
//! - [`http`] is the HTTP client behind them, and which certificates it trusts,
//! - [`repeat`] makes a call once more that got no answer,
//! - [`sts`] asks STS, [`regions`] asks S3 where a bucket is,
//! - [`errors`] sorts what AWS answers when a call fails, [`scrub`] makes its words fit for the log.
//!
//! This room decides nothing about links. What an answer of STS proves is for `sessions` to say.

mod config;
mod errors;
mod http;
mod regions;
mod repeat;
mod scrub;
mod sts;

pub use self::config::{Aws, AwsSettings};
pub(crate) use self::errors::AwsError;
pub(crate) use self::errors::{error_chain, error_code, is_throttling, says};
pub(crate) use self::http::CALL_TIMEOUT;
pub use self::http::{AwsHttp, Trust};
pub(crate) use self::regions::Regions;
pub(crate) use self::repeat::{answered, failure_counts, repeated};
pub(crate) use self::sts::CallerIdentity;
pub use self::sts::Sts;
pub(crate) use self::sts::{MINTED_SECONDS, TOKEN_ALGORITHM, TOKEN_AUDIENCE};
