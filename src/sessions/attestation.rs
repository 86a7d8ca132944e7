//! `attested`: the session's end, as STS states it in a token about the very credentials that sign.
//!
//! `sts:GetWebIdentityToken` answers with a JWT. Its claim `original_session_exp` is the end of the
//! *original* role session. In a role chain that session can outlast the one that called. The claim
//! therefore proves the end only if the token also names this function as the source of the
//! credentials: then they are the execution role's own credentials, not chained ones.
//!
//! The JWT came over TLS from STS itself, so its payload is read without checking its signature.
//!
//! Source of the claims: IAM user guide, "Understanding token claims"
//! (`id_roles_providers_outbound_token_claims`).

use aws_credential_types::Credentials;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use thiserror::Error;

use crate::aws::{AwsError, Sts};

/// Why the end of a session could not be attested.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AttestationError {
    /// The account has not switched outbound web identity federation on.
    #[error(
        "outbound web identity federation is switched off in this account; switch it on with \
         `aws iam enable-outbound-web-identity-federation`"
    )]
    Disabled,
    /// STS refused the call.
    #[error(
        "STS refused GetWebIdentityToken ({0}); allow sts:GetWebIdentityToken in the execution \
         role's policy"
    )]
    Refused(String),
    /// The token proves nothing about these credentials.
    #[error("the token STS issued does not prove the session's end: {0}")]
    ProvesNothing(&'static str),
    /// STS did not answer in time, it has a fault, or its answer can't be used. A later call may
    /// succeed.
    #[error("STS could not answer GetWebIdentityToken ({0})")]
    Unreachable(String),
}

impl AttestationError {
    /// Whether another call with the same credentials may give another answer.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }
}

impl From<AwsError> for AttestationError {
    fn from(error: AwsError) -> Self {
        let text = error.to_string();
        match error {
            // Whether STS's code ends in `Exception` depends on the protocol.
            AwsError::Refused { code, .. }
                if code.starts_with("OutboundWebIdentityFederationDisabled") =>
            {
                Self::Disabled
            }
            // STS names a code whenever it refuses. An answer without one is not STS's own.
            AwsError::Refused { code, .. } if !code.is_empty() => Self::Refused(text),
            _ => Self::Unreachable(text),
        }
    }
}

/// Asks STS when the session of `credentials` ends. `function_name` is this function's own name.
///
/// # Errors
///
/// [`AttestationError`]. All but `Unreachable` hold for as long as the access key does.
pub(super) async fn attested_end(
    sts: &Sts,
    credentials: &Credentials,
    function_name: &str,
) -> Result<Timestamp, AttestationError> {
    let token = sts.web_identity_token(credentials).await?;
    end_stated_by(&token, function_name)
}

/// The claims that are read. All other claims are ignored.
#[derive(Deserialize)]
struct Claims {
    iat: i64,
    exp: i64,
    #[serde(rename = "https://sts.amazonaws.com/")]
    sts: Option<StsClaims>,
}

#[derive(Deserialize)]
struct StsClaims {
    original_session_exp: Option<String>,
    lambda_source_function_arn: Option<String>,
}

/// The end that the token proves, if it proves one.
fn end_stated_by(token: &str, function_name: &str) -> Result<Timestamp, AttestationError> {
    use AttestationError::ProvesNothing;

    let payload = token.split('.').nth(1).ok_or(ProvesNothing("it is not a JWT"))?;
    let payload = URL_SAFE_NO_PAD
        .decode(payload.trim_end_matches('='))
        .map_err(|_| ProvesNothing("its payload is not base64url"))?;
    let claims: Claims = serde_json::from_slice(&payload)
        .map_err(|_| ProvesNothing("its payload lacks iat or exp"))?;
    let sts = claims.sts.ok_or(ProvesNothing("it has no claims of STS's own"))?;
    let end = sts
        .original_session_exp
        .ok_or(ProvesNothing("it has no original_session_exp"))?
        .parse::<Timestamp>()
        .map_err(|_| ProvesNothing("its original_session_exp is not an RFC 3339 instant"))?;
    let source = sts
        .lambda_source_function_arn
        .ok_or(ProvesNothing("it names no lambda_source_function_arn"))?;
    if function_of(&source) != Some(function_name) {
        return Err(ProvesNothing("its lambda_source_function_arn is another function"));
    }
    // A token never outlives its session. If the claims are in another order, they do not mean what
    // the source above says, and prove nothing.
    if !(claims.iat < claims.exp && claims.exp <= end.as_second()) {
        return Err(ProvesNothing("its iat, exp and original_session_exp contradict one another"));
    }
    Ok(end)
}

