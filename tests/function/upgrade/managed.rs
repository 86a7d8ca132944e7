//! Earlier shares are changed and revoked, by their owners and by operators.

use fake_aws::number;
use serde_json::{Value, json};

use super::fixtures::{Share, shares};
use super::function::{invoke, now, press};
use super::shown::Upgraded;

/// The shares that are not revoked.
fn shares_that_are_not_revoked() -> impl Iterator<Item = (String, Share)> {
    shares().into_iter().filter(|(name, _)| name != "revoked")
}

#[tokio::test]
async fn an_owner_gives_an_earlier_share_another_end() {
    let upgraded = Upgraded::start().await;
    for (name, share) in shares_that_are_not_revoked() {
        let (status, read) = upgraded.manage(&share, "PATCH", &json!({"expires_in": 600})).await;
        assert_eq!(status, 200, "{name}: {read}");
        let end = now().as_second() + 600;
        assert_eq!(number(&upgraded.attribute(&share, "expires_at")), end, "{name}");
        assert_eq!(number(&upgraded.attribute(&share, "forget_at")), end + 7 * 86_400, "{name}");
        let function = upgraded.function(&share);
        let pressed = press(function, &share.url, share.passcode.as_deref(), None).await;
        let opens_now = share.opens() || name == "ended";
        assert_eq!(pressed.status == 303, opens_now, "{name}: {pressed:?}");
    }
}

#[tokio::test]
async fn an_owner_gives_an_earlier_share_another_limit() {
    let upgraded = Upgraded::start().await;
    for (name, share) in shares_that_are_not_revoked() {
        let function = upgraded.function(&share);
        let most = number(&share.item["downloads"]) + 1;
        let (status, read) =
            upgraded.manage(&share, "PATCH", &json!({"max_downloads": most})).await;
        assert_eq!((status, &read["max_downloads"]), (200, &json!(most)), "{name}: {read}");
        let pressed = press(function, &share.url, share.passcode.as_deref(), None).await;
        let opens_now = share.opens() || name == "used-up";
        assert_eq!(pressed.status == 303, opens_now, "{name}: {pressed:?}");
        if opens_now {
            let over = press(function, &share.url, share.passcode.as_deref(), None).await;
            assert_eq!(over.code(), "share-used-up", "{name}");
        }
        let (status, read) =
            upgraded.manage(&share, "PATCH", &json!({"max_downloads": null})).await;
        assert_eq!((status, &read["max_downloads"]), (200, &Value::Null), "{name}: {read}");
        assert_eq!(upgraded.attribute(&share, "max_downloads"), Value::Null, "{name}");
    }
}

#[tokio::test]
async fn an_owner_gives_an_earlier_share_another_passcode_or_none_and_that_unlocks_it() {
    let upgraded = Upgraded::start().await;
    for (name, share) in shares_that_are_not_revoked() {
        let function = upgraded.function(&share);
        let opens_now = share.opens() || name == "locked";
        let change = json!({"passcode": "another one"});
        let (status, read) = upgraded.manage(&share, "PATCH", &change).await;
        assert_eq!((status, &read["has_passcode"]), (200, &json!(true)), "{name}: {read}");
        let earlier = press(function, &share.url, share.passcode.as_deref(), None).await;
        assert_ne!(earlier.status, 303, "{name}");
        let pressed = press(function, &share.url, Some("another one"), None).await;
        assert_eq!(pressed.status == 303, opens_now, "{name}: {pressed:?}");
        let (status, read) = upgraded.manage(&share, "PATCH", &json!({"passcode": null})).await;
        assert_eq!((status, &read["has_passcode"]), (200, &json!(false)), "{name}: {read}");
        let pressed = press(function, &share.url, None, None).await;
        assert_eq!(pressed.status == 303, opens_now, "{name}: {pressed:?}");
    }
}

