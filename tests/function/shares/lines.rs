//! What the log says of each share: to whom, by whom, and why not.

use fake_aws::{Fault, Service};
use serde_json::{Value, json};

use super::function::{
    ARN, GRANTS, KEY, Request, aws, counted, facts, function, function_with, give_objects, now,
    owner, press, press_with, refuse_objects, send, share,
};
use crate::log::Log;

/// The fields of the last line with this message.
fn last(log: &Log, message: &str) -> Value {
    let lines = log.text();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut fields = lines.map(|line| line["fields"].clone());
    fields.rfind(|fields| fields["message"] == message).unwrap_or_default()
}

#[tokio::test]
async fn what_is_done_with_a_share_is_logged_with_its_id_and_with_who_did_it() {
    let log = Log::default();
    let _guard = log.collect();
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    let path = format!("/shares/{}", made.id);
    facts(&function, &made.path).await;
    press_with(&function, &made.path, "wrong").await;
    press_with(&function, &made.path, "correct horse").await;
    owner(&function, "alice", "PATCH", &path, &json!({"unlock": true})).await;
    owner(&function, "alice", "DELETE", &path, &Value::Null).await;
    press(&function, &made.path, None).await;
    facts(&function, &made.path).await;
    for message in [
        "share made",
        "share opened",
        "share refused",
        "share downloaded",
        "share changed",
        "share revoked",
        "share not opened",
    ] {
        let line = last(&log, message);
        assert_eq!(line["share_id"], made.id.as_str(), "{message}");
        assert_eq!(line["caller"], "192.0.2.7", "{message}");
        assert_eq!(line["principal"], "alice", "{message}");
        assert_eq!(line["request_id"], "request-1", "{message}");
    }
    assert_eq!(last(&log, "share downloaded")["link_id"].as_str().unwrap().len(), 36);
    // A share that was revoked has no other cause.
    for message in ["share refused", "share not opened"] {
        let line = last(&log, message);
        assert_eq!((&line["code"], line.get("cause")), (&json!("share-withdrawn"), None));
    }

    let another = share(&function, &json!({})).await;
    let event = json!({"shares": {"revoke": {"share_id": another.id}}}).to_string();
    let event = serde_json::value::RawValue::from_string(event).unwrap();
    let deadline = now() + jiff::SignedDuration::from_secs(30);
    Box::pin(function.handle(&event, "request-2", ARN, deadline)).await.unwrap();
    let line = last(&log, "share revoked");
    assert_eq!((&line["principal"], line.get("caller")), (&json!("operator"), None));
}

#[tokio::test]
async fn a_share_that_does_not_open_says_why_in_the_log() {
    let log = Log::default();
    let _guard = log.collect();
    let aws = aws().await;
    let others = GRANTS.replace("private-files/", "other-files/");
    let (granted, ungranted) = (function(&aws), function_with(&aws, &[("GRANTS", &others)]));
    let made = share(&granted, &json!({})).await;
    let says = |message: &str, code: &str, field: &str, words: &str| {
        let line = last(&log, message);
        assert_eq!(line["code"], code, "{line}");
        let text = line[field].as_str().unwrap_or_default();
        assert!(text.contains(words), "{line}");
    };

    press(&ungranted, &made.path, None).await;
    says("share refused", "share-withdrawn", "cause", "No grant gives this principal");
    facts(&ungranted, &made.path).await;
    says("share not opened", "share-withdrawn", "cause", "No grant gives this principal");

    refuse_objects(&aws, 403, "");
    press(&granted, &made.path, None).await;
    says("share refused", "share-withdrawn", "cause", "S3 answered 403");
    give_objects(&aws);

    aws.fail(Service::DynamoDb, [Fault::error(400, "ValidationException", "not now")]);
    press(&granted, &made.path, None).await;
    says("share refused", "share-unavailable", "detail", "SHARES_TABLE");
    aws.fail(Service::DynamoDb, [Fault::error(400, "ValidationException", "not now")]);
    facts(&granted, &made.path).await;
    says("share not opened", "share-unavailable", "detail", "SHARES_TABLE");

    // An item that this function did not write.
    aws.state().items("shares").values_mut().next().unwrap().remove("expires_at");
    press(&granted, &made.path, None).await;
    says("share refused", "internal", "detail", "expires_at");
    facts(&granted, &made.path).await;
    says("share not opened", "internal", "detail", "expires_at");
}

