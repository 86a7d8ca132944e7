//! Grants that are an object in S3. The clock is the tests' own.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake_aws::{Call, FakeAws, Operation, Reply};
use jiff::{SignedDuration, Timestamp};
use s3_link_signer::{Handler, Settings};
use serde_json::json;

use super::evidence::FUNCTION_ARN;
use super::requests::posted;
use super::settings::settings;

/// What S3 answers when it is asked for the object.
#[derive(Clone)]
enum Stored {
    Document(String),
    Refused(u16, &'static str),
    Away,
}

/// An S3 that holds the object and honours conditions.
struct Store {
    server: FakeAws,
    stored: Arc<Mutex<Stored>>,
}

fn is_for_object(call: &Call) -> bool {
    call.operation == Operation::GetObject && call.path == "/config/grants.json"
}

impl Store {
    async fn holding(stored: Stored) -> Self {
        Self::slow(stored, Duration::ZERO).await
    }

    /// An S3 that takes its time.
    async fn slow(stored: Stored, delay: Duration) -> Self {
        let stored = Arc::new(Mutex::new(stored));
        let held = Arc::clone(&stored);
        let server = FakeAws::scripted(move |call| {
            if !is_for_object(call) {
                return None;
            }
            let reply = match held.lock().unwrap().clone() {
                Stored::Away => Reply::hang_up(),
                Stored::Refused(status, code) => Reply::s3_error(status, code),
                Stored::Document(document) => {
                    let etag = format!("\"{}\"", document.len());
                    if call.header("if-none-match") == Some(&etag) {
                        Reply::status(304)
                    } else {
                        Reply::document(&document).with_header("etag", &etag)
                    }
                }
            };
            Some(reply.after(delay))
        })
        .await;
        server.state().bucket("config").region = "eu-central-1".into();
        Self { server, stored }
    }

    fn put(&self, stored: Stored) {
        *self.stored.lock().unwrap() = stored;
    }

