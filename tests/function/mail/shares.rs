//! Mails that bring shares, where the grants let mails share the file: what they say, how long their addresses work, and how
//! they are taken back.

use std::time::Duration;

use fake_aws::{Call, FakeAws, Fault, Object, Operation, Reply, Service};
use jiff::SignedDuration;
use s3_link_signer::Handler;
use serde_json::{Value, json};

use super::function::{batch, failed, function_with, handle, notification, pass};
use super::ledger::{claims, mail_items, released, share_calls};
use super::{EXPIRATION, LINK_TO, mime};

const KEY: &str = "private-files/report.pdf";
const GRANTS: &str = r#"[{"bucket":"files","prefix":"private-files/","region":"eu-west-1",
    "principals":["s3-event","alice"],"actions":["get","share"]}]"#;

async fn aws_with_report() -> FakeAws {
    let aws = FakeAws::start().await;
    aws.put_object("files", KEY, Object::of_size(1_250_000));
    aws
}

fn sharing(aws: &FakeAws) -> Handler {
    sharing_with(aws, &[])
}

fn sharing_with(aws: &FakeAws, changes: &[(&str, &str)]) -> Handler {
    let mut settings = vec![
        ("GRANTS", GRANTS),
        ("SHARES_TABLE", "shares"),
        ("PUBLIC_URL", "https://files.example.com"),
    ];
    settings.extend(changes);
    function_with(aws, &settings)
}

/// The paths of the addresses in the mails, in order.
fn paths(aws: &FakeAws) -> Vec<String> {
    let path = |link: String| link.strip_prefix("https://files.example.com").unwrap().to_owned();
    aws.mails().iter().map(mime::link).map(path).collect()
}

/// The answer to a request of `principal`, or of somebody whom nobody authenticated.
async fn request(function: &Handler, principal: Option<&str>, method: &str, path: &str) -> Value {
    let mut event = json!({
        "version": "2.0", "rawPath": path, "rawQueryString": "",
        "headers": {"accept": "application/json"},
        "requestContext": {"stage": "$default", "http": {"method": method, "path": path}},
    });
    if let Some(name) = principal {
        event["requestContext"]["authorizer"] = json!({"jwt": {"claims": {"sub": name}}});
    }
    handle(function, &event).await.unwrap()
}

async fn press(function: &Handler, path: &str) -> i64 {
    request(function, None, "POST", path).await["statusCode"].as_i64().unwrap()
}