/// The lines of refusals since `log` was read last, as `message: LEVEL code, principal`.
fn refusals(log: &Log, read: &mut usize) -> Vec<String> {
    let text = log.text();
    let new = text[*read..].lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let new = new.filter_map(|line| {
        let fields = &line["fields"];
        let message = fields["message"].as_str().filter(|message| message.contains("refused"))?;
        let (level, code) = (line["level"].as_str()?, fields["code"].as_str()?);
        assert_eq!(fields["request_id"], "request-1");
        // What the caller wrote is not logged.
        assert_eq!(fields.get("detail").is_some(), level != "INFO", "{line}");
        Some(format!("{message}: {level} {code}, {}", fields["principal"].as_str()?))
    });
    let new = new.collect();
    *read = text.len();
    new
}

#[tokio::test]
async fn an_owner_s_refused_request_writes_one_line_about_the_share_and_counts_no_link() {
    let log = Log::default();
    let _guard = log.collect();
    let aws = aws().await;
    let function = function(&aws);
    let mut read = 0;
    let shared = share(&function, &json!({})).await;
    let revoked = share(&function, &json!({})).await;
    let [shared, revoked] = [shared, revoked].map(|share| format!("/shares/{}", share.id));
    owner(&function, "alice", "DELETE", &revoked, &Value::Null).await;
    counted("LinksRefused");

    let none = json!(null);
    for (method, path, body, status, line) in [
        ("GET", "/shares/no-id", &none, 404, "INFO no-such-share"),
        ("GET", &format!("/shares/{}", "A".repeat(43)), &none, 404, "INFO no-such-share"),
        ("DELETE", &format!("/shares/{}", "A".repeat(43)), &none, 404, "INFO no-such-share"),
        ("PATCH", &revoked, &json!({"max_downloads": 3}), 409, "INFO share-revoked"),
        ("PATCH", &shared, &json!({"expires_in": "later"}), 400, "INFO invalid-request"),
        ("GET", "/shares?cursor=x", &none, 400, "INFO invalid-request"),
        ("POST", "/shares", &json!({"key": "others/a.pdf"}), 403, "INFO not-granted"),
    ] {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let principal = Some("alice");
        let request = Request { principal, method, path, query, body, ..Request::default() };
        let answer = send(&function, request).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(refusals(&log, &mut read), [format!("share refused: {line}, alice")]);
    }

    // A list asks the second index where the first one is refused.
    for (method, path, faults) in
        [("GET", shared.as_str(), 1), ("GET", "/shares", 2), ("DELETE", &shared, 1)]
    {
        let refused = || Fault::error(400, "ValidationException", "not now");
        aws.fail(Service::DynamoDb, (0..faults).map(|_| refused()));
        let answer = owner(&function, "alice", method, path, &Value::Null).await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "share-unavailable"));
        assert_eq!(refusals(&log, &mut read), ["share refused: WARN share-unavailable, alice"]);
        assert!(last(&log, "share refused")["detail"].as_str().unwrap().contains("SHARES_TABLE"));
    }
    aws.state().items("shares").values_mut().for_each(|item| drop(item.remove("expires_at")));
    assert_eq!(owner(&function, "alice", "GET", &shared, &Value::Null).await.status, 500);
    assert_eq!(refusals(&log, &mut read), ["share refused: ERROR internal, alice"]);
    assert!(last(&log, "share refused")["detail"].as_str().unwrap().contains("expires_at"));
    assert_eq!((counted("LinksRefused"), counted("ShareRefusals")), (0, 0));

    let answer = owner(&function, "alice", "GET", "/elsewhere", &Value::Null).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "no-such-route"));
    assert_eq!(refusals(&log, &mut read), ["link refused: INFO no-such-route, alice"]);
    assert_eq!((counted("LinksRefused"), counted("ShareRefusals")), (1, 0));
}

#[tokio::test]
async fn a_share_whose_window_or_session_is_refused_is_counted_as_such_and_as_no_link() {
    let log = Log::default();
    let _guard = log.collect();
    let aws = aws().await;
    let short = GRANTS.replace("\"actions\"", "\"max_share_expires_in\":60,\"actions\"");
    let function = function_with(&aws, &[("GRANTS", &short)]);
    let body = json!({"key": KEY, "expires_in": 600, "min_expires_in": 600});
    let answer = owner(&function, "alice", "POST", "/shares", &body).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "window-too-short"));
    assert_eq!(refusals(&log, &mut 0), ["share refused: INFO window-too-short, alice"]);
    assert_eq!((counted("WindowsTooShort"), counted("LinksRefused")), (1, 0));

    let unproven = function_with(&aws, &[("AWS_CREDENTIAL_EXPIRATION", "")]);
    let mut read = log.text().len();
    let answer = owner(&unproven, "alice", "POST", "/shares", &json!({"key": KEY})).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "session-unproven"), "{answer:?}");
    assert_eq!(refusals(&log, &mut read), ["share refused: ERROR session-unproven, alice"]);
    assert_eq!((counted("SessionUnproven"), counted("LinksRefused")), (1, 0));
}
