//! Random statements as the JSON of a bucket policy, in every form that IAM allows.

use jiff::Timestamp;
use serde_json::{Map, json};

use crate::generator::SIGNED_AT;
use crate::oracle::{
    Compare, Condition, Element, Key, OperatorType, Principal, Set, Statement, Value,
};

fn name(key: Key) -> &'static str {
    match key {
        Key::SignatureAge => "s3:signatureAge",
        Key::CurrentTime => "aws:CurrentTime",
        Key::EpochTime => "aws:EpochTime",
        Key::SignatureVersion => "s3:signatureversion",
        Key::SecureTransport => "aws:SecureTransport",
        Key::PrincipalAccount => "aws:PrincipalAccount",
        Key::VersionId => "s3:VersionId",
        Key::SourceIp => "aws:SourceIp",
        Key::SourceVpce => "aws:SourceVpce",
        Key::Referer => "aws:Referer",
        Key::UserAgent => "aws:UserAgent",
        Key::TlsVersion => "s3:TlsVersion",
        Key::ObjectTag => "s3:ExistingObjectTag/class",
        Key::AccessPointArn => "s3:DataAccessPointArn",
        Key::AccessPointAccount => "s3:DataAccessPointAccount",
        Key::AccessPointOrigin => "s3:AccessPointNetworkOrigin",
        Key::AuthType => "s3:authType",
        Key::Acl => "s3:x-amz-acl",
        Key::Encryption => "s3:x-amz-server-side-encryption",
        Key::OfKms => "s3:x-amz-server-side-encryption-aws-kms-key-id",
        Key::LockMode => "s3:object-lock-mode",
        Key::IfNoneMatch => "s3:if-none-match",
        Key::Team => "s3:RequestObjectTag/Team",
        Key::TagKeys => "s3:RequestObjectTagKeys",
        Key::CreatesObject => "s3:ObjectCreationOperation",
    }
}

