//! What orders and their answers say, as JSON.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::connections::Fate;
use crate::fault::{Answer, Fault};
use crate::reply::{Delivery, Reply};
use crate::s3::Object;
use crate::ses::Mail;
use crate::sts::{Attestation, Sts};

pub(super) fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

pub(super) fn fields(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("{value} has no fields"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn seconds(value: &Value) -> Duration {
    let seconds = value.as_f64().unwrap_or_else(|| panic!("{value} is no number of seconds"));
    Duration::from_secs_f64(seconds)
}

fn status(value: &Value) -> u16 {
    let status = value.as_u64().and_then(|status| status.try_into().ok());
    status.unwrap_or_else(|| panic!("{value} is no status"))
}

/// A part of a URL, decoded.
pub(super) fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

fn headers(value: &Value) -> Vec<(String, String)> {
    let pairs = value.as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), text(value).to_owned())).collect()
}

/// A call, as it is told.
pub(super) fn of_call(call: &Call) -> Value {
    json!({
        "operation": format!("{:?}", call.operation),
        "head": call.head,
        "body": call.body,
        "access_key_id": call.access_key_id,
    })
}

/// A mail, as it is told.
pub(super) fn of_mail(mail: &Mail) -> Value {
    json!({"from": mail.from, "to": mail.to, "mime": STANDARD.encode(&mail.mime)})
}

/// What fails a call: `done`, `error` or `reply`, `delivery`, and `delay` in seconds. A call is done unless it
/// is answered with an error or a reply.
pub(super) fn fault(order: &Value) -> Fault {
    let mut is_done = None;
    let mut fault = Fault::none();
    for (field, value) in fields(order) {
        match field.as_str() {
            "done" => is_done = value.as_bool(),
            "error" => {
                fault.answer = Some(Answer::Error {
                    status: status(&value["status"]),
                    code: text(&value["code"]).to_owned(),
                    message: text(&value["message"]).to_owned(),
                    headers: headers(&value["headers"]),
                });
            }
            "reply" => fault.answer = Some(Answer::Reply(reply(value))),
            "delivery" => fault.delivery = delivery(value),
            "delay" => fault.delay = seconds(value),
            other => panic!("a fault has no {other}"),
        }
    }
    fault.is_done = is_done.unwrap_or(fault.answer.is_none());
    fault
}

fn reply(order: &Value) -> Reply {
    let body = order["body"].as_str().unwrap_or_default();
    let headers = headers(&order["headers"]);
    Reply { status: status(&order["status"]), headers, ..Reply::document(body) }
}

fn delivery(order: &Value) -> Delivery {
    match text(order) {
        "whole" => Delivery::Whole,
        "cut off" => Delivery::CutOff,
        "endless" => Delivery::Endless,
        "closed" => Delivery::Closed,
        "reset" => Delivery::Reset,
        "never" => Delivery::Never,
        other => panic!("{other} is no delivery"),
    }
}

pub(super) fn fate(order: &Value) -> Fate {
    match text(order) {
        "kept" => Fate::Kept,
        "closed" => Fate::Closed,
        "reset" => Fate::Reset,
        "forgotten" => Fate::Forgotten,
        other => panic!("{other} is no fate"),
    }
}

/// An object: `size`, `version_id`, `etag` and `headers`.
pub(super) fn object(order: &Value) -> Object {
    let size = order["size"].as_u64().unwrap_or_else(|| panic!("{order} has no size"));
    let object = Object::of_size(size).version(order["version_id"].as_str());
    let object = order["etag"].as_str().map_or(object.clone(), |etag| object.etag(etag));
    let headers = headers(&order["headers"]);
    headers.iter().fold(object, |object, (name, value)| object.with_header(name, value.as_str()))
}

/// Changes what STS says: `attested` with `function_arn` and `seconds`, `minted_until`, and `identity`.
pub(super) fn change_sts(sts: &mut Sts, order: &Value) {
    for (field, value) in fields(order) {
        match field.as_str() {
            "attested" => {
                sts.attested = (!value.is_null()).then(|| Attestation {
                    function_arn: text(&value["function_arn"]).to_owned(),
                    lasts: SignedDuration::try_from(seconds(&value["seconds"]))
                        .expect("not too long"),
                });
            }
            "minted_until" => {
                sts.minted_until =
                    value.as_str().map(|end| end.parse().expect("an instant of RFC 3339"));
            }
            "identity" => text(value).clone_into(&mut sts.identity),
            other => panic!("STS has no {other}"),
        }
    }
}
