//! Who signs, and what proves when the session ends.

use std::sync::Arc;

use aws_credential_types::Credentials;
use jiff::Timestamp;
use link_rules::window::SessionEnd;

use super::commands::command;
use super::iam::{IamPrincipal, Kind};
use super::{Check, Outcome};
use crate::invocation::Invocation;
use crate::links::{LinkError, Links};
use crate::sessions::{CallerIdentity, Evidence, Session};
use crate::uploads::Uploads;

/// The setting that names the role whose sessions sign links.
const SIGNING_ROLE: &str = "SIGNING_ROLE_ARN";

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
    /// The setting that names that role.
    minting_setting: &'static str,
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
            minting_setting: SIGNING_ROLE,
        }
    }

    /// No session signs, because of `why`. S3 is asked with `own_credentials`.
    fn without_session(why: String, own_credentials: Option<Credentials>) -> Self {
        let (own_identity, identity) = (Err(why.clone()), Err(why.clone()));
        Self {
            session: Err(why),
            is_known: true,
            own_credentials,
            own_identity,
            identity,
            minting_role_arn: None,
            minting_setting: SIGNING_ROLE,
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

    /// The lines that ask IAM whether the signer's own policies allow these actions, each on its resource.
    pub(super) fn simulate(&self, asked: &[(Vec<&str>, &str)]) -> Vec<String> {
        let Some(principal) = self.principal() else { return Vec::new() };
        let line = |(actions, resource): &(Vec<&str>, &str)| {
            let simulate = ["aws", "iam", "simulate-principal-policy", "--policy-source-arn"];
            let of = [principal.arn.as_str(), "--action-names"];
            command(&[&simulate[..], &of, actions, &["--resource-arns", resource]].concat())
        };
        let mut lines: Vec<_> = asked.iter().map(line).collect();
        if !principal.is_certain {
            lines.push(format!(
                "# The session's ARN leaves out the role's path. `{}` names the whole ARN.",
                command(&["aws", "iam", "get-role", "--role-name", &principal.name])
            ));
        }
        lines
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
            let none = Signing::without_session(reason, None);
            return Signing { session, minting_role_arn, ..none };
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
    Signing {
        session,
        is_known: true,
        own_credentials,
        own_identity,
        identity,
        minting_role_arn,
        minting_setting: SIGNING_ROLE,
    }
}

/// Finds out who signs an upload of `wanted` seconds. `uploads` is `None` where they are off.
pub(super) async fn find_for_uploads(
    links: &Links,
    uploads: Option<&Uploads>,
    wanted: u64,
    invocation: &Invocation,
) -> Signing {
    let credentials = match links.sessions.credentials(invocation).await {
        Ok(credentials) => credentials,
        Err(error) => {
            return Signing::without_session(format!("No upload is signed: {error}."), None);
        }
    };
    let own_identity = identity_of(links, &credentials, invocation).await;
    let Some(uploads) = uploads else {
        let off = "No upload is signed: UPLOAD_ROLE_ARN is not set. Deploy with Uploads=yes, or set it to \
                   the ARN of a role that may do s3:PutObject and that the function's role may assume.";
        let none = Signing::without_session(off.to_owned(), Some(credentials));
        return Signing { own_identity, ..none };
    };
    let minting_role_arn = Some(uploads.role_arn().to_owned());
    let (session, identity) = match uploads.session(&credentials, wanted, invocation).await {
        Ok(session) => {
            let identity = identity_of(links, &session.credentials, invocation).await;
            (Ok(session), identity)
        }
        Err(error) => {
            (Err(format!("No upload is signed: {error}.")), Err("No session signs.".to_owned()))
        }
    };
    Signing {
        session,
        is_known: true,
        own_credentials: Some(credentials),
        own_identity,
        identity,
        minting_role_arn,
        minting_setting: "UPLOAD_ROLE_ARN",
    }
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
            let sentence = format!("{} {reason}.", how_long(session, signing.minting_setting));
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
    let how_long = how_long(session, signing.minting_setting);
    Check::new("signer", outcome, format!("{who} {how_long}"))
}

/// When the session ends, and what says so. `minting_setting` names the role of minted ones.
fn how_long(session: &Session, minting_setting: &str) -> String {
    let end = session.expires_at().map(|end| end.to_string()).unwrap_or_default();
    let who_says = match session.evidence {
        Evidence::Declared => "as the provider of the credentials declares",
        Evidence::Attested => "as STS attests in a token about these very credentials",
        Evidence::Minted => {
            return format!(
                "The session ends at {end}, as STS stated when it minted the session from {minting_setting}."
            );
        }
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
