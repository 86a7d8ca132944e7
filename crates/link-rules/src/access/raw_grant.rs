//! Grants as an operator writes them, before their values are checked.
//!
//! JSON that is no array of grants is read once more, so that the sentence about it names the grant and the
//! field.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::claims::ClaimPatterns;
use super::grants_error::GrantsError;
use crate::text;

/// A grant as the operator wrote it. Its values are not validated yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGrant {
    pub(super) bucket: String,
    pub(super) prefix: String,
    pub(super) principals: Vec<String>,
    #[serde(default)]
    pub(super) claims: ClaimPatterns,
    pub(super) actions: Option<Vec<String>>,
    pub(super) max_expires_in: Option<u64>,
    pub(super) max_share_expires_in: Option<u64>,
    pub(super) region: Option<String>,
    pub(super) versions: Option<bool>,
    pub(super) trusted_content: Option<bool>,
    pub(super) unfinished_names: Option<bool>,
    pub(super) from: Option<String>,
    pub(super) max_size: Option<u64>,
    pub(super) content_types: Option<Vec<String>>,
    pub(super) keys: Option<String>,
    pub(super) overwrite: Option<bool>,
    pub(super) forms: Option<bool>,
    pub(super) put_headers: Option<BTreeMap<String, String>>,
    pub(super) metadata: Option<Vec<String>>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) mailed: Option<bool>,
}

/// The form of a field's value.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Texts,
    Object,
    Number,
    Switch,
}

/// Each field of a grant, and the form of its value. The first three are required.
const FIELDS: [(&str, Form); 21] = [
    ("bucket", Form::Text),
    ("prefix", Form::Text),
    ("principals", Form::Texts),
    ("claims", Form::Object),
    ("actions", Form::Texts),
    ("max_expires_in", Form::Number),
    ("max_share_expires_in", Form::Number),
    ("region", Form::Text),
    ("versions", Form::Switch),
    ("trusted_content", Form::Switch),
    ("unfinished_names", Form::Switch),
    ("from", Form::Text),
    ("max_size", Form::Number),
    ("content_types", Form::Texts),
    ("keys", Form::Text),
    ("overwrite", Form::Switch),
    ("forms", Form::Switch),
    ("put_headers", Form::Object),
    ("metadata", Form::Texts),
    ("tags", Form::Texts),
    ("mailed", Form::Switch),
];

/// How many fields are required, from the first on.
const REQUIRED: usize = 3;

/// How many characters of a wrong value, or of a wrong name, a sentence shows.
const MAX_SHOWN: usize = 60;

/// What some editors write before a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

impl RawGrant {
    /// Reads a JSON array of one grant or more. A byte order mark before it is passed over.
    ///
    /// # Errors
    ///
    /// [`GrantsError`]. It names the grant and the field to fix.
    pub(super) fn read_all(json: &str) -> Result<Vec<Self>, GrantsError> {
        let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
        match serde_json::from_str::<Vec<Self>>(json) {
            Ok(grants) if grants.is_empty() => Err(GrantsError::Empty),
            Ok(grants) => Ok(grants),
            Err(error) => Err(explained(json).unwrap_or(GrantsError::Syntax(error))),
        }
    }
}

/// What is wrong with JSON that is no array of grants. `None`: it is no JSON, or nothing is found.
fn explained(json: &str) -> Option<GrantsError> {
    let grants = match serde_json::from_str(json).ok()? {
        Value::Array(grants) => grants,
        Value::Object(_) => return Some(GrantsError::NotAnArray),
        _ => return None,
    };
    let mut objects = grants.iter().map(Value::as_object).enumerate();
    objects.find_map(|(index, grant)| wrong_field(index, grant?))
}

