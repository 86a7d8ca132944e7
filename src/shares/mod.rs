//! Shares: short addresses that live as long as their owners say. Behind one, each download is judged
//! and signed afresh, and counted.
//!
//! - [`token`] has the secrets, [`passcode`] the passcodes,
//! - [`share`] is what a share is and what may become of it, without I/O,
//! - [`item`] is a share as DynamoDB has it, [`table`] the calls to DynamoDB,
//! - [`create`] makes shares, [`manage`] lists, changes and revokes them for their owners,
//! - [`open`] says what a share's page shows, and judges each press of its button,
//! - [`operate`] lists and revokes for operators,
//! - [`settings`] reads the settings, [`error`] says why not, [`log`] has the log lines and counters.
//!
//! This room knows no HTTP and no event. It decides nothing about links: `links` does.

mod create;
mod error;
mod item;
mod log;
mod manage;
mod open;
mod operate;
mod passcode;
mod settings;
mod share;
mod table;
mod token;

pub(crate) use self::create::{Made, NewShare};
pub(crate) use self::error::ShareError;
pub(crate) use self::log::Caller;
pub(crate) use self::manage::{Change, Edit};
pub(crate) use self::open::{Facts, Pressed};
pub use self::operate::Report;
pub(crate) use self::operate::{Operation, Selector};
pub(crate) use self::passcode::Passcode;
pub(crate) use self::settings::ShareSettings;
pub(crate) use self::share::{State, Summary};
use self::table::Table;
pub(crate) use self::token::{Browser, ShareId, Token};
use crate::aws::Aws;
use crate::links::{LinkError, Links};

/// Makes, shows and opens shares.
#[derive(Debug)]
pub(crate) struct Shares {
    table: Table,
    settings: ShareSettings,
}

impl Shares {
    /// Keeps shares in the table that `settings` name, through `aws`. Makes no call.
    pub(crate) fn new(settings: ShareSettings, aws: Aws) -> Self {
        Self { table: Table::new(settings.table.clone(), aws), settings }
    }
}

/// The execution role's credentials, with which DynamoDB is asked.
async fn credentials(links: &Links) -> Result<aws_credential_types::Credentials, ShareError> {
    let credentials = links.sessions.snapshot().await;
    credentials.map_err(|error| ShareError::Link(LinkError::Upstream(error.to_string())))
}
