//! SES: it accepts mails, as many as a test lets it.
//!
//! Source: Amazon SES API v2 reference, "`SendEmail`".

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::call::{Call, Service};
use crate::reply::Reply;

/// A mail that SES accepted.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The sender's address.
    pub from: String,
    /// The recipient's address.
    pub to: String,
    /// The whole mail.
    pub mime: Vec<u8>,
    /// `ConfigurationOverrides` of the call.
    pub overrides: Value,
}

/// Accepts a mail, unless there are as many as the quota allows.
pub(crate) fn send_email(call: &Call, mails: &mut Vec<Mail>, quota: Option<usize>) -> Reply {
    if quota.is_some_and(|quota| mails.len() >= quota) {
        let message = "Daily message quota exceeded.";
        return Reply::error(Service::Ses, 400, "LimitExceededException", message);
    }
    let body = call.json();
    let [to] = body["Destination"]["ToAddresses"].as_array().expect("recipients").as_slice() else {
        panic!("a mail of this function has one recipient");
    };
    let raw = body["Content"]["Raw"]["Data"].as_str().expect("a raw mail");
    mails.push(Mail {
        from: body["FromEmailAddress"].as_str().expect("a sender").to_owned(),
        to: to.as_str().expect("an address").to_owned(),
        mime: STANDARD.decode(raw).expect("base64"),
        overrides: body["ConfigurationOverrides"].clone(),
    });
    Reply::json(&json!({"MessageId": format!("message-{}", mails.len())}))
}
