//! The three questions asked of STS, each with one snapshot of credentials.
//!
//! This module asks. What the answers prove is decided in the room `sessions`.

use aws_credential_types::Credentials;
use zeroize::Zeroizing;

use super::{Aws, AwsError, answered};
use crate::invocation::Invocation;

/// The audience of the tokens that STS is asked for. Nobody trusts this audience (`.invalid` can't
/// be a host, RFC 2606), so a leaked token would open nothing. The template's permission is limited
/// to it.
pub(crate) const TOKEN_AUDIENCE: &str = "https://s3-link-signer.invalid";

/// The life of such a token in seconds: the shortest that STS issues.
const TOKEN_SECONDS: i32 = 60;

/// How long a minted session is asked to last, in seconds: all that role chaining allows.
///
/// Source: IAM user guide, "Methods to assume a role": "role chaining limits your … session to a
/// maximum of one hour".
pub(crate) const MINTED_SECONDS: i32 = 3_600;

/// The session name of minted sessions in CloudTrail and in S3's access log.
const ROLE_SESSION_NAME: &str = "s3-link-signer";

/// The algorithm that signs the tokens.
pub(crate) const TOKEN_ALGORITHM: &str = "ES384";

/// Whose credentials sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallerIdentity {
    /// The ARN of a role's session, of a user, or of an account's root.
    pub(crate) arn: String,
    /// `aws:userid`, such as `AROAEXAMPLE:session`.
    pub(crate) user_id: String,
}

/// Asks STS in the function's own region. `GetWebIdentityToken` needs a regional endpoint.
///
/// A call may be made twice: a second token or a second session does no harm.
#[derive(Clone, Debug)]
pub struct Sts(Aws);

impl Sts {
    /// Asks STS through `aws`.
    #[must_use]
    pub fn new(aws: Aws) -> Self {
        Self(aws)
    }

    /// The region that is asked, which is the function's own.
    pub(crate) fn region(&self) -> &str {
        self.0.region()
    }

    /// `GetWebIdentityToken`: a JWT about `credentials`. The JWT is a bearer credential. Read it
    /// and drop it; never log, return or keep it.
    ///
    /// # Errors
    ///
    /// [`AwsError`].
    pub(crate) async fn web_identity_token(
        &self,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<Zeroizing<String>, AwsError> {
        let call = self
            .0
            .sts(credentials, invocation)
            .get_web_identity_token()
            .audience(TOKEN_AUDIENCE)
            .signing_algorithm(TOKEN_ALGORITHM)
            .duration_seconds(TOKEN_SECONDS);
        let answer = answered(call.send()).await?;
        answer.web_identity_token.map(Zeroizing::new).ok_or_else(|| without("a token"))
    }

    /// `AssumeRole` for an hour: credentials with the expiry that STS states.
    ///
    /// # Errors
    ///
    /// [`AwsError`], also when the answer lacks the credentials or their expiry.
    pub(crate) async fn assume_role(
        &self,
        credentials: &Credentials,
        role_arn: &str,
        invocation: &Invocation,
    ) -> Result<Credentials, AwsError> {
        let call = self
            .0
            .sts(credentials, invocation)
            .assume_role()
            .role_arn(role_arn)
            .role_session_name(ROLE_SESSION_NAME)
            .duration_seconds(MINTED_SECONDS);
        let answer = answered(call.send()).await?;
        let minted = answer.credentials.ok_or_else(|| without("credentials"))?;
        let expiry = (*minted.expiration())
            .try_into()
            .map_err(|_| without("an expiry within the calendar"))?;
        Ok(Credentials::new(
            minted.access_key_id,
            minted.secret_access_key,
            Some(minted.session_token),
            Some(expiry),
            "AssumeRole",
        ))
    }

    /// `GetCallerIdentity`: whose `credentials` these are. The call needs no permission.
    ///
    /// # Errors
    ///
    /// [`AwsError`].
    pub(crate) async fn caller_identity(
        &self,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<CallerIdentity, AwsError> {
        let call = self.0.sts(credentials, invocation).get_caller_identity();
        let answer = answered(call.send()).await?;
        let arn = answer.arn.ok_or_else(|| without("an ARN"))?;
        let user_id = answer.user_id.ok_or_else(|| without("a user's id"))?;
        Ok(CallerIdentity { arn, user_id })
    }
}

fn without(what: &str) -> AwsError {
    AwsError::NoResponse(format!("an answer without {what}"))
}
