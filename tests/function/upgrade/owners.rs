//! Owners that earlier versions stored in ways that this one does not write.

use std::collections::BTreeSet;

use fake_aws::Item;
use serde_json::{Value, json};

use super::fixtures::{Share, shares};
use super::function::{Request, call, invoke, press, send, show};
use super::shown::Upgraded;

/// The session whose ARN all users of an identity pool share.
const POOL: &str = "arn:aws:sts::123456789012:assumed-role/users/CognitoIdentityCredentials";

/// An earlier share with these attributes, which is in the table.
fn stored(upgraded: &Upgraded, name: &str, attributes: &[(&str, &str)]) -> Share {
    let mut share = shares().remove(name).unwrap();
    let texts = attributes.iter().map(|(name, text)| ((*name).to_owned(), json!({"S": text})));
    share.item.extend(texts.collect::<Item>());
    upgraded.aws.state().items("shares").insert(share.id().to_owned(), share.item.clone());
    share
}

/// The ids on the list of this caller.
async fn listed(upgraded: &Upgraded, share: &Share, principal: &Value) -> BTreeSet<String> {
    let path = format!("{}/shares", share.base_path());
    let (principal, query) = (principal.clone(), "limit=100");
    let request = Request { principal, path: &path, query, ..Request::default() };
    let answer = send(upgraded.function(share), request).await;
    let answer = answer.json();
    let shares = answer["shares"].as_array().into_iter().flatten();
    shares.map(|share| share["share_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_share_of_all_users_of_a_pool_opens_and_is_the_operators_alone() {
    let upgraded = Upgraded::start().await;
    let key = format!("iam#{POOL}");
    let share = stored(
        &upgraded,
        "by-a-user-for-a-recipient",
        &[("owner", POOL), ("owner_key", &key), ("owner_name", "CognitoIdentityCredentials")],
    );
    let function = upgraded.function(&share);
    assert_eq!(show(function, &share.url).await.json()["state"], "active");
    assert_eq!(press(function, &share.url, None, None).await.status, 303);

    let user = json!({"amr": ["authenticated"], "identityId": "eu-west-1:a"});
    for principal in [
        json!({"iam": {"userArn": POOL}}),
        json!({"iam": {"userArn": POOL, "cognitoIdentity": user}}),
    ] {
        assert!(!listed(&upgraded, &share, &principal).await.contains(share.id()), "{principal}");
        for (method, body) in
            [("GET", Value::Null), ("PATCH", json!({"max_downloads": 9})), ("DELETE", Value::Null)]
        {
            let answer = call(function, &principal, method, &share.managed_at(), &body).await;
            assert!((400..500).contains(&answer.status), "{principal}: {answer:?}");
        }
    }
    assert_eq!(press(function, &share.url, None, None).await.status, 303);

    let report = invoke(function, &json!({"shares": {"list": {"owner": POOL}}})).await.unwrap();
    assert_eq!(report["shares"][0]["share_id"], share.id(), "{report}");
    let report = invoke(function, &json!({"shares": {"revoke": {"owner": POOL}}})).await.unwrap();
    assert_eq!(report["revoked"], 1, "{report}");
    assert_eq!(press(function, &share.url, None, None).await.code(), "share-withdrawn");
}

#[tokio::test]
async fn a_share_whose_owner_s_name_is_an_id_opens_and_is_on_its_owner_s_list() {
    let upgraded = Upgraded::start().await;
    let id = "0b5f3a1c-70a1-70f4-8d5e-2f4c1f3f9f10";
    let key = format!("token#{id}");
    let share = stored(
        &upgraded,
        "four-character-passcode",
        &[("owner", id), ("owner_key", &key), ("owner_name", id)],
    );
    let function = upgraded.function(&share);
    assert_eq!(show(function, &share.url).await.json()["state"], "active");
    let pressed = press(function, &share.url, share.passcode.as_deref(), None).await;
    assert_eq!(pressed.status, 303, "{pressed:?}");
    let owner = json!({"jwt": {"claims": {"sub": id}}});
    assert_eq!(listed(&upgraded, &share, &owner).await, [share.id().to_owned()].into());
}
