//! HTTP requests as API Gateway and function URLs pack them: payload 2.0 (HTTP APIs, function URLs)
//! and payload 1.0 (REST APIs, and HTTP APIs that are set to it).
//!
//! The principal is read from what the gateway's authorizer says ([`authorizer`](super::authorizer)),
//! and from nothing else.
//!
//! Payload 1.0's query parameters are read here and not by `aws_lambda_events`: the crate's
//! `QueryMap` panics while it is read when a parameter has an empty list of values.
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
use link_rules::access::Principal;
use link_rules::form::decode_pairs;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::authorizer::{Lists, principal_of_v1, principal_of_v2};
use crate::api::{Client, Problem, Request, Response};
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

/// Payload 1.0's query parameters, which the gateway has decoded.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct QueryParameters {
    /// Every value of each parameter.
    multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
    /// The last value of each parameter.
    query_string_parameters: Option<BTreeMap<String, String>>,
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
    pub(super) fn parse(json: &str, base_path: Option<&str>) -> Self {
        let mut event: Value = match serde_json::from_str(json) {
            Ok(event) => event,
            Err(error) => {
                return Self::refused(not_understood(&error));
            }
        };
        let authorizer =
            event.pointer_mut("/requestContext/authorizer").map(Value::take).unwrap_or_default();
        let methods = ["/requestContext/http/method", "/httpMethod"];
        if methods.iter().all(|method| event.pointer(method).is_none_or(|method| method == "")) {
            // The crate would take a missing or empty method for GET.
            let problem = Problem::invalid_request("the event names no HTTP method");
            return Self::new(Payload::V1, Err(problem));
        }
        // Only payload 2.0 has `http` in its context.
        if event.pointer("/requestContext/http").is_some() {
            let read = serde_json::from_value(event)
                .map_err(|error| not_understood(&error))
                .and_then(|event| request_of_v2(event, &authorizer, base_path));
            Self::new(Payload::V2, read)
        } else {
            let query = QueryParameters::take(&mut event);
            // Only HTTP APIs write a version. A JWT's claims come from their authorizer.
            let claim_lists = match event.get("version") {
                Some(_) => Lists::InBrackets,
                None => Lists::WithCommas,
            };
            let read = serde_json::from_value(event)
                .map_err(|error| not_understood(&error))
                .and_then(|event: ApiGatewayProxyRequest| {
                    let identity = &event.request_context.identity;
                    let user_arn = identity.user_arn.as_deref();
                    let principal = principal_of_v1(&authorizer, user_arn, claim_lists);
                    request_of_v1(event, query?, principal, base_path)
                });
            Self::new(Payload::V1, read)
        }
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

impl QueryParameters {
    /// Takes the parameters out of an event.
    fn take(event: &mut Value) -> Result<Self, Problem> {
        let names = ["multiValueQueryStringParameters", "queryStringParameters"];
        let taken = names.map(|name| {
            let value = event.get_mut(name).map(Value::take).unwrap_or_default();
            (name.to_owned(), value)
        });
        serde_json::from_value(Value::Object(taken.into_iter().collect()))
            .map_err(|error| not_understood(&error))
    }

    /// Names and values, repeated parameters included.
    fn pairs(self) -> Vec<(String, String)> {
        match self.multi_value_query_string_parameters {
            Some(all) => all
                .into_iter()
                .flat_map(|(name, values)| {
                    values.into_iter().map(move |value| (name.clone(), value))
                })
                .collect(),
            None => self.query_string_parameters.unwrap_or_default().into_iter().collect(),
        }
    }
}

fn not_understood(error: &serde_json::Error) -> Problem {
    Problem::invalid_request(format!("the gateway's event can't be understood: {error}"))
}

fn request_of_v2(
    event: ApiGatewayV2httpRequest,
    authorizer: &Value,
    base_path: Option<&str>,
) -> Result<(Caller, Request), Problem> {
    // `route_key` is `"POST /links"` or `"$default"`.
    let pattern = event.route_key.as_deref().and_then(|key| key.split_once(' ')).map(|key| key.1);
    let path = event.raw_path.unwrap_or_else(|| "/".to_owned());
    let context = event.request_context;
    let stage = context.stage;
    let client = Client {
        accept: header(&event.headers, &ACCEPT),
        content_type: header(&event.headers, &CONTENT_TYPE),
        cookies: event.cookies.iter().flatten().flat_map(|cookies| cookies_of(cookies)).collect(),
        domain: context.domain_name,
        public_path: Some(path.clone()),
    };
    let principal = principal_of_v2(authorizer);
    let caller = Caller { principal, ip_address: context.http.source_ip };
    let request = Request {
        method: context.http.method.to_string(),
        readings: readings(pattern, &event.path_parameters, &path, stage.as_deref(), base_path),
        path,
        query: decode_pairs(&event.raw_query_string.unwrap_or_default()).map_err(|text| {
            Problem::invalid_request(format!(
                "the query's {text:?} is not UTF-8 once it is decoded"
            ))
        })?,
        body: decode_body(event.body, event.is_base64_encoded)?,
        client,
    };
    Ok((caller, request))
}

fn request_of_v1(
    event: ApiGatewayProxyRequest,
    query: QueryParameters,
    principal: Principal,
    base_path: Option<&str>,
) -> Result<(Caller, Request), Problem> {
    let pattern = event.resource.as_deref();
    let path = event.path.unwrap_or_else(|| "/".to_owned());
    let context = event.request_context;
    let stage = context.stage;
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
        cookies: cookies.flat_map(cookies_of).collect(),
        domain: context.domain_name,
        public_path: context.path,
    };
    let caller = Caller { principal, ip_address: context.identity.source_ip };
    let request = Request {
        method: event.http_method.to_string(),
        readings: readings(pattern, &event.path_parameters, &path, stage.as_deref(), base_path),
        path,
        query: query.pairs(),
        body: decode_body(event.body, event.is_base64_encoded)?,
        client,
    };
    Ok((caller, request))
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

/// What a path can mean besides itself: the pattern that the gateway matched, filled with its path
/// parameters; the path without the name of the stage; the path without the base path.
fn readings(
    pattern: Option<&str>,
    parameters: &HashMap<String, String>,
    path: &str,
    stage: Option<&str>,
    base_path: Option<&str>,
) -> Vec<String> {
    let pattern = pattern.map(|pattern| {
        parameters.iter().fold(pattern.to_owned(), |filled, (name, value)| {
            // A pattern has each name once, and filling it once keeps its length within the event's.
            filled.replacen(&format!("{{{name}}}"), value, 1)
        })
    });
    let without = |path: &str, prefix: &str| {
        path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')).map(str::to_owned)
    };
    let without_stage = stage.and_then(|stage| without(path, &format!("/{stage}")));
    let without_base_path = base_path
        .and_then(|base_path| without(without_stage.as_deref().unwrap_or(path), base_path));
    [pattern, without_stage, without_base_path].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(event: &Value) -> Request {
        HttpEvent::parse(&event.to_string(), Some("/files")).request.unwrap()
    }

    fn rest(authorizer: &Value) -> Principal {
        let event = json!({
            "httpMethod": "GET", "path": "/session", "resource": "/session",
            "requestContext": {"httpMethod": "GET", "authorizer": authorizer},
        });
        HttpEvent::parse(&event.to_string(), None).caller.principal
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
        let readings = readings(Some("/files/{id}"), &parameters, "/x/files/7", Some("x"), None);
        assert_eq!(readings, ["/files/7", "/files/7"]);
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
            let caller = HttpEvent::parse(&event.to_string(), None).caller;
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
