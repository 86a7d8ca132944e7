//! What a condition asks of a key's value. Its own values are read once, with the policy.
//!
//! What AWS makes of a value or an operator of the wrong type is not documented. Of a key that stays
//! as it is, the answer is then unknown, and stays so. Of a time, `readings` has what may follow.

use super::breakpoints::{Mark, Opening};
use super::keys::{AUTH_TYPE, AuthType, TimeKey, Value};
use super::operators::{Comparison, Operator};
use super::order::Order;
use super::pattern::{Pattern, Text};
use super::readings::Readings;
use super::scalar::Scalar;
use super::tristate::{Range, Truth};

/// What a condition asks of a key's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Matcher {
    /// `Null`: whether the key is missing (`true`) or not (`false`).
    Missing(Vec<Option<bool>>),
    /// `String…`.
    Texts {
        patterns: Vec<Pattern>,
        /// Patterns are in lower case then.
        ignoring_case: bool,
    },
    /// `String…` with `s3:authType`: whether one of the values matches either of it.
    AuthTypes { query_string: Truth, post: Truth },
    /// `Arn…`.
    Arns(Vec<ArnPattern>),
    /// `Bool`.
    Booleans(Vec<Option<bool>>),
    /// `Numeric…` with a key that stays as it is.
    Numbers(Order),
    /// `Date…` with a key that stays as it is.
    Dates(Order),
    /// A time is in an order to the values.
    Times(TimeKey, Order),
    /// A time, and an operator that compares no times.
    AnyTime,
    /// An operator that IAM's reference does not have, or one for keys none of which is known here.
    Unknown,
}

impl Matcher {
    /// What an operator asks of a key in lower case.
    pub(super) fn new(operator: Option<Operator>, key: &str, values: &[String]) -> Self {
        let booleans = || values.iter().map(|value| boolean(value)).collect();
        let comparison = operator.map(|operator| operator.comparison);
        if comparison == Some(Comparison::Null) {
            return Self::Missing(booleans());
        }
        if let Some(time) = TimeKey::parse(key) {
            return Self::of_time(time, comparison, values);
        }
        let order = |orders, read: fn(&str) -> Readings| Order::new(orders, values, read);
        match comparison {
            Some(Comparison::Text | Comparison::TextIgnoringCase | Comparison::TextLike)
                if key == AUTH_TYPE =>
            {
                let matches = |ours| {
                    Truth::any(values.iter().map(|value| auth_type(comparison, value, ours)))
                };
                Self::AuthTypes {
                    query_string: matches("REST-QUERY-STRING"),
                    post: matches("POST"),
                }
            }
            Some(Comparison::Text) => Self::texts(values, Pattern::equal),
            Some(Comparison::TextLike) => Self::texts(values, Pattern::like),
            Some(Comparison::TextIgnoringCase) => {
                let lower = |value: &String| Pattern::equal(&value.to_lowercase());
                Self::Texts { patterns: values.iter().map(lower).collect(), ignoring_case: true }
            }
            Some(Comparison::Number(orders)) => Self::Numbers(order(orders, Readings::number)),
            Some(Comparison::Date(orders)) => Self::Dates(order(orders, Readings::date)),
            Some(Comparison::Bool) => Self::Booleans(booleans()),
            Some(Comparison::Arn) => {
                Self::Arns(values.iter().map(|value| ArnPattern::new(value)).collect())
            }
            Some(Comparison::Null | Comparison::Other) | None => Self::Unknown,
        }
    }

    fn texts(values: &[String], pattern: fn(&str) -> Pattern) -> Self {
        let patterns = values.iter().map(|value| pattern(value)).collect();
        Self::Texts { patterns, ignoring_case: false }
    }

    fn of_time(key: TimeKey, comparison: Option<Comparison>, values: &[String]) -> Self {
        let (orders, read): (_, fn(&str) -> Readings) = match (comparison, key) {
            (Some(Comparison::Number(orders)), TimeKey::SignatureAge) => (orders, Readings::number),
            (Some(Comparison::Number(orders)), TimeKey::EpochTime) => {
                (orders, Readings::number_of_instant)
            }
            (Some(Comparison::Number(orders)), TimeKey::CurrentTime) => {
                (orders, Readings::number_as_instant)
            }
            (Some(Comparison::Date(orders)), TimeKey::CurrentTime | TimeKey::EpochTime) => {
                (orders, Readings::date)
            }
            (Some(Comparison::Date(orders)), TimeKey::SignatureAge) => {
                (orders, Readings::number_as_date)
            }
            _ => return Self::AnyTime,
        };
        Self::Times(key, Order::new(orders, values, read))
    }

