//! Requests of HTTP/1.1 as far as the SDK and curl send them: one after another on a connection, each with
//! a body of a known length.

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// A request, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The request line and the headers.
    pub(crate) head: String,
    pub(crate) method: String,
    /// Still encoded.
    pub(crate) path: String,
    /// Still encoded.
    pub(crate) query: String,
    pub(crate) body: String,
}

/// A header in the head of a request. `name` is in small letters.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

impl Request {
    /// The next request of a connection. `None`: the connection is over.
    pub(crate) async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
                let body = &bytes[end + 4..];
                let length = header(&head, "content-length");
                if body.len() >= length.map_or(0, |length| length.parse().unwrap_or(0)) {
                    return Some(Self::parsed(head, String::from_utf8_lossy(body).into_owned()));
                }
            }
            let mut more = vec![0; 16_384];
            match stream.read(&mut more).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => bytes.extend_from_slice(&more[..count]),
            }
        }
    }

    fn parsed(head: String, body: String) -> Self {
        let mut words = head.split([' ', '\r']).map(str::to_owned);
        let method = words.next().unwrap_or_default();
        let target = words.next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        Self { method, path: path.to_owned(), query: query.to_owned(), head, body }
    }

    /// A header. `name` is in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}
