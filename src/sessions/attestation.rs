//! `attested`: the session's end, as STS states it in a token about the very credentials that sign.
//!
//! `sts:GetWebIdentityToken` answers with a JWT. Its claim `original_session_exp` is the end of the
//! *original* role session. In a role chain that session can outlast the one that called. The claim
//! therefore proves the end only if the token also names this function as the source of the
//! credentials: then they are the execution role's own credentials, not chained ones.
//!
//! The JWT came over TLS from STS itself, so its signature is not checked. All of its claims are: a
//! token that differs in anything from what STS issues about this function proves nothing.
//!
//! Source of the claims: IAM user guide, "Understanding token claims"
//! (`id_roles_providers_outbound_token_claims`).

use aws_credential_types::Credentials;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use link_rules::arn::{Arn, FunctionArn, is_arn, is_role};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::aws::{AwsError, Sts, TOKEN_ALGORITHM, TOKEN_AUDIENCE};
use crate::invocation::Invocation;

/// How far `iat` may be from this machine's clock. STS issues the token while it is asked, so the
/// difference is that of two clocks. Relying parties commonly allow five minutes.
const MAX_CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_mins(5);

/// The longest time from now to the end of a session. No role's session lasts longer than twelve
/// hours. The rest is for clocks that disagree.
///
/// Source: IAM API reference, `CreateRole`, `MaxSessionDuration`.
const MAX_SESSION: SignedDuration = SignedDuration::from_mins(12 * 60 + 15);

/// The domains of AWS's issuers: `https://<id>.tokens.sts.global.api.aws`, and the domain that
/// stands for `api.aws` in China's partition. The check is the same for custom endpoints of STS: a
/// VPC endpoint leads to tokens of the same issuer.
const ISSUER_DOMAINS: [&str; 2] = [".api.aws", ".api.amazonwebservices.com.cn"];

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
    /// The token was not issued at the time that this machine's clock shows.
    #[error(
        "the token STS issued does not prove the session's end: its iat is more than {} minutes \
         from this machine's clock",
        MAX_CLOCK_DIFFERENCE.as_mins()
    )]
    NotIssuedNow,
    /// Lambda's context names no function, so the token can't be compared with it.
    #[error(
        "STS attested the session's end, but the invocation's context holds no function's ARN, so \
         nothing shows that this function is the one the token names"
    )]
    NoFunctionArn,
    /// STS did not answer in time, it has a fault, or its answer can't be used. A later call may
    /// succeed.
    #[error("STS could not answer GetWebIdentityToken ({0})")]
    Unreachable(String),
}

impl AttestationError {
    /// The token is about another function.
    pub(super) const ANOTHER_FUNCTION: Self =
        Self::ProvesNothing("its lambda_source_function_arn is another function");

    /// Whether another call with the same credentials may soon give another answer. A clock that is
    /// wrong now (after a restore, say) may be right later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::NotIssuedNow)
    }

    /// Whether STS refused the call. It allows the call once somebody has switched federation on or
    /// changed the policy. IAM's changes also take a while to reach STS.
    pub(super) fn may_be_allowed(&self) -> bool {
        matches!(self, Self::Disabled | Self::Refused(_))
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

/// What a token proves.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Attested {
    /// When the session ends.
    pub(super) end: Timestamp,
    /// The function whose session it is. Its name and region are this function's. Its partition and
    /// account are still to be compared with the invoked function's.
    pub(super) function: FunctionArn,
    /// The ARN of the session's role, if the token names it.
    pub(super) role_arn: Option<String>,
}

/// Asks STS when the session of `credentials` ends. `function_name` is this function's own name.
///
/// # Errors
///
/// [`AttestationError`]. Those that neither may pass nor are refusals hold for as long as the access
/// key does.
pub(super) async fn attested_end(
    sts: &Sts,
    credentials: &Credentials,
    function_name: &str,
    invocation: &Invocation,
) -> Result<Attested, AttestationError> {
    let token = sts.web_identity_token(credentials, invocation).await?;
    read_token(&token, function_name, sts.region(), invocation.now())
}

/// The part of the header that is read.
#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// The claims that are read. All other claims are ignored.
#[derive(Deserialize)]
struct TokenClaims<'a> {
    iss: String,
    #[serde(default)]
    sub: Value,
    #[serde(default)]
    aud: Value,
    iat: i64,
    exp: i64,
    #[serde(borrow, rename = "https://sts.amazonaws.com/")]
    sts: Option<&'a RawValue>,
}

/// STS's own claims.
#[derive(Deserialize)]
struct StsClaims {
    aws_account: Option<String>,
    original_session_exp: Option<String>,
    lambda_source_function_arn: Option<String>,
}

