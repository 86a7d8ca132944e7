//! What a press gets, what it counts, and what must hold for it.

use std::collections::HashSet;

use fake_aws::{Object, Operation};
use futures_util::future::join_all;
use jiff::SignedDuration;
use s3_link_signer::Handler;
use serde_json::{Value, json};

use super::function::{
    Answer, GRANTS, KEY, Request, aws, counted, downloads, dynamodb_calls, facts, function,
    function_with, has_the_page_s_headers, held_after, item, now, owner, pass, press, send, share,
};

#[tokio::test]
async fn a_press_gives_a_link_that_is_signed_for_this_download() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"filename": "Für Dich.pdf"})).await;
    dynamodb_calls(&aws);
    let answer = press(&function, &made.path, None).await;
    assert_eq!(answer.status, 303);
    let link = answer.headers["location"].as_str().unwrap();
    assert!(link.starts_with(&format!("{}/files/{KEY}?", aws.endpoint())), "{link}");
    assert!(link.contains("X-Amz-Expires=300&") && link.contains("F%25C3%25BCr"), "{link}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(dynamodb_calls(&aws), 2);
    let cookie = answer.set_cookie.unwrap();
    let attributes = format!("; Path={}; Secure; HttpOnly; SameSite=Lax", made.path);
    assert!(cookie.ends_with(&attributes), "{cookie}");
    assert_eq!((counted("ShareDownloads"), counted("LinksSigned")), (1, 1));
}

#[tokio::test]
async fn every_answer_is_kept_from_caches_indexes_frames_and_other_sites() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    let unreadable = json!({"content-type": "application/json", "accept": "application/json"});
    for (method, path, headers, body, status) in [
        ("GET", made.path.as_str(), json!({"accept": "application/json"}), "", 200),
        ("GET", made.path.as_str(), json!({"accept": "text/html"}), "", 200),
        ("POST", made.path.as_str(), json!({}), "", 303),
        ("POST", made.path.as_str(), unreadable, "{", 400),
        ("GET", "/s/AAAAAAAAAAAAAAAAAAAAAAAAAAA", json!({"accept": "application/json"}), "", 404),
        ("GET", "/s/AAAAAAAAAAAAAAAAAAAAAAAAAAA", json!({"accept": "text/html"}), "", 404),
        ("GET", "/s/x", json!({"accept": "application/json"}), "", 404),
    ] {
        let body = body.to_owned();
        let answer =
            send(&function, Request { method, path, body, headers, ..Request::default() }).await;
        assert_eq!(answer.status, status, "{answer:?}");
        has_the_page_s_headers(&answer);
    }
}

#[tokio::test]
async fn a_press_that_can_t_be_read_is_a_share_s_refusal_and_not_a_link_s() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    let headers = json!({"content-type": "application/json"});
    let body = "passcode=x".to_owned();
    let request = Request { method: "POST", path: &made.path, headers, body, ..Request::default() };
    assert_eq!(send(&function, request).await.status, 400);
    assert_eq!((counted("ShareRefusals"), counted("LinksRefused")), (1, 0));
}

#[tokio::test]
async fn a_page_takes_one_call_changes_nothing_and_counts_nothing() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"max_downloads": 3})).await;
    let before = item(&aws);
    dynamodb_calls(&aws);
    for method in ["GET", "HEAD"] {
        for accept in ["application/json", "text/html", "*/*"] {
            let headers = json!({"accept": accept});
            let request = Request { method, path: &made.path, headers, ..Request::default() };
            let answer = send(&function, request).await;
            assert_eq!((answer.status, dynamodb_calls(&aws)), (200, 1));
            assert_eq!(answer.body.is_empty(), method == "HEAD");
            assert!(answer.cookie.is_some());
        }
    }
    assert_eq!(item(&aws), before);
    assert_eq!((counted("SharePagesShown"), counted("ShareDownloads")), (6, 0));
    let answer = facts(&function, &made.path).await;
    assert_eq!(
        answer.json(),
        json!({
            "state": "active", "name": "report.pdf", "size": 1_250_000,
            "expires_at": "2026-11-30T13:05:17Z", "max_downloads": 3, "downloads_left": 3,
            "wants_passcode": false,
        })
    );
}

