//! Requests about shares as callers write them.

use link_rules::access::DEFAULT_SHARE_EXPIRES_IN;
use link_rules::form::decode_pairs;
use link_rules::window::RequestedWindow;
use serde::{Deserialize, Deserializer};

use super::link_request::{RawFile, WholeNumber, for_share, parse};
use super::{Problem, Request};
use crate::shares::{
    Change, Edit, NewShare, Passcode, SenderName, SenderNameError, ShareError, Token,
};

/// The shortest life of a share, in seconds.
const MIN_EXPIRES_IN: u64 = 60;

/// The most downloads that a share may allow.
const MAX_DOWNLOADS: u64 = 1_000_000;

/// The longest recipient, in characters: the longest mail address.
const MAX_RECIPIENT: usize = 254;

/// The longest note, in characters.
const MAX_NOTE: usize = 500;

/// The longest message, in characters: a paragraph.
const MAX_MESSAGE: usize = 500;

/// How many shares a page of the list has, where the caller does not say it.
const DEFAULT_LIMIT: i32 = 20;

/// How many shares a page of the list has at most.
const MAX_LIMIT: i32 = 100;

/// The fields of a new share as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a JSON object with the field \"key\"")]
struct RawShare {
    bucket: Option<String>,
    key: Option<String>,
    version_id: Option<String>,
    filename: Option<String>,
    content_type: Option<String>,
    disposition: Option<String>,
    expires_in: Option<WholeNumber>,
    min_expires_in: Option<WholeNumber>,
    #[expect(dead_code, reason = "The file of a share is always opened once, whatever this says.")]
    check: Option<bool>,
    method: Option<String>,
    max_downloads: Option<WholeNumber>,
    passcode: Option<RawPasscode>,
    recipient: Option<String>,
    note: Option<String>,
    from: Option<String>,
    message: Option<String>,
}

/// A passcode, or `true` to have one made.
#[derive(PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a passcode, or true to have one made")]
enum RawPasscode {
    Made(bool),
    Chosen(String),
}

/// The fields of a change as they are written. `null` takes a limit or a passcode away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a JSON object with the fields to change")]
struct RawChange {
    expires_in: Option<WholeNumber>,
    #[serde(default)]
    max_downloads: Edit<WholeNumber>,
    #[serde(default)]
    passcode: Edit<RawPasscode>,
    #[serde(default)]
    unlock: bool,
}

/// The body of a press.
#[derive(Default, Deserialize)]
struct RawPress {
    passcode: Option<String>,
}

/// A press of the button.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Press {
    pub(super) passcode: Option<String>,
    /// Whether the page came again before, because the browser did not say that a person pressed.
    pub(super) is_again: bool,
    /// Whether a person typed the word that the page asks for then.
    pub(super) is_confirmed: bool,
}

/// The field that says that the page came again.
pub(super) const AGAIN: &str = "again";

/// The field for the word that no script types.
pub(super) const CONFIRMED: &str = "confirmed";

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Edit<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let named = Option::<T>::deserialize(deserializer)?;
        Ok(named.map_or(Self::Remove, Self::Set))
    }
}

/// A new share, and the passcode that was made for it, if one was.
///
/// # Errors
///
/// [`Problem::InvalidRequest`], which names the field.
pub(super) fn new_share(body: &[u8]) -> Result<(NewShare, Option<Passcode>), Problem> {
    let raw: RawShare = parse(body)?;
    if raw.method.as_deref().is_some_and(|method| method != "GET") {
        return Err(Problem::invalid_request(
            "method: a share is downloaded with GET; leave it out",
        ));
    }
    let RawShare { bucket, key, version_id, filename, content_type, disposition, .. } = raw;
    let name = filename.clone();
    let file = RawFile { bucket, key, version_id, filename, content_type, disposition };
    let link = for_share(file)?;
    let passcode = raw.passcode.map(passcode).transpose()?;
    let made = passcode.as_ref().filter(|(_, is_made)| *is_made).map(|(made, _)| made.clone());
    let new = NewShare {
        token: Token::random()?,
        link,
        name,
        from: raw.from.as_deref().map(sender).transpose()?,
        message: raw.message.map(|text| one_line("message", text, MAX_MESSAGE)).transpose()?,
        window: window(raw.expires_in, raw.min_expires_in)?,
        max_downloads: raw.max_downloads.map(max_downloads).transpose()?,
        passcode: passcode.map(|(passcode, _)| passcode),
        recipient: raw
            .recipient
            .map(|text| one_line("recipient", text, MAX_RECIPIENT))
            .transpose()?,
        note: raw.note.map(|text| one_line("note", text, MAX_NOTE)).transpose()?,
    };
    Ok((new, made))
}

