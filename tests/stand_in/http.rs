//! HTTP/1.1 as far as the tests' own AWS services need it: one request after another on a connection.

use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Still encoded.
    pub(crate) path: String,
    pub(crate) query: String,
    /// `X-Amz-Target`, which names a call of DynamoDB.
    pub(crate) target: Option<String>,
    pub(crate) body: String,
}

/// A response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Request {
    /// The next request of a connection. `None`: the connection is over.
    pub(crate) async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
                let header = |wanted: &str| {
                    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                    let found = lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                    found.map(|(_, value)| value.to_owned())
                };
                let length = header("content-length").map_or(0, |length| length.parse().unwrap());
                if bytes.len() >= end + 4 + length {
                    let mut line = head.split([' ', '\r']);
                    let method = line.next()?.to_owned();
                    let uri = line.next()?;
                    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
                    return Some(Self {
                        method,
                        path: path.to_owned(),
                        query: query.to_owned(),
                        target: header("x-amz-target"),
                        body: String::from_utf8(bytes[end + 4..].to_vec()).unwrap(),
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
}

impl Response {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { body: body.to_string(), ..Self::status(status) }
    }

    /// An error of a JSON service.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        let body = json!({"__type": code, "message": message});
        Self { headers: vec![("x-amzn-errortype", code.to_owned())], ..Self::json(status, &body) }
    }

    /// DynamoDB's answer where a condition does not hold. `item` is the item as it is.
    pub(crate) fn condition_failed(item: Option<&Map<String, Value>>) -> Self {
        let code = "ConditionalCheckFailedException";
        let mut body = json!({"__type": code, "message": "no"});
        if let Some(item) = item {
            body["Item"] = Value::Object(item.clone());
        }
        Self { body: body.to_string(), ..Self::error(400, code, "no") }
    }

    /// Writes the response to a request of this method. `false`: the connection is over.
    pub(crate) async fn write(&self, method: &str, stream: &mut TcpStream) -> bool {
        let lines = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let headers = lines.collect::<Vec<_>>().concat();
        let (length, body) = match method {
            "HEAD" => (String::new(), ""),
            _ => (format!("content-length: {}\r\n", self.body.len()), self.body.as_str()),
        };
        let text = format!("HTTP/1.1 {} x\r\n{headers}{length}\r\n{body}", self.status);
        stream.write_all(text.as_bytes()).await.is_ok()
    }
}
