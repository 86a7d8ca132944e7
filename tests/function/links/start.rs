//! What the built function logs when it starts.

use std::process::Command;

use serde_json::Value;

/// Starts the function without a Runtime API to connect to, so that it ends at once. Returns what
/// it printed.
pub(crate) fn start(variables: &[(&str, &str)]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_s3-link-signer"))
        .env_clear()
        .env("GRANTS", r#"[{"bucket":"files","prefix":"","principals":["*"]}]"#)
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "ASIASTART")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("ASSUMED_SESSION_SECONDS", "60")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn another_sts_inside_lambda_is_logged_once_as_a_warning() {
    const WARNING: &str = "STS is asked at another endpoint than AWS's";

    let inside = ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
    let sts = ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9");
    let printed = start(&[inside, sts]);
    let warnings: Vec<_> = printed.lines().filter(|line| line.contains(WARNING)).collect();
    assert_eq!(warnings.len(), 1, "{printed}");
    assert!(warnings[0].contains("WARN"), "{printed}");
    for variables in [&[inside][..], &[sts]] {
        let printed = start(variables);
        assert!(!printed.contains(WARNING), "{printed}");
    }
}

#[test]
fn a_password_in_an_endpoint_stops_the_start_and_is_not_logged() {
    let printed = start(&[("AWS_ENDPOINT_URL_STS", "http://name:hidden@127.0.0.1:9")]);
    assert!(printed.contains("AWS_ENDPOINT_URL_STS holds a user name or a password"), "{printed}");
    assert!(!printed.contains("hidden"), "{printed}");
}

/// The lines of the log at this level. The runtime, which finds no API, prints others.
fn lines(printed: &str, level: &str) -> Vec<Value> {
    let lines = printed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["level"] == level).collect()
}

const JSON: (&str, &str) = ("AWS_LAMBDA_LOG_FORMAT", "JSON");

#[test]
fn each_variable_that_only_looks_like_a_setting_is_one_warning() {
    let printed = start(&[
        JSON,
        ("BUCKET_POLCY", "require-of-somebody"),
        ("MAIL_REPLY_TO", "somebody@example.com"),
        ("GRANT", " "),
        ("MAIL_LINK", ""),
        ("TZ", ":UTC"),
        ("MAIL", "/var/mail/root"),
    ]);
    let told: Vec<_> = lines(&printed, "WARN")
        .iter()
        .map(|line| (line["message"].clone(), line["variable"].clone(), line["meant"].clone()))
        .collect();
    let message = "a variable looks like a setting and is none";
    assert_eq!(
        told,
        [
            (message.into(), "BUCKET_POLCY".into(), "BUCKET_POLICY".into()),
            (message.into(), "MAIL_REPLY_TO".into(), Value::Null),
        ]
    );
    assert!(!printed.contains("somebody"), "{printed}");
}

#[test]
fn each_setting_that_is_gone_stops_the_start_with_a_sentence_that_says_what_to_write() {
    for (name, value, instead) in [
        ("GRANTS_OBJECT", "s3://somebody/grants.json", "as in GRANTS=s3://bucket/key"),
        ("MAIL_LINK", "direct", "a mail brings a share where a grant with the action \"share\""),
        ("MAIL_FROM_NAME", "somebody", "as in MAIL_FROM=Example Ltd <files@example.com>"),
        ("MAIL_MIN_EXPIRES_IN", "60", "works for 900 seconds at least"),
        ("MAIL_SUBJECT", "somebody", "set it to nothing; the subject is"),
        ("SHARE_OPEN_SECONDS", "120", "write a time below 300 seconds as \"max_expires_in\""),
        ("BASE_PATH", "/somebody", "as the path of PUBLIC_URL"),
    ] {
        let printed = start(&[JSON, (name, value)]);
        let [line] = lines(&printed, "ERROR").try_into().unwrap();
        assert_eq!(line["message"], "a setting is missing or wrong");
        let reason = line["reason"].as_str().unwrap();
        assert!(reason.starts_with(&format!("{name} is no setting any more: ")), "{reason}");
        assert!(reason.contains(instead) && reason.len() < 400, "{reason}");
        assert!(!printed.contains("somebody"), "{printed}");
    }
}
