//! An STS and an S3 of the tests' own. It answers as each test says, and remembers the calls and how
//! many connections brought them. A call that names no action, as S3's do not, counts under its HTTP
//! method.
//!
//! It verifies no signature, because these tests do not question how the SDK signs its calls. It
//! reads the access key id in the signature, which tells whose session the call is about.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The request line and the headers.
    pub(crate) head: String,
    pub(crate) action: String,
    pub(crate) access_key_id: String,
    pub(crate) parameters: HashMap<String, String>,
}

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// 0: the connection is closed without an answer.
    status: u16,
    body: String,
    headers: String,
    delay: Duration,
    /// How much later than the headers the body comes.
    body_delay: Duration,
}

impl Reply {
    /// No answer: the connection is closed.
    pub(crate) fn hang_up() -> Self {
        Self::status(0)
    }

    /// An error whose message is what the call says, as AWS's services repeat a request whose
    /// signature they can't verify.
    pub(crate) fn repeating(call: &Call) -> Self {
        let message = call.head.replace('<', "");
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code>\
             <Message>The request signature we calculated does not match: {message}</Message>\
             </Error></ErrorResponse>"
        );
        Self { body, ..Self::status(403) }
    }

    pub(crate) fn token(jwt: &str) -> Self {
        Self::ok(&format!(
            "<GetWebIdentityTokenResponse><GetWebIdentityTokenResult>\
             <WebIdentityToken>{jwt}</WebIdentityToken><Expiration>2030-01-01T00:00:00Z</Expiration>\
             </GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"
        ))
    }

    pub(crate) fn minted(access_key_id: &str, end: Timestamp) -> Self {
        Self::ok(&format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>\
             <AccessKeyId>{access_key_id}</AccessKeyId><SecretAccessKey>minted-secret</SecretAccessKey>\
             <SessionToken>minted-token</SessionToken><Expiration>{end}</Expiration>\
             </Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ))
    }

    pub(crate) fn error(status: u16, code: &str) -> Self {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>\
             <Message>not now, not ever</Message></Error></ErrorResponse>"
        );
        Self { body, ..Self::status(status) }
    }

    /// S3's answer to `GetBucketPolicy`.
    pub(crate) fn policy(policy: &serde_json::Value) -> Self {
        Self::ok(&policy.to_string())
    }

    /// A document: XML from S3, or an object's content.
    pub(crate) fn document(content: &str) -> Self {
        Self::ok(content)
    }

    /// S3's refusal with the reason that it gives to principals of the bucket's own account.
    pub(crate) fn denial(why: &str) -> Self {
        let body = format!("<Error><Code>AccessDenied</Code><Message>{why}</Message></Error>");
        Self { body, ..Self::status(403) }
    }

    /// S3's error document.
    pub(crate) fn s3_error(status: u16, code: &str) -> Self {
        let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
        Self { status, body, ..Self::status(status) }
    }

    pub(crate) fn identity(arn: &str) -> Self {
        Self::ok(&format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn>\
             <UserId>AROAEXAMPLE:signer</UserId><Account>123456789012</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        ))
    }

    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers = format!("{}{name}: {value}\r\n", self.headers);
        self
    }

    /// An answer without a body, as a HEAD request gets it.
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            body: String::new(),
            headers: String::new(),
            delay: Duration::ZERO,
            body_delay: Duration::ZERO,
        }
    }

    /// The first byte of an object.
    pub(crate) fn byte() -> Self {
        let range = Self::status(206).with_header("content-range", "bytes 0-0/7");
        Self { body: "a".to_owned(), ..range }
    }

    /// The body comes so much later than the headers.
    pub(crate) fn body_after(self, delay: Duration) -> Self {
        Self { body_delay: delay, ..self }
    }

    pub(crate) fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    fn ok(body: &str) -> Self {
        Self { body: body.to_owned(), ..Self::status(200) }
    }
}

type Script = dyn Fn(&Call) -> Reply + Send + Sync;

/// The server. It stops when the test's runtime stops.
pub(crate) struct AwsServer {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    connections: Arc<AtomicUsize>,
}

impl AwsServer {
    pub(crate) async fn start(script: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let remembered = Arc::clone(&calls);
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&remembered)));
            }
        });
        Self { address, calls, connections }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn calls(&self, action: &str) -> Vec<Call> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| call.action == action).cloned().collect()
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn count(&self, action: &str) -> usize {
        self.calls(action).len()
    }
}

/// A token as STS issues it about the session of `function`'s execution role. The session ends at
/// `end`.
pub(crate) fn jwt(issued_at: Timestamp, end: Timestamp, function: &str) -> String {
    let header = serde_json::json!({"kid": "ec384", "typ": "JWT", "alg": "ES384"});
    let claims = serde_json::json!({
        "iss": "https://abc.tokens.sts.global.api.aws",
        "aud": "https://s3-link-signer.invalid",
        "sub": "arn:aws:iam::123456789012:role/signer",
        "iat": issued_at.as_second(),
        "exp": issued_at.as_second() + 60,
        "https://sts.amazonaws.com/": {
            "aws_account": "123456789012",
            "original_session_exp": end.to_string(),
            "lambda_source_function_arn":
                format!("arn:aws:lambda:eu-west-1:123456789012:function:{function}"),
        },
    });
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{claims}.c2ln")
}

async fn serve(mut stream: TcpStream, script: Arc<Script>, calls: Arc<Mutex<Vec<Call>>>) {
    while let Some((head, body)) = read_request(&mut stream).await {
        let parameters: HashMap<_, _> =
            form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let access_key_id = head
            .split_once("Credential=")
            .and_then(|(_, rest)| rest.split_once('/'))
            .map(|(key, _)| key.to_owned())
            .unwrap_or_default();
        let method = || head.split(' ').next().unwrap_or_default().to_owned();
        let action = parameters.get("Action").cloned().unwrap_or_else(method);
        let call = Call { head, action, access_key_id, parameters };
        calls.lock().unwrap().push(call.clone());
        let reply = script(&call);
        tokio::time::sleep(reply.delay).await;
        if reply.status == 0 {
            return;
        }
        let head = format!(
            "HTTP/1.1 {} x\r\ncontent-type: text/xml\r\n{}content-length: {}\r\n\r\n",
            reply.status,
            reply.headers,
            reply.body.len(),
        );
        let written = async {
            if reply.body_delay.is_zero() {
                return stream.write_all((head + &reply.body).as_bytes()).await;
            }
            stream.write_all(head.as_bytes()).await?;
            stream.flush().await?;
            tokio::time::sleep(reply.body_delay).await;
            stream.write_all(reply.body.as_bytes()).await
        };
        if written.await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
                })
                .unwrap_or(0);
            if body.len() >= length {
                return Some((head.to_owned(), body.to_owned()));
            }
        }
        let mut more = [0; 4_096];
        match stream.read(&mut more).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&more[..count]),
        }
    }
}
