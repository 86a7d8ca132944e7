//! The settings of a function in the tests.

use jiff::Timestamp;
use s3_link_signer::Settings;

/// The settings of a function whose region and credentials are known, and that reads no bucket's
/// policy. Of several values for one name the last counts. An empty one counts as not set.
pub(crate) fn settings(variables: &[(&str, &str)]) -> Settings {
    settings_at(Timestamp::now(), variables)
}

/// The same, for a function that starts at `now`.
pub(crate) fn settings_at(now: Timestamp, variables: &[(&str, &str)]) -> Settings {
    let usual = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "ASIALAMBDA"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "token"),
        // Most of these tests have no S3.
        ("BUCKET_POLICY", "ignore"),
    ];
    let variable = |name: &str| {
        let mut known = usual.iter().chain(variables).rev();
        known.find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    Settings::read(variable, now).unwrap()
}
