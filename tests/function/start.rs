//! What the built function logs when it starts.

use std::process::Command;

/// Starts the function without a Runtime API to connect to, so that it ends at once. Returns what
/// it printed.
fn start(variables: &[(&str, &str)]) -> String {
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
    let sts = ("AWS_ENDPOINT_URL_STS", "http://name:password@127.0.0.1:9");
    let printed = start(&[inside, sts]);
    let warnings: Vec<_> = printed.lines().filter(|line| line.contains(WARNING)).collect();
    assert_eq!(warnings.len(), 1, "{printed}");
    assert!(warnings[0].contains("WARN"), "{printed}");
    assert!(!printed.contains("password"), "{printed}");
    for variables in [&[inside][..], &[sts]] {
        let printed = start(variables);
        assert!(!printed.contains(WARNING), "{printed}");
    }
}
