//! Remembers which content of a key each mailbox was mailed last, so that a copy of the same bytes in place
//! mails nothing again. Such a copy has a version and a sequencer of its own, and so another item.
//!
//! One more item, for each bucket, key and mailbox, has the `ETag` and the id of the mail's item. It is written
//! after the claim. Whether the mail was sent, its own item says. Every call is an `UpdateItem`, which is all
//! that the role may do.

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::{ClaimToken, Entry, Ledger, LedgerError, digest, id, number, text};
use crate::aws::AwsError;

/// What the ledger knows of the content of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mail) enum Content {
    /// The recipient was mailed other bytes last, or none.
    New,
    /// The recipient was mailed the same bytes last.
    Mailed,
    /// A mail with the same bytes is claimed, and is not marked as sent yet.
    Claimed,
}

impl Ledger {
    /// Writes down that the claimed mail is about the content that the event names, at `now`. Of an event
    /// without an `ETag` nothing is.
    ///
    /// # Errors
    ///
    /// [`LedgerError`]. A later copy in place would then be mailed.
    pub(in crate::mail) async fn remember(
        &self,
        entry: Entry<'_>,
        claim_token: &ClaimToken,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let Some(etag) = &entry.created.etag else { return Ok(()) };
        let attributes = [
            ("bucket", text(&entry.created.bucket)),
            ("key", text(&entry.created.key)),
            ("etag", text(etag)),
            ("last_mail", text(&claim_token.id)),
        ];
        let mut call = self.keep(&content_id(entry), credentials, now);
        let mut assignments = vec!["SET forget_at = :forget_at".to_owned()];
        for (name, value) in attributes {
            assignments.push(format!("#{name} = :{name}"));
            call = call
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        let call = call.update_expression(assignments.join(", ")).send();
        // Here and below the future is boxed because the SDK's futures are large.
        Box::pin(call).await.map(|_| ()).map_err(|error| LedgerError(AwsError::from_sdk(&error)))
    }

    /// What the recipient was mailed last of the key that a copy was written to. What the copy is a copy of
    /// is remembered anew from `now` on.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    pub(in crate::mail) async fn content_of_copy(
        &self,
        entry: Entry<'_>,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<Content, LedgerError> {
        let Some(etag) = &entry.created.etag else { return Ok(Content::New) };
        let call = self
            .keep(&content_id(entry), credentials, now)
            .update_expression("SET forget_at = :forget_at")
            .condition_expression("etag = :etag")
            .expression_attribute_values(":etag", text(etag))
            .return_values(ReturnValue::AllNew)
            .send();
        let item = match Box::pin(call).await {
            Ok(answer) => answer.attributes.unwrap_or_default(),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => {
                    return Ok(Content::New);
                }
                _ => return Err(LedgerError(AwsError::from_sdk(&error))),
            },
        };
        match item.get("last_mail").and_then(|mail| mail.as_s().ok()) {
            // The copy itself was mailed, or is about to be. Its claim says which.
            Some(mail) if *mail != id(entry) => self.state_of(mail, credentials, now).await,
            _ => Ok(Content::New),
        }
    }

    /// Whether the mail of this item was sent.
    async fn state_of(
        &self,
        mail: &str,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<Content, LedgerError> {
        let call = self
            .keep(mail, credentials, now)
            .update_expression("SET forget_at = :forget_at")
            .condition_expression("attribute_exists(sent_at)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send();
        let Err(error) = Box::pin(call).await else { return Ok(Content::Mailed) };
        let Some(UpdateItemError::ConditionalCheckFailedException(unsent)) =
            error.as_service_error()
        else {
            return Err(LedgerError(AwsError::from_sdk(&error)));
        };
        let lease = unsent.item().and_then(|item| item.get("lease_ends_at")?.as_n().ok());
        let ends_at: Option<i64> = lease.and_then(|end| end.parse().ok());
        let is_claimed = ends_at.is_some_and(|ends_at| ends_at > now.as_second());
        Ok(if is_claimed { Content::Claimed } else { Content::New })
    }

    /// An update of an item that is remembered as long as one that is written `now`.
    fn keep(&self, id: &str, credentials: &Credentials, now: Timestamp) -> UpdateItemFluentBuilder {
        let forget_at: AttributeValue = number((now + self.retention).as_second());
        self.aws
            .dynamodb(credentials)
            .update_item()
            .table_name(&self.table)
            .key("id", text(id))
            .expression_attribute_values(":forget_at", forget_at)
    }
}

/// The key of the item that names the content that a mailbox was mailed last. No mail's item has it, because
/// a mail's is made of five parts.
fn content_id(entry: Entry<'_>) -> String {
    let mailbox = entry.recipient.mailbox();
    digest(&["content", &entry.created.bucket, &entry.created.key, &mailbox])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::bucket_event::ObjectCreated;
    use crate::mail::recipients::Address;

    #[test]
    fn the_id_of_a_content_stays_the_same_and_depends_on_bucket_key_and_mailbox_alone() {
        let created = |key: &str, etag: &str| ObjectCreated {
            bucket: "files".to_owned(),
            key: key.to_owned(),
            version_id: Some(etag.to_owned()),
            etag: Some(etag.to_owned()),
            sequencer: Some(etag.to_owned()),
            size: None,
            is_copy: true,
        };
        let id_of = |key: &str, etag: &str, recipient: &str| {
            let recipient = &Address::parse(recipient).unwrap();
            content_id(Entry { created: &created(key, etag), recipient })
        };
        // The id that the first version with such items writes.
        let id = "rLXLffSNLK-WkTf_jVifYfmdDFI5VAHMXmyv5Rwn508";
        assert_eq!(id_of("a/b", "1", "a@example.com"), id);
        assert_eq!(id_of("a/b", "2", "A+x@example.com"), id);
        assert_ne!(id_of("a/c", "1", "a@example.com"), id);
        assert_ne!(id_of("a/b", "1", "b@example.com"), id);
    }
}
