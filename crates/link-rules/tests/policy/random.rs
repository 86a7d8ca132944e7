//! A hundred thousand random policies. What the evaluator says of a link is compared with what the
//! oracle says of each recipient at each instant, by each reading of what AWS does not document.

use jiff::{SignedDuration, Timestamp};
use link_rules::policy::{Bound, Effect, Policy};
use link_rules::window::{Bounds, LimitedBy, RequestedWindow, SessionEnd, TooShort, window};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};

use crate::generator::{LAST_SECOND, SIGNED_AT, links, recipients_values, statements};
use crate::json::json_of;
use crate::oracle::{Condition, Key, Meaning, Request, Statement, Unknown, Value};
use crate::question;
use crate::requests::Link;

const POLICIES: u32 = 50_000;

/// How long before a bound a link ends, in milliseconds.
const MARGIN: i64 = 5_000;

// The recipients and the instants.

/// Calls `visit` with every combination of what is unknown in the statement's conditions.
fn each_recipient(statement: &Statement, link: Link, visit: &mut dyn FnMut(&[Unknown], &[bool])) {
    let has_variable = |condition: &Condition| condition.values.contains(&Value::Variable);
    let conditions = &statement.conditions;
    let mut sizes: Vec<usize> = Vec::new();
    let values_of = |condition: &Condition| match recipients_values(condition.key) {
        [] => link.may_have(condition.key),
        values => values.to_vec(),
    };
    let values: Vec<_> = conditions.iter().map(values_of).collect();
    for (condition, values) in conditions.iter().zip(&values) {
        sizes.push(values.len().max(1));
        sizes.push(if has_variable(condition) { 2 } else { 1 });
    }
    for mut number in 0..sizes.iter().product() {
        let (mut unknown, mut variables) = (Vec::new(), Vec::new());
        for (index, condition) in conditions.iter().enumerate() {
            let values = &values[index];
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

/// Every combination of what AWS may take the statement's times for, condition by condition.
fn each_reading(statement: &Statement) -> Vec<Vec<Vec<Meaning>>> {
    let mut readings = vec![Vec::new()];
    for condition in &statement.conditions {
        for reading in &mut readings {
            reading.push(Vec::new());
        }
        for value in &condition.values {
            let meanings = condition.meanings(value);
            if meanings.is_empty() {
                continue;
            }
            let with = |reading: &Vec<Vec<Meaning>>, meaning| {
                let mut reading = reading.clone();
                reading.last_mut().unwrap().push(meaning);
                reading
            };
            readings = readings
                .iter()
                .flat_map(|reading| meanings.iter().map(|meaning| with(reading, *meaning)))
                .collect();
        }
    }
    readings
}

/// The ages at which the oracle is asked, in order: some of all, and all around the policy's times.
fn ages(statement: &Statement) -> Vec<i64> {
    let mut ages: Vec<i64> =
        (0..=LAST_SECOND + 10).step_by(6).map(|second| second * 1_000).collect();
    for condition in &statement.conditions {
        for value in &condition.values {
            match (value, condition.key) {
                (Value::Number(age) | Value::Unusual(age), Key::SignatureAge) => {
                    ages.extend([age - 1, *age, age + 1]);
                }
                (Value::Number(second) | Value::Unusual(second) | Value::Year(second), _) => ages
                    .extend([
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

/// What the oracle found out about one statement by one reading of it.
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

impl Found {
    /// Whether somebody is let in at first, and whether somebody is refused.
    fn at_first(&self) -> (bool, bool) {
        (self.let_in > 0, self.refused > 0)
    }
}

/// What the oracle found out about one statement, by each reading.
struct Readings(Vec<Found>);

impl Readings {
    /// What all readings have in common at first.
    fn at_first(&self) -> Option<(bool, bool)> {
        let first = self.0[0].at_first();
        self.0.iter().all(|found| found.at_first() == first).then_some(first)
    }

    fn first_refusal(&self) -> Option<i64> {
        self.0.iter().filter_map(|found| found.first_refusal).min()
    }

    fn first_admission(&self) -> Option<i64> {
        self.0.iter().filter_map(|found| found.first_admission).min()
    }
}

fn find(statement: &Statement, link: Link) -> Readings {
    if !statement.is_about(link) {
        return Readings(vec![Found { let_in: 1, ..Found::default() }]);
    }
    let readings = each_reading(statement);
    Readings(readings.iter().map(|meanings| find_by(statement, link, meanings)).collect())
}

fn find_by(statement: &Statement, link: Link, meanings: &[Vec<Meaning>]) -> Found {
    let ages = ages(statement);
    let mut found = Found::default();
    each_recipient(statement, link, &mut |unknown, variables| {
        let denies = |age| statement.denies(&Request { unknown, variables, meanings, link, age });
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
    uploads: u32,
    untouched: u32,
    refused: u32,
    limited: u32,
    too_short: u32,
    depends: u32,
    unreadable: u32,
    unreadable_with_bound: u32,
}

fn compare(statements: &[Statement], link: Link, seen: &mut Seen) -> Result<(), TestCaseError> {
    let policy = Policy::parse(&json_of(statements)).unwrap();
    let signed_at = Timestamp::from_second(SIGNED_AT).unwrap();
    let now = signed_at + SignedDuration::from_millis(400);
    let mut question = question();
    (question.version_id, question.signed_at) = (link.version_id, now);
    let headers = link.headers();
    question.request = link.operation.request(&headers);
    if link.through_access_point {
        question.bucket_arn = "arn:aws:s3:eu-west-1:111122223333:accesspoint/files";
    }
    let verdict = policy.evaluate(&question);
    let found: Vec<_> = statements.iter().map(|statement| find(statement, link)).collect();
    let age_of = |bound: Bound| match bound {
        Bound::Age(age) => i64::try_from(age.as_millis()).unwrap(),
        Bound::Instant(instant) => instant.as_millisecond() - SIGNED_AT * 1_000,
    };

    seen.uploads += u32::from(link.operation.is_upload());

    // Statement by statement, to the millisecond.
    for (index, found) in found.iter().enumerate() {
        let effect = verdict.statements.iter().find(|statement| statement.index == index);
        match effect.map(|statement| statement.effect) {
            None => {
                prop_assert_eq!(found.at_first(), Some((true, false)));
                prop_assert_eq!(found.first_refusal(), None);
            }
            Some(Effect::Refuses { until }) => {
                prop_assert_eq!(found.at_first(), Some((false, true)));
                prop_assert_eq!(until.map(age_of), found.first_admission());
            }
            Some(Effect::Limits { from, .. }) => {
                prop_assert_eq!(found.at_first(), Some((true, false)));
                prop_assert_eq!(Some(age_of(from)), found.first_refusal());
            }
            Some(Effect::Depends { .. }) => {
                prop_assert_eq!(found.at_first(), Some((true, true)));
                prop_assert_eq!(found.first_refusal(), None);
                seen.depends += 1;
            }
            Some(Effect::Unreadable { bound }) => {
                prop_assert_eq!(found.at_first(), None);
                prop_assert_eq!(bound.map(age_of), found.first_refusal());
                seen.unreadable += 1;
                seen.unreadable_with_bound += u32::from(bound.is_some());
            }
        }
    }

    // No dead link is given, and none that opens is refused.
    let is_dead = found.iter().any(|found| found.at_first() == Some((false, true)));
    prop_assert_eq!(verdict.refused_by().is_some(), is_dead);
    let is_readable = found.iter().all(|found| found.at_first().is_some());
    prop_assert_eq!(verdict.unreadable().is_none(), is_readable);
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
    let first_refusal = found.iter().filter_map(Readings::first_refusal).min();
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
    let policies = (vec(statements(), 1..4), links());
    let result = runner
        .run(&policies, |(statements, link)| compare(&statements, link, &mut counts.borrow_mut()));
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, (statements, link))) => {
            panic!("{reason}\n{link:?}\n{}", json_of(&statements));
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
    let counts = counts.into_inner();
    println!("{counts:?}");
    for count in [
        counts.uploads,
        counts.untouched,
        counts.refused,
        counts.limited,
        counts.too_short,
        counts.depends,
        counts.unreadable,
        counts.unreadable_with_bound,
    ] {
        assert!(count > POLICIES / 200, "{counts:?}");
    }
}
