//! The function as another crate sees it. Everything that it talks to runs on this machine.
//!
//! - `batches`: how often a batch asks STS and S3 when they fail,
//! - `claims`: grants on claims, with events of each gateway,
//! - `deadlines`: that every answer comes before the invocation ends, and what initialisation leaves,
//! - `doctor`: every outcome of every check of the doctor, with an S3 of the tests' own,
//! - `evidence`: what is proven about a session, with an STS of the tests' own,
//! - `grants_object`: grants that are an object in S3, with an S3 of the tests' own,
//! - `policies`: what a bucket's policy and the object's own end do to a window, with an S3 of the
//!   tests' own,
//! - `signatures`: the signer against aws-sdk-s3,
//! - `versions`: links that name a version, with an S3 of the tests' own,
//! - `start`: what the built function logs when it starts,
//! - `base_path`: requests below the path of `PUBLIC_URL`,
//! - `events`: the fixtures in `events/`, and two hundred thousand generated events.
//!
//! Tests that need the built function, the runtime emulator, another S3 or botocore are in
//! `tests/e2e`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that can't go on has failed"
)]

mod aws_server;
mod base_path;
mod batches;
mod claims;
mod deadlines;
mod doctor;
mod events;
mod evidence;
mod grants_object;
mod policies;
mod requests;
mod settings;
mod signatures;
mod start;
mod versions;
