//! An AWS of the tests' own: the one call of S3's, the three of DynamoDB's and the one of SES's
//! that mailing makes, each answered as the test says.
//!
//! It checks no signature. Its table does what DynamoDB does with the conditions we send; that
//! DynamoDB reads them the same way is tested against another one, in Python.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// How a service takes its next call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mood {
    /// Says no, with a status, a code and a message.
    No(u16, &'static str, &'static str),
    /// Does nothing and hangs up.
    HangsUp,
    /// Does what was asked and hangs up without saying so.
    DoesItAndHangsUp,
    /// Does nothing and never answers.
    Silent,
}

/// An object in the bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    pub(crate) version_id: Option<&'static str>,
    pub(crate) etag: &'static str,
    pub(crate) size: u64,
    pub(crate) link_to: Option<&'static str>,
}

/// A mail as SES took it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) mime: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct State {
    /// By decoded key; the last one is current.
    pub(crate) objects: HashMap<String, Vec<Object>>,
    /// What S3 answers instead.
    pub(crate) s3_says: Option<u16>,
    pub(crate) table: HashMap<String, Value>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) ses: VecDeque<Mood>,
    pub(crate) dynamodb: VecDeque<Mood>,
    /// Counts calls by name.
    pub(crate) calls: HashMap<String, usize>,
}

pub(crate) struct Aws {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// Told whenever SES is called, before it answers.
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

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    /// Who got a mail, in order.
    pub(crate) fn recipients(&self) -> Vec<String> {
        self.state().sent.iter().map(|sent| sent.to.clone()).collect()
    }

    pub(crate) fn ses_will(&self, mood: Mood) {
        self.state().ses.push_back(mood);
    }

    pub(crate) fn dynamodb_will(&self, mood: Mood) {
        self.state().dynamodb.push_back(mood);
    }

    pub(crate) fn calls(&self, name: &str) -> usize {
        self.state().calls.get(name).copied().unwrap_or(0)
    }
}

