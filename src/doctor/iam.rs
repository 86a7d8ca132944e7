//! The IAM principal behind an identity that STS names.

use link_rules::arn::{Arn, Identity, IdentityKind};

use crate::sessions::CallerIdentity;

/// A role or a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IamPrincipal {
    /// The ARN that IAM's own commands take.
    pub(super) arn: String,
    /// The name without a path.
    pub(super) name: String,
    /// What it is.
    pub(super) kind: Kind,
    /// Whether the ARN is certain. The ARN of a role's session leaves out the role's path.
    pub(super) is_certain: bool,
}

/// What an IAM principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A role.
    Role,
    /// A user.
    User,
    /// The account's root user, whom IAM's commands can't limit.
    Root,
}

impl IamPrincipal {
    /// The principal that STS's answer names. `role_arn` is the role's own ARN, if it is known.
    pub(super) fn of(identity: &CallerIdentity, role_arn: Option<&str>) -> Option<Self> {
        let Identity { partition, account, kind } = Identity::parse(&identity.arn)?;
        let certain = |name: &str, kind| {
            let (arn, name) = (identity.arn.clone(), name.to_owned());
            Self { arn, name, kind, is_certain: true }
        };
        match kind {
            IdentityKind::Session { role, .. } => {
                Some(role_arn.and_then(Self::role).unwrap_or_else(|| Self {
                    arn: Arn::role(partition, account, role),
                    name: role.to_owned(),
                    kind: Kind::Role,
                    is_certain: false,
                }))
            }
            IdentityKind::User { name } => Some(certain(name, Kind::User)),
            IdentityKind::Root => Some(certain("root", Kind::Root)),
            // STS names a role by its session.
            IdentityKind::Role { .. } => None,
        }
    }

    /// The role with this ARN, path included.
    pub(super) fn role(arn: &str) -> Option<Self> {
        let name = Arn::parse(arn)?.role_name()?.to_owned();
        Some(Self { arn: arn.to_owned(), name, kind: Kind::Role, is_certain: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_s_arn_names_its_role_without_the_path() {
        let of = |arn: &str, role_arn| {
            let identity = CallerIdentity { arn: arn.to_owned(), user_id: "AIDA".to_owned() };
            IamPrincipal::of(&identity, role_arn).map(|found| (found.arn, found.name, found.kind))
        };
        let text = str::to_owned;
        let session = "arn:aws:sts::123456789012:assumed-role/signer/session";
        let role = "arn:aws:iam::123456789012:role/signer";
        assert_eq!(of(session, None), Some((text(role), text("signer"), Kind::Role)));
        let with_path = "arn:aws:iam::123456789012:role/links/signer";
        let found = of(session, Some(with_path));
        assert_eq!(found, Some((text(with_path), text("signer"), Kind::Role)));
        let user = "arn:aws-cn:iam::123456789012:user/staff/alice";
        assert_eq!(of(user, None), Some((text(user), text("alice"), Kind::User)));
        let root = "arn:aws:iam::123456789012:root";
        assert_eq!(of(root, None), Some((text(root), text("root"), Kind::Root)));
        assert_eq!(of("arn:aws:sts::123456789012:federated-user/bob", None), None);
        assert_eq!(of("nobody", None), None);
    }
}
