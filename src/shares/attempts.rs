//! Attempts at a share's passcode: which of them are wrong, which are in flight, and when nobody may try.
//! No AWS type, no I/O.
//!
//! An attempt is counted before anybody looks at the passcode, and its outcome is written right after
//! the look: a right one gives the attempt back, a wrong one stays. In between it is in flight. One
//! whose outcome is never written counts as wrong once its invocation has ended.

use jiff::{SignedDuration, Timestamp};

/// How many wrong passcodes lock a share for an hour.
pub(super) const MAX_ATTEMPTS: u64 = 10;

/// How long a share stays locked after the last attempt.
const LOCK: SignedDuration = SignedDuration::from_hours(1);

/// How many wrong passcodes since the last unlock lock a share until it is unlocked. Each counted
/// download allows one more, because people who may download mistype too.
pub(super) const MAX_GUESSES: u64 = 100;

/// The attempts at a share's passcode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attempts {
    /// How many were counted since the last lock was over, less those that were given back.
    pub(super) counted: u64,
    /// When the last one was counted.
    pub(super) last_at: Option<Timestamp>,
    /// How many of them had no outcome when the last one was counted or decided.
    pub(super) in_flight: u64,
    /// When the invocation of the last one has ended.
    pub(super) in_flight_until: Option<Timestamp>,
    /// How many were counted since the last unlock, less those that were given back. `None`: it is not
    /// known, because the index does not have it.
    pub(super) guesses: Option<u64>,
    /// How many guesses lock the share until it is unlocked. `None`: [`MAX_GUESSES`].
    pub(super) max_guesses: Option<u64>,
    /// When a passcode was found wrong for the last time since the last unlock.
    pub(super) last_wrong_at: Option<Timestamp>,
}

/// Whether a passcode is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trial {
    /// It is.
    Open,
    /// It is once the attempts in flight are decided, if one of them is right.
    Busy,
    /// It is not.
    Locked(Lock),
    /// It is: an hour has passed since the last attempt.
    OpenAgain,
}

/// A lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Until this instant.
    Until(Timestamp),
    /// Until the owner or an operator unlocks the share.
    UntilUnlocked,
}

impl Lock {
    /// Until when no passcode is looked at, unless the share is unlocked: to the share's end, where
    /// nothing but that helps.
    pub(super) fn until(self, expires_at: Timestamp) -> Timestamp {
        match self {
            Self::Until(until) => until,
            Self::UntilUnlocked => expires_at,
        }
    }
}

impl Attempts {
    /// Those at a share that was just made.
    pub(super) fn none() -> Self {
        Self { guesses: Some(0), ..Self::default() }
    }

    /// Whether a passcode is looked at, at `now`.
    pub(super) fn trial(&self, now: Timestamp) -> Trial {
        let in_flight = self.in_flight(now);
        let guesses = self.guesses.unwrap_or(0);
        let max_guesses = self.max_guesses.unwrap_or(MAX_GUESSES);
        if guesses >= max_guesses {
            return match guesses.saturating_sub(in_flight) {
                wrong if wrong >= max_guesses => Trial::Locked(Lock::UntilUnlocked),
                _ => Trial::Busy,
            };
        }
        if self.counted < MAX_ATTEMPTS {
            return Trial::Open;
        }
        if self.counted.saturating_sub(in_flight) < MAX_ATTEMPTS {
            return Trial::Busy;
        }
        let until = self.last_at.and_then(|at| at.checked_add(LOCK).ok());
        match until.filter(|until| *until > now) {
            Some(until) => Trial::Locked(Lock::Until(until)),
            None => Trial::OpenAgain,
        }
    }

    /// The lock at `now`, if there is one.
    pub(crate) fn lock(&self, now: Timestamp) -> Option<Lock> {
        match self.trial(now) {
            Trial::Locked(lock) => Some(lock),
            Trial::Open | Trial::Busy | Trial::OpenAgain => None,
        }
    }