struct Request {
    method: String,
    path: String,
    query: String,
    target: Option<String>,
    body: String,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Answer {
    fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string() }
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>, ses_called: Arc<Notify>) {
    while let Some(request) = read_request(&mut stream).await {
        let is_ses = request.path == "/v2/email/outbound-emails";
        if is_ses {
            ses_called.notify_one();
            // Whoever waits for that goes first.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let mood = {
            let mut state = state.lock().unwrap();
            *state.calls.entry(name(&request)).or_default() += 1;
            match (is_ses, &request.target) {
                (true, _) => state.ses.pop_front(),
                (_, Some(_)) => state.dynamodb.pop_front(),
                _ => None,
            }
        };
        let answer = match mood {
            Some(Mood::HangsUp) => return,
            Some(Mood::Silent) => std::future::pending().await,
            Some(Mood::No(status, code, message)) => Answer {
                headers: vec![("x-amzn-errortype", code.to_owned())],
                ..Answer::json(status, &json!({"__type": code, "message": message}))
            },
            Some(Mood::DoesItAndHangsUp) => {
                respond(&request, &mut state.lock().unwrap());
                return;
            }
            None => respond(&request, &mut state.lock().unwrap()),
        };
        let lines = answer.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let headers = lines.collect::<Vec<_>>().concat();
        let (length, body) = match request.method.as_str() {
            "HEAD" => (String::new(), String::new()),
            _ => (format!("content-length: {}\r\n", answer.body.len()), answer.body),
        };
        let text = format!("HTTP/1.1 {} x\r\n{headers}{length}\r\n{body}", answer.status);
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn name(request: &Request) -> String {
    match &request.target {
        Some(target) => target.rsplit('.').next().unwrap().to_owned(),
        None if request.method == "HEAD" => "HeadObject".to_owned(),
        None => "SendEmail".to_owned(),
    }
}

fn respond(request: &Request, state: &mut State) -> Answer {
    match name(request).as_str() {
        "HeadObject" => head_object(request, state),
        "SendEmail" => send_email(request, state),
        "PutItem" => put_item(request, state),
        "UpdateItem" => change_item(request, state, true),
        "DeleteItem" => change_item(request, state, false),
        other => panic!("nobody asked for {other}"),
    }
}

fn head_object(request: &Request, state: &State) -> Answer {
    let nothing = |status| Answer { status, headers: Vec::new(), body: String::new() };
    if let Some(status) = state.s3_says {
        return nothing(status);
    }
    let path = percent_encoding::percent_decode_str(&request.path).decode_utf8().unwrap();
    let key = path.strip_prefix("/files/").unwrap();
    let version = request.query.strip_prefix("versionId=");
    let versions = state.objects.get(key).map(Vec::as_slice).unwrap_or_default();
    let object = match version {
        Some(version) => versions.iter().find(|object| object.version_id == Some(version)),
        None => versions.last(),
    };
    let Some(object) = object else { return nothing(404) };
    let mut headers =
        vec![("content-length", object.size.to_string()), ("etag", format!("\"{}\"", object.etag))];
    headers.extend(object.version_id.map(|version| ("x-amz-version-id", version.to_owned())));
    headers.extend(object.link_to.map(|list| ("x-amz-meta-link-to", list.to_owned())));
    Answer { status: 200, headers, body: String::new() }
}

fn send_email(request: &Request, state: &mut State) -> Answer {
    let mail: Value = serde_json::from_str(&request.body).unwrap();
    let raw = mail["Content"]["Raw"]["Data"].as_str().unwrap();
    let [to] = mail["Destination"]["ToAddresses"].as_array().unwrap().as_slice() else {
        panic!("each recipient gets a mail of their own");
    };
    state.sent.push(Sent {
        from: mail["FromEmailAddress"].as_str().unwrap().to_owned(),
        to: to.as_str().unwrap().to_owned(),
        mime: STANDARD.decode(raw).unwrap(),
    });
    Answer::json(200, &json!({"MessageId": format!("message-{}", state.sent.len())}))
}

fn put_item(request: &Request, state: &mut State) -> Answer {
    let call: Value = serde_json::from_str(&request.body).unwrap();
    let id = call["Item"]["id"]["S"].as_str().unwrap().to_owned();
    if let Some(there) = state.table.get(&id) {
        let now = number(&call["ExpressionAttributeValues"][":now"]);
        let ours = there["claim"] == call["ExpressionAttributeValues"][":claim"];
        let over = there.get("sent_at").is_none() && number(&there["lease_ends_at"]) <= now;
        if !(ours || over) {
            return condition_failed(Some(there));
        }
    }
    state.table.insert(id, call["Item"].clone());
    Answer::json(200, &json!({}))
}

fn change_item(request: &Request, state: &mut State, update: bool) -> Answer {
    let call: Value = serde_json::from_str(&request.body).unwrap();
    let id = call["Key"]["id"]["S"].as_str().unwrap();
    let values = &call["ExpressionAttributeValues"];
    let Some(there) = state.table.get_mut(id) else { return condition_failed(None) };
    if there["claim"] != values[":claim"] || (!update && there.get("sent_at").is_some()) {
        return condition_failed(None);
    }
    if update {
        there["sent_at"] = values[":now"].clone();
        there["message_id"] = values[":message_id"].clone();
        there["link_id"] = values[":link_id"].clone();
        there.as_object_mut().unwrap().remove("lease_ends_at");
    } else {
        state.table.remove(id);
    }
    Answer::json(200, &json!({}))
}

fn condition_failed(item: Option<&Value>) -> Answer {
    let mut body = json!({"__type": "ConditionalCheckFailedException", "message": "no"});
    if let Some(item) = item {
        body["Item"] = item.clone();
    }
    let code = "ConditionalCheckFailedException".to_owned();
    Answer { headers: vec![("x-amzn-errortype", code)], ..Answer::json(400, &body) }
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
