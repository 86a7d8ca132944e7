//! No signed request writes more than a grant allows, whatever is asked.
//!
//! A model of S3 says what a request can do at most, from what its signature covers: whoever sends it may change
//! all else. Grants and requests are random.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fake_aws::FakeAws;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::{begin, handler, query, sign, signed_headers};

/// What a signed request can do at most.
#[derive(Debug)]
struct Power {
    method: String,
    key: String,
    /// How many bytes it can send. `None`: as many as it likes.
    length: Option<RangeInclusive<u64>>,
    /// The media type of what it makes. `None`: any.
    content_type: Option<String>,
    /// Whether it makes an object, or leads to one.
    writes: bool,
    /// Whether it makes one where one is.
    replaces: bool,
    /// The metadata that it can write.
    metadata: Vec<String>,
    ends: Timestamp,
}

impl Power {
    /// S3's reading of a URL. Headers that the signature covers are sent as the answer says, and the length as its
    /// `size` says.
    fn of_url(answer: &Value) -> Self {
        let url = answer["url"].as_str().unwrap();
        let (address, _) = url.split_once('?').unwrap();
        let path = address.splitn(4, '/').nth(3).unwrap();
        let key =
            percent_decode_str(path.strip_prefix("files/").unwrap_or(path)).decode_utf8().unwrap();
        let (query, covered) = (query(url), signed_headers(url));
        let covers = |name: &str| covered.iter().any(|it| it == name);
        let header = |name: &str| {
            answer["headers"][name].as_str().filter(|_| covers(name)).map(str::to_owned)
        };
        let method = answer["method"].as_str().unwrap().to_owned();
        let is_part = query.contains_key("partNumber");
        let size = |name: &str| {
            header(name).and_then(|size| size.parse().ok()).map(|size: u64| size..=size)
        };
        let signed_at = strptime(&query["X-Amz-Date"]);
        Self {
            key: key.into_owned(),
            length: match (method.as_str(), covers("content-length")) {
                ("PUT", true) => answer["size"].as_u64().map(|size| size..=size),
                ("POST", _) if query.contains_key("uploadId") => size("x-amz-mp-object-size"),
                ("POST" | "GET" | "DELETE", _) => Some(0..=0),
                _ => None,
            },
            content_type: header("content-type"),
            writes: matches!(method.as_str(), "PUT" | "POST") && !is_part,
            // The beginning of an upload makes nothing.
            replaces: !query.contains_key("uploads")
                && !is_part
                && !matches!(method.as_str(), "GET" | "DELETE")
                && header("if-none-match").as_deref() != Some("*"),
            metadata: covered
                .iter()
                .filter(|name| name.starts_with("x-amz-meta-"))
                .cloned()
                .collect(),
            ends: signed_at + SignedDuration::from_secs(query["X-Amz-Expires"].parse().unwrap()),
            method,
        }
    }

    /// S3's reading of a form: a field that no condition names is refused.
    fn of_form(answer: &Value) -> Self {
        let fields = answer["fields"].as_object().unwrap();
        let policy = STANDARD.decode(fields["policy"].as_str().unwrap()).unwrap();
        let policy: Value = serde_json::from_slice(&policy).unwrap();
        let mut exact = BTreeMap::new();
        let mut length = None;
        for condition in policy["conditions"].as_array().unwrap() {
            match condition {
                Value::Object(one) => {
                    exact.extend(one.iter().map(|(name, value)| (name.clone(), value.clone())));
                }
                Value::Array(range) if range[0] == "content-length-range" => {
                    length = Some(range[1].as_u64().unwrap()..=range[2].as_u64().unwrap());
                }
                other => panic!("{other}"),
            }
        }
        for name in
            fields.keys().filter(|name| !["policy", "x-amz-signature"].contains(&name.as_str()))
        {
            assert_eq!(
                exact.get(name),
                fields.get(name),
                "S3 refuses a field that no condition names"
            );
        }
        let text = |name: &str| exact.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            method: "POST".to_owned(),
            key: text("key").unwrap(),
            length,
            content_type: text("content-type"),
            writes: true,
            replaces: true,
            metadata: exact
                .keys()
                .filter(|name| name.starts_with("x-amz-meta-"))
                .cloned()
                .collect(),
            ends: policy["expiration"].as_str().unwrap().parse().unwrap(),
        }
    }
}

