//! Remembers what was mailed to whom, so that an event that is delivered again mails nothing again.
//! The ledger is a DynamoDB table with one item for each mail: an object's version, an event and a
//! recipient.
//!
//! An item is claimed before the mail is sent, for the time of a lease, and marked when SES has
//! accepted the mail. A mail is sent twice only if SES accepted it and the item could not be
//! marked, because the invocation ended or because SES's answer was lost. A claim is released when
//! it is certain that nothing was sent.
//!
//! Where a mail brings a share, the claim writes the share's id down before the share exists, as the one
//! that is being made. Right before the mail is handed to SES the id joins `share_ids`. So these are the
//! shares of all mails that may have been sent, and one that is still being made when the mail is claimed
//! again belongs to no mail: its invocation ended too soon.

mod content;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::digest::{Context, SHA256};
use thiserror::Error;

pub(super) use self::content::Content;
use super::bucket_event::ObjectCreated;
use super::recipients::Address;
use crate::aws::{Attempts, Aws, AwsError};
use crate::invocation::Invocation;
use crate::shares::ShareId;

/// How long a claim keeps other invocations from sending the same mail. The lease is longer than
/// any invocation that may still send it: the template's time-out is a minute.
const LEASE: SignedDuration = SignedDuration::from_mins(5);

/// How long a mail is remembered at the least. No queue keeps an event for so long: SQS keeps messages
/// for 14 days at most.
///
/// Source: Amazon SQS API reference, `SetQueueAttributes`, `MessageRetentionPeriod`.
const RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long a mail is remembered after the end of the share that it brings. The item alone says which
/// share that is.
const RETENTION_AFTER_SHARE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The item may be claimed if it does not exist, or if its lease is over and nothing was sent under
/// it. `claim` is our own if a call is repeated whose answer was lost. A call that was given up may
/// arrive after the mail was marked as sent, and must not take the mark away.
const MAY_CLAIM: &str = "attribute_not_exists(id) OR (attribute_not_exists(sent_at) \
                         AND (claim = :claim OR lease_ends_at <= :now))";

/// DynamoDB refused a call or did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the table in MAIL_TABLE could not be used: {0}")]
pub(crate) struct LedgerError(AwsError);

/// Claims, marks and releases mails.
#[derive(Debug)]
pub(super) struct Ledger {
    table: String,
    /// How long a mail is remembered.
    retention: SignedDuration,
    aws: Aws,
}

/// One mail: an object that was created, and a recipient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) created: &'a ObjectCreated,
    pub(super) recipient: &'a Address,
}

/// The outcome of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// This invocation may send the mail. The share, if there is one, is that of an earlier attempt which
    /// was never handed to SES.
    Ours(ClaimToken, Option<ShareId>),
    /// The mail was sent before.
    Sent,
    /// Another invocation holds the lease. It may still be sending, or it may have ended.
    Held,
}

/// Proves a claim of this invocation. Only its holder can mark or release the item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClaimToken {
    id: String,
    claim: String,
    /// The share that the mail is to bring, if it brings one.
    share_id: Option<ShareId>,
}

impl Ledger {
    /// The ledger in the DynamoDB table `table`, in the function's own region. `share_life` is how long
    /// the shares live that mails bring, in seconds. `None`: they bring none.
    pub(super) fn new(table: String, share_life: Option<u64>, aws: Aws) -> Self {
        let life = share_life.map(|seconds| SignedDuration::from_secs(seconds.cast_signed()));
        let with_share = life.map(|life| life.saturating_add(RETENTION_AFTER_SHARE));
        Self { table, retention: with_share.unwrap_or_default().max(RETENTION), aws }
    }

