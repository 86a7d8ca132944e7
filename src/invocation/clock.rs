//! The time: this machine's clock, and how far it is behind or ahead by AWS's own word.
//!
//! S3 judges a link by its own clock. A laptop's clock may be minutes behind, and a link that such a
//! clock dates lives for minutes less than its window. Each response of S3 and STS says when it was
//! made, so the function computes and signs with that time. The deadline of an invocation is one of
//! this machine's clock, and is compared with that.
//!
//! This module does not decide whose word counts: `aws` does.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// Reads this machine's clock. Tests pass a function that returns the time they want.
pub(crate) type HostClock = fn() -> Timestamp;

/// Differences up to this one are nothing: a response takes a while, and says the time in whole seconds.
/// The margin of a window covers them.
const IGNORED: SignedDuration = SignedDuration::from_secs(2);

/// The time, by this machine's clock and AWS's word. Clones share what they heard.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    host: HostClock,
    /// What is added to this machine's time, in milliseconds.
    correction: Arc<AtomicI64>,
}

impl Clock {
    /// This machine's clock, of which nothing was heard yet.
    pub(crate) fn new(host: HostClock) -> Self {
        Self { host, correction: Arc::default() }
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        let host = self.host();
        host.checked_add(self.correction()).unwrap_or(host)
    }

    /// The time by this machine's clock alone.
    pub(crate) fn host(&self) -> Timestamp {
        (self.host)()
    }

    fn correction(&self) -> SignedDuration {
        SignedDuration::from_millis(self.correction.load(Ordering::Relaxed))
    }

    /// Takes note of a response that was made in the second `said`, by AWS's clock. It was asked for at
    /// `asked_at` and came at `came_at`, both by this machine's clock.
    ///
    /// What was heard before holds on while it agrees. A response that a freeze held up agrees with
    /// everything.
    pub(crate) fn hear(&self, said: Timestamp, asked_at: Timestamp, came_at: Timestamp) {
        // AWS's second began after the request, and was not over before the response.
        let least = said.duration_since(came_at);
        let most = said.duration_since(asked_at).saturating_add(SignedDuration::from_secs(1));
        let agrees = |correction: SignedDuration| {
            (least.saturating_sub(IGNORED)..=most.saturating_add(IGNORED)).contains(&correction)
        };
        let before = self.correction();
        if most < least || agrees(before) {
            return;
        }
        let correction = if agrees(SignedDuration::ZERO) {
            SignedDuration::ZERO
        } else {
            // Half of a sum of two durations between instants does not overflow.
            least.saturating_add(most) / 2
        };
        let milliseconds = i64::try_from(correction.as_millis()).unwrap_or_default();
        self.correction.store(milliseconds, Ordering::Relaxed);
        tracing::warn!(
            seconds = correction.as_secs(),
            "this machine's clock differs from AWS's by so many seconds, which are added from now on"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    thread_local! {
        static HOST: Cell<i64> = const { Cell::new(0) };
    }

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    fn clock() -> Clock {
        Clock::new(|| at(HOST.get()))
    }

    /// Hears a response that AWS made when its clock was `offset` ahead of this machine's. It was asked
    /// for at `asked_at`, was made after `to` and came after `back`, all in milliseconds.
    fn hear(clock: &Clock, offset: i64, asked_at: i64, to: i64, back: i64) {
        let made_at = asked_at + to + offset;
        let said = at(made_at.div_euclid(1_000) * 1_000);
        HOST.set(asked_at + to + back);
        clock.hear(said, at(asked_at), at(asked_at + to + back));
    }

    fn off_by(clock: &Clock, offset: i64) -> i64 {
        clock.now().as_millisecond() - HOST.get() - offset
    }

    proptest! {
        #[test]
        fn the_time_is_aws_s_to_two_seconds_and_the_way(
            offset in -400_000..400_000_i64,
            asked_at in 1_795_000_000_000..1_796_000_000_000_i64,
            to in 0..2_000_i64,
            back in 0..2_000_i64,
        ) {
            let clock = clock();
            hear(&clock, offset, asked_at, to, back);
            prop_assert!(off_by(&clock, offset).abs() <= 3_000 + to + back);
            // A quick response says it better.
            hear(&clock, offset, asked_at + 60_000, 20, 20);
            prop_assert!(off_by(&clock, offset).abs() <= 3_040);
        }

        #[test]
        fn a_clock_that_is_right_to_two_seconds_is_left_alone(
            offset in -2_000..2_000_i64,
            asked_at in 1_795_000_000_000..1_796_000_000_000_i64,
            to in 0..600_000_i64,
            back in 0..600_000_i64,
        ) {
            let clock = clock();
            hear(&clock, offset, asked_at, to, back);
            prop_assert_eq!(clock.now(), clock.host());
        }

        #[test]
        fn a_response_that_a_freeze_held_up_changes_nothing(
            frozen in 200_000..40_000_000_i64,
            is_on_the_way_back: bool,
        ) {
            let clock = clock();
            hear(&clock, 150_000, 1_795_000_000_000, 30, 30);
            let heard = off_by(&clock, 150_000);
            let (to, back) = if is_on_the_way_back { (30, frozen) } else { (frozen, 30) };
            hear(&clock, 150_000, 1_795_000_900_000, to, back);
            prop_assert_eq!(off_by(&clock, 150_000), heard);
        }
    }

    #[test]
    fn a_clock_that_was_set_right_is_believed_again() {
        let clock = clock();
        hear(&clock, 299_000, 1_795_000_000_000, 30, 30);
        assert!(off_by(&clock, 299_000).abs() <= 1_000);
        hear(&clock, 0, 1_795_000_600_000, 30, 30);
        assert_eq!(clock.now(), clock.host());
    }

    #[test]
    fn a_clock_that_ran_back_while_it_waited_says_nothing() {
        let clock = clock();
        clock.hear(at(5_000_000), at(5_000_000), at(4_000_000));
        assert_eq!(clock.correction(), SignedDuration::ZERO);
    }
}
