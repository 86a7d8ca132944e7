//! Mailing links from the outside of the crate, against an AWS that these tests own.
//!
//! - `events`: every shape in `events/`, and how each is answered,
//! - `once`: the same event again and again, at once, and with a death in between,
//! - `failures`: SES, DynamoDB and S3 refusing, throttling and saying nothing,
//! - `messages`: the MIME, for names and addresses that nobody would choose.
//!
//! The same against a DynamoDB and an SES that nobody here wrote is tested in Python, on the
//! deployed template.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that can't go on has failed"
)]

mod aws;
mod events;
mod failures;
mod function;
mod messages;
mod mime;
mod once;
