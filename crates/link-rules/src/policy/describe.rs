//! Statements of a bucket's policy in words that a person can act on.

use super::{Bound, Effect, Knowledge, StatementEvaluation};

/// What a statement does to a link or another request, in one sentence without its full stop.
#[must_use]
pub fn describe(statement: &StatementEvaluation) -> String {
    let (name, noun) = (name(statement), statement.noun);
    let whom = conditions(statement);
    match statement.effect {
        Effect::Refuses { until: None } => format!("{name} refuses every such {noun}"),
        Effect::Refuses { until: Some(until) } => {
            format!("{name} refuses every such {noun} until {}", bound(until))
        }
        Effect::Limits { from, everybody, .. } => {
            let whom = if everybody { format!("the {noun}") } else { whom };
            format!("{name} refuses {whom} from {} on", bound(from))
        }
        Effect::Depends { .. } => format!("{name} refuses {whom}"),
        Effect::Unreadable { .. } => {
            let which = unreadable(statement);
            format!(
                "{name} may refuse every such {noun}: AWS does not document how it reads {which}"
            )
        }
    }
}

/// The conditions that AWS may read in several ways, as they were written.
fn unreadable(statement: &StatementEvaluation) -> String {
    let conditions = statement.conditions.iter();
    let unreadable = conditions.filter(|(_, knowledge)| *knowledge == Knowledge::Unreadable);
    let words: Vec<_> = unreadable
        .map(|(condition, _)| {
            let values: Vec<_> =
                condition.values.iter().map(|value| format!("{value:?}")).collect();
            format!("{} {} {}", condition.operator, condition.key, values.join(", "))
        })
        .collect();
    words.join(" and ")
}

fn name(statement: &StatementEvaluation) -> String {
    match &statement.sid {
        Some(sid) if !sid.is_empty() => format!("statement {sid:?}"),
        _ => format!("statement number {}", statement.index + 1),
    }
}

fn bound(bound: Bound) -> String {
    match bound {
        Bound::Age(age) => format!("an age of {} s", age.as_secs_f64()),
        Bound::Instant(instant) => instant.to_string(),
    }
}

/// Whom a statement refuses: those of its conditions that turn on the recipient or on something that
/// is not known here.
fn conditions(statement: &StatementEvaluation) -> String {
    let noun = statement.noun;
    let open = statement
        .conditions
        .iter()
        .filter(|(_, knowledge)| matches!(knowledge, Knowledge::Recipient | Knowledge::Unknown));
    let words: Vec<_> = open
        .map(|(condition, _)| {
            describe_condition(&condition.operator, &condition.key, &condition.values)
        })
        .collect();
    match words.as_slice() {
        [] if statement.certainly_ours => format!("the {noun}"),
        [] => {
            format!("the {noun}, if its principals mean the signer, which can't be told here")
        }
        words => words.join(" and "),
    }
}

fn describe_condition(operator: &str, key: &str, values: &[String]) -> String {
    let operator = operator.to_ascii_lowercase();
    let operator = operator.rsplit(':').next().unwrap_or_default();
    let operator = operator.strip_suffix("ifexists").unwrap_or(operator);
    let is_negated = operator.contains("not");
    let values = values.join(", ");
    match (key.to_ascii_lowercase().as_str(), is_negated) {
        ("aws:sourceip" | "aws:vpcsourceip", true) => format!("whoever is outside {values}"),
        ("aws:sourceip" | "aws:vpcsourceip", false) => format!("whoever is in {values}"),
        ("aws:sourcevpc", true) => format!("whoever does not come through the VPC {values}"),
        ("aws:sourcevpce", true) => {
            format!("whoever does not come through the VPC endpoint {values}")
        }
        ("aws:referer", true) => format!("whoever does not come from a page at {values}"),
        ("aws:useragent", true) => format!("whoever uses another program than {values}"),
        ("aws:securetransport", false) if values == "false" => {
            "whoever does not use TLS".to_owned()
        }
        ("s3:tlsversion", _) => format!("whoever uses an old version of TLS ({operator} {values})"),
        (key, true) => format!("whoever's {key} is not {values}"),
        (key, false) => format!("whoever's {key} is {values} ({operator})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_read_as_what_they_mean() {
        let words = |operator, key, values: &[&str]| {
            let values: Vec<_> = values.iter().map(ToString::to_string).collect();
            describe_condition(operator, key, &values)
        };
        assert_eq!(
            words("NotIpAddress", "aws:SourceIp", &["203.0.113.0/24", "2001:db8::/32"]),
            "whoever is outside 203.0.113.0/24, 2001:db8::/32"
        );
        assert_eq!(
            words("ForAnyValue:StringNotLikeIfExists", "aws:Referer", &["https://example.com/*"]),
            "whoever does not come from a page at https://example.com/*"
        );
        assert_eq!(words("Bool", "aws:SecureTransport", &["false"]), "whoever does not use TLS");
        assert_eq!(
            words("StringEquals", "aws:PrincipalOrgID", &["o-1"]),
            "whoever's aws:principalorgid is o-1 (stringequals)"
        );
    }
}
