//! Writes down what this version writes, with the function itself and the tests' own AWS. The files go
//! to the target directory, and from there into a new folder of fixtures. The README there says how.

use std::path::{Path, PathBuf};

use fake_aws::{FakeAws, Fault, Item, Object, Service};
use s3_link_signer::Handler;
use serde::Serialize;
use serde_json::{Value, json};

use super::fixtures::{ANSWERED_AT, Answer, Asked, Delivered, Mail, Share, WRITTEN_AT};
use super::function::{call, deliver, function, press, set_clock, show};
use super::links::answer_of_a_link;
use crate::event::object_created;
use crate::mail::LINK_TO;
use crate::mail::mime;

/// When the last mails were begun: a minute before the answers are given.
const A_MINUTE_BEFORE: &str = "2026-11-23T13:10:57.25Z";

/// A share that is made, and what is done to it afterwards.
struct Made {
    name: &'static str,
    environment: &'static str,
    owner: Value,
    body: Value,
    afterwards: Vec<Step>,
}

enum Step {
    /// A press that gets the file.
    Press,
    /// Presses with a wrong passcode.
    Guess(usize),
    Change(Value),
    Revoke,
}

/// The arguments of [`Mail`] that a test chooses, and what happens when the mail is sent.
struct Mailed {
    name: &'static str,
    environment: &'static str,
    at: &'static str,
    key: &'static str,
    version_id: Option<&'static str>,
    link_to: Option<&'static str>,
    fault: Fault,
    delivered_again: Delivered,
}

fn session() -> Value {
    json!({"iam": {"userArn": "arn:aws:sts::123456789012:assumed-role/reports/alice"}})
}

fn carol() -> Value {
    json!({"iam": {"userArn": "arn:aws:iam::123456789012:user/carol"}})
}

/// A token as an HTTP API's JWT authorizer passes it on.
fn token(groups: &str) -> Value {
    json!({"jwt": {"claims": {
        "sub": "alice", "tenant": "acme", "groups": groups, "email": "alice@example.com",
    }}})
}

fn alice() -> Value {
    token("finance")
}

/// A Lambda authorizer's context.
fn context() -> Value {
    json!({"lambda": {"principalId": "alice", "tenant": "acme", "groups": ["hr", "finance"]}})
}

