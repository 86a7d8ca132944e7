//! The names of IAM's condition operators. `matcher` compares with them.
//!
//! Source: IAM user guide, "IAM JSON policy elements: Condition operators".

use std::cmp::Ordering;

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