pub(crate) fn json_of(statements: &[Statement]) -> String {
    let statements: Vec<_> = statements.iter().map(statement_json).collect();
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn statement_json(statement: &Statement) -> serde_json::Value {
    let named = |negated: bool, name: &str| {
        if negated { format!("Not{name}") } else { name.to_owned() }
    };
    let list = |patterns: &[&str]| match patterns {
        [one] => json!(one),
        several => json!(several),
    };
    let mut json = Map::new();
    json.insert("Effect".to_owned(), json!("Deny"));
    let Element { negated, patterns } = &statement.action;
    json.insert(named(*negated, "Action"), list(patterns));
    let Element { negated, patterns } = &statement.resource;
    json.insert(named(*negated, "Resource"), list(patterns));
    let Principal { negated, entries, .. } = &statement.principal;
    json.insert(named(*negated, "Principal"), json!({"AWS": list(entries)}));
    let mut operators = Map::new();
    for (index, condition) in statement.conditions.iter().enumerate() {
        // A JSON object holds each name once, so a repeated operator is written in another case.
        let operator = operator_name(condition);
        let operator = match index {
            0 => operator,
            1 => operator.to_lowercase(),
            _ => operator.to_uppercase(),
        };
        let key = match (name(condition.key), condition.style & 1) {
            (key, 0) => key.to_owned(),
            // A tag's key has a case of its own.
            (key, _) if condition.key == Key::Team => key.replace("s3:Request", "S3:REQUEST"),
            (key, _) => key.to_uppercase(),
        };
        let values: Vec<_> =
            condition.values.iter().map(|value| value_json(condition, value)).collect();
        let values = match values.as_slice() {
            [one] if condition.style & 2 == 0 => one.clone(),
            several => json!(several),
        };
        let clash = operators.insert(operator, json!({key: values}));
        assert_eq!(clash, None);
    }
    json.insert("Condition".to_owned(), operators.into());
    json.into()
}

fn operator_name(condition: &Condition) -> String {
    let set = match condition.set {
        None => "",
        Some(Set::ForAllValues) => "ForAllValues:",
        Some(Set::ForAnyValue) => "ForAnyValue:",
    };
    let kind = match (condition.type_of_operator, is_date(condition.key, condition.style)) {
        (OperatorType::Documented, true) | (OperatorType::Other, false) => "Date",
        (OperatorType::Documented, false) | (OperatorType::Other, true) => "Numeric",
        (OperatorType::Text, _) => "String",
    };
    let name = match (condition.compare, condition.negated) {
        (Compare::StringEquals, false) => "StringEquals".to_owned(),
        (Compare::StringEquals, true) => "StringNotEquals".to_owned(),
        (Compare::StringEqualsIgnoreCase, false) => "StringEqualsIgnoreCase".to_owned(),
        (Compare::StringEqualsIgnoreCase, true) => "StringNotEqualsIgnoreCase".to_owned(),
        (Compare::StringLike, false) => "StringLike".to_owned(),
        (Compare::StringLike, true) => "StringNotLike".to_owned(),
        (Compare::IpAddress, false) => "IpAddress".to_owned(),
        (Compare::IpAddress, true) => "NotIpAddress".to_owned(),
        (Compare::Equals, false) => format!("{kind}Equals"),
        (Compare::Equals, true) => format!("{kind}NotEquals"),
        (Compare::Less, _) => format!("{kind}LessThan"),
        (Compare::LessOrEqual, _) => format!("{kind}LessThanEquals"),
        (Compare::Greater, _) => format!("{kind}GreaterThan"),
        (Compare::GreaterOrEqual, _) => format!("{kind}GreaterThanEquals"),
        (Compare::Bool, _) => "Bool".to_owned(),
        (Compare::Null, _) => "Null".to_owned(),
    };
    let name = match (condition.type_of_operator, condition.negated) {
        (OperatorType::Text, false) => "StringLike".to_owned(),
        (OperatorType::Text, true) => "StringNotEquals".to_owned(),
        _ => name,
    };
    let if_exists = if condition.if_exists { "IfExists" } else { "" };
    format!("{set}{name}{if_exists}")
}

fn value_json(condition: &Condition, value: &Value) -> serde_json::Value {
    match (value, condition.key) {
        (Value::Text("true"), _) if condition.style & 8 == 0 => json!(true),
        (Value::Text("false"), _) if condition.style & 8 == 0 => json!(false),
        (Value::Text(text), _) => json!(text),
        (Value::Variable, _) => json!("${aws:PrincipalTag/anything}"),
        (Value::Nonsense, _) => {
            json!(["soon", "1 h", "tomorrow"][usize::from(condition.style) % 3])
        }
        (Value::Year(_), _) if condition.style & 8 == 0 => json!(2027),
        (Value::Year(_), _) => json!("2027"),
        (Value::Number(age), Key::SignatureAge) if condition.style & 8 == 0 => json!(age),
        (Value::Number(age), Key::SignatureAge) => json!(age.to_string()),
        (Value::Unusual(age), Key::SignatureAge) => unusual_number(*age, condition.style),
        (Value::Number(second), key) => {
            let epoch = SIGNED_AT + second;
            match condition.style >> 3 & 3 {
                0 if is_date(key, condition.style) => {
                    json!(Timestamp::from_second(epoch).unwrap().to_string())
                }
                1 if is_date(key, condition.style) => {
                    let local = Timestamp::from_second(epoch + 7_200).unwrap().to_string();
                    json!(local.replace('Z', "+02:00"))
                }
                2 => json!(epoch.to_string()),
                _ => json!(epoch),
            }
        }
        (Value::Unusual(second), _) if condition.style & 16 == 0 => {
            let instant = Timestamp::from_second(SIGNED_AT + second).unwrap().to_string();
            json!(instant.replace('Z', ""))
        }
        (Value::Unusual(second), _) => unusual_number(SIGNED_AT + second, condition.style),
    }
}

fn unusual_number(number: i64, style: u8) -> serde_json::Value {
    json!(match style >> 3 & 3 {
        0 => format!("{number}e0"),
        1 => format!("{number}000E-3"),
        2 => format!(" {number}"),
        _ => format!("{number}."),
    })
}

/// Whether the documented operator of a condition on an instant is one for dates.
pub(crate) fn is_date(key: Key, style: u8) -> bool {
    key == Key::CurrentTime || key == Key::EpochTime && style & 4 == 0
}
