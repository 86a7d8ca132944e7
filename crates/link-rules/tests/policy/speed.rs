//! How long policies of the size that S3 stores take, in processor time. The bounds are wide, so that a
//! development build keeps to them, and quadratic work does not.
//!
//! `cargo test --release -p link-rules --test policy speed -- --nocapture` prints the figures.

use std::time::Duration;

use link_rules::policy::{Policy, RequestContext};
use serde_json::{Value, json};

use crate::question;

const LINKS: usize = 1_000;

/// The largest policy that S3 stores has 20 KB.
const LARGEST: usize = 20 * 1_024;

/// The processor time of this thread so far. A busy machine withholds it and does not change it.
///
/// Source: Linux, Documentation/scheduler/sched-stats.rst, `/proc/<pid>/schedstat`.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// The least processor time of three that it takes to evaluate `statement` for a thousand links.
fn time(name: &str, statement: &Value, key: impl Fn(usize) -> String) -> Duration {
    let mut document =
        json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"});
    document.as_object_mut().unwrap().extend(statement.as_object().unwrap().clone());
    let document = json!({"Version": "2012-10-17", "Statement": [document]}).to_string();
    assert!(document.len() <= LARGEST, "{name}: {} bytes", document.len());
    let policy = Policy::parse(&document).unwrap();
    let keys: Vec<_> = (0..LINKS).map(key).collect();
    let run = || {
        let start = processor_time();
        for key in &keys {
            std::hint::black_box(policy.evaluate(&RequestContext { key, ..question() }));
        }
        processor_time().saturating_sub(start)
    };
    let least = (0..3).map(|_| run()).min().unwrap();
    println!("{name}: {least:?} for {LINKS} links, {} bytes", document.len());
    least
}

#[test]
fn a_thousand_links_under_two_hundred_prefixes_take_no_time() {
    let bucket = "arn:aws:s3:::amzn-s3-demo-bucket";
    let prefixes: Vec<_> =
        (0..200).map(|prefix| format!("{bucket}/customers/{prefix:04}/*")).collect();
    let key = |link| format!("private-files/2026/11/report-{link:04}.pdf");
    let of = |resource| time("200 prefixes", &json!({"Resource": resource}), key);
    assert!(of(json!(prefixes)) < Duration::from_millis(500));
}

/// A condition on many values.
fn condition(operator: &str, key: &str, values: impl Iterator<Item = String>) -> Value {
    json!({"Condition": {operator: {key: values.collect::<Vec<_>>()}}})
}

#[test]
fn no_pattern_and_no_list_makes_a_thousand_links_slow() {
    let long = |_| format!("{}b", "a".repeat(1_000));
    let stars = format!("{}c", "*a".repeat(5_000));
    let marks = format!("*{}c", "a?".repeat(400));
    let role = "arn:aws:iam::444455556666:role/team/another";
    let ages = |count: u32| (0..count).map(|age| (900_000 + age).to_string());
    let unusual = || (0..1_000).map(|age| format!("{}e0", 900_000 + age));
    let instants = (0..600).map(|at| format!("2027-01-01T00:{:02}:{:02}Z", at / 60, at % 60));
    let (age, time_of_day) = ("s3:signatureAge", "aws:CurrentTime");
    for (name, statement) in [
        ("5,000 stars in a row", json!({"Resource": stars})),
        ("20 patterns of 400 marks", json!({"Resource": vec![marks; 20]})),
        ("400 patterns in the middle", json!({"Resource": vec!["*/private/*?secret*"; 400]})),
        ("1,000 actions", json!({"Action": vec!["s3:PutObject*"; 1_000]})),
        ("300 principals", json!({"Principal": {"AWS": vec![role; 300]}})),
        (
            "1,000 VPC endpoints",
            condition(
                "StringNotEquals",
                "aws:SourceVpce",
                (0..1_000).map(|id| format!("vpce-{id}")),
            ),
        ),
        (
            "700 roles",
            condition(
                "ArnNotLike",
                "aws:PrincipalArn",
                (0..700).map(|_| "arn:*:iam::*:role/*a*b".to_owned()),
            ),
        ),
        ("1,200 ages", condition("NumericGreaterThan", age, ages(1_200))),
        ("1,000 equal ages", condition("NumericEquals", age, ages(1_000))),
        ("600 instants", condition("DateGreaterThan", time_of_day, instants)),
        ("1,000 ages of two readings", condition("NumericGreaterThan", age, unusual())),
        ("1,000 ages that can't be read", condition("NumericLessThan", age, unusual())),
    ] {
        let took = time(name, &statement, long);
        assert!(took < Duration::from_secs(5), "{name}: {took:?}");
    }
    assert!(processor_time() > Duration::ZERO, "this kernel counts no processor time");
}
