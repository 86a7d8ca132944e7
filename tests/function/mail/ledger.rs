//! What the table of mails was asked, and what it holds. Every call to it is an `UpdateItem`.

use fake_aws::{Call, FakeAws, Item, Operation, number};
use serde_json::Value;

/// The calls to the ledger whose update satisfies `is_wanted`.
fn updates(aws: &FakeAws, is_wanted: impl Fn(&str) -> bool) -> Vec<Call> {
    let mut calls = aws.calls(Operation::UpdateItem);
    calls.retain(|call| {
        let body = call.json();
        body["TableName"] == "mails" && is_wanted(body["UpdateExpression"].as_str().unwrap())
    });
    calls
}

fn is_mark(update: &str) -> bool {
    update.contains("sent_at = ")
}

fn is_release(update: &str) -> bool {
    update.starts_with("SET lease_ends_at = ")
}

fn claim_calls(aws: &FakeAws) -> Vec<Call> {
    updates(aws, |update| update.starts_with("SET claim = "))
}

/// How many calls claimed a mail.
pub(super) fn claims(aws: &FakeAws) -> usize {
    claim_calls(aws).len()
}

/// How many calls marked a mail as sent.
pub(super) fn marks(aws: &FakeAws) -> usize {
    updates(aws, is_mark).len()
}

/// How many calls released a claim.
pub(super) fn releases(aws: &FakeAws) -> usize {
    updates(aws, is_release).len()
}

/// How many calls were about the table of shares.
pub(super) fn share_calls(aws: &FakeAws) -> usize {
    let is_share = |call: &&Call| {
        let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
        body["TableName"] == "shares"
    };
    aws.state().calls.iter().filter(is_share).count()
}

/// Lets the last call that claimed a mail arrive once more, as a call may that was given up.
pub(super) fn repeat_last_claim(aws: &FakeAws) {
    aws.repeat(claim_calls(aws).last().unwrap());
}

/// How many mails of the ledger are neither sent nor waiting for the end of a lease.
pub(super) fn released(aws: &FakeAws) -> usize {
    let now = super::function::now().as_second();
    let is_released = |item: &&Item| {
        item.get("lease_ends_at").is_some_and(|end| number(end) <= now)
            && !item.contains_key("sent_at")
    };
    aws.state().items("mails").values().filter(is_released).count()
}

/// The items of mails. Another item, for each file and mailbox, names the content that was mailed last.
pub(super) fn mail_items(aws: &FakeAws) -> Vec<Item> {
    let mut items: Vec<_> = aws.state().items("mails").values().cloned().collect();
    items.retain(|item| !item.contains_key("last_mail"));
    items
}

/// The recipients of all mails that SES accepted, in order.
pub(super) fn recipients(aws: &FakeAws) -> Vec<String> {
    aws.mails().into_iter().map(|mail| mail.to).collect()
}
