//! DynamoDB: the two tables of the template, whose items have the key `id`. A table takes the calls that the
//! role in the template allows.
//!
//! It has no transactions, no batches, no capacity and no time to live. Writes are seen by every read at
//! once.
//!
//! Source: Amazon DynamoDB API reference.

mod expressions;

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use self::expressions::Expressions;
use crate::call::{Call, Operation, Service};
use crate::reply::Reply;

/// The attributes of an item.
pub type Item = Map<String, Value>;

/// The number in an attribute.
#[must_use]
pub fn number(attribute: &Value) -> i64 {
    let number = attribute["N"].as_str().unwrap_or_else(|| panic!("{attribute} is no number"));
    number.parse().expect("a whole number")
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// The items by their ids.
    pub items: BTreeMap<String, Item>,
    /// The operations that the function may ask for.
    operations: &'static [Operation],
    /// Whether an update may make an item. DynamoDB lets every update do so.
    updates_make_items: bool,
    index: Option<Index>,
}

/// A secondary index.
#[derive(Clone, Debug)]
struct Index {
    name: &'static str,
    partition_key: &'static str,
    sort_key: &'static str,
    /// What it has of each item.
    projected: &'static [&'static str],
}

impl Table {
    /// A table of mails, which claims add to.
    #[must_use]
    pub fn ledger() -> Self {
        let operations = &[Operation::UpdateItem];
        Self { items: BTreeMap::new(), operations, updates_make_items: true, index: None }
    }

    /// A table of shares, with its index. `docs/reference.md` has the same list of what it projects.
    #[must_use]
    pub fn shares() -> Self {
        let index = Index {
            name: "by-owner",
            partition_key: "owner_key",
            sort_key: "created_at",
            projected: &[
                "id",
                "owner_key",
                "created_at",
                "bucket",
                "key",
                "version_id",
                "name",
                "size",
                "expires_at",
                "max_downloads",
                "downloads",
                "last_download_at",
                "has_passcode",
                "attempts",
                "last_attempt_at",
                "revoked_at",
                "recipient",
                "note",
            ],
        };
        Self {
            items: BTreeMap::new(),
            operations: &[
                Operation::GetItem,
                Operation::PutItem,
                Operation::UpdateItem,
                Operation::Query,
                Operation::Scan,
            ],
            updates_make_items: false,
            index: Some(index),
        }
    }

    fn get(&self, body: &Value) -> Reply {
        assert_eq!(body["ConsistentRead"], true, "the item may be an old one");
        let item = self.items.get(id(&body["Key"]));
        Reply::json(&item.map_or_else(|| json!({}), |item| json!({"Item": item})))
    }

    /// Writes an item.
    fn write(&mut self, operation: Operation, body: &Value) -> Reply {
        let key = if operation == Operation::PutItem { &body["Item"] } else { &body["Key"] };
        let old = self.items.get(id(key)).cloned();
        let mut expressions = Expressions::of(body);
        let condition = body["ConditionExpression"].as_str();
        let before = old.clone().unwrap_or_default();
        if condition.is_some_and(|condition| !expressions.holds(condition, &before)) {
            return condition_failed(body, old.as_ref());
        }
        let mut item = key.as_object().cloned().expect("an item or a key");
        if operation == Operation::UpdateItem {
            assert!(old.is_some() || self.updates_make_items, "there is no item to update");
            item = old.clone().unwrap_or(item);
            expressions.update(body["UpdateExpression"].as_str().expect("an update"), &mut item);
        }
        expressions.check_that_all_is_used();
        assert!(!item.contains_key(""), "an attribute has a name");
        let answer = match body["ReturnValues"].as_str() {
            None | Some("NONE") => json!({}),
            Some("ALL_NEW") => json!({"Attributes": item}),
            Some("UPDATED_OLD") => {
                let mut updated = old.unwrap_or_default();
                updated.retain(|name, before| item.get(name) != Some(before));
                json!({"Attributes": updated})
            }
            Some(other) => panic!("{other} is not returned"),
        };
        self.items.insert(id(key).to_owned(), item);
        Reply::json(&answer)
    }

    /// A page of the items with one partition key, from the index.
    fn query(&self, body: &Value) -> Reply {
        let index = self.index.as_ref().expect("the table has an index");
        assert_eq!(body["IndexName"], index.name);
        assert_eq!(body["ConsistentRead"], Value::Null, "no index is consistent");
        let condition = body["KeyConditionExpression"].as_str().expect("a condition");
        assert!(condition.starts_with(&format!("{} = ", index.partition_key)), "{condition}");
        let mut expressions = Expressions::of(body);
        let in_index = |item: &&Item| item.contains_key(index.partition_key);
        let mut items: Vec<_> = self.items.values().filter(in_index).cloned().collect();
        items.retain(|item| expressions.holds(condition, item));
        if items.is_empty() {
            expressions.holds(condition, &Item::new());
        }
        expressions.check_that_all_is_used();
        let sign = if body["ScanIndexForward"] == false { -1 } else { 1 };
        items.sort_by_key(|item| (sign * number(&item[index.sort_key]), item_id(item)));
        for item in &mut items {
            item.retain(|name, _| index.projected.contains(&name.as_str()));
        }
        page(body, items, &["id", index.partition_key, index.sort_key])
    }

