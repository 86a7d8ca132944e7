//! Operators list and revoke: by owner, recipient, bucket, prefix or id, or all.

use fake_aws::{Operation, Reply, Service};
use jiff::SignedDuration;
use s3_link_signer::{EventError, Handler};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::function::{
    ARN, KEY, aws, function, function_with, go_away, item, now, owner, press, share,
};

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
    // Six seconds must be left for more than the first ones.
    let mut selector = json!({"all": true});
    let mut revoked = 0;
    let mut parts = 0;
    loop {
        let event = json!({"shares": {"revoke": selector}});
        let report = operate(&function, &event, 5).await.unwrap();
        revoked += report["revoked"].as_u64().unwrap();
        parts += 1;
        if report["unfinished"] == false {
            break;
        }
        if let Some(next) = report.get("next") {
            selector["from"] = next.clone();
        }
    }
    assert_eq!(revoked, 250);
    assert!((250 / 16..=250 / 16 + 4).contains(&parts), "{parts}");
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

#[tokio::test]
async fn many_shares_are_revoked_by_the_deadline_and_what_was_done_is_always_told() {
    let aws = aws().await;
    let function = function(&aws);
    for _ in 0..150 {
        share(&function, &json!({})).await;
    }
    // The seventieth update fails, and so do all that follow.
    let updates = std::sync::atomic::AtomicUsize::new(0);
    aws.script(move |call| {
        let is_update = call.operation == Operation::UpdateItem;
        let fails = is_update && updates.fetch_add(1, std::sync::atomic::Ordering::SeqCst) >= 70;
        fails.then(|| Reply::error(Service::DynamoDb, 500, "InternalServerError", "no"))
    });
    let event = json!({"shares": {"revoke": {"all": true}}});
    let report = operate(&function, &event, 60).await.unwrap();
    assert_eq!(report["unfinished"], true, "{report}");
    assert!(report["stopped"].as_str().unwrap().contains("SHARES_TABLE"), "{report}");
    let first = report["revoked"].as_u64().unwrap();
    assert!((60..=70).contains(&first), "{report}");
    // Where nothing can be done the event fails.
    assert!(operate(&function, &event, 60).await.is_err());
    aws.script(|_| None);
    let report = operate(&function, &event, 60).await.unwrap();
    assert_eq!((&report["unfinished"], report.get("stopped")), (&json!(false), None));
    assert_eq!(first + report["revoked"].as_u64().unwrap(), 150);
}

#[tokio::test]
async fn a_page_of_long_items_is_read() {
    let aws = aws().await;
    let function = function(&aws);
    let note = "あ".repeat(500);
    for _ in 0..100 {
        share(
            &function,
            &json!({"note": note, "recipient": "bob@example.com", "filename": "あ".repeat(80)}),
        )
        .await;
    }
    // More than the 256 KB that other answers have.
    let bytes: usize = aws.state().items("shares").values().map(|it| format!("{it:?}").len()).sum();
    assert!(bytes > 256 * 1_024, "{bytes}");
    let report = operate(&function, &json!({"shares": {"list": {"all": true}}}), 60).await.unwrap();
    assert_eq!(report["shares"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn an_owner_is_meant_by_the_whole_name() {
    let aws = aws().await;
    let function = function(&aws);
    let pool = "arn:aws:sts::123456789012:assumed-role/users/CognitoIdentityCredentials";
    let [one, other] = ["eu-west-1:a", "eu-west-1:b"].map(|identity| format!("{pool} {identity}"));
    // Names in tokens may have spaces.
    for name in ["alice", "alice smith", &one, &other] {
        let made = owner(&function, name, "POST", "/shares", &json!({"key": KEY})).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    for (named, expected) in
        [("alice", 1), ("alice smith", 1), (one.as_str(), 1), (pool, 2), ("smith", 0)]
    {
        let event = json!({"shares": {"list": {"owner": named}}});
        let listed = operate(&function, &event, 60).await.unwrap();
        assert_eq!(listed["shares"].as_array().unwrap().len(), expected, "{named}: {listed}");
    }
    let event = json!({"shares": {"list": {"owner": one}}});
    let listed = operate(&function, &event, 60).await.unwrap();
    assert_eq!(listed["shares"][0]["owner"], one);
}
