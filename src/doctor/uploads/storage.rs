//! With which key an upload is encrypted, and what ends one that is not finished.

use jiff::Timestamp;
use link_rules::access::UploadRules;
use link_rules::arn::is_arn;
use link_rules::lifecycle::LifecycleRule;

use super::super::commands::command;
use super::super::storage::{default_encryption, name};
use super::super::{Check, DoctorContext, Outcome};

const ENCRYPTION: &str = "x-amz-server-side-encryption";
const KMS_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";

/// The check. KMS can't be tried without an upload.
pub(super) fn encryption(examined: &DoctorContext<'_>, rules: Option<&UploadRules>) -> Check {
    let new = |outcome, sentence: String| Check::new("encryption", outcome, sentence);
    let signed = |name| rules.and_then(|rules| rules.headers.get(name));
    let default = examined.facts.default_encryption.as_ref();
    let (what, algorithm, key) = match (signed(ENCRYPTION), default) {
        (Some(algorithm), _) => {
            let what = format!("The grant's \"put_headers\" encrypt uploads with {algorithm}.");
            let default_key = default.ok().and_then(|default| default.as_ref()?.1.as_ref());
            (what, algorithm, signed(KMS_KEY).or(default_key))
        }
        (None, Ok(Some((algorithm, key)))) => {
            (default_encryption(examined), algorithm, key.as_ref())
        }
        (None, Ok(None)) => return new(Outcome::Ok, default_encryption(examined)),
        (None, Err(_)) => return new(Outcome::Unknown, default_encryption(examined)),
    };
    if !algorithm.starts_with("aws:kms") {
        return new(Outcome::Ok, format!("{what} That takes no permission."));
    }
    let Some(key) = key else {
        let sentence = format!(
            "{what} No key is named, so it is AWS's own, aws/s3, which takes no permission within the \
             bucket's account."
        );
        return new(Outcome::Ok, sentence);
    };
    let sentence = format!(
        "{what} The upload role needs kms:GenerateDataKey on {key}, and kms:Decrypt for uploads in parts, in \
         the role's policy and in the key's. Only an upload would tell whether it has them."
    );
    let actions = vec!["kms:GenerateDataKey", "kms:Decrypt"];
    // An alias or a bare id is no ARN.
    let asked = is_arn(key).then_some((actions, key.as_str()));
    let commands = asked.map(|asked| examined.signing.simulate(&[asked])).unwrap_or_default();
    new(Outcome::Unknown, sentence).with_commands(commands)
}

/// One check for each rule that ends unfinished uploads.
pub(super) fn lifecycle(examined: &DoctorContext<'_>, now: Timestamp) -> Vec<Check> {
    let facts = examined.facts;
    let new = |outcome, sentence: String| Check::new("lifecycle", outcome, sentence);
    let rules = match &facts.lifecycle {
        Err(why) => return vec![new(Outcome::Unknown, why.clone())],
        Ok(rules) => rules,
    };
    let ending = |rule: &LifecycleRule| {
        let (days, until) = (rule.unfinished_uploads_end?, rule.unfinished_until(now)?);
        let sentence = format!(
            "{} ends an upload in parts that is not finished {days} days after it began, and deletes its parts. \
             One that begins now ends at {until}.",
            name(rule)
        );
        Some(new(Outcome::Limits, sentence))
    };
    let checks: Vec<_> = rules.rules.iter().filter_map(ending).collect();
    if checks.is_empty() {
        let sentence = "No lifecycle rule ends unfinished uploads to this key: their parts are paid for until \
                        somebody deletes them. Add a rule with AbortIncompleteMultipartUpload. This lists \
                        them:";
        let commands =
            facts.bucket.as_ref().ok().map(|bucket| {
                command(&["aws", "s3api", "list-multipart-uploads", "--bucket", bucket])
            });
        let check = new(Outcome::Ok, sentence.to_owned());
        return vec![check.with_commands(commands.into_iter().collect())];
    }
    checks
}
