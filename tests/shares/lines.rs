//! What the log says of each share: to whom, by whom, and why not.

use serde_json::{Value, json};

use crate::aws::{Aws, Fault};
use crate::function::{
    ARN, GRANTS, facts, function, function_with, now, owner, press, press_with, share,
};
use crate::log::Log;

/// The fields of the last line with this message.
fn last(log: &Log, message: &str) -> Value {
    let lines = log.text();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut fields = lines.map(|line| line["fields"].clone());
    fields.rfind(|fields| fields["message"] == message).unwrap_or_default()
}

#[tokio::test]
async fn what_is_done_with_a_share_is_logged_with_its_id_and_with_who_did_it() {
    let log = Log::default();
    let _guard = log.collect();
    let aws = Aws::start().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    let path = format!("/shares/{}", made.id);
    facts(&function, &made.path).await;
    press_with(&function, &made.path, "wrong").await;
    press_with(&function, &made.path, "correct horse").await;
    owner(&function, "alice", "PATCH", &path, &json!({"unlock": true})).await;
    owner(&function, "alice", "DELETE", &path, &Value::Null).await;
    press(&function, &made.path, None).await;
    facts(&function, &made.path).await;
    for message in [
        "share made",
        "share opened",
        "share refused",
        "share downloaded",
        "share changed",
        "share revoked",
        "share not opened",
    ] {
        let line = last(&log, message);
        assert_eq!(line["share_id"], made.id.as_str(), "{message}");
        assert_eq!(line["caller"], "192.0.2.7", "{message}");
        assert_eq!(line["principal"], "alice", "{message}");
        assert_eq!(line["request_id"], "request-1", "{message}");
    }
    assert_eq!(last(&log, "share downloaded")["link_id"].as_str().unwrap().len(), 36);
    // A share that was revoked has no other cause.
    for message in ["share refused", "share not opened"] {
        let line = last(&log, message);
        assert_eq!((&line["code"], line.get("cause")), (&json!("share-withdrawn"), None));
    }

    let another = share(&function, &json!({})).await;
    let event = json!({"shares": {"revoke": {"share_id": another.id}}}).to_string();
    let event = serde_json::value::RawValue::from_string(event).unwrap();
    let deadline = now() + jiff::SignedDuration::from_secs(30);
    Box::pin(function.handle(&event, "request-2", ARN, deadline)).await.unwrap();
    let line = last(&log, "share revoked");
    assert_eq!((&line["principal"], line.get("caller")), (&json!("operator"), None));
}

#[tokio::test]
async fn a_share_that_does_not_open_says_why_in_the_log() {
    let log = Log::default();
    let _guard = log.collect();
    let aws = Aws::start().await;
    let others = GRANTS.replace("private-files/", "other-files/");
    let (granted, ungranted) = (function(&aws), function_with(&aws, &[("GRANTS", &others)]));
    let made = share(&granted, &json!({})).await;
    let says = |message: &str, code: &str, field: &str, words: &str| {
        let line = last(&log, message);
        assert_eq!(line["code"], code, "{line}");
        let text = line[field].as_str().unwrap_or_default();
        assert!(text.contains(words), "{line}");
    };

    press(&ungranted, &made.path, None).await;
    says("share refused", "share-withdrawn", "cause", "No grant gives this principal");
    facts(&ungranted, &made.path).await;
    says("share not opened", "share-withdrawn", "cause", "No grant gives this principal");

    aws.state().s3_status = Some(403);
    press(&granted, &made.path, None).await;
    says("share refused", "share-withdrawn", "cause", "S3 answered 403");
    aws.state().s3_status = None;

    aws.fail(&[Fault::Error(400, "ValidationException")]);
    press(&granted, &made.path, None).await;
    says("share refused", "share-unavailable", "detail", "SHARES_TABLE");
    aws.fail(&[Fault::Error(400, "ValidationException")]);
    facts(&granted, &made.path).await;
    says("share not opened", "share-unavailable", "detail", "SHARES_TABLE");

    // An item that this function did not write.
    aws.state().table.values_mut().next().unwrap().remove("expires_at");
    press(&granted, &made.path, None).await;
    says("share refused", "internal", "detail", "expires_at");
    facts(&granted, &made.path).await;
    says("share not opened", "internal", "detail", "expires_at");
}
