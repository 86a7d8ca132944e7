//! What an owner may change of a share.

use super::passcode::Passcode;

/// What becomes of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Edit<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is taken away.
    Remove,
    /// It becomes this.
    Set(T),
}

impl<T> Edit<T> {
    /// The same edit of a value that `change` makes of this one.
    ///
    /// # Errors
    ///
    /// Whatever `change` gives.
    pub(crate) fn try_map<U, E>(
        self,
        change: impl FnOnce(T) -> Result<U, E>,
    ) -> Result<Edit<U>, E> {
        Ok(match self {
            Self::Keep => Edit::Keep,
            Self::Remove => Edit::Remove,
            Self::Set(value) => Edit::Set(change(value)?),
        })
    }
}

/// What an owner wants to change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    /// How long the share is to live from now on, in seconds. `None`: as long as before.
    pub(crate) expires_in: Option<u64>,
    pub(crate) max_downloads: Edit<u64>,
    pub(crate) passcode: Edit<Passcode>,
    /// Whether passcodes may be tried again.
    pub(crate) unlock: bool,
}
