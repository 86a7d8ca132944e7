//! Orders to the services, as JSON over HTTP, for tests that are not written in Rust.
//!
//! The orders have an address of their own, so that no request to AWS is taken for one. An order that makes no
//! sense is answered with 400 and a sentence.
//!
//! | request | what it does |
//! |---|---|
//! | `POST /endpoints` | returns `count` more addresses of the services |
//! | `GET`, `DELETE /calls` | returns the calls so far; `DELETE` forgets them too |
//! | `GET /until?operation=GetItem&count=2` | answers when so many such calls are done that are not forgotten |
//! | `POST /faults/{service}` | a list of faults for the next calls of a service |
//! | `PUT /faults` | the fault of each call for which there is no other one, or `null` |
//! | `PUT /decisions` | from now on each call waits for its decision |
//! | `POST /decisions` | decides calls, a fault by each number, and returns the next calls that wait |
//! | `PUT /sts` | `attested`, `minted_until`, `identity` |
//! | `PUT /buckets/{bucket}` | `policy`, and `otherwise`: the object under every other key |
//! | `PUT /buckets/{bucket}/{key}` | an object |
//! | `GET`, `DELETE /mails` | returns the mails so far; `DELETE` forgets them too |
//! | `GET`, `DELETE /tables/{table}` | returns the items by their ids; `DELETE` deletes them too |
//! | `POST /tables/{table}` | puts a list of items |
//! | `PATCH /tables/{table}` | changes these attributes of each item that has them |
//! | `POST /connections` | `fates` of the connections that lie idle, and with `busy` of all |
//! | `GET /connections` | how many connections were `made`, and how many requests were `in_vain` |
//! | `GET /violations` | what AWS would have refused |

mod json;

use std::any::Any;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::call::{Operation, Service};
use crate::dynamodb::{Item, item_id};
use crate::http::Request;
use crate::reply::Reply;
use crate::server::FakeAws;

/// Serves orders to these services at a new address, which it returns. It ends when the runtime does.
pub async fn take_orders(aws: FakeAws) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let aws = Arc::new(aws);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&aws)));
        }
    });
    format!("http://{address}")
}

async fn serve(mut stream: TcpStream, aws: Arc<FakeAws>) {
    while let Some(request) = Request::read(&mut stream).await {
        // What an order expects of its sender is a panic where it is not so.
        let obeying = tokio::spawn(obey(Arc::clone(&aws), request));
        let reply =
            obeying.await.map_or_else(|error| refusal(error.into_panic()), |it| Reply::json(&it));
        if !reply.write(false, &mut stream).await {
            return;
        }
    }
}

/// The answer to an order that makes no sense.
fn refusal(panic: Box<dyn Any + Send>) -> Reply {
    let text = panic.downcast::<String>().map_or_else(
        |panic| panic.downcast::<&str>().map_or_else(|_| String::new(), |it| (*it).to_owned()),
        |text| *text,
    );
    let reply = Reply::json(&json!({"error": text}));
    Reply { status: 400, ..reply }
}

