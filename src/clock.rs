//! The clock, and which failures one invocation remembers.
//!
//! This module imports no room. Nothing else in the crate reads the time.

use jiff::{SignedDuration, Timestamp};

/// Reads the time. Tests pass a function that returns the time they want.
pub(crate) type Clock = fn() -> Timestamp;

/// The time as one invocation sees it: when the invocation began, and what time it is now.
#[derive(Clone, Copy, Debug)]
pub struct InvocationTime {
    began_at: Timestamp,
    clock: Clock,
}

impl InvocationTime {
    /// The time of an invocation that begins now.
    #[must_use]
    pub fn begin(clock: fn() -> Timestamp) -> Self {
        Self { began_at: clock(), clock }
    }

    /// Reads the clock. A call may have taken seconds, so read it again after every call.
    #[must_use]
    pub(crate) fn now(self) -> Timestamp {
        (self.clock)()
    }

    /// Whether a call that failed at `failed_at` must not be repeated yet.
    ///
    /// One invocation repeats no call that failed since it began, however long it lasts. A batch
    /// thus asks once for each cause. Invocations that begin later wait until `pause` is over,
    /// counted from the failure.
    #[must_use]
    pub(crate) fn remembers(self, failed_at: Timestamp, pause: SignedDuration) -> bool {
        failed_at >= self.began_at || self.now().duration_since(failed_at) < pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: SignedDuration = SignedDuration::from_secs(2);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_invocation_remembers_what_failed_since_it_began() {
        let time = InvocationTime { began_at: at(100), clock: || at(1_000) };
        assert!(time.remembers(at(100), PAUSE));
        assert!(time.remembers(at(500), PAUSE));
        assert!(!time.remembers(at(99), PAUSE));
    }

    #[test]
    fn a_later_invocation_waits_until_the_pause_is_over() {
        let time = InvocationTime { began_at: at(1_000), clock: || at(1_000) };
        assert!(time.remembers(at(999), PAUSE));
        assert!(!time.remembers(at(998), PAUSE));
        assert!(!time.remembers(at(999), SignedDuration::ZERO));
    }
}
