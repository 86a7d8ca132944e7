//! What ends the links that there are, as commands with everything filled in.

use aws_credential_types::Credentials;
use jiff::Timestamp;

use super::commands::{command, downloads_denied, older_sessions_denied, resource, uploads_denied};
use super::iam::{IamPrincipal, Kind};
use super::{Check, DoctorContext, Outcome};

/// The name of the policy that the IAM console's "Revoke active sessions" makes.
const REVOKING_POLICY: &str = "AWSRevokeOlderSessions";

/// The check.
pub(super) fn check(examined: &DoctorContext<'_>, now: Timestamp) -> Check {
    let signers = signers(examined);
    let mut commands: Vec<_> =
        signers.iter().flat_map(|signer| end_all(examined, signer, now)).collect();
    commands.extend(end_one(examined));
    let all = if signers.is_empty() {
        "Who signs is not known, so nothing is said here of ending all links."
    } else if signers.iter().any(|signer| signer.kind != Kind::Role) {
        "The first commands end all links that the key has signed, and whatever else it is used for."
    } else {
        "The first commands end all links that were signed by sessions older than now, one for each \
         role that signs. Sessions that start later go on signing."
    };
    let one = match examined.facts.bucket {
        Ok(_) => {
            " The last ones end links to this object alone: by deleting it, or by a statement for the \
             bucket's policy that keeps it."
        }
        Err(_) => "",
    };
    let outcome = if signers.is_empty() { Outcome::Unknown } else { Outcome::Ok };
    Check::new("revocation", outcome, format!("{all}{one}")).with_commands(commands)
}

/// The check of uploads. Only sessions of the upload role sign them.
pub(super) fn check_uploads(examined: &DoctorContext<'_>, now: Timestamp) -> Check {
    let role = examined.signing.minting_role_arn.as_deref().and_then(IamPrincipal::role);
    let mut commands: Vec<_> = role.iter().flat_map(|role| end_all(examined, role, now)).collect();
    if let Some(bucket_arn) = examined.facts.bucket_arn() {
        let key = examined.question.key.as_str();
        // Where the function makes keys, nobody knows the next one's.
        let statement = match key.split_once(&uuid::Uuid::nil().to_string()) {
            Some((folder, _)) => uploads_denied(&format!("{}*", resource(&bucket_arn, folder))),
            None => uploads_denied(&resource(&bucket_arn, key)),
        };
        commands.push(format!("# A statement for the bucket's policy: {statement}"));
    }
    if role.is_none() {
        let none = "No role is known that signs uploads, so nothing is said here of ending them.";
        return Check::new("revocation", Outcome::Unknown, none);
    }
    let sentence = "The first command ends all requests of uploads that were signed by sessions older than now. \
                    Sessions that start later go on signing. The last line ends uploads to this key alone, or to \
                    the folder in which the function makes keys.";
    Check::new("revocation", Outcome::Ok, sentence).with_commands(commands)
}

/// All that may have signed links: the function's own role, and the one that sessions are minted
/// from.
fn signers(examined: &DoctorContext<'_>) -> Vec<IamPrincipal> {
    let signing = examined.signing;
    let minted = signing.minting_role_arn.as_deref().and_then(IamPrincipal::role);
    let mut signers = Vec::new();
    for signer in [signing.principal(), signing.own_principal(), minted].into_iter().flatten() {
        if signers.iter().all(|other: &IamPrincipal| other.name != signer.name) {
            signers.push(signer);
        }
    }
    signers
}

/// What ends everything that this principal has signed.
fn end_all(examined: &DoctorContext<'_>, signer: &IamPrincipal, now: Timestamp) -> Vec<String> {
    match signer.kind {
        Kind::Role => {
            let document = older_sessions_denied(now);
            vec![command(&[
                "aws",
                "iam",
                "put-role-policy",
                "--role-name",
                &signer.name,
                "--policy-name",
                REVOKING_POLICY,
                "--policy-document",
                &document,
            ])]
        }
        Kind::User => {
            let key = examined.signing.credentials().map(Credentials::access_key_id);
            let last = key.and_then(|key| key.get(key.len().saturating_sub(4)..));
            vec![
                command(&["aws", "iam", "list-access-keys", "--user-name", &signer.name]),
                command(&[
                    "aws",
                    "iam",
                    "update-access-key",
                    "--user-name",
                    &signer.name,
                    "--status",
                    "Inactive",
                    "--access-key-id",
                    &format!("KEY_THAT_ENDS_WITH_{}", last.unwrap_or_default()),
                ]),
            ]
        }
        Kind::Root => vec!["# Delete the root user's access key in the IAM console.".to_owned()],
    }
}

/// What ends links to the object alone.
fn end_one(examined: &DoctorContext<'_>) -> Vec<String> {
    let (Ok(bucket), Some(bucket_arn)) = (&examined.facts.bucket, examined.facts.bucket_arn())
    else {
        return Vec::new();
    };
    let question = examined.question;
    let mut delete = vec!["aws", "s3api", "delete-object", "--bucket", bucket];
    delete.extend(["--key", question.key.as_str()]);
    let version_id = question.version_id.as_deref();
    delete.extend(version_id.into_iter().flat_map(|version_id| ["--version-id", version_id]));
    let mut lines = vec![command(&delete)];
    let has_versions =
        examined.facts.stored().is_some_and(|(storage, _)| storage.version_id.is_some());
    if version_id.is_none() && has_versions {
        let list = ["aws", "s3api", "list-object-versions", "--bucket", bucket];
        let list = command(&[&list[..], &["--prefix", &question.key]].concat());
        lines.push(
            "# A link that names a version ends with that version. These are all:".to_owned(),
        );
        lines.push(list);
    }
    let statement = downloads_denied(&resource(&bucket_arn, &question.key));
    lines.push(format!("# A statement for the bucket's policy, which keeps the file: {statement}"));
    lines
}
