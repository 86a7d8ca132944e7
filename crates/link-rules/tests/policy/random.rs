//! A hundred thousand random policies. What the evaluator says of a link is compared with what the
//! oracle says of each recipient at each instant.

use jiff::{SignedDuration, Timestamp};
use link_rules::policy::{Bound, Effect, Policy, RequestContext};
use link_rules::window::{Bounds, LimitedBy, RequestedWindow, SessionEnd, TooShort, window};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};
use serde_json::{Map, json};

use crate::oracle::{
    Compare, Condition, Element, Key, Principal, Request, Set, Statement, Unknown, Value,
};
use crate::question;

const POLICIES: u32 = 50_000;

/// The whole second in which every link is signed, since 1970.
const SIGNED_AT: i64 = 1_795_442_400;

/// How long before a bound a link ends, in milliseconds.
const MARGIN: i64 = 5_000;

/// Ages and times of day in the policies lie within so many seconds of the signature.
const LAST_SECOND: i64 = 40;

const NETWORKS: [&str; 2] = ["203.0.113.0/24", "198.51.100.0/24"];
const ENDPOINTS: [&str; 2] = ["vpce-1", "vpce-2"];
const REFERERS: [&str; 2] = ["https://example.com/*", "https://example.com/a?"];
const AGENTS: [&str; 2] = ["curl/8.1", "CURL/8.1"];
const TAGS: [&str; 2] = ["public", "draft"];

/// The keys that no signer knows, each with all values that make a difference to the values above.
fn recipients_values(key: Key) -> &'static [Option<&'static str>] {
    match key {
        Key::SourceIp => &[None, Some("203.0.113.7"), Some("198.51.100.9"), Some("192.0.2.1")],
        Key::SourceVpce => &[None, Some("vpce-1"), Some("vpce-2"), Some("vpce-3")],
        Key::Referer => &[
            None,
            Some("https://example.com/*"),
            Some("https://example.com/a?"),
            Some("https://example.com/ab"),
            Some("https://example.com/b"),
            Some("http://b"),
        ],
        Key::UserAgent => &[None, Some("curl/8.1"), Some("CURL/8.1"), Some("Firefox/140")],
        Key::TlsVersion => &[Some("1.0"), Some("1.2"), Some("1.4")],
        Key::ObjectTag => &[None, Some("public"), Some("draft"), Some("secret")],
        _ => &[],
    }
}

fn name(key: Key) -> &'static str {
    match key {
        Key::SignatureAge => "s3:signatureAge",
        Key::CurrentTime => "aws:CurrentTime",
        Key::EpochTime => "aws:EpochTime",
        Key::SignatureVersion => "s3:signatureversion",
        Key::SecureTransport => "aws:SecureTransport",
        Key::PrincipalAccount => "aws:PrincipalAccount",
        Key::VersionId => "s3:VersionId",
        Key::SourceIp => "aws:SourceIp",
        Key::SourceVpce => "aws:SourceVpce",
        Key::Referer => "aws:Referer",
        Key::UserAgent => "aws:UserAgent",
        Key::TlsVersion => "s3:TlsVersion",
        Key::ObjectTag => "s3:ExistingObjectTag/class",
    }
}

// The generator.

