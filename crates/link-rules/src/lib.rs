//! The rules of **s3-link-signer**: how long may a link be promised, who may have it, and what does a
//! bucket's policy do to it?
//!
//! Everything here is a function of its arguments. No module does I/O, reads a clock, or knows an AWS
//! SDK: whoever calls passes in what AWS said and what time it is.
//!
//! ```
//! use jiff::{SignedDuration, Timestamp};
//! use link_rules::access::{Action, Grants, Principal};
//! use link_rules::window::{Bounds, LimitedBy, RequestedWindow, SessionEnd, window};
//!
//! let grants = Grants::parse(
//!     r#"[{"bucket": "my-files", "prefix": "reports/", "principals": ["*"], "max_expires_in": 7200}]"#,
//! )?;
//! let alice = Principal::Iam("arn:aws:iam::123456789012:user/alice".into());
//! let grant = grants
//!     .find(&alice, Action::Get, "my-files", "reports/2026.pdf")
//!     .expect("the grant covers the key");
//!
//! // The session that would sign ends in 40 minutes, so a link can't be promised for an hour.
//! let now: Timestamp = "2026-11-23T13:05:17Z".parse()?;
//! let session_end = SessionEnd::At(now + SignedDuration::from_mins(40));
//! let requested = RequestedWindow { expires_in: 3_600, min_expires_in: 1 };
//! let window = window(now, requested, grant.max_expires_in, session_end, Bounds::default())
//!     .expect("at least a second is left");
//! assert_eq!(window.expires_in, 40 * 60 - 5);
//! assert_eq!(window.limited_by, LimitedBy::Session);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what it says |
//! |---|---|
//! | [`access`] | who may have links to what: grants and principals |
//! | [`policy`] | what a bucket's policy does to a link or an upload |
//! | [`mod@window`] | **the rule**: how long a link may be promised, and how long a share lives |
//! | [`lifecycle`] | when a bucket's lifecycle rules end links to an object |
//! | [`upload`] | what S3 takes as an upload: sizes, parts, names, media types |
//! | [`text`] | how names, sizes, instants and lengths of time are written for people |
//! | [`response_headers`] | what S3 is told to answer when a link is opened |
//! | [`object`] | objects, and which keys a link can name |
//! | [`arn`] | how ARNs are taken apart and written |
//! | [`region`] | what can be a region's name, and its partition |
//! | [`form`] | how queries and forms are decoded |
//! | [`json`] | how JSON is read of which not everything is kept |
//! | [`problem`] | the table of problems: code, status, title, severity, metric |

pub mod access;
pub mod arn;
pub mod form;
pub mod json;
pub mod lifecycle;
pub mod object;
pub mod policy;
pub mod problem;
pub mod region;
pub mod response_headers;
pub mod text;
pub mod upload;
pub mod window;