/// The ids of the shares that the only item of the ledger names.
fn named_in_the_ledger(aws: &FakeAws) -> Vec<String> {
    let [item] = mail_items(aws).try_into().unwrap();
    let ids = item.get("share_ids").and_then(|ids| ids["SS"].as_array()).cloned();
    ids.unwrap_or_default().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_mail_says_until_when_its_address_works_and_the_address_does() {
    let aws = aws_with_report().await;
    let function = sharing(&aws);
    handle(&function, &notification(KEY)).await.unwrap();
    let [sent] = aws.mails().try_into().unwrap();
    let text = mime::text(&sent);
    assert!(text.contains("This link works until Monday 30 November 2026, 13:05 UTC"), "{text}");
    assert!(text.contains("(7 days from when this was sent)."), "{text}");
    assert_eq!(mime::header(&sent.mime, "Date"), "Mon, 23 Nov 2026 13:05:17 +0000");
    let [path] = paths(&aws).try_into().unwrap();
    assert_eq!(path.strip_prefix("/s/").unwrap().len(), 27);

    // Days later, in another session.
    pass(SignedDuration::from_hours(7 * 24) - SignedDuration::from_secs(1));
    let later = sharing(&aws);
    let facts = request(&later, None, "GET", &path).await;
    let facts: Value = serde_json::from_str(facts["body"].as_str().unwrap()).unwrap();
    assert_eq!((&facts["owner"], &facts["name"]), (&json!("Example & Sons"), &json!("report.pdf")));
    assert_eq!(press(&later, &path).await, 303);
    pass(SignedDuration::from_secs(1));
    assert_eq!(press(&later, &path).await, 410);
}

#[tokio::test]
async fn an_address_in_a_mail_goes_on_after_the_file_is_replaced_and_ends_when_it_is_deleted() {
    let aws = FakeAws::start().await;
    aws.put_object("files", KEY, Object::of_size(1).version("v1"));
    let function = sharing(&aws);
    let mut event = notification(KEY);
    event["Records"][0]["s3"]["object"]["versionId"] = "v1".into();
    handle(&function, &event).await.unwrap();
    let [path] = paths(&aws).try_into().unwrap();
    let pressed = || request(&function, None, "POST", &path);
    aws.put_object("files", KEY, Object::of_size(1).version("v2").etag("e2"));
    let answer = pressed().await;
    assert!(answer["headers"]["location"].as_str().unwrap().contains("versionId=v1"), "{answer}");
    // What S3 answers where the current version is encrypted with a key of its owner's own, and where
    // it does not tell whether there is one.
    for (of_head, of_press) in [(400, 303), (403, 410)] {
        aws.script(move |call| {
            (call.operation == Operation::HeadObject).then(|| Reply::status(of_head))
        });
        assert_eq!(pressed().await["statusCode"], of_press);
    }
    aws.script(|_| None);
    let deleted = Object::delete_marker("v3");
    aws.put_object("files", KEY, deleted);
    let answer = pressed().await;
    assert_eq!(answer["statusCode"], 410);
    assert!(answer["body"].as_str().unwrap().contains("share-withdrawn"), "{answer}");
    // The deletion is taken back.
    aws.state().bucket("files").objects.get_mut(KEY).unwrap().pop();
    assert_eq!(pressed().await["statusCode"], 303);
}

#[tokio::test]
async fn a_mail_promises_its_address_until_a_lifecycle_rule_deletes_the_file() {
    let aws = FakeAws::start().await;
    let expiration = "expiry-date=\"Thu, 26 Nov 2026 00:00:00 GMT\", rule-id=\"three days\"";
    aws.put_object(
        "files",
        KEY,
        Object::of_size(1).version("v1").with_header(EXPIRATION, expiration),
    );
    let function = sharing(&aws);
    let mut event = notification(KEY);
    event["Records"][0]["s3"]["object"]["versionId"] = "v1".into();
    handle(&function, &event).await.unwrap();
    let text = mime::text(&aws.mails()[0]);
    // Two minutes earlier, for a download that begins in the last second, and 5 s for clocks.
    assert!(text.contains("This link works until Wednesday 25 November 2026, 23:57 UTC"), "{text}");
}

#[tokio::test]
async fn an_address_in_a_mail_outlives_its_file_where_a_grant_gives_old_versions() {
    let aws = FakeAws::start().await;
    aws.put_object("files", KEY, Object::of_size(1).version("v1"));
    let grants = GRANTS.replace("\"actions\"", "\"versions\":true,\"actions\"");
    let function = sharing_with(&aws, &[("GRANTS", &grants)]);
    let mut event = notification(KEY);
    event["Records"][0]["s3"]["object"]["versionId"] = "v1".into();
    handle(&function, &event).await.unwrap();
    let [path] = paths(&aws).try_into().unwrap();
    let deleted = Object::delete_marker("v2");
    aws.put_object("files", KEY, deleted);
    assert_eq!(press(&function, &path).await, 303);
}

#[tokio::test]
async fn the_ledger_names_the_share_for_as_long_as_it_lives_and_a_week_more() {
    for (life, days) in [("604800", 30), ("7776000", 97)] {
        let aws = aws_with_report().await;
        let function = sharing_with(&aws, &[("MAIL_EXPIRES_IN", life)]);
        handle(&function, &notification(KEY)).await.unwrap();
        let item = &mail_items(&aws)[0];
        let forgotten: i64 = item["forget_at"]["N"].as_str().unwrap().parse().unwrap();
        let claimed: i64 = item["sent_at"]["N"].as_str().unwrap().parse().unwrap();
        assert_eq!(forgotten - claimed, days * 24 * 3_600);
    }
}

#[tokio::test]
async fn each_recipient_gets_a_share_of_their_own_and_the_ledger_names_it() {
    let aws = FakeAws::start().await;
    let link_to = "bob@example.com, carol@example.com";
    aws.put_object("files", KEY, Object::of_size(1).with_header(LINK_TO, link_to));
    handle(&sharing(&aws), &notification(KEY)).await.unwrap();
    let shares = aws.state().items("shares").clone();
    assert_eq!(shares.len(), 2);
    for item in mail_items(&aws) {
        let [id] = item["share_ids"]["SS"].as_array().unwrap().as_slice() else { panic!() };
        let share = &shares[id.as_str().unwrap()];
        assert_eq!(share["recipient"], item["recipient"]);
        assert_eq!(
            (share["bucket"].clone(), share["key"].clone()),
            (item["bucket"].clone(), item["key"].clone())
        );
        assert!(item.contains_key("sent_at") && !item.contains_key("link_id"));
    }
}

#[tokio::test]
async fn a_mail_that_is_sent_again_after_a_doubt_brings_an_address_that_works_and_so_does_the_first()
 {
    let aws = aws_with_report().await;
    let function = sharing(&aws);
    // SES accepts the mail, and its answer is lost.
    aws.fail(Service::Ses, [Fault::lost_answer()]);
    let one = batch(&[notification(KEY)]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    pass(SignedDuration::from_mins(6));
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    let paths = paths(&aws);
    assert_eq!(paths.len(), 2);
    assert_ne!(paths[0], paths[1]);
    for path in &paths {
        assert_eq!(press(&function, path).await, 303);
    }
    // The ledger names both, so both can be taken back.
    let named = named_in_the_ledger(&aws);
    assert_eq!(named.len(), 2);
    for id in &named {
        let path = format!("/shares/{id}");
        assert_eq!(request(&function, Some("alice"), "DELETE", &path).await["statusCode"], 204);
    }
    for path in &paths {
        assert_eq!(press(&function, path).await, 410);
    }
}

#[tokio::test]
async fn whoever_may_share_the_file_may_take_a_mail_s_address_back_and_nobody_else() {
    let aws = aws_with_report().await;
    let function = sharing(&aws);
    handle(&function, &notification(KEY)).await.unwrap();
    let [path] = paths(&aws).try_into().unwrap();
    let [id] = named_in_the_ledger(&aws).try_into().unwrap();
    let share = format!("/shares/{id}");
    for (principal, method) in
        [(Some("bob"), "DELETE"), (Some("bob"), "GET"), (Some("s3-event"), "DELETE")]
    {
        let answer = request(&function, principal, method, &share).await;
        assert_eq!(answer["statusCode"], 404, "{principal:?} {method}");
    }
    assert_eq!(request(&function, None, "DELETE", &share).await["statusCode"], 401);
    assert_eq!(press(&function, &path).await, 303);
    let read = request(&function, Some("alice"), "GET", &share).await;
    let read: Value = serde_json::from_str(read["body"].as_str().unwrap()).unwrap();
    assert_eq!((&read["state"], &read["downloads"]), (&json!("active"), &json!(1)));
    for _ in 0..2 {
        assert_eq!(request(&function, Some("alice"), "DELETE", &share).await["statusCode"], 204);
    }
    assert_eq!(press(&function, &path).await, 410);
}

#[tokio::test]
async fn a_share_of_a_mail_ends_with_the_grant_for_mails() {
    let aws = aws_with_report().await;
    handle(&sharing(&aws), &notification(KEY)).await.unwrap();
    let [path] = paths(&aws).try_into().unwrap();
    let grants = GRANTS.replace("\"s3-event\",", "");
    let without =
        function_with(&aws, &[("GRANTS", &grants), ("SHARES_TABLE", "shares"), ("MAIL_FROM", "")]);
    assert_eq!(press(&without, &path).await, 410);
}

#[tokio::test]
async fn a_throttled_mail_is_sent_again_with_the_same_share() {
    let aws = aws_with_report().await;
    let function = sharing(&aws);
    let fault = Fault::error(429, "TooManyRequestsException", "Maximum sending rate exceeded.");
    aws.fail(Service::Ses, [fault]);
    assert!(failed(&handle(&function, &batch(&[notification(KEY)])).await.unwrap()).is_empty());
    assert_eq!((aws.count(Operation::SendEmail), share_calls(&aws)), (2, 1));
    assert_eq!(named_in_the_ledger(&aws).len(), 1);
}

#[tokio::test]
async fn where_the_share_can_t_be_made_nothing_is_sent_and_the_ledger_names_none() {
    let refused = Fault::error(400, "AccessDeniedException", "not authorized");
    let aws = aws_with_report().await;
    let function = sharing(&aws);
    let one = batch(&[notification(KEY)]);
    // The claim succeeds, and the item of its content is written.
    aws.fail(Service::DynamoDb, [Fault::none(), Fault::none(), refused]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    assert!(aws.mails().is_empty());
    assert_eq!((released(&aws), named_in_the_ledger(&aws).len()), (1, 0));
    // The next delivery need not wait.
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!((aws.mails().len(), claims(&aws)), (1, 2));
}

#[tokio::test]
async fn a_mail_promises_no_more_than_grant_and_file_give() {
    for (max, expiration, until) in [
        ("86400", None, "Tuesday 24 November 2026, 13:05 UTC"),
        (
            "604800",
            Some("expiry-date=\"Wed, 25 Nov 2026 00:00:00 GMT\", rule-id=\"a\""),
            "Tuesday 24 November 2026, 23:57 UTC",
        ),
    ] {
        let aws = FakeAws::start().await;
        aws.put_object("files", KEY, Object::of_size(1).with_header(EXPIRATION, expiration));
        let limit = format!("\"max_share_expires_in\":{max},\"region\"");
        let grants = GRANTS.replace("\"region\"", &limit);
        let function = sharing_with(&aws, &[("GRANTS", &grants)]);
        handle(&function, &notification(KEY)).await.unwrap();
        let [sent] = aws.mails().try_into().unwrap();
        assert!(mime::text(&sent).contains(until), "{}", mime::text(&sent));
    }
}

#[tokio::test]
async fn a_file_that_no_grant_lets_mails_share_is_refused() {
    let aws = aws_with_report().await;
    aws.put_object("files", "asked/a", Object::of_size(1));
    let function = sharing(&aws);
    assert!(
        failed(&handle(&function, &batch(&[notification("asked/a")])).await.unwrap()).is_empty()
    );
    assert!(aws.mails().is_empty() && aws.state().items("shares").is_empty());
}

#[tokio::test]
async fn a_share_whose_mail_ses_refused_is_revoked() {
    let aws = aws_with_report().await;
    let function = sharing(&aws);
    aws.fail(Service::Ses, [Fault::error(400, "MessageRejected", "no")]);
    let one = batch(&[notification(KEY)]);
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    let revoked = |aws: &FakeAws| {
        let mut state = aws.state();
        let items = state.items("shares").values();
        items.map(|item| item.contains_key("revoked_at")).collect::<Vec<_>>()
    };
    assert_eq!(revoked(&aws), [true]);
    // The next delivery brings another one.
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    let mut all = revoked(&aws);
    all.sort_unstable();
    assert_eq!(all, [false, true]);
    assert_eq!(press(&function, &paths(&aws)[0]).await, 303);
}

#[tokio::test]
async fn a_share_whose_mail_may_have_gone_lives() {
    let aws = aws_with_report().await;
    let function = sharing(&aws);
    aws.fail(Service::Ses, [Fault::lost_answer()]);
    assert_eq!(failed(&handle(&function, &batch(&[notification(KEY)])).await.unwrap()), ["m0"]);
    assert!(!aws.state().items("shares").values().any(|item| item.contains_key("revoked_at")));
    assert_eq!(press(&function, &paths(&aws)[0]).await, 303);
}

/// Handles the events, and ends in the middle of the first call that `waits` is true of. It has no effect.
async fn handle_and_end_at(
    aws: &FakeAws,
    function: &Handler,
    event: &Value,
    waits: impl Fn(&Call) -> bool + Send + Sync + 'static,
) {
    aws.script(move |call| waits(call).then(|| Reply::status(500).after(Duration::from_mins(1))));
    let ended = tokio::time::timeout(Duration::from_secs(2), handle(function, event)).await;
    assert!(ended.is_err(), "it did not wait");
    aws.script(|_| None);
    pass(SignedDuration::from_mins(6));
}

fn hands_over(call: &Call) -> bool {
    call.operation == Operation::UpdateItem && call.body.contains("REMOVE making_share_id ADD")
}

/// The ids of the shares that open.
fn open_shares(aws: &FakeAws) -> Vec<String> {
    let mut state = aws.state();
    let items = state.items("shares").iter();
    items.filter(|(_, item)| !item.contains_key("revoked_at")).map(|(id, _)| id.clone()).collect()
}

#[tokio::test]
async fn a_share_whose_invocation_ended_before_the_mail_was_handed_to_ses_is_revoked_by_the_next() {
    let aws = aws_with_report().await;
    let function = sharing(&aws);
    let one = batch(&[notification(KEY)]);
    handle_and_end_at(&aws, &function, &one, hands_over).await;
    let left = open_shares(&aws);
    assert_eq!((left.len(), aws.mails().len(), named_in_the_ledger(&aws).len()), (1, 0, 0));
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    let [path] = paths(&aws).try_into().unwrap();
    assert_eq!(press(&function, &path).await, 303);
    assert_eq!(open_shares(&aws), named_in_the_ledger(&aws));
    assert_ne!(open_shares(&aws), left);
}

#[tokio::test]
async fn a_share_whose_invocation_ended_while_ses_had_the_mail_lives() {
    let aws = aws_with_report().await;
    let function = sharing(&aws);
    let one = batch(&[notification(KEY)]);
    let at_ses = |call: &Call| call.operation == Operation::SendEmail;
    handle_and_end_at(&aws, &function, &one, at_ses).await;
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!((open_shares(&aws).len(), named_in_the_ledger(&aws).len()), (2, 2));
}

#[tokio::test]
async fn an_invocation_that_lost_its_claim_sends_nothing() {
    let aws = aws_with_report().await;
    let function = sharing(&aws);
    let one = batch(&[notification(KEY)]);
    // The environment is frozen right after the share is made. Another one takes the claim, and sends.
    handle_and_end_at(&aws, &function, &one, hands_over).await;
    assert!(failed(&handle(&sharing(&aws), &one).await.unwrap()).is_empty());
    // What the frozen one does when it goes on.
    let calls = aws.calls(Operation::UpdateItem);
    let late = calls.iter().find(|call| hands_over(call)).unwrap();
    let named = named_in_the_ledger(&aws);
    aws.repeat(late);
    assert_eq!(named_in_the_ledger(&aws), named);
    assert_eq!((aws.mails().len(), open_shares(&aws)), (1, named));
}

#[tokio::test]
async fn a_share_that_could_not_be_revoked_is_revoked_with_the_next_claim() {
    let aws = aws_with_report().await;
    let function = sharing(&aws);
    let one = batch(&[notification(KEY)]);
    aws.fail(Service::Ses, [Fault::error(400, "MessageRejected", "no")]);
    aws.script(|call| {
        let revokes = call.body.contains("revoked_at = if_not_exists");
        revokes.then(|| Reply::error(Service::DynamoDb, 400, "AccessDeniedException", "no"))
    });
    assert_eq!(failed(&handle(&function, &one).await.unwrap()), ["m0"]);
    let left = open_shares(&aws);
    assert_eq!((left.len(), named_in_the_ledger(&aws).len()), (1, 0));
    aws.script(|_| None);
    assert!(failed(&handle(&function, &one).await.unwrap()).is_empty());
    assert_eq!(open_shares(&aws), named_in_the_ledger(&aws));
    assert_ne!(open_shares(&aws), left);
}
