//! A bucket and a session whose future is known: when a link opens in them, and what S3 says beforehand.
//!
//! The truth shares no code with the function. S3's answers are made from it, so nothing that the function
//! can see contradicts it.

use std::cell::Cell;
use std::sync::{Arc, Mutex};

use fake_aws::{Call, FakeAws, Operation, Reply};
use jiff::fmt::strtime;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// When each world begins. The file was made a second before.
const BEGIN: &str = "2026-11-23T13:05:17Z";

pub(super) const KEY: &str = "private-files/report.pdf";
pub(super) const VERSION: &str = "v1";

thread_local! {
    /// Seconds and their fraction since the beginning.
    static PASSED: Cell<f64> = const { Cell::new(0.25) };
}

pub(super) fn now() -> Timestamp {
    begin() + SignedDuration::from_secs_f64(PASSED.get())
}

/// Seconds since the beginning.
pub(super) fn passed() -> i64 {
    now().duration_since(begin()).as_secs()
}

pub(super) fn set(seconds: i64) {
    #[expect(clippy::cast_precision_loss, reason = "no world lasts for longer than a month")]
    PASSED.set(seconds as f64 + 0.25);
}

pub(super) fn begin() -> Timestamp {
    BEGIN.parse().unwrap()
}

/// The access key id of a session that ends then. It says so, for the S3 here to read.
pub(super) fn access_key_id(session_end: i64) -> String {
    format!("ASIA{session_end}")
}

/// What ends links here, in seconds since the beginning. `None`: it does not.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) name: &'static str,
    /// How long a session lasts.
    pub(super) session: Option<i64>,
    /// From this age on a statement of the policy refuses a link.
    pub(super) policy_age: Option<i64>,
    /// From then on another statement refuses it.
    pub(super) policy_instant: Option<i64>,
    /// A lifecycle rule expires the file. A version lives on behind the delete marker.
    pub(super) expires: Option<i64>,
    /// A lifecycle rule moves the file to an archive.
    pub(super) archived: Option<i64>,
    /// The restored copy of the archived file goes.
    pub(super) restored_until: Option<i64>,
    /// The file is in an archive from the beginning.
    pub(super) is_archived: bool,
    pub(super) policy: PolicyIs,
}

/// What S3 says when it is asked for the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PolicyIs {
    /// The policy.
    #[default]
    Shown,
    /// That the function may not read it.
    Refused,
    /// The policy once, and from then on nothing.
    Silent,
}

/// A link, as S3 reads it.
struct Signed {
    at: i64,
    expires_in: i64,
    session_end: i64,
    names_version: bool,
}

impl World {
    /// Whether S3 opens the link of this URL at `second`.
    pub(super) fn opens(&self, url: &str, second: i64) -> bool {
        let signed = Self::signed(url);
        self.refusal(&signed, second).is_none()
    }

    fn refusal(&self, link: &Signed, second: i64) -> Option<Reply> {
        let is_over = |end: Option<i64>| end.is_some_and(|end| second >= end);
        let age = second - link.at;
        if age >= link.expires_in || self.policy_age.is_some_and(|most| age >= most) {
            return Some(Reply::s3_error(403, "AccessDenied"));
        }
        if second >= link.session_end {
            return Some(Reply::s3_error(400, "ExpiredToken"));
        }
        if is_over(self.policy_instant) {
            return Some(Reply::s3_error(403, "AccessDenied"));
        }
        if is_over(self.expires) && !link.names_version {
            return Some(Reply::s3_error(404, "NoSuchKey"));
        }
        let is_archived =
            self.is_archived || is_over(self.archived) || is_over(self.restored_until);
        is_archived.then(|| Reply::s3_error(403, "InvalidObjectState"))
    }

    /// The answer to a call that asks for the file.
    fn object(&self, call: &Call) -> Reply {
        let second = passed();
        let refusal = if call.is_presigned() {
            let url = format!("https://files/?{}", call.query);
            let signed = Self::signed(&url);
            self.refusal(&signed, second)
        } else {
            let is_gone = self.expires.is_some_and(|end| second >= end);
            let names_version = call.query_parameter("versionId").is_some();
            (is_gone && !names_version).then(|| Reply::status(404))
        };
        refusal.unwrap_or_else(|| self.described(call))
    }