async fn obey(aws: Arc<FakeAws>, request: Request) -> Value {
    let path = request.path.trim_start_matches('/');
    let (place, name) = path.split_once('/').unwrap_or((path, ""));
    let body = || -> Value { serde_json::from_str(&request.body).expect("the body is JSON") };
    match (request.method.as_str(), place) {
        ("POST", "endpoints") => {
            let mut endpoints = Vec::new();
            for _ in 0..body()["count"].as_u64().expect("a count") {
                endpoints.push(aws.another_endpoint().await);
            }
            endpoints.into()
        }
        ("GET", "calls") => aws.state().calls.iter().map(json::of_call).collect(),
        ("DELETE", "calls") => aws.take_calls().iter().map(json::of_call).collect(),
        ("GET", "until") => until(&aws, &request.query).await,
        ("POST", "faults") => {
            let service = service(name);
            aws.fail(service, json::list(&body()).iter().map(json::fault));
            Value::Null
        }
        ("PUT", "faults") => {
            let fault = body();
            aws.state().standing_fault = (!fault.is_null()).then(|| json::fault(&fault));
            Value::Null
        }
        ("PUT", "decisions") => {
            aws.want_decisions();
            Value::Null
        }
        ("POST", "decisions") => {
            for (number, fault) in json::fields(&body()) {
                aws.decide(number.parse().expect("a call's number"), json::fault(fault));
            }
            let with_number =
                |(number, call)| json!({"number": number, "call": json::of_call(&call)});
            aws.undecided().await.into_iter().map(with_number).collect()
        }
        ("PUT", "sts") => {
            json::change_sts(&mut aws.state().sts, &body());
            Value::Null
        }
        ("PUT", "buckets") => {
            put_into_s3(&aws, name, &body());
            Value::Null
        }
        ("GET", "mails") => aws.mails().iter().map(json::of_mail).collect(),
        ("DELETE", "mails") => {
            std::mem::take(&mut aws.state().mails).iter().map(json::of_mail).collect()
        }
        ("GET", "tables") => json!(aws.state().items(name)),
        ("DELETE", "tables") => json!(std::mem::take(aws.state().items(name))),
        ("POST", "tables") => {
            let body = body();
            let items = json::list(&body).iter().map(|item| json::fields(item).clone());
            let items = items.map(|item| (item_id(&item), item));
            aws.state().items(name).extend(items);
            Value::Null
        }
        ("PATCH", "tables") => {
            change_items(&aws, name, json::fields(&body()));
            Value::Null
        }
        ("GET", "connections") => {
            json!({"made": aws.connections(), "in_vain": aws.requests_in_vain()})
        }
        ("POST", "connections") => {
            let body = body();
            let fates: Vec<_> = json::list(&body["fates"]).iter().map(json::fate).collect();
            aws.freeze_connections(&fates, body["busy"].as_bool().unwrap_or_default());
            Value::Null
        }
        ("GET", "violations") => json!(aws.state().violations),
        (method, _) => panic!("there is no {method} /{path}"),
    }
}

async fn until(aws: &FakeAws, query: &str) -> Value {
    let (operation, count) = query.split_once("&count=").expect("operation=…&count=…");
    let operation = Operation::by_name(operation.trim_start_matches("operation="));
    aws.until_count(operation, count.parse().expect("a count")).await;
    Value::Null
}

fn service(name: &str) -> Service {
    match name {
        "s3" => Service::S3,
        "sts" => Service::Sts,
        "ses" => Service::Ses,
        "dynamodb" => Service::DynamoDb,
        other => panic!("{other} is no service"),
    }
}

/// Changes a bucket, or puts an object into it. `name` is the bucket's, or the bucket's and the object's.
fn put_into_s3(aws: &FakeAws, name: &str, body: &Value) {
    if let Some((bucket, key)) = name.split_once('/') {
        return aws.put_object(bucket, &json::decoded(key), json::object(body));
    }
    let mut state = aws.state();
    let bucket = state.bucket(name);
    for (field, value) in json::fields(body) {
        match field.as_str() {
            "policy" => bucket.policy = (!value.is_null()).then(|| value.clone()),
            "otherwise" => bucket.otherwise = (!value.is_null()).then(|| json::object(value)),
            other => panic!("a bucket has no {other}"),
        }
    }
}

