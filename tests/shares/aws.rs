//! A DynamoDB, an S3 and an STS of the tests' own. A test can make calls of DynamoDB fail, and say what
//! S3 and STS answer. No signature is checked.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::expressions::{Call, Item, number};
use crate::http::{Request, Response};

/// What the index by owner projects. `docs/reference.md` has the same list.
const PROJECTED: [&str; 18] = [
    "id",
    "owner_key",
    "created_at",
    "bucket",
    "key",
    "version_id",
    "name",
    "size",
    "expires_at",
    "max_downloads",
    "downloads",
    "last_download_at",
    "has_passcode",
    "attempts",
    "last_attempt_at",
    "revoked_at",
    "recipient",
    "note",
];

/// How DynamoDB fails its next call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It does what is asked.
    None,
    /// It answers with a status and a code, and does nothing.
    Error(u16, &'static str),
    /// It does what was asked, and closes the connection without an answer.
    LosesTheAnswer,
    /// It does nothing and never answers.
    Hangs,
}

/// What a test does after a write.
type AfterWrite = Box<dyn FnMut(&str) + Send>;

#[derive(Default)]
pub(crate) struct State {
    pub(crate) table: BTreeMap<String, Item>,
    /// The faults of the next calls to DynamoDB, in order.
    pub(crate) faults: VecDeque<Fault>,
    /// Whether every call to DynamoDB fails, whatever it is.
    pub(crate) dynamodb_is_away: bool,
    /// The sizes of the objects by their decoded keys.
    pub(crate) objects: HashMap<String, u64>,
    /// The status that S3 answers whoever opens a link.
    pub(crate) s3_status: Option<u16>,
    /// The code that stands beside it.
    pub(crate) s3_code: &'static str,
    /// `x-amz-expiration`, as a lifecycle rule makes S3 answer it.
    pub(crate) expiration: Option<&'static str>,
    /// The bucket's policy. `None`: it has none.
    pub(crate) policy: Option<Value>,
    /// The number of calls by operation.
    pub(crate) calls: HashMap<String, usize>,
    /// Called after each change of the table, with the operation.
    pub(crate) after_write: Option<AfterWrite>,
    /// How many milliseconds calls take, one after another.
    pub(crate) pauses: Vec<u64>,
}

