//! HTTP requests as API Gateway and function URLs pack them: payload 2.0 (HTTP APIs, function URLs)
//! and payload 1.0 (REST APIs, and HTTP APIs that are set to it).
//!
//! Each payload is a struct of `aws_lambda_events` and the few fields that are read here instead. A
//! note at each of those says why, and a test shows the reason. The principal is read from what the
//! gateway's authorizer says ([`authorizer`](super::authorizer)), and from nothing else.
//!
//! Sources: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs";
//! "Input format of a Lambda function for proxy integration"; Lambda guide, "Invoking Lambda
//! function URLs".

use std::collections::{BTreeMap, HashMap};

use aws_lambda_events::apigw::{
    ApiGatewayProxyRequest, ApiGatewayProxyResponse, ApiGatewayV2httpRequest,
    ApiGatewayV2httpResponse,
};
use aws_lambda_events::encodings::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, SET_COOKIE};
use link_rules::form::decode_pairs;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::EventFields;
use super::authorizer::{Authorized, IamIdentity, Lists, principal_of_v1, principal_of_v2};
use crate::api::{Client, FetchMetadata, Problem, Request, Response};
use crate::invocation::Caller;

/// An HTTP request, and the shape that its answer must have.
pub(crate) struct HttpEvent {
    /// Who calls. Nobody, when the event can't be read.
    pub(crate) caller: Caller,
    /// The request, or the problem to answer with when the event can't be read.
    pub(crate) request: Result<Request, Problem>,
    payload: Payload,
}

/// The version of API Gateway's payload format.
#[derive(Clone, Copy)]
enum Payload {
    V1,
    V2,
}

/// The field of the context that tells the payloads apart: only payload 2.0 has it.
#[derive(Deserialize)]
struct ContextFields<'a> {
    #[serde(borrow)]
    http: Option<HttpFields<'a>>,
}

/// Payload 2.0's method.
#[derive(Deserialize)]
struct HttpFields<'a> {
    #[serde(borrow)]
    method: Option<&'a RawValue>,
}

/// A request of payload 1.0.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventV1 {
    #[serde(flatten)]
    event: ApiGatewayProxyRequest,
    /// The crate has no such field. HTTP APIs write it, and REST APIs do not.
    version: Option<IgnoredAny>,
    /// Every value of each query parameter, decoded. The crate's `QueryMap` panics when its values are
    /// iterated and a parameter has none.
    multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
    /// The last value of each query parameter, for gateways that write no list. The crate has a
    /// `QueryMap` here too.
    query_string_parameters: Option<BTreeMap<String, String>>,
}

/// A request of payload 2.0.
struct EventV2 {
    event: ApiGatewayV2httpRequest,
    /// `requestContext.authorizer`. The crate refuses the whole request if a JWT's claim is no text, as
    /// emulators of gateways write lists and numbers, or if a Lambda authorizer's context is no object.
    authorizer: Value,
}

/// A response in the gateway's shape. Not `Debug`: it may hold links.
#[derive(Serialize)]
#[serde(untagged)]
pub enum HttpResponse {
    /// Payload 1.0.
    V1(Box<ApiGatewayProxyResponse>),
    /// Payload 2.0.
    V2(Box<ApiGatewayV2httpResponse>),
}

