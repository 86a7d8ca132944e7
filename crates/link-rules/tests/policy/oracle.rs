//! What S3 would answer to one concrete request, by IAM's rules taken literally.
//!
//! It shares nothing with the code under test: it has no unknown values and no marks on a time line.
//! It is asked about each recipient at each instant instead. It knows no JSON either: the random
//! statements are written as JSON for the code under test alone.

use crate::requests::{Link, Operation};

/// A `Deny` statement.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) action: Element,
    pub(crate) resource: Element,
    pub(crate) principal: Principal,
    pub(crate) conditions: Vec<Condition>,
}

/// Patterns, and whether the statement is about all but those.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub(crate) negated: bool,
    pub(crate) patterns: Vec<&'static str>,
}

/// The principals of a statement, as the entries of `AWS`, and whether they mean the signer.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    pub(crate) negated: bool,
    pub(crate) entries: Vec<&'static str>,
    pub(crate) is_signer: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub(crate) set: Option<Set>,
    pub(crate) compare: Compare,
    pub(crate) negated: bool,
    pub(crate) if_exists: bool,
    pub(crate) key: Key,
    pub(crate) values: Vec<Value>,
    pub(crate) type_of_operator: OperatorType,
    /// Whether the JSON has one value where a list of one would do, keys in another case, and
    /// numbers as texts.
    pub(crate) style: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Set {
    ForAllValues,
    ForAnyValue,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Compare {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Equals,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Bool,
    IpAddress,
    Null,
}

/// How an operator goes with a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum OperatorType {
    /// As AWS documents it.
    Documented,
    /// `Numeric…` with a date, or `Date…` with a number.
    Other,
    /// `String…`.
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    SignatureAge,
    CurrentTime,
    EpochTime,
    SignatureVersion,
    SecureTransport,
    PrincipalAccount,
    VersionId,
    SourceIp,
    SourceVpce,
    Referer,
    UserAgent,
    TlsVersion,
    ObjectTag,
    AccessPointArn,
    AccessPointAccount,
    AccessPointOrigin,
    AuthType,
    /// Those that only uploads have: `requests` has what they have.
    Acl,
    Encryption,
    OfKms,
    LockMode,
    IfNoneMatch,
    Team,
    TagKeys,
    CreatesObject,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(&'static str),
    /// Milliseconds for an age. Seconds after the link was signed for a time of day.
    Number(i64),
    /// The same in a notation that AWS does not document.
    Unusual(i64),
    /// Four digits: a year that begins at this second after the link was signed, or as many seconds
    /// since 1970, which are long gone.
    Year(i64),
    /// What is neither a number nor a date.
    Nonsense,
    /// A policy variable. Nobody knows whether it stands for what the request has.
    Variable,
}

/// What AWS may take a time of a policy for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Meaning {
    Number(i64),
    /// It matches nothing.
    Nothing,
    /// It matches everything.
    Everything,
}

/// One request with a link: who sends it, and when.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// The values of the keys that a recipient brings, and of those that nobody knows.
    pub(crate) unknown: &'a [Unknown],
    /// For each condition, whether its policy variable stands for what the request has.
    pub(crate) variables: &'a [bool],
    /// For each condition, what AWS takes each of its values for, if it is about a time.
    pub(crate) meanings: &'a [Vec<Meaning>],
    pub(crate) link: Link,
    /// Milliseconds since the link was signed.
    pub(crate) age: i64,
}

