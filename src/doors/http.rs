//! HTTP requests as API Gateway and function URLs pack them: HTTP APIs and function URLs with
//! payload 2.0, REST APIs (and HTTP APIs set to it) with payload 1.0.
//!
//! The types here name the few fields that are read. The whole shapes exist in
//! `aws_lambda_events`, against which the tests hold our fixtures; parsing all of their forty
//! fields, headers included, would cost more than signing a link, and one odd header would fail
//! a request that never needed it.
//!
//! The principal is taken from what the gateway's authorizer says and from nothing else.
//!
//! Sources: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs";
//! "Input format of a Lambda function for proxy integration"; Lambda guide, "Invoking Lambda
//! function URLs".

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde::ser::Error;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::Function;
use crate::api::{self, ApiAnswer, ApiRequest, Route};
use crate::principal::Principal;
use crate::problem::Problem;
use crate::telemetry::Invocation;

/// The fields read of payloads 1.0 and 2.0.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpEvent {
    /// 2.0: `"POST /links"`, or `"$default"`.
    route_key: Option<String>,
    /// 2.0.
    raw_path: Option<String>,
    /// 2.0: not decoded.
    raw_query_string: Option<String>,
    /// 1.0.
    http_method: Option<String>,
    /// 1.0: the path's pattern, such as `"/links"` or `"/{proxy+}"`.
    resource: Option<String>,
    /// 1.0.
    path: Option<String>,
    /// 1.0: decoded, every value of a repeated parameter.
    multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
    /// 1.0: decoded, the last value of a repeated parameter.
    query_string_parameters: Option<BTreeMap<String, String>>,
    request_context: RequestContext,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: Option<bool>,
}

#[derive(Deserialize)]
struct RequestContext {
    /// 2.0.
    http: Option<HttpDescription>,
    stage: Option<String>,
    authorizer: Option<Authorizer>,
    /// 1.0.
    identity: Option<Identity>,
}

#[derive(Deserialize)]
struct HttpDescription {
    method: String,
}

/// What an authorizer says; which field is there depends on its kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authorizer {
    /// 2.0, JWT authorizer.
    jwt: Option<Jwt>,
    /// 2.0, `AWS_IAM`.
    iam: Option<Identity>,
    /// 2.0, Lambda authorizer: the context it returned.
    lambda: Option<LambdaContext>,
    /// 1.0, Lambda authorizer.
    principal_id: Option<String>,
    /// 1.0, Cognito authorizer.
    claims: Option<Claims>,
}

#[derive(Deserialize)]
struct Jwt {
    claims: Option<Claims>,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LambdaContext {
    principal_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    user_arn: Option<String>,
}

/// An answer as API Gateway and function URLs take it, in both payload formats.
pub struct HttpAnswer {
    status_code: u16,
    json: Vec<u8>,
}

/// The fields of an answer besides its body.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rest {
    status_code: u16,
    headers: BTreeMap<&'static str, String>,
    is_base64_encoded: bool,
}

/// As it is, once the parser has found that it is JSON: written field by field, a large one would
/// be copied again and again as the buffer grows.
impl Serialize for HttpAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_slice::<&RawValue>(&self.json)
            .map_err(S::Error::custom)?
            .serialize(serializer)
    }
}

/// Shows the status: the body may hold a link.
impl fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAnswer").field("status_code", &self.status_code).finish_non_exhaustive()
    }
}

/// Answers an HTTP request, whatever is in it.
pub(super) async fn answer(
    function: &Function,
    event: &RawValue,
    invocation: &mut Invocation<'_>,
) -> HttpAnswer {
    let unpacked = serde_json::from_str::<HttpEvent>(event.get())
        .map_err(|error| {
            Problem::invalid_request(format!("the gateway's event can't be understood: {error}"))
        })
        .and_then(|event| unpack(event, function.base_path.as_deref()));
    let answer = match unpacked {
        Ok(request) => api::answer(&function.links, &request, invocation).await,
        Err(problem) => {
            invocation.refused(&Principal::Anonymous, &problem);
            ApiAnswer::from(&problem)
        }
    };
    pack(answer)
}

