//! Passcodes: what they hide, how they are counted, and what many guesses at once gain.

use fake_aws::{Fault, Operation, Service};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::function::{
    GRANTS, Request, aws, counted, downloads, dynamodb_calls, facts, function, function_with,
    give_objects, held_after, item, owner, pass, press, press_from, press_with, refuse_objects,
    send, share,
};

#[tokio::test]
async fn before_the_passcode_is_right_neither_file_nor_size_is_named() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    let known = facts(&function, &made.path).await.json();
    assert_eq!(known["wants_passcode"], true);
    assert!(known.get("name").is_none() && known.get("size").is_none());
    dynamodb_calls(&aws);
    let wanted = press(&function, &made.path, None).await;
    assert_eq!((wanted.status, wanted.code().as_str()), (403, "passcode-wanted"));
    let wrong = press_with(&function, &made.path, "correct").await;
    assert_eq!((wrong.status, wrong.code().as_str()), (403, "passcode-wrong"));
    assert_eq!(wrong.json()["tries_left"], 9);
    let headers =
        json!({"accept": "text/html", "content-type": "application/x-www-form-urlencoded"});
    for (method, body) in [("GET", ""), ("POST", ""), ("POST", "passcode=wrong")] {
        let (headers, body) = (headers.clone(), body.to_owned());
        let request = Request { method, path: &made.path, headers, body, ..Request::default() };
        let page = send(&function, request).await;
        assert!(!page.body.contains("report") && !page.body.contains("1.2 MB"), "{}", page.body);
        assert!(page.body.contains("type=\"password\""));
    }
    assert_eq!(press_with(&function, &made.path, "correct horse").await.status, 303);
    assert_eq!(counted("SharePasscodesWrong"), 2);
}

#[tokio::test]
async fn a_passcode_comes_as_json_too() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    let headers = json!({"accept": "application/json", "content-type": "application/json"});
    let body = json!({"passcode": "correct horse"}).to_string();
    let request = Request { method: "POST", path: &made.path, headers, body, ..Request::default() };
    assert_eq!(send(&function, request).await.status, 303);
}

#[tokio::test]
async fn a_hundred_guesses_at_once_gain_ten_looks_at_most() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "000050"})).await;
    aws.pause((0..200).map(|n| n * 7 % 13));
    let guesses: Vec<_> = (100..200).map(|guess| format!("{guess:06}")).collect();
    let answers =
        join_all(guesses.iter().map(|guess| press_with(&function, &made.path, guess))).await;
    let of = |code: &str| answers.iter().filter(|answer| answer.code() == code).count();
    // A slow machine may not answer a hundred guesses in time. Such a guess is no look.
    let unanswered = of("share-unavailable");
    // The look at the tenth locks. Whoever comes before it is written is told to try again.
    let (wrong, locked, busy) = (of("passcode-wrong"), of("share-locked"), of("share-busy"));
    // Where a slow machine does not write an outcome in time, the tenth locks later.
    assert!(wrong <= 10 && wrong + unanswered >= 9, "{answers:?}");
    assert_eq!(wrong + locked + busy + unanswered, 100);
    let looked_at = counted("SharePasscodesWrong");
    assert!(looked_at <= 10);
    if unanswered == 0 {
        assert_eq!(looked_at, 10);
    }
    // Until the invocations have ended.
    pass(32);
    assert_eq!(press_with(&function, &made.path, "000050").await.code(), "share-locked");
    let locked = press_with(&function, &made.path, "000050").await;
    assert_eq!((locked.status, locked.headers["retry-after"].as_str()), (429, Some("3568")));
}

async fn lock(function: &s3_link_signer::Handler, path: &str) {
    for _ in 0..10 {
        press_with(function, path, "wrong").await;
    }
    let answer = press_with(function, path, "correct horse").await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "share-locked"));
}

