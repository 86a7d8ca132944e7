//! The condition operators of IAM.
//!
//! Source: IAM user guide, "IAM JSON policy elements: Condition operators".

use std::cmp::Ordering;

use super::breakpoints::Opening;
use super::keys::Value;
use super::pattern::{Pattern, Text};
use super::scalar::Scalar;
use super::tristate::Truth;

/// `s3:authType` of every link.
const AUTH_TYPE: &str = "REST-QUERY-STRING";

/// An operator with what stands before and behind its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    pub(super) set: Option<SetOperator>,
    pub(super) comparison: Comparison,
    /// Whether the operator is the negated form: it holds if none of the values matches.
    pub(super) negated: bool,
    /// Whether it ends in `IfExists`.
    pub(super) if_exists: bool,
}

/// What stands before an operator for keys with several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SetOperator {
    /// `ForAllValues:`.
    All,
    /// `ForAnyValue:`.
    Any,
}

/// How one value of the request is compared with one value of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// `String…`: equal.
    Text,
    /// `String…IgnoreCase`: equal but for the case.
    TextIgnoringCase,
    /// `String…Like`: with `*` and `?`.
    TextLike,
    /// `Numeric…`: the request's number is in one of these orders to the policy's.
    Number(&'static [Ordering]),
    /// `Date…`: the same for instants.
    Date(&'static [Ordering]),
    /// `Bool`.
    Bool,
    /// `Arn…`: each part by itself, with `*` and `?`.
    Arn,
    /// `Null`: the key is missing.
    Null,
    /// `BinaryEquals` and the addresses' operators. No key that is known here has such a value.
    Other,
}

impl Operator {
    /// Reads an operator, in any case. `None` for one that IAM's reference does not have.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let (set, name) = match text.split_once(':') {
            None => (None, text.as_str()),
            Some(("forallvalues", name)) => (Some(SetOperator::All), name),
            Some(("foranyvalue", name)) => (Some(SetOperator::Any), name),
            Some(_) => return None,
        };
        let (name, if_exists) = match name.strip_suffix("ifexists") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (comparison, negated) = comparison(name)?;
        Some(Self { set, comparison, negated, if_exists })
    }
}

/// The comparison of an operator's name in lower case, and whether it is negated.
fn comparison(name: &str) -> Option<(Comparison, bool)> {
    use Ordering::{Equal, Greater, Less};

    let ordered = |name: &str| -> Option<(&'static [Ordering], bool)> {
        Some(match name {
            "equals" => (&[Equal], false),
            "notequals" => (&[Equal], true),
            "lessthan" => (&[Less], false),
            "lessthanequals" => (&[Less, Equal], false),
            "greaterthan" => (&[Greater], false),
            "greaterthanequals" => (&[Greater, Equal], false),
            _ => return None,
        })
    };
    if let Some(name) = name.strip_prefix("numeric") {
        return ordered(name).map(|(orders, negated)| (Comparison::Number(orders), negated));
    }
    if let Some(name) = name.strip_prefix("date") {
        return ordered(name).map(|(orders, negated)| (Comparison::Date(orders), negated));
    }
    Some(match name {
        "stringequals" => (Comparison::Text, false),
        "stringnotequals" => (Comparison::Text, true),
        "stringequalsignorecase" => (Comparison::TextIgnoringCase, false),
        "stringnotequalsignorecase" => (Comparison::TextIgnoringCase, true),
        "stringlike" => (Comparison::TextLike, false),
        "stringnotlike" => (Comparison::TextLike, true),
        "bool" => (Comparison::Bool, false),
        "arnequals" | "arnlike" => (Comparison::Arn, false),
        "arnnotequals" | "arnnotlike" => (Comparison::Arn, true),
        "null" => (Comparison::Null, false),
        "binaryequals" | "ipaddress" => (Comparison::Other, false),
        "notipaddress" => (Comparison::Other, true),
        _ => return None,
    })
}

impl Comparison {
    /// Whether the request's value matches the policy's. A value of the wrong type is unknown: AWS
    /// does not document what it makes of it.
    pub(super) fn matches(self, value: &Value, written: &str, opening: Opening) -> Truth {
        let text = |text: &str| Value::Text(text.to_owned());
        match (self, value) {
            (Self::Text, Value::Text(text)) => pattern(written, Pattern::equal, text),
            (Self::TextIgnoringCase, Value::Text(text)) => {
                pattern(&written.to_lowercase(), Pattern::equal, &text.to_lowercase())
            }
            (Self::TextLike, Value::Text(text)) => pattern(written, Pattern::like, text),
            (Self::Text | Self::TextIgnoringCase | Self::TextLike, Value::AuthType) => {
                let exactly = self.matches(&text(AUTH_TYPE), written, opening);
                let written = written.to_lowercase();
                let in_any_case = self.matches(&text(&AUTH_TYPE.to_lowercase()), &written, opening);
                exactly.max(in_any_case.min(Truth::Unknown))
            }
            (Self::Arn, Value::Text(text)) => arn_like(written, text),
            (Self::Bool, Value::Text(text)) => match (boolean(text), boolean(written)) {
                (Some(text), Some(written)) => (text == written).into(),
                _ => Truth::Unknown,
            },
            (Self::Number(orders), value) => {
                let number = match value {
                    Value::Text(text) => Scalar::number(text),
                    Value::SignatureAge => Some(opening.age()),
                    Value::EpochTime => Some(opening.second()),
                    Value::AuthType | Value::Instant(_) | Value::CurrentTime => None,
                };
                in_order(orders, number, Scalar::number(written))
            }
            (Self::Date(orders), value) => {
                let instant = match value {
                    Value::Instant(instant) => Some(*instant),
                    Value::CurrentTime | Value::EpochTime => Some(opening.second()),
                    Value::Text(_) | Value::AuthType | Value::SignatureAge => None,
                };
                in_order(orders, instant, Scalar::instant(written))
            }
            _ => Truth::Unknown,
        }
    }

    /// The policy's value as a number or an instant, if this operator compares it with a time.
    pub(super) fn scalar(self, written: &str) -> Option<Scalar> {
        match self {
            Self::Number(_) => Scalar::number(written),
            Self::Date(_) => Scalar::instant(written),
            _ => None,
        }
    }
}

fn in_order(orders: &[Ordering], request: Option<Scalar>, policy: Option<Scalar>) -> Truth {
    match (request, policy) {
        (Some(request), Some(policy)) => orders.contains(&request.cmp(&policy)).into(),
        _ => Truth::Unknown,
    }
}

fn pattern(written: &str, read: fn(&str) -> Pattern, text: &str) -> Truth {
    read(written).matches(&Text::new(text))
}

/// `true` or `false`, in any case.
pub(super) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    text.eq_ignore_ascii_case("false").then_some(false)
}

/// Compares the six parts of an ARN one by one.
fn arn_like(written: &str, arn: &str) -> Truth {
    let parts = |arn| -> Vec<&str> { str::splitn(arn, 6, ':').collect() };
    let (patterns, parts) = (parts(written), parts(arn));
    if patterns.len() == 6 && parts.len() == 6 && !Pattern::equal(written).has_variable() {
        let pairs = patterns.iter().zip(parts);
        return Truth::all(pairs.map(|(written, part)| pattern(written, Pattern::like, part)));
    }
    // `*` alone is common. Other texts that are no ARN match at most what they match as a text.
    let as_text = pattern(written, Pattern::like, arn);
    if written == "*" { as_text } else { as_text.min(Truth::Unknown) }
}
