//! Any order of presses, changes, revocation, loss of the grant and passing time against a model. Some
//! presses come at once, and some while the owner revokes.

use fake_aws::number;
use std::collections::HashMap;

use futures_util::future::{join, join_all};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::function::{
    GRANTS, Request, aws, downloads, function, function_with, item, now, owner, pass, press, send,
    share,
};

/// What happens to a share.
#[derive(Clone, Debug)]
enum Step {
    /// One of three browsers presses, with the cookie that it was given.
    Press(usize),
    /// A browser looks at the page.
    Look(usize),
    /// So many strangers press at once.
    Strangers(usize),
    Limit(Option<u64>),
    End(u64),
    Revoke,
    /// So many strangers press while the owner revokes. Calls take so many milliseconds, in order.
    RevokeMeanwhile(usize, Vec<u64>),
    /// The grant goes, or comes back.
    Grant(bool),
    Pass(i64),
}

/// The model: what a press gets.
#[derive(Clone)]
struct Model {
    is_granted: bool,
    is_revoked: bool,
    end: i64,
    limit: Option<u64>,
    downloads: u64,
    again_until: HashMap<usize, i64>,
}

impl Model {
    fn press(&mut self, browser: Option<usize>, now: i64) -> bool {
        if !self.is_granted || self.is_revoked || now >= self.end {
            return false;
        }
        if browser.is_some_and(|browser| self.again_until.get(&browser).is_some_and(|it| now < *it))
        {
            return true;
        }
        if self.limit.is_some_and(|limit| self.downloads >= limit) {
            return false;
        }
        self.downloads += 1;
        self.again_until.extend(browser.map(|browser| (browser, now + 600)));
        true
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3_usize).prop_map(Step::Press),
        2 => (0..3_usize).prop_map(Step::Look),
        2 => (1..6_usize).prop_map(Step::Strangers),
        2 => prop::option::of(1..8_u64).prop_map(Step::Limit),
        1 => (60..3_000_u64).prop_map(Step::End),
        1 => any::<bool>().prop_map(Step::Grant),
        4 => prop_oneof![Just(1_i64), Just(299), Just(599), Just(600), 1..900_i64].prop_map(Step::Pass),
    ];
    let pauses = prop::collection::vec(0..5_u64, 24);
    let meanwhile = (1..6_usize, pauses);
    let revoke = prop_oneof![
        2 => Just(None),
        1 => Just(Some(Step::Revoke)),
        1 => meanwhile.prop_map(|(count, pauses)| Some(Step::RevokeMeanwhile(count, pauses))),
    ];
    (prop::collection::vec(step, 1..30), revoke, any::<prop::sample::Index>()).prop_map(
        |(mut steps, revoke, at)| {
            if let Some(revoke) = revoke {
                steps.insert(at.index(steps.len()), revoke);
            }
            steps
        },
    )
}

async fn check(limit: Option<u64>, steps: Vec<Step>) {
    let aws = aws().await;
    let granted = function(&aws);
    let lost = function_with(&aws, &[("GRANTS", &GRANTS.replace("private-files/", "elsewhere/"))]);
    let made = share(&granted, &json!({"max_downloads": limit, "expires_in": 1_800})).await;
    let path = format!("/shares/{}", made.id);
    let mut cookies: [Option<String>; 3] = [None, None, None];
    let mut model = Model {
        is_granted: true,
        is_revoked: false,
        end: now().as_second() + 1_800,
        limit,
        downloads: 0,
        again_until: HashMap::new(),
    };
    for step in steps {
        let function = if model.is_granted { &granted } else { &lost };
        let time = now().as_second();
        match step.clone() {
            Step::Press(browser) => {
                let answer = press(function, &made.path, cookies[browser].as_deref()).await;
                let is_given = model.press(Some(browser), time);
                assert_eq!(answer.status, if is_given { 303 } else { 410 }, "{step:?} {answer:?}");
                if answer.cookie.is_some() {
                    cookies[browser] = answer.cookie;
                }
            }
            Step::Look(browser) => {
                let cookie = cookies[browser].as_deref();
                let request = Request { path: &made.path, cookie, ..Request::default() };
                let answer = send(function, request).await;
                if answer.cookie.is_some() {
                    cookies[browser] = answer.cookie;
                }
            }
            Step::Strangers(count) => {
                let answers = join_all((0..count).map(|_| press(function, &made.path, None))).await;
                let given = answers.iter().filter(|answer| answer.status == 303).count();
                let expected = (0..count).filter(|_| model.press(None, time)).count();
                assert_eq!(given, expected, "{step:?}");
            }
            Step::Limit(limit) => {
                let body = json!({ "max_downloads": limit });
                let changed = owner(&granted, "alice", "PATCH", &path, &body).await;
                assert_eq!(changed.status, if model.is_revoked { 409 } else { 200 });
                if !model.is_revoked {
                    model.limit = limit;
                }
            }
            Step::End(seconds) => {
                let body = json!({ "expires_in": seconds });
                owner(&granted, "alice", "PATCH", &path, &body).await;
                if !model.is_revoked {
                    model.end = time + i64::try_from(seconds).unwrap();
                }
            }
            Step::Revoke => {
                owner(&granted, "alice", "DELETE", &path, &Value::Null).await;
                model.is_revoked = true;
            }
            Step::RevokeMeanwhile(count, pauses) => {
                let began_after = std::time::Duration::from_millis(pauses[0]);
                aws.pause(pauses);
                let presses = join_all((0..count).map(|_| press(function, &made.path, None)));
                let revocation = async {
                    tokio::time::sleep(began_after).await;
                    owner(&granted, "alice", "DELETE", &path, &Value::Null).await;
                    number(&item(&aws)["downloads"])
                };
                let (answers, counted) = join(presses, revocation).await;
                aws.pause([]);
                let given = answers.iter().filter(|answer| answer.status == 303).count();
                let mut without = model.clone();
                let most = (0..count).filter(|_| without.press(None, time)).count();
                assert!(given <= most, "{step:?}");
                model.downloads += u64::try_from(given).unwrap();
                model.is_revoked = true;
                // Nothing was counted after the revocation.
                assert_eq!(u64::try_from(counted).unwrap(), model.downloads, "{step:?}");
            }
            Step::Grant(is_granted) => model.is_granted = is_granted,
            Step::Pass(seconds) => pass(seconds),
        }
        assert_eq!(downloads(&granted, &made.id).await, model.downloads, "{step:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_happens_to_a_share_a_press_gets_what_the_model_says(
        limit in prop::option::of(1..6_u64),
        steps in steps(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(limit, steps));
    }
}