fn conditions() -> impl Strategy<Value = Condition> {
    let orders = || {
        select(
            &[
                (Compare::Equals, false),
                (Compare::Equals, true),
                (Compare::Less, false),
                (Compare::LessOrEqual, false),
                (Compare::Greater, false),
                (Compare::GreaterOrEqual, false),
            ][..],
        )
    };
    let texts = || {
        let compare = [Compare::StringEquals, Compare::StringEqualsIgnoreCase, Compare::StringLike];
        (select(compare.to_vec()), any::<bool>())
    };
    let ages = (-1..=LAST_SECOND, select(&[0_i64, 0, 0, 1, 500, 999][..]))
        .prop_map(|(seconds, milliseconds)| Value::Number(seconds * 1_000 + milliseconds));
    let seconds = (-3..=LAST_SECOND).prop_map(Value::Number);
    let ages = prop_oneof![9 => ages, 1 => Just(Value::Variable)];
    let of_age = (Just(Key::SignatureAge), orders(), vec(ages, 1..3));
    let of_day = (select(&[Key::CurrentTime, Key::EpochTime][..]), orders(), vec(seconds, 1..3));
    let from = |key: Key, pool: &'static [&'static str], variable: bool| {
        let mut values: Vec<_> = pool.iter().map(|text| Value::Text(text)).collect();
        values.extend(variable.then_some(Value::Variable));
        (Just(key), texts(), vec(select(values), 1..3))
    };
    let known = prop_oneof![
        from(
            Key::SignatureVersion,
            &["AWS", "AWS4-HMAC-SHA256", "aws4-hmac-sha256", "AWS4*"],
            true
        ),
        from(Key::PrincipalAccount, &["111122223333", "444455556666", "1111*"], true),
        from(Key::VersionId, &["3", "4", "?"], false),
        (
            Just(Key::SecureTransport),
            Just((Compare::Bool, false)),
            vec(select(vec![Value::Text("true"), Value::Text("false")]), 1..3)
        ),
    ];
    let addresses = (
        Just(Key::SourceIp),
        (Just(Compare::IpAddress), any::<bool>()),
        vec(select(NETWORKS.map(Value::Text).to_vec()), 1..3),
    );
    let tls = (
        Just(Key::TlsVersion),
        (select(&[Compare::Less, Compare::Greater][..]), Just(false)),
        vec(select(vec![Value::Text("1.1"), Value::Text("1.3")]), 1..2),
    );
    let unknown = prop_oneof![
        addresses,
        from(Key::SourceVpce, &ENDPOINTS, false),
        from(Key::Referer, &REFERERS, false),
        from(Key::UserAgent, &AGENTS, false),
        from(Key::ObjectTag, &TAGS, false),
        tls,
    ];
    let null = (
        select(
            &[Key::SignatureAge, Key::CurrentTime, Key::VersionId, Key::SourceVpce, Key::Referer][..],
        ),
        Just((Compare::Null, false)),
        vec(select(vec![Value::Text("true"), Value::Text("false")]), 1..2),
    );
    let condition = prop_oneof![
        4 => of_age,
        4 => of_day,
        3 => known,
        4 => unknown,
        1 => null,
    ];
    let sets = select(&[None, None, None, Some(Set::ForAllValues), Some(Set::ForAnyValue)][..]);
    (condition, sets, select(&[false, false, true][..]), any::<u8>()).prop_map(
        |((key, (compare, negated), values), set, if_exists, style)| {
            // IAM has no IfExists for Null, and its guide contradicts itself about ForAnyValue with a
            // key that is missing, be it negated or with IfExists: `rules` has those.
            let plain = compare == Compare::Null;
            let doubtful = key == Key::VersionId && set == Some(Set::ForAnyValue);
            let set = if plain || doubtful { None } else { set };
            Condition { set, compare, negated, if_exists: if_exists && !plain, key, values, style }
        },
    )
}

fn statements() -> impl Strategy<Value = Statement> {
    let element = |usual: &'static [&'static str], patterns: &'static [&'static str]| {
        prop_oneof![
            5 => Just(Element { negated: false, patterns: usual.to_vec() }),
            1 => (any::<bool>(), vec(select(patterns), 1..3))
                .prop_map(|(negated, patterns)| Element { negated, patterns }),
        ]
    };
    let actions =
        &["s3:GetObject", "S3:getobject*", "s3:Get?bjectVersion", "s3:PutObject", "s3:*", "*"];
    let resources = &[
        "arn:aws:s3:::amzn-s3-demo-bucket/private-files/*",
        "arn:aws:s3:::amzn-s3-demo-bucket/Private-files/*",
        "arn:*:s3:::*/report.???",
        "arn:aws-cn:s3:::amzn-s3-demo-bucket/*",
        "arn:aws:s3:::amzn-s3-demo-bucket",
    ];
    let role = "arn:aws:iam::111122223333:role/link-signer";
    let session = "arn:aws:sts::111122223333:assumed-role/link-signer/link-signer";
    let signer = |entries: Vec<_>| Principal { negated: false, entries, is_signer: true };
    let other = |entries: Vec<_>| Principal { negated: false, entries, is_signer: false };
    let negated = |principal: Principal| Principal { negated: true, ..principal };
    let principals = select(vec![
        signer(vec!["*"]),
        signer(vec!["*"]),
        signer(vec!["*"]),
        signer(vec!["444455556666", "111122223333"]),
        signer(vec![role]),
        signer(vec![session]),
        other(vec!["444455556666"]),
        other(vec!["arn:aws:iam::111122223333:role/another"]),
        negated(other(vec!["444455556666", "arn:aws:iam::444455556666:user/jane"])),
        negated(signer(vec![session, role, "111122223333"])),
    ]);
    let action = element(&["s3:*"], actions);
    let resource = element(&["*"], resources);
    let conditions = prop_oneof![1 => vec(conditions(), 0..1), 9 => vec(conditions(), 1..4)];
    (action, resource, principals, conditions).prop_map(
        |(action, resource, principal, conditions)| {
            // Two conditions on one unknown key can contradict each other, which the evaluator does
            // not try to find out: it takes unknown conditions for independent.
            let mut seen = Vec::new();
            let keeps = |condition: &Condition| {
                let unknown = !recipients_values(condition.key).is_empty();
                let repeated = unknown && seen.contains(&condition.key);
                seen.push(condition.key);
                !repeated
            };
            let conditions = conditions.into_iter().filter(keeps).collect();
            Statement { action, resource, principal, conditions }
        },
    )
}

