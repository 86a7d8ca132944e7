//! What the services know, what is to go wrong, and what was asked.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use crate::call::{Call, Service};
use crate::dynamodb::{Item, Table};
use crate::fault::Fault;
use crate::s3::Bucket;
use crate::ses::Mail;
use crate::sts::Sts;

/// All of it. A test reads and changes it between calls.
#[derive(Debug)]
pub struct State {
    /// Buckets by their names. One that a test has not changed is there all the same: empty and private.
    pub buckets: HashMap<String, Bucket>,
    /// Tables by their names. Others do not exist.
    pub tables: HashMap<String, Table>,
    /// What STS says of sessions.
    pub sts: Sts,
    /// The mails that SES accepted, in order.
    pub mails: Vec<Mail>,
    /// How many mails SES accepts in all. `None`: any number.
    pub mail_quota: Option<usize>,
    /// The faults of the next calls of each service, in order.
    pub faults: HashMap<Service, VecDeque<Fault>>,
    /// The fault of each call for which there is no other one.
    pub standing_fault: Option<Fault>,
    /// How long the next calls wait before a service looks at them, in order.
    pub pauses: VecDeque<Duration>,
    /// The calls so far, in the order of their arrival.
    pub calls: Vec<Call>,
    /// Calls that AWS would refuse whatever its state, in words.
    pub violations: Vec<String>,
}

impl Default for State {
    /// The state at the start: the tables of the template, and nothing in them.
    fn default() -> Self {
        let tables = [("mails", Table::ledger()), ("shares", Table::shares())];
        Self {
            buckets: HashMap::new(),
            tables: tables.map(|(name, table)| (name.to_owned(), table)).into(),
            sts: Sts::default(),
            mails: Vec::new(),
            mail_quota: None,
            faults: HashMap::new(),
            standing_fault: None,
            pauses: VecDeque::new(),
            calls: Vec::new(),
            violations: Vec::new(),
        }
    }
}

impl State {
    /// A bucket.
    pub fn bucket(&mut self, name: &str) -> &mut Bucket {
        self.buckets.entry(name.to_owned()).or_default()
    }

    /// The items of a table by their ids.
    pub fn items(&mut self, table: &str) -> &mut BTreeMap<String, Item> {
        &mut self.tables.get_mut(table).unwrap_or_else(|| panic!("there is no {table}")).items
    }
}