fn strptime(date: &str) -> Timestamp {
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).unwrap();
    jiff::tz::Offset::UTC.to_timestamp(civil).unwrap()
}

/// A grant for uploads, with what it allows.
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the grant's JSON")]
#[derive(Clone, Debug)]
struct Grant {
    callers_keys: bool,
    overwrite: bool,
    forms: bool,
    max_size: u64,
    only_images: bool,
    author: bool,
    per_principal: bool,
}

impl Grant {
    fn json(&self) -> String {
        let mut grant = json!({
            "bucket": "files", "region": "eu-west-1", "principals": ["*"], "actions": ["put"],
            "prefix": if self.per_principal { "in/{principal}/" } else { "in/" },
            "max_size": self.max_size, "max_expires_in": 1_000,
        });
        let mut set = |name: &str, value: Value| grant[name] = value;
        if self.callers_keys {
            set("keys", json!("caller"));
            set("overwrite", json!(self.overwrite));
        } else {
            set("forms", json!(self.forms));
        }
        if self.only_images {
            set("content_types", json!(["image/*"]));
        }
        if self.author {
            set("metadata", json!(["author"]));
        }
        json!([grant]).to_string()
    }

    fn prefix(&self) -> &'static str {
        if self.per_principal { "in/alice/" } else { "in/" }
    }
}

fn grants() -> impl Strategy<Value = Grant> {
    let max_size = prop_oneof![Just(1), Just(5_000), Just(30_000_000), Just(10_000_000_000)];
    (any::<[bool; 6]>(), max_size).prop_map(
        |([callers_keys, overwrite, forms, only_images, author, per_principal], max_size)| Grant {
            callers_keys,
            overwrite,
            forms,
            max_size,
            only_images,
            author,
            per_principal,
        },
    )
}

/// Keys and names that reach somewhere, or try to.
fn keys() -> impl Strategy<Value = String> {
    let folder = prop_oneof![
        Just("in/"),
        Just("in/"),
        Just("in/"),
        Just("in/alice/"),
        Just("in/bob/"),
        Just("/in/"),
        Just("in/../"),
        Just("IN/"),
        Just(""),
        Just("in/5b3b7c3c-6d4b-4c3c-8b7a-1a2b3c4d5e6f/"),
        Just("in/alice/5b3b7c3c-6d4b-4c3c-8b7a-1a2b3c4d5e6f/"),
    ];
    let name = prop_oneof![
        Just("a.png"),
        Just(".."),
        Just("a?b#c"),
        Just("ü \u{202e}.png"),
        Just("x-link-id=1&y"),
        Just("")
    ];
    (folder, name).prop_map(|(folder, name)| format!("{folder}{name}"))
}

/// A request to one of the routes.
fn requests() -> impl Strategy<Value = (bool, Value)> {
    let size = prop_oneof![
        10 => Just(json!(1)), 5 => Just(json!(5_000)), 3 => Just(json!(30_000_000)), 1 => Just(json!(200_000_000)),
        1 => Just(json!(0)), 1 => Just(json!(10_000_000_001_u64)), 1 => Just(json!(-1)), 1 => Just(Value::Null),
    ];
    let content_type = prop_oneof![
        10 => Just("image/png"), 1 => Just("text/html"), 1 => Just("image/png,text/html"), 1 => Just(""),
    ];
    let method = prop_oneof![Just("PUT"), Just("POST"), Just("GET"), Just("DELETE"), Just("HEAD")];
    let headers = prop_oneof![
        20 => Just(json!({})), 3 => Just(json!({"x-amz-meta-author": "alice"})),
        1 => Just(json!({"X-Amz-Meta-Link-To": "eve@example.com"})), 1 => Just(json!({"if-none-match": ""})),
        1 => Just(json!({"content-length": "99999999"})), 1 => Just(json!({"x-amz-tagging": "a=b"})),
    ];
    let numbers =
        prop_oneof![5 => Just(1_u64), 1 => Just(2), 1 => Just(6), 1 => Just(10_001), 1 => Just(0)];
    let expires_in = prop_oneof![1 => Just(1_u64), 5 => Just(900), 1 => Just(604_801)];
    let own = (keys(), size, content_type, headers, expires_in, any::<[bool; 4]>());
    (own, method, numbers, any::<bool>()).prop_map(
        |((key, size, content_type, headers, expires_in, [form, multipart, named, steps]), method, number, begins)| {
            if begins {
                let mut body = json!({"size": size, "content_type": content_type, "headers": headers,
                    "form": form && named, "multipart": multipart && !form, "expires_in": expires_in});
                body[if named { "name" } else { "key" }] = json!(key);
                return (true, body);
            }
            let mut body = json!({"method": method, "key": key, "size": size, "contentType": content_type,
                "headers": headers, "form": form, "expiresIn": expires_in});
            if steps {
                body["uploadId"] = json!("u");
                body["headers"] = Value::Null;
                body["form"] = json!(false);
                if method == "PUT" {
                    body["partNumber"] = json!(number);
                }
            }
            (false, body)
        },
    )
}

