//! Calls whose answers somebody outside decides, one by one.
//!
//! The campaign in `tests/e2e/` decides so: its plan knows the answer to each call, and to each call that is not
//! made. A test in Rust holds one call back so, while something else happens.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{oneshot, watch};

use crate::call::{Call, Operation};
use crate::fault::Fault;

/// The calls that wait for a decision.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    waiting: Mutex<Waiting>,
    /// How many calls have begun to wait so far.
    begun: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Waiting {
    wanted: Wanted,
    /// The calls that nobody has seen yet, by their numbers.
    unseen: Vec<(u64, Call)>,
    undecided: BTreeMap<u64, oneshot::Sender<Fault>>,
}

/// Which calls wait for a decision.
#[derive(Debug, Default)]
pub(crate) enum Wanted {
    #[default]
    Nothing,
    EachCall,
    /// The call after so many others that ask for this operation.
    OneAfter(usize, Operation),
}

impl Decisions {
    /// From now on these calls wait for a decision.
    pub(crate) fn want(&self, wanted: Wanted) {
        self.waiting().wanted = wanted;
    }

    /// Waits until a call is decided. `None`: nobody decides.
    pub(crate) async fn of(&self, call: &Call) -> Option<Fault> {
        let decided = {
            let mut waiting = self.waiting();
            match &mut waiting.wanted {
                Wanted::EachCall => {}
                Wanted::OneAfter(0, operation) if *operation == call.operation => {
                    waiting.wanted = Wanted::Nothing;
                }
                Wanted::OneAfter(others, operation) if *operation == call.operation => {
                    *others -= 1;
                    return None;
                }
                Wanted::OneAfter(..) | Wanted::Nothing => return None,
            }
            let number = *self.begun.borrow() + 1;
            let (sender, decided) = oneshot::channel();
            waiting.unseen.push((number, call.clone()));
            waiting.undecided.insert(number, sender);
            self.begun.send_replace(number);
            decided
        };
        decided.await.ok()
    }

    /// Waits until there are calls that nobody has seen yet, and takes them with their numbers.
    pub(crate) async fn next(&self) -> Vec<(u64, Call)> {
        let mut begun = self.begun.subscribe();
        loop {
            let unseen = std::mem::take(&mut self.waiting().unseen);
            if !unseen.is_empty() {
                return unseen;
            }
            begun.changed().await.expect("its sender is here");
        }
    }

    /// Decides a call.
    ///
    /// # Panics
    ///
    /// If no undecided call has this number.
    pub(crate) fn decide(&self, number: u64, fault: Fault) {
        let sender = self.waiting().undecided.remove(&number);
        // The call's connection may have ended.
        let _ = sender.unwrap_or_else(|| panic!("no call {number} waits")).send(fault);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
