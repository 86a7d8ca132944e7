//! Many passcodes at once, right and wrong: who knows the passcode is never told that it was wrong too
//! often, and nobody gains more than ten looks.

use std::time::Duration;

use fake_aws::{Fault, Operation, Reply, Service};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use super::function::{
    Answer, Request, aws, counted, downloads, dynamodb_calls, facts, function, give_objects, item,
    owner, pass, press_with, refuse_objects, send, share,
};

/// Lets S3 answer every request for an object so many milliseconds later, with one byte.
fn slow_objects(aws: &fake_aws::FakeAws, milliseconds: u64) {
    aws.script(move |call| {
        let reply = Reply::status(206)
            .with_header("content-range", "bytes 0-0/1250000")
            .after(Duration::from_millis(milliseconds));
        (call.operation == Operation::GetObject).then_some(reply)
    });
}

fn count(answers: &[Answer], status: u64, code: &str) -> usize {
    let is = |answer: &&Answer| answer.status == status && (status == 303 || answer.code() == code);
    answers.iter().filter(is).count()
}

#[tokio::test]
async fn whoever_knows_the_passcode_is_never_told_that_it_was_wrong_too_often_however_slow_s3_is() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse", "max_downloads": 40})).await;
    slow_objects(&aws, 1_200);
    let press = || press_with(&function, &made.path, "correct horse");
    let answers = join_all((0..24).map(|_| press())).await;
    let (given, busy) = (count(&answers, 303, ""), count(&answers, 503, "share-busy"));
    // A slow machine may not answer all of them in time.
    let unanswered = count(&answers, 503, "share-unavailable");
    assert_eq!(given + busy + unanswered, 24, "{answers:?}");
    assert!(given + unanswered >= 10, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status == 503) {
        let seconds = answer.headers["retry-after"].as_str().unwrap();
        assert_eq!(seconds, if answer.code() == "share-busy" { "2" } else { "30" });
    }
    // Those who were told to try again get it.
    give_objects(&aws);
    for _ in 0..busy {
        assert_eq!(press().await.status, 303);
    }
    let counted_downloads = usize::try_from(downloads(&function, &made.id).await).unwrap();
    assert_eq!(counted_downloads, given + busy);
    // A slow machine may not give every attempt back in time.
    assert!(fake_aws::number(&item(&aws)["attempts"]) < 10, "{:?}", item(&aws));
    assert_eq!(counted("SharePasscodesWrong"), 0);
}

#[tokio::test]
async fn while_s3_is_slow_nobody_finds_those_in_flight_who_typed_the_passcode_before() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    // How long a look takes on this machine.
    let began = std::time::Instant::now();
    assert_eq!(press_with(&function, &made.path, "correct horse").await.status, 303);
    let pause = Duration::from_millis(100).max(2 * began.elapsed());
    slow_objects(&aws, 1_000);
    // The outcome of a look is written before S3 is asked.
    let presses = (0..24_u32).map(async |turn| {
        tokio::time::sleep(turn * pause).await;
        press_with(&function, &made.path, "correct horse").await
    });
    let answers = join_all(presses).await;
    assert_eq!(count(&answers, 429, "share-locked"), 0, "{answers:?}");
    assert!(count(&answers, 503, "share-busy") < 12, "{answers:?}");
}

#[tokio::test]
async fn a_browser_is_told_that_others_are_typing() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    set(&aws, "attempts", 10);
    set(&aws, "in_flight", 1);
    set(&aws, "in_flight_until", super::function::now().as_second() + 9);
    let headers =
        json!({"accept": "text/html", "content-type": "application/x-www-form-urlencoded"});
    let body = "passcode=correct+horse".to_owned();
    let request = Request { method: "POST", path: &made.path, headers, body, ..Request::default() };
    let page = send(&function, request).await;
    assert_eq!((page.status, page.headers["retry-after"].as_str()), (503, Some("2")));
    assert!(page.body.contains("Others are typing the passcode"), "{}", page.body);
    assert!(page.body.contains("<button"), "{}", page.body);
}

fn set(aws: &fake_aws::FakeAws, name: &str, number: i64) {
    let mut state = aws.state();
    for item in state.items("shares").values_mut() {
        item.insert(name.to_owned(), json!({"N": number.to_string()}));
    }
}

#[tokio::test]
async fn many_wrong_ones_and_many_right_ones_at_once_are_ten_looks_in_vain_at_most() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    slow_objects(&aws, 300);
    let presses = (0..48).map(|turn| {
        let passcode = if turn % 2 == 0 { "correct horse" } else { "wrong horse" };
        press_with(&function, &made.path, passcode)
    });
    let answers = join_all(presses).await;
    assert!(counted("SharePasscodesWrong") <= 10, "{answers:?}");
    let (given, busy) = (count(&answers, 303, ""), count(&answers, 503, "share-busy"));
    let (wrong, locked) =
        (count(&answers, 403, "passcode-wrong"), count(&answers, 429, "share-locked"));
    // A slow machine may not answer all of them in time. Such a press is no look.
    let unanswered = count(&answers, 503, "share-unavailable");
    assert_eq!(given + busy + wrong + locked + unanswered, 48, "{answers:?}");
    let wrong = fake_aws::number(&item(&aws)["attempts"]);
    let in_flight = fake_aws::number(&item(&aws)["in_flight"]);
    assert!(wrong + in_flight <= 10, "{:?}", item(&aws));
    assert!(in_flight == 0 || unanswered > 0, "{:?}", item(&aws));
    // Locked is only who finds ten that are wrong.
    assert!(locked == 0 || wrong == 10, "{answers:?}");
}

