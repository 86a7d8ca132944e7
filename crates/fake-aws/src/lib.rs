//! The AWS that tests and benchmarks of s3-link-signer call: S3, STS, SES and DynamoDB, on 127.0.0.1.
//!
//! It answers the calls that the function makes, as AWS's references say, and remembers them. A test reads
//! and changes its [`State`], orders [`Fault`]s, and may answer any call itself with a script.
//!
//! It checks what it is sent as far as AWS would refuse it, and a little more: each update uses all its
//! values, reads of the table are consistent, a mail has one recipient. A call that breaks such a rule is
//! answered with an error, and the test fails when its [`FakeAws`] is dropped.
//!
//! It verifies no signature and decides nothing about permissions. Tests in Python verify signatures and
//! roles against software that others wrote.
//!
//! | module | what it holds |
//! |---|---|
//! | `control` | [`take_orders`]: the same for tests in other languages, as JSON over HTTP |
//! | `server` | [`FakeAws`]: the connections, and the order in which a call is answered |
//! | `state` | [`State`]: what the services know, the faults to come, the calls so far |
//! | `s3` | objects with their versions, and what buckets are asked about |
//! | `sts` | sessions: attested, minted, named |
//! | `ses` | mails, as many as a test lets it accept |
//! | `dynamodb` | tables, and the expressions of calls |
//! | `decisions` | calls whose answers somebody outside decides |
//! | `connections` | connections, and their [`Fate`]s while a client is frozen |
//! | `fault` | [`Fault`]: how a service fails a call |
//! | `reply` | [`Reply`]: an answer, and its [`Delivery`] |
//! | `call` | [`Call`]: a request, and the operation that it asks for |
//! | `http` | requests of HTTP/1.1 |

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "only tests use it, and a test that can't go on has failed"
)]

mod call;
mod connections;
mod control;
mod decisions;
mod dynamodb;
mod fault;
mod http;
mod reply;
mod s3;
mod server;
mod ses;
mod state;
mod sts;

pub use self::call::{Call, Operation, Service};
pub use self::connections::Fate;
pub use self::control::take_orders;
pub use self::dynamodb::{Index, Item, Table, number};
pub use self::fault::Fault;
pub use self::reply::{Delivery, Reply};
pub use self::s3::{Bucket, Object};
pub use self::server::FakeAws;
pub use self::ses::Mail;
pub use self::state::State;
pub use self::sts::{Attestation, Sts, token};