/// What the token proves at `now` about the session of the function `name` in `region`.
fn read_token(
    token: &str,
    name: &str,
    region: &str,
    now: Timestamp,
) -> Result<Attested, AttestationError> {
    use AttestationError::{NotIssuedNow, ProvesNothing};

    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ProvesNothing("it is not a JWT"));
    };
    let header = decode(header).ok_or(ProvesNothing("its header is not base64url"))?;
    let header: Header =
        from_object(&header).ok_or(ProvesNothing("its header is not an object with alg"))?;
    if header.alg != TOKEN_ALGORITHM || signature.is_empty() {
        return Err(ProvesNothing("it is not signed with the algorithm that was asked for"));
    }
    let payload = decode(payload).ok_or(ProvesNothing("its payload is not base64url"))?;
    let claims: TokenClaims<'_> = from_object(&payload)
        .ok_or(ProvesNothing("its payload is not an object with iss, iat and exp"))?;
    if !is_our_audience(&claims.aud) {
        return Err(ProvesNothing("its aud is not the audience that was asked for"));
    }
    if !is_issuer(&claims.iss) {
        return Err(ProvesNothing("its iss is not an issuer of AWS"));
    }
    let sts = claims.sts.ok_or(ProvesNothing("it has no claims of STS's own"))?;
    let sts: StsClaims = from_object(sts.get().as_bytes())
        .ok_or(ProvesNothing("its claims of STS's own are not an object of strings"))?;
    let end = sts
        .original_session_exp
        .ok_or(ProvesNothing("it has no original_session_exp"))?
        .parse::<Timestamp>()
        .map_err(|_| ProvesNothing("its original_session_exp is not an RFC 3339 instant"))?;
    let function = sts
        .lambda_source_function_arn
        .ok_or(ProvesNothing("it names no lambda_source_function_arn"))?;
    let function = FunctionArn::parse(&function).ok_or(AttestationError::ANOTHER_FUNCTION)?;
    if function.name != name || function.region != region {
        return Err(AttestationError::ANOTHER_FUNCTION);
    }
    // A function's role is of the function's own account.
    let is_of_account = is_of_account(&claims.sub, &function)
        && sts.aws_account.is_none_or(|account| account == function.account);
    if !is_of_account {
        return Err(ProvesNothing("its sub or aws_account is of another account"));
    }
    // A token never outlives its session. If the claims are in another order, they do not mean what
    // the source above says, and prove nothing.
    if !(claims.iat < claims.exp && claims.exp <= end.as_second()) {
        return Err(ProvesNothing("its iat, exp and original_session_exp contradict one another"));
    }
    let issued_at = Timestamp::from_second(claims.iat)
        .map_err(|_| ProvesNothing("its iat is not an instant"))?;
    if now.duration_since(issued_at).abs() > MAX_CLOCK_DIFFERENCE {
        return Err(NotIssuedNow);
    }
    let left = end.duration_since(now);
    if left <= SignedDuration::ZERO || left > MAX_SESSION {
        return Err(ProvesNothing("its original_session_exp is over or over twelve hours away"));
    }
    let role_arn = claims.sub.as_str().filter(|sub| is_role(sub)).map(str::to_owned);
    Ok(Attested { end, function, role_arn })
}

fn decode(part: &str) -> Option<Zeroizing<Vec<u8>>> {
    URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok().map(Zeroizing::new)
}

/// Reads a JSON object. serde would also take an array for a struct, with the fields in their
/// order.
fn from_object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    if !json.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    serde_json::from_slice(json).ok()
}

/// Whether `aud` is the audience that STS was asked for, alone or as a list of one.
fn is_our_audience(aud: &Value) -> bool {
    let audience = match aud.as_array().map(Vec::as_slice) {
        Some([audience]) => audience,
        Some(_) => return false,
        None => aud,
    };
    audience == TOKEN_AUDIENCE
}

/// Whether `iss` is a URL as AWS's issuers have: a host and nothing else.
fn is_issuer(iss: &str) -> bool {
    iss.strip_prefix("https://").is_some_and(|host| {
        host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
            && !host.starts_with('.')
            && ISSUER_DOMAINS.iter().any(|domain| host.ends_with(domain))
    })
}