#[tokio::test]
async fn the_page_names_the_origin_that_the_redirect_goes_to() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    let headers = json!({"accept": "text/html"});
    let request = Request { path: &made.path, headers, ..Request::default() };
    let page = send(&function, request).await;
    let policy = page.headers["content-security-policy"].as_str().unwrap();
    assert!(policy.contains(&format!("form-action 'self' {};", aws.endpoint())), "{policy}");
    assert!(page.body.contains("report.pdf"), "{}", page.body);
    assert!(!page.body.contains(&made.path[3..]));
}

#[tokio::test]
async fn a_hundred_presses_at_once_on_a_limit_of_ten_give_ten_links() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"max_downloads": 10})).await;
    aws.pause((0..200).map(|n| n * 7 % 13));
    let pressed = join_all((0..100).map(|_| pressed_until_answered(&function, &made.path))).await;
    let unanswered: u64 = pressed.iter().map(|(_, unanswered)| unanswered).sum();
    let answers: Vec<_> = pressed.into_iter().map(|(answer, _)| answer).collect();
    let given: Vec<_> = answers.iter().filter(|answer| answer.status == 303).collect();
    assert_eq!(given.len(), 10);
    let links: HashSet<_> = given.iter().map(|answer| answer.headers["location"].clone()).collect();
    assert_eq!(links.len(), 10);
    for answer in answers.iter().filter(|answer| answer.status != 303) {
        assert_eq!((answer.status, answer.code().as_str()), (410, "share-used-up"));
    }
    assert_eq!(downloads(&function, &made.id).await, 10);
    assert_eq!(counted("ShareDownloads"), 10);
    assert_eq!(counted("ShareRefusals"), 90 + unanswered);
}

/// A press that is repeated by the same browser while the page says to try again: a slow machine may
/// not answer a hundred presses in time. Returns how often that was besides.
async fn pressed_until_answered(function: &Handler, path: &str) -> (Answer, u64) {
    let mut answer = press(function, path, None).await;
    let mut unanswered = 0;
    while answer.status == 503 {
        unanswered += 1;
        let cookie = answer.cookie.clone();
        answer = press(function, path, cookie.as_deref()).await;
    }
    (answer, unanswered)
}

#[tokio::test]
async fn the_same_browser_may_press_again_uncounted_for_ten_minutes() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"max_downloads": 1})).await;
    let cookie = facts(&function, &made.path).await.cookie.unwrap();
    let cookie = Some(cookie.as_str());
    // Ten presses at once of one browser are one download.
    let answers = join_all((0..10).map(|_| press(&function, &made.path, cookie))).await;
    assert!(answers.iter().all(|answer| answer.status == 303));
    assert_eq!(downloads(&function, &made.id).await, 1);
    assert_eq!(press(&function, &made.path, None).await.code(), "share-used-up");
    pass(599);
    let page = Request { path: &made.path, cookie, ..Request::default() };
    assert_eq!(send(&function, page.clone()).await.json()["downloads_left"], 0);
    assert_eq!(press(&function, &made.path, cookie).await.status, 303);
    pass(1);
    assert_eq!(send(&function, page).await.code(), "share-used-up");
    assert_eq!(press(&function, &made.path, cookie).await.code(), "share-used-up");
    assert_eq!(downloads(&function, &made.id).await, 1);
}

#[tokio::test]
async fn a_page_that_is_opened_again_after_the_ten_minutes_recognises_presses_again() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"max_downloads": 2})).await;
    let first = facts(&function, &made.path).await.cookie.unwrap();
    assert_eq!(press(&function, &made.path, Some(&first)).await.status, 303);
    let opened = |cookie| {
        let request = Request { path: &made.path, cookie, ..Request::default() };
        send(&function, request)
    };
    // Within them the browser keeps its cookie.
    pass(599);
    assert_eq!(opened(Some(first.as_str())).await.cookie, None);
    pass(1);
    let second = opened(Some(first.as_str())).await.cookie.unwrap();
    // The answer to the first press is lost, and the browser presses again.
    for _ in 0..2 {
        assert_eq!(press(&function, &made.path, Some(&second)).await.status, 303);
    }
    assert_eq!(downloads(&function, &made.id).await, 2);
}

