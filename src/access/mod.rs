//! Who may have links to what.
//!
//! - [`grants`] is the `GRANTS` setting: buckets, prefixes, principals and actions,
//! - [`principal`] names who asks for a link,
//! - [`wildcard`] matches names with patterns such as `*@example.com`.
//!
//! This room decides from its arguments alone. It calls no service, and it authenticates nobody:
//! the room `events` makes a principal from what the gateway authenticated. It may import `window`
//! and no other room.

mod grants;
mod principal;
mod wildcard;

pub use self::grants::GrantsError;
pub(crate) use self::grants::{Action, Grant, Grants, Needs};
pub(crate) use self::principal::Principal;
pub(crate) use self::wildcard::matches_wildcard;
