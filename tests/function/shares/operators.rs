//! Operators list and revoke: by owner, recipient, bucket, prefix or id, or all.

use jiff::SignedDuration;
use s3_link_signer::{EventError, Handler};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::function::{ARN, aws, function, function_with, go_away, item, now, owner, press, share};

pub(crate) async fn operate(
    function: &Handler,
    event: &Value,
    seconds: i64,
) -> Result<Value, EventError> {
    let event = RawValue::from_string(event.to_string()).unwrap();
    let deadline = now() + SignedDuration::from_secs(seconds);
    let answer = Box::pin(function.handle(&event, "request-1", ARN, deadline)).await?;
    Ok(serde_json::to_value(answer).unwrap())
}

#[tokio::test]
async fn shares_are_listed_and_revoked_by_whatever_an_operator_names() {
    let aws = aws().await;
    let function = function(&aws);
    let bob = share(&function, &json!({"recipient": "Bob@example.com"})).await;
    let carol = share(&function, &json!({"recipient": "carol@example.com"})).await;
    let iam = "arn:aws:iam::123456789012:user/dave";
    let body = json!({"key": "private-files/report.pdf"});
    assert_eq!(owner(&function, iam, "POST", "/shares", &body).await.status, 201);

    for (selector, count) in [
        (json!({"all": true}), 3),
        (json!({"owner": "alice"}), 2),
        (json!({"owner": iam}), 1),
        (json!({"owner": "alice", "recipient": "bob@example.com"}), 1),
        (json!({"share_id": carol.id}), 1),
        (json!({"bucket": "files", "prefix": "private-files/rep"}), 3),
        (json!({"bucket": "other"}), 0),
        (json!({"prefix": "report"}), 0),
    ] {
        let event = json!({"shares": {"list": selector}});
        let report = operate(&function, &event, 60).await.unwrap();
        assert_eq!(report["shares"].as_array().unwrap().len(), count, "{event}");
        assert_eq!(report.get("next"), None);
    }

    let revoke = json!({"shares": {"revoke": {"recipient": "bob@example.com"}}});
    for revoked in [1, 0] {
        let report = operate(&function, &revoke, 60).await.unwrap();
        assert_eq!((&report["revoked"], &report["looked_at"]), (&json!(revoked), &json!(3)));
    }
    assert_eq!(press(&function, &bob.path, None).await.code(), "share-withdrawn");
    assert_eq!(press(&function, &carol.path, None).await.status, 303);
    let all = json!({"shares": {"revoke": {"all": true}}});
    assert_eq!(operate(&function, &all, 60).await.unwrap()["revoked"], 2);
    assert_eq!(press(&function, &carol.path, None).await.code(), "share-withdrawn");
}

#[tokio::test]
async fn a_long_table_is_gone_through_in_parts_before_the_time_is_up() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    let item = item(&aws);
    for index in 0..249_u32 {
        let mut item = item.clone();
        let id = format!("{index:042}A");
        item["id"] = json!({ "S": id });
        aws.state().items("shares").insert(id, item);
    }
    // Ten seconds must be left for another page.
    let mut selector = json!({"all": true});
    let mut revoked = 0;
    let mut parts = 0;
    loop {
        let event = json!({"shares": {"revoke": selector}});
        let report = operate(&function, &event, 9).await.unwrap();
        revoked += report["revoked"].as_u64().unwrap();
        parts += 1;
        let Some(next) = report.get("next") else { break };
        selector["from"] = next.clone();
    }
    assert_eq!((revoked, parts), (250, 3));
    assert_eq!(press(&function, &made.path, None).await.code(), "share-withdrawn");
    let event = json!({"shares": {"list": {"all": true}}});
    let report = operate(&function, &event, 60).await.unwrap();
    assert_eq!(report["shares"].as_array().unwrap().len(), 250);
}

#[tokio::test]
async fn an_item_that_can_t_be_read_keeps_no_other_from_being_revoked() {
    let aws = aws().await;
    let function = function(&aws);
    share(&function, &json!({})).await;
    let broken = json!({"id": {"S": "broken"}}).as_object().unwrap().clone();
    aws.state().items("shares").insert("broken".to_owned(), broken);
    let event = json!({"shares": {"revoke": {"all": true}}});
    let report = operate(&function, &event, 60).await.unwrap();
    assert_eq!((&report["revoked"], &report["unreadable"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn an_event_that_is_malformed_or_comes_where_shares_are_off_fails_with_a_sentence() {
    let aws = aws().await;
    let function = function(&aws);
    let error = operate(&function, &json!({"shares": {"revoke": {}}}), 60).await.unwrap_err();
    assert!(error.to_string().contains("nothing says which shares are meant"), "{error}");
    let off = function_with(&aws, &[("SHARES_TABLE", "")]);
    let all = json!({"shares": {"list": {"all": true}}});
    let error = operate(&off, &all, 60).await.unwrap_err();
    assert!(error.to_string().contains("set SHARES_TABLE"), "{error}");
    go_away(&aws);
    let error = operate(&function, &all, 60).await.unwrap_err();
    assert!(error.to_string().contains("SHARES_TABLE could not be used"), "{error}");
}