    fn described(&self, call: &Call) -> Reply {
        let reply = match call.operation {
            Operation::GetObject => Reply::part("x", "bytes 0-0/1250000"),
            _ => Reply::status(200).with_header("content-length", "1250000"),
        };
        let made = begin() - SignedDuration::from_secs(1);
        let mut reply = reply
            .with_header("etag", "\"e1\"")
            .with_header("x-amz-version-id", VERSION)
            .with_header("last-modified", &http_date(made));
        if let Some(end) = self.expires {
            let value = format!("expiry-date=\"{}\", rule-id=\"tidy\"", http_date(at(end)));
            reply = reply.with_header("x-amz-expiration", &value);
        }
        if let Some(end) = self.restored_until {
            let value =
                format!("ongoing-request=\"false\", expiry-date=\"{}\"", http_date(at(end)));
            reply = reply.with_header("x-amz-restore", &value);
        }
        if self.is_archived || self.restored_until.is_some() {
            reply = reply.with_header("x-amz-storage-class", "GLACIER");
        }
        reply
    }

    fn bucket_policy(&self) -> Value {
        let deny = |sid: &str, condition: Value| {
            json!({"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject*",
                   "Resource": "arn:aws:s3:::files/*", "Condition": condition})
        };
        let by_age = self.policy_age.map(|age| {
            deny("Age", json!({"NumericGreaterThanEquals": {"s3:signatureAge": age * 1_000}}))
        });
        let by_instant = self.policy_instant.map(|end| {
            let instant = at(end).to_string();
            deny("Instant", json!({"DateGreaterThanEquals": {"aws:CurrentTime": instant}}))
        });
        let statements: Vec<_> = by_age.into_iter().chain(by_instant).collect();
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    fn lifecycle(&self) -> Reply {
        let Some(end) = self.archived else {
            return Reply::s3_error(404, "NoSuchLifecycleConfiguration");
        };
        let date = at(end);
        Reply::document(&format!(
            "<LifecycleConfiguration><Rule><ID>cold</ID><Filter><Prefix></Prefix></Filter>\
             <Status>Enabled</Status><Transition><Date>{date}</Date>\
             <StorageClass>GLACIER</StorageClass></Transition></Rule></LifecycleConfiguration>"
        ))
    }

    /// The AWS of this world.
    pub(super) async fn aws(self: &Arc<Self>) -> FakeAws {
        let world = Arc::clone(self);
        let shown = Mutex::new(false);
        FakeAws::scripted(move |call| match call.operation {
            Operation::GetObject | Operation::HeadObject => Some(world.object(call)),
            Operation::GetBucketPolicy => {
                let was_shown = std::mem::replace(&mut *shown.lock().unwrap(), true);
                Some(match world.policy {
                    PolicyIs::Refused => Reply::s3_error(403, "AccessDenied"),
                    PolicyIs::Silent if was_shown => Reply::s3_error(503, "SlowDown"),
                    PolicyIs::Silent | PolicyIs::Shown => Reply::json(&world.bucket_policy()),
                })
            }
            Operation::GetBucketLifecycleConfiguration => Some(world.lifecycle()),
            _ => None,
        })
        .await
    }

    fn signed(url: &str) -> Signed {
        let query = url.split_once('?').unwrap().1;
        let parameter = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let date = parameter("X-Amz-Date").unwrap();
        let date = date.replace('Z', "+0000");
        let at = strtime::parse("%Y%m%dT%H%M%S%z", date).unwrap().to_timestamp().unwrap();
        let access_key = parameter("X-Amz-Credential").unwrap();
        Signed {
            at: at.duration_since(begin()).as_secs(),
            expires_in: parameter("X-Amz-Expires").unwrap().parse().unwrap(),
            session_end: access_key.split_once("%2F").unwrap().0[4..].parse().unwrap(),
            names_version: parameter("versionId").is_some(),
        }
    }
}

pub(super) fn at(second: i64) -> Timestamp {
    begin() + SignedDuration::from_secs(second)
}

fn http_date(instant: Timestamp) -> String {
    strtime::format("%a, %d %b %Y %H:%M:%S GMT", instant).unwrap()
}