    /// Whether one of the values matches the value of the request, when the link is opened at this
    /// instant.
    pub(super) fn matches(&self, value: &Value<'_>, opening: Opening) -> Range {
        match (self, value) {
            (Self::Times(key, order), _) => order.range(opening.time(*key)),
            (Self::AnyTime, _) | (_, Value::RemainingDays) => Range::ANY,
            (Self::AuthTypes { query_string, .. }, Value::AuthType(AuthType::QueryString)) => {
                (*query_string).into()
            }
            (Self::AuthTypes { post, .. }, Value::AuthType(AuthType::Post)) => (*post).into(),
            (Self::Texts { patterns, ignoring_case: false }, Value::Text(text)) => {
                any(patterns, |pattern| pattern.matches(text)).into()
            }
            (Self::Texts { patterns, ignoring_case: true }, Value::Text(text)) => {
                let lower = Text::new(text.as_str().to_lowercase());
                any(patterns, |pattern| pattern.matches(&lower)).into()
            }
            (Self::Arns(patterns), Value::Text(text)) => {
                let parts = arn_parts(text.as_str()).map(|parts| parts.map(Text::new));
                any(patterns, |pattern| pattern.matches(text, parts.as_ref())).into()
            }
            (Self::Booleans(written), Value::Text(text)) => {
                let value = boolean(text.as_str());
                any(written, |written| match (value, written) {
                    (Some(value), Some(written)) => (value == *written).into(),
                    _ => Truth::Unknown,
                })
                .into()
            }
            (Self::Numbers(order), Value::Text(text)) => {
                let number = Scalar::number(text.as_str().trim());
                number.map_or(Truth::Unknown, |number| order.of_constant(number)).into()
            }
            (Self::Dates(order), Value::Instant(instant)) => order.of_constant(*instant).into(),
            _ => Truth::Unknown.into(),
        }
    }

    /// The marks at which [`Matcher::matches`] may change.
    pub(super) fn marks(&self, opening: Opening) -> impl Iterator<Item = Mark> {
        let times = match self {
            Self::Times(key, order) => Some((*key, order)),
            _ => None,
        };
        times.into_iter().flat_map(move |(key, order)| {
            order.scalars().flat_map(move |scalar| opening.marks(key, scalar))
        })
    }

    /// Whether there is a reading in which some value matches later and none does at first (`then`),
    /// or some value matches at first and none does later.
    pub(super) fn may_become(&self, then: bool, at_first: Opening, later: Opening) -> bool {
        let Self::Times(key, order) = self else { return false };
        let (at_first, later) = (at_first.time(*key), later.time(*key));
        if then {
            order.may_come_to_hold(at_first, later)
        } else {
            order.may_come_to_hold(later, at_first)
        }
    }
}

/// An ARN of a policy, whose six parts are compared one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ArnPattern {
    /// `None`: it has another number of parts, or a policy variable.
    parts: Option<[Pattern; 6]>,
    whole: Pattern,
    /// `*` alone is common. Other texts that are no ARN match at most what they match as a text.
    is_star: bool,
}

impl ArnPattern {
    fn new(written: &str) -> Self {
        let whole = Pattern::like(written);
        let parts = arn_parts(written).filter(|_| !whole.has_variable());
        Self { parts: parts.map(|parts| parts.map(Pattern::like)), whole, is_star: written == "*" }
    }

    fn matches(&self, arn: &Text<'_>, parts: Option<&[Text<'_>; 6]>) -> Truth {
        if let (Some(patterns), Some(parts)) = (&self.parts, parts) {
            let pairs = patterns.iter().zip(parts);
            return Truth::all(pairs.map(|(pattern, part)| pattern.matches(part)));
        }
        let as_text = self.whole.matches(arn);
        if self.is_star { as_text } else { as_text.min(Truth::Unknown) }
    }
}

fn arn_parts(arn: &str) -> Option<[&str; 6]> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    parts.try_into().ok()
}

/// Whether a value matches `s3:authType`. Amazon's own example writes it in another case and says that
/// it matches. So a value in another case may match.
fn auth_type(comparison: Option<Comparison>, written: &str, ours: &str) -> Truth {
    let is_like = comparison == Some(Comparison::TextLike);
    let pattern = |written: &str| {
        if is_like { Pattern::like(written) } else { Pattern::equal(written) }
    };
    let in_any_case = || pattern(&written.to_lowercase()).matches(&Text::new(ours.to_lowercase()));
    if comparison == Some(Comparison::TextIgnoringCase) {
        return in_any_case();
    }
    let exactly = pattern(written).matches(&Text::new(ours));
    exactly.max(in_any_case().min(Truth::Unknown))
}

fn any<T>(written: &[T], matches: impl Fn(&T) -> Truth) -> Truth {
    Truth::any(written.iter().map(matches))
}

/// `true` or `false`, in any case.
fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    text.eq_ignore_ascii_case("false").then_some(false)
}
