//! Tests of mailing links, from outside the crate and against a fake AWS.
//!
//! - `events`: each event of `events/`, and the answer to it,
//! - `once`: an event that is delivered repeatedly, concurrently, or after an invocation was
//!   killed,
//! - `failures`: S3, DynamoDB and SES that refuse, throttle or do not answer,
//! - `floods`: more recipients, records or mails than one object or message should have,
//! - `messages`: the mail that a recipient gets,
//! - `shares`: mails that bring shares,
//! - `choice`: which mails bring a share and which a link, by the grants.
//!
//! Tests in Python run the deployed template against DynamoDB and SES of an emulator that others
//! wrote.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod aws;
mod choice;
mod events;
#[path = "../stand_in/expressions.rs"]
mod expressions;
mod failures;
mod floods;
mod function;
#[path = "../stand_in/http.rs"]
mod http;
#[path = "../stand_in/log.rs"]
mod log;
mod messages;
mod mime;
mod once;
mod shares;
