//! What a mail brings: a share or a link, as the grants say for each file.

use fake_aws::{FakeAws, Object};
use s3_link_signer::Handler;

use super::function::{batch, counted, failed, function_with, handle, notification};
use super::ledger::{mail_items, share_calls};
use super::mime;
use crate::log::Log;

/// Mails share what is in `shared/`, and get what is in `got/` and in `both/`, where they may share too.
const GRANTS: &str = r#"[
    {"bucket":"files","prefix":"shared/","region":"eu-west-1","principals":["s3-event"],"actions":["share"]},
    {"bucket":"files","prefix":"both/","region":"eu-west-1","principals":["s3-event"],"actions":["get","share"]},
    {"bucket":"files","prefix":"got/","region":"eu-west-1","principals":["s3-event"]}]"#;

const SHARING: [(&str, &str); 3] =
    [("GRANTS", GRANTS), ("SHARES_TABLE", "shares"), ("PUBLIC_URL", "https://files.example.com")];

/// Mails about these files in one batch. The address in each mail, in the order of the files.
async fn mailed(aws: &FakeAws, function: &Handler, keys: &[&str]) -> Vec<String> {
    for key in keys {
        aws.put_object("files", key, Object::of_size(1));
    }
    let events: Vec<_> = keys.iter().map(|key| notification(key)).collect();
    assert!(failed(&handle(function, &batch(&events)).await.unwrap()).is_empty());
    aws.mails().iter().map(mime::link).collect()
}

fn is_share(address: &str) -> bool {
    let is_share = address.starts_with("https://files.example.com/s/");
    assert!(is_share || address.contains("X-Amz-Signature="), "{address}");
    is_share
}

#[tokio::test]
async fn one_function_mails_a_share_of_one_file_and_a_link_to_another() {
    let aws = FakeAws::start().await;
    let function = function_with(&aws, &SHARING);
    let addresses = mailed(&aws, &function, &["got/a", "shared/a", "both/a", "got/b"]).await;
    let shares: Vec<_> = addresses.iter().map(|address| is_share(address)).collect();
    assert_eq!(shares, [false, true, true, false]);
    assert_eq!(aws.state().items("shares").len(), 2);
    for item in mail_items(&aws) {
        let key = item["key"]["S"].as_str().unwrap();
        let names_share = item.contains_key("share_ids");
        assert_eq!(names_share, !key.starts_with("got/"), "{key}");
        assert_eq!(item.contains_key("link_id"), !names_share, "{key}");
        assert!(item.contains_key("sent_at"));
    }
}

#[tokio::test]
async fn a_mail_s_window_is_that_of_what_it_brings() {
    for (changes, link, share) in [
        // The session of these tests ends in an hour.
        (&[] as &[_], "3595", "Monday 30 November 2026, 13:05 UTC"),
        (&[("MAIL_EXPIRES_IN", "1800")], "1800", "Monday 23 November 2026, 13:35 UTC"),
        (&[("MAIL_EXPIRES_IN", "31536000")], "3595", "Monday 30 November 2026, 13:05 UTC"),
    ] {
        let aws = FakeAws::start().await;
        let function = function_with(&aws, &[&SHARING, changes].concat());
        let [address, _] =
            mailed(&aws, &function, &["got/a", "shared/a"]).await.try_into().unwrap();
        assert_eq!(mime::parameter(&address, "X-Amz-Expires").unwrap(), link);
        let text = mime::text(&aws.mails()[1]);
        assert!(text.contains(share), "{text}");
    }
}

#[tokio::test]
async fn without_a_table_or_an_address_a_mail_brings_a_link_where_the_grants_let_it() {
    for missing in ["SHARES_TABLE", "PUBLIC_URL"] {
        let aws = FakeAws::start().await;
        let function = function_with(&aws, &[&SHARING[..], &[(missing, "")]].concat());
        let [address] = mailed(&aws, &function, &["both/a"]).await.try_into().unwrap();
        assert!(!is_share(&address));
        assert_eq!((share_calls(&aws), counted("EventsRefused")), (0, 0));
        // Nobody gets a link that only a share was granted for.
        let addresses = mailed(&aws, &function, &["shared/a"]).await;
        assert_eq!((addresses.len(), counted("EventsRefused")), (1, 1));
    }
}

#[tokio::test]
async fn grants_for_mails_are_those_of_mail_grants_where_the_others_name_none() {
    let callers = r#"[{"bucket":"files","prefix":"","region":"eu-west-1","principals":["*"],
                       "actions":["get","share"]}]"#;
    let own = (
        "MAIL_GRANTS",
        r#"[{"bucket":"files","prefix":"in/","principals":["s3-event"],
                                   "actions":["share"]}]"#,
    );
    let aws = FakeAws::start().await;
    let function = function_with(&aws, &[&SHARING[..], &[("GRANTS", callers), own]].concat());
    let [address] = mailed(&aws, &function, &["in/a", "out/a"]).await.try_into().unwrap();
    assert!(is_share(&address));
    assert_eq!(counted("EventsRefused"), 1);
    // Grants that name mails say all of it.
    let aws = FakeAws::start().await;
    let function = function_with(&aws, &[&SHARING[..], &[own]].concat());
    let [address] = mailed(&aws, &function, &["in/a", "got/a"]).await.try_into().unwrap();
    assert!(!is_share(&address));
}

#[tokio::test]
async fn one_warning_at_the_start_says_that_mails_can_t_bring_the_shares_that_are_granted() {
    const WARNING: &str = "mails can't bring shares";
    let aws = FakeAws::start().await;
    for (changes, warnings) in [
        (&[] as &[_], 0),
        (&[("SHARES_TABLE", "")], 1),
        (&[("PUBLIC_URL", "")], 1),
        (
            &[
                ("SHARES_TABLE", ""),
                ("GRANTS", r#"[{"bucket":"files","prefix":"","principals":["s3-event"]}]"#),
            ],
            0,
        ),
    ] {
        let function = function_with(&aws, &[&SHARING[..], changes].concat());
        let log = Log::default();
        let _guard = log.collect();
        function.read_grants().await.unwrap();
        let written = log.text();
        assert_eq!(written.matches(WARNING).count(), warnings, "{written}");
        assert!(warnings == 0 || written.contains("SHARES_TABLE or PUBLIC_URL"), "{written}");
    }
}