#[tokio::test]
async fn a_browser_whose_ten_minutes_are_over_is_a_new_one() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    let first = press(&function, &made.path, None).await.cookie.unwrap();
    pass(600);
    let second = press(&function, &made.path, Some(&first)).await.cookie.unwrap();
    assert_ne!(first, second);
    assert_eq!(downloads(&function, &made.id).await, 2);
    // The press that is over is forgotten, so the item does not grow.
    assert_eq!(item(&aws)["presses"]["M"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn the_presses_that_are_remembered_are_bounded() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    for _ in 0..105 {
        pass(1);
        assert_eq!(press(&function, &made.path, None).await.status, 303);
    }
    assert_eq!(item(&aws)["presses"]["M"].as_object().unwrap().len(), 100);
    assert_eq!(downloads(&function, &made.id).await, 105);
}

#[tokio::test]
async fn no_cookie_but_our_own_counts() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"max_downloads": 2})).await;
    for _ in 0..2 {
        assert_eq!(press(&function, &made.path, Some("mine")).await.status, 303);
    }
    assert_eq!(press(&function, &made.path, Some("mine")).await.status, 410);
}

#[tokio::test]
async fn an_ended_share_says_so_until_the_table_forgets_it() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"expires_in": 60})).await;
    pass(59);
    let link = press(&function, &made.path, None).await;
    // A link outlives its share by the shortest window and the time that an answer takes at most.
    assert!(link.headers["location"].as_str().unwrap().contains("X-Amz-Expires=130&"));
    pass(1);
    for answer in [facts(&function, &made.path).await, press(&function, &made.path, None).await] {
        assert_eq!((answer.status, answer.code().as_str()), (410, "share-ended"));
        assert_eq!(answer.json()["state"], "ended");
    }
    let forget_at: i64 = item(&aws)["forget_at"]["N"].as_str().unwrap().parse().unwrap();
    let expires_at: i64 = item(&aws)["expires_at"]["N"].as_str().unwrap().parse().unwrap();
    assert_eq!(forget_at - expires_at, 7 * 86_400);
    aws.state().items("shares").clear();
    for answer in [facts(&function, &made.path).await, press(&function, &made.path, None).await] {
        assert_eq!((answer.status, answer.code().as_str()), (404, "no-such-share"));
    }
}

