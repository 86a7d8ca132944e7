//! An owner's list comes from the index of keys, and from the one of earlier versions where that is not to
//! be had.

use std::collections::BTreeSet;

use fake_aws::{Call, FakeAws, Fault, Operation, Reply, Service, Table};
use s3_link_signer::Handler;
use serde_json::{Value, json};

use super::function::{Request, aws, function, item, owner, pass, press, press_with, send, share};

/// The index that has keys alone, and the one of earlier versions.
const INDEXES: [&str; 2] = ["keys-by-owner", "by-owner"];

fn change_table(aws: &FakeAws, change: impl FnOnce(&mut Table)) {
    change(aws.state().tables.get_mut("shares").unwrap());
}

/// Takes the index of keys away.
fn forget_keys(table: &mut Table) {
    table.indexes.remove("keys-by-owner");
}

/// A page of alice's shares.
async fn page(function: &Handler, query: &str) -> Value {
    let request =
        Request { principal: Some("alice"), path: "/shares", query, ..Request::default() };
    let answer = send(function, request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn ids(page: &Value) -> Vec<String> {
    let shares = page["shares"].as_array().unwrap().iter();
    shares.map(|share| share["share_id"].as_str().unwrap().to_owned()).collect()
}

/// The operations of DynamoDB since this was asked last, each with its index if it has one.
fn calls(aws: &FakeAws) -> Vec<String> {
    let calls = aws.take_calls().into_iter();
    let calls = calls.filter(|call| call.service() == Some(Service::DynamoDb));
    let name = |call: Call| match call.json()["IndexName"].as_str() {
        Some(index) => index.to_owned(),
        None => format!("{:?}", call.operation),
    };
    calls.map(name).collect()
}

#[tokio::test]
async fn a_list_has_what_a_share_s_owner_reads_of_it() {
    let aws = aws().await;
    let function = function(&aws);
    let plain = share(&function, &json!({})).await;
    pass(1);
    let fields = json!({"max_downloads": 5, "recipient": "bob@example.com", "note": "audit",
                        "passcode": "correct horse"});
    let full = share(&function, &fields).await;
    press_with(&function, &full.path, "wrong").await;
    press_with(&function, &full.path, "correct horse").await;
    pass(1);
    let revoked = share(&function, &json!({})).await;
    let path = format!("/shares/{}", revoked.id);
    owner(&function, "alice", "DELETE", &path, &Value::Null).await;
    calls(&aws);
    let listed = page(&function, "").await;
    assert_eq!(calls(&aws), ["keys-by-owner", "BatchGetItem"]);
    assert_eq!(ids(&listed), [&revoked.id, &full.id, &plain.id].map(String::as_str));
    for listed in listed["shares"].as_array().unwrap() {
        let path = format!("/shares/{}", listed["share_id"].as_str().unwrap());
        let read = owner(&function, "alice", "GET", &path, &Value::Null).await.json();
        assert_eq!(*listed, read);
    }
    assert_eq!(listed["shares"][1]["wrong_passcodes"], 1);
    calls(&aws);
    let none = owner(&function, "bob", "GET", "/shares", &Value::Null).await;
    assert_eq!((none.json(), calls(&aws)), (json!({"shares": []}), vec!["keys-by-owner".into()]));
    // The other index knows all but how often somebody guessed.
    change_table(&aws, forget_keys);
    let mut expected = listed;
    for name in ["wrong_passcodes", "last_wrong_passcode_at"] {
        assert!(expected["shares"][1].as_object_mut().unwrap().remove(name).is_some());
    }
    assert_eq!(page(&function, "").await, expected);
}

#[tokio::test]
async fn a_list_judges_attempts_at_a_passcode_as_the_share_itself_does() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    let number = |value: i64| json!({"N": value.to_string()});
    let now = super::function::now().as_second();
    let path = format!("/shares/{}", made.id);
    // Locked by a hundred guesses, and by ten in an hour, when the one in flight has ended.
    for (guesses, seconds) in [(101, 0), (101, 11), (10, 11)] {
        pass(seconds);
        let attempts = [
            ("attempts", 10),
            ("last_attempt_at", now),
            ("in_flight", 1),
            ("in_flight_until", now + 10),
            ("guesses", guesses),
            ("max_guesses", 101),
            ("last_guess_at", now - 10),
        ];
        for (name, value) in attempts {
            let mut state = aws.state();
            let item = state.items("shares").get_mut(&made.id).unwrap();
            item.insert(name.to_owned(), number(value));
        }
        let read = owner(&function, "alice", "GET", &path, &Value::Null).await.json();
        assert_eq!(read.get("locked_until").is_some(), seconds > 0, "{read}");
        assert_eq!(page(&function, "").await["shares"], json!([read]));
    }
}

#[tokio::test]
async fn no_list_reads_a_passcode_s_hash_or_who_pressed() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    press_with(&function, &made.path, "correct horse").await;
    calls(&aws);
    page(&function, "").await;
    change_table(&aws, forget_keys);
    page(&function, "").await;
    let event = json!({"shares": {"list": {"all": true}}});
    super::operators::operate(&function, &event, 60).await.unwrap();
    let mut read = BTreeSet::new();
    for call in aws.take_calls() {
        if call.service() == Some(Service::DynamoDb) {
            let body = call.json();
            let request = body.pointer("/RequestItems/shares").unwrap_or(&body);
            let names = request["ExpressionAttributeNames"].as_object().unwrap();
            read.extend(names.values().map(|name| name.as_str().unwrap().to_owned()));
        }
    }
    let item = item(&aws);
    for secret in ["passcode_hash", "presses", "owner_claims"] {
        assert!(!read.contains(secret), "{secret}");
    }
    assert!(item.contains_key("passcode_hash") && item.contains_key("presses"));
    assert!(read.contains("guesses") && read.contains("owner"));
}

