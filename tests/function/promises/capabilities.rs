//! What the function promises, one line for each of its capabilities: an address, and until when it opens.
//!
//! A new capability is a new line in [`CAPABILITIES`].

use std::collections::HashMap;

use fake_aws::FakeAws;
use jiff::{SignedDuration, Timestamp};
use s3_link_signer::{Handler, Settings};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::world::{KEY, VERSION, access_key_id, at, begin, now, passed};
use crate::event::{HttpRequest, object_created};
use crate::mail::mime;

const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:signer";

const GRANTS: &str = r#"[{"bucket":"files","prefix":"","principals":["*"],"actions":["get","share"],
    "region":"eu-west-1"}]"#;
const MAILED_LINKS: &str =
    r#"[{"bucket":"files","prefix":"","principals":["s3-event"],"region":"eu-west-1"}]"#;
const MAILED_SHARES: &str = r#"[{"bucket":"files","prefix":"","principals":["s3-event"],
    "actions":["share"],"region":"eu-west-1"}]"#;

/// How long everything is asked for, in seconds.
pub(super) const ASKED: i64 = 40_000;

/// What was promised, or that nothing was.
#[derive(Clone, Debug)]
pub(super) enum Promise {
    /// An address that opens until this second after the beginning.
    Until {
        address: Address,
        end: i64,
        /// Whether the answer says that the policy could not be read.
        is_uncertain: bool,
    },
    Refused,
}

#[derive(Clone, Debug)]
pub(super) enum Address {
    /// A link to S3.
    Link(String),
    /// A path behind which each press gets a link.
    Share(String),
}

/// One thing that people ask the function for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capability {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Whether it names the file's version.
    pub(super) names_version: bool,
    grants: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Link,
    LinkForHead,
    BatchEntry,
    Download,
    Share,
    Mail,
    MailedShare,
}

pub(super) const CAPABILITIES: [Capability; 11] = [
    capability("a link", Kind::Link, false, GRANTS),
    capability("a link to a version", Kind::Link, true, GRANTS),
    capability("a link for HEAD", Kind::LinkForHead, false, GRANTS),
    capability("an entry of a batch", Kind::BatchEntry, false, GRANTS),
    capability("an entry about a version", Kind::BatchEntry, true, GRANTS),
    capability("a download", Kind::Download, false, GRANTS),
    capability("a share", Kind::Share, false, GRANTS),
    capability("a share of a version", Kind::Share, true, GRANTS),
    capability("a link in a mail", Kind::Mail, true, MAILED_LINKS),
    capability(
        "a link in a mail about an object without versions",
        Kind::Mail,
        false,
        MAILED_LINKS,
    ),
    capability("a share in a mail", Kind::MailedShare, true, MAILED_SHARES),
];

const fn capability(
    name: &'static str,
    kind: Kind,
    names_version: bool,
    grants: &'static str,
) -> Capability {
    Capability { name, kind, names_version, grants }
}

impl Capability {
    pub(super) fn is_share(&self) -> bool {
        matches!(self.kind, Kind::Share | Kind::MailedShare)
    }

    /// Whether the answer says what is known of the policy. A redirect has no room for it.
    pub(super) fn tells_the_policy(&self) -> bool {
        self.kind != Kind::Download
    }

