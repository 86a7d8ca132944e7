//! **s3-link-signer**: an AWS Lambda function that hands out time-limited links to private S3
//! files and never promises, nor signs, a longer window than its session has left.
//!
//! Where to look:
//!
//! - [`window`]: how long may a link be promised to work? One pure function.
//! - [`session`]: what is proven about the end of the credentials that sign.
//! - [`links`]: from a request to a link, step by step.
//! - [`grant`] and [`principal`]: who may have what.
//! - [`mail`]: a link by mail when a file lands in a bucket.
//! - [`api`]: routes, JSON and [`problem`]s; [`doors`]: the events AWS packs them into.
//! - [`settings`]: everything an operator can say; `main` puts it all together.

pub mod api;
pub mod check;
pub mod doors;
pub mod grant;
pub mod link;
pub mod links;
pub mod mail;
pub mod outbound;
pub mod principal;
pub mod problem;
pub mod regions;
pub mod response_headers;
pub mod session;
pub mod settings;
pub mod signer;
pub mod sts;
pub mod telemetry;
pub mod window;
