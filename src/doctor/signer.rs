//! Who signs, and what proves when the session ends.

use std::sync::Arc;

use aws_credential_types::Credentials;
use jiff::Timestamp;
use link_rules::window::SessionEnd;

use super::iam::{IamPrincipal, Kind};
use super::{Check, Outcome};
use crate::invocation::Invocation;
use crate::links::{LinkError, Links};
use crate::sessions::{CallerIdentity, Evidence, Session};

/// The session that signs, and who that is.
#[derive(Debug)]
pub(super) struct Signing {
    /// The session, or why no link is given.
    pub(super) session: Result<Arc<Session>, String>,
    /// Whether it is known whether there is a session. It is not if time ran out.
    is_known: bool,
    /// The execution role's credentials. `None` if there are none.
    pub(super) own_credentials: Option<Credentials>,
    /// Whose the execution role's credentials are. `Err` holds why that is not known.
    pub(super) own_identity: Result<Arc<CallerIdentity>, String>,
    /// Whose the session is that signs.
    pub(super) identity: Result<Arc<CallerIdentity>, String>,
    /// The role that sessions are minted from, if one is set.
    pub(super) minting_role_arn: Option<String>,
}

impl Signing {
    /// Nothing is known, because of `error`.
    pub(super) fn unknown(error: &LinkError) -> Self {
        let reason = || Err(error.to_string());
        Self {
            session: Err(error.to_string()),
            is_known: false,
            own_credentials: None,
            own_identity: reason(),
            identity: reason(),
            minting_role_arn: None,
        }
    }

    /// The credentials that would sign: the session's, or the execution role's where nothing proves
    /// when a session ends.
    pub(super) fn credentials(&self) -> Option<&Credentials> {
        match &self.session {
            Ok(session) => Some(&session.credentials),
            Err(_) => self.own_credentials.as_ref(),
        }
    }

    /// The session that policies are asked about. Where nothing proves the end of one, it is the
    /// execution role's, of which nothing else is known then.
    pub(super) fn session_for_policies(&self, now: Timestamp) -> Option<Arc<Session>> {
        if let Ok(session) = &self.session {
            return Some(Arc::clone(session));
        }
        let credentials = self.own_credentials.clone()?;
        let end = SessionEnd::At(now);
        Some(Arc::new(Session::new(credentials, Evidence::Assumed, end)))
    }

    /// The role or the user that signs.
    pub(super) fn principal(&self) -> Option<IamPrincipal> {
        let role_arn = self.session.as_ref().ok().and_then(|session| session.role_arn.as_deref());
        IamPrincipal::of(self.identity.as_ref().ok()?, role_arn)
    }

    /// The function's own role or user.
    pub(super) fn own_principal(&self) -> Option<IamPrincipal> {
        IamPrincipal::of(self.own_identity.as_ref().ok()?, None)
    }
}

/// Finds out who signs a link of `wanted` seconds.
pub(super) async fn find(links: &Links, wanted: u64, invocation: &Invocation) -> Signing {
    let minting_role_arn = links.sessions.signing_role_arn().map(str::to_owned);
    let selection = match links.sessions.select(wanted, invocation).await {
        Ok(selection) => selection,
        Err(error) => {
            let reason = error.to_string();
            let session = Err(format!("No link is given: {reason}."));
            let (own_identity, identity) = (Err(reason.clone()), Err(reason));
            let own_credentials = None;
            return Signing {
                session,
                is_known: true,
                own_credentials,
                own_identity,
                identity,
                minting_role_arn,
            };
        }
    };
    let session = match &selection.session {
        Some(session) => Ok(Arc::clone(session)),
        None => Err(selection.why_unproven(links.sessions.can_mint())),
    };
    let own_identity = identity_of(links, &selection.credentials, invocation).await;
    let identity = match &session {
        Ok(session) if session.credentials != selection.credentials => {
            identity_of(links, &session.credentials, invocation).await
        }
        _ => own_identity.clone(),
    };
    let own_credentials = Some(selection.credentials);
    Signing { session, is_known: true, own_credentials, own_identity, identity, minting_role_arn }
}

async fn identity_of(
    links: &Links,
    credentials: &Credentials,
    invocation: &Invocation,
) -> Result<Arc<CallerIdentity>, String> {
    let identity = links.sessions.caller_identity(credentials, invocation).await;
    identity.map_err(|error| format!("STS could not be asked who signs: {error}"))
}

/// The first check.
pub(super) fn check(signing: &Signing) -> Check {
    let session = match &signing.session {
        Ok(session) => session,
        Err(reason) => {
            let outcome = if signing.is_known { Outcome::Refuses } else { Outcome::Unknown };
            return Check::new("signer", outcome, reason.clone());
        }
    };
    let who = match (&signing.identity, signing.principal()) {
        (Err(reason), _) => {
            let sentence = format!("{} {reason}.", how_long(session));
            return Check::new("signer", Outcome::Unknown, sentence);
        }
        (Ok(identity), None) => format!("{} signs.", identity.arn),
        (Ok(identity), Some(principal)) => match principal.kind {
            Kind::Role => {
                format!("{}, a session of the role {}, signs.", identity.arn, principal.name)
            }
            Kind::User => format!("The user {} signs.", identity.arn),
            Kind::Root => format!(
                "The root user of the account signs ({}). Use a role instead: nothing limits what \
                 the root user's links can do.",
                identity.arn
            ),
        },
    };
    let outcome = if session.evidence.is_proof() { Outcome::Ok } else { Outcome::Unknown };
    Check::new("signer", outcome, format!("{who} {}", how_long(session)))
}

/// When the session ends, and what says so.
fn how_long(session: &Session) -> String {
    let end = session.expires_at().map(|end| end.to_string()).unwrap_or_default();
    let who_says = match session.evidence {
        Evidence::Declared => "as the provider of the credentials declares",
        Evidence::Attested => "as STS attests in a token about these very credentials",
        Evidence::Minted => "as STS stated when it minted the session from SIGNING_ROLE_ARN",
        Evidence::Assumed => {
            "as ASSUMED_SESSION_SECONDS assumes: nothing proves it, and links may end sooner. Don't \
             use that setting in production"
        }
        Evidence::Unlimited => {
            let key = session.credentials.access_key_id();
            let last = key.get(key.len().saturating_sub(4)..).unwrap_or_default();
            return format!(
                "It signs with a long-term key (its id ends with {last}): no session ends its \
                 links, and whoever gets hold of the key opens everything that it may read. Use a \
                 role instead."
            );
        }
    };
    format!("The session ends at {end}, {who_says}.")
}