pub(crate) struct Aws {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Aws {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let kept = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept)));
            }
        });
        let aws = Self { address, state };
        aws.state().objects.insert("private-files/report.pdf".to_owned(), 1_250_000);
        aws
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn fail(&self, faults: &[Fault]) {
        self.state().faults.extend(faults);
    }

    /// How many calls of these operations were made since this was asked last.
    pub(crate) fn calls(&self, operations: &[&str]) -> usize {
        let mut state = self.state();
        operations.iter().map(|operation| state.calls.remove(*operation).unwrap_or(0)).sum()
    }

    /// How many calls to DynamoDB were made since this was asked last.
    pub(crate) fn dynamodb_calls(&self) -> usize {
        self.calls(&["GetItem", "PutItem", "UpdateItem", "Query", "Scan", "DeleteItem"])
    }

    /// The only item of the table.
    pub(crate) fn item(&self) -> Item {
        let state = self.state();
        assert_eq!(state.table.len(), 1);
        state.table.values().next().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    while let Some(request) = Request::read(&mut stream).await {
        let (fault, pause) = {
            let mut state = state.lock().unwrap();
            *state.calls.entry(operation(&request)).or_default() += 1;
            let pause = state.pauses.pop();
            match &request.target {
                None => (Fault::None, pause),
                Some(_) if state.dynamodb_is_away => {
                    (Fault::Error(503, "ServiceUnavailable"), pause)
                }
                Some(_) => (state.faults.pop_front().unwrap_or(Fault::None), pause),
            }
        };
        if let Some(pause) = pause {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        let response = match fault {
            Fault::Hangs => std::future::pending().await,
            Fault::Error(status, code) => Response::error(status, code, "not now"),
            Fault::LosesTheAnswer => {
                respond(&request, &mut state.lock().unwrap());
                return;
            }
            Fault::None => respond(&request, &mut state.lock().unwrap()),
        };
        if !response.write(&request.method, &mut stream).await {
            return;
        }
    }
}

fn operation(request: &Request) -> String {
    let name = match (&request.target, request.method.as_str()) {
        (Some(target), _) => target.rsplit('.').next().unwrap(),
        (None, "POST") => "STS",
        (None, "GET") if request.query.contains("X-Amz-Signature") => "OpenLink",
        (None, "GET") => "GetBucketPolicy",
        (None, _) => "HeadObject",
    };
    name.to_owned()
}

fn respond(request: &Request, state: &mut State) -> Response {
    let operation = operation(request);
    if request.target.is_some() {
        return dynamodb(&operation, &serde_json::from_str(&request.body).unwrap(), state);
    }
    match operation.as_str() {
        "GetBucketPolicy" => match &state.policy {
            Some(policy) => Response { body: policy.to_string(), ..Response::status(200) },
            None => Response {
                body: "<Error><Code>NoSuchBucketPolicy</Code></Error>".to_owned(),
                ..Response::status(404)
            },
        },
        "STS" => Response {
            body: "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"
                .to_owned(),
            ..Response::status(403)
        },
        _ => {
            let path = percent_encoding::percent_decode_str(&request.path).decode_utf8().unwrap();
            let size = state.objects.get(path.strip_prefix("/files/").unwrap());
            match (state.s3_status, size) {
                (Some(status), _) => Response {
                    body: format!("<Error><Code>{}</Code></Error>", state.s3_code),
                    ..Response::status(status)
                },
                (None, None) => Response {
                    body: "<Error><Code>NoSuchKey</Code></Error>".to_owned(),
                    ..Response::status(404)
                },
                (None, Some(size)) => {
                    let mut headers = vec![("content-range", format!("bytes 0-0/{size}"))];
                    let expiration = state.expiration.map(str::to_owned);
                    headers.extend(expiration.map(|header| ("x-amz-expiration", header)));
                    Response { headers, body: "x".to_owned(), ..Response::status(206) }
                }
            }
        }
    }
}

fn dynamodb(operation: &str, body: &Value, state: &mut State) -> Response {
    assert_eq!(body["TableName"], "shares");
    match operation {
        "GetItem" => {
            assert_eq!(body["ConsistentRead"], true);
            let item = state.table.get(body["Key"]["id"]["S"].as_str().unwrap());
            Response::json(200, &item.map_or_else(|| json!({}), |item| json!({"Item": item})))
        }
        "PutItem" | "UpdateItem" => {
            let written = write(operation, body, state);
            if let (Ok(_), Some(after_write)) = (&written, &mut state.after_write) {
                after_write(operation);
            }
            match written {
                Ok(item) if body["ReturnValues"] == "ALL_NEW" => {
                    Response::json(200, &json!({"Attributes": item}))
                }
                Ok(_) => Response::json(200, &json!({})),
                Err(item) => Response::condition_failed(item.as_ref()),
            }
        }
        "Query" => {
            let owner = &body["ExpressionAttributeValues"][":owner"];
            assert_eq!(body["IndexName"], "by-owner");
            assert_eq!(body["KeyConditionExpression"], "owner_key = :owner");
            let mut items: Vec<_> =
                state.table.values().filter(|item| item["owner_key"] == *owner).cloned().collect();
            items.sort_by_key(|item| {
                (-number(&item["created_at"]), item["id"]["S"].as_str().unwrap().to_owned())
            });
            for item in &mut items {
                item.retain(|name, _| PROJECTED.contains(&name.as_str()));
            }
            Response::json(200, &page(body, items, &["id", "owner_key", "created_at"]))
        }
        "Scan" => {
            Response::json(200, &page(body, state.table.values().cloned().collect(), &["id"]))
        }
        other => panic!("{other} is not expected"),
    }
}

/// Writes, and gives the item afterwards. The error is the item as it is.
fn write(operation: &str, body: &Value, state: &mut State) -> Result<Item, Option<Item>> {
    let mut call = Call::new(body);
    let id = if operation == "PutItem" { &body["Item"]["id"] } else { &body["Key"]["id"] };
    let id = id["S"].as_str().unwrap().to_owned();
    let old = state.table.get(&id).cloned();
    let holds = call.condition_holds(old.as_ref().unwrap_or(&Item::new()));
    if !holds {
        return Err(old);
    }
    let new = if operation == "PutItem" {
        body["Item"].as_object().unwrap().clone()
    } else {
        let mut item = old.unwrap();
        call.update(&mut item);
        call.check_that_all_is_used();
        item
    };
    assert!(!new.contains_key(""));
    state.table.insert(id, new.clone());
    Ok(new)
}

fn page(body: &Value, items: Vec<Item>, key: &[&str]) -> Value {
    let limit = usize::try_from(body["Limit"].as_u64().unwrap()).unwrap();
    let key_of = |item: &Item| {
        Value::Object(key.iter().map(|name| ((*name).to_owned(), item[*name].clone())).collect())
    };
    let begin = match &body["ExclusiveStartKey"] {
        Value::Null => 0,
        start => items.iter().position(|item| key_of(item) == *start).map_or(0, |at| at + 1),
    };
    let items: Vec<_> = items.into_iter().skip(begin).take(limit).collect();
    let mut page = json!({"Items": items, "Count": items.len()});
    // DynamoDB names a next page even where there is none, if this one is full.
    if let Some(last) = items.last().filter(|_| items.len() == limit) {
        page["LastEvaluatedKey"] = key_of(last);
    }
    page
}
