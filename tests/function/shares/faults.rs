//! DynamoDB, S3 and STS that refuse, throttle, hang or lose an answer, and a function that is frozen.
//! Nothing is counted twice, nothing is counted that is not given but where nobody can know, and then
//! the same browser gets it uncounted.

use fake_aws::{Fault, Operation, Reply, Service};
use serde_json::json;

use super::function::{
    Request, aws, counted, downloads, facts, function, function_with, give_objects, go_away, item,
    owner, pass, press, press_with, refuse_objects, send, share,
};

#[tokio::test]
async fn an_answer_that_is_lost_counts_once() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"max_downloads": 2})).await;
    for count in 1..=2 {
        // The first call reads, the second counts.
        aws.fail(Service::DynamoDb, [Fault::none(), Fault::lost_answer()]);
        assert_eq!(press(&function, &made.path, None).await.status, 303);
        assert_eq!(downloads(&function, &made.id).await, count);
    }
    aws.fail(Service::DynamoDb, [Fault::lost_answer()]);
    assert_eq!(press(&function, &made.path, None).await.code(), "share-used-up");
    assert_eq!(facts(&function, &made.path).await.code(), "share-used-up");
}

#[tokio::test]
async fn a_share_whose_answer_is_lost_is_made_once() {
    let aws = aws().await;
    let function = function(&aws);
    aws.fail(Service::DynamoDb, [Fault::lost_answer()]);
    let made = share(&function, &json!({})).await;
    assert_eq!(item(&aws)["id"]["S"], made.id.as_str());
    assert_eq!(press(&function, &made.path, None).await.status, 303);
}

#[tokio::test]
async fn a_file_that_is_being_scanned_is_not_gone_and_nothing_is_counted() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"max_downloads": 1})).await;
    aws.state().bucket("files").policy = Some(json!({"Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::files/*",
        "Condition": {"StringNotEquals": {"s3:ExistingObjectTag/Scan": "CLEAN"}}}]}));
    let tagged = |tags: &str| {
        let tags = format!("<Tagging><TagSet>{tags}</TagSet></Tagging>");
        aws.script(move |call| match call.operation {
            Operation::GetObject => Some(Reply::s3_error(403, "AccessDenied")),
            Operation::GetObjectTagging => Some(Reply::document(&tags)),
            _ => None,
        });
    };
    // The policy is read anew when it is two minutes old.
    pass(180);
    tagged("");
    let answer = press(&function, &made.path, None).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "share-being-scanned"));
    assert_eq!(answer.headers["retry-after"], "60");
    let headers = json!({"accept": "text/html"});
    let request = Request { method: "POST", path: &made.path, headers, ..Request::default() };
    let page = send(&function, request).await;
    assert!(page.status == 503 && page.body.contains("still being scanned"), "{}", page.body);
    tagged("<Tag><Key>Scan</Key><Value>THREATS</Value></Tag>");
    assert_eq!(press(&function, &made.path, None).await.code(), "share-withdrawn");
    aws.script(|_| None);
    assert_eq!(downloads(&function, &made.id).await, 0);
    assert_eq!(press(&function, &made.path, None).await.status, 303);
}

#[tokio::test]
async fn while_dynamodb_is_away_nothing_is_given_and_nothing_counted() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    go_away(&aws);
    for answer in [facts(&function, &made.path).await, press(&function, &made.path, None).await] {
        assert_eq!((answer.status, answer.code().as_str()), (503, "share-unavailable"));
        assert_eq!(answer.headers["retry-after"], "30");
        // Recipients learn nothing of the table.
        assert!(!answer.body.contains("SHARES_TABLE"), "{}", answer.body);
    }
    let headers = json!({"accept": "text/html"});
    let request = Request { method: "POST", path: &made.path, headers, ..Request::default() };
    let page = send(&function, request).await;
    assert_eq!((page.status, page.headers["retry-after"].as_str()), (503, Some("30")));
    assert!(page.body.contains("No download was counted"), "{}", page.body);
    aws.script(|_| None);
    assert_eq!(downloads(&function, &made.id).await, 0);
    assert_eq!(press(&function, &made.path, None).await.status, 303);
}

#[tokio::test]
async fn where_counting_gets_no_answer_the_same_browser_gets_the_file_and_it_counts_once() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"max_downloads": 1})).await;
    // Each of both calls is made with the SDK's own repeats.
    aws.fail(Service::DynamoDb, [Fault::none()]);
    aws.fail(Service::DynamoDb, vec![Fault::lost_answer(); 8]);
    let lost = press(&function, &made.path, None).await;
    aws.state().faults.clear();
    if lost.status != 303 {
        assert_eq!((lost.status, lost.code().as_str()), (503, "share-unavailable"));
    }
    assert_eq!(downloads(&function, &made.id).await, 1);
    let cookie = lost.cookie.unwrap();
    assert_eq!(press(&function, &made.path, None).await.code(), "share-used-up");
    assert_eq!(press(&function, &made.path, Some(&cookie)).await.status, 303);
    assert_eq!(downloads(&function, &made.id).await, 1);
}