/// Whether `sub`, if it is an ARN, is of the partition and the account of `function`.
fn is_of_account(sub: &Value, function: &FunctionArn) -> bool {
    let Some(sub) = sub.as_str().filter(|sub| is_arn(sub)) else { return true };
    Arn::parse(sub)
        .is_some_and(|arn| arn.partition == function.partition && arn.account == function.account)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:signer";
    const STS: &str = "https://sts.amazonaws.com/";

    /// The `iat` of the public sample token.
    const ISSUED_AT: i64 = 1_776_980_075;

    fn encoded(part: &Value) -> String {
        URL_SAFE_NO_PAD.encode(part.to_string())
    }

    fn token_with(header: &Value, claims: &Value) -> String {
        format!("{}.{}.c2lnbmF0dXJl", encoded(header), encoded(claims))
    }

    fn token(claims: &Value) -> String {
        token_with(&json!({"alg": "ES384", "kid": "ec384", "typ": "JWT"}), claims)
    }

    /// The times of the public sample token: a Lambda session of 12 hours.
    fn good() -> Value {
        json!({
            "iss": "https://abc-def.tokens.sts.global.api.aws",
            "aud": "https://s3-link-signer.invalid",
            "sub": "arn:aws:iam::123456789012:role/signer",
            "iat": ISSUED_AT, "exp": ISSUED_AT + 60,
            STS: {
                "aws_account": "123456789012",
                "original_session_exp": "2026-04-24T09:34:34Z",
                "lambda_source_function_arn": FUNCTION,
            }
        })
    }

    fn with(claim: &str, value: Value) -> Value {
        let mut claims = good();
        claims[claim] = value;
        claims
    }

    fn with_sts(claim: &str, value: Value) -> Value {
        let mut claims = good();
        claims[STS][claim] = value;
        claims
    }

    fn at(seconds_after_issue: i64) -> Timestamp {
        Timestamp::from_second(ISSUED_AT + seconds_after_issue).unwrap()
    }

    fn read(token: &str) -> Result<Attested, AttestationError> {
        read_token(token, "signer", "eu-west-1", at(1))
    }

    #[test]
    fn the_public_sample_states_its_end_to_the_second() {
        let attested = read(&token(&good())).unwrap();
        assert_eq!(attested.end.as_second() - ISSUED_AT, 43_199);
        assert_eq!(attested.function, FunctionArn::parse(FUNCTION).unwrap());
    }

    #[test]
    fn what_may_differ_from_the_sample_does_not_matter() {
        for claims in [
            with_sts("lambda_source_function_arn", json!(format!("{FUNCTION}:live"))),
            with_sts("aws_account", Value::Null),
            with("aud", json!(["https://s3-link-signer.invalid"])),
            with("sub", json!("a name")),
            with("sub", Value::Null),
            with("iss", json!("https://abc.tokens.sts.global.api.amazonwebservices.com.cn")),
            with("org", json!([1, 2])),
        ] {
            read(&token(&claims)).unwrap();
        }
    }

    #[test]
    fn a_false_token_proves_nothing() {
        let audience = "https://s3-link-signer.invalid";
        let arn = |arn: &str| with_sts("lambda_source_function_arn", json!(arn));
        let end = |end: &str| with_sts("original_session_exp", json!(end));
        for (claims, reason) in [
            // Another account, region, partition or name.
            (arn("arn:aws:lambda:us-east-1:123456789012:function:signer"), "another function"),
            (arn("arn:aws:lambda:eu-west-1:123456789012:function:signer-2"), "another function"),
            (arn("arn:aws:iam:eu-west-1:123456789012:function:signer"), "another function"),
            (arn("arn:aws:lambda:eu-west-1:1:function:signer"), "another function"),
            (arn("signer"), "another function"),
            (arn("arn:aws:lambda:eu-west-1:210987654321:function:signer"), "another account"),
            (arn("arn:aws-cn:lambda:eu-west-1:123456789012:function:signer"), "another account"),
            (with_sts("aws_account", json!("210987654321")), "another account"),
            (with("sub", json!("arn:aws:iam::210987654321:role/signer")), "another account"),
            (with("sub", json!("arn:aws-cn:iam::123456789012:role/signer")), "another account"),
            (with("sub", json!("arn:")), "another account"),
            (with_sts("lambda_source_function_arn", Value::Null), "no lambda_source_function_arn"),
            // Another audience.
            (with("aud", json!("https://example.com")), "its aud"),
            (with("aud", json!([audience, "https://example.com"])), "its aud"),
            (with("aud", json!([])), "its aud"),
            (with("aud", json!([[audience]])), "its aud"),
            (with("aud", Value::Null), "its aud"),
            // Another issuer.
            (with("iss", json!("https://example.com")), "its iss"),
            (with("iss", json!("https://example.com/.api.aws")), "its iss"),
            (with("iss", json!("https://example.com?.api.aws")), "its iss"),
            (with("iss", json!("https://.api.aws")), "its iss"),
            (with("iss", json!("https://example-api.aws")), "its iss"),
            (with("iss", json!("http://abc.tokens.sts.global.api.aws")), "its iss"),
            (with("iss", json!("")), "its iss"),
            (with("iss", Value::Null), "its payload"),
            // Other times.
            (with("iat", json!(ISSUED_AT + 60)), "contradict"),
            (with("exp", json!(ISSUED_AT - 60)), "contradict"),
            (end("2026-04-23T21:35:00Z"), "contradict"),
            (with("exp", json!("soon")), "its payload"),
            (with("iat", Value::Null), "its payload"),
            (end("9000-01-01T00:00:00Z"), "over twelve hours away"),
            (end("2026-04-24T09:49:37Z"), "over twelve hours away"),
            (end("tomorrow"), "not an RFC 3339 instant"),
            (with_sts("original_session_exp", Value::Null), "no original_session_exp"),
            // Arrays and other values instead of objects.
            (with(STS, Value::Null), "no claims of STS's own"),
            (with(STS, json!("text")), "not an object of strings"),
            (
                with(STS, json!(["123456789012", "2026-04-24T09:34:34Z", FUNCTION])),
                "not an object of strings",
            ),
            (
                json!([
                    "https://a.api.aws",
                    null,
                    audience,
                    ISSUED_AT,
                    ISSUED_AT + 60,
                    good()[STS]
                ]),
                "its payload",
            ),
            (json!("text"), "its payload"),
            (Value::Null, "its payload"),
        ] {
            let error = read(&token(&claims)).expect_err(&claims.to_string());
            assert!(error.to_string().contains(reason), "{claims}: {error}");
            assert!(!error.may_pass(), "{claims}");
        }
    }

    #[test]
    fn a_token_that_is_not_signed_as_asked_proves_nothing() {
        for header in [
            json!({"alg": "none"}),
            json!({"alg": "RS256"}),
            json!({"alg": "es384"}),
            json!({"alg": null}),
            json!({"typ": "JWT"}),
            json!({}),
            json!(["ES384"]),
            json!("ES384"),
        ] {
            let error = read(&token_with(&header, &good())).expect_err(&header.to_string());
            assert!(matches!(error, AttestationError::ProvesNothing(_)), "{header}: {error}");
        }
        let token = token(&good());
        let (unsigned, _) = token.rsplit_once('.').unwrap();
        for token in [unsigned.to_owned(), format!("{unsigned}."), format!("{token}.x")] {
            assert!(matches!(read(&token), Err(AttestationError::ProvesNothing(_))), "{token}");
        }
    }

    #[test]
    fn a_claim_that_stands_twice_proves_nothing() {
        let claims = good().to_string().replacen('{', "{\"iat\":1,", 1);
        let token = token(&json!({}));
        let parts: Vec<_> = token.split('.').collect();
        let doubled = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims), parts[2]);
        assert!(read(&doubled).unwrap_err().to_string().contains("its payload"));
    }

    #[test]
    fn a_token_is_issued_within_five_minutes_of_now() {
        let read_at = |seconds| read_token(&token(&good()), "signer", "eu-west-1", at(seconds));
        for seconds in [-300, 0, 300] {
            read_at(seconds).unwrap();
        }
        let ten_years = 10 * 365 * 24 * 3_600;
        for seconds in [-ten_years, -301, 301, ten_years] {
            let error = read_at(seconds).unwrap_err();
            assert_eq!(error, AttestationError::NotIssuedNow, "{seconds}");
            assert!(error.may_pass(), "the clock may be right later");
        }
    }

    #[test]
    fn a_session_that_is_over_is_not_attested() {
        // The token and its session end together, a minute after the token was issued.
        let claims = with_sts("original_session_exp", json!(at(60).to_string()));
        let read_at = |seconds| read_token(&token(&claims), "signer", "eu-west-1", at(seconds));
        assert_eq!(read_at(59).unwrap().end, at(60));
        assert!(read_at(60).unwrap_err().to_string().contains("is over"));
    }

    #[test]
    fn a_text_that_is_no_token_proves_nothing_and_is_not_repeated() {
        for token in ["", "abc", "a.!.c", "a..c", "a.e30.c", "e30.e30.c", "..", "null.null.null"] {
            let error = read(token).unwrap_err();
            assert!(matches!(error, AttestationError::ProvesNothing(_)), "{error}");
            assert!(!error.may_pass());
        }
    }

    #[test]
    fn only_a_code_makes_a_refusal_that_is_remembered() {
        let refused = |code: &str| {
            AttestationError::from(AwsError::Refused { status: 403, code: code.to_owned() })
        };
        let denied = refused("AccessDenied");
        assert!(!denied.may_pass());
        assert!(denied.to_string().contains("(status 403, AccessDenied); allow sts:"));
        for code in ["", "Exception"] {
            let code = format!("OutboundWebIdentityFederationDisabled{code}");
            assert_eq!(refused(&code), AttestationError::Disabled);
        }
        for error in [
            refused(""),
            AwsError::Temporary { status: 500, code: "InternalFailure".to_owned() }.into(),
            AwsError::NoResponse("no answer: connection refused".to_owned()).into(),
        ] {
            assert!(error.may_pass());
            assert!(error.to_string().starts_with("STS could not answer GetWebIdentityToken ("));
        }
    }
}
