//! The expressions of a call: conditions, updates and projections. They are evaluated, and what DynamoDB
//! would refuse is a panic.
//!
//! Only what this function's expressions use is known: no `BETWEEN`, no `IN`, no `NOT`, no lists, and of
//! the functions the ones that tell whether an attribute exists.
//!
//! Source: Amazon DynamoDB developer guide, "Using expressions in DynamoDB".

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value, json};

use super::{Item, number};

/// Names that an expression may not hold as they are, because DynamoDB reserves them.
const RESERVED: [&str; 6] = ["", "bucket", "key", "name", "owner", "size"];

/// The expressions of one call, with their names and values.
pub(super) struct Expressions<'a> {
    names: &'a Value,
    values: &'a Value,
    used: HashSet<String>,
}

/// Where an attribute is: its name, or the names of the maps around it first.
type Path = Vec<String>;

struct Tokens<'a> {
    tokens: Vec<&'a str>,
    next: usize,
}

impl<'a> Expressions<'a> {
    /// The expressions of the call with this body.
    pub(super) fn of(body: &'a Value) -> Self {
        let [names, values] =
            ["ExpressionAttributeNames", "ExpressionAttributeValues"].map(|kind| &body[kind]);
        Self { names, values, used: HashSet::new() }
    }

    /// Whether the item satisfies the condition.
    pub(super) fn holds(&mut self, condition: &str, item: &Item) -> bool {
        let mut tokens = Tokens::of(condition);
        let holds = self.either(&mut tokens, item);
        assert_eq!(tokens.peek(), "", "{condition}");
        holds
    }

    /// Changes the item as the update says. Values are those from before the update.
    pub(super) fn update(&mut self, update: &str, item: &mut Item) {
        let old = item.clone();
        let mut tokens = Tokens::of(update);
        let mut paths: Vec<Path> = Vec::new();
        while tokens.peek() != "" {
            let clause = tokens.take();
            loop {
                let path = self.path(tokens.take());
                let overlaps = |other: &Path| path.starts_with(other) || other.starts_with(&path);
                assert!(!paths.iter().any(overlaps), "two paths overlap: {path:?}");
                match clause {
                    "SET" => {
                        tokens.expect("=");
                        let value = self.sum(&mut tokens, &old);
                        set(item, &path, value);
                    }
                    "REMOVE" => remove(item, &path),
                    "ADD" | "DELETE" => {
                        let texts = self.operand(tokens.take(), &old).expect("a set of texts");
                        change_set(item, &path, &texts, clause == "ADD");
                    }
                    other => panic!("{other} is no clause"),
                }
                paths.push(path);
                if tokens.peek() != "," {
                    break;
                }
                tokens.take();
            }
        }
    }

    /// The names of the attributes that a projection names. They are no parts of attributes.
    pub(super) fn projection(&mut self, names: &str) -> BTreeSet<String> {
        let mut projected = BTreeSet::new();
        for name in names.split(", ") {
            let path = self.path(name);
            let [name] = path.as_slice() else { panic!("{path:?} is part of an attribute") };
            assert!(projected.insert(name.clone()), "two paths overlap: {name}");
        }
        projected
    }

    /// DynamoDB refuses a call with a name or a value that no expression uses.
    pub(super) fn check_that_all_is_used(&self) {
        for kind in [self.names, self.values] {
            for name in kind.as_object().into_iter().flat_map(Map::keys) {
                assert!(self.used.contains(name), "{name} is not used");
            }
        }
    }

    fn either(&mut self, tokens: &mut Tokens<'_>, item: &Item) -> bool {
        let mut holds = self.all(tokens, item);
        while tokens.peek() == "OR" {
            tokens.take();
            // Both sides are read.
            holds |= self.all(tokens, item);
        }
        holds
    }

    fn all(&mut self, tokens: &mut Tokens<'_>, item: &Item) -> bool {
        let mut holds = self.one(tokens, item);
        while tokens.peek() == "AND" {
            tokens.take();
            holds &= self.one(tokens, item);
        }
        holds
    }