#[tokio::test]
async fn ten_wrong_passcodes_lock_the_share_for_an_hour_even_for_the_right_one() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    lock(&function, &made.path).await;
    assert_eq!(facts(&function, &made.path).await.json()["locked_until"], "2026-11-23T14:05:17Z");
    let headers = json!({"accept": "text/html"});
    let page = send(&function, Request { path: &made.path, headers, ..Request::default() }).await;
    assert!(
        page.status == 200 && page.body.contains("wrong too often. Try again in "),
        "{}",
        page.body
    );
    assert!(!page.body.contains("<input") && !page.body.contains("<button"), "{}", page.body);
    pass(3_599);
    assert_eq!(press_with(&function, &made.path, "correct horse").await.code(), "share-locked");
    pass(1);
    // Guessing starts anew, with ten looks.
    let wrong = press_with(&function, &made.path, "wrong").await;
    assert_eq!(wrong.json()["tries_left"], 9);
    assert_eq!(press_with(&function, &made.path, "correct horse").await.status, 303);
    lock(&function, &made.path).await;
    assert_eq!(downloads(&function, &made.id).await, 1);
}

#[tokio::test]
async fn after_an_hour_many_guesses_at_once_gain_ten_looks_again() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    lock(&function, &made.path).await;
    counted("SharePasscodesWrong");
    pass(3_600);
    join_all((0..50).map(|_| press_with(&function, &made.path, "wrong"))).await;
    assert!(counted("SharePasscodesWrong") <= 10);
}

#[tokio::test]
async fn the_owner_unlocks_guessing() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    lock(&function, &made.path).await;
    let path = format!("/shares/{}", made.id);
    let read = owner(&function, "alice", "GET", &path, &Value::Null).await;
    assert_eq!(read.json()["locked_until"], "2026-11-23T14:05:17Z");
    let unlocked = owner(&function, "alice", "PATCH", &path, &json!({"unlock": true})).await;
    assert_eq!(unlocked.json().get("locked_until"), None);
    assert_eq!(press_with(&function, &made.path, "correct horse").await.status, 303);
}

#[tokio::test]
async fn right_passcodes_use_up_no_tries_whether_or_not_they_lead_to_a_download() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    for _ in 0..6 {
        assert_eq!(press_with(&function, &made.path, "correct horse").await.status, 303);
        refuse_objects(&aws, 503, "");
        let answer = press_with(&function, &made.path, "correct horse").await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "share-unavailable"));
        give_objects(&aws);
    }
    let wrong = press_with(&function, &made.path, "wrong").await;
    assert_eq!(wrong.json()["tries_left"], 9);
    assert_eq!(downloads(&function, &made.id).await, 6);
}

#[tokio::test]
async fn a_right_passcode_that_one_browser_sends_twice_at_once_uses_up_no_try() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse", "max_downloads": 1})).await;
    let cookie = facts(&function, &made.path).await.cookie;
    // Both attempts are counted before either press is.
    aws.pause([50; 20]);
    let press = || press_from(&function, &made.path, "correct horse", cookie.as_deref());
    for answer in join_all([press(), press()]).await {
        assert_eq!(answer.status, 303, "{answer:?}");
    }
    assert_eq!(downloads(&function, &made.id).await, 1);
    assert_eq!(item(&aws)["attempts"], json!({"N": "0"}));
}

#[tokio::test]
async fn a_press_whose_answer_is_lost_gives_its_attempt_back_once() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    let cookie = facts(&function, &made.path).await.cookie;
    for _ in 0..2 {
        // That of the attempt, and that of the download.
        aws.fail(Service::DynamoDb, [Fault::none(), Fault::lost_answer(), Fault::lost_answer()]);
        let answer = press_from(&function, &made.path, "correct horse", cookie.as_deref()).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        // Never below zero: a guesser would gain a look.
        assert_eq!(item(&aws)["attempts"], json!({"N": "0"}));
    }
    assert_eq!(downloads(&function, &made.id).await, 1);
}

#[tokio::test]
async fn a_passcode_that_nobody_looks_at_uses_up_no_try() {
    let aws = aws().await;
    let others = GRANTS.replace("private-files/", "other-files/");
    let (granted, ungranted) = (function(&aws), function_with(&aws, &[("GRANTS", &others)]));
    let made = share(&granted, &json!({"passcode": "correct horse"})).await;
    for _ in 0..10 {
        let answer = press_with(&ungranted, &made.path, "correct horse").await;
        assert_eq!((answer.status, answer.code().as_str()), (410, "share-withdrawn"));
    }
    assert_eq!(press_with(&granted, &made.path, "correct horse").await.status, 303);
}

