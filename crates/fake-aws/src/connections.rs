//! The connections of clients, and what becomes of them while their client is frozen.
//!
//! A frozen function reads nothing. Meanwhile its services end the connections that lie idle, and gateways
//! between them forget some.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpStream;
use tokio::sync::watch;

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    #[default]
    Kept,
    /// The service closes it.
    Closed,
    /// The service ends it with a reset.
    Reset,
    /// The service, or a gateway before it, knows it no more, and answers the next request with a reset.
    Forgotten,
}

/// All connections so far.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    made: AtomicUsize,
    in_vain: AtomicUsize,
    open: Mutex<BTreeMap<usize, Arc<Shared>>>,
}

/// What a connection and its freeze share.
#[derive(Debug, Default)]
struct Shared {
    is_busy: AtomicBool,
    fate: watch::Sender<Fate>,
}

/// One open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    number: usize,
    shared: Arc<Shared>,
    fate: watch::Receiver<Fate>,
    all: Arc<Connections>,
}

/// How a service ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Close,
    Reset,
}

impl End {
    pub(crate) fn of(self, stream: TcpStream) {
        if self == Self::Reset {
            // A client that has gone gets no reset.
            let _ = stream.set_zero_linger();
        }
        drop(stream);
    }
}

impl Connections {
    /// Notes a connection that was just made.
    pub(crate) fn add(all: &Arc<Self>) -> Connection {
        let number = all.made.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::<Shared>::default();
        all.open().insert(number, Arc::clone(&shared));
        let fate = shared.fate.subscribe();
        Connection { number, shared, fate, all: Arc::clone(all) }
    }

    /// How many were made so far.
    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    /// How many requests came through connections that were forgotten.
    pub(crate) fn in_vain(&self) -> usize {
        self.in_vain.load(Ordering::SeqCst)
    }

    /// Lets each open connection that lies idle meet one of the fates, in order and from the beginning again.
    /// `busy`: those too that wait for an answer.
    pub(crate) fn freeze(&self, fates: &[Fate], busy: bool) {
        let idle = |shared: &&Arc<Shared>| busy || !shared.is_busy.load(Ordering::SeqCst);
        let open = self.open();
        for (shared, fate) in open.values().filter(idle).zip(fates.iter().cycle()) {
            if *fate != Fate::Kept {
                shared.fate.send_replace(*fate);
            }
        }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, Arc<Shared>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Notes whether a call waits for its answer.
    pub(crate) fn set_busy(&self, is_busy: bool) {
        self.shared.is_busy.store(is_busy, Ordering::SeqCst);
    }

    /// Waits until the service ends the connection.
    pub(crate) async fn end(&mut self) -> End {
        let ends = |fate: &Fate| matches!(fate, Fate::Closed | Fate::Reset);
        match self.fate.wait_for(ends).await.as_deref() {
            Ok(Fate::Reset) => End::Reset,
            _ => End::Close,
        }
    }

    /// Whether a request that has just come was in vain. It is counted.
    pub(crate) fn is_forgotten(&self) -> bool {
        let is_forgotten = *self.fate.borrow() == Fate::Forgotten;
        self.all.in_vain.fetch_add(usize::from(is_forgotten), Ordering::SeqCst);
        is_forgotten
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.all.open().remove(&self.number);
    }
}
