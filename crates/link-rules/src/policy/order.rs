//! How a number or an instant of a request is ordered to the values of a condition, by each of their
//! readings. With sorted values that takes one look or a binary search, however many there are.

use std::cmp::Ordering;

use super::readings::{Reading, Readings};
use super::scalar::Scalar;
use super::tristate::{Range, Truth};

/// How a number or an instant of the request must be ordered to one of the policy's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    orders: &'static [Ordering],
    /// Of each value, what it is or something stricter, whichever reading it has. Sorted.
    surely: Vec<Scalar>,
    /// What each value is by each of its readings. Sorted.
    perhaps: Vec<Scalar>,
    /// Whether a value may match everything.
    perhaps_always: bool,
}

impl Order {
    pub(super) fn new(
        orders: &'static [Ordering],
        values: &[String],
        read: fn(&str) -> Readings,
    ) -> Self {
        let (mut surely, mut perhaps, mut perhaps_always) = (Vec::new(), Vec::new(), false);
        for readings in values.iter().map(|value| read(value)) {
            perhaps_always |= readings.iter().any(|reading| reading == Reading::Always);
            let is_never = readings.iter().any(|reading| reading == Reading::Never);
            let known = perhaps.len();
            perhaps.extend(readings.scalars());
            let scalars = perhaps[known..].iter().copied();
            if !is_never {
                surely.extend(match direction(orders) {
                    Ordering::Greater => scalars.max(),
                    Ordering::Less => scalars.min(),
                    Ordering::Equal => scalars.clone().min().filter(|_| scalars.len() == 1),
                });
            }
        }
        for scalars in [&mut surely, &mut perhaps] {
            scalars.sort_unstable();
            scalars.dedup();
        }
        if surely == perhaps {
            // Nothing matters but the least value, or the greatest.
            for scalars in [&mut surely, &mut perhaps] {
                match direction(orders) {
                    Ordering::Greater => scalars.truncate(1),
                    Ordering::Less => drop(scalars.drain(..scalars.len().saturating_sub(1))),
                    Ordering::Equal => {}
                }
            }
        }
        Self { orders, surely, perhaps, perhaps_always }
    }

    /// The numbers and instants at which [`Order::range`] may change.
    pub(super) fn scalars(&self) -> impl Iterator<Item = Scalar> {
        self.perhaps.iter().copied()
    }

    /// Whether there is a reading in which some value holds `then`, and none does `before`. Either
    /// may be the earlier one.
    pub(super) fn may_come_to_hold(&self, before: Scalar, then: Scalar) -> bool {
        !self.any(&self.surely, before) && self.gains(before, then)
    }

    /// Whether `time` is ordered to any of these, which are sorted.
    fn any(&self, written: &[Scalar], time: Scalar) -> bool {
        let holds = |written: &Scalar| self.orders.contains(&time.cmp(written));
        match direction(self.orders) {
            Ordering::Greater => written.first().is_some_and(holds),
            Ordering::Less => written.last().is_some_and(holds),
            Ordering::Equal => written.binary_search(&time).is_ok(),
        }
    }

    /// Whether a value may be one to which `then` is ordered, and `before` is not.
    fn gains(&self, before: Scalar, then: Scalar) -> bool {
        // Of sorted values, `time` is ordered to the first ones, or to the last.
        let edge = |time: Scalar, of_those: bool| {
            let holds = |written: &Scalar| self.orders.contains(&time.cmp(written)) == of_those;
            self.perhaps.partition_point(holds)
        };
        match direction(self.orders) {
            Ordering::Greater => edge(then, true) > edge(before, true),
            Ordering::Less => edge(then, false) < edge(before, false),
            Ordering::Equal => then != before && self.any(&self.perhaps, then),
        }
    }

    /// Whether `time` is ordered to one of the values as the operator says.
    pub(super) fn range(&self, time: Scalar) -> Range {
        let least = self.any(&self.surely, time);
        let most = self.perhaps_always || self.any(&self.perhaps, time);
        Range { least: least.into(), most: most.into() }
    }

    /// The same of something that stays as it is.
    pub(super) fn of_constant(&self, constant: Scalar) -> Truth {
        self.range(constant).agreed().unwrap_or(Truth::Unknown)
    }
}

/// Whether the operator asks for more than a value, for less, or for the value itself.
fn direction(orders: &[Ordering]) -> Ordering {
    let is_order = |order: &&Ordering| **order != Ordering::Equal;
    orders.iter().find(is_order).copied().unwrap_or(Ordering::Equal)
}