// The JSON.

fn json_of(statements: &[Statement]) -> String {
    let statements: Vec<_> = statements.iter().map(statement_json).collect();
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn statement_json(statement: &Statement) -> serde_json::Value {
    let named = |negated: bool, name: &str| {
        if negated { format!("Not{name}") } else { name.to_owned() }
    };
    let list = |patterns: &[&str]| match patterns {
        [one] => json!(one),
        several => json!(several),
    };
    let mut json = Map::new();
    json.insert("Effect".to_owned(), json!("Deny"));
    let Element { negated, patterns } = &statement.action;
    json.insert(named(*negated, "Action"), list(patterns));
    let Element { negated, patterns } = &statement.resource;
    json.insert(named(*negated, "Resource"), list(patterns));
    let Principal { negated, entries, .. } = &statement.principal;
    json.insert(named(*negated, "Principal"), json!({"AWS": list(entries)}));
    let mut operators = Map::new();
    for (index, condition) in statement.conditions.iter().enumerate() {
        // A JSON object holds each name once, so a repeated operator is written in another case.
        let operator = operator_name(condition);
        let operator = match index {
            0 => operator,
            1 => operator.to_lowercase(),
            _ => operator.to_uppercase(),
        };
        let key = name(condition.key);
        let key = if condition.style & 1 == 0 { key.to_owned() } else { key.to_uppercase() };
        let values: Vec<_> =
            condition.values.iter().map(|value| value_json(condition, value)).collect();
        let values = match values.as_slice() {
            [one] if condition.style & 2 == 0 => one.clone(),
            several => json!(several),
        };
        let clash = operators.insert(operator, json!({key: values}));
        assert_eq!(clash, None);
    }
    json.insert("Condition".to_owned(), operators.into());
    json.into()
}

fn operator_name(condition: &Condition) -> String {
    let set = match condition.set {
        None => "",
        Some(Set::ForAllValues) => "ForAllValues:",
        Some(Set::ForAnyValue) => "ForAnyValue:",
    };
    let kind = match condition.key {
        Key::CurrentTime => "Date",
        Key::EpochTime if condition.style & 4 == 0 => "Date",
        _ => "Numeric",
    };
    let name = match (condition.compare, condition.negated) {
        (Compare::StringEquals, false) => "StringEquals".to_owned(),
        (Compare::StringEquals, true) => "StringNotEquals".to_owned(),
        (Compare::StringEqualsIgnoreCase, false) => "StringEqualsIgnoreCase".to_owned(),
        (Compare::StringEqualsIgnoreCase, true) => "StringNotEqualsIgnoreCase".to_owned(),
        (Compare::StringLike, false) => "StringLike".to_owned(),
        (Compare::StringLike, true) => "StringNotLike".to_owned(),
        (Compare::IpAddress, false) => "IpAddress".to_owned(),
        (Compare::IpAddress, true) => "NotIpAddress".to_owned(),
        (Compare::Equals, false) => format!("{kind}Equals"),
        (Compare::Equals, true) => format!("{kind}NotEquals"),
        (Compare::Less, _) => format!("{kind}LessThan"),
        (Compare::LessOrEqual, _) => format!("{kind}LessThanEquals"),
        (Compare::Greater, _) => format!("{kind}GreaterThan"),
        (Compare::GreaterOrEqual, _) => format!("{kind}GreaterThanEquals"),
        (Compare::Bool, _) => "Bool".to_owned(),
        (Compare::Null, _) => "Null".to_owned(),
    };
    let if_exists = if condition.if_exists { "IfExists" } else { "" };
    format!("{set}{name}{if_exists}")
}

fn value_json(condition: &Condition, value: &Value) -> serde_json::Value {
    match (value, condition.key) {
        (Value::Text("true"), _) if condition.style & 8 == 0 => json!(true),
        (Value::Text("false"), _) if condition.style & 8 == 0 => json!(false),
        (Value::Text(text), _) => json!(text),
        (Value::Variable, _) => json!("${aws:PrincipalTag/anything}"),
        (Value::Number(age), Key::SignatureAge) if condition.style & 8 == 0 => json!(age),
        (Value::Number(age), Key::SignatureAge) => json!(age.to_string()),
        (Value::Number(second), key) => {
            let epoch = SIGNED_AT + second;
            let is_date = key == Key::CurrentTime || condition.style & 4 == 0;
            match condition.style >> 3 & 3 {
                0 if is_date => json!(Timestamp::from_second(epoch).unwrap().to_string()),
                1 if is_date => {
                    let local = Timestamp::from_second(epoch + 7_200).unwrap().to_string();
                    json!(local.replace('Z', "+02:00"))
                }
                2 => json!(epoch.to_string()),
                _ => json!(epoch),
            }
        }
    }
}

// The recipients and the instants.

/// Calls `visit` with every combination of what is unknown in the statement's conditions.
fn each_recipient(statement: &Statement, visit: &mut dyn FnMut(&[Unknown], &[bool])) {
    let has_variable = |condition: &Condition| condition.values.contains(&Value::Variable);
    let conditions = &statement.conditions;
    let mut sizes: Vec<usize> = Vec::new();
    for condition in conditions {
        sizes.push(recipients_values(condition.key).len().max(1));
        sizes.push(if has_variable(condition) { 2 } else { 1 });
    }
    for mut number in 0..sizes.iter().product() {
        let (mut unknown, mut variables) = (Vec::new(), Vec::new());
        for (index, condition) in conditions.iter().enumerate() {
            let values = recipients_values(condition.key);
            if !values.is_empty() {
                unknown.push((condition.key, values[number % values.len()]));
            }
            number /= sizes[2 * index];
            variables.push(number % sizes[2 * index + 1] == 1);
            number /= sizes[2 * index + 1];
        }
        visit(&unknown, &variables);
    }
}

/// The ages at which the oracle is asked, in order: some of all, and all around the policy's times.
fn ages(statement: &Statement) -> Vec<i64> {
    let mut ages: Vec<i64> =
        (0..=LAST_SECOND + 10).step_by(6).map(|second| second * 1_000).collect();
    for condition in &statement.conditions {
        for value in &condition.values {
            match (value, condition.key) {
                (Value::Number(age), Key::SignatureAge) => ages.extend([age - 1, *age, age + 1]),
                (Value::Number(second), _) => ages.extend([
                    second * 1_000 - 1,
                    second * 1_000,
                    second * 1_000 + 999,
                    second * 1_000 + 1_000,
                ]),
                _ => {}
            }
        }
    }
    ages.retain(|age| *age >= 0);
    ages.sort_unstable();
    ages.dedup();
    ages
}

/// What the oracle found out about one statement.
#[derive(Debug, Default, PartialEq)]
struct Found {
    /// Recipients who are let in at first, and those who are refused at once.
    let_in: u32,
    refused: u32,
    /// The first age at which one of those who are let in at first is refused.
    first_refusal: Option<i64>,
    /// The first age at which one of those who are refused at once is let in.
    first_admission: Option<i64>,
}

fn find(statement: &Statement, version_id: Option<&'static str>) -> Found {
    if !statement.is_about(version_id) {
        return Found { let_in: 1, ..Found::default() };
    }
    let ages = ages(statement);
    let mut found = Found::default();
    each_recipient(statement, &mut |unknown, variables| {
        let denies = |age| statement.denies(&Request { unknown, variables, version_id, age });
        let at_once = denies(0);
        let change = ages.iter().copied().find(|age| denies(*age) != at_once);
        let first = |known: Option<i64>| known.into_iter().chain(change).min();
        if at_once {
            found.refused += 1;
            found.first_admission = first(found.first_admission);
        } else {
            found.let_in += 1;
            found.first_refusal = first(found.first_refusal);
        }
    });
    found
}

// The comparison.

/// What was seen among the policies, so that a generator that has become dull is noticed.
#[derive(Debug, Default)]
struct Seen {
    untouched: u32,
    refused: u32,
    limited: u32,
    too_short: u32,
    depends: u32,
    depends_and_limits: u32,
}

fn compare(
    statements: &[Statement],
    version_id: Option<&'static str>,
    seen: &mut Seen,
) -> Result<(), TestCaseError> {
    let policy = Policy::parse(&json_of(statements)).unwrap();
    let signed_at = Timestamp::from_second(SIGNED_AT).unwrap();
    let now = signed_at + SignedDuration::from_millis(400);
    let question = RequestContext { version_id, signed_at: now, ..question() };
    let verdict = policy.evaluate(&question);
    let found: Vec<_> = statements.iter().map(|statement| find(statement, version_id)).collect();
    let age_of = |bound: Bound| match bound {
        Bound::Age(age) => i64::try_from(age.as_millis()).unwrap(),
        Bound::Instant(instant) => instant.as_millisecond() - SIGNED_AT * 1_000,
    };

    // Statement by statement, to the millisecond.
    for (index, found) in found.iter().enumerate() {
        let effect = verdict.statements.iter().find(|statement| statement.index == index);
        match effect.map(|statement| statement.effect) {
            None => prop_assert!(found.refused == 0 && found.first_refusal.is_none()),
            Some(Effect::Refuses { until }) => {
                prop_assert_eq!(found.let_in, 0);
                prop_assert_eq!(until.map(age_of), found.first_admission);
            }
            Some(Effect::Limits { from, .. }) => {
                prop_assert_eq!(found.refused, 0);
                prop_assert_eq!(Some(age_of(from)), found.first_refusal);
            }
            Some(Effect::Depends { bound, .. }) => {
                prop_assert!(found.refused > 0 && found.let_in > 0);
                prop_assert_eq!(bound.map(age_of), found.first_refusal);
                seen.depends += 1;
                seen.depends_and_limits += u32::from(bound.is_some());
            }
        }
    }

    // No dead link is given, and none that opens is refused.
    let is_dead = found.iter().any(|found| found.let_in == 0);
    prop_assert_eq!(verdict.refused_by().is_some(), is_dead);
    if is_dead {
        seen.refused += 1;
        return Ok(());
    }

    // No promise is broken, and none is shorter than the margin and a rounded second explain.
    let bounds = Bounds {
        policy_age: verdict.least_age(),
        policy_instant: verdict.least_instant(),
        object_instant: None,
    };
    let requested = RequestedWindow { expires_in: 3_600, min_expires_in: 1 };
    let first_refusal = found.iter().filter_map(|found| found.first_refusal).min();
    match window(now, requested, 43_200, SessionEnd::Never, bounds) {
        Ok(window) => {
            prop_assert_eq!(window.signed_at, signed_at);
            let promised = i64::try_from(window.expires_in).unwrap() * 1_000;
            match (first_refusal, window.limited_by) {
                (None, limited_by) => {
                    prop_assert_eq!(limited_by, LimitedBy::Request);
                    seen.untouched += 1;
                }
                (Some(refusal), limited_by) => {
                    prop_assert_eq!(limited_by, LimitedBy::Policy);
                    prop_assert!(promised + MARGIN <= refusal, "a broken promise");
                    prop_assert!(refusal < promised + MARGIN + 1_000, "a short promise");
                    seen.limited += 1;
                }
            }
        }
        Err(TooShort { available_expires_in, limited_by }) => {
            prop_assert_eq!((available_expires_in, limited_by), (0, LimitedBy::Policy));
            prop_assert!(first_refusal.unwrap() < MARGIN + 1_000);
            seen.too_short += 1;
        }
    }
    Ok(())
}

#[test]
fn a_link_opens_for_as_long_as_a_random_policy_lets_it_and_no_longer_is_promised() {
    judge_random_policies(b"the first fifty ");
}

/// The other half of the policies, so that two processors share them.
#[test]
fn the_same_holds_for_as_many_policies_of_another_seed() {
    judge_random_policies(b"the other fifty ");
}

fn judge_random_policies(seed: &[u8; 16]) {
    let random = TestRng::from_seed(RngAlgorithm::XorShift, seed);
    let config =
        ProptestConfig { cases: POLICIES, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, random);
    let counts = std::cell::RefCell::new(Seen::default());
    let policies = (vec(statements(), 1..4), select(&[None, None, Some("3")][..]));
    let result = runner.run(&policies, |(statements, version_id)| {
        compare(&statements, version_id, &mut counts.borrow_mut())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, (statements, version_id))) => {
            panic!("{reason}\nversion: {version_id:?}\n{}", json_of(&statements));
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
    let counts = counts.into_inner();
    println!("{counts:?}");
    for count in [
        counts.untouched,
        counts.refused,
        counts.limited,
        counts.too_short,
        counts.depends,
        counts.depends_and_limits,
    ] {
        assert!(count > POLICIES / 200, "{counts:?}");
    }
}
