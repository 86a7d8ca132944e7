//! Tests of shares, from outside the crate and against a fake AWS.
//!
//! - `owners`: shares are made, listed, changed and revoked by their owners and by nobody else,
//! - `listing`: what an owner's list is read from,
//! - `pressing`: what a press gets and what it counts, also many at once,
//! - `addresses`: addresses as people paste them, and what stands behind a CDN,
//! - `browsers`: whose press it is, as browsers say it,
//! - `guessing`: passcodes, `passcodes_at_once`: many of them at the same moment,
//! - `faults`: DynamoDB, S3 and STS that refuse, hang or lose an answer,
//! - `model`: any order of presses, changes and passing time against a model of ten lines,
//! - `operators`: lists, revocations and unlocks by operators,
//! - `lines`: what the log says of each share,
//! - `secrecy`: no token and no passcode in logs, metrics or the table,
//! - `senders`: who shares, the owner's message, and what the last press met,
//! - `tokens`: a hundred thousand that are no share's.

mod addresses;
mod browsers;
mod faults;
pub(crate) mod function;
mod guessing;
mod lines;
mod listing;
mod model;
mod operators;
mod owners;
mod passcodes_at_once;
mod pressing;
mod secrecy;
mod senders;
mod tokens;
