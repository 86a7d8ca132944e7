//! Why `GRANTS` is refused.

use thiserror::Error;

/// `GRANTS`, or the document that it names, is wrong. Each message completes the sentence "GRANTS …".
#[derive(Debug, Error)]
pub enum GrantsError {
    /// The setting is not JSON, or it is JSON of another shape.
    #[error("is not a JSON array of grants: {0}")]
    Syntax(#[from] serde_json::Error),
    /// The setting is one JSON object.
    #[error("is one JSON object: put it into square brackets, as in [{{\"bucket\": …}}]")]
    NotAnArray,
    /// The array is empty. A function that may sign nothing is a mistake of its operator.
    #[error(
        "is empty: name at least one grant, such as \
         [{{\"bucket\":\"my-bucket\",\"prefix\":\"private-files/\",\"principals\":[\"*\"]}}]"
    )]
    Empty,
    /// A grant has a field that grants do not have.
    #[error("[{index}].{name} {problem}")]
    UnknownField {
        /// The grant's position in the array, counted from 0.
        index: usize,
        /// The field's name, shortened if it is long.
        name: String,
        /// What is wrong with it, and how to fix it.
        problem: String,
    },
    /// A field of a grant has a value that is not allowed.
    #[error("[{index}].{field} {problem}")]
    Field {
        /// The grant's position in the array, counted from 0.
        index: usize,
        /// The field's name.
        field: &'static str,
        /// What is wrong with the value, and how to fix it.
        problem: String,
    },
}
