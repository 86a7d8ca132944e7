//! What is proven about a session, and which calls to STS prove it.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};
use jiff::{SignedDuration, Timestamp};
use link_rules::window::SessionEnd;
use s3_link_signer::{
    Aws, AwsSettings, CredentialsSource, Evidence, ExecutionRole, ExecutionRoleSettings, Function,
    Invocation, Minter, Selection, Sessions, Sts,
};

use fake_aws::{Call, FakeAws, Operation, Reply, token};

const ATTEST: Operation = Operation::GetWebIdentityToken;
const MINT: Operation = Operation::AssumeRole;
const HOUR: u64 = 3_600;

fn now() -> Timestamp {
    "2026-11-23T13:00:00Z".parse().unwrap()
}

fn later(minutes: i64) -> Timestamp {
    now() + SignedDuration::from_mins(minutes)
}

fn seconds(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

thread_local! {
    /// Each test has a clock of its own, because each test runs in its own thread.
    static CLOCK: Cell<Timestamp> = Cell::new(now());
}

/// An invocation that begins at `time`. The clock shows `time` until another one begins.
fn at(time: Timestamp) -> Invocation {
    CLOCK.set(time);
    Invocation::begin(|| CLOCK.get())
}

/// The same, of the function with this ARN.
fn of(arn: &str, time: Timestamp) -> Invocation {
    let function = Function { arn: Some(arn.to_owned()), ..Function::default() };
    at(time).of("request-1", function)
}

/// Session credentials as they are in Lambda's environment, without an end.
fn lambda_credentials() -> Credentials {
    Credentials::new("ASIALAMBDA", "secret", Some("token".to_owned()), None, "test")
}

fn ending(key: &str, end: Timestamp) -> Credentials {
    let end = SystemTime::try_from(end).unwrap();
    Credentials::new(key, "secret", Some("token".to_owned()), Some(end), "test")
}

/// What a test sets up: credentials, settings, and whether there is a signing role.
struct Setup {
    source: CredentialsSource,
    settings: ExecutionRoleSettings,
    mints: bool,
}

impl Setup {
    fn new(source: CredentialsSource) -> Self {
        let settings =
            ExecutionRoleSettings { function_name: "signer".to_owned(), ..Default::default() };
        Self { source, settings, mints: false }
    }

    fn lambda() -> Self {
        Self::new(CredentialsSource::environment(lambda_credentials()))
    }

    fn minting(self) -> Self {
        Self { mints: true, ..self }
    }

    fn with(mut self, change: impl FnOnce(&mut ExecutionRoleSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    fn sessions(self, server: &FakeAws) -> Sessions {
        let sts = Sts::new(Aws::new(AwsSettings {
            region: "eu-west-1".to_owned(),
            sts_endpoint: Some(server.endpoint()),
            ..AwsSettings::default()
        }));
        let role = "arn:aws:iam::123456789012:role/signer".to_owned();
        let minter = self.mints.then(|| Minter::new(role, sts.clone()));
        let execution_role = ExecutionRole::new(self.source, sts.clone(), self.settings);
        Sessions::new(execution_role, minter, sts)
    }
}

/// An STS that attests `end` and mints sessions of an hour from `now()` on.
async fn sts_attesting(end: Timestamp) -> FakeAws {
    FakeAws::scripted(move |call| match call.operation {
        ATTEST => Reply::token(&token(now(), end, "signer")),
        _ => Reply::minted("ASIAMINTED", later(60)),
    })
    .await
}

/// An STS that refuses to attest and mints sessions of an hour from `now()` on.
async fn sts_minting() -> FakeAws {
    FakeAws::scripted(|call| match call.operation {
        ATTEST => Reply::sts_error(403, "AccessDenied"),
        _ => Reply::minted("ASIAMINTED", later(60)),
    })
    .await
}

/// The session that signs: how its end is known, the end, and the access key.
fn selected(selection: &Selection) -> (Evidence, Option<Timestamp>, &str) {
    let session = selection.session.as_ref().expect("a session");
    (session.evidence, session.expires_at(), session.credentials.access_key_id())
}

fn unproven(selection: &Selection) -> String {
    assert!(selection.session.is_none(), "{selection:?}");
    selection.unproven.as_ref().expect("a reason").to_string()
}

#[tokio::test]
async fn the_attested_end_is_believed_to_the_second_and_asked_for_once() {
    let end = "2026-11-24T00:59:59Z".parse().unwrap();
    let server = sts_attesting(end).await;
    let sessions = Setup::lambda().minting().sessions(&server);
    for minutes in [0, 1, 300] {
        let selection = sessions.select(HOUR, &at(later(minutes))).await.unwrap();
        assert_eq!(selected(&selection), (Evidence::Attested, Some(end), "ASIALAMBDA"));
    }
    assert_eq!((server.count(ATTEST), server.count(MINT)), (1, 0));
}

#[tokio::test]
async fn sts_is_asked_with_the_very_credentials_for_the_shortest_token_that_nobody_trusts() {
    let server = sts_attesting(later(300)).await;
    Setup::lambda().sessions(&server).select(HOUR, &at(now())).await.unwrap();
    let Call { access_key_id, parameters, .. } = server.calls(ATTEST).remove(0);
    assert_eq!(access_key_id, "ASIALAMBDA");
    assert_eq!(parameters["Audience.member.1"], "https://s3-link-signer.invalid");
    assert_eq!(parameters["DurationSeconds"], "60");
}

#[tokio::test]
async fn a_token_about_another_function_proves_nothing_and_is_not_asked_for_again() {
    let server = FakeAws::scripted(|_| Reply::token(&token(now(), later(700), "other"))).await;
    let sessions = Setup::lambda().sessions(&server);
    for minutes in [0, 1, 600] {
        let selection = sessions.select(HOUR, &at(later(minutes))).await.unwrap();
        assert!(unproven(&selection).contains("another function"));
    }
    assert_eq!(server.count(ATTEST), 1);
}

#[tokio::test]
async fn a_refusal_names_the_fix_and_is_asked_again_after_five_minutes() {
    for (code, fix) in [
        ("AccessDenied", "allow sts:GetWebIdentityToken"),
        (
            "OutboundWebIdentityFederationDisabledException",
            "aws iam enable-outbound-web-identity-federation",
        ),
        ("SessionDurationEscalationException", "SessionDurationEscalation"),
    ] {
        let end = later(300);
        let asked = AtomicUsize::new(0);
        let server = FakeAws::scripted(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Reply::sts_error(403, code),
            _ => Reply::token(&token(CLOCK.get(), end, "signer")),
        })
        .await;
        let sessions = Setup::lambda().sessions(&server);
        for (second, calls, asked_at) in [(0, 1, 0), (299, 1, 0), (300, 2, 300), (599, 2, 300)] {
            let selection = sessions.select(HOUR, &at(seconds(second))).await.unwrap();
            assert!(unproven(&selection).contains(fix), "{selection:?}");
            assert_eq!(server.count(ATTEST), calls, "{code} at second {second}");
            assert_eq!(selection.attestation_asked_at, Some(seconds(asked_at)));
        }
        // The operator has done what the sentence says.
        let selection = sessions.select(HOUR, &at(seconds(600))).await.unwrap();
        assert_eq!(selected(&selection), (Evidence::Attested, Some(end), "ASIALAMBDA"));
        assert_eq!(selection.attestation_asked_at, Some(seconds(600)));
    }
}

#[tokio::test]
async fn no_session_is_minted_that_the_own_session_outlasts() {
    let end = "2026-11-24T00:59:59Z".parse().unwrap();
    let server = sts_attesting(end).await;
    let sessions = Setup::lambda().minting().sessions(&server);
    // Neither keeps two days. A minted session ends within the hour.
    for minutes in [0, 11, 600] {
        let selection = sessions.select(48 * HOUR, &at(later(minutes))).await.unwrap();
        assert_eq!(selected(&selection), (Evidence::Attested, Some(end), "ASIALAMBDA"));
    }
    assert_eq!(server.count(MINT), 0);
    // In the own session's last hour a new one is better.
    sessions.select(48 * HOUR, &at(later(690))).await.unwrap();
    assert_eq!(server.count(MINT), 1);
}

#[tokio::test]
async fn an_sts_that_fails_is_asked_again_but_not_within_thirty_seconds() {
    for fault in [
        Reply::sts_error(500, "InternalFailure"),
        Reply::sts_error(503, "ServiceUnavailable"),
        Reply::sts_error(400, "Throttling"),
    ] {
        let asked = Arc::new(AtomicUsize::new(0));
        let server = FakeAws::scripted(move |_| {
            // The SDK tries a call twice.
            if asked.fetch_add(1, Ordering::SeqCst) < 2 {
                fault.clone()
            } else {
                Reply::token(&token(now(), later(600), "signer"))
            }
        })
        .await;
        let sessions = Setup::lambda().sessions(&server);

        assert!(sessions.select(HOUR, &at(now())).await.unwrap().session.is_none());
        assert!(sessions.select(HOUR, &at(seconds(29))).await.unwrap().session.is_none());
        assert_eq!(server.count(ATTEST), 2);
        let selection = sessions.select(HOUR, &at(seconds(30))).await.unwrap();
        assert_eq!(selected(&selection).0, Evidence::Attested);
        assert_eq!(server.count(ATTEST), 3);
    }
}

#[tokio::test]
async fn a_call_without_an_answer_is_made_once_more_before_anything_is_refused() {
    for mints in [false, true] {
        let asked = AtomicUsize::new(0);
        let server = FakeAws::scripted(move |call| match (call.operation, mints) {
            (ATTEST, true) => Reply::sts_error(403, "AccessDenied"),
            _ if asked.fetch_add(1, Ordering::SeqCst) == 0 => Reply::hang_up(),
            (ATTEST, false) => Reply::token(&token(now(), later(600), "signer")),
            _ => Reply::minted("ASIAMINTED", later(60)),
        })
        .await;
        let setup = Setup::lambda();
        let setup = if mints { setup.minting() } else { setup };
        let selection = setup.sessions(&server).select(HOUR, &at(now())).await.unwrap();
        assert!(selection.session.is_some(), "{selection:?}");
    }
}

#[tokio::test]
async fn a_call_that_a_freeze_interrupted_starts_no_pause() {
    for mints in [false, true] {
        // The SDK tries a call twice.
        let (slow, tries) = if mints { (MINT, 2) } else { (ATTEST, 2) };
        let asked = AtomicUsize::new(0);
        let server = FakeAws::scripted(move |call| {
            if call.operation != slow {
                return Reply::sts_error(403, "AccessDenied");
            }
            if asked.fetch_add(1, Ordering::SeqCst) < tries {
                // The function is frozen for a minute in the middle of the call.
                CLOCK.set(CLOCK.get() + SignedDuration::from_mins(1));
                return Reply::hang_up();
            }
            match slow {
                ATTEST => Reply::token(&token(CLOCK.get(), later(600), "signer")),
                _ => Reply::minted("ASIAMINTED", later(60)),
            }
        })
        .await;
        let setup = Setup::lambda();
        let sessions = if mints { setup.minting() } else { setup }.sessions(&server);
        assert!(sessions.select(HOUR, &at(now())).await.unwrap().session.is_none());
        let selection = sessions.select(HOUR, &at(later(2))).await.unwrap();
        assert!(selection.session.is_some(), "{selection:?}");
    }
}

#[tokio::test]
async fn one_invocation_asks_once_however_long_it_lasts() {
    for (fault, tries) in [
        (Reply::sts_error(500, "InternalFailure"), 2),
        (Reply::sts_error(400, "Throttling"), 2),
        (Reply::sts_error(403, "AccessDenied"), 1),
    ] {
        let server = FakeAws::scripted(move |_| fault.clone()).await;
        let sessions = Setup::lambda().minting().sessions(&server);
        let invocation = at(now());
        sessions.select(HOUR, &invocation).await.unwrap();
        let calls = (server.count(ATTEST), server.count(MINT));
        assert_eq!(calls, (tries, tries), "the SDK tries a call twice that may succeed");
        for minutes in [1, 5, 14] {
            CLOCK.set(later(minutes));
            let selection = sessions.select(HOUR, &invocation).await.unwrap();
            assert!(selection.session.is_none());
            assert!(selection.not_minted.is_some());
        }
        assert_eq!((server.count(ATTEST), server.count(MINT)), calls);

        sessions.select(HOUR, &at(later(14))).await.unwrap();
        assert_eq!(server.count(ATTEST), 2 * tries);
        assert!(server.count(MINT) > calls.1, "the next invocation asks again");
    }
}

#[tokio::test]
async fn a_pause_counts_from_the_failure_and_not_from_the_call() {
    let refused = || Reply::sts_error(403, "AccessDenied");
    for (slow, attestation, minting, pause, tries) in [
        (ATTEST, Reply::sts_error(500, "InternalFailure"), refused(), 30, 2),
        (MINT, refused(), refused(), 30, 1),
        // The answer to AssumeRole can't be read.
        (MINT, refused(), Reply::token(""), 2, 1),
    ] {
        let server = FakeAws::scripted(move |call| {
            if call.operation == slow {
                // The answers take 4 s by the test's clock.
                CLOCK.set(CLOCK.get() + SignedDuration::from_secs(4 / tries));
            }
            if call.operation == ATTEST { attestation.clone() } else { minting.clone() }
        })
        .await;
        let setup = Setup::lambda();
        let setup = if slow == MINT { setup.minting() } else { setup };
        let sessions = setup.sessions(&server);
        for (second, rounds) in [(0, 1), (4, 1), (3 + pause, 1), (4 + pause, 2)] {
            sessions.select(HOUR, &at(seconds(second))).await.unwrap();
            let calls = i64::try_from(server.count(slow)).unwrap();
            assert_eq!(calls, rounds * tries, "{slow:?} at second {second}");
        }
    }
}

#[tokio::test]
async fn minted_sessions_that_have_ended_already_are_asked_for_once() {
    let server = FakeAws::scripted(|call| match call.operation {
        ATTEST => Reply::sts_error(403, "AccessDenied"),
        _ => Reply::minted("ASIAENDED", now()),
    })
    .await;
    let sessions = Setup::lambda().minting().sessions(&server);
    let invocation = at(now());
    for _ in 0..10 {
        let selection = sessions.select(HOUR, &invocation).await.unwrap();
        assert!(selection.not_minted.unwrap().to_string().contains("already ended"));
    }
    assert_eq!(server.count(MINT), 1);
}

#[tokio::test]
async fn a_provider_that_fails_is_asked_once_by_each_invocation() {
    let server = sts_minting().await;
    let provider = Rotating::new([]).failing_afterwards();
    let asked = provider.asked();
    let sessions = Setup::new(CredentialsSource::provider(provider)).sessions(&server);
    for invocation in 1..=2 {
        let time = at(later(invocation));
        for _ in 0..10 {
            sessions.select(HOUR, &time).await.unwrap_err();
        }
        assert_eq!(asked.load(Ordering::SeqCst), usize::try_from(invocation).unwrap());
    }
}

#[tokio::test]
async fn a_provider_whose_session_has_ended_is_asked_once_by_each_invocation() {
    let server = sts_minting().await;
    let provider = Rotating::new([ending("ASIAENDED", now())]);
    let asked = provider.asked();
    let sessions = Setup::new(CredentialsSource::provider(provider)).sessions(&server);
    for invocation in 1..=2 {
        let time = at(later(invocation));
        for _ in 0..10 {
            sessions.select(HOUR, &time).await.unwrap();
        }
        assert_eq!(asked.load(Ordering::SeqCst), usize::try_from(invocation).unwrap());
    }
}

/// The ARN that Lambda's context gives the function under test.
pub(crate) const FUNCTION_ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:signer";

#[tokio::test]
async fn what_sts_attested_counts_only_for_the_function_that_was_invoked() {
    for (arn, reason) in [
        (FUNCTION_ARN.to_owned(), None),
        (format!("{FUNCTION_ARN}:live"), None),
        (FUNCTION_ARN.replace("123456789012", "210987654321"), Some("another function")),
        (FUNCTION_ARN.replace("arn:aws:", "arn:aws-cn:"), Some("another function")),
        (FUNCTION_ARN.replace("eu-west-1", "us-east-1"), Some("another function")),
        (format!("{FUNCTION_ARN}-2"), Some("another function")),
        (String::new(), Some("the invocation's context holds no function's ARN")),
        ("function:signer".to_owned(), Some("the invocation's context holds no function's ARN")),
    ] {
        // Whether STS was asked during initialisation or is asked by the invocation.
        for initialised in [true, false] {
            let server = sts_attesting(later(300)).await;
            let sessions = Setup::lambda().sessions(&server);
            if initialised {
                let selection = sessions.select(HOUR, &at(now())).await.unwrap();
                assert_eq!(selected(&selection).0, Evidence::Attested);
            }
            for minutes in [1, 2] {
                let invocation = of(&arn, later(minutes));
                let selection = sessions.select(HOUR, &invocation).await.unwrap();
                match reason {
                    None => assert_eq!(selected(&selection).0, Evidence::Attested),
                    Some(reason) => assert!(unproven(&selection).contains(reason), "{arn}"),
                }
            }
            assert_eq!(server.count(ATTEST), 1, "{arn}");
        }
    }
}

#[tokio::test]
async fn a_session_of_another_function_is_replaced_by_a_minted_one() {
    let server = sts_attesting(later(300)).await;
    let sessions = Setup::lambda().minting().sessions(&server);
    sessions.select(HOUR, &at(now())).await.unwrap();
    assert_eq!(server.count(MINT), 0);
    let other = FUNCTION_ARN.replace("123456789012", "210987654321");
    let selection = sessions.select(HOUR, &of(&other, now())).await.unwrap();
    assert_eq!(selected(&selection), (Evidence::Minted, Some(later(60)), "ASIAMINTED"));
}

#[tokio::test]
async fn a_declared_end_needs_no_function_arn() {
    let server = sts_minting().await;
    let source = CredentialsSource::environment(ending("ASIADECLARED", later(120)));
    let sessions = Setup::new(source).sessions(&server);
    let selection = sessions.select(HOUR, &of("", now())).await.unwrap();
    assert_eq!(selected(&selection).0, Evidence::Declared);
}

#[tokio::test]
async fn a_token_of_another_time_is_asked_for_again_when_the_clock_may_be_right() {
    let issued_at = now();
    let server =
        FakeAws::scripted(move |_| Reply::token(&token(issued_at, later(300), "signer"))).await;
    let sessions = Setup::lambda().sessions(&server);
    let selection = sessions.select(HOUR, &at(later(6))).await.unwrap();
    assert!(unproven(&selection).contains("its iat is more than 5 minutes"), "{selection:?}");
    let selection = sessions.select(HOUR, &at(seconds(361))).await.unwrap();
    assert!(selection.session.is_none(), "the pause is not over");
    // A pause that began in the future is none.
    let selection = sessions.select(HOUR, &at(later(-1))).await.unwrap();
    assert_eq!(selected(&selection).0, Evidence::Attested, "the clock was set right");
    let sessions = Setup::lambda().sessions(&server);
    sessions.select(HOUR, &at(later(-6))).await.unwrap();
    let selection = sessions.select(HOUR, &at(now())).await.unwrap();
    assert_eq!(selected(&selection).0, Evidence::Attested);
}

#[tokio::test]
async fn a_call_that_hangs_is_given_up_after_twice_two_seconds() {
    let server = FakeAws::scripted(|_| Reply::token("x").after(Duration::from_mins(1))).await;
    let started = std::time::Instant::now();
    let selection = Setup::lambda().sessions(&server).select(HOUR, &at(now())).await.unwrap();
    let took = started.elapsed();
    assert!(unproven(&selection).contains("STS could not answer GetWebIdentityToken"));
    assert!(took >= Duration::from_millis(3_900) && took < Duration::from_secs(6), "{took:?}");
}

#[tokio::test]
async fn keys_do_not_share_evidence() {
    let server = FakeAws::scripted(|call| match call.access_key_id.as_str() {
        "ASIAONE" => Reply::token(&token(now(), later(300), "signer")),
        _ => Reply::sts_error(403, "AccessDenied"),
    })
    .await;
    let session =
        |key: &str| Credentials::new(key, "secret", Some(format!("token of {key}")), None, "test");
    let provider = Rotating::new([session("ASIAONE"), session("ASIATWO")]);
    let sessions = Setup::new(CredentialsSource::provider(provider)).sessions(&server);

    let selection = sessions.select(HOUR, &at(now())).await.unwrap();
    assert_eq!(selected(&selection), (Evidence::Attested, Some(later(300)), "ASIAONE"));
    sessions.forget();
    assert!(sessions.select(HOUR, &at(now())).await.unwrap().session.is_none());
    assert_eq!(server.count(ATTEST), 2);
}

#[tokio::test]
async fn a_key_without_an_end_is_read_again_after_fifteen_minutes_and_a_new_one_is_attested() {
    let session =
        |key: &str, token: &str| Credentials::new(key, "secret", Some(token.into()), None, "test");
    for rotated in [session("ASIATWO", "token"), session("ASIAONE", "another token")] {
        let asked = AtomicUsize::new(0);
        let server = FakeAws::scripted(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
            // It proves nothing, so it is final for the key.
            0 => Reply::token(&token(now(), later(300), "another")),
            _ => Reply::token(&token(later(15), later(300), "signer")),
        })
        .await;
        let provider = Rotating::new([session("ASIAONE", "token"), rotated.clone()]);
        let sessions = Setup::new(CredentialsSource::provider(provider)).sessions(&server);
        for minutes in [0, 14] {
            assert!(sessions.select(HOUR, &at(later(minutes))).await.unwrap().session.is_none());
        }
        assert_eq!(server.count(ATTEST), 1);
        let selection = sessions.select(HOUR, &at(later(15))).await.unwrap();
        let expected = (Evidence::Attested, Some(later(300)), rotated.access_key_id());
        assert_eq!(selected(&selection), expected);
        let signing = &selection.session.as_ref().unwrap().credentials;
        assert_eq!(signing.session_token(), rotated.session_token());
        assert_eq!(selection.credentials.session_token(), rotated.session_token());
    }
}

#[tokio::test]
async fn concurrent_callers_make_one_call() {
    let server = FakeAws::scripted(|call| {
        let reply = match call.operation {
            ATTEST => Reply::sts_error(403, "AccessDenied"),
            _ => Reply::minted("ASIAMINTED", later(60)),
        };
        reply.after(Duration::from_millis(100))
    })
    .await;
    let sessions = Arc::new(Setup::lambda().minting().sessions(&server));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let sessions = Arc::clone(&sessions);
            tokio::spawn(async move {
                sessions.select(HOUR, &at(now())).await.unwrap().session.is_some()
            })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!((server.count(ATTEST), server.count(MINT)), (1, 1));
}

#[tokio::test]
async fn a_session_is_minted_only_when_the_own_one_can_not_keep_what_was_asked() {
    let server = sts_attesting(later(10)).await;
    let sessions = Setup::lambda().minting().sessions(&server);

    let short = sessions.select(300, &at(now())).await.unwrap();
    assert_eq!(selected(&short).0, Evidence::Attested);
    assert_eq!(server.count(MINT), 0);

    let long = sessions.select(HOUR, &at(now())).await.unwrap();
    assert_eq!(selected(&long), (Evidence::Minted, Some(later(60)), "ASIAMINTED"));
    assert_eq!(server.calls(MINT)[0].parameters["DurationSeconds"], "3600");
    assert_eq!(server.count(MINT), 1);
}

#[tokio::test]
async fn the_own_session_signs_when_it_outlasts_the_minted_one() {
    let server = FakeAws::scripted(|call| match call.operation {
        ATTEST => Reply::token(&token(now(), later(55), "signer")),
        _ => Reply::minted("ASIAMINTED", later(30)),
    })
    .await;
    let sessions = Setup::lambda().minting().sessions(&server);
    let selection = sessions.select(12 * HOUR, &at(now())).await.unwrap();
    assert_eq!(selected(&selection), (Evidence::Attested, Some(later(55)), "ASIALAMBDA"));
    assert_eq!(server.count(MINT), 1);
}

#[tokio::test]
async fn a_minted_session_is_renewed_only_when_older_than_ten_minutes_and_too_short() {
    let minted = Arc::new(AtomicUsize::new(0));
    let server = FakeAws::scripted(move |call| {
        if call.operation == ATTEST {
            Reply::sts_error(403, "AccessDenied")
        } else {
            let count = minted.fetch_add(1, Ordering::SeqCst);
            Reply::minted(
                &format!("ASIAMINTED{count}"),
                later(60 + 20 * i64::try_from(count).unwrap()),
            )
        }
    })
    .await;
    let sessions = Setup::lambda().minting().sessions(&server);

    sessions.select(HOUR, &at(now())).await.unwrap();
    // The session is too short for an hour, but young.
    sessions.select(HOUR, &at(later(9))).await.unwrap();
    assert_eq!(server.count(MINT), 1);
    // It is old, but long enough.
    sessions.select(HOUR / 2, &at(later(20))).await.unwrap();
    assert_eq!(server.count(MINT), 1);
    // It is old and too short.
    let selection = sessions.select(HOUR, &at(later(20))).await.unwrap();
    assert_eq!(selected(&selection), (Evidence::Minted, Some(later(80)), "ASIAMINTED1"));
    assert_eq!(server.count(MINT), 2);
}

#[tokio::test]
async fn a_minted_session_is_used_until_its_end_when_it_can_not_be_renewed() {
    let minted = Arc::new(AtomicUsize::new(0));
    let server = FakeAws::scripted(move |call| match call.operation {
        MINT if minted.fetch_add(1, Ordering::SeqCst) == 0 => {
            Reply::minted("ASIAMINTED", later(60))
        }
        _ => Reply::sts_error(403, "AccessDenied"),
    })
    .await;
    let sessions = Setup::lambda().minting().sessions(&server);
    sessions.select(HOUR, &at(now())).await.unwrap();
    for _ in 0..5 {
        let selection = sessions.select(HOUR, &at(later(30))).await.unwrap();
        assert_eq!(selected(&selection).1, Some(later(60)));
    }
    assert_eq!(server.count(MINT), 2, "a refusal is not repeated at once");
    // Once it has ended, there is no session to sign with.
    assert!(sessions.select(HOUR, &at(later(60))).await.unwrap().session.is_none());
}

#[tokio::test]
async fn a_refused_minting_says_what_to_fix() {
    let server = FakeAws::scripted(|_| Reply::sts_error(403, "AccessDenied")).await;
    let selection =
        Setup::lambda().minting().sessions(&server).select(HOUR, &at(now())).await.unwrap();
    assert!(selection.session.is_none());
    let reason = selection.not_minted.expect("a reason").to_string();
    assert!(reason.contains("allow sts:AssumeRole"), "{reason}");
}

#[tokio::test]
async fn a_declared_end_needs_no_call() {
    let server = sts_minting().await;
    let source = CredentialsSource::environment(ending("ASIADECLARED", later(120)));
    let selection =
        Setup::new(source).minting().sessions(&server).select(HOUR, &at(now())).await.unwrap();
    assert_eq!(selected(&selection), (Evidence::Declared, Some(later(120)), "ASIADECLARED"));
    assert_eq!((server.count(ATTEST), server.count(MINT)), (0, 0));
}

#[tokio::test]
async fn an_end_that_a_provider_moves_ahead_for_the_same_key_is_not_believed() {
    let server = sts_minting().await;
    let provider = Rotating::new([ending("ASIASAME", later(5)), ending("ASIASAME", later(20))]);
    let sessions = Setup::new(CredentialsSource::provider(provider)).sessions(&server);
    for minutes in [0, 1, 4] {
        let selection = sessions.select(HOUR, &at(later(minutes))).await.unwrap();
        assert_eq!(selected(&selection), (Evidence::Declared, Some(later(5)), "ASIASAME"));
    }
}

#[tokio::test]
async fn an_end_that_a_provider_moves_back_for_the_same_key_is_believed() {
    let server = sts_minting().await;
    let provider = Rotating::new([ending("ASIASAME", later(20)), ending("ASIASAME", later(5))]);
    let sessions = Setup::new(CredentialsSource::provider(provider)).sessions(&server);
    let first = sessions.select(HOUR, &at(now())).await.unwrap();
    assert_eq!(selected(&first).1, Some(later(20)));
    let second = sessions.select(HOUR, &at(later(1))).await.unwrap();
    assert_eq!(selected(&second), (Evidence::Declared, Some(later(5)), "ASIASAME"));
}

#[tokio::test]
async fn the_provider_is_asked_for_fresher_credentials_when_the_current_ones_are_too_short() {
    let server = sts_minting().await;
    let provider = Rotating::new([ending("ASIAOLD", later(5)), ending("ASIANEW", later(300))]);
    let sessions = Setup::new(CredentialsSource::provider(provider)).sessions(&server);
    assert_eq!(selected(&sessions.select(60, &at(now())).await.unwrap()).2, "ASIAOLD");
    assert_eq!(selected(&sessions.select(60, &at(later(1))).await.unwrap()).2, "ASIAOLD");
    assert_eq!(selected(&sessions.select(HOUR, &at(later(1))).await.unwrap()).2, "ASIANEW");
}

#[tokio::test]
async fn the_current_credentials_are_kept_when_the_provider_fails_later() {
    let server = sts_minting().await;
    let provider = Rotating::new([ending("ASIAONLY", later(5))]).failing_afterwards();
    let sessions = Setup::new(CredentialsSource::provider(provider)).sessions(&server);
    sessions.select(60, &at(now())).await.unwrap();
    assert_eq!(selected(&sessions.select(HOUR, &at(later(2))).await.unwrap()).2, "ASIAONLY");
}

#[tokio::test]
async fn without_any_credentials_the_reason_is_the_provider_s() {
    let server = sts_minting().await;
    let provider = Rotating::new([]).failing_afterwards();
    let sessions = Setup::new(CredentialsSource::provider(provider)).sessions(&server);
    let error = sessions.select(HOUR, &at(now())).await.unwrap_err().to_string();
    assert!(error.contains("no credentials to sign with"), "{error}");
}

#[tokio::test]
async fn long_term_keys_are_refused_unless_the_operator_allows_them() {
    let server = sts_minting().await;
    let source = || {
        CredentialsSource::environment(Credentials::new("AKIALONG", "secret", None, None, "test"))
    };
    let selection = Setup::new(source()).sessions(&server).select(HOUR, &at(now())).await.unwrap();
    assert!(unproven(&selection).contains("ALLOW_LONG_TERM_KEYS=true"));

    let allowed = Setup::new(source()).with(|settings| settings.allow_long_term_keys = true);
    let selection = allowed.sessions(&server).select(HOUR, &at(now())).await.unwrap();
    assert_eq!(selected(&selection), (Evidence::Unlimited, None, "AKIALONG"));
    assert_eq!(selection.session.unwrap().end, SessionEnd::Never);
    assert_eq!(server.count(ATTEST), 0);
}

#[tokio::test]
async fn an_assumed_end_is_no_proof_and_sts_is_not_asked() {
    let server = sts_minting().await;
    let setup = Setup::lambda().with(|settings| settings.assumed_end = Some(later(30)));
    let selection = setup.sessions(&server).select(HOUR, &at(now())).await.unwrap();
    assert_eq!(selected(&selection), (Evidence::Assumed, Some(later(30)), "ASIALAMBDA"));
    assert!(!Evidence::Assumed.is_proof());
    assert_eq!((server.count(ATTEST), server.count(MINT)), (0, 0));
}

#[tokio::test]
async fn nothing_printed_holds_a_secret() {
    let server = sts_attesting(later(300)).await;
    let source = CredentialsSource::environment(Credentials::new(
        "ASIAPRINTED",
        "the-secret-key",
        Some("the-session-token".to_owned()),
        None,
        "test",
    ));
    let sessions = Setup::new(source).minting().sessions(&server);
    let selection = sessions.select(HOUR, &at(now())).await.unwrap();
    let minted = sessions.select(12 * HOUR, &at(later(1))).await.unwrap();
    let printed = format!("{sessions:?} {selection:?} {minted:?}");
    for secret in ["the-secret-key", "the-session-token", "minted-secret", "minted-token", "e30."] {
        assert!(!printed.contains(secret), "{printed}");
    }
    assert!(printed.contains("ASIAPRINTED"));
}

/// A provider that gives one set of credentials after the other. After the last one, it gives that
/// one again or, if `fails_afterwards` is set, an error.
#[derive(Debug)]
struct Rotating {
    left: Mutex<Vec<Credentials>>,
    fails_afterwards: bool,
    asked: Arc<AtomicUsize>,
}

impl Rotating {
    fn new(credentials: impl IntoIterator<Item = Credentials>) -> Self {
        let mut left: Vec<_> = credentials.into_iter().collect();
        left.reverse();
        Self { left: Mutex::new(left), fails_afterwards: false, asked: Arc::default() }
    }

    fn failing_afterwards(self) -> Self {
        Self { fails_afterwards: true, ..self }
    }

    /// How often credentials were asked for, also once the sessions own the provider.
    fn asked(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.asked)
    }
}

impl ProvideCredentials for Rotating {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        use aws_credential_types::provider::error::CredentialsError;
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut left = self.left.lock().unwrap();
        let next = match left.last().cloned() {
            Some(credentials) => {
                if left.len() > 1 || self.fails_afterwards {
                    left.pop();
                }
                Ok(credentials)
            }
            None => Err(CredentialsError::not_loaded("nothing left")),
        };
        future::ProvideCredentials::ready(next)
    }
}