fn shares() -> Vec<Made> {
    let templates = "shares-and-mails-signer";
    let own = "own-grants-signer";
    let made = |name, environment, owner, body| Made {
        name,
        environment,
        owner,
        body,
        afterwards: Vec::new(),
    };
    let then = |made, afterwards| Made { afterwards, ..made };
    let report = |more: Value| {
        let mut body = json!({"key": "private-files/report.pdf"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let plan = json!({"key": "finance/acme/plan.pdf", "bucket": "files"});
    let scripts = json!({
        "key": "users/alice/Bericht für 2026 + Anhang.pdf", "bucket": "files",
        "filename": "報告書 2026.pdf", "content_type": "application/pdf", "disposition": "inline",
    });
    let version = json!({
        "key": "users/alice/draft.docx", "bucket": "files",
        "version_id": "UYQJ1yRpPVZfcbuQpF0Bq2Ij8z1xJnTa",
    });
    let quarter = json!({"key": "reports/2026/q3.pdf", "bucket": "files"});
    let for_bob = json!({"recipient": "Bob@example.com", "note": "für die Prüfung, Frist 30.11."});
    let passcode = json!({"passcode": "pässwort mit 空格"});
    let by_hand = "by-hand-signer";
    vec![
        made("by-hand-under-a-base-path", by_hand, alice(), report(json!({"max_downloads": 9}))),
        made("by-a-role-session", own, session(), quarter),
        made("by-a-user-for-a-recipient", templates, carol(), report(for_bob)),
        made("by-a-token-with-texts", own, alice(), plan.clone()),
        made("by-a-token-with-a-list", own, context(), plan.clone()),
        made("by-a-token-with-what-may-be-a-list", own, token("[hr finance]"), plan),
        made("named-in-another-script", own, alice(), scripts),
        made("of-a-version", own, alice(), version),
        made("chosen-passcode", templates, alice(), report(passcode.clone())),
        made("made-passcode", templates, alice(), report(json!({"passcode": true}))),
        then(
            made("three-downloads", templates, alice(), report(json!({"max_downloads": 3}))),
            vec![Step::Press],
        ),
        then(
            made("downloaded-with-a-passcode", templates, alice(), report(passcode.clone())),
            vec![Step::Guess(1), Step::Press],
        ),
        then(
            made("guessed-at", templates, alice(), report(passcode.clone())),
            vec![Step::Guess(3)],
        ),
        then(
            made("locked", templates, alice(), report(passcode.clone())),
            vec![Step::Press, Step::Guess(10)],
        ),
        then(
            made(
                "changed",
                templates,
                alice(),
                report(json!({"passcode": "correct horse", "max_downloads": 2})),
            ),
            vec![Step::Change(
                json!({"passcode": null, "max_downloads": null, "expires_in": 86_400}),
            )],
        ),
        then(made("revoked", templates, alice(), report(json!({}))), vec![Step::Revoke]),
        made("ended", templates, alice(), report(json!({"expires_in": 60}))),
        then(
            made("used-up", templates, alice(), report(json!({"max_downloads": 1}))),
            vec![Step::Press],
        ),
    ]
}

fn mails() -> Vec<Mailed> {
    let sent = |name, environment, key, version_id| Mailed {
        name,
        environment,
        at: WRITTEN_AT,
        key,
        version_id,
        link_to: None,
        fault: Fault::none(),
        delivered_again: Delivered::Already,
    };
    let (links, shares) = ("mails-mailer", "shares-and-mails-mailer");
    // SES may have sent the mail.
    let unknown = Fault::disconnect();
    let refused = Fault::error(400, "MessageRejected", "Email address is not verified.");
    let key = "private-files/ü/Résumé 2026 + 日本語.pdf";
    let version_id = Some("UYQJ1yRpPVZfcbuQpF0Bq2Ij8z1xJnTa");
    let begun =
        |mail: Mailed, at, fault, delivered_again| Mailed { at, fault, delivered_again, ..mail };
    vec![
        sent("sent-with-a-link", links, key, None),
        sent("sent-with-a-link-to-a-version", links, "private-files/report.pdf", version_id),
        Mailed {
            link_to: Some("carol@example.com"),
            ..sent(
                "sent-with-every-parameter",
                "every-parameter-mailer",
                "users/a/report.pdf",
                None,
            )
        },
        sent("sent-with-a-share", shares, key, None),
        sent("sent-with-a-share-of-a-version", shares, "private-files/report.pdf", version_id),
        begun(
            sent("lease-over", links, "private-files/over.pdf", None),
            WRITTEN_AT,
            unknown.clone(),
            Delivered::Now,
        ),
        begun(
            sent("lease-over-with-a-share", shares, "private-files/over-share.pdf", None),
            WRITTEN_AT,
            unknown.clone(),
            Delivered::Now,
        ),
        begun(
            sent("lease-holds", links, "private-files/holds.pdf", None),
            A_MINUTE_BEFORE,
            unknown.clone(),
            Delivered::Later,
        ),
        begun(
            sent("released", links, "private-files/released.pdf", None),
            A_MINUTE_BEFORE,
            refused.clone(),
            Delivered::Now,
        ),
        begun(
            sent("released-with-a-share", shares, "private-files/released-share.pdf", None),
            A_MINUTE_BEFORE,
            refused.clone(),
            Delivered::Now,
        ),
    ]
}

/// A request for a link: who asks, at which path, and the body.
type Question = (Value, &'static str, Value);

/// Requests for links, by environment.
fn asked() -> Vec<(&'static str, Vec<Question>)> {
    let report = json!({"key": "private-files/report.pdf"});
    let longest = json!({"key": "private-files/report.pdf", "expires_in": 604_800});
    let elsewhere = json!({"key": "elsewhere/report.pdf"});
    let links = "/links";
    let file = |key: &str| json!({"bucket": "files", "key": key, "expires_in": 7_200});
    let version = json!({"bucket": "files", "key": "users/alice/a", "version_id": "v1"});
    let inline = json!({"bucket": "files", "key": "users/alice/a", "disposition": "inline"});
    let inline_elsewhere =
        json!({"bucket": "files", "key": "finance/acme/a", "disposition": "inline"});
    let by_the_template = vec![
        (alice(), links, report.clone()),
        (carol(), links, longest.clone()),
        (alice(), links, elsewhere.clone()),
        (Value::Null, links, report.clone()),
    ];
    let own = vec![
        (alice(), links, file("finance/acme/plan.pdf")),
        (context(), links, file("finance/acme/plan.pdf")),
        (token("[hr finance]"), links, file("finance/acme/plan.pdf")),
        (token("hr"), links, file("finance/acme/plan.pdf")),
        (alice(), links, file("finance/other/plan.pdf")),
        (session(), links, file("reports/q3.pdf")),
        (carol(), links, file("reports/q3.pdf")),
        (alice(), links, version),
        (alice(), links, inline),
        (alice(), links, inline_elsewhere),
        (alice(), links, file("users/bob/a")),
        (Value::Null, links, file("public/a")),
        (alice(), links, file("public/a")),
        (carol(), links, json!({"bucket": "finance", "key": "a"})),
        (json!({"jwt": {"claims": {"sub": "bob@example.com"}}}), links, file("drop/a")),
    ];
    vec![
        ("default-signer", by_the_template.clone()),
        ("shares-and-mails-signer", by_the_template),
        ("own-grants-signer", own),
        (
            "by-hand-signer",
            vec![
                (alice(), "/files/links", longest),
                (alice(), "/files/links", elsewhere),
                (carol(), "/files/links", report.clone()),
                (alice(), "/files/nothing", report),
            ],
        ),
    ]
}

fn put(folder: &str, name: &str, value: &impl Serialize) {
    let to = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("written").join(folder);
    std::fs::create_dir_all(&to).unwrap();
    let text = serde_json::to_string_pretty(value).unwrap() + "\n";
    std::fs::write(to.join(name).with_extension("json"), text).unwrap();
}

/// The item of a table that is about this key.
fn item_about<'a>(items: impl Iterator<Item = &'a Item>, key: &str) -> Item {
    let [item] = items
        .filter(|item| item["key"]["S"] == key && !item.contains_key("last_mail"))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    item.clone()
}

async fn made(made: &Made) -> Share {
    set_clock(WRITTEN_AT);
    let aws = FakeAws::start().await;
    let key = made.body["key"].as_str().unwrap();
    aws.put_object("files", key, Object::of_size(1_250_000));
    let function = function(made.environment, &aws.endpoint());
    let base_path = if made.environment == "by-hand-signer" { "/files" } else { "" };
    let path = format!("{base_path}/shares");
    let answer = call(&function, &made.owner, "POST", &path, &made.body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let answer = answer.json();
    let url = answer["url"].as_str().unwrap().to_owned();
    let passcode = answer["passcode"].as_str().or(made.body["passcode"].as_str());
    let managed = format!("{path}/{}", answer["share_id"].as_str().unwrap());
    let mut cookie = None;
    for step in &made.afterwards {
        match step {
            Step::Press => {
                let pressed = press(&function, &url, passcode, None).await;
                assert_eq!(pressed.status, 303, "{pressed:?}");
                cookie = pressed.cookie;
            }
            Step::Guess(times) => {
                for _ in 0..*times {
                    press(&function, &url, Some("wrong"), None).await;
                }
            }
            Step::Change(change) => {
                let changed = call(&function, &made.owner, "PATCH", &managed, change).await;
                assert_eq!(changed.status, 200, "{changed:?}");
            }
            Step::Revoke => {
                let revoked = call(&function, &made.owner, "DELETE", &managed, &Value::Null).await;
                assert_eq!(revoked.status, 204, "{revoked:?}");
            }
        }
    }
    let item = item_about(aws.state().items("shares").values(), key);
    let has_passcode = item.contains_key("has_passcode");
    let share = Share {
        environment: made.environment.to_owned(),
        owner: made.owner.clone(),
        url,
        passcode: passcode.filter(|_| has_passcode).map(str::to_owned),
        cookie,
        shown: Answer { status: 0, fields: Value::Null },
        read: Value::Null,
        pressed: Answer { status: 0, fields: Value::Null },
        window: None,
        item,
    };
    answered(share, &aws, &function).await
}

/// The share with the answers that it gets now.
async fn answered(mut share: Share, aws: &FakeAws, function: &Handler) -> Share {
    set_clock(ANSWERED_AT);
    aws.state().items("shares").insert(share.id().to_owned(), share.item.clone());
    let refused = ["code", "state", "locked_until"];
    let shown = show(function, &share.url).await;
    share.shown = shown.answer(if shown.status == 200 { &[] } else { &refused });
    let read = call(function, &share.owner, "GET", &share.managed_at(), &Value::Null).await;
    assert_eq!(read.status, 200, "{read:?}");
    share.read = read.json();
    let pressed = press(function, &share.url, share.passcode.as_deref(), None).await;
    share.pressed = pressed.answer(&refused);
    let link = pressed.headers["location"].as_str();
    share.window = link.and_then(|link| mime::parameter(link, "X-Amz-Expires"));
    share
}

async fn mailed(mailed: &Mailed) -> Mail {
    set_clock(mailed.at);
    let aws = FakeAws::start().await;
    let (key, version_id) = (mailed.key, mailed.version_id);
    let object =
        Object::of_size(1_250_000).version(version_id).with_header(LINK_TO, mailed.link_to);
    aws.put_object("files", key, object);
    aws.fail(Service::Ses, [mailed.fault.clone()]);
    let encoded: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
    let mut event = json!({"Records": [object_created("eu-central-1", &encoded)]});
    if let Some(version_id) = version_id {
        event["Records"][0]["s3"]["object"]["versionId"] = version_id.into();
    }
    let function = function(mailed.environment, &aws.endpoint());
    deliver(&function, &event).await;
    let item = item_about(aws.state().items("mails").values(), key);
    let mime = aws.mails().pop().map(|sent| {
        if mailed.environment == "shares-and-mails-mailer" {
            let url = mime::link(&sent);
            let item = item_about(aws.state().items("shares").values(), key);
            return (String::from_utf8(sent.mime).unwrap(), Some((url, item)));
        }
        (String::from_utf8(sent.mime).unwrap(), None)
    });
    if let Some((_, Some((url, item)))) = &mime {
        let share = Share {
            environment: "shares-and-mails-signer".to_owned(),
            owner: alice(),
            url: url.clone(),
            passcode: None,
            cookie: None,
            shown: Answer { status: 0, fields: Value::Null },
            read: Value::Null,
            pressed: Answer { status: 0, fields: Value::Null },
            window: None,
            item: item.clone(),
        };
        let aws = FakeAws::start().await;
        aws.put_object("files", key, Object::of_size(1_250_000));
        let function = super::function::function(&share.environment, &aws.endpoint());
        let share = answered(share, &aws, &function).await;
        put("shares", &format!("by-a-mail-{}", mailed.name), &share);
    }
    Mail {
        environment: mailed.environment.to_owned(),
        event,
        version_id: version_id.map(str::to_owned),
        link_to: mailed.link_to.map(str::to_owned),
        delivered_again: mailed.delivered_again,
        mime: mime.map(|(mime, _)| mime.split("\r\n").map(str::to_owned).collect()),
        item,
    }
}

#[tokio::test]
#[ignore = "it writes files, for a new folder of fixtures"]
async fn write_what_this_version_writes() {
    assert!(!Path::new(env!("CARGO_TARGET_TMPDIR")).join("written").exists(), "look at it first");
    for share in shares() {
        put("shares", share.name, &made(&share).await);
    }
    for mail in mails() {
        put("mails", mail.name, &mailed(&mail).await);
    }
    set_clock(ANSWERED_AT);
    for (environment, requests) in asked() {
        let aws = FakeAws::start().await;
        let function = function(environment, &aws.endpoint());
        let mut answers = Vec::new();
        for (principal, path, body) in requests {
            let answer = answer_of_a_link(&function, &principal, path, &body).await;
            answers.push(Asked { principal, path: path.to_owned(), body, answer });
        }
        put("links", environment, &answers);
    }
}