#[tokio::test]
async fn while_the_index_of_keys_is_not_to_be_had_the_earlier_one_is_read() {
    for why in ["not there", "filling", "denied", "items denied"] {
        let aws = aws().await;
        let function = function(&aws);
        let made = share(&function, &json!({})).await;
        match why {
            "not there" => {
                change_table(&aws, forget_keys);
            }
            "filling" => {
                let mut state = aws.state();
                let table = state.tables.get_mut("shares").unwrap();
                table.indexes.get_mut("keys-by-owner").unwrap().is_filling = true;
            }
            // A role's new permissions hold some seconds after it has them.
            why => aws.script(move |call| {
                let is_meant = match why {
                    "denied" => call.body.contains("keys-by-owner"),
                    _ => call.operation == Operation::BatchGetItem,
                };
                is_meant
                    .then(|| Reply::error(Service::DynamoDb, 400, "AccessDeniedException", "no"))
            }),
        }
        calls(&aws);
        assert_eq!(ids(&page(&function, "").await), [made.id.as_str()], "{why}");
        assert_eq!(calls(&aws).last().unwrap(), "by-owner", "{why}");
        // The function remembers it for five minutes, and finds the index then.
        pass(299);
        assert_eq!(ids(&page(&function, "").await), [made.id.as_str()], "{why}");
        assert_eq!(calls(&aws), ["by-owner"], "{why}");
        aws.script(|_| None);
        change_table(&aws, |table| table.indexes = Table::shares().indexes);
        pass(1);
        assert_eq!(ids(&page(&function, "").await), [made.id.as_str()], "{why}");
        assert_eq!(calls(&aws), ["keys-by-owner", "BatchGetItem"], "{why}");
    }
}

#[tokio::test]
async fn a_table_that_is_away_is_not_taken_for_one_without_the_index() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    aws.fail(Service::DynamoDb, (0..2).map(|_| Fault::error(503, "ServiceUnavailable", "no")));
    let answer = owner(&function, "alice", "GET", "/shares", &Value::Null).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "share-unavailable"));
    calls(&aws);
    assert_eq!(ids(&page(&function, "").await), [made.id]);
    assert_eq!(calls(&aws), ["keys-by-owner", "BatchGetItem"]);
}

