//! Tests of links, from outside the crate.
//!
//! - `batches`: how often a batch asks STS and S3 when they fail,
//! - `claims`: grants on claims, with events of each gateway,
//! - `clocks`: links of a machine whose clock is late,
//! - `deadlines`: that every answer comes before the invocation ends, and what initialisation leaves,
//! - `doctor`: every outcome of every check of the doctor,
//! - `endpoints`: where links lead,
//! - `evidence`: what is proven about a session,
//! - `grants_object`: grants that are an object in S3,
//! - `head`: links for HEAD, and what S3 refuses,
//! - `lifecycle`: what a bucket's lifecycle rules do to links,
//! - `policies`: what a bucket's policy and the object's own end do to a window,
//! - `signatures`: the signer against aws-sdk-s3,
//! - `spelling`: keys in the other form of Unicode,
//! - `versions`: links that name a version,
//! - `start`: what the built function logs when it starts,
//! - `base_path`: requests below the path of `PUBLIC_URL`,
//! - `events`: the fixtures in `events/`, and two hundred thousand generated events.

mod base_path;
mod batches;
mod claims;
mod clocks;
mod deadlines;
mod doctor;
mod endpoints;
mod events;
pub(crate) mod evidence;
mod grants_object;
mod head;
mod lifecycle;
mod policies;
pub(crate) mod requests;
pub(crate) mod settings;
mod signatures;
mod spelling;
pub(crate) mod start;
mod versions;
