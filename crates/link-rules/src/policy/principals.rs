//! Whether a statement's `Principal` or `NotPrincipal` means the signer.

use super::document::{Element, Principals};
use super::request_context::SigningPrincipal;
use super::tristate::Truth;
use crate::arn::{self, Identity, IdentityKind};

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
    principals.aws.iter().map(|entry| names(entry, signer)).chain(canonical)
}

/// As whom `entry` names the signer.
fn names(entry: &str, signer: &SigningPrincipal<'_>) -> Named {
    if entry == "*" {
        return Named::Everyone;
    }
    let Some(us) = signer.identity() else { return Named::Unknown };
    if arn::is_account(entry) {
        return if entry == us.account { Named::Account } else { Named::Nobody };
    }
    if entry.contains(['*', '$']) {
        return Named::Unknown;
    }
    match Identity::parse(entry) {
        Some(named) if (named.partition, named.account) != (us.partition, us.account) => {
            Named::Nobody
        }
        Some(named) => match (named.kind, us.kind) {
            (IdentityKind::Root, _) => Named::Account,
            (IdentityKind::User { name }, IdentityKind::User { name: ours })
            | (IdentityKind::Role { name }, IdentityKind::Session { role: ours, .. })
                if name == ours =>
            {
                Named::Principal
            }
            (named, ours @ IdentityKind::Session { .. }) if named == ours => Named::Session,
            _ => Named::Nobody,
        },
        None => names_by_id(entry, us.kind, signer.user_id),
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
