//! What the doctor is asked about.

use link_rules::access::{Action, Claims, IamCaller, Principal};
use link_rules::arn::{Identity, IdentityKind, is_arn};

/// The link, or the upload, that the doctor is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// What is wanted of the object: [`Action::Get`] or [`Action::Put`].
    pub(crate) action: Action,
    /// The bucket. `None`: the only one that the grants name.
    pub(crate) bucket: Option<String>,
    /// The object's key.
    pub(crate) key: String,
    /// One version of the object. `None` means the current one.
    pub(crate) version_id: Option<String>,
    /// Who would ask for it. `None`: whoever may.
    pub(crate) principal: Option<Principal>,
}

impl Question {
    /// The principal that an operator names: the two words that `GRANTS` knows, an ARN that IAM
    /// would vouch for, or any other name. Only the last has `claims`.
    pub(crate) fn principal(name: String, claims: Claims) -> Principal {
        match name.as_str() {
            "anonymous" => Principal::Anonymous,
            "s3-event" => Principal::S3Event,
            arn if is_arn(arn) => Principal::Iam(caller(arn)),
            _ => Principal::Authorized { name, claims },
        }
    }

    /// Whether it is about an upload.
    pub(super) fn is_upload(&self) -> bool {
        self.action == Action::Put
    }

    /// One of these texts: about links, or about uploads.
    pub(super) fn either<'a>(&self, of_links: &'a str, of_uploads: &'a str) -> &'a str {
        if self.is_upload() { of_uploads } else { of_links }
    }

    /// The permission that it needs.
    pub(super) fn permission(&self) -> &'static str {
        match (self.action, &self.version_id) {
            (Action::Put, _) => "s3:PutObject",
            (Action::Get | Action::Share, Some(_)) => "s3:GetObjectVersion",
            (Action::Get | Action::Share, None) => "s3:GetObject",
        }
    }
}

/// The caller of this ARN. A role does not call, but its sessions do, so an operator who names a role
/// means one of them.
fn caller(arn: &str) -> IamCaller {
    match Identity::parse(arn) {
        Some(Identity { partition, account, kind: IdentityKind::Role { name } }) => {
            let session = format!("arn:{partition}:sts::{account}:assumed-role/{name}/SESSION");
            IamCaller::new(&session, None)
        }
        _ => arn.into(),
    }
}
