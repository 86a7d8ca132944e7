//! The clock, what is left of an invocation, and which failures one invocation remembers.
//!
//! This module imports no room. Nothing else in the crate reads the time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Reads the time. Tests pass a function that returns the time they want.
pub(crate) type Clock = fn() -> Timestamp;

/// The time as one invocation sees it: when the invocation began, when it ends, and what time it is
/// now. The initialisation counts as an invocation of its own.
#[derive(Clone, Copy, Debug)]
pub struct InvocationTime {
    began_at: Timestamp,
    deadline: Timestamp,
    is_initialisation: bool,
    clock: Clock,
}

impl InvocationTime {
    /// The time of an invocation that begins now and has no deadline.
    #[must_use]
    pub fn begin(clock: fn() -> Timestamp) -> Self {
        Self { began_at: clock(), deadline: Timestamp::MAX, is_initialisation: false, clock }
    }

    /// The time of an initialisation, or of what follows a restore. Both happen before any event.
    #[must_use]
    pub(crate) fn initialisation(clock: fn() -> Timestamp) -> Self {
        Self { is_initialisation: true, ..Self::begin(clock) }
    }

    /// The same invocation, with the instant at which Lambda ends it.
    #[must_use]
    pub(crate) fn until(self, deadline: Timestamp) -> Self {
        Self { deadline, ..self }
    }

    /// Reads the clock. A call may have taken seconds, so read it again after every call.
    #[must_use]
    pub(crate) fn now(self) -> Timestamp {
        (self.clock)()
    }

    /// How long the invocation goes on from now. Zero if it should have ended.
    #[must_use]
    pub(crate) fn left(self) -> Duration {
        self.deadline.duration_since(self.now()).try_into().unwrap_or_default()
    }

    /// Whether no event has come yet. Nobody waits then, and what fails can be asked for again in
    /// the invocation that needs it.
    #[must_use]
    pub(crate) fn is_initialisation(self) -> bool {
        self.is_initialisation
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

    fn began(second: i64) -> InvocationTime {
        InvocationTime { began_at: at(second), ..InvocationTime::begin(|| at(1_000)) }
    }

    #[test]
    fn an_invocation_remembers_what_failed_since_it_began() {
        let time = began(100);
        assert!(time.remembers(at(100), PAUSE));
        assert!(time.remembers(at(500), PAUSE));
        assert!(!time.remembers(at(99), PAUSE));
    }

    #[test]
    fn a_later_invocation_waits_until_the_pause_is_over() {
        let time = began(1_000);
        assert!(time.remembers(at(999), PAUSE));
        assert!(!time.remembers(at(998), PAUSE));
        assert!(!time.remembers(at(999), SignedDuration::ZERO));
    }

    #[test]
    fn nothing_is_left_of_an_invocation_after_its_deadline() {
        let time = began(1_000);
        assert_eq!(time.until(at(1_003)).left(), Duration::from_secs(3));
        assert_eq!(time.until(at(999)).left(), Duration::ZERO);
    }
}
