//! A bucket policy's JSON, read into statements.
//!
//! IAM's grammar lets most elements be one value or a list, and values be texts, numbers or
//! booleans. Elements that nothing here needs are ignored.

use std::sync::Arc;

use serde_json::{Map, Value};
use thiserror::Error;

use super::conditions::Condition;
use super::element::Element;
use super::pattern::Pattern;
use super::principals::{PrincipalName, Principals};

/// A bucket policy. Only its `Deny` statements are kept: an `Allow` never shortens a link.
/// [`Default`] is what a bucket without a policy has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub(super) denies: Vec<Deny>,
}

/// A `Deny` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deny {
    /// The statement's position among all statements of the document, counted from 0.
    pub(super) index: usize,
    pub(super) sid: Option<String>,
    pub(super) principal: Element<Principals>,
    /// Patterns in lower case.
    pub(super) action: Element<Vec<Pattern>>,
    pub(super) resource: Element<Vec<Pattern>>,
    /// Shared with the evaluations that name them.
    pub(super) conditions: Vec<Arc<Condition>>,
}

/// A policy that can't be understood. Whether it shortens links is then not known.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// The document is not JSON.
    #[error("the bucket policy is not JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// An element is missing, or it is of another shape than IAM's grammar allows.
    #[error("the bucket policy's {element} {problem}")]
    Element {
        /// The element, with its place in the document, such as `Statement[1].Action`.
        element: String,
        /// What is wrong with it. It completes a sentence that begins with the element.
        problem: &'static str,
    },
}

impl PolicyError {
    fn element(element: impl Into<String>, problem: &'static str) -> Self {
        Self::Element { element: element.into(), problem }
    }
}

impl Policy {
    /// Reads the document that `GetBucketPolicy` answers with.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] if the document is not JSON, or does not follow IAM's grammar. Amazon S3
    /// stores no such policy.
    pub fn parse(json: &str) -> Result<Self, PolicyError> {
        let document: Value = serde_json::from_str(json)?;
        let Value::Object(document) = &document else {
            return Err(PolicyError::element("document", "is not an object"));
        };
        let statements = match get(document, "Statement") {
            Some(Value::Array(statements)) => statements.as_slice(),
            Some(statement) => std::slice::from_ref(statement),
            None => return Err(PolicyError::element("Statement", "is missing")),
        };
        let mut denies = Vec::new();
        for (index, statement) in statements.iter().enumerate() {
            let Value::Object(statement) = statement else {
                let element = format!("Statement[{index}]");
                return Err(PolicyError::element(element, "is not an object"));
            };
            denies.extend(Statement { index, object: statement }.deny()?);
        }
        Ok(Self { denies })
    }

    /// Whether it matters to any `Deny` who signs. If not, nobody need find that out.
    #[must_use]
    pub fn turns_on_the_signer(&self) -> bool {
        self.denies.iter().any(|deny| {
            let means_everybody = match &deny.principal {
                Element::Is(principals) => principals.aws.contains(&PrincipalName::Everyone),
                Element::Not(_) => false,
            };
            !means_everybody
                || deny.conditions.iter().any(|condition| is_about_signer(condition.lower_key()))
        })
    }

    /// Whether the policy has no `Deny` statement, so that it does nothing to any link.
    #[must_use]
    pub fn denies_nothing(&self) -> bool {
        self.denies.is_empty()
    }
}

/// A statement as it was written.
#[derive(Clone, Copy)]
struct Statement<'a> {
    index: usize,
    object: &'a Map<String, Value>,
}

impl Statement<'_> {
    fn error(self, name: &str, problem: &'static str) -> PolicyError {
        PolicyError::element(format!("Statement[{}].{name}", self.index), problem)
    }

    /// The statement, if its effect is `Deny`.
    fn deny(self) -> Result<Option<Deny>, PolicyError> {
        match get(self.object, "Effect").and_then(Value::as_str) {
            Some(effect) if effect.eq_ignore_ascii_case("Allow") => return Ok(None),
            Some(effect) if effect.eq_ignore_ascii_case("Deny") => {}
            _ => return Err(self.error("Effect", "is neither \"Allow\" nor \"Deny\"")),
        }
        let sid = get(self.object, "Sid").and_then(Value::as_str);
        let principal = |value: &Value| principals(value).ok_or("is not a principal");
        let patterns = |value: &Value, read: fn(&str) -> Pattern| {
            let texts = texts(value).ok_or("is neither a text nor a list of texts")?;
            Ok(texts.iter().map(|text| read(text)).collect())
        };
        let action = |text: &str| Pattern::like(&text.to_lowercase());
        Ok(Some(Deny {
            index: self.index,
            sid: sid.filter(|sid| !sid.is_empty()).map(ToOwned::to_owned),
            principal: self.element("Principal", "NotPrincipal", principal)?,
            action: self.element("Action", "NotAction", |value| patterns(value, action))?,
            resource: self
                .element("Resource", "NotResource", |value| patterns(value, Pattern::like))?,
            conditions: self.conditions()?,
        }))
    }

    fn element<T>(
        self,
        name: &str,
        negated: &str,
        read: impl Fn(&Value) -> Result<T, &'static str>,
    ) -> Result<Element<T>, PolicyError> {
        match (get(self.object, name), get(self.object, negated)) {
            (Some(value), None) => {
                read(value).map(Element::Is).map_err(|problem| self.error(name, problem))
            }
            (None, Some(value)) => {
                read(value).map(Element::Not).map_err(|problem| self.error(negated, problem))
            }
            (None, None) => Err(self.error(name, "is missing")),
            (Some(_), Some(_)) => Err(self.error(name, "stands beside its negated form")),
        }
    }

    fn conditions(self) -> Result<Vec<Arc<Condition>>, PolicyError> {
        let operators = match get(self.object, "Condition") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Object(operators)) => operators,
            Some(_) => return Err(self.error("Condition", "is not an object")),
        };
        let mut conditions = Vec::new();
        for (operator, keys) in operators {
            let name = format!("Condition.{operator}");
            let Value::Object(keys) = keys else {
                return Err(self.error(&name, "is not an object"));
            };
            for (key, values) in keys {
                let values = texts(values).ok_or_else(|| {
                    self.error(&format!("{name}.{key}"), "is neither a value nor a list of values")
                })?;
                conditions.push(Arc::new(Condition::new(operator, key, values)));
            }
        }
        Ok(conditions)
    }
}

/// An element by its name, in any case.
fn get<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| {
        object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    })
}

/// One value or a list of values, as texts.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value => Some(vec![text(value)?]),
    }
}

/// A text, a number or a boolean, as a text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(boolean) => Some(boolean.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// `"*"`, or an object with a list for each type of principal. Services and identity providers
/// sign no links, so they are left out.
fn principals(value: &Value) -> Option<Principals> {
    let parse = |names: Vec<String>| names.into_iter().map(|name| PrincipalName::parse(&name));
    let Value::Object(types) = value else {
        return Some(Principals { aws: parse(texts(value)?).collect(), canonical_users: false });
    };
    let mut principals = Principals::default();
    for (kind, names) in types {
        let names = texts(names)?;
        if kind.eq_ignore_ascii_case("AWS") {
            principals.aws.extend(parse(names));
        } else if kind.eq_ignore_ascii_case("CanonicalUser") {
            principals.canonical_users |= !names.is_empty();
        }
    }
    Some(principals)
}

/// Whether a condition key in lower case is about the principal that signs.
fn is_about_signer(key: &str) -> bool {
    key.starts_with("aws:principal") || key == "aws:userid" || key == "aws:username"
}
