//! The function from the outside of its crate, with everything it talks to on this machine.
//!
//! - `evidence`: what is proven about a session, against an STS that these tests own,
//! - `signatures`: the signer against aws-sdk-s3,
//! - `doors`: the fixtures in `events/`, and hundreds of thousands of events nobody would send.
//!
//! What needs the built function, the runtime emulator, another S3 or botocore is tested in Python
//! beside this folder.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that can't go on has failed"
)]

mod doors;
mod evidence;
mod signatures;
mod sts_server;