fn unpack(event: HttpEvent, base_path: Option<&str>) -> Result<ApiRequest, Problem> {
    let context = &event.request_context;
    let method = context
        .http
        .as_ref()
        .map(|http| http.method.clone())
        .or(event.http_method)
        .ok_or_else(|| Problem::InvalidRequest("the event names no HTTP method".to_owned()))?;

    let pattern = event.route_key.as_deref().and_then(|key| key.split_once(' ')).map(|key| key.1);
    let pattern = pattern.or(event.resource.as_deref());
    let path = event.raw_path.as_deref().or(event.path.as_deref()).unwrap_or("/");
    let route = route(pattern, path, context.stage.as_deref(), base_path)
        .ok_or_else(|| Problem::no_such_route(path))?;

    let query = match (event.raw_query_string, event.multi_value_query_string_parameters) {
        (Some(raw), _) => decode_query(&raw)?,
        (None, Some(all)) => all
            .into_iter()
            .flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)))
            .collect(),
        (None, None) => event.query_string_parameters.unwrap_or_default().into_iter().collect(),
    };
    let body = match event.body {
        Some(body) if event.is_base64_encoded == Some(true) => {
            STANDARD.decode(body.trim()).map_err(|_| {
                Problem::InvalidRequest("the body is said to be base64 and isn't".to_owned())
            })?
        }
        body => body.unwrap_or_default().into_bytes(),
    };
    Ok(ApiRequest { method, route, query, body, principal: principal(&event.request_context) })
}

/// Decodes `application/x-www-form-urlencoded` pairs. Strictly: a replacement character in place
/// of broken UTF-8 would be a link to another object than the one named.
fn decode_query(raw: &str) -> Result<Vec<(String, String)>, Problem> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8().map(Cow::into_owned).map_err(|_| {
            Problem::invalid_request(format!(
                "the query's {text:?} is not UTF-8 once it is decoded"
            ))
        })
    };
    raw.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// The route meant: what the gateway matched if it names one of ours, else the path, with a
/// stage's name or the base path before it or without.
fn route(
    pattern: Option<&str>,
    path: &str,
    stage: Option<&str>,
    base_path: Option<&str>,
) -> Option<Route> {
    let strip = |path: &'_ str, prefix: &str| -> Option<String> {
        path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')).map(str::to_owned)
    };
    let stage = stage.map(|stage| format!("/{stage}"));
    let staged = stage.as_deref().and_then(|stage| strip(path, stage));
    let based = base_path.and_then(|base| strip(staged.as_deref().unwrap_or(path), base));
    [pattern, Some(path), staged.as_deref(), based.as_deref()]
        .into_iter()
        .flatten()
        .find_map(Route::at)
}

/// Whom the gateway authenticated.
fn principal(context: &RequestContext) -> Principal {
    let authorizer = context.authorizer.as_ref();
    let from_authorizer = authorizer.and_then(|authorizer| {
        let jwt = authorizer.jwt.as_ref().and_then(|jwt| jwt.claims.as_ref());
        let claims = jwt.or(authorizer.claims.as_ref());
        let lambda = authorizer.lambda.as_ref();
        claims
            .and_then(|claims| claims.sub.clone())
            .or_else(|| authorizer.iam.as_ref().and_then(|iam| iam.user_arn.clone()))
            .or_else(|| lambda.and_then(|lambda| lambda.principal_id.clone()))
            .or_else(|| authorizer.principal_id.clone())
    });
    from_authorizer
        .or_else(|| context.identity.as_ref().and_then(|identity| identity.user_arn.clone()))
        .filter(|name| !name.is_empty())
        .map_or(Principal::Anonymous, Principal::Authenticated)
}

fn pack(answer: ApiAnswer) -> HttpAnswer {
    let mut headers: BTreeMap<_, _> = answer.headers.into_iter().collect();
    // A link is for whoever asked, and a refusal may be mended the next moment.
    headers.insert("cache-control", "no-store".to_owned());
    let status_code = answer.status;
    let rest = Rest { status_code, headers, is_base64_encoded: false };
    // Text and numbers can't fail to be written; nothing at all would be no answer.
    let json = answer.body.into_answer(&rest).unwrap_or_default();
    HttpAnswer { status_code, json }
}