#[tokio::test]
async fn an_owner_unlocks_an_earlier_share() {
    let upgraded = Upgraded::start().await;
    let share = &shares()["locked"];
    let (status, read) = upgraded.manage(share, "PATCH", &json!({"unlock": true})).await;
    assert_eq!((status, read.get("locked_until")), (200, None), "{read}");
    let function = upgraded.function(share);
    assert_eq!(press(function, &share.url, share.passcode.as_deref(), None).await.status, 303);
}

#[tokio::test]
async fn an_owner_revokes_an_earlier_share_for_good() {
    let upgraded = Upgraded::start().await;
    for (name, share) in shares() {
        let revoked_at = share.item.get("revoked_at").cloned();
        for _ in 0..2 {
            assert_eq!(upgraded.manage(&share, "DELETE", &Value::Null).await.0, 204, "{name}");
        }
        let expected = revoked_at.unwrap_or_else(|| json!({"N": now().as_second().to_string()}));
        assert_eq!(upgraded.attribute(&share, "revoked_at"), expected, "{name}");
        let function = upgraded.function(&share);
        let passcode = share.passcode.as_deref();
        for cookie in [None, share.cookie.as_deref()] {
            let pressed = press(function, &share.url, passcode, cookie).await;
            assert_eq!(
                (pressed.status, pressed.code().as_str()),
                (410, "share-withdrawn"),
                "{name}"
            );
        }
        let (status, answer) = upgraded.manage(&share, "PATCH", &json!({"expires_in": 60})).await;
        assert_eq!((status, &answer["code"]), (409, &json!("share-revoked")), "{name}");
    }
}

/// An operator's answer.
async fn operate(upgraded: &Upgraded, share: &Share, operation: &Value) -> Value {
    invoke(upgraded.function(share), &json!({"shares": operation})).await.unwrap()
}

#[tokio::test]
async fn an_operator_lists_earlier_shares_by_whatever_they_name() {
    let upgraded = Upgraded::start().await;
    let all = shares();
    let any = all.values().next().unwrap();
    let report = operate(&upgraded, any, &json!({"list": {"all": true}})).await;
    assert_eq!(report["shares"].as_array().unwrap().len(), all.len());
    assert_eq!((&report["looked_at"], &report["unreadable"]), (&json!(all.len()), &json!(0)));
    for (name, share) in &all {
        let text = |attribute: &str| share.item.get(attribute).map(|value| value["S"].clone());
        let mut selectors = vec![
            json!({"share_id": share.id()}),
            json!({"bucket": text("bucket"), "prefix": text("key")}),
        ];
        selectors.push(json!({"owner": text("owner")}));
        selectors.extend(text("recipient").map(|recipient| json!({"recipient": recipient})));
        for selector in selectors {
            let report = operate(&upgraded, share, &json!({"list": selector})).await;
            let listed = report["shares"].as_array().unwrap().iter();
            let found = listed.filter(|listed| listed["share_id"] == share.id()).count();
            assert_eq!(found, 1, "{name}: {selector}");
        }
    }
}

#[tokio::test]
async fn an_operator_revokes_earlier_shares() {
    let upgraded = Upgraded::start().await;
    let all = shares();
    let one = &all["by-a-user-for-a-recipient"];
    let by_recipient = json!({"revoke": {"recipient": "bob@example.com"}});
    assert_eq!(operate(&upgraded, one, &by_recipient).await["revoked"], 1);
    let pressed = press(upgraded.function(one), &one.url, None, None).await;
    assert_eq!(pressed.code(), "share-withdrawn");
    let report = operate(&upgraded, one, &json!({"revoke": {"all": true}})).await;
    // Two were revoked before.
    assert_eq!(report["revoked"], all.len() - 2, "{report}");
    for (name, share) in &all {
        let passcode = share.passcode.as_deref();
        let pressed = press(upgraded.function(share), &share.url, passcode, None).await;
        assert_eq!(pressed.code(), "share-withdrawn", "{name}");
    }
}
