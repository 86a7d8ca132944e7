//! Mails a link or a share when a file lands in a bucket: one mail for each recipient, once.
//!
//! - [`bucket_event`] is what the events about a bucket say, without AWS's shapes,
//! - [`deliver`] decides and does: who gets a mail about a file, in which order the steps go, and
//!   what becomes of a mail that could not be sent,
//! - [`error`] says why a mail was not sent,
//! - [`object`] asks S3 whether the file is still there, and who is to have it,
//! - [`sender`] reads the sender's address and name,
//! - [`lists`] reads lists of addresses as people write them,
//! - [`recipients`] reads addresses and decides which of them the operator allows,
//! - [`ledger`] remembers in DynamoDB what was mailed to whom,
//! - [`choice`] decides what the mail about a file brings,
//! - [`mailed_link`] is what a mail brings: a link or the address of a share,
//! - [`message`] writes the mail,
//! - [`ses`] hands the mail to SES,
//! - [`settings`] reads the `MAIL_…` settings,
//! - [`unwanted`] knows files that nobody wants a mail about,
//! - [`settings_error`] says what is wrong with them,
//! - [`log`] holds the room's log lines and counters.
//!
//! This room knows neither the shapes in which AWS packs events (`events`), nor HTTP (`api`), nor
//! `handler`.

mod bucket_event;
mod choice;
mod deliver;
mod error;
mod ledger;
mod lists;
mod log;
mod mailed_link;
mod message;
mod object;
mod recipients;
mod sender;
mod ses;
mod settings;
mod settings_error;
mod unwanted;

pub(crate) use self::bucket_event::{BucketEvent, ObjectCreated};
pub(crate) use self::deliver::Mailer;
pub(crate) use self::settings::MailSettings;
pub use self::settings_error::MailSettingsError;
