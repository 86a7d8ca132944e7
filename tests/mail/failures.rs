//! What goes wrong, and what becomes of the mail: nothing lost, nothing sent twice.

use jiff::SignedDuration;
use s3_link_signer::doors::EventError;

use crate::aws::{Aws, Mood, Object};
use crate::function::{batch, failed, function, function_with, handle, notification, now, pass};
use crate::mime;

const KEY: &str = "private-files/report.pdf";

async fn aws_with_report() -> Aws {
    let aws = Aws::start().await;
    aws.put(KEY, Object { etag: "e1", size: 1_250_000, ..Object::default() });
    aws
}

/// The first try fails, and the next, right away, sends the one mail.
async fn fails_then_sends(aws: &Aws) {
    let function = function(aws);
    let one = batch(&[notification(KEY)]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert!(aws.sent().is_empty());
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(aws.recipients(), ["alice@example.com"]);
}

#[tokio::test]
async fn throttling_and_faults_of_ses_s_bring_the_record_back_at_once() {
    for no in [
        Mood::No(429, "TooManyRequestsException", "Maximum sending rate exceeded."),
        Mood::No(400, "LimitExceededException", "Daily message quota exceeded."),
        Mood::No(500, "InternalFailure", ""),
        Mood::No(503, "ServiceUnavailable", ""),
    ] {
        let aws = aws_with_report().await;
        aws.ses_will(no);
        fails_then_sends(&aws).await;
        // The SDK did not try again by itself.
        assert_eq!(aws.calls("SendEmail"), 2);
    }
}

#[tokio::test]
async fn a_refusal_fails_with_ses_s_reason_and_names_nobody() {
    for (code, message) in [
        ("MessageRejected", "Email address is not verified: alice@example.com"),
        ("MailFromDomainNotVerifiedException", "not verified"),
        ("SendingPausedException", "paused"),
        ("AccountSuspendedException", "suspended"),
    ] {
        let aws = aws_with_report().await;
        aws.ses_will(Mood::No(400, code, message));
        let error = handle(&function(&aws), &notification(KEY)).await.unwrap_err();
        let sentence = error.to_string();
        assert!(sentence.contains(&format!("SES refuses it ({code}: ")), "{sentence}");
        assert!(!sentence.contains("alice"), "{sentence}");
        assert!(matches!(error, EventError::NotMailed { failed: 1, of: 1, .. }));
        // Nothing was sent, so nobody has to wait when what is wrong has been mended.
        assert!(aws.state().table.is_empty());
    }
}

#[tokio::test]
async fn when_ses_says_nothing_the_mail_waits_for_the_lease() {
    let aws = aws_with_report().await;
    aws.ses_will(Mood::HangsUp);
    let function = function(&aws);
    let one = batch(&[notification(KEY)]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert_eq!(aws.calls("SendEmail"), 1);
    pass(SignedDuration::from_mins(5));
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(aws.recipients(), ["alice@example.com"]);
}

#[tokio::test]
async fn an_ses_that_never_answers_is_given_up_in_time_for_the_others() {
    let aws = aws_with_report().await;
    aws.put("private-files/other.pdf", Object { etag: "e1", ..Object::default() });
    aws.ses_will(Mood::Silent);
    let two = batch(&[notification(KEY), notification("private-files/other.pdf")]);
    let begun = std::time::Instant::now();
    assert_eq!(failed(&handle(&function(&aws), &two).await.unwrap()), ["m0"]);
    assert!((9..15).contains(&begun.elapsed().as_secs()));
    assert_eq!(aws.sent().len(), 1);
}

#[tokio::test]
async fn the_one_way_to_a_second_mail_is_an_answer_of_ses_s_that_is_lost() {
    let aws = aws_with_report().await;
    aws.ses_will(Mood::DoesItAndHangsUp);
    let function = function(&aws);
    let one = batch(&[notification(KEY)]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert_eq!(aws.sent().len(), 1);
    pass(SignedDuration::from_mins(5));
    handle(&function, &one).await.unwrap();
    assert_eq!(aws.sent().len(), 2);
}

#[tokio::test]
async fn without_the_ledger_nothing_is_sent() {
    for no in [
        Mood::No(400, "AccessDeniedException", "not authorized to perform dynamodb:PutItem"),
        Mood::No(400, "ResourceNotFoundException", "Requested resource not found"),
    ] {
        let aws = aws_with_report().await;
        aws.dynamodb_will(no);
        fails_then_sends(&aws).await;
    }
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_still_ours() {
    let aws = aws_with_report().await;
    // The SDK repeats the call, and finds its own claim.
    aws.dynamodb_will(Mood::DoesItAndHangsUp);
    assert!(handle(&function(&aws), &notification(KEY)).await.is_ok());
    assert_eq!(aws.calls("PutItem"), 2);
    assert_eq!(aws.sent().len(), 1);
}

#[tokio::test]
async fn a_mail_that_can_not_be_marked_is_tried_to_be_marked_again_and_never_sent_again() {
    let aws = aws_with_report().await;
    let function = function(&aws);
    let one = batch(&[notification(KEY)]);
    // The claim goes through, then nothing does.
    let claimed_then_denied = |aws: &Aws, times| {
        let mut state = aws.state();
        state.dynamodb.clear();
        for _ in 0..times {
            state.dynamodb.push_back(Mood::No(400, "AccessDeniedException", "no"));
        }
    };
    tokio::join!(
        async { assert!(failed(&handle(&function, &one).await.unwrap()).is_empty()) },
        async {
            aws.ses_called.notified().await;
            claimed_then_denied(&aws, 2);
        }
    );
    assert_eq!(aws.calls("UpdateItem"), 3);
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(aws.sent().len(), 1);
}

#[tokio::test]
async fn what_is_gone_again_is_done_with() {
    let aws = Aws::start().await;
    let function = function(&aws);
    // Deleted.
    assert!(failed(&handle(&function, &batch(&[notification(KEY)])).await.unwrap()).is_empty());
    // Replaced, in a bucket without versions: the other has an event of its own.
    aws.put(KEY, Object { etag: "e2", ..Object::default() });
    assert!(failed(&handle(&function, &batch(&[notification(KEY)])).await.unwrap()).is_empty());
    // One version deleted, while another is there.
    aws.put(KEY, Object { etag: "e3", version_id: Some("v3"), ..Object::default() });
    let mut event = notification(KEY);
    event["Records"][0]["s3"]["object"]["versionId"] = "v1".into();
    assert!(failed(&handle(&function, &batch(&[event])).await.unwrap()).is_empty());
    assert!(aws.sent().is_empty());
    assert!(aws.state().table.is_empty());
}

#[tokio::test]
async fn what_s3_does_not_say_brings_the_record_back() {
    for status in [403, 500, 301] {
        let aws = aws_with_report().await;
        aws.state().s3_says = Some(status);
        let error = handle(&function(&aws), &notification(KEY)).await.unwrap_err();
        assert!(error.to_string().contains("S3 could not be asked about the file: "), "{error}");
        assert!(aws.state().table.is_empty());
    }
}

#[tokio::test]
async fn a_batch_of_ten_with_one_bad_record_sends_nine() {
    let aws = Aws::start().await;
    let mut bodies = Vec::new();
    for index in 0..10 {
        let key = format!("private-files/{index}.pdf");
        aws.put(&key, Object { etag: "e1", ..Object::default() });
        bodies.push(notification(&key));
    }
    for bad in ["not JSON", r#"{"hello":"world"}"#, r#"{"Records":[{"eventSource":"aws:sns"}]}"#] {
        bodies[4] = bad.into();
        let answer = handle(&function(&aws), &batch(&bodies)).await.unwrap();
        assert_eq!(failed(&answer), ["m4"]);
        assert_eq!(aws.sent().len(), 9);
    }
}

#[tokio::test]
async fn one_recipient_refused_by_ses_stops_no_other_and_nobody_gets_two() {
    let aws = Aws::start().await;
    let link_to = Some("a@example.com,b@example.com,c@example.com");
    aws.put(KEY, Object { etag: "e1", link_to, ..Object::default() });
    aws.ses_will(Mood::No(400, "MessageRejected", "no"));
    let function = function(&aws);
    let one = batch(&[notification(KEY)]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert_eq!(aws.recipients(), ["b@example.com", "c@example.com"]);
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(aws.recipients(), ["b@example.com", "c@example.com", "a@example.com"]);
}

#[tokio::test]
async fn when_the_session_can_not_keep_the_least_nothing_is_sent_until_one_can() {
    let aws = aws_with_report().await;
    let end = now() + SignedDuration::from_secs(905);
    let old = function_with(&aws, &[("AWS_CREDENTIAL_EXPIRATION", &end.to_string())]);
    let one = batch(&[notification(KEY)]);
    // 905 s less the margin of 5 s, and the clock has moved on.
    pass(SignedDuration::from_secs(1));
    assert_eq!(failed(&handle(&old, &one).await.unwrap()), ["m0"]);
    let error = handle(&old, &notification(KEY)).await.unwrap_err();
    assert!(error.to_string().contains("899 s, limited by the session; at least 900 s"), "{error}");
    assert!(aws.sent().is_empty() && aws.state().table.is_empty());

    let younger = function(&aws);
    assert!(failed(&handle(&younger, &one).await.unwrap()).is_empty());
    let link = mime::link(&aws.sent()[0]);
    assert_eq!(mime::parameter(&link, "X-Amz-Expires").unwrap(), "3595");
}

#[tokio::test]
async fn a_mail_is_not_begun_when_the_invocation_is_about_to_end() {
    let aws = aws_with_report().await;
    let event = batch(&[notification(KEY)]);
    let event = serde_json::value::RawValue::from_string(event.to_string()).unwrap();
    let deadline = now() + SignedDuration::from_secs(19);
    let function = function(&aws);
    let answer = Box::pin(function.handle(&event, "request-1", deadline)).await.unwrap();
    assert_eq!(failed(&serde_json::to_value(answer).unwrap()), ["m0"]);
    assert_eq!(aws.calls("HeadObject") + aws.calls("PutItem"), 0);
}
