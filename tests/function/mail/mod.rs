//! Tests of mailing links, from outside the crate and against a fake AWS.
//!
//! - `events`: each event of `events/`, and the answer to it,
//! - `once`: an event that is delivered repeatedly, concurrently, or after an invocation was
//!   killed,
//! - `failures`: S3, DynamoDB and SES that refuse, throttle or do not answer,
//! - `floods`: more recipients, records or mails than one object or message should have,
//! - `messages`: the mail that a recipient gets,
//! - `region`: where SES is asked,
//! - `shares`: mails that bring shares,
//! - `unwanted`: mails that nobody wants, and lists of recipients as people write them,
//! - `choice`: which mails bring a share and which a link, by the grants.
//!
//! Tests in Python run the deployed template against DynamoDB and SES of an emulator that others
//! wrote.
//! - `ledger`: what the table of mails was asked, and what it holds,
//! - `mime`: what a mail says.

mod choice;
pub(crate) mod events;
mod failures;
mod floods;
pub(crate) mod function;
mod ledger;
mod messages;
pub(crate) mod mime;
mod once;
mod region;
mod shares;
mod unwanted;

/// The header of the metadata in which an object names its recipients.
pub(crate) const LINK_TO: &str = "x-amz-meta-link-to";

/// The header by which S3 says when a lifecycle rule deletes an object.
const EXPIRATION: &str = "x-amz-expiration";
