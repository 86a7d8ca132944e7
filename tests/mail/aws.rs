//! A fake AWS. It answers the calls that mailing makes of S3, DynamoDB and SES, and those of shares that
//! mails bring. A test can make each of them fail.
//!
//! It checks no signature. Its table evaluates the expressions that it is sent. Tests in Python check
//! those against another DynamoDB.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::expressions::{Call, Item, number};
use crate::function::pass;
use crate::http::{Request, Response};

/// The calls to the ledger, which are all `UpdateItem`.
pub(crate) const CLAIM: &str = "claim";
pub(crate) const MARK: &str = "mark";
pub(crate) const RELEASE: &str = "release";

/// The calls to the table of shares.
pub(crate) const SHARES: &str = "shares";

/// How a service fails its next call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The service does what is asked.
    None,
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
    /// Whether this is no object but the mark that the versions before it are deleted.
    pub(crate) is_delete_marker: bool,
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
    /// How long S3 takes to answer with the policy, by the tests' clock.
    pub(crate) policy_takes: SignedDuration,
    /// The status that S3 answers instead of looking for an object.
    pub(crate) s3_status: Option<u16>,
    /// The ledger.
    pub(crate) table: HashMap<String, Item>,
    /// The table of shares.
    pub(crate) shares: HashMap<String, Item>,
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
        update_item(&claim, &mut state.table);
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

    /// How many mails of the ledger are neither sent nor waiting for the end of a lease.
    pub(crate) fn released(&self) -> usize {
        let now = crate::function::now().as_second();
        let is_released = |item: &&Item| {
            item.get("lease_ends_at").is_some_and(|end| number(end) <= now)
                && !item.contains_key("sent_at")
        };
        self.state().table.values().filter(is_released).count()
    }

    pub(crate) fn calls(&self, operation: &str) -> usize {
        self.state().calls.get(operation).copied().unwrap_or(0)
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>, ses_called: Arc<Notify>) {
    while let Some(request) = Request::read(&mut stream).await {
        let is_ses = request.path == "/v2/email/outbound-emails";
        if is_ses {
            ses_called.notify_one();
            // A test that waits for the notification runs before SES answers.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let fault = {
            let mut state = state.lock().unwrap();
            *state.calls.entry(operation(&request).to_owned()).or_default() += 1;
            match (is_ses, &request.target) {
                (true, _) => state.ses_faults.pop_front(),
                (_, Some(_)) => state.dynamodb_faults.pop_front(),
                _ => None,
            }
        };
        if operation(&request) == CLAIM {
            state.lock().unwrap().last_claim = Some(request.clone());
        }
        let response = match fault {
            Some(Fault::Disconnect) => return,
            Some(Fault::NoAnswer) => std::future::pending().await,
            Some(Fault::Error(status, code, message)) => Response::error(status, code, message),
            Some(Fault::DisconnectAfterwards) => {
                respond(&request, &mut state.lock().unwrap());
                return;
            }
            None | Some(Fault::None) => respond(&request, &mut state.lock().unwrap()),
        };
        if !response.write(&request.method, &mut stream).await {
            return;
        }
    }
}

/// What a call is: the name of S3's or SES's operation, or what it does to the ledger.
fn operation(request: &Request) -> &'static str {
    match &request.target {
        Some(target) => {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            if body["TableName"] == "shares" {
                return SHARES;
            }
            assert_eq!(target, "DynamoDB_20120810.UpdateItem");
            match body["UpdateExpression"].as_str().unwrap() {
                update if update.contains("sent_at = ") => MARK,
                update if update.starts_with("SET lease_ends_at = ") => RELEASE,
                _ => CLAIM,
            }
        }
        None if request.method == "HEAD" => "HeadObject",
        None if request.query.contains("X-Amz-Signature") => "OpenLink",
        None if request.method == "GET" => "GetBucketPolicy",
        None => "SendEmail",
    }
}

/// The bucket's policy, if a test gave it one.
fn get_bucket_policy(state: &State) -> Response {
    pass(state.policy_takes);
    match &state.bucket_policy {
        Some(policy) => Response::json(200, policy),
        None => Response {
            body: "<Error><Code>NoSuchBucketPolicy</Code></Error>".to_owned(),
            ..Response::status(404)
        },
    }
}

