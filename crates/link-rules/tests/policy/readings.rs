//! Conditions on time that AWS does not document: what a link gets holds by each reading.

use jiff::SignedDuration;
use link_rules::policy::{Knowledge, Policy, describe};
use serde_json::{Value, json};

use crate::question;
use crate::rules::{condition, evaluate, outcome};

fn age(operator: &str, value: Value) -> String {
    condition(operator, "s3:signatureAge", value)
}

fn current_time(operator: &str, value: Value) -> String {
    condition(operator, "aws:CurrentTime", value)
}

#[test]
fn four_digits_are_a_year_or_seconds_since_1970() {
    for key in ["aws:CurrentTime", "aws:EpochTime"] {
        for value in [json!("2027"), json!(2027)] {
            let date = |operator| condition(operator, key, value.clone());
            // By the seconds everything is later, and by the year nothing is yet.
            assert_eq!(date("DateGreaterThan"), "unreadable from 2027-01-01T00:00:01Z");
            assert_eq!(date("DateGreaterThanEquals"), "unreadable from 2027-01-01T00:00:00Z");
            assert_eq!(date("DateLessThan"), "unreadable");
            assert_eq!(date("DateLessThanEquals"), "unreadable");
            // By the seconds it never holds.
            let instant = "from 2027-01-01T00:00:00Z until 2027-01-01T00:00:01Z for some";
            assert_eq!(date("DateEquals"), instant);
            // By both it refuses, by the year alone not in one second.
            assert_eq!(date("DateNotEquals"), "refuses until 2027-01-01T00:00:00Z");
        }
    }
    // Both are past, or to come.
    assert_eq!(current_time("DateGreaterThan", json!("2026")), "refuses");
    assert_eq!(current_time("DateLessThan", json!("2026")), "none");
    // A number has no years.
    assert_eq!(condition("NumericGreaterThan", "aws:EpochTime", json!(2027)), "refuses");
    // What is well-formed has one reading.
    for value in ["2027-01", "2027-01-01", "2027-01-01T00:00Z", "1798761600"] {
        let expected = "from 2027-01-01T00:00:01Z";
        assert_eq!(current_time("DateGreaterThan", json!(value)), expected, "{value}");
    }
}

#[test]
fn a_number_in_another_notation_counts_or_does_not() {
    for value in ["6e5", "6.0E+5", " 600000", "600000.", "+600000"] {
        let age = |operator| age(operator, json!(value));
        assert_eq!(age("NumericGreaterThan"), "from 600001 ms for some", "{value}");
        assert_eq!(age("NumericGreaterThanEquals"), "from 600000 ms for some");
        assert_eq!(age("NumericEquals"), "from 600000 ms until 600001 ms for some");
        assert_eq!(age("NumericLessThan"), "unreadable");
        assert_eq!(age("NumericLessThanEquals"), "unreadable");
        assert_eq!(age("NumericNotEquals"), "refuses until 600000 ms");
    }
    for value in ["1.795444200e+09", "1795444200.0", " 2026-11-23T14:30Z", "2026-11-23T14:30:00"] {
        let date = |operator| current_time(operator, json!(value));
        assert_eq!(date("DateGreaterThan"), "from 2026-11-23T14:30:01Z for some", "{value}");
        assert_eq!(date("DateLessThan"), "unreadable");
        assert_eq!(date("DateNotEquals"), "refuses until 2026-11-23T14:30:00Z");
    }
    // By the one reading it refuses everything, by the other nothing.
    assert_eq!(current_time("DateGreaterThan", json!("1.7e9")), "unreadable");
    // A number of JSON is a number, however it is written.
    let json = r#"{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
        "Condition": {"NumericLessThan": {"s3:signatureAge": 6e5}}}}"#;
    let verdict = Policy::parse(json).unwrap().evaluate(&question());
    assert!(verdict.refused_by().is_some());
}

#[test]
fn an_operator_of_another_type_compares_the_numbers_or_nothing() {
    for value in [json!(1_795_444_200), json!("2026-11-23T14:30:00Z")] {
        let numeric = |operator| current_time(operator, value.clone());
        assert_eq!(numeric("NumericGreaterThan"), "from 2026-11-23T14:30:01Z for some");
        assert_eq!(numeric("NumericLessThan"), "unreadable");
        assert_eq!(numeric("NumericNotEquals"), "refuses until 2026-11-23T14:30:00Z");
    }
    assert_eq!(current_time("NumericGreaterThan", json!(1)), "unreadable");
    let epoch = |operator| condition(operator, "aws:EpochTime", json!("2026-11-23T14:30:00Z"));
    assert_eq!(epoch("NumericGreaterThan"), "from 2026-11-23T14:30:01Z for some");
    assert_eq!(epoch("NumericLessThan"), "unreadable");
    assert_eq!(epoch("DateGreaterThan"), "from 2026-11-23T14:30:01Z");
    assert_eq!(age("DateGreaterThan", json!(600_000)), "from 600001 ms for some");
    assert_eq!(age("DateLessThan", json!(600_000)), "unreadable");
}

