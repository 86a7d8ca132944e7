//! STS: it attests sessions, mints others, and says who calls. It does the first two only where a test
//! says so.
//!
//! Source: AWS STS API reference.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};

use crate::call::{Call, Operation, Service};
use crate::reply::Reply;

/// What STS says of sessions.
#[derive(Clone, Debug)]
pub struct Sts {
    /// The token that `GetWebIdentityToken` gives. `None`: it is refused, unless a session is attested.
    pub token: Option<String>,
    /// The session about which `GetWebIdentityToken` gives a new token each time, if there is no `token`.
    pub attested: Option<Attestation>,
    /// The end of the sessions that `AssumeRole` gives. `None`: it is refused.
    pub minted_until: Option<Timestamp>,
    /// The principal that `GetCallerIdentity` names.
    pub identity: String,
}

/// What STS attests of a session.
#[derive(Clone, Debug)]
pub struct Attestation {
    /// The function whose execution role's session it is.
    pub function_arn: String,
    /// How long the session goes on after each token.
    pub lasts: SignedDuration,
}

impl Default for Sts {
    fn default() -> Self {
        let identity = "arn:aws:sts::123456789012:assumed-role/signer/signer".to_owned();
        Self { token: None, attested: None, minted_until: None, identity }
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
        let account = account(arn);
        Self::document(&format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn>\
             <UserId>AROAEXAMPLE:signer</UserId><Account>{account}</Account>\
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

/// The account in an ARN.
fn account(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or("123456789012")
}

pub(crate) fn respond(call: &Call, sts: &Sts) -> Reply {
    let Sts { token, attested, minted_until, identity } = sts;
    let answer = match call.operation {
        Operation::GetWebIdentityToken => {
            let token = token.clone().or_else(|| attested.as_ref().map(Attestation::token));
            token.as_deref().map(Reply::token)
        }
        Operation::AssumeRole => minted_until.map(|end| Reply::minted("ASIAMINTED", end)),
        _ => Some(Reply::identity(identity)),
    };
    answer.unwrap_or_else(|| Reply::sts_error(403, "AccessDenied"))
}

impl Attestation {
    /// A token that is issued now.
    fn token(&self) -> String {
        let now = Timestamp::now();
        // STS states no fractions.
        let end = Timestamp::from_second((now + self.lasts).as_second()).expect("an instant");
        token_about(now, end, &self.function_arn)
    }
}

/// A token as STS issues it about the session of the execution role of the function with this name. The
/// session ends at `end`. Nobody can verify its signature.
#[must_use]
pub fn token(issued_at: Timestamp, end: Timestamp, function: &str) -> String {
    let arn = format!("arn:aws:lambda:eu-west-1:123456789012:function:{function}");
    token_about(issued_at, end, &arn)
}

fn token_about(issued_at: Timestamp, end: Timestamp, function_arn: &str) -> String {
    let account = account(function_arn);
    let header = serde_json::json!({"kid": "ec384", "typ": "JWT", "alg": "ES384"});
    let claims = serde_json::json!({
        "iss": "https://abc.tokens.sts.global.api.aws",
        "aud": "https://s3-link-signer.invalid",
        "sub": format!("arn:aws:iam::{account}:role/signer"),
        "iat": issued_at.as_second(),
        "exp": issued_at.as_second() + 60,
        "https://sts.amazonaws.com/": {
            "aws_account": account,
            "original_session_exp": end.to_string(),
            "lambda_source_function_arn": function_arn,
        },
    });
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{claims}.c2ln")
}