#[tokio::test]
async fn an_attempt_whose_outcome_is_never_written_counts_as_wrong_when_its_time_is_over() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    for _ in 0..10 {
        // The invocation ends between the count and the look.
        let counted = aws.until_done(Operation::UpdateItem);
        tokio::select! {
            biased;
            () = counted => {}
            _ = press_with(&function, &made.path, "correct horse") => panic!("it was answered"),
        }
    }
    let press = || press_with(&function, &made.path, "correct horse");
    let busy = press().await;
    assert_eq!((busy.status, busy.code().as_str()), (503, "share-busy"));
    assert_eq!(facts(&function, &made.path).await.json().get("locked_until"), None);
    // An invocation has 30 s here.
    pass(29);
    assert_eq!(press().await.code(), "share-busy");
    pass(3);
    let locked = press().await;
    assert_eq!((locked.status, locked.code().as_str()), (429, "share-locked"));
    pass(3_600);
    assert_eq!(press().await.status, 303);
}

#[tokio::test]
async fn a_press_with_a_passcode_makes_three_calls_and_a_wrong_one_two() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    dynamodb_calls(&aws);
    assert_eq!(press_with(&function, &made.path, "correct horse").await.status, 303);
    assert_eq!(dynamodb_calls(&aws), 3);
    assert_eq!(press_with(&function, &made.path, "wrong").await.status, 403);
    assert_eq!(dynamodb_calls(&aws), 2);
    // Where the outcome of a right one is not written, the download is given all the same.
    aws.fail(
        Service::DynamoDb,
        [Fault::none(), Fault::error(400, "ValidationException", "not now")],
    );
    assert_eq!(press_with(&function, &made.path, "correct horse").await.status, 303);
    assert_eq!(item(&aws)["attempts"], json!({"N": "2"}));
}

#[tokio::test]
async fn after_a_lock_those_who_come_at_once_are_all_heard() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    for _ in 0..10 {
        press_with(&function, &made.path, "wrong").await;
    }
    pass(3_600);
    let press = || press_with(&function, &made.path, "correct horse");
    let (first, second) = join(press(), press()).await;
    assert_eq!((first.status, second.status), (303, 303), "{first:?} {second:?}");
}

/// Guesses until the share is locked. Returns how many were wrong.
async fn guess(function: &s3_link_signer::Handler, path: &str) -> u64 {
    counted("SharePasscodesWrong");
    for _ in 0..30 {
        for _ in 0..10 {
            press_with(function, path, "wrong").await;
        }
        pass(3_600);
    }
    counted("SharePasscodesWrong")
}

#[tokio::test]
async fn a_hundred_wrong_ones_lock_the_share_until_its_owner_unlocks_it() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    let path = format!("/shares/{}", made.id);
    let read = owner(&function, "alice", "GET", &path, &Value::Null).await.json();
    assert_eq!((read.get("wrong_passcodes"), read.get("last_wrong_passcode_at")), (None, None));
    assert_eq!(guess(&function, &made.path).await, 100);
    let locked = press_with(&function, &made.path, "correct horse").await;
    assert_eq!((locked.status, locked.code().as_str()), (429, "share-locked"));
    // No time helps.
    assert_eq!(locked.headers.get("retry-after"), None);
    assert_eq!(locked.json()["locked_until"], made.answer["expires_at"]);
    let headers = json!({"accept": "text/html"});
    let page = send(&function, Request { path: &made.path, headers, ..Request::default() }).await;
    assert!(page.body.contains("Ask the owner to unlock the file."), "{}", page.body);
    assert!(!page.body.contains("<button"), "{}", page.body);
    let read = owner(&function, "alice", "GET", &path, &Value::Null).await.json();
    assert_eq!(read["wrong_passcodes"], 100);
    assert_eq!(read["last_wrong_passcode_at"], "2026-11-23T22:05:17Z");
    assert_eq!(read["locked_until"], read["expires_at"]);
    let unlocked = owner(&function, "alice", "PATCH", &path, &json!({"unlock": true})).await.json();
    assert_eq!(unlocked.get("wrong_passcodes"), None);
    assert_eq!(unlocked.get("last_wrong_passcode_at"), None);
    assert_eq!(press_with(&function, &made.path, "correct horse").await.status, 303);
}

#[tokio::test]
async fn each_counted_download_allows_one_wrong_passcode_more() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    for _ in 0..3 {
        assert_eq!(press_with(&function, &made.path, "correct horse").await.status, 303);
    }
    assert_eq!(guess(&function, &made.path).await, 103);
}

#[tokio::test]
async fn an_operator_unlocks() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    assert_eq!(guess(&function, &made.path).await, 100);
    let event = json!({"shares": {"unlock": {"share_id": made.id}}});
    for unlocked in [1, 0] {
        let report = super::operators::operate(&function, &event, 60).await.unwrap();
        let expected =
            json!({"unlocked": unlocked, "looked_at": 1, "unreadable": 0, "unfinished": false});
        assert_eq!(report, expected);
    }
    assert_eq!(press_with(&function, &made.path, "correct horse").await.status, 303);
}

#[tokio::test]
async fn a_right_passcode_that_leads_to_no_download_is_given_back() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    refuse_objects(&aws, 503, "");
    let answers =
        join_all((0..5).map(|_| press_with(&function, &made.path, "correct horse"))).await;
    assert_eq!(count(&answers, 503, "share-unavailable"), 5, "{answers:?}");
    for name in ["attempts", "in_flight", "guesses"] {
        assert_eq!(item(&aws)[name], json!({"N": "0"}), "{name}");
    }
}