    fn one(&mut self, tokens: &mut Tokens<'_>, item: &Item) -> bool {
        let token = tokens.take();
        match token {
            "(" => {
                let holds = self.either(tokens, item);
                tokens.expect(")");
                holds
            }
            "attribute_exists" | "attribute_not_exists" => {
                tokens.expect("(");
                let exists = get(item, &self.path(tokens.take())).is_some();
                tokens.expect(")");
                exists == (token == "attribute_exists")
            }
            left => {
                let left = self.operand(left, item);
                let comparator = tokens.take();
                let right = self.operand(tokens.take(), item);
                let (Some(left), Some(right)) = (left, right) else { return false };
                match comparator {
                    "=" => left == right,
                    "<" => number(&left) < number(&right),
                    ">" => number(&left) > number(&right),
                    "<=" => number(&left) <= number(&right),
                    ">=" => number(&left) >= number(&right),
                    other => panic!("{other} is no comparator"),
                }
            }
        }
    }

    fn sum(&mut self, tokens: &mut Tokens<'_>, item: &Item) -> Value {
        let left = self.term(tokens, item);
        let sign = match tokens.peek() {
            "+" => 1,
            "-" => -1,
            _ => return left,
        };
        tokens.take();
        let right = self.term(tokens, item);
        json!({"N": (number(&left) + sign * number(&right)).to_string()})
    }

    fn term(&mut self, tokens: &mut Tokens<'_>, item: &Item) -> Value {
        let token = tokens.take();
        if token != "if_not_exists" {
            let value = self.operand(token, item);
            return value.unwrap_or_else(|| panic!("{token} is not an attribute of the item"));
        }
        tokens.expect("(");
        let known = get(item, &self.path(tokens.take())).cloned();
        tokens.expect(",");
        let default = self.operand(tokens.take(), item);
        tokens.expect(")");
        known.or(default).expect("a value")
    }

    fn operand(&mut self, token: &str, item: &Item) -> Option<Value> {
        if !token.starts_with(':') {
            return get(item, &self.path(token)).cloned();
        }
        self.used.insert(token.to_owned());
        let value = &self.values[token];
        assert!(!value.is_null(), "{token} has no value");
        Some(value.clone())
    }

    fn path(&mut self, token: &str) -> Path {
        let names = token.split('.').map(|name| {
            if !name.starts_with('#') {
                assert!(!RESERVED.contains(&name), "{token}");
                return name.to_owned();
            }
            self.used.insert(name.to_owned());
            let named = self.names[name].as_str();
            named.unwrap_or_else(|| panic!("{name} has no name")).to_owned()
        });
        names.collect()
    }
}

impl<'a> Tokens<'a> {
    fn of(expression: &'a str) -> Self {
        let mut tokens = Vec::new();
        let mut rest = expression.trim_start();
        while !rest.is_empty() {
            let is_word = |c: char| c.is_alphanumeric() || "_#:.".contains(c);
            let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let two = ["<=", ">="].iter().any(|token| rest.starts_with(token));
            let length = if word > 0 { word } else { 1 + usize::from(two) };
            tokens.push(&rest[..length]);
            rest = rest[length..].trim_start();
        }
        Self { tokens, next: 0 }
    }

    fn peek(&self) -> &'a str {
        self.tokens.get(self.next).copied().unwrap_or_default()
    }

    fn take(&mut self) -> &'a str {
        let token = self.peek();
        self.next += 1;
        token
    }

    fn expect(&mut self, token: &str) {
        assert_eq!(self.take(), token, "{:?}", self.tokens);
    }
}

fn get<'a>(item: &'a Item, path: &[String]) -> Option<&'a Value> {
    let (last, maps) = path.split_last()?;
    let inner = maps.iter().try_fold(item, |item, map| item.get(map)?.get("M")?.as_object());
    inner?.get(last)
}