/// Changes attributes of all items of a table that have them.
fn change_items(aws: &FakeAws, table: &str, changes: &Item) {
    for item in aws.state().items(table).values_mut() {
        for (name, value) in changes {
            if let Some(attribute) = item.get_mut(name) {
                *attribute = value.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// What is answered to an order, or to a call.
    async fn send(address: &str, request: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
        let length = body.len();
        let request = format!("{request} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut text = String::new();
        let read = stream.read_to_string(&mut text);
        tokio::time::timeout(Duration::from_mins(1), read).await.expect("an answer").unwrap();
        text
    }

    async fn order(address: &str, request: &str, body: &str) -> Value {
        let answer = send(address, request, body).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(body).unwrap()
    }

    #[tokio::test]
    async fn what_is_ordered_is_what_a_call_meets_and_what_it_did_can_be_read() {
        let aws = FakeAws::start().await;
        let endpoint = aws.endpoint();
        let orders = take_orders(aws).await;
        order(&orders, "PUT /buckets/files/a%20b", r#"{"size": 3, "version_id": "v"}"#).await;
        let opened = send(&endpoint, "GET /files/a%20b", "").await;
        assert!(opened.contains("x-amz-version-id: v") && opened.ends_with("xxx"), "{opened}");

        let faults = r#"[{"error": {"status": 503, "code": "SlowDown", "message": "a&b"}}]"#;
        order(&orders, "POST /faults/s3", faults).await;
        order(&orders, "PUT /faults", r#"{"done": true, "reply": {"status": 502, "body": "x"}}"#)
            .await;
        let other = order(&orders, "POST /endpoints", r#"{"count": 1}"#).await;
        let failed = send(other[0].as_str().unwrap(), "GET /files/a%20b", "").await;
        assert!(failed.starts_with("HTTP/1.1 503") && failed.contains("a&amp;b"), "{failed}");
        assert!(send(&endpoint, "GET /files/a%20b", "").await.starts_with("HTTP/1.1 502"));

        let calls = order(&orders, "DELETE /calls", "").await;
        assert_eq!(calls[1]["operation"], "GetObject");
        assert_eq!(order(&orders, "GET /calls", "").await, json!([]));
        let until = "GET /until?operation=GetObject&count=1";
        let too_early = tokio::time::timeout(Duration::from_millis(300), send(&orders, until, ""));
        assert!(too_early.await.is_err());
        send(&endpoint, "GET /files/a%20b", "").await;
        order(&orders, until, "").await;
    }

    #[tokio::test]
    async fn a_call_waits_until_it_is_decided() {
        let aws = FakeAws::start().await;
        let endpoint = aws.endpoint();
        let orders = take_orders(aws).await;
        order(&orders, "PUT /decisions", "").await;
        let decided = async {
            let waiting = order(&orders, "POST /decisions", "{}").await;
            assert_eq!(waiting[0]["call"]["operation"], "HeadBucket");
            let decision = json!({waiting[0]["number"].to_string(): {"reply": {"status": 418}}});
            // It is answered when the next call waits, and here none comes.
            send(&orders, "POST /decisions", &decision.to_string()).await
        };
        let answer = tokio::select! {
            answer = send(&endpoint, "HEAD /files", "") => answer,
            answer = decided => panic!("no call waits: {answer}"),
        };
        assert!(answer.starts_with("HTTP/1.1 418"), "{answer}");
    }

    #[tokio::test]
    async fn items_are_put_changed_and_deleted() {
        let orders = take_orders(FakeAws::start().await).await;
        let items = json!([{"id": {"S": "a"}, "n": {"N": "1"}}, {"id": {"S": "b"}}]);
        order(&orders, "POST /tables/mails", &items.to_string()).await;
        order(&orders, "PATCH /tables/mails", r#"{"n": {"N": "2"}}"#).await;
        let changed = json!({"a": {"id": {"S": "a"}, "n": {"N": "2"}}, "b": {"id": {"S": "b"}}});
        assert_eq!(order(&orders, "DELETE /tables/mails", "").await, changed);
        assert_eq!(order(&orders, "GET /tables/mails", "").await, json!({}));
    }

    #[tokio::test]
    async fn connections_meet_their_fates() {
        let aws = FakeAws::start().await;
        let endpoint = aws.endpoint();
        let orders = take_orders(aws).await;
        for (fate, is_answered, in_vain) in
            [("kept", true, 0), ("closed", false, 0), ("reset", false, 0), ("forgotten", false, 1)]
        {
            let address = endpoint.trim_start_matches("http://");
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = b"HEAD /files HTTP/1.1\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut read = vec![0; 1000];
            assert!(stream.read(&mut read).await.unwrap() > 0);
            let frozen = json!({"fates": [fate]}).to_string();
            order(&orders, "POST /connections", &frozen).await;
            let _ = stream.write_all(request).await;
            let answered = stream.read(&mut read).await.is_ok_and(|length| length > 0);
            let connections = order(&orders, "GET /connections", "").await;
            assert_eq!(
                (answered, &connections["in_vain"]),
                (is_answered, &json!(in_vain)),
                "{fate}"
            );
        }
    }

    #[tokio::test]
    async fn an_order_that_makes_no_sense_is_answered_with_a_sentence() {
        let orders = take_orders(FakeAws::start().await).await;
        for (request, body, said) in [
            ("GET /nothing", "", "there is no GET /nothing"),
            ("POST /faults/sqs", "[]", "sqs is no service"),
            ("POST /faults/s3", r#"[{"delivery": "late"}]"#, "late"),
            ("POST /faults/s3", r#"[{"dealy": 1}]"#, "dealy"),
            ("POST /faults/s3", "[", "the body is JSON"),
            ("PUT /buckets/files", r#"{"objects": 1}"#, "a bucket has no objects"),
            ("GET /tables/other", "", "there is no other"),
            ("GET /until?operation=Fly&count=1", "", "Fly"),
        ] {
            let answer = send(&orders, request, body).await;
            assert!(answer.starts_with("HTTP/1.1 400") && answer.contains(said), "{answer}");
        }
    }
}