/// A change of a share, and the passcode that was made for it, if one was.
///
/// # Errors
///
/// [`Problem::InvalidRequest`], which names the field.
pub(super) fn change(body: &[u8]) -> Result<(Change, Option<Passcode>), Problem> {
    let raw: RawChange = parse(body)?;
    let is_empty = raw.expires_in.is_none()
        && raw.max_downloads == Edit::Keep
        && raw.passcode == Edit::Keep
        && !raw.unlock;
    if is_empty {
        return Err(Problem::invalid_request(
            "nothing to change: send expires_in, max_downloads, passcode or \"unlock\": true",
        ));
    }
    let mut made = None;
    let passcode = raw.passcode.try_map(|raw| {
        let (passcode, is_made) = passcode(raw)?;
        made = is_made.then(|| passcode.clone());
        Ok::<_, Problem>(passcode)
    })?;
    let change = Change {
        expires_in: raw.expires_in.map(expires_in).transpose()?,
        max_downloads: raw.max_downloads.try_map(max_downloads)?,
        passcode,
        unlock: raw.unlock,
    };
    Ok((change, made))
}

/// The page of the list that is asked for: where it begins, and how many shares it has.
///
/// # Errors
///
/// [`Problem::InvalidRequest`], which names the parameter.
pub(super) fn page(query: &[(String, String)]) -> Result<(Option<&str>, i32), Problem> {
    let (mut cursor, mut limit) = (None, DEFAULT_LIMIT);
    for (name, value) in query {
        match name.as_str() {
            "cursor" => cursor = Some(value.as_str()),
            "limit" => {
                let wanted = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                limit = wanted.ok_or_else(|| {
                    Problem::invalid_request(format!("limit: {value:?}; use 1 to {MAX_LIMIT}"))
                })?;
            }
            _ if name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-")) => {}
            _ => {
                return Err(Problem::invalid_request(format!(
                    "unknown parameter {name:?}; known are cursor and limit"
                )));
            }
        }
    }
    Ok((cursor, limit))
}

/// The body of a press: a form's fields, or JSON.
///
/// # Errors
///
/// [`ShareError::Field`]. It repeats nothing of the body.
pub(super) fn press(request: &Request) -> Result<Press, ShareError> {
    let unreadable = |why: &str| ShareError::Field(why.to_owned());
    let content_type = request.client.content_type.as_deref().unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let body = request.body.trim_ascii();
    if body.is_empty() {
        return Ok(Press::default());
    }
    if essence.eq_ignore_ascii_case("application/json") {
        let press: RawPress = serde_json::from_slice(body)
            .map_err(|_| unreadable("the body is no JSON such as {\"passcode\": \"…\"}"))?;
        return Ok(Press { passcode: press.passcode, ..Press::default() });
    }
    let form = std::str::from_utf8(body).ok().and_then(|form| decode_pairs(form).ok());
    let form =
        form.ok_or_else(|| unreadable("the form's fields are not UTF-8 once they are decoded"))?;
    let field = |wanted: &str| {
        form.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    };
    Ok(Press {
        passcode: field("passcode").map(str::to_owned),
        is_again: field(AGAIN).is_some(),
        is_confirmed: field(CONFIRMED).is_some_and(|word| word.trim().eq_ignore_ascii_case("yes")),
    })
}

/// The passcode, and whether it was made.
fn passcode(raw: RawPasscode) -> Result<(Passcode, bool), Problem> {
    match raw {
        RawPasscode::Chosen(written) => Ok((Passcode::chosen(&written)?, false)),
        RawPasscode::Made(true) => Ok((Passcode::generated()?, true)),
        RawPasscode::Made(false) => Err(Problem::invalid_request(
            "passcode: false; leave it out, or send null to take it away",
        )),
    }
}

/// How long a share is to live. The shortest acceptable life is one second, where none is named.
fn window(
    asked: Option<WholeNumber>,
    least: Option<WholeNumber>,
) -> Result<RequestedWindow, Problem> {
    let expires_in = asked.map_or(Ok(DEFAULT_SHARE_EXPIRES_IN), expires_in)?;
    let min_expires_in = least.map_or(1, |number| number.0);
    if !(1..=expires_in).contains(&min_expires_in) {
        return Err(Problem::invalid_request(format!(
            "min_expires_in: {min_expires_in}; use 1 to expires_in, which is {expires_in}"
        )));
    }
    Ok(RequestedWindow { expires_in, min_expires_in })
}

