//! Downloads through earlier addresses: what opens, what is counted, and what is refused.

use fake_aws::number;
use jiff::SignedDuration;
use serde_json::json;

use super::environments::refuses;
use super::fixtures::{Share, shares};
use super::function::{pass, press, show};
use super::shown::Upgraded;
use crate::mail::mime::parameter;

fn count(upgraded: &Upgraded, share: &Share, name: &str) -> i64 {
    let attribute = upgraded.attribute(share, name);
    if attribute.is_null() { 0 } else { number(&attribute) }
}

#[tokio::test]
async fn a_press_gets_what_it_got_and_is_counted_in_the_item() {
    let upgraded = Upgraded::start().await;
    for (name, share) in shares() {
        let function = upgraded.function(&share);
        let downloads = count(&upgraded, &share, "downloads");
        let pressed = press(function, &share.url, share.passcode.as_deref(), None).await;
        assert_eq!(pressed.answer(&["code", "state", "locked_until"]), share.pressed, "{name}");
        let counted = i64::from(share.opens());
        assert_eq!(count(&upgraded, &share, "downloads"), downloads + counted, "{name}");
        if !share.opens() {
            continue;
        }
        let (link, item) = (pressed.headers["location"].as_str().unwrap(), &share.item);
        let encoded = link.split_once("/files/").unwrap().1.split_once('?').unwrap().0;
        let key = percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap();
        assert_eq!(key, item["key"]["S"].as_str().unwrap(), "{name}");
        for (attribute, of_the_link) in [
            ("version_id", "versionId"),
            ("content_type", "response-content-type"),
            ("content_disposition", "response-content-disposition"),
        ] {
            let kept = item.get(attribute).map(|value| value["S"].as_str().unwrap().to_owned());
            assert_eq!(parameter(link, of_the_link), kept, "{name}");
        }
        if !refuses(&share.environment, "SHARE_OPEN_SECONDS") {
            assert_eq!(parameter(link, "X-Amz-Expires"), share.window, "{name}");
        }
        // The right passcode took no guess away.
        assert_eq!(count(&upgraded, &share, "attempts"), attempts(&share), "{name}");
        // The same browser presses again.
        let cookie = pressed.cookie.as_deref();
        let again = press(function, &share.url, share.passcode.as_deref(), cookie).await;
        assert_eq!(again.status, 303, "{name}");
        assert_eq!(count(&upgraded, &share, "downloads"), downloads + 1, "{name}");
    }
}

fn attempts(share: &Share) -> i64 {
    share.item.get("attempts").map_or(0, number)
}

#[tokio::test]
async fn the_browser_of_an_earlier_download_presses_again_uncounted_until_its_ten_minutes_are_over()
{
    let mut tried = 0;
    let upgraded = Upgraded::start().await;
    for (name, share) in shares().into_iter().filter(|(_, share)| share.cookie.is_some()) {
        let function = upgraded.function(&share);
        let (passcode, cookie) = (share.passcode.as_deref(), share.cookie.as_deref());
        let downloads = count(&upgraded, &share, "downloads");
        let pressed = press(function, &share.url, passcode, cookie).await;
        if share.shown.fields.get("locked_until").is_some() {
            assert_eq!(pressed.code(), "share-locked", "{name}");
            continue;
        }
        assert_eq!(pressed.status, 303, "{name}: {pressed:?}");
        assert_eq!(count(&upgraded, &share, "downloads"), downloads, "{name}");
        // The download was counted 400 s ago.
        pass(SignedDuration::from_secs(200));
        let pressed = press(function, &share.url, passcode, cookie).await;
        pass(SignedDuration::from_secs(-200));
        assert_eq!(pressed.status, share.pressed.status, "{name}");
        let counted = i64::from(share.opens());
        assert_eq!(count(&upgraded, &share, "downloads"), downloads + counted, "{name}");
        tried += 1;
    }
    assert_eq!(tried, 3);
}

#[tokio::test]
async fn a_wrong_passcode_is_refused_and_counted() {
    let mut tried = 0;
    let upgraded = Upgraded::start().await;
    for (name, share) in shares().into_iter().filter(|(_, share)| share.passcode.is_some()) {
        if !share.opens() {
            continue;
        }
        let function = upgraded.function(&share);
        for (passcode, code) in [(None, "passcode-wanted"), (Some("pässwort"), "passcode-wrong")] {
            let answer = press(function, &share.url, passcode, None).await;
            assert_eq!((answer.status, answer.code().as_str()), (403, code), "{name}");
        }
        let attempts = attempts(&share);
        assert_eq!(count(&upgraded, &share, "attempts"), attempts + 1, "{name}");
        for _ in attempts + 1..10 {
            press(function, &share.url, Some("pässwort"), None).await;
        }
        let locked = press(function, &share.url, share.passcode.as_deref(), None).await;
        assert_eq!((locked.status, locked.code().as_str()), (429, "share-locked"), "{name}");
        tried += 1;
    }
    assert_eq!(tried, 7);
}

#[tokio::test]
async fn an_earlier_lock_is_over_after_an_hour() {
    let upgraded = Upgraded::start().await;
    let share = &shares()["locked"];
    let function = upgraded.function(share);
    let last = upgraded.attribute(share, "last_attempt_at");
    let until = jiff::Timestamp::from_second(number(&last) + 3_600).unwrap();
    assert_eq!(show(function, &share.url).await.json()["locked_until"], json!(until));
    // The lock began 400 s ago.
    pass(SignedDuration::from_secs(3_199));
    let passcode = share.passcode.as_deref();
    assert_eq!(press(function, &share.url, passcode, None).await.code(), "share-locked");
    pass(SignedDuration::from_secs(1));
    assert_eq!(press(function, &share.url, passcode, None).await.status, 303);
}

#[tokio::test]
async fn earlier_shares_end_when_they_said_they_would() {
    let upgraded = Upgraded::start().await;
    for (name, share) in shares().into_iter().filter(|(_, share)| share.opens()) {
        let function = upgraded.function(&share);
        let end = number(&share.item["expires_at"]);
        let left = end - super::function::now().as_second();
        for (seconds, status) in [(left - 1, 303), (left, 410)] {
            pass(SignedDuration::from_secs(seconds));
            let pressed = press(function, &share.url, share.passcode.as_deref(), None).await;
            assert_eq!(pressed.status, status, "{name}: {pressed:?}");
            pass(SignedDuration::from_secs(-seconds));
        }
    }
}