fn respond(request: &Request, state: &mut State) -> Response {
    match operation(request) {
        "HeadObject" => head_object(request, state),
        "GetBucketPolicy" => get_bucket_policy(state),
        "SendEmail" => send_email(request, state),
        CLAIM | MARK | RELEASE => update_item(request, &mut state.table),
        SHARES => shares(request, &mut state.shares),
        "OpenLink" => open_link(request, state),
        other => panic!("{other} is not expected"),
    }
}

fn head_object(request: &Request, state: &State) -> Response {
    if let Some(status) = state.s3_status {
        return Response::status(status);
    }
    let path = percent_encoding::percent_decode_str(&request.path).decode_utf8().unwrap();
    let key = path.strip_prefix("/files/").unwrap();
    let version = request.query.strip_prefix("versionId=");
    let versions = state.objects.get(key).map(Vec::as_slice).unwrap_or_default();
    let object = match version {
        Some(version) => versions.iter().find(|object| object.version_id == Some(version)),
        None => versions.last(),
    };
    let object = object.filter(|object| !object.is_delete_marker);
    let Some(object) = object else { return Response::status(404) };
    let mut headers =
        vec![("content-length", object.size.to_string()), ("etag", format!("\"{}\"", object.etag))];
    headers.extend(object.version_id.map(|version| ("x-amz-version-id", version.to_owned())));
    headers.extend(object.expiration.map(|header| ("x-amz-expiration", header.to_owned())));
    headers.extend(object.link_to.clone().map(|list| ("x-amz-meta-link-to", list)));
    Response { headers, ..Response::status(200) }
}

fn send_email(request: &Request, state: &mut State) -> Response {
    if state.ses_quota.is_some_and(|quota| state.sent.len() >= quota) {
        return Response::error(400, "LimitExceededException", "Daily message quota exceeded.");
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

/// Updates an item of a table as the call's expressions say.
fn update_item(request: &Request, table: &mut HashMap<String, Item>) -> Response {
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let id = body["Key"]["id"]["S"].as_str().unwrap().to_owned();
    let mut call = Call::new(&body);
    let old = table.get(&id).cloned();
    let mut item = old.clone().unwrap_or_default();
    if !call.condition_holds(&item) {
        return Response::condition_failed(old.as_ref());
    }
    call.update(&mut item);
    call.check_that_all_is_used();
    item.insert("id".to_owned(), body["Key"]["id"].clone());
    let answer = match body["ReturnValues"].as_str() {
        Some("ALL_NEW") => json!({"Attributes": item}),
        _ => json!({}),
    };
    table.insert(id, item);
    Response::json(200, &answer)
}

/// Reads, writes or updates a share.
fn shares(request: &Request, table: &mut HashMap<String, Item>) -> Response {
    let body: Value = serde_json::from_str(&request.body).unwrap();
    match request.target.as_deref().unwrap() {
        "DynamoDB_20120810.GetItem" => {
            let item = table.get(body["Key"]["id"]["S"].as_str().unwrap());
            Response::json(200, &item.map_or_else(|| json!({}), |item| json!({"Item": item})))
        }
        "DynamoDB_20120810.PutItem" => {
            let item = body["Item"].as_object().unwrap().clone();
            table.insert(item["id"]["S"].as_str().unwrap().to_owned(), item);
            Response::json(200, &json!({}))
        }
        _ => update_item(request, table),
    }
}

/// One byte of the object that a link names.
fn open_link(request: &Request, state: &State) -> Response {
    let path = percent_encoding::percent_decode_str(&request.path).decode_utf8().unwrap();
    let key = path.strip_prefix("/files/").unwrap();
    let version = crate::mime::parameter(&format!("{path}?{}", request.query), "versionId");
    let versions = state.objects.get(key).map(Vec::as_slice).unwrap_or_default();
    let found = versions
        .iter()
        .rev()
        .find(|object| version.is_none() || version.as_deref() == object.version_id);
    let Some(object) = found else {
        return Response::status(404);
    };
    let mut headers = vec![("content-range", format!("bytes 0-0/{}", object.size))];
    headers.extend(object.expiration.map(|header| ("x-amz-expiration", header.to_owned())));
    Response { headers, body: "x".to_owned(), ..Response::status(206) }
}
