//! Owners make, list, change and revoke their shares. Nobody else does.

use serde_json::{Value, json};

use super::function::{
    GRANTS, KEY, Request, aws, counted, downloads, dynamodb_calls, facts, function, function_with,
    item, owner, pass, press, press_with, refuse_objects, send, share,
};

#[tokio::test]
async fn a_share_is_made_and_its_address_is_told_once() {
    let aws = aws().await;
    let function = function(&aws);
    let fields = json!({"max_downloads": 5, "recipient": "bob@example.com", "note": "audit",
                        "check": false});
    let made = share(&function, &fields).await;
    let answer = &made.answer;
    assert_eq!(answer["expires_in"], 604_800);
    assert_eq!(answer["limited_by"], "request");
    assert_eq!(answer["expires_at"], "2026-11-30T13:05:17Z");
    assert_eq!((&answer["name"], &answer["size"]), (&json!("report.pdf"), &json!(1_250_000)));
    assert_eq!((&answer["state"], &answer["downloads"]), (&json!("active"), &json!(0)));
    assert_eq!(made.path.strip_prefix("/s/").unwrap().len(), 27);
    assert_eq!(counted("SharesCreated"), 1);

    let path = format!("/shares/{}", made.id);
    let read = owner(&function, "alice", "GET", &path, &Value::Null).await.json();
    assert_eq!(read.get("url"), None);
    for (name, value) in read.as_object().unwrap() {
        assert_eq!(*value, answer[name.as_str()], "{name}");
    }
    // Of the token's claims nothing is kept that no grant asks for.
    let item = item(&aws);
    assert_eq!(item.get("owner_claims"), None);
    assert_eq!(item["id"]["S"], made.id.as_str());
}

#[tokio::test]
async fn only_whom_a_grant_with_the_action_share_covers_may_share_a_file_that_is_there() {
    let aws = aws().await;
    let grants = r#"[{"bucket":"files","prefix":"private-files/","principals":["bob"],
                      "region":"eu-west-1"}]"#;
    let body = json!({"key": KEY});
    let refused = function_with(&aws, &[("GRANTS", grants)]);
    let answer = owner(&refused, "bob", "POST", "/shares", &body).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "not-granted"));
    let function = function(&aws);
    let answer = owner(&function, "alice", "POST", "/shares", &json!({"key": "other/a"})).await;
    assert_eq!(answer.status, 403);
    let anonymous =
        Request { method: "POST", path: "/shares", body: body.to_string(), ..Request::default() };
    assert_eq!(send(&function, anonymous).await.status, 401);
    let missing = json!({"key": "private-files/none"});
    let answer = owner(&function, "alice", "POST", "/shares", &missing).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "object-unavailable"));
    assert_eq!(dynamodb_calls(&aws), 0);
    assert!(aws.state().items("shares").is_empty());
}

#[tokio::test]
async fn where_shares_are_off_there_are_no_routes_for_them() {
    let aws = aws().await;
    let function = function_with(&aws, &[("SHARES_TABLE", "")]);
    for (method, path) in
        [("POST", "/shares"), ("GET", "/shares"), ("GET", "/s/AAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    {
        let answer = owner(&function, "alice", method, path, &Value::Null).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "no-such-route"), "{path}");
        assert!(!answer.json()["detail"].as_str().unwrap().contains("POST /shares"));
    }
}

#[tokio::test]
async fn the_grant_says_how_long_a_share_lives_at_most() {
    let aws = aws().await;
    let grants = GRANTS.replace("\"region\"", "\"max_share_expires_in\":3600,\"region\"");
    let function = function_with(&aws, &[("GRANTS", &grants)]);
    let made = share(&function, &json!({"expires_in": 7_200})).await;
    assert_eq!(made.answer["expires_in"], 3_600);
    assert_eq!(made.answer["limited_by"], "grant");
    let path = format!("/shares/{}", made.id);
    pass(1_000);
    let changed = owner(&function, "alice", "PATCH", &path, &json!({"expires_in": 7_200})).await;
    assert_eq!(changed.json()["expires_at"], "2026-11-23T14:21:57Z");
}

