//! Three values instead of two: what can't be known here is neither true nor false. And a range of
//! them, where it is not known how AWS reads a policy.

/// Whether something holds. The order makes "and" the minimum and "or" the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Truth {
    /// It does not hold, whoever opens the link.
    No,
    /// It depends on who opens the link, or on something that is not known here.
    Unknown,
    /// It holds, whoever opens the link.
    Yes,
}

impl Truth {
    /// `Yes` if any of `truths` is, else `Unknown` if any of them is. `No` for none. What follows a
    /// `Yes` is not asked for.
    pub(super) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut any = Self::No;
        for truth in truths {
            any = any.max(truth);
            if any == Self::Yes {
                break;
            }
        }
        any
    }

    /// `No` if any of `truths` is, else `Unknown` if any of them is. `Yes` for none. What follows a
    /// `No` is not asked for.
    pub(super) fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::Yes;
        for truth in truths {
            all = all.min(truth);
            if all == Self::No {
                break;
            }
        }
        all
    }

    /// The one truth on which all of `truths` agree, else `Unknown`.
    pub(super) fn agreed(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut truths = truths.into_iter();
        let Some(first) = truths.next() else { return Self::Unknown };
        if truths.all(|truth| truth == first) { first } else { Self::Unknown }
    }
}

impl std::ops::Not for Truth {
    type Output = Self;

    /// What is unknown stays unknown.
    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// What the readings of a policy say of something: the truth lies between these two, and each of them
/// follows from a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) least: Truth,
    pub(super) most: Truth,
}

impl Range {
    /// Some reading may say anything.
    pub(super) const ANY: Self = Self { least: Truth::No, most: Truth::Yes };

    /// Whether both hold. Their readings have nothing to do with each other.
    pub(super) fn and(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), most: self.most.min(other.most) }
    }

    /// What is known of one of `ranges`, if it is not known which: what they have in common, or
    /// `Unknown` if they agree on nothing but leave nothing open either.
    pub(super) fn of_one_of(ranges: impl IntoIterator<Item = Self>) -> Self {
        let mut ranges = ranges.into_iter();
        let first = ranges.next().unwrap_or_else(|| Truth::Unknown.into());
        ranges.fold(first, |all, range| match (all.agreed(), range.agreed()) {
            _ if all == range => all,
            (Some(_), Some(_)) => Truth::Unknown.into(),
            _ => Self::ANY,
        })
    }

    /// The truth on which all readings agree.
    pub(super) fn agreed(self) -> Option<Truth> {
        (self.least == self.most).then_some(self.least)
    }
}

impl From<Truth> for Range {
    fn from(truth: Truth) -> Self {
        Self { least: truth, most: truth }
    }
}

impl std::ops::Not for Range {
    type Output = Self;

    fn not(self) -> Self {
        Self { least: !self.most, most: !self.least }
    }
}
