//! What may become of a share.

/// What has become of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShareState {
    /// It opens, as far as its owner may still share the file.
    Active,
    /// Its time is over.
    Ended,
    /// It was downloaded as often as its owner allowed.
    UsedUp,
    /// Its owner took it back, or may not share the file any more.
    Withdrawn,
}

impl ShareState {
    /// The name used in answers and logs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ended => "ended",
            Self::UsedUp => "used_up",
            Self::Withdrawn => "withdrawn",
        }
    }
}
