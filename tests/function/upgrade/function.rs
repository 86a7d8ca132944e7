//! The function under test: this version with an earlier one's settings. Requests reach it as an HTTP
//! API sends them. Its clock is moved by the test alone.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};
use s3_link_signer::{Handler, Settings};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::environments::{refuses, with_what_is_refused_replaced};
use super::fixtures::{ANSWERED_AT, Answer};
use crate::event::HttpRequest;

thread_local! {
    /// Each test has a clock of its own, because each test runs in its own thread.
    static NOW: Cell<Timestamp> = Cell::new(ANSWERED_AT.parse().unwrap());
}

const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:links";

/// What addresses of shares begin with: `PUBLIC_URL`, and the API's own domain where it is not set.
const ORIGINS: [&str; 2] = ["https://files.example.com", "https://api.example.com"];

pub(crate) fn now() -> Timestamp {
    NOW.get()
}

pub(crate) fn pass(time: SignedDuration) {
    NOW.set(NOW.get() + time);
}

pub(crate) fn set_clock(at: &str) {
    NOW.set(at.parse().unwrap());
}

/// The function with the settings of an environment. Its session ends in a month.
pub(crate) fn function(environment: &str, endpoint: &str) -> Handler {
    let mut variables = with_what_is_refused_replaced(environment);
    let end = now() + SignedDuration::from_hours(24 * 30);
    variables.insert("AWS_CREDENTIAL_EXPIRATION".to_owned(), end.to_string());
    variables.insert("AWS_ENDPOINT_URL".to_owned(), endpoint.to_owned());
    let settings = Settings::read(|name| variables.get(name).cloned(), now());
    Handler::new(settings.unwrap_or_else(|error| panic!("{environment}: {error}")), now, |_| {})
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// Whom the gateway's authorizer names. Null: nobody.
    pub(crate) principal: Value,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) body: String,
    pub(crate) headers: Value,
    pub(crate) cookie: Option<&'a str>,
}

impl Default for Request<'_> {
    fn default() -> Self {
        Self {
            principal: Value::Null,
            method: "GET",
            path: "/",
            query: "",
            body: String::new(),
            headers: json!({"accept": "application/json"}),
            cookie: None,
        }
    }
}

/// What the gateway gets.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u64,
    pub(crate) headers: Value,
    pub(crate) body: String,
    /// Name and value of the cookie that is set.
    pub(crate) cookie: Option<String>,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// The code of a refusal. Empty: it is none.
    pub(crate) fn code(&self) -> String {
        let body = serde_json::from_str::<Value>(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The status with these fields of the body. Without names: all fields.
    pub(crate) fn answer(&self, names: &[&str]) -> Answer {
        let mut fields = serde_json::from_str(&self.body).unwrap_or_else(|_| json!({}));
        if !names.is_empty() {
            let body = fields.as_object_mut().unwrap();
            body.retain(|name, _| names.contains(&name.as_str()));
        }
        Answer { status: self.status, fields }
    }
}

pub(crate) async fn send(function: &Handler, mut request: Request<'_>) -> Response {
    // Where `BASE_PATH` is refused, the gateway leaves out what stood before the routes.
    if refuses("by-hand-signer", "BASE_PATH") {
        request.path = request.path.strip_prefix("/files").unwrap_or(request.path);
    }
    let Request { principal: authorizer, method, path, query, body, headers, cookie } = request;
    let cookie = cookie.map(str::to_owned);
    let event =
        HttpRequest { method, path, query, headers, cookie, body: &body, authorizer }.event();
    let answer = invoke(function, &event).await.unwrap();
    let set_cookie = answer["cookies"][0].as_str();
    Response {
        status: answer["statusCode"].as_u64().unwrap(),
        headers: answer["headers"].clone(),
        body: answer["body"].as_str().unwrap_or_default().to_owned(),
        cookie: set_cookie.map(|cookie| cookie.split(';').next().unwrap().to_owned()),
    }
}

/// Gives an event to the function, which has a minute to handle it.
pub(crate) async fn invoke(function: &Handler, event: &Value) -> Result<Value, String> {
    let event = RawValue::from_string(event.to_string()).unwrap();
    let deadline = now() + SignedDuration::from_mins(1);
    // The future is boxed because the SDK's futures are nested too deep for the compiler.
    let answer = Box::pin(function.handle(&event, "request-1", ARN, deadline)).await;
    answer.map(|answer| serde_json::to_value(answer).unwrap()).map_err(|error| error.to_string())
}

/// A request with a JSON body, if there is one.
pub(crate) async fn call(
    function: &Handler,
    principal: &Value,
    method: &str,
    path: &str,
    body: &Value,
) -> Response {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let principal = principal.clone();
    send(function, Request { principal, method, path, body, ..Request::default() }).await
}

/// The path of a share's address.
pub(crate) fn path_of(url: &str) -> &str {
    let path = ORIGINS.iter().find_map(|origin| url.strip_prefix(origin));
    path.unwrap_or_else(|| panic!("{url} is no address of a share"))
}

/// The facts of the share behind an address.
pub(crate) async fn show(function: &Handler, url: &str) -> Response {
    send(function, Request { path: path_of(url), ..Request::default() }).await
}

/// A press of the button.
pub(crate) async fn press(
    function: &Handler,
    url: &str,
    passcode: Option<&str>,
    cookie: Option<&str>,
) -> Response {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(passcode.map(|passcode| ("passcode", passcode)));
    let headers = json!({
        "accept": "application/json", "content-type": "application/x-www-form-urlencoded",
    });
    let (path, body) = (path_of(url), form.finish());
    send(function, Request { method: "POST", path, body, headers, cookie, ..Request::default() })
        .await
}

/// A batch of one message, as the queue delivers it. Returns whether the message is done.
pub(crate) async fn deliver(function: &Handler, notification: &Value) -> bool {
    let message =
        json!({"messageId": "m0", "eventSource": "aws:sqs", "body": notification.to_string()});
    let answer = invoke(function, &json!({"Records": [message]})).await.unwrap();
    answer["batchItemFailures"].as_array().unwrap().is_empty()
}
