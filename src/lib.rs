//! **s3-link-signer**: an AWS Lambda function that hands out time-limited links to private S3 files
//! and never promises, nor signs, a longer window than its session can keep.
//!
//! The rooms, from the top down. `tests/architecture` says which of the rooms below it each one may
//! import.
//!
//! | room | what it is for |
//! |---|---|
//! | `handler` | puts the rooms together, dispatches one event |
//! | `settings` | the environment as typed settings |
//! | `events` | AWS's events, translated in and out |
//! | `api` | the HTTP API: routes, requests, responses, problems |
//! | `doctor` | says why a link does not open |
//! | `mail` | a link by mail when a file lands in a bucket |
//! | `shares` | short addresses that live long, each download signed afresh |
//! | `uploads` | signs requests that write, each step of an upload by itself |
//! | `links` | makes a link, step by step |
//! | `sessions` | which session signs, and what proves its end |
//! | `presign` | signs URLs |
//! | `aws` | how AWS is reached |
//! | `memory` | asks once, remembers, pauses after a failure, forgets |
//! | `invocation` | one invocation: its time, its caller, its grants, what it counts |
//! | `telemetry` | log lines and metrics |
//!
//! **The rule** (how long may a link be promised?) and all other rules that need no I/O are a crate of
//! their own, `link_rules`, below every room.
//!
//! The crate exports what `main`, the tests and the benches use, and nothing else.

mod api;
mod aws;
mod doctor;
mod events;
mod handler;
mod invocation;
mod links;
mod mail;
mod memory;
mod presign;
mod sessions;
mod settings;
mod shares;
mod telemetry;
mod uploads;

pub use aws::{Aws, AwsHttp, AwsSettings, S3Addressing, Sts, Trust};
pub use events::{EventResponse, MalformedOperation, MalformedQuestion, UnknownEvent};
pub use handler::{EventError, Handler};
pub use invocation::{Function, Invocation};
pub use links::GrantsObjectError;
pub use mail::MailSettingsError;
pub use presign::{GetObject, NewObject, Operation, SignError, Signer, StepOfUpload};
pub use sessions::{
    CredentialsSource, Evidence, ExecutionRole, ExecutionRoleSettings, Minter, Selection, Session,
    Sessions,
};
pub use settings::{RemovedSettings, Settings, SettingsError, UnknownSetting};
pub use shares::Report;
pub use telemetry::{print_metrics, start_logging};
