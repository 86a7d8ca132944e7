//! Sessions, grants and policies that end a signature.

use std::sync::atomic::{AtomicI64, Ordering};

use fake_aws::FakeAws;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{begin, grant, handler, handler_at, sign};

#[tokio::test]
async fn each_signature_is_its_own_window_and_the_answer_says_what_ends_it() {
    let aws = FakeAws::start().await;
    let handler = handler(&aws, &grant(r#","max_size":1000,"max_expires_in":600"#), &[]);
    let body = |expires_in: u64| json!({"name": "a", "size": 7, "expires_in": expires_in});
    let (_, asked) = begin(&handler, &body(60)).await;
    assert_eq!(
        (&asked["expires_in"], &asked["limited_by"]),
        (&json!(60), &json!("request")),
        "{asked}"
    );
    let (_, granted) = begin(&handler, &body(7_200)).await;
    assert_eq!((&granted["expires_in"], &granted["limited_by"]), (&json!(600), &json!("grant")));
    let mut wanted = body(7_200);
    wanted["min_expires_in"] = json!(601);
    let (status, problem) = begin(&handler, &wanted).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("window-too-short")), "{problem}");
}

#[tokio::test]
async fn no_upload_is_promised_longer_than_the_minted_session_and_parts_outlive_it() {
    static NOW: AtomicI64 = AtomicI64::new(0);
    let start = Timestamp::now().as_second();
    NOW.store(start, Ordering::Relaxed);
    let clock = || Timestamp::from_second(NOW.load(Ordering::Relaxed)).unwrap();
    let aws = FakeAws::start().await;
    let handler = handler_at(&aws, &grant(r#","max_size":1000000000"#), &[], clock);
    let part = json!({"method": "PUT", "key": "in/5b3b7c3c-6d4b-4c3c-8b7a-1a2b3c4d5e6f/a", "uploadId": "u",
                      "partNumber": 1, "size": 9, "expiresIn": 86_400});
    let mut ends = Vec::new();
    for hours in 0..3 {
        NOW.store(start + hours * 3_600, Ordering::Relaxed);
        aws.state().sts.minted_until = Some(clock() + SignedDuration::from_hours(1));
        let (status, answer) = sign(&handler, &part).await;
        assert_eq!((status, &answer["limited_by"]), (200, &json!("session")), "{answer}");
        let end = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
        let promised = end(&answer["expires_at"]);
        assert!(promised < end(&answer["session"]["expires_at"]), "{answer}");
        ends.push(promised);
    }
    assert!(ends.is_sorted() && ends[0] < ends[2], "{ends:?}");
}

#[tokio::test]
async fn a_policy_about_uploads_ends_uploads() {
    let aws = FakeAws::start().await;
    let statement = |condition: Value| {
        json!({"Version": "2012-10-17", "Statement": [{
            "Sid": "Young", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::files/*", "Condition": condition}]})
    };
    let young = statement(json!({"NumericGreaterThan": {"s3:signatureAge": "600000"}}));
    aws.state().bucket("files").policy = Some(young);
    let fields = r#","max_size":1000,"forms":true"#;
    let signer = handler(&aws, &grant(fields), &[("BUCKET_POLICY", "")]);
    let (_, answer) = begin(&signer, &json!({"name": "a", "size": 7})).await;
    assert_eq!(
        (&answer["expires_in"], &answer["limited_by"]),
        (&json!(595), &json!("policy")),
        "{answer}"
    );
    let (status, form) = begin(&signer, &json!({"name": "a", "form": true})).await;
    assert_eq!((status, form["code"].as_str()), (409, Some("window-too-short")), "{form}");

    let encrypted =
        statement(json!({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}));
    aws.state().bucket("files").policy = Some(encrypted);
    let without = handler(&aws, &grant(fields), &[("BUCKET_POLICY", "")]);
    let (status, refused) = begin(&without, &json!({"name": "a", "size": 7})).await;
    assert_eq!((status, refused["code"].as_str()), (422, Some("object-unavailable")), "{refused}");
    let fields = r#","max_size":1000,"put_headers":{"x-amz-server-side-encryption":"aws:kms"}"#;
    let with = handler(&aws, &grant(fields), &[("BUCKET_POLICY", "")]);
    for body in
        [json!({"name": "a", "size": 7}), json!({"name": "a", "size": 7, "multipart": true})]
    {
        let (status, answer) = begin(&with, &body).await;
        assert_eq!(status, 201, "{answer}");
    }
    let part = json!({"method": "PUT", "key": "in/5b3b7c3c-6d4b-4c3c-8b7a-1a2b3c4d5e6f/a", "uploadId": "u",
                      "partNumber": 1, "size": 9});
    assert_eq!(sign(&with, &part).await.0, 200, "a part has what the upload began with");
}
