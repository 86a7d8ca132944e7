//! STS: it attests sessions, mints others, and says who calls. It does the first two only where a test
//! says so.
//!
//! Source: AWS STS API reference.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use crate::call::{Call, Operation, Service};
use crate::reply::Reply;

/// What STS says of sessions.
#[derive(Clone, Debug)]
pub struct Sts {
    /// The token that `GetWebIdentityToken` gives. `None`: it is refused.
    pub token: Option<String>,
    /// The end of the sessions that `AssumeRole` gives. `None`: it is refused.
    pub minted_until: Option<Timestamp>,
    /// The principal that `GetCallerIdentity` names.
    pub identity: String,
}

impl Default for Sts {
    fn default() -> Self {
        let identity = "arn:aws:sts::123456789012:assumed-role/signer/signer".to_owned();
        Self { token: None, minted_until: None, identity }
    }
}

impl Reply {
    /// The answer to `GetWebIdentityToken`.
    #[must_use]
    pub fn token(jwt: &str) -> Self {
        Self::document(&format!(
            "<GetWebIdentityTokenResponse><GetWebIdentityTokenResult>\
             <WebIdentityToken>{jwt}</WebIdentityToken><Expiration>2030-01-01T00:00:00Z</Expiration>\
             </GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"
        ))
    }

    /// The answer to `AssumeRole`.
    #[must_use]
    pub fn minted(access_key_id: &str, end: Timestamp) -> Self {
        Self::document(&format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>\
             <AccessKeyId>{access_key_id}</AccessKeyId><SecretAccessKey>minted-secret</SecretAccessKey>\
             <SessionToken>minted-token</SessionToken><Expiration>{end}</Expiration>\
             </Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ))
    }

    /// The answer to `GetCallerIdentity`.
    #[must_use]
    pub fn identity(arn: &str) -> Self {
        Self::document(&format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn>\
             <UserId>AROAEXAMPLE:signer</UserId><Account>123456789012</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        ))
    }

    /// An error of STS.
    #[must_use]
    pub fn sts_error(status: u16, code: &str) -> Self {
        Self::error(Service::Sts, status, code, "not now, not ever")
    }

    /// An error of STS whose message is what the call says, as AWS's services repeat a request whose
    /// signature they can't verify.
    #[must_use]
    pub fn repeating(call: &Call) -> Self {
        let repeated = call.head.replace('<', "");
        let message = format!("The request signature we calculated does not match: {repeated}");
        Self::error(Service::Sts, 403, "SignatureDoesNotMatch", &message)
    }
}

pub(crate) fn respond(call: &Call, sts: &Sts) -> Reply {
    let Sts { token, minted_until, identity } = sts;
    let answer = match call.operation {
        Operation::GetWebIdentityToken => token.as_deref().map(Reply::token),
        Operation::AssumeRole => minted_until.map(|end| Reply::minted("ASIAMINTED", end)),
        _ => Some(Reply::identity(identity)),
    };
    answer.unwrap_or_else(|| Reply::sts_error(403, "AccessDenied"))
}

/// A token as STS issues it about the session of the execution role of the function with this name. The
/// session ends at `end`. Nobody can verify its signature.
#[must_use]
pub fn token(issued_at: Timestamp, end: Timestamp, function: &str) -> String {
    let header = serde_json::json!({"kid": "ec384", "typ": "JWT", "alg": "ES384"});
    let claims = serde_json::json!({
        "iss": "https://abc.tokens.sts.global.api.aws",
        "aud": "https://s3-link-signer.invalid",
        "sub": "arn:aws:iam::123456789012:role/signer",
        "iat": issued_at.as_second(),
        "exp": issued_at.as_second() + 60,
        "https://sts.amazonaws.com/": {
            "aws_account": "123456789012",
            "original_session_exp": end.to_string(),
            "lambda_source_function_arn":
                format!("arn:aws:lambda:eu-west-1:123456789012:function:{function}"),
        },
    });
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{claims}.c2ln")
}