/// The first field of a grant that is unknown, of another form than it must have, or missing.
fn wrong_field(index: usize, grant: &Map<String, Value>) -> Option<GrantsError> {
    let is_known = |name: &str| FIELDS.iter().any(|(known, _)| *known == name);
    if let Some(name) = grant.keys().find(|name| !is_known(name)) {
        let meant = FIELDS.iter().find(|(known, _)| text::is_one_edit_away(name, known));
        let fix = if let Some((known, _)) = meant {
            format!("write {known:?}")
        } else {
            let names: Vec<_> = FIELDS.iter().map(|(name, _)| *name).collect();
            format!("the fields are {}", names.join(", "))
        };
        let name = text::shortened(&text::visible(name), MAX_SHOWN);
        return Some(GrantsError::UnknownField {
            index,
            name,
            problem: format!("is no field of a grant: {fix}"),
        });
    }
    FIELDS.iter().enumerate().find_map(|(position, (field, form))| {
        let problem = match grant.get(*field) {
            None if position < REQUIRED => format!("is missing: write {}", form.example(field)),
            None => return None,
            Some(Value::Null) if position >= REQUIRED => return None,
            Some(value) if form.fits(value) => return None,
            Some(value) => {
                let shown = text::shortened(&value.to_string(), MAX_SHOWN);
                format!("is {shown}: write {}", form.in_words())
            }
        };
        Some(GrantsError::Field { index, field, problem })
    })
}

impl Form {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Texts => {
                value.as_array().is_some_and(|entries| entries.iter().all(Value::is_string))
            }
            Self::Object => {
                value.as_object().is_some_and(|entries| entries.values().all(Value::is_string))
            }
            Self::Number => value.is_u64(),
            Self::Switch => value.is_boolean(),
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Text => "a text in quotes",
            Self::Texts => "a list of texts in square brackets, such as [\"*\"]",
            Self::Object => "an object of texts, such as {\"tenant\": \"acme\"}",
            Self::Number => "a whole number without quotes, such as 3600",
            Self::Switch => "true or false without quotes",
        }
    }

    fn example(self, field: &str) -> String {
        match self {
            Self::Texts => format!("\"{field}\": [\"*\"] for anyone authenticated, or their names"),
            _ if field == "prefix" => {
                "\"prefix\": \"private-files/\", or \"\" for the whole bucket".to_owned()
            }
            _ => format!("\"{field}\" with the bucket's name"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(json: &str) -> String {
        RawGrant::read_all(json).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_field_of_another_form_is_named_with_the_form_to_write() {
        for (fields, expected) in [
            (r#""principal":["*"]"#, "[0].principal is no field of a grant: write \"principals\""),
            (r#""principals":"*""#, "[0].principals is \"*\": write a list of texts in square"),
            (
                r#""principals":["*"],"who":1"#,
                "[0].who is no field of a grant: the fields are bucket,",
            ),
            (r#""principals":["*"],"actions":"get""#, "[0].actions is \"get\": write a list"),
            (
                r#""principals":["*"],"max_expires_in":"3600""#,
                "[0].max_expires_in is \"3600\": write a whole number without quotes",
            ),
            (
                r#""principals":["*"],"max_expires_in":60.5"#,
                "[0].max_expires_in is 60.5: write a whole",
            ),
            (
                r#""principals":["*"],"versions":"yes""#,
                "[0].versions is \"yes\": write true or false",
            ),
            (r#""principals":["*"],"region":1"#, "[0].region is 1: write a text in quotes"),
            (r#""claims":{}"#, "[0].principals is missing: write \"principals\": [\"*\"]"),
        ] {
            let sentence = sentence(&format!(r#"[{{"bucket":"files","prefix":"",{fields}}}]"#));
            assert!(sentence.starts_with(expected), "{fields}: {sentence}");
        }
    }

    #[test]
    fn what_is_no_array_is_said_and_a_byte_order_mark_is_passed_over() {
        let grant = r#"{"bucket":"files","prefix":"","principals":["*"]}"#;
        assert!(sentence(grant).starts_with("is one JSON object: put it into square brackets"));
        assert!(sentence("5").starts_with("is not a JSON array of grants: "));
        assert!(sentence("").starts_with("is not a JSON array of grants: EOF"));
        assert!(sentence("[]").starts_with("is empty"));
        assert!(RawGrant::read_all(&format!("\u{feff}[{grant}]")).is_ok());
    }

    #[test]
    fn each_field_that_is_read_has_a_form() {
        let whole: Map<_, _> = FIELDS
            .iter()
            .map(|(name, form)| {
                let value = match form {
                    Form::Text => Value::from("a"),
                    Form::Texts => Value::from(vec!["a"]),
                    Form::Object => Value::Object(Map::new()),
                    Form::Number => Value::from(7),
                    Form::Switch => Value::from(true),
                };
                ((*name).to_owned(), value)
            })
            .collect();
        assert_eq!(sentence(&Value::from(vec![Value::Object(whole)]).to_string()), "");
    }
}