#[tokio::test]
async fn a_share_is_promised_no_longer_than_its_file_lives() {
    let aws = aws().await;
    let function = function(&aws);
    let expires_in = "expiry-date=\"Tue, 24 Nov 2026 00:00:00 GMT\", rule-id=\"a\"";
    aws.state().bucket("files").current(KEY).set_header("x-amz-expiration", Some(expires_in));
    let made = share(&function, &json!({})).await.answer;
    // Five seconds are kept back for clocks that differ, and two minutes for the last download.
    assert_eq!(made["expires_at"], "2026-11-23T23:57:55Z");
    assert_eq!((&made["limited_by"], &made["expires_in"]), (&json!("object"), &json!(39_158)));
    let path = format!("/shares/{}", made["share_id"].as_str().unwrap());
    let longer = json!({"expires_in": 604_800});
    let changed = owner(&function, "alice", "PATCH", &path, &longer).await.json();
    assert_eq!(changed["expires_at"], "2026-11-23T23:57:55Z");
    aws.state().bucket("files").current(KEY).set_header("x-amz-expiration", None);
    let changed = owner(&function, "alice", "PATCH", &path, &longer).await.json();
    assert_eq!(changed["expires_at"], "2026-11-30T13:05:17Z");
}

#[tokio::test]
async fn a_share_that_its_file_ends_opens_until_its_last_second() {
    let aws = aws().await;
    let function = function(&aws);
    let expires_in = "expiry-date=\"Tue, 24 Nov 2026 00:00:00 GMT\", rule-id=\"a\"";
    aws.state().bucket("files").current(KEY).set_header("x-amz-expiration", Some(expires_in));
    let made = share(&function, &json!({})).await;
    pass(39_157);
    assert_eq!(press(&function, &made.path, None).await.status, 303);
    pass(1);
    assert_eq!(press(&function, &made.path, None).await.code(), "share-ended");
}

#[tokio::test]
async fn a_share_is_promised_no_longer_than_the_bucket_s_policy_lets_links_open() {
    let aws = aws().await;
    let deny = |condition: Value| {
        json!({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
                              "Resource": "arn:aws:s3:::files/*", "Condition": condition}]})
    };
    let until = json!({"DateGreaterThanEquals": {"aws:CurrentTime": "2026-11-25T00:00:00Z"}});
    aws.state().bucket("files").policy = Some(deny(until));
    let made = share(&function(&aws), &json!({})).await.answer;
    assert_eq!(made["expires_at"], "2026-11-24T23:57:55Z");
    assert_eq!(made["limited_by"], "policy");
    // Each download has a signature of its own, so the age of signatures ends no share.
    let age = json!({"NumericGreaterThan": {"s3:signatureAge": "300000"}});
    aws.state().bucket("files").policy = Some(deny(age));
    let made = share(&function(&aws), &json!({})).await.answer;
    assert_eq!((&made["limited_by"], &made["expires_in"]), (&json!("request"), &json!(604_800)));
    // An age at which no download gets its two minutes would make an address that never opens.
    let too_young = json!({"NumericGreaterThan": {"s3:signatureAge": "124000"}});
    aws.state().bucket("files").policy = Some(deny(too_young));
    let answer = owner(&function(&aws), "alice", "POST", "/shares", &json!({"key": KEY})).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "window-too-short"));
    assert_eq!(answer.json()["limited_by"], "policy");
}

#[tokio::test]
async fn who_needs_a_longer_life_than_the_share_could_have_gets_none() {
    let aws = aws().await;
    let grants = GRANTS.replace("\"region\"", "\"max_share_expires_in\":3600,\"region\"");
    let function = function_with(&aws, &[("GRANTS", &grants)]);
    let body = json!({"key": KEY, "expires_in": 7_200, "min_expires_in": 3_601});
    let answer = owner(&function, "alice", "POST", "/shares", &body).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "window-too-short"));
    let problem = answer.json();
    assert_eq!(
        (&problem["available_expires_in"], &problem["limited_by"]),
        (&json!(3_600), &json!("grant"))
    );
    assert!(aws.state().items("shares").is_empty());
    share(&function, &json!({"expires_in": 7_200, "min_expires_in": 3_600})).await;
    let body = json!({"key": KEY, "expires_in": 60, "min_expires_in": 61});
    assert_eq!(owner(&function, "alice", "POST", "/shares", &body).await.status, 400);
}

#[tokio::test]
async fn another_end_is_promised_only_where_the_file_opens() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"expires_in": 60})).await;
    let path = format!("/shares/{}", made.id);
    refuse_objects(&aws, 404, "");
    let later = json!({"expires_in": 3_600});
    let answer = owner(&function, "alice", "PATCH", &path, &later).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "object-unavailable"));
    // What promises nothing longer needs no file.
    let fewer = json!({"max_downloads": 1});
    assert_eq!(owner(&function, "alice", "PATCH", &path, &fewer).await.status, 200);
}