    /// How often the object was asked for.
    fn asked(&self) -> usize {
        self.server.calls(Operation::GetObject).iter().filter(|call| is_for_object(call)).count()
    }
}

/// A document that gives everybody what is below `prefix`. Documents of other lengths have other
/// `ETag`s.
fn granting(prefix: &str) -> Stored {
    let grants = json!([{"bucket": "files", "prefix": prefix, "principals": ["*"],
                         "region": "eu-west-1"}]);
    Stored::Document(grants.to_string())
}

static METRICS: Mutex<String> = Mutex::new(String::new());

fn handler_with(store: &Store, changes: &[(&str, &str)], clock: fn() -> Timestamp) -> Handler {
    let endpoint = store.server.endpoint();
    let end = (Timestamp::now() + SignedDuration::from_hours(12)).to_string();
    let usual = [
        ("GRANTS", "s3://config/grants.json"),
        ("AWS_LAMBDA_FUNCTION_NAME", "signer"),
        ("AWS_CREDENTIAL_EXPIRATION", end.as_str()),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
    ];
    let settings = settings(&[&usual, changes].concat());
    Handler::new(settings, clock, |line| METRICS.lock().unwrap().push_str(line))
}

/// Asks for a link to `key`. The deadline is this far ahead of the function's clock.
async fn status_within(handler: &Handler, key: &str, deadline: Timestamp, id: &str) -> u64 {
    let event = posted("alice", "/links", &json!({"key": key}));
    let answer = Box::pin(handler.handle(&event, id, FUNCTION_ARN, deadline)).await.unwrap();
    serde_json::to_value(answer).unwrap()["statusCode"].as_u64().unwrap()
}

async fn status(handler: &Handler, key: &str) -> u64 {
    status_within(handler, key, Timestamp::MAX, "request").await
}

/// How often the metric was printed for this request id.
fn alarms(id: &str) -> usize {
    let metrics = METRICS.lock().unwrap();
    metrics
        .split("{\"_aws\"")
        .filter(|line| line.contains(id) && line.contains("\"GrantsObjectInvalid\":1"))
        .count()
}

#[tokio::test]
async fn a_first_document_that_gives_no_grants_stops_the_function_with_a_sentence() {
    for (stored, expected) in [
        (
            Stored::Document("nonsense".to_owned()),
            "GRANTS: s3://config/grants.json is not a JSON array of grants: expected",
        ),
        (Stored::Document("[]".to_owned()), "s3://config/grants.json is empty: name at least one"),
        (
            Stored::Document(r#"[{"bucket":"files","prefix":"","principals":[]}]"#.to_owned()),
            "s3://config/grants.json has a wrong grant: [0].principals admits nobody",
        ),
        (
            Stored::Document(format!("[{}]", " ".repeat(256 * 1_024))),
            "s3://config/grants.json has 262146 bytes, and at most 262144 are read",
        ),
        (
            Stored::Refused(403, "AccessDenied"),
            "S3 refused GetObject on s3://config/grants.json (status 403, AccessDenied): check",
        ),
        (
            Stored::Refused(404, "NoSuchKey"),
            "(status 404, NoSuchKey): check that the object exists",
        ),
        (Stored::Away, "S3 did not give s3://config/grants.json: no answer"),
    ] {
        let store = Store::holding(stored).await;
        let handler = handler_with(&store, &[], Timestamp::now);
        let sentence = handler.read_grants().await.unwrap_err().to_string();
        assert!(sentence.contains(expected), "{sentence}");
        let sentence = handler.restored().await.unwrap_err().to_string();
        assert!(sentence.contains(expected), "after a restore: {sentence}");
    }
}

#[tokio::test]
async fn a_document_of_the_largest_size_is_read() {
    let Stored::Document(grants) = granting("") else { unreachable!() };
    let padding = " ".repeat(256 * 1_024 - grants.len());
    let store = Store::holding(Stored::Document(grants + &padding)).await;
    let handler = handler_with(&store, &[], Timestamp::now);
    handler.read_grants().await.unwrap();
    assert_eq!(status(&handler, "a").await, 200);
}

#[tokio::test]
async fn a_document_under_which_no_mail_could_be_sent_is_wrong_for_a_function_that_mails() {
    let store = Store::holding(granting("")).await;
    let mails = [
        ("MAIL_FROM", "files@example.com"),
        ("MAIL_ALLOWED_RECIPIENTS", "*@example.com"),
        ("MAIL_TABLE", "mails"),
    ];
    let handler = handler_with(&store, &mails, Timestamp::now);
    let sentence = handler.read_grants().await.unwrap_err().to_string();
    assert!(sentence.contains("no grant has the principal \"s3-event\""), "{sentence}");
}

#[tokio::test]
async fn nobody_is_granted_anything_before_the_object_is_read() {
    let store = Store::holding(Stored::Away).await;
    assert_eq!(status(&handler_with(&store, &[], Timestamp::now), "a").await, 403);
}

/// A clock of each test's own.
macro_rules! clock {
    ($later:ident, $clock:ident) => {
        static $later: AtomicI64 = AtomicI64::new(0);

        fn $clock() -> Timestamp {
            Timestamp::now() + SignedDuration::from_secs($later.load(Ordering::SeqCst))
        }
    };
}

clock!(CHANGED, clock_of_changes);

#[tokio::test]
async fn a_change_is_picked_up_after_a_minute_and_s3_is_asked_once_a_minute() {
    let store = Store::holding(granting("old/")).await;
    let handler = handler_with(&store, &[], clock_of_changes);
    handler.read_grants().await.unwrap();
    store.put(granting("newer/"));
    for (second, asked, old, new) in [
        (0, 1, 200, 403),
        (58, 1, 200, 403),
        (61, 2, 403, 200),
        (62, 2, 403, 200),
        // Nothing has changed.
        (125, 3, 403, 200),
        (3_600, 4, 403, 200),
    ] {
        CHANGED.store(second, Ordering::SeqCst);
        let got = (status(&handler, "old/a").await, status(&handler, "newer/a").await);
        assert_eq!((got, store.asked()), ((old, new), asked), "at second {second}");
    }
    let conditional = store.server.calls(Operation::GetObject);
    let conditional: Vec<_> = conditional
        .iter()
        .filter(|call| is_for_object(call))
        .map(|call| call.header("if-none-match").is_some())
        .collect();
    assert_eq!(conditional, [false, true, true, true]);
    assert_eq!(store.server.count(Operation::HeadBucket), 1, "the region is remembered");
}

clock!(WRONG, clock_of_wrong_changes);

#[tokio::test]
async fn a_wrong_change_keeps_the_last_good_grants_and_raises_the_alarm_until_it_is_right() {
    let store = Store::holding(granting("old/")).await;
    let handler = handler_with(&store, &[], clock_of_wrong_changes);
    handler.read_grants().await.unwrap();
    let mut second = 0;
    let mut minute = async |stored: Stored, key: &'static str, id: &'static str| {
        store.put(stored);
        second += 61;
        WRONG.store(second, Ordering::SeqCst);
        let status = status_within(&handler, key, Timestamp::MAX, id).await;
        // The second invocation of a minute asks nobody and counts nothing.
        assert_eq!(status_within(&handler, key, Timestamp::MAX, id).await, status);
        (status, alarms(id))
    };
    let broken = || Stored::Document("[{".to_owned());
    assert_eq!(minute(broken(), "old/a", "broken").await, (200, 1));
    // S3 says that the document is still the broken one.
    assert_eq!(minute(broken(), "old/a", "still-broken").await, (200, 1));
    assert_eq!(minute(Stored::Document("[]".to_owned()), "old/a", "empty").await, (200, 1));
    assert_eq!(minute(Stored::Refused(404, "NoSuchKey"), "old/a", "deleted").await, (200, 1));
    assert_eq!(minute(Stored::Refused(403, "AccessDenied"), "old/a", "denied").await, (200, 1));
    let large = Stored::Document(format!("[{}]", " ".repeat(256 * 1_024)));
    assert_eq!(minute(large, "old/a", "large").await, (200, 1));
    assert_eq!(minute(granting("newer/"), "newer/a", "right").await, (200, 0));
    assert_eq!(minute(granting("newer/"), "old/a", "right-again").await, (403, 0));
}

clock!(AWAY, clock_of_absences);

#[tokio::test]
async fn while_s3_is_away_the_grants_are_kept_and_no_alarm_is_raised() {
    let store = Store::holding(granting("old/")).await;
    let handler = handler_with(&store, &[], clock_of_absences);
    handler.read_grants().await.unwrap();
    for (second, stored) in [(61, Stored::Away), (122, Stored::Refused(503, "SlowDown"))] {
        store.put(stored);
        AWAY.store(second, Ordering::SeqCst);
        for _ in 0..2 {
            assert_eq!(status_within(&handler, "old/a", Timestamp::MAX, "away").await, 200);
        }
    }
    assert_eq!(alarms("away"), 0);
    let asked = store.asked();
    assert_eq!(status(&handler, "old/a").await, 200);
    assert_eq!(store.asked(), asked, "it is not asked again within the minute");
    store.put(granting("newer/"));
    AWAY.store(183, Ordering::SeqCst);
    assert_eq!(status(&handler, "newer/a").await, 200);
}

clock!(TOGETHER, clock_of_many);

#[tokio::test]
async fn concurrent_invocations_share_one_call_and_all_see_the_change() {
    let store = Store::slow(granting("old/"), Duration::from_millis(200)).await;
    let handler = handler_with(&store, &[], clock_of_many);
    handler.read_grants().await.unwrap();
    store.put(granting("newer/"));
    TOGETHER.store(61, Ordering::SeqCst);
    let all = futures_util::future::join_all((0..20).map(|_| status(&handler, "newer/a"))).await;
    assert_eq!(all, [200; 20]);
    assert_eq!(store.asked(), 2);
}

clock!(LATE, clock_of_the_late);

#[tokio::test]
async fn an_invocation_that_has_no_time_to_look_goes_on_with_what_there_is() {
    let store = Store::slow(granting("old/"), Duration::from_millis(1_500)).await;
    let handler = handler_with(&store, &[], clock_of_the_late);
    handler.read_grants().await.unwrap();
    LATE.store(61, Ordering::SeqCst);
    let deadline = clock_of_the_late() + SignedDuration::from_millis(1_300);
    assert_eq!(status_within(&handler, "old/a", deadline, "late").await, 200);
    assert!(clock_of_the_late() < deadline);
}

#[test]
fn the_grants_are_in_one_place() {
    let read = |grants: &str, object: &str| {
        let variable = |name: &str| match name {
            "GRANTS" => Some(grants.to_owned()),
            "GRANTS_OBJECT" => Some(object.to_owned()),
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            _ => None,
        };
        Settings::read(variable, Timestamp::now()).map(drop).map_err(|error| error.to_string())
    };
    let grants = json!([{"bucket": "files", "prefix": "", "principals": ["*"]}]).to_string();
    let object = "s3://config/grants.json";
    assert_eq!(read(&grants, ""), Ok(()));
    assert_eq!(read(object, ""), Ok(()));
    for (grants, gone, expected) in [
        (
            grants.as_str(),
            object,
            "GRANTS_OBJECT is no setting any more: write its value as GRANTS",
        ),
        ("", object, "GRANTS_OBJECT is no setting any more: write its value as GRANTS"),
        ("", "", "GRANTS is not set"),
        ("s3://config", "", "GRANTS is \"s3://config\": name an object as s3://bucket/key"),
        (
            "config/grants.json",
            "",
            "(an object that holds the grants is written as s3://bucket/key)",
        ),
    ] {
        let sentence = read(grants, gone).unwrap_err();
        assert!(sentence.contains(expected), "{sentence}");
    }
}

/// Grants that a function that mails adds to a document that says nothing of mails.
const MAILS: &[(&str, &str)] = &[
    ("MAIL_FROM", "files@example.com"),
    ("MAIL_ALLOWED_RECIPIENTS", "*@example.com"),
    ("MAIL_TABLE", "mails"),
    (
        "MAIL_GRANTS",
        r#"[{"bucket":"files","prefix":"in/","principals":["s3-event"],"region":"eu-west-1"}]"#,
    ),
];

/// What the function would mail about `in/a`: the prefix of the grant that covers it.
fn mailed_by(handler: &Handler) -> Option<&'static str> {
    let shown = format!("{handler:?}");
    let grants = shown.split("S3Event").count() - 1;
    assert!(grants <= 1, "{shown}");
    ["own/", "in/"].into_iter().find(|prefix| grants == 1 && shown.contains(prefix))
}

clock!(MAILED, clock_of_mails);

#[tokio::test]
async fn grants_for_mails_are_added_to_each_reading_that_names_mails_in_none() {
    let store = Store::holding(granting("a/")).await;
    let handler = handler_with(&store, MAILS, clock_of_mails);
    assert_eq!(mailed_by(&handler), None);
    handler.read_grants().await.unwrap();
    assert_eq!(mailed_by(&handler), Some("in/"));
    let own = |window: u64| {
        let grants = json!([{"bucket": "files", "prefix": "own/", "principals": ["*", "s3-event"],
                             "region": "eu-west-1", "max_expires_in": window}]);
        Stored::Document(grants.to_string())
    };
    for (minute, stored, mailed, wrong) in [
        (1, own(3_600), "own/", 0),
        // Under these no mail could be sent, so the last good ones stay.
        (2, own(60), "own/", 1),
        (3, granting("bb/"), "in/", 0),
        (4, own(3_600), "own/", 0),
    ] {
        store.put(stored);
        MAILED.store(minute * 61, Ordering::SeqCst);
        let id = format!("mails-{minute}");
        status_within(&handler, "a", Timestamp::MAX, &id).await;
        assert_eq!((mailed_by(&handler), alarms(&id)), (Some(mailed), wrong), "minute {minute}");
    }
    // No caller has got a link by a grant for mails.
    assert_eq!(status(&handler, "in/a").await, 403);
}

/// The built function, which no Runtime API awaits.
#[tokio::test]
async fn the_built_function_does_not_start_with_a_wrong_object_and_logs_the_sentence() {
    let store = Store::holding(Stored::Document("[]".to_owned())).await;
    let run = |initialization: &'static str| {
        let endpoint = store.server.endpoint();
        tokio::task::spawn_blocking(move || {
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_s3-link-signer"))
                .env_clear()
                .env("GRANTS", "s3://config/grants.json")
                .env("AWS_REGION", "eu-west-1")
                .env("AWS_ENDPOINT_URL", endpoint)
                .env("AWS_ACCESS_KEY_ID", "ASIASTART")
                .env("AWS_SECRET_ACCESS_KEY", "secret")
                .env("ASSUMED_SESSION_SECONDS", "60")
                .env("AWS_LAMBDA_INITIALIZATION_TYPE", initialization)
                .output()
                .unwrap();
            assert!(!output.status.success());
            String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
        })
    };
    let printed = run("on-demand").await.unwrap();
    assert!(printed.contains("s3://config/grants.json is empty"), "{printed}");
    let asked = store.asked();
    assert_eq!(asked, 1);
    // A snapshot must hold no grants: they are read after the restore.
    let printed = run("snap-start").await.unwrap();
    assert!(!printed.contains("is empty"), "{printed}");
    assert_eq!(store.asked(), asked);
}
