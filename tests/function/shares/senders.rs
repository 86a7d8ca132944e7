//! Who shares, what the owner says, and why the last press got nothing: what recipients and owners read.

use serde_json::{Value, json};

use crate::log::Log;

use super::function::{
    GRANTS, KEY, Request, aws, counted, dynamodb_calls, facts, function, function_with,
    give_objects, item, owner, press, press_from, refuse_objects, send, share,
};

/// The grants of the tests with this `from`.
fn from(source: &str) -> String {
    GRANTS.replace("\"region\"", &format!("\"from\":\"{source}\",\"region\""))
}

/// The page as a browser gets it.
async fn page(function: &s3_link_signer::Handler, path: &str, cookie: Option<&str>) -> String {
    let headers = json!({"accept": "text/html"});
    send(function, Request { path, headers, cookie, ..Request::default() }).await.body
}

#[tokio::test]
async fn an_id_is_nobody_s_name() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    assert_eq!(made.answer.get("from"), None);
    let body = page(&function, &made.path, None).await;
    assert!(body.contains("A file is shared with you") && !body.contains("alice"), "{body}");
    assert_eq!(facts(&function, &made.path).await.json().get("owner"), None);
    // The organisation is named on shares that were made before it was set, too.
    let named = function_with(&aws, &[("SHARES_FROM", "Example & Sons")]);
    let body = page(&named, &made.path, None).await;
    assert!(body.contains("<bdi>Example &#38; Sons</bdi> shares a file with you"), "{body}");
    assert_eq!(facts(&named, &made.path).await.json()["owner"], "Example & Sons");
}

#[tokio::test]
async fn the_name_is_the_claim_that_the_grant_names() {
    let aws = aws().await;
    let settings = [("SHARES_FROM", "Example Ltd")];
    for (source, expected) in [
        ("{claim:name}", "Alice Example"),
        // No such claim, and one that repeats the id.
        ("{claim:nickname}", "Example Ltd"),
        ("{claim:sub}", "Example Ltd"),
    ] {
        let grants = from(source);
        let function = function_with(&aws, &[settings[0], ("GRANTS", &grants)]);
        let made = share(&function, &json!({})).await;
        assert_eq!(facts(&function, &made.path).await.json()["owner"], expected, "{source}");
        // It stays, whatever the grants say later.
        let later = function_with(&aws, &settings);
        assert_eq!(facts(&later, &made.path).await.json()["owner"], expected);
    }
}

#[tokio::test]
async fn callers_name_themselves_only_where_a_grant_lets_them() {
    let aws = aws().await;
    let body = json!({"key": KEY, "from": "Alice, Example Ltd"});
    for grants in [GRANTS.to_owned(), from("{claim:name}")] {
        let function = function_with(&aws, &[("GRANTS", &grants)]);
        let answer = owner(&function, "alice", "POST", "/shares", &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid-request"));
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with("from: no grant lets you say who shares"), "{detail}");
    }
    assert!(aws.state().items("shares").is_empty());
    let function = function_with(&aws, &[("GRANTS", &from("request"))]);
    let made = owner(&function, "alice", "POST", "/shares", &body).await.json();
    assert_eq!(made["from"], "Alice, Example Ltd");
    let list = owner(&function, "alice", "GET", "/shares", &Value::Null).await.json();
    assert_eq!(list["shares"][0]["from"], made["from"]);
    let path = made["url"].as_str().unwrap().strip_prefix("https://api.example.com").unwrap();
    assert_eq!(facts(&function, path).await.json()["owner"], "Alice, Example Ltd");
}

#[tokio::test]
async fn a_message_stands_on_the_page_and_only_after_the_passcode() {
    let aws = aws().await;
    let function = function(&aws);
    let message = "Page 3 is <new>.";
    let open = share(&function, &json!({"message": message})).await;
    assert_eq!(open.answer["message"], message);
    let list = owner(&function, "alice", "GET", "/shares", &Value::Null).await.json();
    assert_eq!(list["shares"][0]["message"], message);
    assert!(page(&function, &open.path, None).await.contains("Page 3 is &#60;new&#62;."));
    assert_eq!(facts(&function, &open.path).await.json()["message"], message);

    let closed = share(&function, &json!({"message": message, "passcode": "correct horse"})).await;
    let body = page(&function, &closed.path, None).await;
    assert!(!body.contains("Page 3") && body.contains("A message comes with the file."), "{body}");
    assert_eq!(facts(&function, &closed.path).await.json().get("message"), None);
    // The browser that had the passcode reads it, and no other.
    let pressed = press_from(&function, &closed.path, "correct horse", None).await;
    assert_eq!(pressed.status, 303);
    let cookie = pressed.cookie.unwrap();
    let body = page(&function, &closed.path, Some(&cookie)).await;
    assert!(body.contains("Page 3 is") && body.contains("report.pdf"), "{body}");
    assert!(!page(&function, &closed.path, None).await.contains("Page 3"));
}

#[tokio::test]
async fn the_owner_reads_that_the_last_press_found_no_file_until_one_does() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    let path = format!("/shares/{}", made.id);
    let read = async || owner(&function, "alice", "GET", &path, &Value::Null).await.json();
    assert_eq!(read().await.get("press_problem"), None);

    refuse_objects(&aws, 404, "NoSuchKey");
    dynamodb_calls(&aws);
    assert_eq!(press(&function, &made.path, None).await.status, 410);
    assert_eq!(dynamodb_calls(&aws), 2);
    let share = read().await;
    assert_eq!(
        (&share["press_problem"], &share["state"]),
        (&json!("object-unavailable"), &json!("active"))
    );
    assert_eq!(share["press_problem_since"], "2026-11-23T13:05:17Z");
    let list = owner(&function, "alice", "GET", "/shares", &Value::Null).await.json();
    assert_eq!(list["shares"][0], share);
    // Strangers can't make the function write again and again.
    dynamodb_calls(&aws);
    assert_eq!(press(&function, &made.path, None).await.status, 410);
    assert_eq!(dynamodb_calls(&aws), 1);

    give_objects(&aws);
    assert_eq!(press(&function, &made.path, None).await.status, 303);
    assert_eq!(read().await.get("press_problem"), None);
    assert_eq!(item(&aws).get("press_problem_since"), None);
}

#[tokio::test]
async fn a_press_in_vain_for_a_moment_is_no_problem_of_the_file() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    refuse_objects(&aws, 503, "SlowDown");
    assert_eq!(press(&function, &made.path, None).await.status, 503);
    assert_eq!(item(&aws).get("press_problem"), None);
    assert_eq!(counted("ShareRefusals"), 1);
}

#[tokio::test]
async fn one_warning_at_the_start_says_that_a_role_s_sessions_own_shares() {
    const WARNING: &str = "a role's sessions own shares";
    let aws = aws().await;
    let role = GRANTS.replace("\"*\"", "\"arn:aws:iam::123456789012:role/app\"");
    for (changes, warnings) in [
        (&[("GRANTS", role.as_str())] as &[_], 1),
        (&[], 0),
        (&[("GRANTS", role.as_str()), ("SHARES_TABLE", "")], 0),
    ] {
        let function = function_with(&aws, changes);
        let log = Log::default();
        let guard = log.collect();
        function.read_grants().await.unwrap();
        drop(guard);
        let written = log.text();
        assert_eq!(written.matches(WARNING).count(), warnings, "{written}");
        assert!(warnings == 0 || written.contains("GRANTS[0]"), "{written}");
    }
}
