//! DynamoDB's condition and update expressions, as far as this function uses them.
//!
//! Source: Amazon DynamoDB developer guide, "Using expressions in DynamoDB".

use std::collections::HashSet;

use serde_json::{Map, Value, json};

/// The expressions of one call, with their names and values.
pub(crate) struct Call<'a> {
    body: &'a Value,
    used: HashSet<String>,
}

struct Tokens<'a> {
    tokens: Vec<&'a str>,
    next: usize,
}

/// The attributes of an item.
pub(crate) type Item = Map<String, Value>;

impl<'a> Call<'a> {
    pub(crate) fn new(body: &'a Value) -> Self {
        Self { body, used: HashSet::new() }
    }

    /// Whether the item satisfies the call's condition.
    pub(crate) fn condition_holds(&mut self, item: &Item) -> bool {
        let body = self.body;
        let Some(condition) = body["ConditionExpression"].as_str() else { return true };
        let mut tokens = Tokens::of(condition);
        let holds = self.either(&mut tokens, item);
        assert_eq!(tokens.peek(), "", "{condition}");
        holds
    }

    /// Changes the item as the call's update says. Values are those from before the update.
    pub(crate) fn update(&mut self, item: &mut Item) {
        let body = self.body;
        let old = item.clone();
        let mut tokens = Tokens::of(body["UpdateExpression"].as_str().unwrap());
        let mut paths = HashSet::new();
        while tokens.peek() != "" {
            match tokens.take() {
                "SET" => loop {
                    let path = self.path(tokens.take());
                    assert!(paths.insert(path.clone()), "two paths overlap: {path:?}");
                    tokens.expect("=");
                    let value = self.sum(&mut tokens, &old);
                    set(item, &path, value);
                    if tokens.peek() != "," {
                        break;
                    }
                    tokens.take();
                },
                "REMOVE" => loop {
                    let path = self.path(tokens.take());
                    assert!(paths.insert(path.clone()), "two paths overlap: {path:?}");
                    remove(item, &path);
                    if tokens.peek() != "," {
                        break;
                    }
                    tokens.take();
                },
                clause @ ("ADD" | "DELETE") => {
                    let path = self.path(tokens.take());
                    assert!(paths.insert(path.clone()), "two paths overlap: {path:?}");
                    let value = self.operand(tokens.take(), &old).unwrap();
                    change_set(item, &path, &value, clause == "ADD");
                }
                other => panic!("{other} is no clause"),
            }
        }
    }

    /// DynamoDB refuses a call with a name or a value that no expression uses.
    pub(crate) fn check_that_all_is_used(&self) {
        for kind in ["ExpressionAttributeNames", "ExpressionAttributeValues"] {
            for name in self.body[kind].as_object().into_iter().flat_map(Map::keys) {
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
                let operator = tokens.take().to_owned();
                let right = self.operand(tokens.take(), item);
                let (Some(left), Some(right)) = (left, right) else { return false };
                match operator.as_str() {
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
        known.or(default).unwrap()
    }

    fn operand(&mut self, token: &str, item: &Item) -> Option<Value> {
        if !token.starts_with(':') {
            return get(item, &self.path(token)).cloned();
        }
        self.used.insert(token.to_owned());
        let value = &self.body["ExpressionAttributeValues"][token];
        assert!(!value.is_null(), "{token} has no value");
        Some(value.clone())
    }

    fn path(&mut self, token: &str) -> Vec<String> {
        let names = token.split('.').map(|name| {
            if !name.starts_with('#') {
                assert!(!name.is_empty() && name != "key" && name != "name", "{token}");
                return name.to_owned();
            }
            self.used.insert(name.to_owned());
            let named = &self.body["ExpressionAttributeNames"][name];
            named.as_str().unwrap_or_else(|| panic!("{name} has no name")).to_owned()
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

pub(crate) fn number(value: &Value) -> i64 {
    value["N"].as_str().unwrap_or_else(|| panic!("{value} is no number")).parse().unwrap()
}

fn get<'a>(item: &'a Item, path: &[String]) -> Option<&'a Value> {
    match path {
        [name] => item.get(name),
        [map, name] => item.get(map)?.get("M")?.get(name),
        _ => panic!("{path:?} is deeper than a share is"),
    }
}

fn set(item: &mut Item, path: &[String], value: Value) {
    match path {
        [name] => {
            item.insert(name.clone(), value);
        }
        [map, name] => {
            let map = item.get_mut(map).and_then(|map| map.get_mut("M"));
            // DynamoDB refuses a path into a map that does not exist.
            map.unwrap().as_object_mut().unwrap().insert(name.clone(), value);
        }
        _ => panic!("{path:?} is deeper than a share is"),
    }
}

fn remove(item: &mut Item, path: &[String]) {
    match path {
        [name] => {
            item.remove(name);
        }
        [map, name] => {
            let map = item.get_mut(map).and_then(|map| map.get_mut("M"));
            map.unwrap().as_object_mut().unwrap().remove(name);
        }
        _ => panic!("{path:?} is deeper than a share is"),
    }
}

/// Adds texts to a set of texts, or takes them out. An empty set is no attribute.
fn change_set(item: &mut Item, path: &[String], texts: &Value, adds: bool) {
    let mut set: Vec<_> =
        get(item, path).map_or_else(Vec::new, |set| set["SS"].as_array().unwrap().clone());
    let texts = texts["SS"].as_array().unwrap();
    set.retain(|text| !texts.contains(text));
    if adds {
        set.extend(texts.iter().cloned());
    }
    if set.is_empty() {
        remove(item, path);
    } else {
        self::set(item, path, json!({"SS": set}));
    }
}

#[test]
fn expressions_mean_what_dynamodb_s_guide_says() {
    let mut item = json!({"a": {"N": "5"}, "m": {"M": {"x-y": {"N": "7"}}}});
    let item = item.as_object_mut().unwrap();
    let body = json!({
        "ConditionExpression":
            "(attribute_not_exists(b) OR b < :one) AND m.#x > a AND NOT_THERE = :one OR a = :five",
        "UpdateExpression":
            "SET a = a + :one, c = if_not_exists(c, :five) - :one, m.#z = :one REMOVE m.#x, d",
        "ExpressionAttributeNames": {"#x": "x-y", "#z": "z"},
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":five": {"N": "5"}},
    });
    let mut call = Call::new(&body);
    assert!(call.condition_holds(item));
    call.update(item);
    call.check_that_all_is_used();
    let expected = json!({"a": {"N": "6"}, "c": {"N": "4"}, "m": {"M": {"z": {"N": "1"}}}});
    assert_eq!(Value::Object(item.clone()), expected);
    assert!(!call.condition_holds(item));

    let values = json!({":texts": {"SS": ["x"]}});
    for (expression, expected) in [
        ("ADD texts :texts", json!(["x"])),
        ("ADD texts :texts", json!(["x"])),
        ("DELETE texts :texts", Value::Null),
    ] {
        let body =
            json!({"UpdateExpression": expression, "ExpressionAttributeValues": values.clone()});
        Call::new(&body).update(item);
        assert_eq!(item.get("texts").map_or(&Value::Null, |texts| &texts["SS"]), &expected);
    }
}
