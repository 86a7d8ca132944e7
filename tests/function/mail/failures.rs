//! Faults of S3, DynamoDB and SES. No mail is lost, and none is sent twice.

use fake_aws::{FakeAws, Fault, Object, Operation, Reply, Service};
use jiff::SignedDuration;
use s3_link_signer::{EventError, Handler};
use serde_json::json;
use serde_json::value::RawValue;

use super::function::{
    ARN, batch, counted, failed, function, function_with, handle, notification, now, pass,
};
use super::ledger::{claims, marks, recipients, released, releases};
use super::{LINK_TO, mime};

const KEY: &str = "private-files/report.pdf";

async fn aws_with_report() -> FakeAws {
    let aws = FakeAws::start().await;
    aws.put_object("files", KEY, Object::of_size(1_250_000));
    aws
}

/// Checks that the first delivery of the event fails, and that the second one, right after it,
/// sends the one mail.
async fn fails_then_sends(aws: &FakeAws) {
    let function = function(aws);
    let one = batch(&[notification(KEY)]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert!(aws.mails().is_empty());
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(recipients(aws), ["alice@example.com"]);
}

#[tokio::test]
async fn after_a_fault_of_ses_the_mail_can_be_sent_at_once() {
    for fault in
        [Fault::error(500, "InternalFailure", ""), Fault::error(503, "ServiceUnavailable", "")]
    {
        let aws = aws_with_report().await;
        aws.fail(Service::Ses, [fault]);
        fails_then_sends(&aws).await;
        // The SDK did not repeat the call.
        assert_eq!(aws.count(Operation::SendEmail), 2);
    }
}

#[tokio::test]
async fn a_mail_that_ses_throttles_is_sent_by_the_same_invocation() {
    for fault in [
        Fault::error(429, "TooManyRequestsException", "Maximum sending rate exceeded."),
        Fault::error(400, "ThrottlingException", "Maximum sending rate exceeded."),
    ] {
        let aws = aws_with_report().await;
        aws.fail(Service::Ses, [fault]);
        let response = handle(&function(&aws), &batch(&[notification(KEY)])).await.unwrap();
        assert!(failed(&response).is_empty());
        assert_eq!(recipients(&aws), ["alice@example.com"]);
        // One claim was enough.
        assert_eq!((aws.count(Operation::SendEmail), claims(&aws)), (2, 1));
    }
}

#[tokio::test]
async fn a_throttled_mail_is_left_to_the_next_invocation_if_this_one_ends_soon() {
    let aws = aws_with_report().await;
    aws.fail(
        Service::Ses,
        [Fault::error(429, "TooManyRequestsException", "Maximum sending rate exceeded.")],
    );
    let event = RawValue::from_string(batch(&[notification(KEY)]).to_string()).unwrap();
    // Enough for a mail, and not for a pause before it.
    let deadline = now() + SignedDuration::from_millis(28_100);
    let function = function(&aws);
    let response = Box::pin(function.handle(&event, "request-1", ARN, deadline)).await.unwrap();
    assert_eq!(failed(&serde_json::to_value(response).unwrap()), ["m0"]);
    assert_eq!(aws.count(Operation::SendEmail), 1);
    assert_eq!(released(&aws), 1);
}

#[tokio::test]
async fn when_the_daily_quota_is_used_up_nothing_is_asked_for_a_quarter_of_an_hour() {
    let aws = aws_with_report().await;
    let function = function(&aws);
    let quota = Fault::error(429, "TooManyRequestsException", "Daily message quota exceeded.");
    aws.fail(Service::Ses, [quota]);
    let one = batch(&[notification(KEY)]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert_eq!(aws.count(Operation::SendEmail), 1, "waiting a few seconds is of no use");
    let calls = |aws: &FakeAws| {
        let asked = [Operation::HeadObject, Operation::SendEmail].map(|call| aws.count(call));
        (asked, claims(aws), releases(aws))
    };
    let before = calls(&aws);

    pass(SignedDuration::from_secs(899));
    let error = handle(&function, &notification(KEY)).await.unwrap_err();
    assert!(error.to_string().contains("SES's daily quota is used up"), "{error}");
    assert_eq!(calls(&aws), before);

    pass(SignedDuration::from_secs(1));
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(recipients(&aws), ["alice@example.com"]);
}

#[tokio::test]
async fn ses_is_told_not_to_rewrite_the_link() {
    let aws = aws_with_report().await;
    handle(&function(&aws), &notification(KEY)).await.unwrap();
    assert_eq!(
        aws.mails()[0].overrides,
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
        aws.fail(Service::Ses, [Fault::error(400, code, message)]);
        let error = handle(&function(&aws), &notification(KEY)).await.unwrap_err();
        let sentence = error.to_string();
        assert!(sentence.contains(&format!("SES refuses it ({code})")), "{sentence}");
        assert!(!sentence.contains(message), "{sentence}");
        assert!(matches!(error, EventError::NotMailed { failed: 1, of: 1, .. }));
        // Nothing was sent, so the claim is released and the next delivery need not wait.
        assert_eq!(released(&aws), 1);
    }
}

#[tokio::test]
async fn when_ses_does_not_answer_the_mail_waits_for_the_lease() {
    let aws = aws_with_report().await;
    aws.fail(Service::Ses, [Fault::disconnect()]);
    let function = function(&aws);
    let one = batch(&[notification(KEY)]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert_eq!(aws.count(Operation::SendEmail), 1);
    pass(SignedDuration::from_mins(5));
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(recipients(&aws), ["alice@example.com"]);
}

#[tokio::test]
async fn a_call_to_ses_times_out_early_enough_for_the_other_mails() {
    let aws = aws_with_report().await;
    aws.put_object("files", "private-files/other.pdf", Object::of_size(1));
    aws.fail(Service::Ses, [Fault::hang()]);
    let two = batch(&[notification(KEY), notification("private-files/other.pdf")]);
    let started = std::time::Instant::now();
    assert_eq!(failed(&handle(&function(&aws), &two).await.unwrap()), ["m0"]);
    assert!((9..15).contains(&started.elapsed().as_secs()));
    assert_eq!(aws.mails().len(), 1);
}

#[tokio::test]
async fn a_mail_is_sent_twice_when_the_answer_of_ses_is_lost() {
    let aws = aws_with_report().await;
    aws.fail(Service::Ses, [Fault::lost_answer()]);
    let function = function(&aws);
    let one = batch(&[notification(KEY)]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert_eq!(aws.mails().len(), 1);
    pass(SignedDuration::from_mins(5));
    handle(&function, &one).await.unwrap();
    assert_eq!(aws.mails().len(), 2);
}

#[tokio::test]
async fn nothing_is_sent_without_the_ledger() {
    for fault in [
        Fault::error(400, "AccessDeniedException", "not authorized to perform dynamodb:UpdateItem"),
        Fault::error(400, "ResourceNotFoundException", "Requested resource not found"),
    ] {
        let aws = aws_with_report().await;
        aws.fail(Service::DynamoDb, [fault]);
        fails_then_sends(&aws).await;
    }
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_still_held() {
    let aws = aws_with_report().await;
    // The SDK repeats the call and finds its own claim.
    aws.fail(Service::DynamoDb, [Fault::lost_answer()]);
    assert!(handle(&function(&aws), &notification(KEY)).await.is_ok());
    assert_eq!(claims(&aws), 2);
    assert_eq!(aws.mails().len(), 1);
}

/// Delivers an event. Its claim succeeds, and marking the mail as sent fails with `faults` at
/// first.
async fn deliver_and_fail_to_mark(aws: &FakeAws, function: &Handler, faults: &[Fault]) {
    let one = batch(&[notification(KEY)]);
    // SES is called after the claim and before the mark.
    let sent = aws.until_done(Operation::SendEmail);
    tokio::join!(
        async { assert!(failed(&handle(function, &one).await.unwrap()).is_empty()) },
        async {
            sent.await;
            aws.fail(Service::DynamoDb, faults.to_vec());
        }
    );
}

#[tokio::test]
async fn marking_a_mail_as_sent_is_repeated_and_the_mail_is_not() {
    let unavailable = Fault::error(503, "ServiceUnavailable", "");
    let throttled = Fault::error(400, "ProvisionedThroughputExceededException", "");
    let internal = Fault::error(500, "InternalServerError", "");
    for faults in [
        vec![internal.clone(); 8],
        vec![unavailable.clone(); 8],
        vec![throttled.clone(); 8],
        vec![Fault::disconnect(); 8],
        vec![Fault::lost_answer(), Fault::lost_answer()],
        vec![internal, Fault::disconnect(), throttled, unavailable],
        // Each of these takes the whole time of an attempt.
        vec![Fault::hang(), Fault::hang()],
    ] {
        let aws = aws_with_report().await;
        let function = function(&aws);
        deliver_and_fail_to_mark(&aws, &function, &faults).await;
        assert_eq!(marks(&aws), faults.len() + 1, "{faults:?}");
        let one = batch(&[notification(KEY)]);
        assert!(failed(&handle(&function, &one).await.unwrap()).is_empty(), "{faults:?}");
        assert_eq!(aws.mails().len(), 1, "{faults:?}");
    }
}

#[tokio::test]
async fn a_mail_that_can_not_be_marked_is_not_repeated_before_its_lease_ends() {
    for (faults, calls) in [
        (vec![Fault::error(400, "AccessDeniedException", "no")], 1),
        (vec![Fault::disconnect(); 9], 9),
        (vec![Fault::hang(); 3], 3),
    ] {
        let aws = aws_with_report().await;
        let function = function(&aws);
        let started = std::time::Instant::now();
        deliver_and_fail_to_mark(&aws, &function, &faults).await;
        assert!(started.elapsed().as_secs() < 7, "{faults:?}");
        assert_eq!(marks(&aws), calls, "{faults:?}");
        let one = batch(&[notification(KEY)]);
        assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"], "{faults:?}");
        assert_eq!(aws.mails().len(), 1, "{faults:?}");
    }
}

#[tokio::test]
async fn an_object_that_is_gone_is_not_mailed_and_its_event_succeeds() {
    let aws = FakeAws::start().await;
    let function = function(&aws);
    // The object was deleted.
    assert!(failed(&handle(&function, &batch(&[notification(KEY)])).await.unwrap()).is_empty());
    // The object was replaced in a bucket without versions. The new one has an event of its own.
    aws.put_object("files", KEY, Object::of_size(1).etag("e2"));
    assert!(failed(&handle(&function, &batch(&[notification(KEY)])).await.unwrap()).is_empty());
    // The version was deleted, and another one exists.
    aws.put_object("files", KEY, Object::of_size(1).version("v3").etag("e3"));
    let mut event = notification(KEY);
    event["Records"][0]["s3"]["object"]["versionId"] = "v1".into();
    assert!(failed(&handle(&function, &batch(&[event])).await.unwrap()).is_empty());
    assert!(aws.mails().is_empty());
    assert!(aws.state().items("mails").is_empty());
}

#[tokio::test]
async fn when_s3_does_not_say_whether_the_object_exists_the_event_fails() {
    for status in [403, 500, 301] {
        let aws = aws_with_report().await;
        aws.script(move |call| {
            (call.operation == Operation::HeadObject).then(|| Reply::status(status))
        });
        let error = handle(&function(&aws), &notification(KEY)).await.unwrap_err();
        assert!(error.to_string().contains("S3 could not be asked about the file: "), "{error}");
        assert!(aws.state().items("mails").is_empty());
    }
}

#[tokio::test]
async fn a_batch_of_ten_with_one_bad_message_sends_nine_mails() {
    let aws = FakeAws::start().await;
    let mut bodies = Vec::new();
    for index in 0..10 {
        let key = format!("private-files/{index}.pdf");
        aws.put_object("files", &key, Object::of_size(1));
        bodies.push(notification(&key));
    }
    for bad in ["not JSON", r#"{"hello":"world"}"#, r#"{"Records":[{"eventSource":"aws:sns"}]}"#] {
        bodies[4] = bad.into();
        let response = handle(&function(&aws), &batch(&bodies)).await.unwrap();
        assert_eq!(failed(&response), ["m4"]);
        assert_eq!(aws.mails().len(), 9);
    }
}

#[tokio::test]
async fn a_recipient_that_ses_refuses_does_not_affect_the_others_and_none_gets_two_mails() {
    let aws = FakeAws::start().await;
    let link_to = "a@example.com,b@example.com,c@example.com";
    aws.put_object("files", KEY, Object::of_size(1).with_header(LINK_TO, link_to));
    aws.fail(Service::Ses, [Fault::error(400, "MessageRejected", "no")]);
    let function = function(&aws);
    let one = batch(&[notification(KEY)]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert_eq!(recipients(&aws), ["b@example.com", "c@example.com"]);
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(recipients(&aws), ["b@example.com", "c@example.com", "a@example.com"]);
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
    assert!(aws.mails().is_empty());
    assert_eq!(released(&aws), 1);

    let younger = function(&aws);
    assert!(failed(&handle(&younger, &one).await.unwrap()).is_empty());
    let link = mime::link(&aws.mails()[0]);
    assert_eq!(mime::parameter(&link, "X-Amz-Expires").unwrap(), "3595");
}

#[tokio::test]
async fn a_mail_is_not_handed_to_ses_where_the_end_could_cut_it_off() {
    let aws = aws_with_report().await;
    aws.script(|call| {
        if call.operation == Operation::GetBucketPolicy {
            // S3 takes its time, by the function's clock.
            pass(SignedDuration::from_secs(13));
        }
        None
    });
    let event = batch(&[notification(KEY)]);
    let event = serde_json::value::RawValue::from_string(event.to_string()).unwrap();
    let deadline = now() + SignedDuration::from_secs(30);
    let function = function(&aws);
    let response = Box::pin(function.handle(&event, "request-1", ARN, deadline)).await.unwrap();
    assert_eq!(failed(&serde_json::to_value(response).unwrap()), ["m0"]);
    assert_eq!((aws.count(Operation::GetBucketPolicy), aws.count(Operation::SendEmail)), (1, 0));
    // The next delivery need not wait for the lease.
    assert_eq!(released(&aws), 1);
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
    assert_eq!(aws.count(Operation::HeadObject) + claims(&aws), 0);
}

/// A file that S3 shows and does not open.
async fn aws_that_refuses(code: &'static str, words: &'static str) -> FakeAws {
    let aws = aws_with_report().await;
    aws.script(move |call| {
        let is_open = call.operation == Operation::GetObject;
        is_open.then(|| Reply::error(Service::S3, 403, code, words))
    });
    aws
}

#[tokio::test]
async fn a_file_in_an_archive_is_final_with_one_line_and_one_number() {
    for changes in [
        &[] as &[_],
        &[
            (
                "GRANTS",
                r#"[{"bucket":"files","prefix":"","principals":["s3-event"],"region":"eu-west-1",
                "actions":["share"]}]"#,
            ),
            ("SHARES_TABLE", "shares"),
            ("PUBLIC_URL", "https://files.example.com"),
        ],
    ] {
        let aws = aws_that_refuses("InvalidObjectState", "no").await;
        let to = "a@example.com, b@example.com, c@example.com";
        aws.state().bucket("files").current(KEY).set_header(LINK_TO, Some(to));
        let log = crate::log::Log::default();
        let _guard = log.collect();
        let function = function_with(&aws, changes);
        let answer = handle(&function, &batch(&[notification(KEY)])).await.unwrap();
        assert!(failed(&answer).is_empty());
        assert!(aws.mails().is_empty());
        assert_eq!((counted("EventsRefused"), counted("MailsFailed")), (1, 0));
        let text = log.text();
        assert_eq!(text.lines().filter(|line| line.contains("event refused")).count(), 1, "{text}");
        assert!(text.contains("restore it first") && !text.contains("link refused"), "{text}");
        assert_eq!(aws.state().items("shares").len(), 0);
        assert_eq!(released(&aws), claims(&aws), "nobody holds a claim");
    }
}

#[tokio::test]
async fn a_file_that_opens_for_nobody_is_not_mailed_and_tried_again() {
    for words in ["User is not authorized to perform: kms:Decrypt on the resource", "no"] {
        let aws = aws_that_refuses("AccessDenied", words).await;
        let function = function(&aws);
        let one = batch(&[notification(KEY)]);
        assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
        assert!(aws.mails().is_empty());
        // The permission is given.
        aws.script(|_| None);
        assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
        assert_eq!(recipients(&aws), ["alice@example.com"]);
    }
}

#[tokio::test]
async fn a_file_that_is_read_at_once_from_an_archive_is_mailed() {
    let aws = aws_with_report().await;
    let class = Some("GLACIER_IR");
    aws.state().bucket("files").current(KEY).set_header("x-amz-storage-class", class);
    assert!(
        failed(&handle(&function(&aws), &batch(&[notification(KEY)])).await.unwrap()).is_empty()
    );
    assert_eq!(recipients(&aws), ["alice@example.com"]);
}
