//! The function under test, and requests to it as an HTTP API sends them. Its clock is moved by the
//! test alone.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use fake_aws::{FakeAws, Fault, Item, Object, Operation, Reply, Service};
use jiff::{SignedDuration, Timestamp};
use s3_link_signer::{Handler, Settings};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::event::HttpRequest;

thread_local! {
    /// Each test has a clock of its own, because each test runs in its own thread.
    static NOW: Cell<Timestamp> = Cell::new("2026-11-23T13:05:17.25Z".parse().unwrap());
    /// The lines of metrics of this thread.
    static METRICS: RefCell<Vec<Value>> = const { RefCell::new(Vec::new()) };
}

pub(crate) const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:sharer";

pub(crate) const KEY: &str = "private-files/report.pdf";

pub(crate) const GRANTS: &str = r#"[{"bucket":"files","prefix":"private-files/","principals":["*"],
    "actions":["get","share"],"region":"eu-west-1"}]"#;

pub(crate) fn now() -> Timestamp {
    NOW.get()
}

pub(crate) fn pass(seconds: i64) {
    NOW.set(NOW.get() + SignedDuration::from_secs(seconds));
}

/// What was counted since this was asked last.
pub(crate) fn counted(metric: &str) -> u64 {
    METRICS.with_borrow_mut(|lines| {
        let counts = lines.iter_mut().map(|line| {
            let line = line.as_object_mut().unwrap();
            line.remove(metric).and_then(|count| count.as_u64()).unwrap_or(0)
        });
        counts.sum()
    })
}

/// All lines of metrics of this thread, as one text.
pub(crate) fn metrics() -> String {
    METRICS.with_borrow(|lines| lines.iter().map(Value::to_string).collect())
}

/// An AWS whose bucket has the file of `KEY`.
pub(crate) async fn aws() -> FakeAws {
    let aws = FakeAws::start().await;
    aws.put_object("files", KEY, Object::of_size(1_250_000));
    aws
}

/// How many calls to DynamoDB were made since this was asked last.
pub(crate) fn dynamodb_calls(aws: &FakeAws) -> usize {
    let calls = aws.take_calls();
    calls.iter().filter(|call| call.service() == Some(Service::DynamoDb)).count()
}

/// The only item of the table.
pub(crate) fn item(aws: &FakeAws) -> Item {
    let mut state = aws.state();
    let [item] = state.items("shares").values().collect::<Vec<_>>().try_into().unwrap();
    Item::clone(item)
}

/// Lets S3 answer whoever asks for an object with this error from now on.
pub(crate) fn refuse_objects(aws: &FakeAws, status: u16, code: &'static str) {
    aws.script(move |call| {
        let asks = [Operation::GetObject, Operation::HeadObject].contains(&call.operation);
        asks.then(|| Reply::s3_error(status, code))
    });
}

/// Lets every call to DynamoDB fail from now on.
pub(crate) fn go_away(aws: &FakeAws) {
    aws.script(|call| {
        let service = call.service().filter(|service| *service == Service::DynamoDb)?;
        Some(Reply::error(service, 503, "ServiceUnavailable", "not now"))
    });
}

/// Lets S3 answer by itself again.
pub(crate) fn give_objects(aws: &FakeAws) {
    aws.script(|_| None);
}

/// A function with shares. Its session ends in a month.
pub(crate) fn function(aws: &FakeAws) -> Handler {
    function_with(aws, &[])
}

pub(crate) fn function_with(aws: &FakeAws, changes: &[(&str, &str)]) -> Handler {
    crate::log::log_somewhere();
    let end = (now() + SignedDuration::from_hours(24 * 30)).to_string();
    let endpoint = aws.endpoint();
    let mut variables = HashMap::from([
        ("GRANTS", GRANTS),
        ("AWS_LAMBDA_FUNCTION_NAME", "sharer"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "ASIASHARER"),
        ("AWS_SECRET_ACCESS_KEY", "SecretThatNobodyMaySee"),
        ("AWS_SESSION_TOKEN", "TokenThatNobodyMaySee"),
        ("AWS_CREDENTIAL_EXPIRATION", end.as_str()),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("SHARES_TABLE", "shares"),
    ]);
    variables.extend(changes.iter().copied());
    let variable = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    let settings = Settings::read(variable, now()).unwrap();
    Handler::new(settings, now, |line| {
        METRICS.with_borrow_mut(|lines| lines.push(serde_json::from_str(line).unwrap()));
    })
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) principal: Option<&'a str>,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) body: String,
    pub(crate) headers: Value,
    pub(crate) cookie: Option<&'a str>,
    /// How long the invocation may take, in seconds.
    pub(crate) seconds: i64,
}