#[test]
fn nothing_can_be_promised_where_nobody_knows_what_matches() {
    for (operator, value) in [
        ("StringLike", "6?????"),
        ("StringEquals", "600000"),
        ("StringNotLike", "*"),
        ("ArnLike", "*"),
        ("Bool", "true"),
        ("IpAddress", "10.0.0.0/8"),
        ("BinaryEquals", "QQ=="),
        ("NumericGreaterThanOrEquals", "600000"),
        ("ForSomeValues:NumericGreaterThan", "600000"),
        ("NumericGreaterThan", "soon"),
        ("NumericNotEquals", "900,000"),
        ("NumericGreaterThan", "${aws:PrincipalTag/age}"),
        ("DateGreaterThan", "2026-11-23"),
        ("ForAllValues:NumericLessThanIfExists", "NaN"),
    ] {
        assert_eq!(age(operator, json!(value)), "unreadable", "{operator} {value}");
    }
    assert_eq!(current_time("DateGreaterThan", json!("tomorrow")), "unreadable");
    assert_eq!(current_time("StringLike", json!("2026-*")), "unreadable");
    // What AWS makes of a key that stays as it is does not end a link.
    assert_eq!(condition("StringResembles", "s3:authType", json!("POST")), "depends");
    assert_eq!(condition("Bool", "aws:SecureTransport", json!("yes")), "depends");
    // Nor does an unreadable condition of a statement that has nothing to do with the link.
    let http = json!({"StringLike": {"s3:signatureAge": "6*"},
        "Bool": {"aws:SecureTransport": false}});
    assert_eq!(outcome(&json!({"Condition": http})), "none");
    let put =
        json!({"Action": "s3:PutObject", "Condition": {"StringLike": {"s3:signatureAge": 6}}});
    assert_eq!(outcome(&put), "none");
    // Null asks only whether there is an age.
    assert_eq!(age("Null", json!("false")), "refuses");
}

#[test]
fn what_stands_beside_an_unreadable_condition_may_bound_it() {
    let like = json!({"s3:signatureAge": "6*"});
    let later = json!({"StringLike": like, "NumericGreaterThan": {"s3:signatureAge": 600_000}});
    assert_eq!(outcome(&json!({"Condition": later})), "from 600001 ms for some");
    let sooner = json!({"StringLike": like, "NumericLessThan": {"s3:signatureAge": 600_000}});
    assert_eq!(outcome(&json!({"Condition": sooner})), "unreadable");
    let outside = json!({"StringLike": like, "NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
    assert_eq!(outcome(&json!({"Condition": outside})), "unreadable");
    // One value of several can be read.
    assert_eq!(age("NumericGreaterThan", json!(["soon", 600_000])), "unreadable from 600001 ms");
    assert_eq!(age("NumericLessThan", json!(["soon", 600_000])), "refuses until 600000 ms");
    // By the one reading it is not met in the first millisecond, and by both not in the next.
    assert_eq!(age("NumericNotEquals", json!(["0e0", 1])), "unreadable from 2 ms");
    // By the one reading the second in which the link is signed is refused, but for a millisecond.
    let now = json!({"DateEquals": {"aws:CurrentTime": " 2026-11-23T14:00:00Z"},
        "NumericNotEquals": {"s3:signatureAge": 700}});
    assert_eq!(outcome(&json!({"Condition": now})), "unreadable");
    // The earliest of all readings counts.
    let several = json!(["2027", "1.7959e9", "2026-12-01"]);
    let expected = "unreadable from 2026-11-28T21:06:40Z";
    assert_eq!(current_time("DateGreaterThanEquals", several), expected);
}

#[test]
fn the_caller_is_told_which_statement_and_gets_the_bounds_that_hold() {
    let year = json!({"Sid": "AfterTheFair",
        "Condition": {"DateGreaterThanEquals": {"aws:CurrentTime": "2027"}}});
    let verdict = evaluate(&year, &question());
    let statement = verdict.unreadable().unwrap();
    assert_eq!((statement.sid.as_deref(), statement.index), (Some("AfterTheFair"), 0));
    assert_eq!(statement.conditions[0].1, Knowledge::Unreadable);
    assert_eq!(
        describe(statement),
        "statement \"AfterTheFair\" may refuse every such link: AWS does not document how it reads \
         DateGreaterThanEquals aws:CurrentTime \"2027\""
    );
    assert_eq!(verdict.refused_by(), None);
    assert_eq!(verdict.least_instant().unwrap().to_string(), "2027-01-01T00:00:00Z");

    let exponent = json!({"Condition": {"NumericGreaterThanEquals": {"s3:signatureAge": "6e5"}}});
    let verdict = evaluate(&exponent, &question());
    assert_eq!(verdict.unreadable(), None);
    assert_eq!(verdict.least_age(), Some(SignedDuration::from_secs(600)));
}
