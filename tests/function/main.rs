//! The function as another crate sees it. It calls a fake AWS on this machine (`crates/fake-aws`).
//!
//! - `links`: requests for links, the doctor, and what is proven about a session,
//! - `mail`: a mail for each recipient, once,
//! - `shares`: addresses that last,
//! - `uploads`: signed uploads, step by step,
//! - `promises`: every promise in every world, second by second,
//! - `reported`: what people brought, and what they were told,
//! - `upgrade`: what an earlier version wrote is read by this one,
//! - `event`: events as AWS sends them,
//! - `log`: what a thread logs, for tests that read it.
//!
//! All of it is one program, because the function's generic code is compiled and linked once for each.
//!
//! Tests that need the built function, the runtime emulator, another S3 or botocore are in `tests/e2e`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that can't go on has failed"
)]

mod event;
mod links;
mod log;
mod mail;
mod promises;
mod reported;
mod shares;
mod upgrade;
mod uploads;