    /// How many more wrong passcodes are looked at before the share is locked.
    pub(super) fn tries_left(&self, now: Timestamp) -> u64 {
        let in_flight = self.in_flight(now);
        let left = |most: u64, counted: u64| most.saturating_sub(counted.saturating_sub(in_flight));
        let guesses = self.guesses.unwrap_or(0);
        left(MAX_ATTEMPTS, self.counted).min(left(self.max_guesses.unwrap_or(MAX_GUESSES), guesses))
    }

    /// How many passcodes were found wrong since the last unlock. `None`: it is not known.
    pub(crate) fn wrong(&self, now: Timestamp) -> Option<u64> {
        self.guesses.map(|guesses| guesses.saturating_sub(self.in_flight(now)))
    }

    /// When a passcode was found wrong for the last time since the last unlock.
    pub(crate) fn last_wrong_at(&self) -> Option<Timestamp> {
        self.last_wrong_at
    }

    /// Counts one that is in flight as wrong.
    pub(super) fn count_as_wrong(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Whether an unlock changes anything.
    pub(super) fn are_any(&self) -> bool {
        self.counted > 0 || self.guesses.unwrap_or(0) > 0
    }

    /// How many have no outcome yet. Those whose invocations have ended get none.
    fn in_flight(&self, now: Timestamp) -> u64 {
        self.in_flight_until.filter(|until| *until > now).map_or(0, |_| self.in_flight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn attempts(counted: u64, in_flight: u64) -> Attempts {
        Attempts {
            counted,
            in_flight,
            last_at: Some(at(0)),
            in_flight_until: Some(at(15)),
            ..Attempts::none()
        }
    }

    #[test]
    fn ten_wrong_ones_lock_for_an_hour_and_ten_of_which_some_are_in_flight_make_others_wait() {
        for (counted, in_flight, second, expected) in [
            (9, 0, 1, Trial::Open),
            (9, 9, 1, Trial::Open),
            (10, 1, 1, Trial::Busy),
            (10, 10, 14, Trial::Busy),
            // Their invocations have ended, so nobody writes their outcomes any more.
            (10, 10, 15, Trial::Locked(Lock::Until(at(3_600)))),
            (10, 0, 1, Trial::Locked(Lock::Until(at(3_600)))),
            (10, 0, 3_599, Trial::Locked(Lock::Until(at(3_600)))),
            (10, 0, 3_600, Trial::OpenAgain),
        ] {
            let trial = attempts(counted, in_flight).trial(at(second));
            assert_eq!(trial, expected, "{counted} {in_flight} {second}");
        }
    }

    #[test]
    fn a_hundred_guesses_lock_until_an_unlock_whatever_the_time_and_downloads_allow_more() {
        let guessed = |guesses, max_guesses, in_flight| Attempts {
            guesses: Some(guesses),
            max_guesses,
            ..attempts(3, in_flight)
        };
        let locked = Trial::Locked(Lock::UntilUnlocked);
        for (attempts, expected) in [
            (guessed(99, None, 0), Trial::Open),
            (guessed(100, None, 0), locked),
            (guessed(100, None, 1), Trial::Busy),
            (guessed(100, Some(101), 0), Trial::Open),
            (guessed(101, Some(101), 0), locked),
        ] {
            assert_eq!(attempts.trial(at(1)), expected, "{attempts:?}");
        }
        assert_eq!(guessed(100, None, 1).trial(at(1_000_000)), locked);
    }

    #[test]
    fn tries_are_left_that_are_not_wrong() {
        assert_eq!(attempts(10, 3).tries_left(at(1)), 3);
        assert_eq!(attempts(10, 3).tries_left(at(15)), 0);
        let guessed = Attempts { guesses: Some(98), ..attempts(1, 0) };
        assert_eq!(guessed.tries_left(at(1)), 2);
        assert_eq!(guessed.wrong(at(1)), Some(98));
    }

    #[test]
    fn of_what_the_index_does_not_have_nothing_is_said() {
        let listed = Attempts { guesses: None, ..attempts(10, 0) };
        assert_eq!(listed.wrong(at(1)), None);
        assert_eq!(listed.lock(at(1)), Some(Lock::Until(at(3_600))));
    }
}
