//! Events of AWS: the fixtures in `events/`, and two hundred thousand generated events.
//!
//! The status that each fixture is answered with is tested in `tests/e2e/emulated`, on the built
//! function.

use std::path::{Path, PathBuf};

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use jiff::Timestamp;
use s3_link_signer::Handler;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::settings::settings;

const SECRET: &str = "SecretKeyThatNobodyMaySee";
const TOKEN: &str = "SessionTokenThatNobodyMaySee";

/// A function that needs no network: its session is assumed, its bucket's
/// region is stated, and its grants give old versions.
fn handler() -> Handler {
    let grants = r#"[{"bucket":"files","prefix":"private-files/","principals":["*"],
                      "max_expires_in":3600,"region":"eu-west-1","versions":true},
                     {"bucket":"files","prefix":"users/{principal}/","principals":["*"],
                      "region":"eu-west-1","versions":true},
                     {"bucket":"files","prefix":"public/","principals":["anonymous"],
                      "region":"eu-west-1","versions":true}]"#;
    let settings = settings(&[
        ("GRANTS", grants),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", TOKEN),
        ("ASSUMED_SESSION_SECONDS", "43200"),
    ]);
    Handler::new(settings, Timestamp::now, |line| {
        assert!(serde_json::from_str::<Value>(line).is_ok());
    })
}

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no fixtures", folder.display());
    files
}

/// Parses every fixture in `folder` as `T`, a shape that nobody here wrote.
fn all_are<T: for<'de> serde::Deserialize<'de>>(folder: &str) {
    for path in fixtures(folder) {
        let text = std::fs::read_to_string(&path).unwrap();
        if let Err(error) = serde_json::from_str::<T>(&text) {
            panic!("{}: {error}", path.display());
        }
    }
}

#[test]
fn the_fixtures_have_the_shapes_that_aws_lambda_events_knows() {
    all_are::<ApiGatewayV2httpRequest>("http-api");
    all_are::<ApiGatewayProxyRequest>("rest-api");
    all_are::<LambdaFunctionUrlRequest>("function-url");
}