#[tokio::test]
async fn a_cursor_of_either_index_goes_on_with_the_other() {
    let aws = aws().await;
    let mut expected = Vec::new();
    for index in 0..10 {
        expected.push(share(&function(&aws), &json!({})).await.id);
        // Pages end between shares of one second too.
        pass(i64::from(index % 3 == 0));
    }
    let all = page(&function(&aws), "").await;
    let newest_first = ids(&all);
    assert_eq!(newest_first.iter().collect::<BTreeSet<_>>(), expected.iter().collect());
    for first in 0..2 {
        let (mut listed, mut query) = (Vec::new(), "limit=3".to_owned());
        for turn in first.. {
            // Each page is read by a function that does not know what the one before met.
            let (function, index) = (function(&aws), INDEXES[turn % 2]);
            let all = Table::shares().indexes;
            let only = all.into_iter().filter(|(name, _)| *name == index || *name == "by-owner");
            change_table(&aws, |table| table.indexes = only.collect());
            let page = page(&function, &query).await;
            listed.extend(ids(&page));
            let Some(next) = page["next"].as_str() else { break };
            query = format!("limit=3&cursor={next}");
        }
        assert_eq!(listed, newest_first);
    }
}

#[tokio::test]
async fn items_that_one_call_did_not_bring_are_asked_for_again_in_the_index_s_order() {
    let aws = aws().await;
    let function = function(&aws);
    let mut expected = Vec::new();
    for _ in 0..7 {
        expected.insert(0, share(&function, &json!({})).await.id);
        pass(1);
    }
    change_table(&aws, |table| table.batch = 3);
    calls(&aws);
    assert_eq!(ids(&page(&function, "").await), expected);
    let batches = ["keys-by-owner", "BatchGetItem", "BatchGetItem", "BatchGetItem"];
    assert_eq!(calls(&aws), batches);
    // None ever comes. The answer does, before the invocation ends.
    change_table(&aws, |table| table.batch = 0);
    let request =
        Request { principal: Some("alice"), path: "/shares", seconds: 2, ..Request::default() };
    let answer = send(&function, request).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "share-unavailable"));
}

#[tokio::test]
async fn a_share_that_was_forgotten_meanwhile_is_left_out_and_one_that_can_t_be_read_is_counted() {
    let aws = aws().await;
    let function = function(&aws);
    let mut made = Vec::new();
    for _ in 0..4 {
        made.insert(0, share(&function, &json!({})).await);
        pass(1);
    }
    aws.state().items("shares").get_mut(&made[1].id).unwrap().remove("bucket");
    // The table forgets the newest between the two calls.
    let (forgotten, endpoint) = (made[0].id.clone(), std::sync::Mutex::new(Some(())));
    let gone = aws.state().items("shares")[&forgotten].clone();
    aws.script(move |call| {
        let keys = call.operation == Operation::Query && endpoint.lock().unwrap().take().is_some();
        keys.then(|| {
            Reply::json(&json!({
                "Items": [{"id": {"S": forgotten}}],
                "LastEvaluatedKey": {"id": gone["id"], "owner_key": gone["owner_key"],
                                     "created_at": gone["created_at"]},
            }))
        })
    });
    aws.state().items("shares").remove(&made[0].id);
    let listed = page(&function, "limit=2").await;
    // The page of the one that is gone is none, so the next one was read.
    assert_eq!(ids(&listed), [made[2].id.as_str()]);
    assert_eq!(listed["unreadable"], 1);
    let next = format!("cursor={}", listed["next"].as_str().unwrap());
    assert_eq!(ids(&page(&function, &next).await), [made[3].id.as_str()]);
    assert_eq!(press(&function, &made[2].path, None).await.status, 303);
}

#[tokio::test]
async fn a_list_of_a_hundred_long_shares_is_read() {
    let aws = aws().await;
    let function = function(&aws);
    let fields = json!({"note": "あ".repeat(500), "recipient": "bob@example.com",
                        "filename": "あ".repeat(80)});
    for _ in 0..101 {
        share(&function, &fields).await;
    }
    let listed = page(&function, "limit=100").await;
    assert_eq!(listed["shares"].as_array().unwrap().len(), 100);
    let next = format!("limit=100&cursor={}", listed["next"].as_str().unwrap());
    assert_eq!(page(&function, &next).await["shares"].as_array().unwrap().len(), 1);
}
