//! The instants at which a link can be opened.

use jiff::{SignedDuration, Timestamp};

use super::keys::TimeKey;
use super::scalar::Scalar;

/// One instant at which a link is opened, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    /// Milliseconds since 1970. A whole second.
    signed_at: i64,
    /// Milliseconds since `signed_at`, at least 0.
    age: i64,
}

impl Opening {
    /// The link is opened in the instant in which it is signed. That is rounded down to a whole
    /// second, as `X-Amz-Date` is.
    pub(super) fn at_once(signed_at: Timestamp) -> Self {
        let second = signed_at.as_millisecond().div_euclid(1_000);
        Self { signed_at: second * 1_000, age: 0 }
    }

    /// The same link, opened at a mark.
    pub(super) fn at(self, mark: Mark) -> Self {
        Self { age: mark.age, ..self }
    }

    /// The value of a key: `s3:signatureAge` in milliseconds, the others as the second in which the
    /// link is opened, since 1970. Date operators compare whole seconds.
    pub(super) fn time(self, key: TimeKey) -> Scalar {
        match key {
            TimeKey::SignatureAge => Scalar::whole(self.age),
            TimeKey::CurrentTime | TimeKey::EpochTime => {
                Scalar::whole((self.signed_at + self.age).div_euclid(1_000))
            }
        }
    }

    /// The marks at which a comparison of the key's value with `written` may change.
    pub(super) fn marks(self, key: TimeKey, written: Scalar) -> impl Iterator<Item = Mark> {
        let (by_age, unit, start) = match key {
            TimeKey::SignatureAge => (true, 1, 0),
            TimeKey::CurrentTime | TimeKey::EpochTime => (false, 1_000, self.signed_at),
        };
        let values = written.floor().map(|value| [Some(value), value.checked_add(1)]);
        let ages = values
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(move |value| value.checked_mul(unit)?.checked_sub(start));
        ages.map(move |age| Mark { age, by_age }).filter(|mark| mark.age > 0)
    }

    /// A mark as callers read it. `None` if it is beyond the calendar.
    pub(super) fn bound(self, mark: Mark) -> Option<Bound> {
        if mark.by_age {
            return Some(Bound::Age(SignedDuration::from_millis(mark.age)));
        }
        let instant = self.signed_at.checked_add(mark.age)?;
        Timestamp::from_millisecond(instant).ok().map(Bound::Instant)
    }
}

/// An instant at which a condition may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    /// Milliseconds since the link was signed, above 0.
    age: i64,
    /// Whether it is a matter of the signature's age rather than of the time of day.
    by_age: bool,
}

/// The first instant at which something holds, or no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// So long after the link was signed. Whole milliseconds, above 0.
    Age(SignedDuration),
    /// At this instant, whenever the link was signed.
    Instant(Timestamp),
}
