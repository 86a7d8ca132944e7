//! Faults of S3, DynamoDB and SES. No mail is lost, and none is sent twice.

use jiff::SignedDuration;
use s3_link_signer::{EventError, Handler};
use serde_json::json;
use serde_json::value::RawValue;

use crate::aws::{Aws, CLAIM, Fault, MARK, Object, RELEASE};
use crate::function::{
    ARN, batch, failed, function, function_with, handle, notification, now, pass,
};
use crate::mime;

const KEY: &str = "private-files/report.pdf";

async fn aws_with_report() -> Aws {
    let aws = Aws::start().await;
    aws.put(KEY, Object { etag: "e1", size: 1_250_000, ..Object::default() });
    aws
}

/// Checks that the first delivery of the event fails, and that the second one, right after it,
/// sends the one mail.
async fn fails_then_sends(aws: &Aws) {
    let function = function(aws);
    let one = batch(&[notification(KEY)]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert!(aws.sent().is_empty());
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(aws.recipients(), ["alice@example.com"]);
}

#[tokio::test]
async fn after_a_fault_of_ses_the_mail_can_be_sent_at_once() {
    for fault in
        [Fault::Error(500, "InternalFailure", ""), Fault::Error(503, "ServiceUnavailable", "")]
    {
        let aws = aws_with_report().await;
        aws.fail_ses(fault);
        fails_then_sends(&aws).await;
        // The SDK did not repeat the call.
        assert_eq!(aws.calls("SendEmail"), 2);
    }
}

#[tokio::test]
async fn a_mail_that_ses_throttles_is_sent_by_the_same_invocation() {
    for fault in [
        Fault::Error(429, "TooManyRequestsException", "Maximum sending rate exceeded."),
        Fault::Error(400, "ThrottlingException", "Maximum sending rate exceeded."),
    ] {
        let aws = aws_with_report().await;
        aws.fail_ses(fault);
        let response = handle(&function(&aws), &batch(&[notification(KEY)])).await.unwrap();
        assert!(failed(&response).is_empty());
        assert_eq!(aws.recipients(), ["alice@example.com"]);
        // One claim was enough.
        assert_eq!((aws.calls("SendEmail"), aws.calls(CLAIM)), (2, 1));
    }
}

#[tokio::test]
async fn a_throttled_mail_is_left_to_the_next_invocation_if_this_one_ends_soon() {
    let aws = aws_with_report().await;
    aws.fail_ses(Fault::Error(429, "TooManyRequestsException", "Maximum sending rate exceeded."));
    let event = RawValue::from_string(batch(&[notification(KEY)]).to_string()).unwrap();
    // Enough for a mail, and not for a pause before it.
    let deadline = now() + SignedDuration::from_millis(28_100);
    let function = function(&aws);
    let response = Box::pin(function.handle(&event, "request-1", ARN, deadline)).await.unwrap();
    assert_eq!(failed(&serde_json::to_value(response).unwrap()), ["m0"]);
    assert_eq!(aws.calls("SendEmail"), 1);
    assert_eq!(aws.released(), 1);
}

#[tokio::test]
async fn when_the_daily_quota_is_used_up_nothing_is_asked_for_a_quarter_of_an_hour() {
    let aws = aws_with_report().await;
    let function = function(&aws);
    let quota = Fault::Error(429, "TooManyRequestsException", "Daily message quota exceeded.");
    aws.fail_ses(quota);
    let one = batch(&[notification(KEY)]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert_eq!(aws.calls("SendEmail"), 1, "waiting a few seconds is of no use");
    let calls = |aws: &Aws| ["HeadObject", CLAIM, RELEASE, "SendEmail"].map(|name| aws.calls(name));
    let before = calls(&aws);

    pass(SignedDuration::from_secs(899));
    let error = handle(&function, &notification(KEY)).await.unwrap_err();
    assert!(error.to_string().contains("SES's daily quota is used up"), "{error}");
    assert_eq!(calls(&aws), before);

    pass(SignedDuration::from_secs(1));
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(aws.recipients(), ["alice@example.com"]);
}

#[tokio::test]
async fn ses_is_told_not_to_rewrite_the_link() {
    let aws = aws_with_report().await;
    handle(&function(&aws), &notification(KEY)).await.unwrap();
    assert_eq!(
        aws.sent()[0].overrides,
        json!({"Tracking": {
            "ClickTrackingEnabled": "DISABLED", "OpenTrackingEnabled": "DISABLED"
        }})
    );
}

#[tokio::test]
async fn a_refusal_fails_with_the_code_of_ses_and_without_its_words() {
    for (code, message) in [
        ("MessageRejected", "Email address is not verified: alice@example.com"),
        ("MailFromDomainNotVerifiedException", "not verified"),
        ("SendingPausedException", "paused"),
        ("AccountSuspendedException", "suspended"),
    ] {
        let aws = aws_with_report().await;
        aws.fail_ses(Fault::Error(400, code, message));
        let error = handle(&function(&aws), &notification(KEY)).await.unwrap_err();
        let sentence = error.to_string();
        assert!(sentence.contains(&format!("SES refuses it ({code})")), "{sentence}");
        assert!(!sentence.contains(message), "{sentence}");
        assert!(matches!(error, EventError::NotMailed { failed: 1, of: 1, .. }));
        // Nothing was sent, so the claim is released and the next delivery need not wait.
        assert_eq!(aws.released(), 1);
    }
}

#[tokio::test]
async fn when_ses_does_not_answer_the_mail_waits_for_the_lease() {
    let aws = aws_with_report().await;
    aws.fail_ses(Fault::Disconnect);
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
async fn a_call_to_ses_times_out_early_enough_for_the_other_mails() {
    let aws = aws_with_report().await;
    aws.put("private-files/other.pdf", Object { etag: "e1", ..Object::default() });
    aws.fail_ses(Fault::NoAnswer);
    let two = batch(&[notification(KEY), notification("private-files/other.pdf")]);
    let started = std::time::Instant::now();
    assert_eq!(failed(&handle(&function(&aws), &two).await.unwrap()), ["m0"]);
    assert!((9..15).contains(&started.elapsed().as_secs()));
    assert_eq!(aws.sent().len(), 1);
}

#[tokio::test]
async fn a_mail_is_sent_twice_when_the_answer_of_ses_is_lost() {
    let aws = aws_with_report().await;
    aws.fail_ses(Fault::DisconnectAfterwards);
    let function = function(&aws);
    let one = batch(&[notification(KEY)]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert_eq!(aws.sent().len(), 1);
    pass(SignedDuration::from_mins(5));
    handle(&function, &one).await.unwrap();
    assert_eq!(aws.sent().len(), 2);
}

#[tokio::test]
async fn nothing_is_sent_without_the_ledger() {
    for fault in [
        Fault::Error(400, "AccessDeniedException", "not authorized to perform dynamodb:UpdateItem"),
        Fault::Error(400, "ResourceNotFoundException", "Requested resource not found"),
    ] {
        let aws = aws_with_report().await;
        aws.fail_dynamodb(fault);
        fails_then_sends(&aws).await;
    }
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_still_held() {
    let aws = aws_with_report().await;
    // The SDK repeats the call and finds its own claim.
    aws.fail_dynamodb(Fault::DisconnectAfterwards);
    assert!(handle(&function(&aws), &notification(KEY)).await.is_ok());
    assert_eq!(aws.calls(CLAIM), 2);
    assert_eq!(aws.sent().len(), 1);
}

/// Delivers an event. Its claim succeeds, and marking the mail as sent fails with `faults` at
/// first.
async fn deliver_and_fail_to_mark(aws: &Aws, function: &Handler, faults: &[Fault]) {
    let one = batch(&[notification(KEY)]);
    tokio::join!(
        async { assert!(failed(&handle(function, &one).await.unwrap()).is_empty()) },
        async {
            // SES is called after the claim and before the mark.
            aws.ses_called.notified().await;
            aws.state().dynamodb_faults.extend(faults);
        }
    );
}

#[tokio::test]
async fn marking_a_mail_as_sent_is_repeated_and_the_mail_is_not() {
    let unavailable = Fault::Error(503, "ServiceUnavailable", "");
    let throttled = Fault::Error(400, "ProvisionedThroughputExceededException", "");
    let internal = Fault::Error(500, "InternalServerError", "");
    for faults in [
        vec![internal; 8],
        vec![unavailable; 8],
        vec![throttled; 8],
        vec![Fault::Disconnect; 8],
        vec![Fault::DisconnectAfterwards, Fault::DisconnectAfterwards],
        vec![internal, Fault::Disconnect, throttled, unavailable],
        // Each of these takes the whole time of an attempt.
        vec![Fault::NoAnswer, Fault::NoAnswer],
    ] {
        let aws = aws_with_report().await;
        let function = function(&aws);
        deliver_and_fail_to_mark(&aws, &function, &faults).await;
        assert_eq!(aws.calls(MARK), faults.len() + 1, "{faults:?}");
        let one = batch(&[notification(KEY)]);
        assert!(failed(&handle(&function, &one).await.unwrap()).is_empty(), "{faults:?}");
        assert_eq!(aws.sent().len(), 1, "{faults:?}");
    }
}

#[tokio::test]
async fn a_mail_that_can_not_be_marked_is_not_repeated_before_its_lease_ends() {
    for (faults, calls) in [
        (vec![Fault::Error(400, "AccessDeniedException", "no")], 1),
        (vec![Fault::Disconnect; 9], 9),
        (vec![Fault::NoAnswer; 3], 3),
    ] {
        let aws = aws_with_report().await;
        let function = function(&aws);
        let started = std::time::Instant::now();
        deliver_and_fail_to_mark(&aws, &function, &faults).await;
        assert!(started.elapsed().as_secs() < 7, "{faults:?}");
        assert_eq!(aws.calls(MARK), calls, "{faults:?}");
        let one = batch(&[notification(KEY)]);
        assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"], "{faults:?}");
        assert_eq!(aws.sent().len(), 1, "{faults:?}");
    }
}

#[tokio::test]
async fn an_object_that_is_gone_is_not_mailed_and_its_event_succeeds() {
    let aws = Aws::start().await;
    let function = function(&aws);
    // The object was deleted.
    assert!(failed(&handle(&function, &batch(&[notification(KEY)])).await.unwrap()).is_empty());
    // The object was replaced in a bucket without versions. The new one has an event of its own.
    aws.put(KEY, Object { etag: "e2", ..Object::default() });
    assert!(failed(&handle(&function, &batch(&[notification(KEY)])).await.unwrap()).is_empty());
    // The version was deleted, and another one exists.
    aws.put(KEY, Object { etag: "e3", version_id: Some("v3"), ..Object::default() });
    let mut event = notification(KEY);
    event["Records"][0]["s3"]["object"]["versionId"] = "v1".into();
    assert!(failed(&handle(&function, &batch(&[event])).await.unwrap()).is_empty());
    assert!(aws.sent().is_empty());
    assert!(aws.state().table.is_empty());
}

#[tokio::test]
async fn when_s3_does_not_say_whether_the_object_exists_the_event_fails() {
    for status in [403, 500, 301] {
        let aws = aws_with_report().await;
        aws.state().s3_status = Some(status);
        let error = handle(&function(&aws), &notification(KEY)).await.unwrap_err();
        assert!(error.to_string().contains("S3 could not be asked about the file: "), "{error}");
        assert!(aws.state().table.is_empty());
    }
}

#[tokio::test]
async fn a_batch_of_ten_with_one_bad_message_sends_nine_mails() {
    let aws = Aws::start().await;
    let mut bodies = Vec::new();
    for index in 0..10 {
        let key = format!("private-files/{index}.pdf");
        aws.put(&key, Object { etag: "e1", ..Object::default() });
        bodies.push(notification(&key));
    }
    for bad in ["not JSON", r#"{"hello":"world"}"#, r#"{"Records":[{"eventSource":"aws:sns"}]}"#] {
        bodies[4] = bad.into();
        let response = handle(&function(&aws), &batch(&bodies)).await.unwrap();
        assert_eq!(failed(&response), ["m4"]);
        assert_eq!(aws.sent().len(), 9);
    }
}

#[tokio::test]
async fn a_recipient_that_ses_refuses_does_not_affect_the_others_and_none_gets_two_mails() {
    let aws = Aws::start().await;
    let link_to = Some("a@example.com,b@example.com,c@example.com".to_owned());
    aws.put(KEY, Object { etag: "e1", link_to, ..Object::default() });
    aws.fail_ses(Fault::Error(400, "MessageRejected", "no"));
    let function = function(&aws);
    let one = batch(&[notification(KEY)]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert_eq!(aws.recipients(), ["b@example.com", "c@example.com"]);
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(aws.recipients(), ["b@example.com", "c@example.com", "a@example.com"]);
}

#[tokio::test]
async fn while_no_session_can_keep_the_shortest_window_nothing_is_sent() {
    let aws = aws_with_report().await;
    let end = now() + SignedDuration::from_secs(905);
    let old = function_with(&aws, &[("AWS_CREDENTIAL_EXPIRATION", &end.to_string())]);
    let one = batch(&[notification(KEY)]);
    // Of 905 s the margin takes 5 s and the clock 1 s.
    pass(SignedDuration::from_secs(1));
    assert_eq!(failed(&handle(&old, &one).await.unwrap()), ["m0"]);
    let error = handle(&old, &notification(KEY)).await.unwrap_err();
    assert!(error.to_string().contains("899 s, limited by the session; at least 900 s"), "{error}");
    assert!(aws.sent().is_empty());
    assert_eq!(aws.released(), 1);

    let younger = function(&aws);
    assert!(failed(&handle(&younger, &one).await.unwrap()).is_empty());
    let link = mime::link(&aws.sent()[0]);
    assert_eq!(mime::parameter(&link, "X-Amz-Expires").unwrap(), "3595");
}

#[tokio::test]
async fn a_mail_is_not_handed_to_ses_where_the_end_could_cut_it_off() {
    let aws = aws_with_report().await;
    aws.state().policy_takes = SignedDuration::from_secs(13);
    let event = batch(&[notification(KEY)]);
    let event = serde_json::value::RawValue::from_string(event.to_string()).unwrap();
    let deadline = now() + SignedDuration::from_secs(30);
    let function = function(&aws);
    let response = Box::pin(function.handle(&event, "request-1", ARN, deadline)).await.unwrap();
    assert_eq!(failed(&serde_json::to_value(response).unwrap()), ["m0"]);
    assert_eq!((aws.calls("GetBucketPolicy"), aws.calls("SendEmail")), (1, 0));
    // The next delivery need not wait for the lease.
    assert_eq!(aws.released(), 1);
}

#[tokio::test]
async fn a_mail_is_not_begun_shortly_before_the_invocation_ends() {
    let aws = aws_with_report().await;
    let event = batch(&[notification(KEY)]);
    let event = serde_json::value::RawValue::from_string(event.to_string()).unwrap();
    let deadline = now() + SignedDuration::from_secs(19);
    let function = function(&aws);
    let response = Box::pin(function.handle(&event, "request-1", ARN, deadline)).await.unwrap();
    assert_eq!(failed(&serde_json::to_value(response).unwrap()), ["m0"]);
    assert_eq!(aws.calls("HeadObject") + aws.calls(CLAIM), 0);
}
