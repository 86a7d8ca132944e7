//! No token, no passcode, no cookie and no link in the log, in metrics, in the table or in an answer
//! that is not meant to hold it.

use fake_aws::{Fault, Service};
use serde_json::{Value, json};

use super::function::{aws, facts, function, metrics, owner, pass, press, press_with, share};
use crate::log::Log;

#[tokio::test]
async fn secrets_are_where_they_belong_and_nowhere_else() {
    let log = Log::default();
    let _guard = log.collect();

    let aws = aws().await;
    let function = function(&aws);
    let plain = share(&function, &json!({"max_downloads": 2})).await;
    let locked = share(&function, &json!({"passcode": true})).await;
    let chosen = share(&function, &json!({"passcode": "correct horse battery"})).await;
    let made_passcode = locked.answer["passcode"].as_str().unwrap().to_owned();
    let mut answers = Vec::new();
    let cookie = facts(&function, &plain.path).await.cookie.unwrap();
    let given = press(&function, &plain.path, Some(&cookie)).await;
    let link = given.headers["location"].as_str().unwrap();
    let signature = link.split("X-Amz-Signature=").nth(1).unwrap().to_owned();
    assert_eq!(press_with(&function, &locked.path, &made_passcode).await.status, 303);
    for _ in 0..12 {
        answers.push(press_with(&function, &chosen.path, "wrong horse battery").await);
    }
    aws.fail(Service::DynamoDb, [Fault::error(400, "ValidationException", "not now")]);
    answers.push(press_with(&function, &chosen.path, "correct horse battery").await);
    answers.push(press(&function, &format!("{}x", plain.path), None).await);
    for path in [&plain.path, &locked.path] {
        answers.push(facts(&function, path).await);
    }
    let list = owner(&function, "alice", "GET", "/shares", &Value::Null).await;
    assert_eq!(list.json()["shares"].as_array().unwrap().len(), 3);
    answers.push(list);
    let path = format!("/shares/{}", plain.id);
    answers.push(owner(&function, "alice", "PATCH", &path, &json!({"max_downloads": 9})).await);
    owner(&function, "alice", "DELETE", &path, &Value::Null).await;
    pass(700_000);
    answers.push(facts(&function, &chosen.path).await);

    let log = log.text();
    let table = serde_json::to_string(&aws.state().items("shares")).unwrap();
    let answers: Vec<_> =
        answers.iter().map(|answer| format!("{}{}", answer.body, answer.headers)).collect();
    let answers = answers.concat();
    let secrets = [
        &plain.path[3..],
        &locked.path[3..],
        &chosen.path[3..],
        &made_passcode,
        "correct horse battery",
        "wrong horse battery",
        &cookie,
        &signature,
        "SecretThatNobodyMaySee",
        "TokenThatNobodyMaySee",
    ];
    // Each place holds something, and the log says who did what.
    for (place, text, holds) in [
        ("the log", log.as_str(), "\"share downloaded\""),
        ("the metrics", &metrics(), "ShareDownloads"),
        ("the table", &table, "pbkdf2-sha256-"),
        ("the answers", &answers, "share_id"),
    ] {
        assert!(text.contains(holds), "{place} lacks {holds}");
        for secret in secrets {
            assert!(!text.contains(secret), "{place} holds {secret}");
        }
    }
    for message in ["share made", "share opened", "share refused", "share changed", "share revoked"]
    {
        assert!(log.contains(&format!("\"{message}\"")), "{message}");
    }
    assert!(log.contains(&plain.id) && log.contains("192.0.2.7") && log.contains("link_id"));
}
