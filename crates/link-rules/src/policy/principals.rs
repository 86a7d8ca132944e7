//! Whether a statement's `Principal` or `NotPrincipal` means the signer.

use super::element::Element;
use super::request_context::SigningPrincipal;
use super::tristate::Truth;
use crate::arn::{self, Identity, IdentityKind};

/// Who is named by a `Principal` or a `NotPrincipal`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Principals {
    pub(super) aws: Vec<PrincipalName>,
    /// Whether accounts are named by their canonical user id, which can't be resolved here.
    pub(super) canonical_users: bool,
}

/// An entry of a `Principal`, taken apart when the policy is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PrincipalName {
    /// `*`.
    Everyone,
    /// The number of an account, in whichever partition.
    Account(String),
    /// An entry with wildcards or a policy variable, which IAM does not allow.
    Pattern,
    /// An ARN.
    Identity { partition: String, account: String, kind: NamedKind },
    /// Anything else, such as a unique id.
    Id(String),
}

/// What an ARN names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NamedKind {
    Root,
    User { name: String },
    Role { name: String },
    Session { role: String, session: String },
}

/// As whom an entry of a `Principal` names the signer. A session can be named in three ways at
/// once: as itself, as its role, and as its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Everyone,
    Account,
    /// The role or the user.
    Principal,
    Session,
    /// Not at all.
    Nobody,
    /// It can't be told.
    Unknown,
}

/// Whether a statement with this element is about the signer.
pub(super) fn concerns(element: &Element<Principals>, signer: &SigningPrincipal<'_>) -> Truth {
    match element {
        Element::Is(principals) => Truth::any(named(principals, signer).map(|named| match named {
            Named::Nobody => Truth::No,
            Named::Unknown => Truth::Unknown,
            Named::Everyone | Named::Account | Named::Principal | Named::Session => Truth::Yes,
        })),
        Element::Not(principals) => !excepts(principals, signer),
    }
}

/// Whether a `NotPrincipal` leaves the signer out of a `Deny`.
///
/// IAM asks for all names of the signer there: the account and the user, or the account, the role
/// and its session. With only some of them IAM's guide says that the signer "might" be denied.
///
/// Source: IAM user guide, "AWS JSON policy elements: `NotPrincipal`".
fn excepts(principals: &Principals, signer: &SigningPrincipal<'_>) -> Truth {
    let names: Vec<_> = named(principals, signer).collect();
    if names.contains(&Named::Everyone) {
        return Truth::Yes;
    }
    if names.iter().all(|named| *named == Named::Nobody) {
        return Truth::No;
    }
    let needed = match signer.identity().map(|identity| identity.kind) {
        Some(IdentityKind::Root) => &[Named::Account][..],
        Some(IdentityKind::User { .. }) => &[Named::Account, Named::Principal],
        _ => &[Named::Account, Named::Principal, Named::Session],
    };
    if needed.iter().all(|name| names.contains(name)) { Truth::Yes } else { Truth::Unknown }
}

fn named(principals: &Principals, signer: &SigningPrincipal<'_>) -> impl Iterator<Item = Named> {
    let canonical = principals.canonical_users.then_some(Named::Unknown);
    let us = signer.identity();
    principals.aws.iter().map(move |entry| entry.names(us, signer.user_id)).chain(canonical)
}

impl PrincipalName {
    /// An entry of a `Principal`'s `AWS`.
    pub(super) fn parse(entry: &str) -> Self {
        if entry == "*" {
            return Self::Everyone;
        }
        if arn::is_account(entry) {
            return Self::Account(entry.to_owned());
        }
        if entry.contains(['*', '$']) {
            return Self::Pattern;
        }
        let Some(Identity { partition, account, kind }) = Identity::parse(entry) else {
            return Self::Id(entry.to_owned());
        };
        let kind = match kind {
            IdentityKind::Root => NamedKind::Root,
            IdentityKind::User { name } => NamedKind::User { name: name.to_owned() },
            IdentityKind::Role { name } => NamedKind::Role { name: name.to_owned() },
            IdentityKind::Session { role, session } => {
                NamedKind::Session { role: role.to_owned(), session: session.to_owned() }
            }
        };
        Self::Identity { partition: partition.to_owned(), account: account.to_owned(), kind }
    }

    /// As whom the entry names the signer, who is `us`.
    fn names(&self, us: Option<Identity<'_>>, user_id: Option<&str>) -> Named {
        let us = match (self, us) {
            (Self::Everyone, _) => return Named::Everyone,
            (_, None) => return Named::Unknown,
            (_, Some(us)) => us,
        };
        match self {
            Self::Everyone => Named::Everyone,
            Self::Account(account) if account == us.account => Named::Account,
            Self::Account(_) => Named::Nobody,
            Self::Pattern => Named::Unknown,
            Self::Identity { partition, account, .. }
                if (partition.as_str(), account.as_str()) != (us.partition, us.account) =>
            {
                Named::Nobody
            }
            Self::Identity { kind, .. } => kind.names(us.kind),
            Self::Id(id) => names_by_id(id, us.kind, user_id),
        }
    }
}

impl NamedKind {
    /// As whom this names the signer, who is of the same account.
    fn names(&self, us: IdentityKind<'_>) -> Named {
        match (self, us) {
            (Self::Root, _) => Named::Account,
            (Self::User { name }, IdentityKind::User { name: ours })
            | (Self::Role { name }, IdentityKind::Session { role: ours, .. })
                if name == ours =>
            {
                Named::Principal
            }
            (
                Self::Session { role, session },
                IdentityKind::Session { role: our_role, session: ours },
            ) if (role.as_str(), session.as_str()) == (our_role, ours) => Named::Session,
            _ => Named::Nobody,
        }
    }
}

/// IAM shows a principal that was deleted by its unique id.
fn names_by_id(entry: &str, us: IdentityKind<'_>, user_id: Option<&str>) -> Named {
    let prefix = match us {
        IdentityKind::Session { .. } | IdentityKind::Role { .. } => "AROA",
        IdentityKind::User { .. } => "AIDA",
        IdentityKind::Root => return Named::Nobody,
    };
    match user_id {
        _ if !entry.starts_with(prefix) => Named::Nobody,
        None => Named::Unknown,
        Some(id) if id.split(':').next() == Some(entry) => Named::Principal,
        Some(_) => Named::Nobody,
    }
}
