//! Tests of shares, from outside the crate and against a DynamoDB and an S3 of the tests' own. Its
//! DynamoDB evaluates the expressions that it is sent.
//!
//! - `owners`: shares are made, listed, changed and revoked by their owners and by nobody else,
//! - `pressing`: what a press gets and what it counts, also many at once,
//! - `guessing`: passcodes,
//! - `faults`: DynamoDB, S3 and STS that refuse, hang or lose an answer,
//! - `model`: any order of presses, changes and passing time against a model of ten lines,
//! - `operators`: lists and revocations by operators,
//! - `lines`: what the log says of each share,
//! - `secrecy`: no token and no passcode in logs, metrics or the table.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that can't go on has failed"
)]

mod aws;
#[path = "../stand_in/expressions.rs"]
mod expressions;
mod faults;
mod function;
mod guessing;
#[path = "../stand_in/http.rs"]
mod http;
mod lines;
#[path = "../stand_in/log.rs"]
mod log;
mod model;
mod operators;
mod owners;
mod pressing;
mod secrecy;