#[tokio::test]
async fn what_s3_says_of_the_session_or_of_throttling_withdraws_nothing() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    for (status, code) in [
        (400, "ExpiredToken"),
        (400, "InvalidToken"),
        (400, "RequestTimeout"),
        (400, "ThrottlingException"),
        (403, "InvalidAccessKeyId"),
        (403, "RequestTimeTooSkewed"),
        (403, "SignatureDoesNotMatch"),
        (429, ""),
        (503, "SlowDown"),
    ] {
        refuse_objects(&aws, status, code);
        let answer = press(&function, &made.path, None).await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "share-unavailable"), "{code}");
        assert_eq!(answer.headers["retry-after"], "30");
    }
    for (status, code) in [(403, "AccessDenied"), (404, "NoSuchKey"), (403, "InvalidObjectState")] {
        refuse_objects(&aws, status, code);
        let answer = press(&function, &made.path, None).await;
        assert_eq!((answer.status, answer.code().as_str()), (410, "share-withdrawn"), "{code}");
    }
    give_objects(&aws);
    assert_eq!(downloads(&function, &made.id).await, 0);
}

#[tokio::test]
async fn what_could_not_be_served_is_counted_and_what_a_caller_did_is_not() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    let owned = format!("/shares/{}", made.id);
    press_with(&function, &made.path, "another horse").await;
    press(&function, &made.path, None).await;
    facts(&function, "/s/1234567890abcdefghijklmnopqrstuv").await;
    let change = json!({"expires_in": "later"});
    assert_eq!(owner(&function, "alice", "PATCH", &owned, &change).await.status, 400);
    assert_eq!(counted("SharesUnserved"), 0);

    // The page, its button, and the owner's list.
    go_away(&aws);
    assert_eq!(facts(&function, &made.path).await.status, 503);
    assert_eq!(counted("SharesUnserved"), 1);
    assert_eq!(press(&function, &made.path, None).await.status, 503);
    assert_eq!((counted("SharesUnserved"), counted("ShareRefusals")), (1, 3));
    assert_eq!(owner(&function, "alice", "GET", "/shares", &json!(null)).await.status, 503);
    assert_eq!((counted("SharesUnserved"), counted("LinksRefused")), (1, 0));

    // S3 takes no file away: it is not there for the moment.
    aws.script(|_| None);
    refuse_objects(&aws, 503, "SlowDown");
    assert_eq!(press_with(&function, &made.path, "correct horse").await.status, 503);
    assert_eq!(counted("SharesUnserved"), 1);
    refuse_objects(&aws, 404, "NoSuchKey");
    assert_eq!(press_with(&function, &made.path, "correct horse").await.status, 410);
    assert_eq!(counted("SharesUnserved"), 0);
}

#[tokio::test]
async fn a_table_that_hangs_is_not_waited_for_past_the_end_of_the_invocation() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    aws.fail(Service::DynamoDb, [Fault::hang()]);
    // A hanging call is made once more.
    assert_eq!(facts(&function, &made.path).await.status, 200);
    aws.fail(Service::DynamoDb, vec![Fault::hang(); 4]);
    let began = std::time::Instant::now();
    let request = Request { method: "POST", path: &made.path, seconds: 2, ..Request::default() };
    let answer = send(&function, request).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "share-unavailable"));
    assert!(began.elapsed() < std::time::Duration::from_secs(3));
}

#[tokio::test]
async fn a_freeze_between_count_and_answer_costs_the_same_browser_nothing() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"max_downloads": 1})).await;
    let cookie = facts(&function, &made.path).await.cookie.unwrap();
    let counted = aws.until_done(Operation::UpdateItem);
    tokio::select! {
        biased;
        // Dropping the future ends the invocation: nothing of it runs any more.
        () = counted => {}
        _ = press(&function, &made.path, Some(&cookie)) => panic!("it was answered"),
    }
    assert_eq!(downloads(&function, &made.id).await, 1);
    assert_eq!(press(&function, &made.path, None).await.code(), "share-used-up");
    assert_eq!(press(&function, &made.path, Some(&cookie)).await.status, 303);
    assert_eq!(downloads(&function, &made.id).await, 1);
}

#[tokio::test]
async fn a_session_that_is_too_short_and_an_sts_that_is_away_count_nothing() {
    let aws = aws().await;
    let whole = function(&aws);
    let made = share(&whole, &json!({})).await;
    let end = (super::function::now() + jiff::SignedDuration::from_secs(124)).to_string();
    for changes in [
        // 124 s less the margin of 5 s are less than two minutes.
        &[("AWS_CREDENTIAL_EXPIRATION", end.as_str())],
        // Nothing states the end, and STS attests none.
        &[("AWS_CREDENTIAL_EXPIRATION", "")],
    ] {
        let short = function_with(&aws, changes);
        let answer = press(&short, &made.path, None).await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "share-unavailable"));
        assert_eq!(answer.headers["retry-after"], "30");
        // The page is shown all the same.
        assert_eq!(facts(&short, &made.path).await.status, 200);
    }
    assert_eq!(downloads(&whole, &made.id).await, 0);
    pass(1);
    assert_eq!(press(&whole, &made.path, None).await.status, 303);
}

#[tokio::test]
async fn a_download_is_not_counted_where_the_end_of_the_invocation_could_cut_it_off() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    let request = Request { method: "POST", path: &made.path, seconds: 2, ..Request::default() };
    assert_eq!(send(&function, request).await.status, 503);
    assert_eq!(downloads(&function, &made.id).await, 0);
}