#[tokio::test]
async fn a_share_is_its_owner_s_alone() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    let path = format!("/shares/{}", made.id);
    // A token's name that is spelled like another's key is another's all the same.
    for other in ["bob", "arn:aws:iam::123456789012:user/alice", "token#alice", "Alice"] {
        for (method, body) in
            [("GET", Value::Null), ("PATCH", json!({"max_downloads": 9})), ("DELETE", Value::Null)]
        {
            let answer = owner(&function, other, method, &path, &body).await;
            assert_eq!((answer.status, answer.code().as_str()), (404, "no-such-share"), "{other}");
        }
        let list = owner(&function, other, "GET", "/shares", &Value::Null).await;
        assert_eq!(list.json(), json!({"shares": []}));
    }
    let request = Request { path: &path, ..Request::default() };
    assert_eq!(send(&function, request).await.status, 401);
    assert_eq!(press(&function, &made.path, None).await.status, 303);
    let none = owner(&function, "alice", "GET", "/shares/short", &Value::Null).await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn the_list_has_pages_with_the_newest_first() {
    let aws = aws().await;
    let function = function(&aws);
    let mut ids = Vec::new();
    for index in 0..7 {
        ids.push(share(&function, &json!({"note": format!("number {index}")})).await.id);
        pass(1);
    }
    ids.reverse();
    let (mut listed, mut query) = (Vec::new(), "limit=3".to_owned());
    loop {
        let request = Request {
            principal: Some("alice"),
            path: "/shares",
            query: &query,
            ..Request::default()
        };
        let page = send(&function, request).await.json();
        let shares = page["shares"].as_array().unwrap();
        assert!(shares.len() <= 3);
        listed.extend(shares.iter().map(|share| share["share_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("limit=3&cursor={next}");
    }
    assert_eq!(listed, ids);
    // A cursor shows nobody another's shares.
    let other =
        Request { principal: Some("bob"), path: "/shares", query: &query, ..Request::default() };
    assert_eq!(send(&function, other).await.json(), json!({"shares": []}));
    let wrong = Request {
        principal: Some("bob"),
        path: "/shares",
        query: "cursor=x",
        ..Request::default()
    };
    assert_eq!(send(&function, wrong).await.status, 400);
}

#[tokio::test]
async fn an_owner_changes_end_limit_and_passcode() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"max_downloads": 1, "expires_in": 3_600})).await;
    let path = format!("/shares/{}", made.id);
    let change = |body: Value| {
        let (function, path) = (&function, &path);
        async move { owner(function, "alice", "PATCH", path, &body).await }
    };
    assert_eq!(press(&function, &made.path, None).await.status, 303);
    assert_eq!(press(&function, &made.path, None).await.code(), "share-used-up");
    assert_eq!(change(json!({"max_downloads": 2})).await.json()["max_downloads"], 2);
    assert_eq!(press(&function, &made.path, None).await.status, 303);
    assert_eq!(change(json!({"max_downloads": null})).await.json()["max_downloads"], Value::Null);
    assert_eq!(press(&function, &made.path, None).await.status, 303);
    assert_eq!(downloads(&function, &made.id).await, 3);

    let changed = change(json!({"passcode": true})).await.json();
    assert_eq!(changed["has_passcode"], true);
    let passcode = changed["passcode"].as_str().unwrap();
    assert_eq!(press(&function, &made.path, None).await.code(), "passcode-wanted");
    assert_eq!(press_with(&function, &made.path, passcode).await.status, 303);
    assert_eq!(change(json!({"passcode": null})).await.json()["has_passcode"], false);
    assert_eq!(press(&function, &made.path, None).await.status, 303);

    pass(3_600);
    assert_eq!(press(&function, &made.path, None).await.code(), "share-ended");
    assert_eq!(change(json!({"expires_in": 60})).await.status, 200);
    assert_eq!(press(&function, &made.path, None).await.status, 303);
}

#[tokio::test]
async fn a_revoked_share_stays_revoked() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    let path = format!("/shares/{}", made.id);
    for _ in 0..2 {
        let answer = owner(&function, "alice", "DELETE", &path, &Value::Null).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    }
    // Whatever became of the file.
    for is_gone in [false, true] {
        if is_gone {
            refuse_objects(&aws, 404, "NoSuchKey");
        }
        let answer = owner(&function, "alice", "PATCH", &path, &json!({"expires_in": 60})).await;
        assert_eq!((answer.status, answer.code().as_str()), (409, "share-revoked"));
    }
    for answer in [facts(&function, &made.path).await, press(&function, &made.path, None).await] {
        assert_eq!((answer.status, answer.code().as_str()), (410, "share-withdrawn"));
    }
    let read = owner(&function, "alice", "GET", &path, &Value::Null).await.json();
    assert_eq!((&read["state"], &read["downloads"]), (&json!("withdrawn"), &json!(0)));
}

