//! Who may have links to what.
//!
//! - `grants` is `GRANTS`, or the document that it names: buckets, prefixes, principals and actions,
//! - `raw_grant` reads their JSON, and `grants_error` says what is wrong with it,
//! - `mail_grants` adds `MAIL_GRANTS` to them,
//! - `name_pattern` matches names with the patterns of a grant,
//! - `prefix` is a grant's prefix, with folders that bear a name or a claim's value,
//! - `sender` is a grant's `from`, and `sender_names` says by it whose name recipients of a share read,
//! - `upload_rules` is what a grant says of uploads, and `upload_grants` finds those that do,
//! - `principal` names who asks for a link, `claims` is what else is known of them,
//! - `wildcard` matches names with patterns such as `*@example.com`.
//!
//! This module decides from its arguments alone, and it authenticates nobody: whoever calls makes a
//! principal from what a gateway authenticated.

mod claims;
mod grants;
mod grants_error;
mod mail_grants;
mod name_pattern;
mod prefix;
mod principal;
mod raw_grant;
mod sender;
mod sender_names;
mod upload_grants;
mod upload_rules;
mod wildcard;

pub use self::claims::{Claim, Claims};
pub use self::grants::{
    Action, DEFAULT_SHARE_EXPIRES_IN, Grant, Grants, MAX_SHARE_EXPIRES_IN, MIN_SHARE_OPEN_SECONDS,
    Needs, validate_bucket,
};
pub use self::grants_error::GrantsError;
pub use self::principal::{Crowd, IamCaller, Principal};
pub use self::upload_rules::{KeysFrom, TAGGING, UploadRules, WhyNotSigned};
pub use self::wildcard::matches_wildcard;
