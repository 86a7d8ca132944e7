//! What an earlier version wrote is read by this one. `written-by-…/` holds what it wrote, and its
//! README says how. Nothing there is ever changed.
//!
//! - `environments`: settings. Each starts the function, or is refused with a sentence that says what
//!   to write instead,
//! - `links`: what grants give,
//! - `parameters`: the template's parameters and tables,
//! - `shown`, `pressed`, `managed`: shares are shown and downloaded by whoever has their addresses, and
//!   listed, changed and revoked by their owners and by operators,
//! - `mails`: the ledger, and the addresses in mails,
//! - `record`: writes what this version writes, for another folder. It is ignored unless asked for.
//!
//! The tests know the function by its settings, its events and its answers alone.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that can't go on has failed"
)]

#[allow(dead_code, reason = "the tests of mails use more of it")]
#[path = "../mail/aws.rs"]
mod aws;
mod environments;
#[path = "../stand_in/expressions.rs"]
mod expressions;
mod fixtures;
mod function;
#[path = "../stand_in/http.rs"]
mod http;
mod links;
mod mails;
mod managed;
#[allow(dead_code, reason = "the tests of mails use more of it")]
#[path = "../mail/mime.rs"]
mod mime;
mod parameters;
mod pressed;
mod record;
#[allow(dead_code, reason = "the tests of shares use more of it")]
#[path = "../shares/aws.rs"]
mod shares_aws;
mod shown;