#[tokio::test]
async fn what_a_grant_asks_of_claims_is_asked_again_at_each_press() {
    let aws = aws().await;
    let grants = |tenant: &str| {
        GRANTS
            .replace("\"actions\"", &format!("\"claims\":{{\"tenant\":\"{tenant}\"}},\"actions\""))
    };
    let function = function_with(&aws, &[("GRANTS", &grants("acme"))]);
    let made = share(&function, &json!({})).await;
    assert_eq!(item(&aws)["owner_claims"]["M"], json!({"tenant": {"S": "acme"}}));
    assert_eq!(press(&function, &made.path, None).await.status, 303);
    let other = function_with(&aws, &[("GRANTS", &grants("other"))]);
    for answer in [facts(&other, &made.path).await, press(&other, &made.path, None).await] {
        assert_eq!((answer.status, answer.code().as_str()), (410, "share-withdrawn"));
    }
    assert_eq!(downloads(&function, &made.id).await, 1);
}

#[tokio::test]
async fn an_address_begins_as_the_operator_says_or_else_as_the_gateway_was_called() {
    let aws = aws().await;
    let url = ("PUBLIC_URL", "https://files.example.com/x/");
    let function = function_with(&aws, &[url]);
    let body = json!({"key": KEY});
    let made = owner(&function, "alice", "POST", "/shares", &body).await.json();
    assert!(made["url"].as_str().unwrap().starts_with("https://files.example.com/x/s/"));
}

/// The ARN of all users of an identity pool.
const POOL: &str = "arn:aws:sts::123456789012:assumed-role/pool-users/CognitoIdentityCredentials";

#[tokio::test]
async fn users_of_one_identity_pool_own_shares_of_their_own() {
    let aws = aws().await;
    let function = function(&aws);
    let [alice, bob] = ["eu-west-1:a", "eu-west-1:b"].map(|identity| format!("{POOL} {identity}"));
    let made = owner(&function, &alice, "POST", "/shares", &json!({"key": KEY})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/shares/{}", made.json()["share_id"].as_str().unwrap());
    for (caller, listed, status) in [(&alice, 1, 200), (&bob, 0, 404)] {
        let list = owner(&function, caller, "GET", "/shares", &json!({})).await.json();
        assert_eq!(list["shares"].as_array().unwrap().len(), listed, "{caller}");
        assert_eq!(owner(&function, caller, "GET", &path, &json!({})).await.status, status);
    }
    // Where the gateway leaves the identity out, nobody is the owner.
    for (method, path) in [("POST", "/shares"), ("GET", "/shares"), ("GET", path.as_str())] {
        let refused = owner(&function, POOL, method, path, &json!({"key": KEY})).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "not-granted"));
        assert!(refused.body.contains("identity pool"), "{refused:?}");
    }
    assert_eq!(owner(&function, &alice, "DELETE", &path, &json!({})).await.status, 204);
}

#[tokio::test]
async fn a_name_that_the_table_can_t_keep_is_refused_with_a_sentence() {
    let aws = aws().await;
    let function = function(&aws);
    let name = "x".repeat(3_000);
    for method in ["POST", "GET"] {
        let refused = owner(&function, &name, method, "/shares", &json!({"key": KEY})).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "not-granted"));
        assert!(refused.body.contains("3000 bytes"), "{refused:?}");
    }
}

#[tokio::test]
async fn an_item_that_can_t_be_read_fails_no_list_and_is_counted() {
    let aws = aws().await;
    let function = function(&aws);
    for _ in 0..2 {
        share(&function, &json!({})).await;
    }
    let broken = {
        let mut state = aws.state();
        let items = state.items("shares");
        let mut broken = items.values().next().unwrap().clone();
        broken.insert("id".to_owned(), json!({"S": "broken"}));
        items.insert("broken".to_owned(), broken.clone());
        broken
    };
    assert_eq!(broken["id"]["S"], "broken");
    let list = owner(&function, "alice", "GET", "/shares", &json!({})).await.json();
    assert_eq!((list["shares"].as_array().unwrap().len(), &list["unreadable"]), (2, &json!(1)));
}
