//! Command lines of the AWS CLI, quoted for a POSIX shell.

use jiff::Timestamp;
use serde_json::Value;

/// A command line. Each word is quoted where it has to be.
pub(super) fn command(words: &[&str]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The ARN of an object as `Resource` of a policy that means exactly this key. IAM's wildcards are
/// escaped as it wants them.
///
/// Source: IAM user guide, "IAM policy elements: Variables and tags", special characters.
pub(super) fn resource(bucket_arn: &str, key: &str) -> String {
    let mut resource = format!("{bucket_arn}/");
    for c in key.chars() {
        match c {
            '*' | '?' | '$' => resource.extend(['$', '{', c, '}']),
            c => resource.push(c),
        }
    }
    resource
}

/// A policy that denies everything that sessions from before `instant` do.
pub(super) fn older_sessions_denied(instant: Timestamp) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"DateLessThan":{{"aws:TokenIssueTime":"{instant}"}}}}}}]}}"#
    )
}

/// A statement for a bucket's policy that denies all downloads of `resource`.
pub(super) fn downloads_denied(resource: &str) -> String {
    denied("EndLinks", r#"["s3:GetObject","s3:GetObjectVersion"]"#, resource)
}

/// The same for uploads.
pub(super) fn uploads_denied(resource: &str) -> String {
    denied("EndUploads", r#""s3:PutObject""#, resource)
}

fn denied(sid: &str, actions: &str, resource: &str) -> String {
    let resource = Value::from(resource);
    format!(
        r#"{{"Sid":"{sid}","Effect":"Deny","Principal":"*","Action":{actions},"Resource":{resource}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_more_into_them() {
        assert_eq!(command(&["aws", "s3api", "--key", "a/b.pdf"]), "aws s3api --key a/b.pdf");
        assert_eq!(
            command(&["--key", "it's $(here); \"ü\"", ""]),
            r#"--key 'it'\''s $(here); "ü"' ''"#
        );
    }

    #[test]
    fn a_resource_means_its_key_and_no_other() {
        assert_eq!(resource("arn:aws:s3:::files", "a*?$b"), "arn:aws:s3:::files/a${*}${?}${$}b");
    }
}
