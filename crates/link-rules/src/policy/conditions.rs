//! One condition of a statement, and what is known of it over time.

use std::sync::Arc;

use super::breakpoints::{Mark, Opening};
use super::keys::{Subject, Value};
use super::operators::{Comparison, Operator, SetOperator, boolean};
use super::request_context::RequestContext;
use super::tristate::Truth;

/// One condition, as it was written. A statement holds if all of its conditions do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The operator, such as `NotIpAddressIfExists`.
    pub operator: String,
    /// The condition key, such as `aws:SourceIp`.
    pub key: String,
    /// The values. One of them must match, or with a negated operator none of them.
    pub values: Vec<String>,
    /// The key in lower case.
    lower_key: String,
    parsed: Option<Operator>,
}

/// What is known of a condition when the link is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// It is met, whoever opens the link whenever.
    Met,
    /// It turns on when the link is opened.
    Time,
    /// It turns on who opens the link from where.
    Recipient,
    /// It turns on something that is not known here, such as the object's tags or the signer's
    /// organization. It is the same for all recipients.
    Unknown,
}

impl Condition {
    pub(super) fn new(operator: &str, key: &str, values: Vec<String>) -> Self {
        let parsed = Operator::parse(operator);
        let lower_key = key.to_ascii_lowercase();
        Self { operator: operator.to_owned(), key: key.to_owned(), values, lower_key, parsed }
    }

    /// The key in lower case.
    pub(super) fn lower_key(&self) -> &str {
        &self.lower_key
    }
}

/// A condition together with what is known of its key.
pub(super) struct AskedCondition<'a> {
    pub(super) condition: &'a Arc<Condition>,
    subject: Subject,
}

impl<'a> AskedCondition<'a> {
    /// A condition, asked about one link.
    pub(super) fn new(condition: &'a Arc<Condition>, question: &RequestContext<'_>) -> Self {
        Self { condition, subject: question.subject(&condition.lower_key) }
    }

    /// Whether the condition is met when the link is opened at this instant.
    ///
    /// If it is unknown at two instants, then both turn on the same unknown.
    pub(super) fn truth(&self, opening: Opening) -> Truth {
        let Some(operator) = self.condition.parsed else { return Truth::Unknown };
        if operator.comparison == Comparison::Null {
            return self.is_null();
        }
        match &self.subject {
            Subject::Unknown { .. } => Truth::Unknown,
            Subject::Known(candidates) => {
                Truth::agreed(candidates.iter().map(|candidate| match candidate {
                    None => without_key(operator),
                    Some(value) => self.with_value(operator, value, opening),
                }))
            }
        }
    }

    /// The instants at which [`AskedCondition::truth`] may change. None if it never does.
    pub(super) fn marks(&self, opening: Opening) -> Vec<Mark> {
        let (Some(operator), Subject::Known(candidates)) = (self.condition.parsed, &self.subject)
        else {
            return Vec::new();
        };
        let scalars =
            || self.condition.values.iter().filter_map(|value| operator.comparison.scalar(value));
        let mut marks = Vec::new();
        for value in candidates.iter().flatten() {
            match value {
                Value::SignatureAge => {
                    marks.extend(scalars().flat_map(Opening::age_marks));
                }
                Value::CurrentTime | Value::EpochTime => {
                    marks.extend(scalars().flat_map(|scalar| opening.instant_marks(scalar)));
                }
                Value::Text(_) | Value::AuthType | Value::Instant(_) => {}
            }
        }
        marks
    }

    /// On what the condition turns.
    pub(super) fn knowledge(&self, opening: Opening) -> Knowledge {
        if !self.marks(opening).is_empty() {
            return Knowledge::Time;
        }
        match (self.truth(opening), &self.subject) {
            (Truth::Unknown, Subject::Unknown { recipients: true, .. }) => Knowledge::Recipient,
            (Truth::Unknown, _) => Knowledge::Unknown,
            (Truth::Yes | Truth::No, _) => Knowledge::Met,
        }
    }

    /// `Null` with `true` holds if the request lacks the key, with `false` if it has it.
    fn is_null(&self) -> Truth {
        let lacks = match &self.subject {
            Subject::Known(candidates) => {
                Truth::agreed(candidates.iter().map(|candidate| candidate.is_none().into()))
            }
            Subject::Unknown { always_present: true, .. } => Truth::No,
            Subject::Unknown { .. } => Truth::Unknown,
        };
        Truth::any(self.condition.values.iter().map(|value| match boolean(value) {
            Some(true) => lacks,
            Some(false) => !lacks,
            None => Truth::Unknown,
        }))
    }

    /// One of the values matches, or with a negated operator none of them. All keys that are known
    /// here have one value, so the set operators make no difference.
    fn with_value(&self, operator: Operator, value: &Value, opening: Opening) -> Truth {
        let written = self.condition.values.iter();
        let matched =
            Truth::any(written.map(|written| operator.comparison.matches(value, written, opening)));
        if operator.negated { !matched } else { matched }
    }
}

/// Whether a condition is met by a request without its key.
///
/// Source: IAM user guide, "IAM JSON policy elements: Condition operators" and "Set operators for
/// multivalued context keys".
fn without_key(operator: Operator) -> Truth {
    match (operator.set, operator.if_exists, operator.negated) {
        (Some(SetOperator::All), _, _) | (None, true, _) | (None, false, true) => Truth::Yes,
        (None | Some(SetOperator::Any), false, false) => Truth::No,
        // The guide says both that such a condition needs the key, and that it does not.
        (Some(SetOperator::Any), _, _) => Truth::Unknown,
    }
}