/// A key that no signer knows, and what one request has under it.
pub(crate) type Unknown = (Key, Option<&'static str>);

/// What a request has under a key.
enum Has {
    Text(&'static str),
    Number(i64),
    /// The texts between commas.
    Texts(&'static str),
}

impl Statement {
    /// Whether the statement is about links like this one, whoever opens them.
    pub(crate) fn is_about(&self, link: Link) -> bool {
        let action = link.operation.action(link.version_id.is_some());
        let object = if link.through_access_point {
            "arn:aws:s3:eu-west-1:111122223333:accesspoint/files/private-files/report.pdf"
        } else {
            "arn:aws:s3:::amzn-s3-demo-bucket/private-files/report.pdf"
        };
        let acts = self.action.patterns.iter().any(|pattern| glob(&pattern.to_lowercase(), action));
        let holds = self.resource.patterns.iter().any(|pattern| glob(pattern, object));
        acts != self.action.negated
            && holds != self.resource.negated
            && self.principal.is_signer != self.principal.negated
    }

    /// Whether S3 refuses the request because of this statement, if it is about the link at all.
    pub(crate) fn denies(&self, request: &Request<'_>) -> bool {
        (0..self.conditions.len()).all(|index| self.conditions[index].met(index, request))
    }
}

impl Condition {
    /// All that AWS may take a value of this condition for. None if the key is not a time.
    pub(crate) fn meanings(&self, value: &Value) -> Vec<Meaning> {
        if !self.key.is_time() || self.compare == Compare::Null {
            return Vec::new();
        }
        let may_count = |number| vec![Meaning::Number(number), Meaning::Nothing];
        match (self.type_of_operator, value) {
            (OperatorType::Text, _) | (_, Value::Text(_) | Value::Nonsense | Value::Variable) => {
                vec![Meaning::Nothing, Meaning::Everything]
            }
            (_, Value::Unusual(number)) | (OperatorType::Other, Value::Number(number)) => {
                may_count(*number)
            }
            (_, Value::Number(number)) => vec![Meaning::Number(*number)],
            (_, Value::Year(second)) => {
                vec![Meaning::Number(*second), Meaning::Number(-1_000_000_000)]
            }
        }
    }

    fn met(&self, index: usize, request: &Request<'_>) -> bool {
        let has = self.key.of(request);
        if self.compare == Compare::Null {
            let missing = has.is_none();
            return self.values.iter().any(|value| (*value == Value::Text("true")) == missing);
        }
        let Some(has) = has else {
            return self.if_exists
                || match self.set {
                    Some(Set::ForAllValues) => true,
                    Some(Set::ForAnyValue) => false,
                    None => self.negated,
                };
        };
        let met_by = |has: &Has| {
            let mut values = self.values.iter().enumerate();
            let one_matches = values.any(|(place, value)| match (value, has) {
                (_, Has::Number(number)) => match request.meanings[index][place] {
                    Meaning::Number(written) => self.compare.numbers(*number, written),
                    Meaning::Nothing => false,
                    Meaning::Everything => true,
                },
                (Value::Variable, _) => request.variables[index],
                (Value::Text(written), Has::Text(text)) => self.compare.texts(text, written),
                (value, _) => panic!("{value:?} is no value for {:?}", self.key),
            });
            one_matches != self.negated
        };
        match (&has, self.set) {
            (Has::Texts(texts), Some(Set::ForAllValues)) => {
                texts.split(',').all(|text| met_by(&Has::Text(text)))
            }
            (Has::Texts(texts), _) => texts.split(',').any(|text| met_by(&Has::Text(text))),
            (one, _) => met_by(one),
        }
    }
}

impl Key {
    pub(crate) fn is_time(self) -> bool {
        matches!(self, Self::SignatureAge | Self::CurrentTime | Self::EpochTime)
    }

    fn of(self, request: &Request<'_>) -> Option<Has> {
        match self {
            Self::SignatureAge => Some(Has::Number(request.age)),
            Self::CurrentTime | Self::EpochTime => Some(Has::Number(request.age / 1_000)),
            Self::SignatureVersion => Some(Has::Text("AWS4-HMAC-SHA256")),
            Self::SecureTransport => Some(Has::Text("true")),
            Self::AuthType if request.link.operation == Operation::Form => Some(Has::Text("POST")),
            Self::AuthType => Some(Has::Text("REST-QUERY-STRING")),
            Self::VersionId => request.link.version_id.map(Has::Text),
            Self::AccessPointArn | Self::AccessPointAccount | Self::AccessPointOrigin
                if !request.link.through_access_point =>
            {
                None
            }
            Self::PrincipalAccount | Self::AccessPointAccount => Some(Has::Text("111122223333")),
            Self::AccessPointArn => {
                Some(Has::Text("arn:aws:s3:eu-west-1:111122223333:accesspoint/files"))
            }
            unknown => {
                let (_, value) = request.unknown.iter().find(|(key, _)| *key == unknown).unwrap();
                value.map(if self == Self::TagKeys { Has::Texts } else { Has::Text })
            }
        }
    }
}

impl Compare {
    fn texts(self, text: &str, written: &str) -> bool {
        match self {
            Self::StringEquals => text == written,
            Self::StringEqualsIgnoreCase | Self::Bool => text.eq_ignore_ascii_case(written),
            Self::StringLike => glob(written, text),
            // The random networks are all of 24 bits.
            Self::IpAddress => {
                let network = written.strip_suffix("0/24").unwrap();
                text.strip_prefix(network).is_some_and(|host| !host.contains('.'))
            }
            // TLS versions.
            Self::Less => text.parse::<f64>().unwrap() < written.parse::<f64>().unwrap(),
            Self::Greater => text.parse::<f64>().unwrap() > written.parse::<f64>().unwrap(),
            other => panic!("{other:?} compares no texts"),
        }
    }

    fn numbers(self, number: i64, written: i64) -> bool {
        match self {
            Self::Equals => number == written,
            Self::Less => number < written,
            Self::LessOrEqual => number <= written,
            Self::Greater => number > written,
            Self::GreaterOrEqual => number >= written,
            other => panic!("{other:?} compares no numbers"),
        }
    }
}

/// Whether `text` matches `pattern` with `*` and `?`, tried character by character.
fn glob(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let starts = text.char_indices().map(|(start, _)| start).chain([text.len()]);
            starts.into_iter().any(|start| glob(rest.as_str(), &text[start..]))
        }
        Some(character) => {
            let mut text = text.chars();
            text.next().is_some_and(|next| character == '?' || character == next)
                && glob(rest.as_str(), text.as_str())
        }
    }
}