    /// A function that can do this, whose session ends at `session_end`.
    pub(super) fn function(&self, aws: &FakeAws, session_end: i64) -> Handler {
        let (endpoint, end) = (aws.endpoint(), at(session_end).to_string());
        let access_key_id = access_key_id(session_end);
        let mut variables = HashMap::from([
            ("GRANTS", self.grants),
            ("AWS_LAMBDA_FUNCTION_NAME", "signer"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
            ("AWS_CREDENTIAL_EXPIRATION", end.as_str()),
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("SHARES_TABLE", "shares"),
            ("PUBLIC_URL", "https://files.example.com"),
        ]);
        if self.grants != GRANTS {
            variables.extend([
                ("MAIL_FROM", "files@example.com"),
                ("MAIL_TO", "alice@example.com"),
                ("MAIL_ALLOWED_RECIPIENTS", "*@example.com"),
                ("MAIL_TABLE", "mails"),
                ("MAIL_EXPIRES_IN", "40000"),
            ]);
        }
        let variable = |name: &str| variables.get(name).map(|value| (*value).to_owned());
        Handler::new(Settings::read(variable, now()).unwrap(), now, |_| ())
    }

    /// Asks for it.
    pub(super) async fn ask(&self, function: &Handler, aws: &FakeAws) -> Promise {
        let mut wanted = json!({"key": KEY, "expires_in": ASKED});
        if self.names_version {
            wanted["version_id"] = json!(VERSION);
        }
        if matches!(self.kind, Kind::Link | Kind::LinkForHead | Kind::BatchEntry) {
            wanted["check"] = json!(true);
        }
        if self.kind == Kind::LinkForHead {
            wanted["method"] = json!("HEAD");
        }
        match self.kind {
            Kind::Link | Kind::LinkForHead => promised(&post(function, "/links", &wanted).await),
            Kind::BatchEntry => {
                // The second entry waits for the first one's check.
                let batch = json!({"links": [wanted, wanted]});
                promised(&post(function, "/links/batch", &batch).await["links"][1])
            }
            Kind::Download => {
                let query = format!("key={KEY}&expires_in={ASKED}&check=true");
                let answer = request(function, "GET", "/download", &query, "").await;
                match answer["headers"]["location"].as_str() {
                    None => Promise::Refused,
                    Some(url) => {
                        let length = mime::parameter(url, "X-Amz-Expires").unwrap();
                        let end = passed() + length.parse::<i64>().unwrap();
                        let address = Address::Link(url.to_owned());
                        Promise::Until { address, end, is_uncertain: false }
                    }
                }
            }
            Kind::Share => promised(&post(function, "/shares", &wanted).await),
            Kind::Mail | Kind::MailedShare => self.mailed(function, aws).await,
        }
    }

    async fn mailed(&self, function: &Handler, aws: &FakeAws) -> Promise {
        let mut record = object_created("eu-west-1", KEY);
        if self.names_version {
            record["s3"]["object"]["versionId"] = json!(VERSION);
        }
        // An event that failed is delivered again. Here that would change nothing.
        let _ = handle(function, &json!({"Records": [record]})).await;
        let mails = aws.mails();
        let Some(mail) = mails.first() else { return Promise::Refused };
        let (_, html) = mime::bodies(&mail.mime);
        let end = html.split_once("datetime=\"").unwrap().1.split_once('"').unwrap().0;
        let link = mime::link(mail);
        let address = match link.strip_prefix("https://files.example.com") {
            Some(path) => Address::Share(path.to_owned()),
            None => Address::Link(link),
        };
        let text = mime::text(mail);
        Promise::Until {
            address,
            end: end.parse::<Timestamp>().unwrap().duration_since(begin()).as_secs(),
            is_uncertain: text.contains("It may stop sooner"),
        }
    }
}

/// What an answer promises.
fn promised(answer: &Value) -> Promise {
    let Some(url) = answer["url"].as_str() else { return Promise::Refused };
    let end: Timestamp = answer["expires_at"].as_str().unwrap().parse().unwrap();
    let address = match url.strip_prefix("https://files.example.com") {
        Some(path) => Address::Share(path.to_owned()),
        None => Address::Link(url.to_owned()),
    };
    Promise::Until {
        address,
        end: end.duration_since(begin()).as_secs(),
        is_uncertain: answer["bucket_policy"] == "unreadable",
    }
}

/// The link that a press of a share's button gets. `None`: it gets none.
pub(super) async fn press(function: &Handler, path: &str) -> Option<String> {
    let answer = request(function, "POST", path, "", "").await;
    (answer["statusCode"] == 303)
        .then(|| answer["headers"]["location"].as_str().unwrap().to_owned())
}

async fn post(function: &Handler, path: &str, body: &Value) -> Value {
    let answer = request(function, "POST", path, "", &body.to_string()).await;
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

async fn request(function: &Handler, method: &str, path: &str, query: &str, body: &str) -> Value {
    let event = HttpRequest {
        method,
        path,
        query,
        headers: json!({"accept": "application/json"}),
        cookie: None,
        body,
        authorizer: json!({"jwt": {"claims": {"sub": "alice"}}}),
    };
    handle(function, &event.event()).await.unwrap()
}

async fn handle(function: &Handler, event: &Value) -> Result<Value, s3_link_signer::EventError> {
    let event = RawValue::from_string(event.to_string()).unwrap();
    let deadline = now() + SignedDuration::from_mins(1);
    let response = Box::pin(function.handle(&event, "request-1", ARN, deadline)).await?;
    Ok(serde_json::to_value(response).unwrap())
}
