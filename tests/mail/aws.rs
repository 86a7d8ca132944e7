//! A fake AWS. It answers the calls that mailing makes: one of S3, three of DynamoDB and one of
//! SES. A test can make each of them fail.
//!
//! It checks no signature. Its table does what DynamoDB does with the function's own conditions.
//! Tests in Python check those conditions against another DynamoDB.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// How a service fails its next call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The service answers with a status, a code and a message.
    Error(u16, &'static str, &'static str),
    /// The service does nothing and closes the connection.
    Disconnect,
    /// The service does what was asked, and closes the connection without an answer.
    DisconnectAfterwards,
    /// The service does nothing and never answers.
    NoAnswer,
}

/// An object in the bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    pub(crate) version_id: Option<&'static str>,
    pub(crate) etag: &'static str,
    pub(crate) size: u64,
    pub(crate) link_to: Option<String>,
    /// `x-amz-expiration`, as a lifecycle rule makes S3 answer it.
    pub(crate) expiration: Option<&'static str>,
}

/// A mail that SES accepted.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) mime: Vec<u8>,
    /// `ConfigurationOverrides` of the call.
    pub(crate) overrides: Value,
}

#[derive(Default)]
pub(crate) struct State {
    /// Versions by decoded key. The last one is current.
    pub(crate) objects: HashMap<String, Vec<Object>>,
    /// The last call that claimed a mail.
    pub(crate) last_claim: Option<Request>,
    /// The bucket's policy. `None`: it has none.
    pub(crate) bucket_policy: Option<Value>,
    /// The status that S3 answers instead of looking for an object.
    pub(crate) s3_status: Option<u16>,
    pub(crate) table: HashMap<String, Value>,
    pub(crate) sent: Vec<Sent>,
    /// The faults of the next calls, in order.
    pub(crate) ses_faults: VecDeque<Fault>,
    /// How many mails SES accepts in all. `None`: any number.
    pub(crate) ses_quota: Option<usize>,
    pub(crate) dynamodb_faults: VecDeque<Fault>,
    /// The number of calls by operation.
    pub(crate) calls: HashMap<String, usize>,
}

pub(crate) struct Aws {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// Notified when SES is called, before it answers.
    pub(crate) ses_called: Arc<Notify>,
}

impl Aws {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let ses_called = Arc::new(Notify::new());
        let (kept, notify) = (Arc::clone(&state), Arc::clone(&ses_called));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept), Arc::clone(&notify)));
            }
        });
        Self { address, state, ses_called }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn put(&self, key: &str, object: Object) {
        self.state().objects.entry(key.to_owned()).or_default().push(object);
    }

    /// Lets the last call that claimed a mail arrive once more, as a call may that was given up.
    pub(crate) fn repeat_last_claim(&self) {
        let mut state = self.state();
        let claim = state.last_claim.clone().unwrap();
        put_item(&claim, &mut state);
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    /// The recipients of all mails, in order.
    pub(crate) fn recipients(&self) -> Vec<String> {
        self.state().sent.iter().map(|sent| sent.to.clone()).collect()
    }

    pub(crate) fn fail_ses(&self, fault: Fault) {
        self.state().ses_faults.push_back(fault);
    }

    pub(crate) fn fail_dynamodb(&self, fault: Fault) {
        self.state().dynamodb_faults.push_back(fault);
    }

    pub(crate) fn calls(&self, operation: &str) -> usize {
        self.state().calls.get(operation).copied().unwrap_or(0)
    }
}

#[derive(Clone)]
pub(crate) struct Request {
    method: String,
    path: String,
    query: String,
    target: Option<String>,
    body: String,
}

struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Response {
    fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string() }
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>, ses_called: Arc<Notify>) {
    while let Some(request) = read_request(&mut stream).await {
        let is_ses = request.path == "/v2/email/outbound-emails";
        if is_ses {
            ses_called.notify_one();
            // A test that waits for the notification runs before SES answers.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let fault = {
            let mut state = state.lock().unwrap();
            *state.calls.entry(operation(&request)).or_default() += 1;
            match (is_ses, &request.target) {
                (true, _) => state.ses_faults.pop_front(),
                (_, Some(_)) => state.dynamodb_faults.pop_front(),
                _ => None,
            }
        };
        let response = match fault {
            Some(Fault::Disconnect) => return,
            Some(Fault::NoAnswer) => std::future::pending().await,
            Some(Fault::Error(status, code, message)) => Response {
                headers: vec![("x-amzn-errortype", code.to_owned())],
                ..Response::json(status, &json!({"__type": code, "message": message}))
            },
            Some(Fault::DisconnectAfterwards) => {
                respond(&request, &mut state.lock().unwrap());
                return;
            }
            None => respond(&request, &mut state.lock().unwrap()),
        };
        let lines = response.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let headers = lines.collect::<Vec<_>>().concat();
        let (length, body) = match request.method.as_str() {
            "HEAD" => (String::new(), String::new()),
            _ => (format!("content-length: {}\r\n", response.body.len()), response.body),
        };
        let text = format!("HTTP/1.1 {} x\r\n{headers}{length}\r\n{body}", response.status);
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn operation(request: &Request) -> String {
    match &request.target {
        Some(target) => target.rsplit('.').next().unwrap().to_owned(),
        None if request.method == "HEAD" => "HeadObject".to_owned(),
        None if request.method == "GET" => "GetBucketPolicy".to_owned(),
        None => "SendEmail".to_owned(),
    }
}

/// The bucket's policy, if a test gave it one.
fn get_bucket_policy(state: &State) -> Response {
    match &state.bucket_policy {
        Some(policy) => Response::json(200, policy),
        None => Response {
            status: 404,
            headers: Vec::new(),
            body: "<Error><Code>NoSuchBucketPolicy</Code></Error>".to_owned(),
        },
    }
}

fn respond(request: &Request, state: &mut State) -> Response {
    match operation(request).as_str() {
        "HeadObject" => head_object(request, state),
        "GetBucketPolicy" => get_bucket_policy(state),
        "SendEmail" => send_email(request, state),
        "PutItem" => put_item(request, state),
        "UpdateItem" => change_item(request, state, true),
        "DeleteItem" => change_item(request, state, false),
        other => panic!("{other} is not expected"),
    }
}

fn head_object(request: &Request, state: &State) -> Response {
    let without_body = |status| Response { status, headers: Vec::new(), body: String::new() };
    if let Some(status) = state.s3_status {
        return without_body(status);
    }
    let path = percent_encoding::percent_decode_str(&request.path).decode_utf8().unwrap();
    let key = path.strip_prefix("/files/").unwrap();
    let version = request.query.strip_prefix("versionId=");
    let versions = state.objects.get(key).map(Vec::as_slice).unwrap_or_default();
    let object = match version {
        Some(version) => versions.iter().find(|object| object.version_id == Some(version)),
        None => versions.last(),
    };
    let Some(object) = object else { return without_body(404) };
    let mut headers =
        vec![("content-length", object.size.to_string()), ("etag", format!("\"{}\"", object.etag))];
    headers.extend(object.version_id.map(|version| ("x-amz-version-id", version.to_owned())));
    headers.extend(object.expiration.map(|header| ("x-amz-expiration", header.to_owned())));
    headers.extend(object.link_to.clone().map(|list| ("x-amz-meta-link-to", list)));
    Response { status: 200, headers, body: String::new() }
}

fn send_email(request: &Request, state: &mut State) -> Response {
    if state.ses_quota.is_some_and(|quota| state.sent.len() >= quota) {
        let code = "LimitExceededException";
        return Response {
            headers: vec![("x-amzn-errortype", code.to_owned())],
            ..Response::json(
                400,
                &json!({"__type": code, "message": "Daily message quota exceeded."}),
            )
        };
    }
    let mail: Value = serde_json::from_str(&request.body).unwrap();
    let raw = mail["Content"]["Raw"]["Data"].as_str().unwrap();
    let [to] = mail["Destination"]["ToAddresses"].as_array().unwrap().as_slice() else {
        panic!("a mail has one recipient");
    };
    state.sent.push(Sent {
        from: mail["FromEmailAddress"].as_str().unwrap().to_owned(),
        to: to.as_str().unwrap().to_owned(),
        mime: STANDARD.decode(raw).unwrap(),
        overrides: mail["ConfigurationOverrides"].clone(),
    });
    Response::json(200, &json!({"MessageId": format!("message-{}", state.sent.len())}))
}

fn put_item(request: &Request, state: &mut State) -> Response {
    let call: Value = serde_json::from_str(&request.body).unwrap();
    let id = call["Item"]["id"]["S"].as_str().unwrap().to_owned();
    state.last_claim = Some(request.clone());
    assert_eq!(
        call["ConditionExpression"],
        "attribute_not_exists(id) OR (attribute_not_exists(sent_at) AND (claim = :claim OR \
         lease_ends_at <= :now))"
    );
    if let Some(item) = state.table.get(&id) {
        let now = number(&call["ExpressionAttributeValues"][":now"]);
        let ours = item["claim"] == call["ExpressionAttributeValues"][":claim"];
        if item.get("sent_at").is_some() || !(ours || number(&item["lease_ends_at"]) <= now) {
            return condition_failed(Some(item));
        }
    }
    state.table.insert(id, call["Item"].clone());
    Response::json(200, &json!({}))
}

fn change_item(request: &Request, state: &mut State, update: bool) -> Response {
    let call: Value = serde_json::from_str(&request.body).unwrap();
    let id = call["Key"]["id"]["S"].as_str().unwrap();
    let values = &call["ExpressionAttributeValues"];
    let Some(item) = state.table.get_mut(id) else { return condition_failed(None) };
    if item["claim"] != values[":claim"] || (!update && item.get("sent_at").is_some()) {
        return condition_failed(None);
    }
    if update {
        item["sent_at"] = values[":now"].clone();
        item["message_id"] = values[":message_id"].clone();
        item["link_id"] = values[":link_id"].clone();
        item.as_object_mut().unwrap().remove("lease_ends_at");
    } else {
        state.table.remove(id);
    }
    Response::json(200, &json!({}))
}

fn condition_failed(item: Option<&Value>) -> Response {
    let mut body = json!({"__type": "ConditionalCheckFailedException", "message": "no"});
    if let Some(item) = item {
        body["Item"] = item.clone();
    }
    let code = "ConditionalCheckFailedException".to_owned();
    Response { headers: vec![("x-amzn-errortype", code)], ..Response::json(400, &body) }
}

fn number(value: &Value) -> i64 {
    value["N"].as_str().unwrap().parse().unwrap()
}

async fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |wanted: &str| {
                let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                let found = lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                found.map(|(_, value)| value.to_owned())
            };
            let length = header("content-length").map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                let mut line = head.split([' ', '\r']);
                let method = line.next()?.to_owned();
                let (path, query) =
                    line.next().map(|uri| uri.split_once('?').unwrap_or((uri, "")))?;
                return Some(Request {
                    method,
                    path: path.to_owned(),
                    query: query.to_owned(),
                    target: header("x-amz-target"),
                    body: body.to_owned(),
                });
            }
        }
        let mut more = vec![0; 16_384];
        match stream.read(&mut more).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&more[..count]),
        }
    }
}