impl HttpEvent {
    /// Translates an event that has a `requestContext`.
    pub(super) fn parse(event: &str, fields: &EventFields<'_>, base_path: Option<&str>) -> Self {
        let context = fields.request_context.map_or("{}", RawValue::get);
        let (payload, method) = match serde_json::from_str::<ContextFields<'_>>(context) {
            Ok(ContextFields { http: Some(http) }) => (Payload::V2, http.method),
            Ok(ContextFields { http: None }) => (Payload::V1, fields.http_method),
            Err(error) => return Self::refused(not_understood(&error)),
        };
        // The crate would take an empty method for GET.
        if method.is_none_or(|method| method.get() == r#""""#) {
            let problem = Problem::invalid_request("the event names no HTTP method");
            return Self::new(payload, Err(problem));
        }
        let read = match payload {
            Payload::V1 => EventV1::read(event).map(|event| event.translate(base_path)),
            Payload::V2 => EventV2::read(event).map(|event| event.translate(base_path)),
        };
        Self::new(payload, read.unwrap_or_else(|error| Err(not_understood(&error))))
    }

    fn new(payload: Payload, read: Result<(Caller, Request), Problem>) -> Self {
        match read {
            Ok((caller, request)) => Self { caller, request: Ok(request), payload },
            Err(problem) => Self { caller: Caller::default(), request: Err(problem), payload },
        }
    }

    /// An event that is not read, and the problem to answer with.
    pub(super) fn refused(problem: Problem) -> Self {
        Self::new(Payload::V2, Err(problem))
    }

    /// Packs the answer to this request.
    pub(crate) fn pack(&self, response: Response) -> HttpResponse {
        let body = Some(Body::Text(response.body));
        let status_code = i64::from(response.status);
        match self.payload {
            Payload::V1 => {
                let mut packed = ApiGatewayProxyResponse::default();
                packed.status_code = status_code;
                packed.headers = response.headers;
                packed.body = body;
                let cookies = response.cookies.iter();
                packed.multi_value_headers = cookies
                    .filter_map(|cookie| Some((SET_COOKIE, HeaderValue::try_from(cookie).ok()?)))
                    .collect();
                HttpResponse::V1(Box::new(packed))
            }
            Payload::V2 => {
                let mut packed = ApiGatewayV2httpResponse::default();
                packed.status_code = status_code;
                packed.headers = response.headers;
                packed.body = body;
                packed.cookies = response.cookies;
                HttpResponse::V2(Box::new(packed))
            }
        }
    }
}

fn not_understood(error: &serde_json::Error) -> Problem {
    Problem::invalid_request(format!("the gateway's event can't be understood: {error}"))
}

impl EventV1 {
    fn read(event: &str) -> serde_json::Result<Self> {
        serde_json::from_str(event)
    }

    /// The caller and the request.
    fn translate(self, base_path: Option<&str>) -> Result<(Caller, Request), Problem> {
        // A JWT's claims come from the authorizer of an HTTP API.
        let claim_lists = match self.version {
            Some(_) => Lists::InBrackets,
            None => Lists::WithCommas,
        };
        let query = match self.multi_value_query_string_parameters {
            Some(all) => all
                .into_iter()
                .flat_map(|(name, values)| {
                    values.into_iter().map(move |value| (name.clone(), value))
                })
                .collect(),
            None => self.query_string_parameters.unwrap_or_default().into_iter().collect(),
        };
        let event = self.event;
        let context = event.request_context;
        // The crate keeps all of the authorizer's fields here, whatever their names and types.
        let authorizer = Value::Object(context.authorizer.fields.into_iter().collect());
        let iam = IamIdentity {
            user_arn: context.identity.user_arn.as_deref(),
            cognito_identity_id: context.identity.cognito_identity_id.as_deref(),
            cognito_authentication_type: context.identity.cognito_authentication_type.as_deref(),
        };
        let named = principal_of_v1(&authorizer, iam, claim_lists);
        let caller = caller(named, context.identity.source_ip);
        // Some gateways fill only one of the two.
        let headers = if event.multi_value_headers.is_empty() {
            event.headers
        } else {
            event.multi_value_headers
        };
        let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let client = Client {
            accept: header(&headers, &ACCEPT),
            content_type: header(&headers, &CONTENT_TYPE),
            fetch: fetch_metadata(&headers),
            cookies: cookies.flat_map(cookies_of).collect(),
            domain: context.domain_name,
            public_path: context.path,
        };
        let path = event.path.unwrap_or_else(|| "/".to_owned());
        let matched = Matched {
            pattern: event.resource.as_deref(),
            parameters: &event.path_parameters,
            stage: context.stage.as_deref(),
        };
        let request = Request {
            method: event.http_method.to_string(),
            readings: matched.readings(&path, base_path),
            path,
            query,
            body: decode_body(event.body, event.is_base64_encoded)?,
            client,
        };
        Ok((caller, request))
    }
}

impl EventV2 {
    fn read(event: &str) -> serde_json::Result<Self> {
        let mut event: Value = serde_json::from_str(event)?;
        let authorizer = event.pointer_mut("/requestContext/authorizer").map(Value::take);
        let authorizer = authorizer.unwrap_or_default();
        Ok(Self { event: serde_json::from_value(event)?, authorizer })
    }