#[test]
fn no_signed_request_writes_more_than_the_grant_allows_and_none_works_longer_than_promised() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let aws = runtime.block_on(FakeAws::start());
    let kinds = RefCell::new(BTreeMap::<String, usize>::new());
    let mut runner = TestRunner::new(ProptestConfig { cases: 60, ..ProptestConfig::default() });
    let cases = (grants(), proptest::collection::vec(requests(), 60));
    let judged = runner.run(&cases, |(grant, requests)| {
        let handler = handler(&aws, &grant.json(), &[]);
        for (begins, body) in requests {
            let (status, answer) = runtime.block_on(async {
                if begins { begin(&handler, &body).await } else { sign(&handler, &body).await }
            });
            prop_assert!(status < 500, "{body}: {answer}");
            if status >= 300 {
                continue;
            }
            let is_form = answer["fields"].is_object();
            let power = if is_form { Power::of_form(&answer) } else { Power::of_url(&answer) };
            let what = format!("{grant:?}\n{body}\n{answer}\n{power:?}");
            prop_assert!(power.key.starts_with(grant.prefix()), "outside the prefix: {what}");
            prop_assert_eq!(&power.key, answer["key"].as_str().unwrap());
            prop_assert!(!power.key.split('/').any(|segment| segment == ".."), "{}", what);
            let length = power.length.clone();
            prop_assert!(
                length.is_some_and(|length| *length.end() <= grant.max_size),
                "too long: {what}"
            );
            let makes_a_new_key = !grant.callers_keys;
            prop_assert!(
                !power.replaces || grant.overwrite || (is_form && makes_a_new_key),
                "over an object: {what}"
            );
            let begins_an_object = power.writes && body.get("uploadId").is_none();
            let is_image = power
                .content_type
                .as_deref()
                .is_some_and(|it| it.starts_with("image/") && !it.contains(','));
            prop_assert!(
                !begins_an_object || !grant.only_images || is_image,
                "another type: {what}"
            );
            prop_assert!(power.content_type.is_some() || !begins_an_object, "any type: {what}");
            prop_assert!(
                power.metadata.iter().all(|name| grant.author && name == "x-amz-meta-author"),
                "{}",
                what
            );
            let promised: Timestamp = answer["expires_at"].as_str().unwrap().parse().unwrap();
            prop_assert_eq!(power.ends, promised, "later than promised: {}", what);
            let session: Timestamp =
                answer["session"]["expires_at"].as_str().unwrap().parse().unwrap();
            prop_assert!(
                promised < session && answer["expires_in"].as_u64().unwrap() <= 1_000,
                "{}",
                what
            );
            prop_assert!(power.method != "DELETE" || body["uploadId"] == "u", "{}", what);
            *kinds
                .borrow_mut()
                .entry(if is_form { "form".to_owned() } else { power.method })
                .or_default() += 1;
        }
        Ok(())
    });
    judged.unwrap();
    let kinds = kinds.into_inner();
    assert!(kinds.values().sum::<usize>() > 300 && kinds.len() == 5, "{kinds:?}");
}