#[tokio::test]
async fn a_right_passcode_uses_up_no_try_where_dynamodb_refuses_to_count_the_download() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    aws.fail(
        Service::DynamoDb,
        [Fault::none(), Fault::none(), Fault::error(400, "ValidationException", "not now")],
    );
    let answer = press_with(&function, &made.path, "correct horse").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "share-unavailable"));
    assert_eq!(item(&aws)["attempts"], json!({"N": "0"}));
    assert_eq!(downloads(&function, &made.id).await, 0);
}

#[tokio::test]
async fn a_press_with_an_old_passcode_takes_no_guess_at_the_new_one_back() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    let path = format!("/shares/{}", made.id);
    // The passcode is changed during the press, and somebody guesses at the new one.
    let meanwhile = async {
        let change = json!({"passcode": "battery staple"});
        owner(&function, "alice", "PATCH", &path, &change).await;
        press_with(&function, &made.path, "wrong").await;
    };
    // The attempt is counted by then, and its outcome is not written.
    let press = press_with(&function, &made.path, "correct horse");
    let (pressed, ()) = held_after(&aws, 1, Operation::UpdateItem, press, meanwhile).await;
    assert_eq!(pressed.code(), "passcode-wanted");
    assert_eq!(item(&aws)["attempts"], json!({"N": "1"}));
}

#[tokio::test]
async fn no_passcode_is_looked_at_whose_attempt_was_not_counted() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    // The SDK makes a throttled call three times, and a call that took too long is made once more.
    aws.fail(Service::DynamoDb, vec![Fault::error(400, "ThrottlingException", "not now"); 6]);
    let answer = press_with(&function, &made.path, "correct horse").await;
    aws.state().faults.clear();
    assert_eq!((answer.status, answer.code().as_str()), (503, "share-unavailable"));
    assert_eq!(item(&aws).get("attempts"), None);
}

#[tokio::test]
async fn a_passcode_that_is_changed_during_a_press_counts() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    let path = format!("/shares/{}", made.id);
    let change = json!({"passcode": "battery staple"});
    let change = owner(&function, "alice", "PATCH", &path, &change);
    let press = press_with(&function, &made.path, "correct horse");
    let (pressed, _) = held_after(&aws, 0, Operation::GetObject, press, change).await;
    assert_eq!(pressed.code(), "passcode-wanted");
    assert_eq!(downloads(&function, &made.id).await, 0);
    assert_eq!(press_with(&function, &made.path, "battery staple").await.status, 303);
}

#[tokio::test]
async fn a_passcode_for_a_share_without_one_changes_nothing() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    assert_eq!(press_with(&function, &made.path, "anything").await.status, 303);
    assert_eq!(item(&aws).get("attempts"), None);
}

#[tokio::test]
async fn a_passcode_is_what_was_meant_however_it_was_typed_or_pasted() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "grüße an euch"})).await;
    let nfd = "gru\u{308}ße an euch";
    for typed in [" grüße an euch", "grüße an euch\r\n", "grüße\u{a0}an euch\u{a0}", nfd] {
        assert_eq!(press_with(&function, &made.path, typed).await.status, 303, "{typed:?}");
    }
    assert_eq!(press_with(&function, &made.path, "Grüße an euch").await.status, 403);
    // One that is made with letters and marks apart opens with letters that have them.
    aws.state().items("shares").clear();
    let made = share(&function, &json!({ "passcode": nfd })).await;
    assert_eq!(press_with(&function, &made.path, "grüße an euch").await.status, 303);
    aws.state().items("shares").clear();
    let made = share(&function, &json!({"passcode": true})).await;
    let passcode = made.answer["passcode"].as_str().unwrap();
    for typed in [passcode.to_uppercase(), passcode.replace('-', ""), format!(" {passcode}\r\n")] {
        assert_eq!(press_with(&function, &made.path, &typed).await.status, 303, "{typed:?}");
    }
    assert_eq!(press_with(&function, &made.path, &passcode[1..]).await.status, 403);
    let short = json!({"key": super::function::KEY, "passcode": "12345"});
    let refused = owner(&function, "alice", "POST", "/shares", &short).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("use 6 to 128"), "{}", refused.body);
}
