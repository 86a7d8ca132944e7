//! The calls that read many shares: an owner's list, and all shares for operators.
//!
//! DynamoDB changes no index that is there. So the index [`KEYS_BY_OWNER`] has nothing but keys, and a list
//! reads the items themselves. What a list shows may then grow without another index.
//!
//! Each call names the attributes that it wants. A passcode's hash is never among them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use jiff::{SignedDuration, Timestamp};

use super::super::ShareError;
use super::super::item::{Item, optional_text, text};
use super::super::token::ShareId;
use super::{ATTEMPTS, PRESS_PROBLEM, Page, Table, in_time};
use crate::aws::{AwsError, BACKOFF, answered};
use crate::invocation::Invocation;

/// The index that has the keys of an owner's shares.
const KEYS_BY_OWNER: &str = "keys-by-owner";

/// The index of earlier versions. It has what a list shows but for [`NOT_IN_BY_OWNER`].
const BY_OWNER: &str = "by-owner";

/// How long [`BY_OWNER`] is asked after the other index was refused. DynamoDB fills a new index for some
/// minutes.
const RETRY_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// The attributes that a list shows besides [`ATTEMPTS`] and [`PRESS_PROBLEM`].
const SHOWN: [&str; 18] = [
    "id",
    "owner_key",
    "bucket",
    "key",
    "version_id",
    "name",
    "size",
    "created_at",
    "expires_at",
    "max_downloads",
    "downloads",
    "last_download_at",
    "has_passcode",
    "revoked_at",
    "recipient",
    "note",
    "from",
    "message",
];

/// Those of [`listed`] that came later than the index by owner.
const NOT_IN_BY_OWNER: [&str; 9] = [
    "in_flight",
    "in_flight_until",
    "guesses",
    "max_guesses",
    "last_guess_at",
    "from",
    "message",
    "press_problem",
    "press_problem_since",
];

/// The attributes that a list shows, or needs for what it shows.
fn listed() -> impl Iterator<Item = &'static str> {
    SHOWN.into_iter().chain(ATTEMPTS).chain(PRESS_PROBLEM)
}

/// What operators see of the owner besides.
const OWNER: [&str; 2] = ["owner", "owner_identity"];

/// When [`KEYS_BY_OWNER`] was refused the last time. `None`: never.
#[derive(Debug, Default)]
pub(super) struct Refused(Mutex<Option<Timestamp>>);

impl Refused {
    fn at(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was refused a moment ago. A clock that was set back makes no moment longer.
    fn lately(&self, now: Timestamp) -> bool {
        let age = self.at().map(|at| now.duration_since(at));
        age.is_some_and(|age| age >= SignedDuration::ZERO && age < RETRY_AFTER)
    }
}

impl Table {
    /// Shares of one owner, the newest first.
    ///
    /// Where the index of keys is not there, is still being filled or may not be read, the one of earlier
    /// versions is. A page may begin where one of the other index ended: their keys are the same.
    ///
    /// # Errors
    ///
    /// [`ShareError::Table`].
    pub(in crate::shares) async fn of_owner(
        &self,
        owner_key: &str,
        from: Option<Item>,
        limit: i32,
        invocation: &Invocation,
    ) -> Result<Page, ShareError> {
        if !self.refused.lately(invocation.now()) {
            let page = self.by_keys(owner_key, from.clone(), limit, invocation).await;
            match page {
                Err(ShareError::Table(AwsError::Refused { code, .. }))
                    if matches!(code.as_str(), "ValidationException" | "AccessDeniedException") =>
                {
                    *self.refused.at() = Some(invocation.now());
                }
                page => return page,
            }
        }
        let names = listed().filter(|name| !NOT_IN_BY_OWNER.contains(name));
        let query = self.query(BY_OWNER, owner_key, names, invocation).await?;
        page(query.limit(limit).set_exclusive_start_key(from), invocation).await
    }

    /// The same from the index of keys. A share that was forgotten meanwhile is left out.
    async fn by_keys(
        &self,
        owner_key: &str,
        from: Option<Item>,
        limit: i32,
        invocation: &Invocation,
    ) -> Result<Page, ShareError> {
        let query = self.query(KEYS_BY_OWNER, owner_key, ["id"].into_iter(), invocation).await?;
        let Page { items: keys, next, .. } =
            page(query.limit(limit).set_exclusive_start_key(from), invocation).await?;
        let order: Vec<_> = keys.iter().filter_map(|key| optional_text(key, "id")).collect();
        let mut found = self.of_keys(keys, invocation).await?;
        let items = order.iter().filter_map(|id| found.remove(id)).collect();
        Ok(Page { items, next, are_whole: true })
    }

