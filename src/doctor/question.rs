//! What the doctor is asked about.

use link_rules::access::{Claims, IamCaller, Principal};
use link_rules::arn::{Identity, IdentityKind, is_arn};

/// The link that the doctor is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// The bucket. `None`: the only one that the grants name.
    pub(crate) bucket: Option<String>,
    /// The object's key.
    pub(crate) key: String,
    /// One version of the object. `None` means the current one.
    pub(crate) version_id: Option<String>,
    /// Who would ask for the link. `None`: whoever may.
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

    /// The action that a link needs.
    pub(super) fn action(&self) -> &'static str {
        match self.version_id {
            Some(_) => "s3:GetObjectVersion",
            None => "s3:GetObject",
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
