//! An element of a statement with its negated form. What it holds is not known here.

/// An element of a statement that has a negated form, such as `Action` and `NotAction`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Element<T> {
    /// The statement is about these.
    Is(T),
    /// The statement is about all but these.
    Not(T),
}
