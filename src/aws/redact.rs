//! Takes out of an upstream's words what must not be logged, and shortens them.
//!
//! The words are redacted by their looks, because a custom endpoint may repeat what it was sent in
//! any form: links, access keys, session tokens, signatures, JWTs and the local parts of addresses.
//! What is long and looks random goes too. A secret that an upstream has cut into short pieces can't
//! be told from words.

/// What stands in place of what was taken out.
const REDACTED: &str = "[…]";

/// The longest text that is kept, in characters.
const MAX_LENGTH: usize = 300;

/// The longest run of letters, digits and base64's other characters that is kept, in bytes. Names
/// of AWS's actions and of error codes are shorter, and session tokens, signatures and secret keys
/// are longer.
const MAX_RUN: usize = 31;

/// The longest name of a role, a user or a session, in bytes.
///
/// Source: IAM user guide, "IAM and AWS STS quotas", name length limits.
const MAX_NAME: usize = 64;

/// The length of an access key's id.
const KEY_ID_LENGTH: usize = 20;

/// The first line of `text`, redacted and shortened. The lines that follow the first one hold the
/// request where AWS repeats it.
pub(crate) fn redact(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut redacted = String::with_capacity(line.len().min(MAX_LENGTH));
    for word in line.split_inclusive(char::is_whitespace) {
        if redacted.chars().count() > MAX_LENGTH {
            break;
        }
        let bare = word.trim_end();
        if bare.contains("://") || bare.to_ascii_lowercase().contains("x-amz-") {
            redacted.push_str(REDACTED);
        } else {
            push_redacted(&mut redacted, bare);
        }
        redacted.push_str(&word[bare.len()..]);
    }
    if redacted.chars().count() > MAX_LENGTH {
        redacted = redacted.chars().take(MAX_LENGTH).collect();
        redacted.push('…');
    }
    redacted
}

/// Appends a word, without the runs in it that look like a secret.
fn push_redacted(redacted: &mut String, word: &str) {
    // An address keeps its domain, as everywhere in the log.
    let (before, word) = match word.rsplit_once('@') {
        Some((_, domain)) => ("…@", domain),
        None => ("", word),
    };
    redacted.push_str(before);
    let is_run = |c: char| c.is_ascii_alphanumeric() || "+/=_%.-~".contains(c);
    let mut rest = word;
    while !rest.is_empty() {
        let length = rest.find(|c| !is_run(c)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(length);
        redacted.push_str(if looks_secret(run) { REDACTED } else { run });
        let next = after.find(is_run).unwrap_or(after.len());
        let (between, after) = after.split_at(next);
        redacted.push_str(between);
        rest = after;
    }
}

fn looks_secret(run: &str) -> bool {
    holds_key_id(run) || run.starts_with("eyJ") || (run.len() > MAX_RUN && !is_path_of_names(run))
}

/// Whether an access key's id stands in the run: four letters, and sixteen that are capital or digits.
fn holds_key_id(run: &str) -> bool {
    let is_of_an_id = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    run.as_bytes().windows(KEY_ID_LENGTH).any(|window| {
        [b"AKIA", b"ASIA"].iter().any(|prefix| window.starts_with(*prefix))
            && window.iter().all(is_of_an_id)
    })
}

/// Whether a long run is the path of an ARN, such as `assumed-role/NAME/SESSION`, or a host. Long names
/// are made of words. A token behind `role/` is not.
fn is_path_of_names(run: &str) -> bool {
    let names = ["role/", "assumed-role/", "user/", "identity/", "table/", "configuration-set/"];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/_.-".contains(c);
    let is_host = run.ends_with(".amazonaws.com") || run.ends_with(".amazonaws.com.cn");
    let is_name = |part: &str| {
        part.len() <= MAX_NAME && part.split(['_', '.', '-']).all(|word| word.len() <= MAX_RUN)
    };
    run.chars().all(is_plain)
        && run.split('/').all(is_name)
        && (is_host || names.iter().any(|name| run.starts_with(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_helps_an_operator_stays() {
        for words in [
            "User: arn:aws:sts::123456789012:assumed-role/link-signer-role-of-production/signer is \
             not authorized to perform: sts:GetWebIdentityToken on resource: *",
            "The security token included in the request is expired",
            "Requested resource not found: Table: mails not found",
            "no answer: dispatch failure: io error: error trying to connect: tcp connect error: \
             Connection refused (os error 111)",
        ] {
            assert_eq!(redact(words), words);
        }
    }

    #[test]
    fn what_opens_something_goes() {
        let token = "IQoJb3JpZ2luX2VjEJr//////////wEaCWV1LXdlc3QtMSJHMEUCIQDabc/def+ghi==";
        let percented = "IQoJb3JpZ2luX2VjEJr%2F%2F%2F%2F%2FwEaCWV1LXdlc3QtMSJHMEUCIQDabc%2Fdef%3D";
        for secret in [
            token,
            percented,
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "ASIAIOSFODNN7EXAMPLE",
            "AKIAIOSFODNN7EXAMPLE",
            // 3.6 % of all ids have no digit.
            "ASIAIOSFODNNAEXAMPLE",
            "role/IQoJb3JpZ2luX2VjEJrwEaCWV1LXdlc3QtMSJHMEUCIQDabcdefghi",
            "user/34d48302eeb5edc9b05d3b7e4d8b4d8b4d8b4d8b4d8b4d8b4d8b4d8b4d8b4d8b",
            "34d48302eeb5edc9b05d3b7e4d8b4d8b4d8b4d8b4d8b4d8b4d8b4d8b4d8b4d8b",
            "eyJhbGciOiJFUzM4NCJ9.eyJhdWQiOiJ4In0.c2ln",
            "https://files.s3.eu-west-1.amazonaws.com/a?X-Amz-Signature=abc",
        ] {
            for words in [
                format!("The token {secret} is not valid"),
                format!("{{\"token\":\"{secret}\"}}"),
                format!("x-amz-security-token:{secret}"),
                format!("Credential={secret}/20261123/eu-west-1/sts/aws4_request, SignedHeaders"),
                format!("a{secret}"),
                format!("first line\n{secret}"),
            ] {
                assert!(!redact(&words).contains(secret), "{words}: {}", redact(&words));
            }
        }
        assert_eq!(
            redact("refused: alice@example.com, <b@example.org>"),
            "refused: …@example.com, …@example.org>"
        );
    }

    #[test]
    fn words_are_shortened() {
        assert!(redact(&"word ".repeat(1_000_000)).chars().count() <= MAX_LENGTH + 1);
        assert!(redact(&"a".repeat(1_000_000)).chars().count() <= MAX_LENGTH + 1);
    }
}