#[tokio::test]
async fn a_press_is_judged_by_what_holds_now() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    let cookie = press(&function, &made.path, None).await.cookie.unwrap();
    let denial = |seconds: u64| {
        json!({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::files/*",
            "Condition": {"NumericGreaterThan": {"s3:signatureAge": seconds * 1_000}}}]})
    };
    for cookie in [None, Some(cookie.as_str())] {
        aws.state().bucket("files").objects.clear();
        assert_eq!(press(&function, &made.path, cookie).await.code(), "share-withdrawn");
        aws.put_object("files", KEY, Object::of_size(7));
        let other = GRANTS.replace("private-files/", "elsewhere/");
        let other = function_with(&aws, &[("GRANTS", &other)]);
        assert_eq!(press(&other, &made.path, cookie).await.code(), "share-withdrawn");
        let get_alone = GRANTS.replace(",\"share\"", "");
        let get_alone = function_with(&aws, &[("GRANTS", &get_alone)]);
        assert_eq!(press(&get_alone, &made.path, cookie).await.code(), "share-withdrawn");

        // A policy that leaves less than two minutes, one that leaves more, and none.
        aws.state().bucket("files").policy = Some(denial(100));
        let short = function_with(&aws, &[]);
        assert_eq!(press(&short, &made.path, cookie).await.code(), "share-withdrawn");
        aws.state().bucket("files").policy = None;
    }
    assert_eq!(downloads(&function, &made.id).await, 1);
    aws.state().bucket("files").policy = Some(denial(200));
    let longer = function_with(&aws, &[]);
    let link = press(&longer, &made.path, None).await.headers["location"].clone();
    assert!(link.as_str().unwrap().contains("X-Amz-Expires=195&"), "{link}");
}

#[tokio::test]
async fn a_revocation_during_a_press_counts_even_within_the_ten_minutes() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    let cookie = press(&function, &made.path, None).await.cookie.unwrap();
    for cookie in [None, Some(cookie.as_str())] {
        // While S3 is asked, the owner revokes.
        let path = format!("/shares/{}", made.id);
        let revocation = owner(&function, "alice", "DELETE", &path, &Value::Null);
        let press = press(&function, &made.path, cookie);
        let (pressed, revoked) = held_after(&aws, 0, Operation::GetObject, press, revocation).await;
        assert_eq!(revoked.status, 204);
        assert_eq!(pressed.code(), "share-withdrawn");
        for item in aws.state().items("shares").values_mut() {
            item.remove("revoked_at");
        }
    }
    assert_eq!(downloads(&function, &made.id).await, 1);
}

#[tokio::test]
async fn no_token_but_the_share_s_own_opens_it_and_malformed_ones_make_no_call() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    let token = made.path.strip_prefix("/s/").unwrap();
    dynamodb_calls(&aws);
    for index in 0..27 {
        for other in ["", "A", "AA", "-", "+", "%2B", "=", ".", "ü", "\u{0}", " "] {
            let mutated = format!("{}{other}{}", &token[..index], &token[index + 1..]);
            if mutated == token {
                continue;
            }
            let answer = press(&function, &format!("/s/{mutated}"), None).await;
            assert_eq!(answer.status, 404, "{mutated}");
            let is_well_formed = mutated.len() == 27
                && ["A", "-"].contains(&other)
                && !(index == 26 && other == "-");
            assert!(dynamodb_calls(&aws) <= usize::from(is_well_formed), "{mutated}");
        }
    }
    // The share's id is no token.
    assert_eq!(press(&function, &format!("/s/{}", made.id), None).await.status, 404);
    assert_eq!(dynamodb_calls(&aws), 0);
    assert_eq!(press(&function, &made.path, None).await.status, 303);
}

#[tokio::test]
async fn a_press_keeps_to_a_policy_that_is_two_minutes_old_at_most() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    // A link's window would keep to the old policy for five minutes.
    aws.state().bucket("files").policy = Some(json!({"Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::files/*",
        "Condition": {"NumericGreaterThan": {"s3:signatureAge": 150_000}},
    }]}));
    pass(121);
    let link = press(&function, &made.path, None).await;
    let location = link.headers["location"].as_str().unwrap();
    assert!(location.contains("X-Amz-Expires=145&"), "{location}");
}

#[tokio::test]
async fn a_share_of_a_version_ends_when_the_version_is_not_current_any_more() {
    let aws = aws().await;
    let end = now() + SignedDuration::from_hours(24);
    let date = jiff::fmt::strtime::format("%a, %d %b %Y %H:%M:%S GMT", end).unwrap();
    let expiration = format!("expiry-date=\"{date}\", rule-id=\"tidy\"");
    let object = Object::of_size(1_250_000).version("v1");
    let object = object.with_header("x-amz-expiration", expiration.as_str());
    aws.put_object("files", KEY, object);
    let function = function(&aws);
    for more in [json!({}), json!({"version_id": "v1"})] {
        let mut wanted = json!({"key": KEY});
        wanted.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = owner(&function, "alice", "POST", "/shares", &wanted).await.json();
        assert_eq!(made["limited_by"], "object", "{made}");
        assert_eq!(made["expires_in"], 86_400 - 5 - 120, "{made}");
        // So does a change of the end.
        let path = format!("/shares/{}", made["share_id"].as_str().unwrap());
        let changed = json!({"expires_in": 172_800});
        let changed = owner(&function, "alice", "PATCH", &path, &changed).await.json();
        assert_eq!(changed["expires_at"], made["expires_at"], "{changed}");
        assert_eq!(changed["bucket_policy"], "heeded");
    }
}