/// A small generator of numbers: the same ones on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        // xorshift64*, by Sebastiano Vigna.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % bound
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// Text of up to `most` characters from all planes. Characters that need escaping are frequent.
    fn text(&mut self, most: usize) -> String {
        let length = self.below(most + 1);
        (0..length)
            .map(|_| match self.below(4) {
                0 => {
                    self.pick(&["\0", "\r\n", "\"", "\\", "/", "..", "%", "+", " ", "&", "{", "}"])
                }
                1 => {
                    self.pick(&["é", "\u{301}", "日", "\u{202e}", "🦀", "\u{feff}", "ÿ", "\u{7f}"])
                }
                _ => self.pick(&["a", "b", "7", "-", "_", ".", "private-files/", "=", "<", "'"]),
            })
            .collect()
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 6 } else { 8 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.below(1_000_000)),
            3 => json!(-1.5e300),
            4 => json!(u64::MAX),
            5 => json!(self.text(12)),
            6 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => {
                let entries = (0..self.below(4)).map(|_| (self.text(6), self.value(depth - 1)));
                Value::Object(entries.collect())
            }
        }
    }

    /// A request for a link: mostly the right fields, often with wrong values.
    fn link_request(&mut self) -> Value {
        let mut request = json!({});
        for field in [
            "key",
            "bucket",
            "version_id",
            "expires_in",
            "min_expires_in",
            "filename",
            "content_type",
            "disposition",
            "check",
            "method",
        ] {
            let value = match (self.below(6), field) {
                // `true` would open the link, and there is no S3.
                (0, "check") => json!(false),
                (1, "check") => json!("true"),
                (_, "check") => continue,
                (0, _) => self.value(1),
                (_, "key") => json!(format!("private-files/{}", self.text(20))),
                (1, "bucket") => json!("files"),
                (1 | 2, "expires_in") => json!(self.below(700_000)),
                (1, "min_expires_in") => json!(self.below(50)),
                (1 | 2, "filename") => json!(self.text(20)),
                (1, "content_type") => {
                    json!(self.pick(&[
                        "text/html",
                        "image/png",
                        "text/javascript",
                        "text/plain;,text/html",
                        "a",
                        "",
                        "a/b;\n"
                    ]))
                }
                (1, "method") => json!(self.pick(&["GET", "HEAD", "PUT", "head", ""])),
                (1, "disposition") => json!(self.pick(&["inline", "attachment", "both"])),
                _ => continue,
            };
            request[field] = value;
        }
        if self.below(30) == 0 {
            request[self.text(5)] = self.value(1);
        }
        request
    }

    fn body(&mut self) -> String {
        match self.below(8) {
            0 => self.text(40),
            1 => self.value(3).to_string(),
            2 => {
                let links: Vec<_> = (0..self.below(5)).map(|_| self.link_request()).collect();
                json!({ "links": links }).to_string()
            }
            3 => {
                // JSON that breaks off somewhere.
                let whole = self.link_request().to_string();
                let most = self.below(whole.len() + 1);
                let end = (0..=most).rev().find(|end| whole.is_char_boundary(*end)).unwrap_or(0);
                whole[..end].to_owned()
            }
            _ => self.link_request().to_string(),
        }
    }

    /// A fixture with another request in it. Sometimes any part of it is replaced by any value.
    fn event(&mut self, fixtures: &[Value]) -> Value {
        let mut event = fixtures[self.below(fixtures.len())].clone();
        event["body"] = json!(self.body());
        event["isBase64Encoded"] = json!(self.below(20) == 0);
        if self.below(4) == 0 {
            let query: String = form_urlencoded::byte_serialize(self.text(20).as_bytes()).collect();
            event["rawQueryString"] =
                json!(format!("key=private-files%2F{query}&{}", self.text(8)));
            event["multiValueQueryStringParameters"] =
                json!({"key": [self.text(20), self.text(3)]});
        }
        if self.below(4) == 0 {
            let name = self.text(10);
            event["requestContext"]["authorizer"] = json!({"jwt": {"claims": {"sub": name}}});
        }
        if self.below(10) == 0 {
            // Walks down to some node and replaces it.
            let mut pointer = String::new();
            while self.below(3) > 0 {
                let here = event.pointer(&pointer).and_then(Value::as_object);
                let Some(object) = here.filter(|object| !object.is_empty()) else { break };
                let name = object.keys().nth(self.below(object.len())).unwrap();
                pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            }
            *event.pointer_mut(&pointer).unwrap() = self.value(2);
        }
        event
    }
}

#[tokio::test]
async fn every_event_is_answered_with_a_status_and_without_a_secret() {
    const EVENTS: usize = 200_000;

    let fixtures: Vec<Value> = ["http-api", "rest-api", "function-url"]
        .iter()
        .flat_map(|folder| fixtures(folder))
        .map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
        .filter(|event: &Value| !event.to_string().contains("/session"))
        .collect();
    let handler = handler();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut signed = 0_usize;
    let mut statuses = std::collections::BTreeMap::<u64, usize>::new();
    for _ in 0..EVENTS {
        let event = RawValue::from_string(random.event(&fixtures).to_string()).unwrap();
        let answer = match handler.handle(&event, "request", "", Timestamp::MAX).await {
            Ok(answer) => serde_json::to_value(&answer).unwrap(),
            Err(error) => {
                assert!(error.to_string().contains("this event is none of"), "{event}");
                continue;
            }
        };
        let status = answer["statusCode"].as_u64().unwrap();
        *statuses.entry(status).or_default() += 1;
        assert!((200..500).contains(&status), "{event} was answered {answer}");
        assert_eq!(answer["headers"]["cache-control"], "no-store");
        for (name, value) in answer["headers"].as_object().unwrap() {
            let value = value.as_str().unwrap();
            assert!(value.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{name}: {value:?}");
        }
        let text = answer.to_string();
        assert!(!text.contains(SECRET), "{text}");
        // Links hold the token, and only these two statuses give links.
        let gives = status == 200 || status == 303;
        signed += usize::from(gives && text.contains("X-Amz-Signature="));
        assert!(gives || !(text.contains(TOKEN) || text.contains("X-Amz-")), "{text}");
    }
    println!(
        "{signed} of {EVENTS} events were answered with links; answers by status: {statuses:?}"
    );
    assert!(signed > EVENTS / 20, "the generator must reach the signer: {signed}");
    for status in [200, 303, 400, 401, 403, 404, 405, 422] {
        assert!(statuses.contains_key(&status), "the generator must reach {status}: {statuses:?}");
    }
}
