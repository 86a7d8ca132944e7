//! Remembers what was mailed to whom, so that an event that comes again mails nothing: one item of
//! a DynamoDB table for each version of an object, event and recipient.
//!
//! An item is claimed before the mail is sent, with a lease, and marked when SES has taken the
//! mail. Between the two lies the only way to a second mail: SES took the first and it could not
//! be written down, because the function was ended or the answer never came. A claim is given
//! back when it is certain that nothing was sent.

use std::collections::HashMap;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Region};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::digest::{Context, SHA256};
use thiserror::Error;

use super::arrival::Arrival;
use super::recipients::Address;
use crate::outbound::{self, Outbound};

/// How long a claim keeps others from sending the same mail. Longer than any invocation that
/// could still be about to send it: the template's time-out is a minute.
pub const LEASE: SignedDuration = SignedDuration::from_mins(5);

/// How long it is remembered that a mail was sent: far longer than any queue keeps an event.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How often it is tried to write down that a mail was sent. What isn't written is sent again
/// when the event is.
const MARK_TRIES: u32 = 3;

/// The item is free, or its lease is over and nothing was sent under it. `claim` can be ours
/// already, when the SDK repeats a call whose answer was lost.
const MAY_CLAIM: &str = "attribute_not_exists(id) OR claim = :claim \
                         OR (attribute_not_exists(sent_at) AND lease_ends_at <= :now)";

/// The ledger did not answer as it must.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the table in MAIL_TABLE could not be used: {0}")]
pub struct LedgerError(String);

/// Where the ledger is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerSettings {
    /// `MAIL_TABLE`.
    pub table: String,
    /// The table's region: the function's own.
    pub region: String,
    /// Another DynamoDB than AWS's (`AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL`).
    pub endpoint: Option<String>,
    /// FIPS endpoints.
    pub use_fips: bool,
    /// Dual-stack endpoints.
    pub use_dual_stack: bool,
}

/// Claims, marks and gives back.
#[derive(Debug)]
pub struct Ledger {
    settings: LedgerSettings,
    outbound: Arc<Outbound>,
}

/// One mail: an event about an object, and a recipient.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The event.
    pub arrival: &'a Arrival,
    /// The recipient.
    pub recipient: &'a Address,
}

/// How a claim went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The mail is ours to send.
    Ours(Ticket),
    /// It was sent already.
    Sent,
    /// Somebody else is about to send it, or died trying.
    Held,
}

/// Stands for a claim of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    id: String,
    claim: String,
}

impl Ledger {
    /// The ledger in the table of `settings`.
    #[must_use]
    pub fn new(settings: LedgerSettings, outbound: Arc<Outbound>) -> Self {
        Self { settings, outbound }
    }

    /// Claims the right to send one mail, as of `now`.
    ///
    /// # Errors
    ///
    /// [`LedgerError`]; then nothing may be sent.
    pub async fn claim(
        &self,
        entry: Entry<'_>,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<Claim, LedgerError> {
        let ticket = Ticket { id: id(entry), claim: uuid::Uuid::new_v4().to_string() };
        let call = self
            .client(credentials)
            .put_item()
            .table_name(&self.settings.table)
            .set_item(Some(item(entry, &ticket, now)))
            .condition_expression(MAY_CLAIM)
            .expression_attribute_values(":claim", text(&ticket.claim))
            .expression_attribute_values(":now", number(now.as_second()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send();
        // Boxed, here and below: the SDK's futures are large.
        match Box::pin(call).await {
            Ok(_) => Ok(Claim::Ours(ticket)),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(taken)) => {
                    let sent = taken.item().is_some_and(|item| item.contains_key("sent_at"));
                    Ok(if sent { Claim::Sent } else { Claim::Held })
                }
                _ => Err(ledger_error(&error)),
            },
        }
    }

    /// Writes down that the mail was sent: SES's id of it, and the link's.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] after several tries. The mail is sent all the same.
    pub async fn mark_sent(
        &self,
        ticket: &Ticket,
        message_id: &str,
        link_id: &str,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let client = self.client(credentials);
        let mut tries = 1;
        loop {
            let call = client
                .update_item()
                .table_name(&self.settings.table)
                .key("id", text(&ticket.id))
                .update_expression(
                    "SET sent_at = :now, message_id = :message_id, link_id = :link_id \
                     REMOVE lease_ends_at",
                )
                .condition_expression("claim = :claim")
                .expression_attribute_values(":claim", text(&ticket.claim))
                .expression_attribute_values(":now", number(now.as_second()))
                .expression_attribute_values(":message_id", text(message_id))
                .expression_attribute_values(":link_id", text(link_id))
                .send();
            match Box::pin(call).await {
                Ok(_) => return Ok(()),
                Err(error) if tries == MARK_TRIES => return Err(ledger_error(&error)),
                Err(_) => tries += 1,
            }
        }
    }