    /// The items with these keys as they are now, by their ids. At most 100 keys.
    async fn of_keys(
        &self,
        keys: Vec<Item>,
        invocation: &Invocation,
    ) -> Result<HashMap<String, Item>, ShareError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let (projection, names) = projection(listed());
        let request = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .projection_expression(projection)
            .set_expression_attribute_names(Some(names))
            .build()
            .map_err(|error| ShareError::Internal(error.to_string()))?;
        let client = self.client(invocation).await?;
        let all = Box::pin(async {
            let mut found = HashMap::new();
            let mut next = Some(request);
            while let Some(request) = next {
                let call = client.batch_get_item().request_items(&self.name, request);
                let got = answered(call.send()).await?;
                let items = got.responses.into_iter().flat_map(HashMap::into_values).flatten();
                found.extend(items.filter_map(|item| Some((optional_text(&item, "id")?, item))));
                // DynamoDB leaves keys out where it is throttling or the answer would be too long.
                next = got.unprocessed_keys.and_then(|keys| keys.into_values().next());
                if next.is_some() {
                    tokio::time::sleep(BACKOFF).await;
                }
            }
            Ok(found)
        });
        in_time(invocation, all).await
    }

    /// Some of all shares, in no order that means anything.
    ///
    /// # Errors
    ///
    /// [`ShareError::Table`].
    pub(in crate::shares) async fn some_of_all(
        &self,
        from: Option<&ShareId>,
        limit: i32,
        invocation: &Invocation,
    ) -> Result<Page, ShareError> {
        let from = from.map(|id| Item::from([("id".to_owned(), text(id.as_str()))]));
        let (projection, names) = projection(listed().chain(OWNER));
        let call = self
            .client(invocation)
            .await?
            .scan()
            .table_name(&self.name)
            .consistent_read(true)
            .projection_expression(projection)
            .set_expression_attribute_names(Some(names))
            .limit(limit)
            .set_exclusive_start_key(from);
        let page = in_time(invocation, answered(call.send())).await?;
        let (items, next) = (page.items.unwrap_or_default(), page.last_evaluated_key);
        Ok(Page { items, next, are_whole: true })
    }

    /// A query of an index for these attributes of one owner's shares, the newest first.
    async fn query(
        &self,
        index: &str,
        owner_key: &str,
        names: impl Iterator<Item = &'static str>,
        invocation: &Invocation,
    ) -> Result<QueryFluentBuilder, ShareError> {
        let (projection, names) = projection(names);
        let query = self.client(invocation).await?.query().table_name(&self.name);
        Ok(query
            .index_name(index)
            .key_condition_expression("owner_key = :owner")
            .expression_attribute_values(":owner", text(owner_key))
            .projection_expression(projection)
            .set_expression_attribute_names(Some(names))
            .scan_index_forward(false))
    }
}

/// The answer to a query.
async fn page(query: QueryFluentBuilder, invocation: &Invocation) -> Result<Page, ShareError> {
    let page = in_time(invocation, answered(query.send())).await?;
    let (items, next) = (page.items.unwrap_or_default(), page.last_evaluated_key);
    Ok(Page { items, next, are_whole: false })
}

/// The expression that names attributes, and the names in it. Each has a placeholder, because DynamoDB
/// reserves some hundred words, and may reserve more.
fn projection(attributes: impl Iterator<Item = &'static str>) -> (String, HashMap<String, String>) {
    let names: Vec<_> = attributes.map(|name| (format!("#{name}"), name.to_owned())).collect();
    let placeholders: Vec<_> = names.iter().map(|(placeholder, _)| placeholder.as_str()).collect();
    (placeholders.join(", "), names.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_remembered_for_a_moment_and_not_if_the_clock_was_set_back() {
        let refused = Refused::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(!refused.lately(at(1_000)));
        *refused.at() = Some(at(1_000));
        for (second, expected) in [(999, false), (1_000, true), (1_299, true), (1_300, false)] {
            assert_eq!(refused.lately(at(second)), expected, "{second}");
        }
    }
}