/// The innermost map of a path, and the name in it. DynamoDB refuses a path into a map that does not exist.
fn innermost<'a>(item: &'a mut Item, path: &'a [String]) -> (&'a mut Item, &'a String) {
    let (last, maps) = path.split_last().expect("a path has a name");
    let inner = maps.iter().try_fold(item, |item, map| {
        item.get_mut(map).and_then(|map| map.get_mut("M")).and_then(Value::as_object_mut)
    });
    (inner.unwrap_or_else(|| panic!("{path:?} leads into no map")), last)
}

fn set(item: &mut Item, path: &[String], value: Value) {
    let (map, name) = innermost(item, path);
    map.insert(name.clone(), value);
}

fn remove(item: &mut Item, path: &[String]) {
    let (map, name) = innermost(item, path);
    map.remove(name);
}

/// Adds texts to a set of texts, or takes them out. An empty set is no attribute.
fn change_set(item: &mut Item, path: &[String], texts: &Value, adds: bool) {
    let texts_of = |set: &Value| set["SS"].as_array().expect("a set of texts").clone();
    let mut set = get(item, path).map_or_else(Vec::new, texts_of);
    let texts = texts_of(texts);
    set.retain(|text| !texts.contains(text));
    if adds {
        set.extend(texts);
    }
    if set.is_empty() {
        remove(item, path);
    } else {
        self::set(item, path, json!({"SS": set}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_dynamodb_s_guide_says() {
        let mut item = json!({"a": {"N": "5"}, "m": {"M": {"x-y": {"N": "7"}}}});
        let item = item.as_object_mut().unwrap();
        let condition =
            "(attribute_not_exists(b) OR b < :one) AND m.#x > a AND NOT_THERE = :one OR a = :five";
        let update =
            "SET a = a + :one, c = if_not_exists(c, :five) - :one, m.#z = :one REMOVE m.#x, d";
        let body = json!({
            "ExpressionAttributeNames": {"#x": "x-y", "#z": "z"},
            "ExpressionAttributeValues": {":one": {"N": "1"}, ":five": {"N": "5"}},
        });
        let mut expressions = Expressions::of(&body);
        assert!(expressions.holds(condition, item));
        expressions.update(update, item);
        expressions.check_that_all_is_used();
        let expected = json!({"a": {"N": "6"}, "c": {"N": "4"}, "m": {"M": {"z": {"N": "1"}}}});
        assert_eq!(Value::Object(item.clone()), expected);
        assert!(!expressions.holds(condition, item));

        let body = json!({"ExpressionAttributeValues": {":texts": {"SS": ["x"]}}});
        for (update, expected) in [
            ("ADD texts :texts", json!(["x"])),
            ("ADD texts :texts", json!(["x"])),
            ("DELETE texts :texts", Value::Null),
        ] {
            Expressions::of(&body).update(update, item);
            assert_eq!(item.get("texts").map_or(&Value::Null, |texts| &texts["SS"]), &expected);
        }
    }

    #[test]
    fn what_dynamodb_refuses_is_a_panic() {
        let body = json!({"ExpressionAttributeValues": {":one": {"N": "1"}}});
        for (update, said) in [
            ("SET a = :one, a = :one", "two paths overlap"),
            ("SET m = :one REMOVE m.x", "two paths overlap"),
            ("SET n.x = :one", "leads into no map"),
            ("SET a = b", "b is not an attribute of the item"),
            ("SET a = :two", ":two has no value"),
            ("SET #a = :one", "#a has no name"),
            ("SET name = :one", "name"),
            ("REMOVE a", ":one is not used"),
            ("PUT a = :one", "PUT is no clause"),
        ] {
            let updated = std::panic::catch_unwind(|| {
                let mut item = json!({"m": {"M": {}}}).as_object().unwrap().clone();
                let mut expressions = Expressions::of(&body);
                expressions.update(update, &mut item);
                expressions.check_that_all_is_used();
            });
            let panic = updated.unwrap_err();
            let message = panic.downcast_ref::<String>().expect(update);
            assert!(message.contains(said), "{update}: {message}");
        }
    }
}
