//! Shares: short addresses that live as long as their owners say. Behind one, each download is judged
//! and signed afresh, and counted.
//!
//! - [`token`] has the secrets, [`passcode`] the passcodes, [`attempts`] says when they may be tried,
//! - [`sender`] is who shares, as recipients read it,
//! - [`share`] is what a share is, and [`state`] what may become of it, without I/O,
//! - [`item`] is a share as DynamoDB has it, [`table`] the calls to DynamoDB,
//! - [`change`] is what an owner may change,
//! - [`create`] makes shares, [`owner`] lists, changes and revokes them for their owners,
//! - [`download`] says what a share's page shows, and judges each press of its button,
//! - [`operator`] lists, revokes and unlocks for operators,
//! - [`settings`] reads the settings, [`error`] says why not, [`log`] has the log lines and counters.
//!
//! This room knows no HTTP and no event. It decides nothing about links: `links` does.

mod attempts;
mod change;
mod create;
mod download;
mod error;
mod item;
mod log;
mod operator;
mod owner;
mod passcode;
mod sender;
mod settings;
mod share;
mod state;
mod table;
mod token;

use std::sync::Arc;

use link_rules::access::{Grant, Grants};

pub(crate) use self::attempts::Lock;
pub(crate) use self::change::{Change, Edit};
pub(crate) use self::create::{Made, NewShare};
pub(crate) use self::download::{DownloadOutcome, Facts};
pub(crate) use self::error::ShareError;
pub use self::operator::Report;
pub(crate) use self::operator::{OperatorRequest, Selector};
pub(crate) use self::passcode::Passcode;
pub(crate) use self::sender::{SenderName, SenderNameError};
pub(crate) use self::settings::{ShareSettings, ShareSettingsError};
pub(crate) use self::share::Summary;
pub(crate) use self::state::ShareState;
use self::table::Table;
pub(crate) use self::token::{Browser, ShareId, Token};
use crate::aws::Aws;
use crate::links::Links;

#[cfg(test)]
impl Shares {
    /// Shares in a table that is never asked.
    pub(crate) fn of_no_table() -> Self {
        use crate::aws::{AwsSettings, Regions, Sts};
        use crate::links::{BucketPolicies, Lifecycle, PolicySetting, Versions};
        use crate::presign::Signer;
        use crate::sessions::{CredentialsSource, ExecutionRole, ExecutionRoleSettings, Sessions};

        let aws = Aws::new(AwsSettings::default());
        let sts = Sts::new(aws.clone());
        let source = CredentialsSource::default_chain(aws.clone());
        let role = ExecutionRole::new(source, sts.clone(), ExecutionRoleSettings::default());
        let links = Links {
            sessions: Arc::new(Sessions::new(role, None, sts)),
            regions: Regions::new(aws.clone()),
            versions: Versions::new(aws.clone()),
            policies: BucketPolicies::new(aws.clone(), PolicySetting::Ignore),
            lifecycle: Lifecycle::new(aws.clone()),
            signer: Signer::new(aws.clone()),
            aws: aws.clone(),
        };
        let variable = |name: &str| (name == "SHARES_TABLE").then(|| "shares".to_owned());
        let settings = ShareSettings::read(&variable, None).unwrap().unwrap();
        Self::new(settings, Arc::new(links), aws)
    }
}

/// What the operator should know about shares under these grants.
pub(crate) fn warning(grants: &Grants) -> Option<String> {
    let index = grants.iter().position(Grant::lets_sessions_share)?;
    Some(format!(
        "GRANTS[{index}] lets sessions of a role share, and the session's name decides whose shares these \
         are: have the role's trust policy fix sts:RoleSessionName to the user, or let users share with \
         tokens"
    ))
}

/// Makes, shows and opens shares.
#[derive(Debug)]
pub(crate) struct Shares {
    links: Arc<Links>,
    table: Table,
    settings: ShareSettings,
}

impl Shares {
    /// Keeps shares in the table that `settings` name, through `aws`. Their downloads' links are made by
    /// `links`. Makes no call.
    pub(crate) fn new(settings: ShareSettings, links: Arc<Links>, aws: Aws) -> Self {
        let table = Table::new(settings.table.clone(), Arc::clone(&links.sessions), aws);
        Self { links, table, settings }
    }

    /// What stands before `/s/` in addresses, where `PUBLIC_URL` says it.
    pub(crate) fn public_url(&self) -> Option<&str> {
        self.settings.public_url.as_deref()
    }
}
