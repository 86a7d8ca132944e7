//! DynamoDB: the two tables of the template, whose items have the key `id`. A table takes the calls that the
//! role in the template allows.
//!
//! It has no transactions, no batches of writes, no capacity and no time to live. Writes are seen by every
//! read at once.
//!
//! Source: Amazon DynamoDB API reference.

mod expressions;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use self::expressions::Expressions;
use crate::call::{Call, Operation, Service};
use crate::reply::Reply;

/// How many keys a batch may name.
const MAX_BATCH: usize = 100;

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
    /// The indexes by their names.
    pub indexes: BTreeMap<&'static str, Index>,
    /// How many items one batch brings at most. The keys of the others are not processed.
    pub batch: usize,
    /// The operations that the function may ask for.
    operations: &'static [Operation],
    /// Whether an update may make an item. DynamoDB lets every update do so.
    updates_make_items: bool,
}

/// A secondary index.
#[derive(Clone, Debug)]
pub struct Index {
    /// Whether it is still being filled. Nobody may read it then.
    pub is_filling: bool,
    partition_key: &'static str,
    sort_key: &'static str,
    /// What it has of each item besides the keys.
    projected: &'static [&'static str],
}

impl Index {
    /// An index of shares by their owners, the newest last.
    fn by_owner(projected: &'static [&'static str]) -> Self {
        Self { is_filling: false, partition_key: "owner_key", sort_key: "created_at", projected }
    }

    /// The attributes that it has of an item.
    fn has(&self, name: &str) -> bool {
        self.keys().contains(&name) || self.projected.contains(&name)
    }

    /// Its keys, and the table's.
    fn keys(&self) -> [&'static str; 3] {
        ["id", self.partition_key, self.sort_key]
    }
}

impl Table {
    /// A table of mails, which claims add to.
    #[must_use]
    pub fn ledger() -> Self {
        Self {
            items: BTreeMap::new(),
            indexes: BTreeMap::new(),
            batch: MAX_BATCH,
            operations: &[Operation::UpdateItem],
            updates_make_items: true,
        }
    }