    /// The caller and the request.
    fn translate(self, base_path: Option<&str>) -> Result<(Caller, Request), Problem> {
        let Self { event, authorizer } = self;
        let context = event.request_context;
        let caller = caller(principal_of_v2(&authorizer), context.http.source_ip);
        let cookies = event.cookies.iter().flatten().flat_map(|cookies| cookies_of(cookies));
        // `route_key` is `"POST /links"` or `"$default"`.
        let route_key = event.route_key.as_deref().and_then(|key| key.split_once(' '));
        let path = event.raw_path.unwrap_or_else(|| "/".to_owned());
        let matched = Matched {
            pattern: route_key.map(|(_, pattern)| pattern),
            parameters: &event.path_parameters,
            stage: context.stage.as_deref(),
        };
        let client = Client {
            accept: header(&event.headers, &ACCEPT),
            content_type: header(&event.headers, &CONTENT_TYPE),
            fetch: fetch_metadata(&event.headers),
            cookies: cookies.collect(),
            domain: context.domain_name,
            public_path: Some(path.clone()),
        };
        let mut request = Request {
            method: context.http.method.to_string(),
            readings: matched.readings(&path, base_path),
            path,
            query: Vec::new(),
            body: decode_body(event.body, event.is_base64_encoded)?,
            client,
        };
        // Nobody reads the query of a share's address.
        if !request.is_to_an_address() {
            let query = event.raw_query_string.unwrap_or_default();
            request.query = decode_pairs(&query).map_err(|text| {
                Problem::invalid_request(format!(
                    "the query's {text:?} is not UTF-8 once it is decoded"
                ))
            })?;
        }
        Ok((caller, request))
    }
}

/// Who calls, from which address.
fn caller(authorized: Authorized, ip_address: Option<String>) -> Caller {
    let Authorized { principal, why_unnamed } = authorized;
    Caller { principal, ip_address, why_unnamed }
}

fn fetch_metadata(headers: &HeaderMap) -> FetchMetadata {
    let header = |name: &'static str| header(headers, &HeaderName::from_static(name));
    FetchMetadata {
        mode: header("sec-fetch-mode"),
        site: header("sec-fetch-site"),
        user: header("sec-fetch-user"),
        brands: header("sec-ch-ua"),
    }
}

/// The values of a header, as one text.
fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> =
        headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// The names and values in a header `Cookie`.
fn cookies_of(header: &str) -> impl Iterator<Item = (String, String)> {
    header.split(';').filter_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    })
}

fn decode_body(body: Option<String>, is_base64: bool) -> Result<Vec<u8>, Problem> {
    match body {
        Some(body) if is_base64 => STANDARD.decode(body.trim()).map_err(|_| {
            Problem::invalid_request("the body is said to be base64 and isn't".to_owned())
        }),
        body => Ok(body.unwrap_or_default().into_bytes()),
    }
}

/// What a gateway says of the path that it was asked for.
struct Matched<'a> {
    /// The path's pattern, such as `/s/{token}`.
    pattern: Option<&'a str>,
    parameters: &'a HashMap<String, String>,
    stage: Option<&'a str>,
}