    /// A page of all items.
    fn scan(&self, body: &Value) -> Reply {
        assert_eq!(body["ConsistentRead"], true, "items that were just made may be missing");
        page(body, self.items.values().cloned().collect(), &["id"])
    }
}

fn id(key: &Value) -> &str {
    key["id"]["S"].as_str().expect("an id")
}

/// The id of an item.
pub(crate) fn item_id(item: &Item) -> String {
    item["id"]["S"].as_str().expect("an id").to_owned()
}

/// The answer where a condition does not hold. It has the item if the call asks for it.
fn condition_failed(body: &Value, item: Option<&Item>) -> Reply {
    let code = "ConditionalCheckFailedException";
    let mut error = json!({"__type": code, "message": "The conditional request failed"});
    if let Some(item) = item
        && body["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
    {
        error["Item"] = Value::Object(item.clone());
    }
    Reply { body: error.to_string(), ..Reply::error(Service::DynamoDb, 400, code, "") }
}

fn page(body: &Value, items: Vec<Item>, key: &[&str]) -> Reply {
    let limit = usize::try_from(body["Limit"].as_u64().expect("a limit")).expect("a small limit");
    let key_of = |item: &Item| {
        Value::Object(key.iter().map(|name| ((*name).to_owned(), item[*name].clone())).collect())
    };
    let begin = match &body["ExclusiveStartKey"] {
        Value::Null => 0,
        start => items.iter().position(|item| key_of(item) == *start).map_or(0, |at| at + 1),
    };
    let items: Vec<_> = items.into_iter().skip(begin).take(limit).collect();
    let mut page = json!({"Items": items, "Count": items.len()});
    // DynamoDB names a next page even where there is none, if this one is full.
    if let Some(last) = items.last().filter(|_| items.len() == limit) {
        page["LastEvaluatedKey"] = key_of(last);
    }
    Reply::json(&page)
}

pub(crate) fn respond(call: &Call, tables: &mut HashMap<String, Table>) -> Reply {
    let body = call.json();
    let name = body["TableName"].as_str().expect("a table");
    let Some(table) = tables.get_mut(name) else {
        let message = "Requested resource not found";
        return Reply::error(Service::DynamoDb, 400, "ResourceNotFoundException", message);
    };
    assert!(table.operations.contains(&call.operation), "the role does not allow it on {name}");
    match call.operation {
        Operation::GetItem => table.get(&body),
        Operation::Query => table.query(&body),
        Operation::Scan => table.scan(&body),
        operation => table.write(operation, &body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let item = |id: &str, owner: &str, created_at: &str| {
            let item = json!({"id": {"S": id}, "owner_key": {"S": owner}, "secret": {"S": "s"},
                              "created_at": {"N": created_at}});
            (id.to_owned(), item.as_object().unwrap().clone())
        };
        let items = [item("a", "x", "1"), item("b", "y", "9"), item("c", "x", "3")];
        Table { items: items.into(), ..Table::shares() }
    }

    fn answer(reply: &Reply) -> Value {
        serde_json::from_str(&reply.body).unwrap()
    }

    #[test]
    fn an_index_has_the_items_of_one_key_with_what_it_projects_in_pages() {
        let table = table();
        let mut query = json!({
            "IndexName": "by-owner", "KeyConditionExpression": "owner_key = :owner", "Limit": 1,
            "ExpressionAttributeValues": {":owner": {"S": "x"}}, "ScanIndexForward": false,
        });
        for expected in ["c", "a"] {
            let page = answer(&table.query(&query));
            let [item] = page["Items"].as_array().unwrap().as_slice() else { panic!("{page}") };
            assert_eq!((&item["id"]["S"], item.get("secret")), (&json!(expected), None));
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"].clone();
        }
        assert_eq!(answer(&table.query(&query))["Count"], 0);
    }

    #[test]
    fn a_write_whose_condition_fails_changes_nothing_and_returns_the_item_if_asked() {
        let mut table = table();
        let mut put = json!({
            "Item": {"id": {"S": "a"}}, "ConditionExpression": "owner_key = :owner",
            "ExpressionAttributeValues": {":owner": {"S": "y"}},
        });
        let failed = answer(&table.write(Operation::PutItem, &put));
        assert_eq!((&failed["Item"], table.items["a"].len()), (&Value::Null, 4));
        put["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD".into();
        let failed = answer(&table.write(Operation::PutItem, &put));
        assert_eq!(failed["Item"]["created_at"]["N"], "1");
        put["ExpressionAttributeValues"][":owner"]["S"] = "x".into();
        assert_eq!(table.write(Operation::PutItem, &put).status, 200);
        assert_eq!(table.items["a"].len(), 1);
    }
}