    /// Gives a claim back, because nothing was sent under it: the next try need not wait for the
    /// lease to end.
    ///
    /// # Errors
    ///
    /// [`LedgerError`]; the lease then ends by itself.
    pub async fn give_back(
        &self,
        ticket: &Ticket,
        credentials: &Credentials,
    ) -> Result<(), LedgerError> {
        let call = self
            .client(credentials)
            .delete_item()
            .table_name(&self.settings.table)
            .key("id", text(&ticket.id))
            .condition_expression("claim = :claim AND attribute_not_exists(sent_at)")
            .expression_attribute_values(":claim", text(&ticket.claim))
            .send();
        Box::pin(call).await.map(|_| ()).map_err(|error| ledger_error(&error))
    }

    fn client(&self, credentials: &Credentials) -> Client {
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.settings.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .http_client(self.outbound.http_client())
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .timeout_config(outbound::timeouts())
            .use_fips(self.settings.use_fips)
            .use_dual_stack(self.settings.use_dual_stack);
        config.set_endpoint_url(self.settings.endpoint.clone());
        Client::from_conf(config.build())
    }
}

/// The item's key. A digest, because the parts together can be longer than DynamoDB's keys.
fn id(entry: Entry<'_>) -> String {
    let arrival = entry.arrival;
    let version = arrival.version_id.as_deref().or(arrival.etag.as_deref()).unwrap_or_default();
    let sequencer = arrival.sequencer.as_deref().unwrap_or_default();
    let mailbox = entry.recipient.mailbox();
    let mut digest = Context::new(&SHA256);
    for part in [&arrival.bucket, &arrival.key, version, sequencer, &mailbox] {
        // With its length, so that no two entries run together into the same bytes.
        digest.update(&part.len().to_be_bytes());
        digest.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(digest.finish())
}

/// A claimed item. Beside the key stands what it is about, for whoever looks into the table.
fn item(entry: Entry<'_>, ticket: &Ticket, now: Timestamp) -> HashMap<String, AttributeValue> {
    let Arrival { bucket, key, version_id, etag, sequencer, .. } = entry.arrival;
    let mut item = HashMap::from([
        ("id".to_owned(), text(&ticket.id)),
        ("claim".to_owned(), text(&ticket.claim)),
        ("lease_ends_at".to_owned(), number((now + LEASE).as_second())),
        ("forget_at".to_owned(), number((now + REMEMBERED).as_second())),
        ("bucket".to_owned(), text(bucket)),
        ("key".to_owned(), text(key)),
        ("recipient".to_owned(), text(&entry.recipient.in_full())),
    ]);
    for (name, value) in [("version_id", version_id), ("etag", etag), ("sequencer", sequencer)] {
        if let Some(value) = value {
            item.insert(name.to_owned(), text(value));
        }
    }
    item
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// DynamoDB's own words; the request is no part of them.
fn ledger_error<E>(error: &SdkError<E>) -> LedgerError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    LedgerError(match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => outbound::causes(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival() -> Arrival {
        Arrival {
            bucket: "files".to_owned(),
            key: "a/b".to_owned(),
            version_id: Some("v1".to_owned()),
            etag: Some("etag".to_owned()),
            sequencer: Some("0055".to_owned()),
            size: None,
        }
    }

    fn id_of(arrival: &Arrival, recipient: &str) -> String {
        id(Entry { arrival, recipient: &Address::parse(recipient).unwrap() })
    }

    #[test]
    fn one_mail_has_one_id_however_its_event_comes() {
        let first = arrival();
        let again = Arrival { size: Some(7), etag: None, ..arrival() };
        assert_eq!(id_of(&first, "a@example.com"), id_of(&again, "A@EXAMPLE.com"));
        assert_eq!(id_of(&first, "a@example.com").len(), 43);
    }

    #[test]
    fn another_object_version_event_or_recipient_is_another_mail() {
        let first = id_of(&arrival(), "a@example.com");
        let mut others = vec![id_of(&arrival(), "b@example.com")];
        for other in [
            Arrival { bucket: "filesa".to_owned(), key: "/b".to_owned(), ..arrival() },
            Arrival { version_id: Some("v2".to_owned()), ..arrival() },
            Arrival { version_id: None, ..arrival() },
            Arrival { sequencer: Some("0056".to_owned()), ..arrival() },
        ] {
            others.push(id_of(&other, "a@example.com"));
        }
        assert!(others.iter().all(|other| *other != first));
    }
}
