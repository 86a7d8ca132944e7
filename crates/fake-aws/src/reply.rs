//! What a service answers. Each service adds the replies of its own protocol.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::call::Service;

/// How much an answer without end sends before its connection is closed, in bytes. A client that reads all
/// of it takes as much memory.
const ENDLESS: usize = 4 * 1024 * 1024;

/// What becomes of an answer on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// It arrives.
    #[default]
    Whole,
    /// Its headers arrive, and its body so much later.
    LateBody(Duration),
    /// Its headers and half of its body arrive. Then the connection is closed.
    CutOff,
    /// Its headers arrive, and a body that does not end for megabytes.
    Endless,
    /// Nothing of it arrives, and the connection is closed.
    Closed,
    /// Nothing of it arrives, and the connection ends with a reset.
    Reset,
    /// Nothing of it arrives, and the connection stays open until the client closes it.
    Never,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// How late it is.
    pub(crate) delay: Duration,
    pub(crate) delivery: Delivery,
}

impl Reply {
    /// An answer without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
            delay: Duration::ZERO,
            delivery: Delivery::Whole,
        }
    }

    /// A document: XML, or an object's content.
    #[must_use]
    pub fn document(content: &str) -> Self {
        Self { body: content.to_owned(), ..Self::status(200) }
    }

    /// JSON.
    #[must_use]
    pub fn json(body: &Value) -> Self {
        Self::document(&body.to_string()).with_header("content-type", "application/json")
    }

    /// No answer: the connection is closed.
    #[must_use]
    pub fn hang_up() -> Self {
        Self { delivery: Delivery::Closed, ..Self::status(500) }
    }

    /// An error of a service, as its protocol has it.
    #[must_use]
    pub fn error(service: Service, status: u16, code: &str, message: &str) -> Self {
        let text = message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let error = format!("<Error><Code>{code}</Code><Message>{text}</Message></Error>");
        let reply = match service {
            Service::S3 => Self::document(&error),
            Service::Sts => Self::document(&format!("<ErrorResponse>{error}</ErrorResponse>")),
            Service::Ses | Service::DynamoDb => {
                let error = json!({"__type": code, "message": message});
                Self::json(&error).with_header("x-amzn-errortype", code)
            }
        };
        Self { status, ..reply }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, so much later.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The same with a body that comes so much later than the headers.
    #[must_use]
    pub fn body_after(self, delay: Duration) -> Self {
        self.delivered(Delivery::LateBody(delay))
    }

    /// The same, delivered so.
    #[must_use]
    pub fn delivered(self, delivery: Delivery) -> Self {
        Self { delivery, ..self }
    }

    /// Writes the answer. `is_head`: without its body. Returns whether the connection goes on.
    pub(crate) async fn write(&self, is_head: bool, stream: &mut TcpStream) -> bool {
        tokio::time::sleep(self.delay).await;
        match self.delivery {
            Delivery::Closed => return false,
            Delivery::Reset => {
                // A client that has gone gets no reset.
                let _ = stream.set_zero_linger();
                return false;
            }
            Delivery::Never => {
                // The client ends it.
                let _ = stream.read(&mut [0]).await;
                return false;
            }
            Delivery::Whole | Delivery::LateBody(_) | Delivery::CutOff | Delivery::Endless => {}
        }
        let mut head = format!("HTTP/1.1 {} x\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let has_length =
            self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        if !has_length && self.delivery != Delivery::Endless {
            let _ = write!(head, "content-length: {}\r\n", self.body.len());
        }
        head.push_str("\r\n");
        let body = if is_head { "" } else { &self.body };
        let written = async {
            match self.delivery {
                Delivery::LateBody(delay) => {
                    stream.write_all(head.as_bytes()).await?;
                    stream.flush().await?;
                    tokio::time::sleep(delay).await;
                    stream.write_all(body.as_bytes()).await
                }
                Delivery::CutOff => {
                    let half = &body.as_bytes()[..body.len() / 2];
                    stream.write_all(&[head.as_bytes(), half].concat()).await?;
                    Err(std::io::ErrorKind::ConnectionReset.into())
                }
                Delivery::Endless => {
                    stream.write_all(head.as_bytes()).await?;
                    let block = "<a>".repeat(21_845);
                    for _ in 0..ENDLESS / block.len() {
                        stream.write_all(block.as_bytes()).await?;
                    }
                    Err(std::io::ErrorKind::ConnectionReset.into())
                }
                _ => stream.write_all((head + body).as_bytes()).await,
            }
        };
        written.await.is_ok()
    }
}