/// The name in `arn:aws:lambda:region:account:function:name[:qualifier]`.
fn function_of(arn: &str) -> Option<&str> {
    let mut parts = arn.split(':');
    let service = parts.nth(2)?;
    let kind = parts.nth(2)?;
    let name = parts.next()?;
    (service == "lambda" && kind == "function").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:signer";

    fn token(claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{}", part(&json!({"alg": "ES384"})), part(claims), "c2lnbmF0dXJl")
    }

    /// The times of the public sample token: a Lambda session of 12 hours.
    fn claims(end: &str, function: &str) -> Value {
        json!({
            "iss": "https://abc.tokens.sts.global.api.aws", "aud": "https://s3-link-signer.invalid",
            "iat": 1_776_980_075, "exp": 1_776_980_135,
            "https://sts.amazonaws.com/": {
                "aws_account": "123456789012",
                "original_session_exp": end,
                "lambda_source_function_arn": function,
            }
        })
    }

    #[test]
    fn the_public_sample_states_its_end_to_the_second() {
        let token = token(&claims("2026-04-24T09:34:34Z", FUNCTION));
        let end = end_stated_by(&token, "signer").unwrap();
        assert_eq!(end.as_second() - 1_776_980_075, 43_199);
    }

    #[test]
    fn a_qualified_function_is_still_this_function() {
        let token = token(&claims("2026-04-24T09:34:34Z", &format!("{FUNCTION}:live")));
        assert!(end_stated_by(&token, "signer").is_ok());
    }

    #[test]
    fn a_token_that_is_not_about_this_function_s_own_session_proves_nothing() {
        let good = claims("2026-04-24T09:34:34Z", FUNCTION);
        let without = |claim: &str| {
            let mut claims = good.clone();
            claims["https://sts.amazonaws.com/"].as_object_mut().unwrap().remove(claim);
            claims
        };
        let with = |claim: &str, value: Value| {
            let mut claims = good.clone();
            claims[claim] = value;
            claims
        };
        for (claims, reason) in [
            (without("original_session_exp"), "no original_session_exp"),
            (without("lambda_source_function_arn"), "names no lambda_source_function_arn"),
            (with("https://sts.amazonaws.com/", Value::Null), "no claims of STS's own"),
            (with("iat", json!(1_776_980_135)), "contradict"),
            (with("exp", json!(1_776_980_000)), "contradict"),
            (with("exp", json!("soon")), "lacks iat or exp"),
            (claims("2026-04-23T21:35:00Z", FUNCTION), "contradict"),
            (claims("tomorrow", FUNCTION), "not an RFC 3339 instant"),
            (
                claims("2026-04-24T09:34:34Z", "arn:aws:lambda:eu-west-1:1:function:signer-2"),
                "another function",
            ),
            (
                claims("2026-04-24T09:34:34Z", "arn:aws:iam::1:role:function:signer"),
                "another function",
            ),
        ] {
            let error = end_stated_by(&token(&claims), "signer").unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
            assert!(!error.may_pass());
        }
    }

    #[test]
    fn a_text_that_is_no_token_proves_nothing_and_is_not_repeated() {
        for token in ["", "abc", "a.!.c", "a..c", "a.e30.c"] {
            let error = end_stated_by(token, "signer").unwrap_err();
            assert!(matches!(error, AttestationError::ProvesNothing(_)), "{error}");
            assert!(!error.may_pass());
        }
    }

    #[test]
    fn only_a_code_makes_a_refusal_that_is_remembered() {
        let refused = |code: &str| {
            let (code, message) = (code.to_owned(), "no".to_owned());
            AttestationError::from(AwsError::Refused { status: 403, code, message })
        };
        let denied = refused("AccessDenied");
        assert!(!denied.may_pass());
        assert!(denied.to_string().contains("(status 403, AccessDenied: no); allow sts:"));
        for code in ["", "Exception"] {
            let code = format!("OutboundWebIdentityFederationDisabled{code}");
            assert_eq!(refused(&code), AttestationError::Disabled);
        }
        let (code, message) = ("InternalFailure".to_owned(), String::new());
        for error in [
            refused(""),
            AwsError::Temporary { status: 500, code, message }.into(),
            AwsError::NoResponse("no answer: connection refused".to_owned()).into(),
        ] {
            assert!(error.may_pass());
            assert!(error.to_string().starts_with("STS could not answer GetWebIdentityToken ("));
        }
    }
}
