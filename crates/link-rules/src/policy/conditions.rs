//! One condition of a statement, and what is known of it over time.

use std::sync::Arc;

use super::breakpoints::{Mark, Opening};
use super::keys::{Subject, Value};
use super::matcher::Matcher;
use super::operators::{Operator, SetOperator};
use super::request_context::RequestContext;
use super::tristate::{Range, Truth};

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
    /// `None`: IAM's reference does not have the operator.
    parsed: Option<Operator>,
    matcher: Matcher,
}

/// What is known of a condition when the link is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// It is met, whoever opens the link whenever.
    Met,
    /// The same, because the request does not have its key.
    Missing,
    /// It turns on when the link is opened.
    Time,
    /// It turns on when the link is opened, and on how AWS reads an operator or a value that it does
    /// not document. By one reading the condition is met at first, and by another it is not.
    Unreadable,
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
        let matcher = Matcher::new(parsed, &lower_key, &values);
        let (operator, key) = (operator.to_owned(), key.to_owned());
        Self { operator, key, values, lower_key, parsed, matcher }
    }

    /// The key in lower case.
    pub(super) fn lower_key(&self) -> &str {
        &self.lower_key
    }

    /// The values of which a request that lacks the key needs one, so that the condition is not met.
    /// Empty if any value is enough. `None` if none is known to be.
    pub(super) fn values_that_lift(&self) -> Option<&[String]> {
        match &self.matcher {
            Matcher::Missing(written) if *written == [Some(true)] => Some(&[]),
            Matcher::Texts { .. } | Matcher::Arns(_)
                if self.is_negated() && !self.values.is_empty() =>
            {
                Some(&self.values)
            }
            _ => None,
        }
    }

    fn is_negated(&self) -> bool {
        self.parsed.is_some_and(|operator| operator.negated)
    }
}

/// A condition together with what is known of its key.
pub(super) struct AskedCondition<'a> {
    pub(super) condition: &'a Arc<Condition>,
    subject: Subject<'a>,
}

impl<'a> AskedCondition<'a> {
    /// A condition, asked about one link.
    pub(super) fn new(condition: &'a Arc<Condition>, question: &RequestContext<'a>) -> Self {
        let subject = question.subject(&condition.lower_key, &condition.key);
        Self { condition, subject }
    }

    /// Whether the condition is met when the link is opened at this instant.
    ///
    /// If it is unknown at two instants, then both turn on the same unknown.
    pub(super) fn truth(&self, opening: Opening) -> Range {
        if let Matcher::Missing(written) = &self.condition.matcher {
            return self.is_null(written).into();
        }
        match &self.subject {
            Subject::Unknown { .. } => Truth::Unknown.into(),
            Subject::Known(candidates) => {
                let truths = candidates.iter().map(|candidate| match candidate {
                    None => self.without_key().into(),
                    Some(Value::Several(values)) => self.of_several(values, opening).into(),
                    Some(value) => self.of_one(value, opening),
                });
                Range::of_one_of(truths)
            }
        }
    }

    fn of_one(&self, value: &Value<'_>, opening: Opening) -> Range {
        let matched = self.condition.matcher.matches(value, opening);
        if self.condition.is_negated() { !matched } else { matched }
    }

    /// Whether the condition is met by a key with several values, each of which the operator compares
    /// by itself. Without a set operator AWS does not document which must be met.
    ///
    /// Source: IAM user guide, "Set operators for multivalued context keys".
    fn of_several(&self, values: &[Value<'_>], opening: Opening) -> Truth {
        let of_one = |value| self.of_one(value, opening).agreed().unwrap_or(Truth::Unknown);
        let truths = values.iter().map(of_one);
        match self.condition.parsed.and_then(|operator| operator.set) {
            Some(SetOperator::All) => Truth::all(truths),
            Some(SetOperator::Any) => Truth::any(truths),
            None => Truth::agreed(truths),
        }
    }

    /// Whether there is a reading in which the condition is met later and not at first.
    pub(super) fn may_become_met(&self, at_first: Opening, later: Opening) -> bool {
        self.condition.matcher.may_become(!self.condition.is_negated(), at_first, later)
    }

    /// The instants at which [`AskedCondition::truth`] may change. None if it never does.
    pub(super) fn marks(&self, opening: Opening) -> impl Iterator<Item = Mark> {
        self.condition.matcher.marks(opening)
    }

    /// On what the condition turns.
    pub(super) fn knowledge(&self, opening: Opening) -> Knowledge {
        let truth = self.truth(opening).agreed();
        match (truth, &self.subject) {
            (None, _) => Knowledge::Unreadable,
            _ if self.marks(opening).next().is_some() => Knowledge::Time,
            (Some(Truth::Unknown), Subject::Unknown { recipients: true, .. }) => {
                Knowledge::Recipient
            }
            (Some(Truth::Unknown), _) => Knowledge::Unknown,
            (Some(Truth::Yes | Truth::No), Subject::Known(candidates))
                if candidates.iter().all(Option::is_none) =>
            {
                Knowledge::Missing
            }
            (Some(Truth::Yes | Truth::No), _) => Knowledge::Met,
        }
    }

    /// `Null` with `true` holds if the request lacks the key, with `false` if it has it.
    fn is_null(&self, written: &[Option<bool>]) -> Truth {
        let lacks = match &self.subject {
            Subject::Known(candidates) => {
                Truth::agreed(candidates.iter().map(|candidate| candidate.is_none().into()))
            }
            Subject::Unknown { always_present: true, .. } => Truth::No,
            Subject::Unknown { .. } => Truth::Unknown,
        };
        Truth::any(written.iter().map(|value| match value {
            Some(true) => lacks,
            Some(false) => !lacks,
            None => Truth::Unknown,
        }))
    }

    /// Whether the condition is met by a request without its key.
    ///
    /// Source: IAM user guide, "IAM JSON policy elements: Condition operators" and "Set operators
    /// for multivalued context keys".
    fn without_key(&self) -> Truth {
        let Some(operator) = self.condition.parsed else { return Truth::Unknown };
        match (operator.set, operator.if_exists, operator.negated) {
            (Some(SetOperator::All), _, _) | (None, true, _) | (None, false, true) => Truth::Yes,
            (None | Some(SetOperator::Any), false, false) => Truth::No,
            // The guide says both that such a condition needs the key, and that it does not.
            (Some(SetOperator::Any), _, _) => Truth::Unknown,
        }
    }
}