impl Default for Request<'_> {
    fn default() -> Self {
        Self {
            principal: None,
            method: "GET",
            path: "/",
            query: "",
            body: String::new(),
            headers: json!({"accept": "application/json"}),
            cookie: None,
            seconds: 30,
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    pub(crate) headers: Value,
    pub(crate) body: String,
    /// The value of the cookie that recognises presses, if it is set.
    pub(crate) cookie: Option<String>,
    /// The whole header.
    pub(crate) set_cookie: Option<String>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// The answer to a press of which one call, after so many others of this operation, waits until
/// `meanwhile` is over.
pub(crate) async fn held_after<T>(
    aws: &FakeAws,
    others: usize,
    operation: Operation,
    press: impl Future<Output = Answer>,
    meanwhile: impl Future<Output = T>,
) -> (Answer, T) {
    aws.hold_one_after(others, operation);
    let meanwhile = async {
        let held = tokio::time::timeout(Duration::from_mins(1), aws.undecided()).await;
        let (number, _) = held.expect("the press makes this call").remove(0);
        let outcome = meanwhile.await;
        aws.decide(number, Fault::none());
        outcome
    };
    futures_util::future::join(press, meanwhile).await
}

pub(crate) async fn send(function: &Handler, request: Request<'_>) -> Answer {
    let authorizer = match request.principal {
        Some(name) if name.starts_with("arn:") => {
            // An identity of a Cognito identity pool stands behind a space.
            let (arn, identity) = name.split_once(' ').unwrap_or((name, ""));
            let identity = (!identity.is_empty())
                .then(|| json!({"amr": ["authenticated"], "identityId": identity}));
            json!({"iam": {"userArn": arn, "cognitoIdentity": identity}})
        }
        Some(name) => json!({"jwt": {"claims": {"sub": name, "tenant": "acme", "secret": "x",
                                                "name": "Alice Example"}}}),
        None => Value::Null,
    };
    let Request { method, path, query, headers, body, cookie, .. } = request;
    let cookie = cookie.map(|cookie| format!("press={cookie}"));
    let event =
        HttpRequest { method, path, query, headers, cookie, body: &body, authorizer }.event();
    let event = RawValue::from_string(event.to_string()).unwrap();
    let deadline = now() + SignedDuration::from_secs(request.seconds);
    let answer = Box::pin(function.handle(&event, "request-1", ARN, deadline)).await.unwrap();
    let answer = serde_json::to_value(answer).unwrap();
    let cookies = answer["cookies"].as_array().cloned().unwrap_or_default();
    let set_cookie = cookies.first().and_then(Value::as_str).map(str::to_owned);
    let cookie = set_cookie.as_deref().and_then(|cookie| cookie.strip_prefix("press="));
    Answer {
        status: answer["statusCode"].as_u64().unwrap(),
        headers: answer["headers"].clone(),
        body: answer["body"].as_str().unwrap_or_default().to_owned(),
        cookie: cookie.map(|cookie| cookie.split(';').next().unwrap().to_owned()),
        set_cookie,
    }
}

/// A request of an owner.
pub(crate) async fn owner(
    function: &Handler,
    principal: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let principal = Some(principal);
    send(function, Request { principal, method, path, body, ..Request::default() }).await
}

/// A share that was made.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    pub(crate) id: String,
    /// The path of its address.
    pub(crate) path: String,
    pub(crate) answer: Value,
}

/// Makes a share of `KEY` for alice, with these fields besides.
pub(crate) async fn share(function: &Handler, fields: &Value) -> Share {
    let mut body = json!({"key": KEY});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let made = owner(function, "alice", "POST", "/shares", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let answer = made.json();
    let url = answer["url"].as_str().unwrap();
    let path = url.strip_prefix("https://api.example.com").unwrap().to_owned();
    Share { id: answer["share_id"].as_str().unwrap().to_owned(), path, answer }
}

/// A press of the button of a share without a passcode.
pub(crate) async fn press(function: &Handler, path: &str, cookie: Option<&str>) -> Answer {
    let request = Request { method: "POST", path, cookie, ..Request::default() };
    send(function, request).await
}

/// A press with a passcode in the form.
pub(crate) async fn press_with(function: &Handler, path: &str, passcode: &str) -> Answer {
    press_from(function, path, passcode, None).await
}

/// A press with a passcode in the form, of the browser with this cookie.
pub(crate) async fn press_from(
    function: &Handler,
    path: &str,
    passcode: &str,
    cookie: Option<&str>,
) -> Answer {
    let body =
        form_urlencoded::Serializer::new(String::new()).append_pair("passcode", passcode).finish();
    let headers = json!({
        "accept": "application/json", "content-type": "application/x-www-form-urlencoded",
    });
    let request = Request { method: "POST", path, body, headers, cookie, ..Request::default() };
    send(function, request).await
}

/// The facts of a share.
pub(crate) async fn facts(function: &Handler, path: &str) -> Answer {
    send(function, Request { path, ..Request::default() }).await
}

/// How many downloads the owner sees.
pub(crate) async fn downloads(function: &Handler, id: &str) -> u64 {
    let share = owner(function, "alice", "GET", &format!("/shares/{id}"), &Value::Null).await;
    share.json()["downloads"].as_u64().unwrap()
}

/// Checks the headers that every answer about a share's address has.
pub(crate) fn has_the_page_s_headers(answer: &Answer) {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("x-robots-tag", "noindex, nofollow"),
    ] {
        assert_eq!(answer.headers[name], value, "{answer:?}");
    }
}