impl Matched<'_> {
    /// What a path can mean besides itself: the pattern that the gateway matched, filled with its
    /// path parameters; the path without the name of the stage; the path without the base path.
    fn readings(&self, path: &str, base_path: Option<&str>) -> Vec<String> {
        let pattern = self.pattern.map(|pattern| {
            self.parameters.iter().fold(pattern.to_owned(), |filled, (name, value)| {
                // A pattern has each name once, and filling it once keeps its length within the event's.
                // A name with a plus stands for the rest of the path.
                let filled = filled.replacen(&format!("{{{name}}}"), value, 1);
                filled.replacen(&format!("{{{name}+}}"), value, 1)
            })
        });
        let without = |path: &str, prefix: &str| {
            path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')).map(str::to_owned)
        };
        let without_stage = self.stage.and_then(|stage| without(path, &format!("/{stage}")));
        let without_base_path = base_path
            .and_then(|base_path| without(without_stage.as_deref().unwrap_or(path), base_path));
        [pattern, without_stage, without_base_path].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use link_rules::access::Principal;
    use serde_json::json;

    fn parse(event: &Value, base_path: Option<&str>) -> HttpEvent {
        let event = event.to_string();
        HttpEvent::parse(&event, &serde_json::from_str(&event).unwrap(), base_path)
    }

    fn request(event: &Value) -> Request {
        parse(event, Some("/files")).request.unwrap()
    }

    fn rest(authorizer: &Value) -> Principal {
        let event = json!({
            "httpMethod": "GET", "path": "/session", "resource": "/session",
            "requestContext": {"httpMethod": "GET", "authorizer": authorizer},
        });
        parse(&event, None).caller.principal
    }

    #[test]
    fn whatever_a_lambda_authorizer_of_a_rest_api_says_its_principal_stays() {
        for context in [
            json!({"claims": {"sub": "eve"}}),
            json!({"claims": "text", "jwt": "text", "iam": 5, "lambda": true}),
            json!({"jwt": {"claims": {"sub": "eve"}}, "iam": {"userArn": "eve"}}),
        ] {
            let mut authorizer = context.clone();
            authorizer["principalId"] = json!("alice");
            let principal = rest(&authorizer);
            assert!(matches!(&principal, Principal::Authorized { name, .. } if name == "alice"));
        }
    }

    #[test]
    fn what_is_not_the_documented_shape_authenticates_nobody() {
        for authorizer in [
            json!(null),
            json!("alice"),
            json!(["alice"]),
            json!({"claims": "{\"sub\": \"eve\"}"}),
            json!({"claims": {"sub": 5}}),
            json!({"principalId": ""}),
            json!({"jwt": {"claims": {"sub": "eve"}}}),
            json!({"lambda": {"principalId": "eve"}}),
        ] {
            assert_eq!(rest(&authorizer), Principal::Anonymous, "{authorizer}");
        }
    }

    #[test]
    fn a_claim_that_is_no_text_is_read_here_and_refused_by_the_crate() {
        let http = json!({"method": "GET", "path": "/session"});
        for (authorizer, is_alice) in [
            (json!({"jwt": {"claims": {"sub": "alice", "groups": ["a"], "iat": 1}}}), true),
            (json!({"lambda": "alice"}), false),
        ] {
            let event = json!({"rawPath": "/session", "version": "2.0",
                               "requestContext": {"http": http, "authorizer": authorizer}});
            assert!(serde_json::from_value::<ApiGatewayV2httpRequest>(event.clone()).is_err());
            let event = parse(&event, None);
            assert_eq!(event.caller.principal.name() == "alice", is_alice, "{authorizer}");
            assert_eq!(event.request.unwrap().path, "/session");
        }
    }

    #[test]
    fn an_empty_method_is_refused_here_and_is_get_for_the_crate() {
        let v1 =
            |method: &Value| json!({"httpMethod": method, "requestContext": {"httpMethod": "GET"}});
        let v2 = |method: &Value| json!({"requestContext": {"http": {"method": method}}});
        let crates: ApiGatewayProxyRequest = serde_json::from_value(v1(&json!(""))).unwrap();
        assert_eq!(crates.http_method, http::Method::GET);
        let crates: ApiGatewayV2httpRequest = serde_json::from_value(v2(&json!(""))).unwrap();
        assert_eq!(crates.request_context.http.method, http::Method::GET);
        for event in [v1(&json!("")), v1(&json!(null)), v2(&json!("")), v2(&json!(null))] {
            let problem = parse(&event, None).request.unwrap_err();
            assert_eq!(problem.detail(), "the event names no HTTP method", "{event}");
        }
        assert_eq!(request(&v1(&json!("PUT"))).method, "PUT");
        assert_eq!(request(&v2(&json!("PUT"))).method, "PUT");
    }

    #[test]
    #[should_panic(expected = "index out of bounds")]
    fn the_crate_panics_on_a_parameter_with_an_empty_list_of_values() {
        let event = json!({"httpMethod": "GET", "requestContext": {"httpMethod": "GET"},
                           "multiValueQueryStringParameters": {"key": []}});
        let event: ApiGatewayProxyRequest = serde_json::from_value(event).unwrap();
        let query = event.multi_value_query_string_parameters;
        assert_eq!(query.iter().count(), 0);
    }

    #[test]
    fn a_parameter_with_an_empty_list_of_values_is_no_parameter() {
        let mut event = json!({
            "httpMethod": "GET", "path": "/download", "requestContext": {"httpMethod": "GET"},
            "queryStringParameters": {"key": "b"},
            "multiValueQueryStringParameters": {"key": [], "bucket": ["x", "y"]},
        });
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(request(&event).query, [pair("bucket", "x"), pair("bucket", "y")]);
        event["multiValueQueryStringParameters"] = json!(null);
        assert_eq!(request(&event).query, [pair("key", "b")]);
    }

    #[test]
    fn a_pattern_is_filled_with_its_path_parameters() {
        let parameters = HashMap::from([("id".to_owned(), "7".to_owned())]);
        let matched =
            Matched { pattern: Some("/files/{id}"), parameters: &parameters, stage: Some("x") };
        assert_eq!(matched.readings("/x/files/7", None), ["/files/7", "/files/7"]);
    }

    #[test]
    fn the_caller_s_program_and_address_are_read_from_either_payload() {
        let v2 = json!({
            "version": "2.0", "routeKey": "POST /s/{token}", "rawPath": "/prod/s/abc",
            "pathParameters": {"token": "abc"}, "cookies": ["a=1", "b=2; c=3=3"],
            "headers": {"accept": "text/html,*/*", "content-type": "text/plain", "host": "evil"},
            "requestContext": {"stage": "prod", "domainName": "api.example.com",
                               "http": {"method": "POST", "path": "/prod/s/abc", "sourceIp": "192.0.2.1"}},
        });
        let v1 = json!({
            "httpMethod": "POST", "resource": "/s/{token}", "path": "/s/abc",
            "pathParameters": {"token": "abc"},
            "headers": {"Accept": "*/*"},
            "multiValueHeaders": {"Accept": ["text/html,*/*"], "Content-Type": ["text/plain"],
                                  "Cookie": ["a=1; b=2", "c=3=3"], "Host": ["evil"]},
            "requestContext": {"stage": "prod", "path": "/prod/s/abc", "httpMethod": "POST",
                               "domainName": "api.example.com", "identity": {"sourceIp": "192.0.2.1"}},
        });
        let mut without_lists = v1.clone();
        without_lists["headers"] = json!({"Accept": "text/html,*/*", "Content-Type": "text/plain",
                                          "Cookie": "a=1; b=2; c=3=3"});
        without_lists["multiValueHeaders"] = json!(null);
        for event in [v2, v1, without_lists] {
            let caller = parse(&event, None).caller;
            let request = request(&event);
            let Client { accept, content_type, cookies, .. } = &request.client;
            assert_eq!(accept.as_deref(), Some("text/html,*/*"));
            assert_eq!(content_type.as_deref(), Some("text/plain"));
            let expected = [("a", "1"), ("b", "2"), ("c", "3=3")];
            assert_eq!(*cookies, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
            assert_eq!(caller.ip_address.as_deref(), Some("192.0.2.1"));
            let base_url = request.base_url("/s/abc");
            assert_eq!(base_url.as_deref(), Some("https://api.example.com/prod"));
            assert_eq!(request.base_url("/s/other"), None);
            assert_eq!((request.cookie("b"), request.cookie("d")), (Some("2"), None));
        }
    }

    #[test]
    fn only_who_asks_for_json_and_not_for_html_wants_json() {
        for (accept, wants_json) in [
            ("application/json", true),
            ("Application/JSON; q=0.9, */*", true),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false),
            ("text/html, application/json", false),
            ("*/*", false),
            ("", false),
        ] {
            let event = json!({
                "rawPath": "/", "headers": {"accept": accept},
                "requestContext": {"http": {"method": "GET"}},
            });
            assert_eq!(request(&event).wants_json(), wants_json, "{accept}");
        }
    }

    #[test]
    fn cookies_are_packed_in_each_payload_s_own_way() {
        let pack = |payload| {
            let event = HttpEvent::new(payload, Err(Problem::invalid_request("")));
            let response = Response {
                status: 200,
                headers: http::HeaderMap::new(),
                cookies: vec!["a=b".to_owned(), "c=d".to_owned()],
                body: "<p>\n</p>".to_owned(),
            };
            serde_json::to_value(event.pack(response)).unwrap()
        };
        let v1 = pack(Payload::V1);
        assert_eq!(v1["multiValueHeaders"]["set-cookie"], json!(["a=b", "c=d"]));
        assert_eq!(v1["body"], "<p>\n</p>");
        let v2 = pack(Payload::V2);
        assert_eq!(v2["cookies"], json!(["a=b", "c=d"]));
        assert_eq!(v2["statusCode"], 200);
    }
}