    /// Claims the right to send one mail, which is to bring the share of `share_id` if there is one. A
    /// claim that got no answer is made again: the item is our own if the first call arrived.
    ///
    /// # Errors
    ///
    /// [`LedgerError`]. Nothing may be sent then.
    pub(super) async fn claim(
        &self,
        entry: Entry<'_>,
        share_id: Option<ShareId>,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Result<Claim, LedgerError> {
        let now = invocation.now();
        let claim = uuid::Uuid::new_v4().to_string();
        let claim_token = ClaimToken { id: id(entry), claim, share_id };
        let mut call = self
            .update(&claim_token, credentials)
            .condition_expression(MAY_CLAIM)
            .expression_attribute_values(":now", number(now.as_second()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut assignments = vec!["claim = :claim".to_owned()];
        for (name, value) in attributes(entry, now, self.retention) {
            assignments.push(format!("#{name} = :{name}"));
            call = call
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        if let Some(share_id) = &claim_token.share_id {
            assignments.push("making_share_id = :share_id".to_owned());
            call = call.expression_attribute_values(":share_id", text(share_id.as_str()));
        }
        let call = call
            .update_expression(format!("SET {}", assignments.join(", ")))
            .return_values(ReturnValue::UpdatedOld);
        // Here and below the future is boxed because the SDK's futures are large.
        match Box::pin(call.send()).await {
            Ok(answer) => {
                let before = answer.attributes.as_ref();
                let left = before.and_then(|before| before.get("making_share_id")?.as_s().ok());
                let left = left.and_then(|id| ShareId::parse(id));
                // Where the call was repeated, it is our own.
                let left = left.filter(|left| claim_token.share_id.as_ref() != Some(left));
                Ok(Claim::Ours(claim_token, left))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(taken)) => {
                    let item = taken.item();
                    let sent = item.is_some_and(|item| item.contains_key("sent_at"));
                    Ok(if sent { Claim::Sent } else { Claim::Held })
                }
                _ => Err(LedgerError(AwsError::from_sdk(&error))),
            },
        }
    }

    /// Writes down that the claim's share is handed to SES now. If this arrives, the share lives even if
    /// nothing else is ever heard of this attempt.
    ///
    /// # Errors
    ///
    /// [`LedgerError`]. Nothing may be sent then: another invocation may hold the claim.
    pub(super) async fn hand_over(
        &self,
        claim_token: &ClaimToken,
        credentials: &Credentials,
    ) -> Result<(), LedgerError> {
        let Some(share_ids) = claim_token.share_ids() else { return Ok(()) };
        let call = self
            .update(claim_token, credentials)
            .condition_expression("claim = :claim AND attribute_not_exists(sent_at)")
            .update_expression("REMOVE making_share_id ADD share_ids :share_ids")
            .expression_attribute_values(":share_ids", share_ids)
            .send();
        Box::pin(call).await.map(|_| ()).map_err(|error| LedgerError(AwsError::from_sdk(&error)))
    }

    /// Marks the mail as sent at `now`. Keeps SES's id of the mail, and the link's id if the mail
    /// brings a link of S3's.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when DynamoDB refuses, and when it gave no answer however often it was
    /// asked. The mail is sent all the same.
    pub(super) async fn mark_sent(
        &self,
        claim_token: &ClaimToken,
        message_id: &str,
        link_id: Option<&str>,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let mut set = "SET sent_at = :now, message_id = :message_id".to_owned();
        let mut call = self
            .update(claim_token, credentials)
            .condition_expression("claim = :claim")
            .expression_attribute_values(":now", number(now.as_second()))
            .expression_attribute_values(":message_id", text(message_id));
        if let Some(link_id) = link_id {
            set.push_str(", link_id = :link_id");
            call = call.expression_attribute_values(":link_id", text(link_id));
        }
        let call = call
            .update_expression(format!("{set} REMOVE lease_ends_at"))
            .customize()
            .config_override(Aws::dynamodb_tried(Attempts::UntilMarked))
            .send();
        Box::pin(call).await.map(|_| ()).map_err(|error| LedgerError(AwsError::from_sdk(&error)))
    }

    /// Releases a claim under which nothing was sent, at `now`. The next delivery of the event need
    /// not wait for the lease to end. The item stays: it may name the share of an earlier mail. Unless
    /// `share_is_gone`, it names the claim's share as one that is being made, so that the next claim
    /// revokes it.
    ///
    /// # Errors
    ///
    /// [`LedgerError`]. The lease then ends by itself.
    pub(super) async fn release(
        &self,
        claim_token: &ClaimToken,
        share_is_gone: bool,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let mut update = "SET lease_ends_at = :now".to_owned();
        let mut call = self
            .update(claim_token, credentials)
            .condition_expression("claim = :claim AND attribute_not_exists(sent_at)")
            .expression_attribute_values(":now", number(now.as_second()));
        if let Some((share_ids, share_id)) =
            claim_token.share_ids().zip(claim_token.share_id.as_ref())
        {
            if share_is_gone {
                update.push_str(" REMOVE making_share_id");
            } else {
                update.push_str(", making_share_id = :share_id");
                call = call.expression_attribute_values(":share_id", text(share_id.as_str()));
            }
            update.push_str(" DELETE share_ids :share_ids");
            call = call.expression_attribute_values(":share_ids", share_ids);
        }
        let call = call.update_expression(update).send();
        Box::pin(call).await.map(|_| ()).map_err(|error| LedgerError(AwsError::from_sdk(&error)))
    }

    /// An update of the claim's item. Every update names the claim.
    fn update(
        &self,
        claim_token: &ClaimToken,
        credentials: &Credentials,
    ) -> UpdateItemFluentBuilder {
        self.aws
            .dynamodb(credentials)
            .update_item()
            .table_name(&self.table)
            .key("id", text(&claim_token.id))
            .expression_attribute_values(":claim", text(&claim_token.claim))
    }
}

impl ClaimToken {
    /// The share's id as the set that DynamoDB adds and deletes.
    fn share_ids(&self) -> Option<AttributeValue> {
        self.share_id.as_ref().map(|id| AttributeValue::Ss(vec![id.as_str().to_owned()]))
    }
}

/// The item's key. It is a digest, because the parts together can be longer than a key in DynamoDB
/// may be.
fn id(entry: Entry<'_>) -> String {
    let created = entry.created;
    let version = created.version_id.as_deref().or(created.etag.as_deref()).unwrap_or_default();
    let sequencer = created.sequencer.as_deref().unwrap_or_default();
    let mailbox = entry.recipient.mailbox();
    digest(&[&created.bucket, &created.key, version, sequencer, &mailbox])
}

fn digest(parts: &[&str]) -> String {
    let mut digest = Context::new(&SHA256);
    for part in parts {
        // The length goes first, so that different entries never become the same bytes.
        digest.update(&part.len().to_be_bytes());
        digest.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(digest.finish())
}

/// What a claim writes besides itself. Most of it says what the item is about, for people who read
/// the table.
fn attributes(
    entry: Entry<'_>,
    now: Timestamp,
    retention: SignedDuration,
) -> Vec<(&'static str, AttributeValue)> {
    let ObjectCreated { bucket, key, version_id, etag, sequencer, .. } = entry.created;
    let mut attributes = vec![
        ("lease_ends_at", number((now + LEASE).as_second())),
        ("forget_at", number((now + retention).as_second())),
        ("bucket", text(bucket)),
        ("key", text(key)),
        ("recipient", text(&entry.recipient.in_full())),
    ];
    let known = [("version_id", version_id), ("etag", etag), ("sequencer", sequencer)];
    attributes.extend(
        known.into_iter().filter_map(|(name, value)| Some((name, text(value.as_deref()?)))),
    );
    attributes
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn created() -> ObjectCreated {
        ObjectCreated {
            bucket: "files".to_owned(),
            key: "a/b".to_owned(),
            version_id: Some("v1".to_owned()),
            etag: Some("etag".to_owned()),
            sequencer: Some("0055".to_owned()),
            size: None,
            is_copy: false,
        }
    }

    fn id_of(created: &ObjectCreated, recipient: &str) -> String {
        id(Entry { created, recipient: &Address::parse(recipient).unwrap() })
    }

    #[test]
    fn the_same_mail_has_the_same_id_by_every_route() {
        let first = created();
        let again = ObjectCreated { size: Some(7), etag: None, ..created() };
        assert_eq!(id_of(&first, "a@example.com"), id_of(&again, "A@EXAMPLE.com"));
        assert_eq!(id_of(&first, "a@example.com").len(), 43);
    }

    #[test]
    fn the_id_of_a_mail_stays_the_same_and_sub_addresses_share_it() {
        // The id that version 0.1.0 writes. An event that is delivered again after an update must
        // find its item.
        let id = "GL-ei-ChZ0byM7GCacdERMPcXH1xGp3-lqncG-x6w28";
        for address in ["a@example.com", "a+1@example.com", "A+x+y@Example.com"] {
            assert_eq!(id_of(&created(), address), id, "{address}");
        }
    }

    #[test]
    fn a_different_object_version_event_or_recipient_has_a_different_id() {
        let first = id_of(&created(), "a@example.com");
        let mut others = vec![id_of(&created(), "b@example.com")];
        for other in [
            ObjectCreated { bucket: "filesa".to_owned(), key: "/b".to_owned(), ..created() },
            ObjectCreated { version_id: Some("v2".to_owned()), ..created() },
            ObjectCreated { version_id: None, ..created() },
            ObjectCreated { sequencer: Some("0056".to_owned()), ..created() },
        ] {
            others.push(id_of(&other, "a@example.com"));
        }
        assert!(others.iter().all(|other| *other != first));
    }
}
