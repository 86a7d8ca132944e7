//! What a bucket's policy does to a link, or to an upload that is signed ahead as links are.
//!
//! A link opens only while no `Deny` of the bucket's policy applies to it. Some of that is known
//! when the link is signed: how it is signed, by whom, and how its age and the time of day go on.
//! Some is not: from which network it will be opened, and by which program. So each condition has
//! one of three values at each instant, and a statement's effect is what follows over time. Where AWS
//! does not document how it reads a policy, each reading is asked.
//!
//! ```text
//! Policy::parse(json)?  ──▶  policy.evaluate(&RequestContext { … })  ──▶  Evaluation
//!                                                                  ├ refused_by()     the link does not open
//!                                                                  ├ unreadable()     nothing can be promised
//!                                                                  ├ least_age()      ┐ the bounds for
//!                                                                  ├ least_instant()  ┘ `window`
//!                                                                  └ statements       for the doctor
//! ```
//!
//! - `document` reads the JSON, with each `element`,
//! - `request_context` says what is known of the request, and `keys` what follows for each condition
//!   key, with `upload_keys` for those that uploads alone have,
//! - `principals` and `matcher` compare the document with it, with the names of `operators`, the texts
//!   of `pattern` and the times of `order`,
//! - `readings` has what AWS may take a value for that it does not document, and `scalar` its number,
//! - `conditions` gives each condition one of the three values of `tristate` at each instant,
//! - `evaluation` follows a statement through the instants of `breakpoints`,
//! - `describe` and `missing_headers` say what a person can do about it.
//!
//! A policy is read once and asked about many links. So [`Policy::parse`] does all that does not turn
//! on the link.
//!
//! This module does no I/O and reads no clock.

mod breakpoints;
mod conditions;
mod describe;
mod document;
mod element;
mod evaluation;
mod keys;
mod matcher;
mod missing_headers;
mod operators;
mod order;
mod pattern;
mod principals;
mod readings;
mod request_context;
mod scalar;
mod tristate;
mod upload_keys;

pub use self::breakpoints::Bound;
pub use self::conditions::{Condition, Knowledge};
pub use self::describe::describe;
pub use self::document::{Policy, PolicyError};
pub use self::evaluation::{Effect, Evaluation, StatementEvaluation};
pub use self::missing_headers::{MissingHeader, missing_headers};
pub use self::request_context::{
    RequestContext, S3Request, SignatureVersion, SigningPrincipal, TokenIssued, Upload,
    UploadOperation,
};