    /// A table of shares, with its indexes. `docs/reference.md` has the same list of what they project.
    #[must_use]
    pub fn shares() -> Self {
        let by_owner = Index::by_owner(&[
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
        ]);
        Self {
            items: BTreeMap::new(),
            indexes: [("by-owner", by_owner), ("keys-by-owner", Index::by_owner(&[]))].into(),
            batch: MAX_BATCH,
            operations: &[
                Operation::GetItem,
                Operation::BatchGetItem,
                Operation::PutItem,
                Operation::UpdateItem,
                Operation::Query,
                Operation::Scan,
            ],
            updates_make_items: false,
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

    /// The items of a batch of keys, in no order that the keys have.
    fn batch(&self, name: &str, body: &Value) -> Reply {
        let request = &body["RequestItems"][name];
        assert_eq!(request["ConsistentRead"], true, "the items may be old ones");
        let keys = request["Keys"].as_array().expect("keys");
        let ids: BTreeSet<_> = keys.iter().map(id).collect();
        assert!(!keys.is_empty() && keys.len() <= MAX_BATCH, "{} keys", keys.len());
        assert_eq!(keys.len(), ids.len(), "a key is there twice");
        let items = ids.iter().take(self.batch).filter_map(|id| self.items.get(*id).cloned());
        let mut expressions = Expressions::of(request);
        let names = expressions.projection(projection(request));
        expressions.check_that_all_is_used();
        let items: Vec<_> = items.map(|item| only(item, &names)).collect();
        let rest: Vec<_> = ids.iter().skip(self.batch).map(|id| json!({"id": {"S": id}})).collect();
        let mut unprocessed = json!({});
        if !rest.is_empty() {
            unprocessed[name] = request.clone();
            unprocessed[name]["Keys"] = rest.into();
        }
        Reply::json(&json!({"Responses": {name: items}, "UnprocessedKeys": unprocessed}))
    }

    /// A page of the items with one partition key, from an index.
    fn query(&self, body: &Value) -> Reply {
        let name = body["IndexName"].as_str().expect("an index");
        let Some(index) = self.indexes.get(name) else {
            return refused(&format!("The table does not have the specified index: {name}"));
        };
        if index.is_filling {
            return refused(&format!("Cannot read from backfilling global secondary index {name}"));
        }
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
        let names = expressions.projection(projection(body));
        expressions.check_that_all_is_used();
        let lacking: Vec<_> = names.iter().filter(|name| !index.has(name)).collect();
        assert!(lacking.is_empty(), "the index {name} does not project {lacking:?}");
        let sign = if body["ScanIndexForward"] == false { -1 } else { 1 };
        items.sort_by_key(|item| (sign * number(&item[index.sort_key]), item_id(item)));
        page(body, items, &index.keys(), &names)
    }

    /// A page of all items.
    fn scan(&self, body: &Value) -> Reply {
        assert_eq!(body["ConsistentRead"], true, "items that were just made may be missing");
        let mut expressions = Expressions::of(body);
        let names = expressions.projection(projection(body));
        expressions.check_that_all_is_used();
        page(body, self.items.values().cloned().collect(), &["id"], &names)
    }
}

/// The names of the attributes that a call wants. The function names them always, so that it reads no
/// secret that it does not need.
fn projection(body: &Value) -> &str {
    body["ProjectionExpression"].as_str().expect("the call names its attributes")
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

/// Of an item the attributes with these names.
fn only(mut item: Item, names: &BTreeSet<String>) -> Item {
    item.retain(|name, _| names.contains(name));
    item
}

fn refused(message: &str) -> Reply {
    Reply::error(Service::DynamoDb, 400, "ValidationException", message)
}

fn page(body: &Value, items: Vec<Item>, key: &[&str], names: &BTreeSet<String>) -> Reply {
    let limit = usize::try_from(body["Limit"].as_u64().expect("a limit")).expect("a small limit");
    let key_of = |item: &Item| {
        Value::Object(key.iter().map(|name| ((*name).to_owned(), item[*name].clone())).collect())
    };
    let begin = match &body["ExclusiveStartKey"] {
        Value::Null => 0,
        start => items.iter().position(|item| key_of(item) == *start).map_or(0, |at| at + 1),
    };
    let items: Vec<_> = items.into_iter().skip(begin).take(limit).collect();
    // DynamoDB names a next page even where there is none, if this one is full.
    let next = items.last().filter(|_| items.len() == limit).map(key_of);
    let items: Vec<_> = items.into_iter().map(|item| only(item, names)).collect();
    let mut page = json!({"Items": items, "Count": items.len()});
    if let Some(next) = next {
        page["LastEvaluatedKey"] = next;
    }
    Reply::json(&page)
}

pub(crate) fn respond(call: &Call, tables: &mut HashMap<String, Table>) -> Reply {
    let body = call.json();
    let batch = body["RequestItems"].as_object().and_then(|tables| tables.keys().next());
    let name = body["TableName"].as_str().or(batch.map(String::as_str)).expect("a table");
    let Some(table) = tables.get_mut(name) else {
        let message = "Requested resource not found";
        return Reply::error(Service::DynamoDb, 400, "ResourceNotFoundException", message);
    };
    assert!(table.operations.contains(&call.operation), "the role does not allow it on {name}");
    match call.operation {
        Operation::GetItem => table.get(&body),
        Operation::BatchGetItem => table.batch(name, &body),
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

    fn query(index: &str, names: &str) -> Value {
        json!({
            "IndexName": index, "KeyConditionExpression": "owner_key = :owner", "Limit": 1,
            "ExpressionAttributeValues": {":owner": {"S": "x"}}, "ScanIndexForward": false,
            "ProjectionExpression": names,
        })
    }

    #[test]
    fn an_index_has_the_items_of_one_key_with_the_attributes_that_are_named_in_pages() {
        let table = table();
        for index in ["by-owner", "keys-by-owner"] {
            let mut query = query(index, "id, created_at");
            for (expected, at) in [("c", "3"), ("a", "1")] {
                let page = answer(&table.query(&query));
                let item = json!({"id": {"S": expected}, "created_at": {"N": at}});
                assert_eq!(page["Items"], json!([item]));
                query["ExclusiveStartKey"] = page["LastEvaluatedKey"].clone();
            }
            assert_eq!(answer(&table.query(&query))["Count"], 0);
        }
    }

    #[test]
    fn an_index_gives_nothing_while_it_is_filled_and_nothing_that_it_does_not_project() {
        let mut table = table();
        for (index, names) in [("by-owner", "id, secret"), ("keys-by-owner", "note")] {
            let asked = std::panic::catch_unwind(|| table.query(&query(index, names)));
            let panic = asked.unwrap_err();
            assert!(panic.downcast_ref::<String>().unwrap().contains("does not project"));
        }
        table.indexes.get_mut("by-owner").unwrap().is_filling = true;
        table.indexes.remove("keys-by-owner");
        for (index, said) in [("by-owner", "backfilling"), ("keys-by-owner", "does not have")] {
            let reply = table.query(&query(index, "id"));
            assert!(reply.status == 400 && reply.body.contains(said), "{reply:?}");
        }
    }

    #[test]
    fn a_batch_brings_what_is_there_and_names_the_keys_that_it_did_not_come_to() {
        let table = Table { batch: 2, ..table() };
        let keys: Vec<_> = ["d", "c", "a"].map(|id| json!({"id": {"S": id}})).into();
        let mut request = json!({"shares": {
            "Keys": keys, "ConsistentRead": true, "ProjectionExpression": "id",
        }});
        let mut found = Vec::new();
        for _ in 0..2 {
            let answer = answer(&table.batch("shares", &json!({"RequestItems": request})));
            found.extend(answer["Responses"]["shares"].as_array().unwrap().clone());
            request = answer["UnprocessedKeys"].clone();
        }
        assert_eq!(found, ["a", "c"].map(|id| json!({"id": {"S": id}})));
        assert_eq!(request, json!({}));
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