fn expires_in(WholeNumber(seconds): WholeNumber) -> Result<u64, Problem> {
    if seconds >= MIN_EXPIRES_IN {
        return Ok(seconds);
    }
    Err(Problem::invalid_request(format!(
        "expires_in: {seconds}; a share lives at least {MIN_EXPIRES_IN} seconds"
    )))
}

fn max_downloads(WholeNumber(max): WholeNumber) -> Result<u64, Problem> {
    if (1..=MAX_DOWNLOADS).contains(&max) {
        return Ok(max);
    }
    Err(Problem::invalid_request(format!("max_downloads: {max}; use 1 to {MAX_DOWNLOADS}")))
}

fn sender(written: &str) -> Result<SenderName, Problem> {
    let wrong = |error: SenderNameError| Problem::invalid_request(format!("from: {error}"));
    SenderName::parse(written).map_err(wrong)
}

fn one_line(name: &str, text: String, max: usize) -> Result<String, Problem> {
    let characters = text.chars().count();
    if !(1..=max).contains(&characters) {
        let detail = format!("{name}: {characters} characters; use 1 to {max}");
        return Err(Problem::invalid_request(detail));
    }
    if text.contains(char::is_control) {
        return Err(Problem::invalid_request(format!(
            "{name}: control characters are not accepted"
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_a_share_is_answered_with_where_it_is() {
        for (body, expected) in [
            ("{}", "key: missing"),
            (r#"{"key": "a", "expires_in": 59}"#, "expires_in: 59; a share lives at least 60"),
            (r#"{"key": "a", "max_downloads": 0}"#, "max_downloads: 0; use 1 to 1000000"),
            (r#"{"key": "a", "passcode": "abc"}"#, "passcode: 3 characters; use 6 to 128"),
            (r#"{"key": "a", "passcode": false}"#, "passcode: false"),
            (r#"{"key": "a", "passcode": 1234}"#, "a passcode, or true to have one made"),
            (r#"{"key": "a", "recipient": ""}"#, "recipient: 0 characters"),
            (r#"{"key": "a", "note": "a\nb"}"#, "note: control characters"),
            (r#"{"key": "a", "from": " "}"#, "from: use a name of one line, 1 to 100 characters"),
            (
                r#"{"key": "a", "from": "c3a343f3-5456-4c0b-9a1c-8a6f0d6a2b11"}"#,
                "from: an id tells people nothing",
            ),
            (r#"{"key": "a", "message": "a\nb"}"#, "message: control characters"),
            (r#"{"key": "a", "check": 1}"#, "expected a boolean"),
            (r#"{"key": "a", "owner": "b"}"#, "unknown field `owner`"),
            (r#"{"key": "a", "filename": "a/b"}"#, "filename: "),
        ] {
            let detail = new_share(body.as_bytes()).err().unwrap().detail();
            assert!(detail.contains(expected), "{body}: {detail}");
        }
    }

    #[test]
    fn a_passcode_that_is_refused_is_not_repeated() {
        for body in [r#"{"key": "a", "passcode": "s3c"}"#, r#"{"passcode": "s3cret"}"#] {
            assert!(!new_share(body.as_bytes()).err().unwrap().detail().contains("s3c"));
        }
    }

    #[test]
    fn null_takes_away_and_what_is_left_out_stays() {
        let (change, _) = change(br#"{"max_downloads": null, "passcode": null}"#).unwrap();
        assert_eq!(change.max_downloads, Edit::Remove);
        assert_eq!(change.passcode, Edit::Remove);
        let (change, made) = super::change(br#"{"passcode": true}"#).unwrap();
        assert_eq!((change.max_downloads, change.expires_in), (Edit::Keep, None));
        assert_eq!(change.passcode, Edit::Set(made.unwrap()));
        for nothing in ["{}", r#"{"unlock": false}"#] {
            let detail = super::change(nothing.as_bytes()).err().unwrap().detail();
            assert!(detail.contains("nothing to change"), "{detail}");
        }
    }

    #[test]
    fn a_download_has_the_file_s_own_name_or_the_one_that_is_asked_for() {
        let disposition = |body: &str| {
            new_share(body.as_bytes()).ok().unwrap().0.link.response_headers.content_disposition
        };
        assert!(disposition(r#"{"key": "a/b.pdf"}"#).contains("filename=\"b.pdf\""));
        assert!(disposition(r#"{"key": "a/b", "filename": "c"}"#).contains("filename=\"c\""));
    }
}
