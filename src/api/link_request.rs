//! Requests for links as callers write them: JSON or query parameters.
//!
//! Both forms have the same fields and the same rules. The answer to a mistake says where it is.

use std::fmt;

use link_rules::access::Action;
use link_rules::json::FirstOf;
use link_rules::object::ObjectKey;
use link_rules::response_headers::{DownloadAs, ResponseHeaders};
use link_rules::text;
use link_rules::window::{DEFAULT_EXPIRES_IN, RequestedWindow};
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::value::RawValue;

use super::Problem;
use crate::links::{LinkRequest, Method};

/// How many links one batch may ask for.
const MAX_BATCH: usize = 1_000;

/// The longest version id that is accepted, in bytes. S3's own have 32 bytes, those of other stores
/// not many more.
const MAX_VERSION_ID_BYTES: usize = 1_024;

/// The fields as they are written, before their values are checked.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a JSON object with the field \"key\"")]
struct RawLinkRequest {
    bucket: Option<String>,
    key: Option<String>,
    version_id: Option<String>,
    expires_in: Option<WholeNumber>,
    min_expires_in: Option<WholeNumber>,
    filename: Option<String>,
    content_type: Option<String>,
    disposition: Option<String>,
    check: Option<bool>,
    method: Option<String>,
}

/// The body of a batch. Each entry is parsed by itself, so a bad one affects no other. Those after the
/// first [`MAX_BATCH`] are counted and not kept: millions fit into a body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a JSON object with the field \"links\"")]
struct RawBatch<'a> {
    #[serde(borrow)]
    links: FirstOf<&'a RawValue, MAX_BATCH>,
}

/// Reads the JSON of a request for one link.
///
/// # Errors
///
/// [`Problem::InvalidRequest`], which names the field, or line and column where the JSON is wrong.
pub(super) fn from_json(body: &[u8]) -> Result<LinkRequest, Problem> {
    validate(parse(body)?)
}

/// The file that a share is about, as it is written.
#[derive(Default)]
pub(super) struct RawFile {
    pub(super) bucket: Option<String>,
    pub(super) key: Option<String>,
    pub(super) version_id: Option<String>,
    pub(super) filename: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) disposition: Option<String>,
}

/// A request for links to the file of a share.
///
/// # Errors
///
/// As for [`from_json`].
pub(super) fn for_share(file: RawFile) -> Result<LinkRequest, Problem> {
    let RawFile { bucket, key, version_id, filename, content_type, disposition } = file;
    // A download has the file's own name, as far as that is accepted as one.
    let own_name = key.as_deref().map(text::file_name);
    let own_name = own_name.filter(|name| {
        let named = DownloadAs { filename: Some(name), ..DownloadAs::default() };
        ResponseHeaders::new(named).is_ok()
    });
    let filename = filename.or(own_name);
    let raw = RawLinkRequest {
        bucket,
        key,
        version_id,
        filename,
        content_type,
        disposition,
        ..RawLinkRequest::default()
    };
    Ok(LinkRequest { action: Action::Share, ..validate(raw)? })
}

/// Reads the JSON of a batch. An entry that can't be read becomes an error in its place.
///
/// # Errors
///
/// [`Problem::InvalidRequest`] when the body as a whole can't be read.
pub(super) fn batch_from_json(body: &[u8]) -> Result<Vec<Result<LinkRequest, Problem>>, Problem> {
    let raw: RawBatch<'_> = parse(body)?;
    if !(1..=MAX_BATCH).contains(&raw.links.count) {
        return Err(Problem::invalid_request(format!(
            "links: {} entries; send 1 to {MAX_BATCH}",
            raw.links.count
        )));
    }
    Ok(raw
        .links
        .first
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            from_json(entry.get().as_bytes()).map_err(|problem| match problem {
                Problem::InvalidRequest(detail) => {
                    Problem::invalid_request(format!("links[{index}]: {detail}"))
                }
                other => other,
            })
        })
        .collect())
}

/// Reads query parameters. Those of a presigned API call (`X-Amz-…`) are for the gateway and are
/// ignored.
///
/// # Errors
///
/// [`Problem::InvalidRequest`], which names the parameter.
pub(super) fn from_query(query: &[(String, String)]) -> Result<LinkRequest, Problem> {
    let mut raw = RawLinkRequest::default();
    for (name, value) in query {
        let twice = match name.as_str() {
            "bucket" => raw.bucket.replace(value.clone()).is_some(),
            "key" => raw.key.replace(value.clone()).is_some(),
            "version_id" => raw.version_id.replace(value.clone()).is_some(),
            "filename" => raw.filename.replace(value.clone()).is_some(),
            "content_type" => raw.content_type.replace(value.clone()).is_some(),
            "disposition" => raw.disposition.replace(value.clone()).is_some(),
            "method" => raw.method.replace(value.clone()).is_some(),
            "expires_in" => raw.expires_in.replace(seconds(name, value)?).is_some(),
            "min_expires_in" => raw.min_expires_in.replace(seconds(name, value)?).is_some(),
            "check" => raw.check.replace(boolean(name, value)?).is_some(),
            _ if name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-")) => false,
            _ if is_for_tracking(name) => false,
            _ => {
                return Err(Problem::invalid_request(format!(
                    "unknown parameter {name:?}; known are bucket, key, version_id, expires_in, \
                     min_expires_in, filename, content_type, disposition, check and method"
                )));
            }
        };
        if twice {
            return Err(Problem::invalid_request(format!("{name}: given more than once")));
        }
    }
    validate(raw)
}

/// Whether a parameter is one that mail programs and advertisers add to every address.
///
/// Sources: Google Analytics help, "URL builders"; Google Ads help, "About auto-tagging"; Meta business
/// help, "About the fbclid parameter".
fn is_for_tracking(name: &str) -> bool {
    name.starts_with("utm_") || matches!(name, "fbclid" | "gclid")
}

fn seconds(name: &str, value: &str) -> Result<WholeNumber, Problem> {
    value.parse().map(WholeNumber).map_err(|_| {
        Problem::invalid_request(format!("{name}: {value:?} is not a whole number of seconds"))
    })
}

fn boolean(name: &str, value: &str) -> Result<bool, Problem> {
    value
        .parse()
        .map_err(|_| Problem::invalid_request(format!("{name}: {value:?} is not true or false")))
}

/// A number that is not negative.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct WholeNumber(pub(super) u64);

impl<'de> Deserialize<'de> for WholeNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;

        impl Visitor<'_> for Whole {
            type Value = WholeNumber;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number such as 3600, without quotes")
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<WholeNumber, E> {
                Ok(WholeNumber(number))
            }
        }

        deserializer.deserialize_u64(Whole)
    }
}

/// The answer to JSON in single quotes, or with some.
const SINGLE_QUOTES: &str = "JSON has double quotes, not single ones: send {\"key\": \
     \"private-files/report.pdf\"}. In a Windows command line, put a backslash before each of them";

/// What some programs write before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Parses JSON. When that fails, it is parsed once more to find the field that is wrong. A byte order mark
/// before it is passed over.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    match body.trim_ascii_start().first() {
        Some(b'{') => {}
        // serde would also accept an array that holds the fields' values without their names.
        Some(b'[') => {
            return Err(Problem::invalid_request("a JSON object is needed, not an array"));
        }
        Some(b'\'') => return Err(Problem::invalid_request(SINGLE_QUOTES)),
        Some(_) => {
            return Err(Problem::invalid_request(
                "a JSON object is needed, such as {\"key\": \"private-files/report.pdf\"}",
            ));
        }
        None => {
            return Err(Problem::invalid_request(
                "the body is empty; send JSON such as {\"key\": \"private-files/report.pdf\"}",
            ));
        }
    }
    serde_json::from_slice(body).map_err(|error| {
        let inside = body.trim_ascii_start().get(1..).unwrap_or_default().trim_ascii_start();
        if inside.first() == Some(&b'\'') {
            return Problem::invalid_request(SINGLE_QUOTES);
        }
        let mut again = serde_json::Deserializer::from_slice(body);
        let located = serde_path_to_error::deserialize::<_, T>(&mut again).err();
        // The path is "." for the whole, and has a "?" where the JSON itself is broken.
        let path = located.map(|error| error.path().to_string());
        let path = path.filter(|path| path != "." && !path.contains('?'));
        let error = error.to_string();
        match path {
            // The message about an unknown field names the field already.
            Some(path) if !error.contains(&path) => {
                Problem::invalid_request(format!("{path}: {error}"))
            }
            _ => Problem::invalid_request(error),
        }
    })
}

/// The window that is asked for.
pub(super) fn requested_window(
    expires_in: Option<WholeNumber>,
    min_expires_in: Option<WholeNumber>,
) -> Result<RequestedWindow, Problem> {
    let invalid = |detail: String| Err(Problem::invalid_request(detail));
    let window = RequestedWindow {
        expires_in: expires_in.map_or(DEFAULT_EXPIRES_IN, |number| number.0),
        min_expires_in: min_expires_in.map_or(1, |number| number.0),
    };
    if window.expires_in == 0 {
        return invalid("expires_in: 0; a link lives at least 1 second".to_owned());
    }
    if window.min_expires_in == 0 {
        return invalid("min_expires_in: 0; a link lives at least 1 second".to_owned());
    }
    if window.min_expires_in > window.expires_in {
        return invalid(format!(
            "min_expires_in: {} is more than expires_in, which is {}",
            window.min_expires_in, window.expires_in
        ));
    }
    Ok(window)
}

fn validate(raw: RawLinkRequest) -> Result<LinkRequest, Problem> {
    let invalid = |detail: String| Err(Problem::invalid_request(detail));

    let Some(key) = raw.key else {
        return invalid("key: missing; name the object".to_owned());
    };
    if let Err(error) = ObjectKey::check_length(&key) {
        return invalid(error.to_string());
    }
    if let Some(version_id) = &raw.version_id
        && !(1..=MAX_VERSION_ID_BYTES).contains(&version_id.len())
    {
        return invalid(format!(
            "version_id: {} bytes; use 1 to {MAX_VERSION_ID_BYTES}",
            version_id.len()
        ));
    }
    let method = match raw.method.as_deref() {
        None | Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        Some(other) => {
            return invalid(format!("method: {other:?}; use \"GET\" or \"HEAD\""));
        }
    };
    let window = requested_window(raw.expires_in, raw.min_expires_in)?;
    let response_headers = ResponseHeaders::new(DownloadAs {
        filename: raw.filename.as_deref(),
        disposition: raw.disposition.as_deref(),
        content_type: raw.content_type.as_deref(),
    })
    .map_err(|error| Problem::invalid_request(error.to_string()))?;
    Ok(LinkRequest {
        action: Action::Get,
        bucket: raw.bucket,
        key,
        version_id: raw.version_id,
        window,
        response_headers,
        check: raw.check.unwrap_or(false),
        method,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(body: &str) -> String {
        from_json(body.as_bytes()).unwrap_err().detail()
    }

    fn query(pairs: &[(&str, &str)]) -> Result<LinkRequest, Problem> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        from_query(&pairs.iter().map(owned).collect::<Vec<_>>())
    }

    #[test]
    fn only_the_key_is_needed() {
        let request = from_json(br#"{"key": "a"}"#).unwrap();
        assert_eq!(request.window, RequestedWindow { expires_in: 3_600, min_expires_in: 1 });
        assert_eq!(request, query(&[("key", "a")]).unwrap());
    }

    #[test]
    fn both_forms_mean_the_same() {
        let json = r#"{"bucket": "b", "key": "k", "version_id": "v", "expires_in": 60,
            "min_expires_in": 30, "filename": "f", "content_type": "application/pdf",
            "disposition": "inline", "check": true, "method": "HEAD"}"#;
        let pairs = [
            ("bucket", "b"),
            ("key", "k"),
            ("version_id", "v"),
            ("expires_in", "60"),
            ("min_expires_in", "30"),
            ("filename", "f"),
            ("content_type", "application/pdf"),
            ("disposition", "inline"),
            ("check", "true"),
            ("method", "HEAD"),
            ("X-Amz-Signature", "of the call to the gateway"),
            ("utm_source", "newsletter"),
            ("fbclid", "x"),
            ("gclid", "x"),
        ];
        assert_eq!(from_json(json.as_bytes()), query(&pairs));
    }

    #[test]
    fn a_mistake_is_answered_with_where_it_is() {
        for (body, expected) in [
            ("", "the body is empty"),
            ("{", "EOF while parsing an object at line 1 column 1"),
            ("[]", "a JSON object is needed, not an array"),
            (r#"["files", "a"]"#, "a JSON object is needed, not an array"),
            ("5", "a JSON object is needed"),
            ("{}", "key: missing"),
            (r#"{"key": ""}"#, "key: 0 bytes"),
            (r#"{"key": "a", "expires": 5}"#, "unknown field `expires`"),
            (
                r#"{"key": "a", "expires_in": "5"}"#,
                "expires_in: invalid type: string \"5\", expected a whole number such as 3600, without \
                 quotes",
            ),
            (
                r#"{"key": "a", "expires_in": -5}"#,
                "expires_in: invalid type: integer `-5`, expected a whole number such as 3600",
            ),
            (
                r#"{"key": "a", "expires_in": 1.5}"#,
                "expires_in: invalid type: floating point `1.5`, expected a whole number such as 3600",
            ),
            ("'{\"key\": \"a\"}'", "JSON has double quotes, not single ones"),
            ("{'key': 'a'}", "JSON has double quotes, not single ones"),
            (r#"{"key": "a", "expires_in": 0}"#, "expires_in: 0"),
            (r#"{"key": "a", "min_expires_in": 0}"#, "min_expires_in: 0"),
            (r#"{"key": "a", "min_expires_in": 3601}"#, "3601 is more than expires_in"),
            (r#"{"key": "a", "version_id": ""}"#, "version_id: 0 bytes"),
            (r#"{"key": "a", "method": "PUT"}"#, "method: \"PUT\"; use \"GET\" or \"HEAD\""),
            (r#"{"key": "a", "method": "head"}"#, "method: \"head\"; use"),
            (r#"{"key": "a", "key": "b"}"#, "duplicate field `key`"),
            (r#"{"key": "a"} x"#, "trailing characters at line 1 column 14"),
            (r#"{"key": "a", "filename": "\n"}"#, "filename: control"),
        ] {
            let detail = detail(body);
            assert!(detail.contains(expected), "{body}: {detail}");
        }
        assert!(from_json(b"{\"key\": \"\xff\"}").is_err());
        assert!(from_json(b"\xef\xbb\xbf{\"key\": \"a\"}").is_ok());
    }

    #[test]
    fn a_key_has_at_most_1024_bytes_however_many_characters() {
        let key = "ü".repeat(512);
        assert!(from_json(format!(r#"{{"key": "{key}"}}"#).as_bytes()).is_ok());
        assert!(detail(&format!(r#"{{"key": "{key}a"}}"#)).contains("key: 1025 bytes"));
    }

    #[test]
    fn a_parameter_given_twice_or_unknown_is_refused_by_name() {
        let detail = |pairs| query(pairs).unwrap_err().detail();
        assert!(detail(&[("key", "a"), ("key", "b")]).contains("key: given more than once"));
        assert!(detail(&[("key", "a"), ("kex", "b")]).contains("unknown parameter \"kex\""));
        assert!(
            detail(&[("key", "a"), ("expires_in", "1h")]).contains("expires_in: \"1h\" is not")
        );
        assert!(detail(&[("key", "a"), ("check", "yes")]).contains("check: \"yes\" is not"));
    }

    #[test]
    fn a_bad_entry_is_named_and_spoils_no_other() {
        let body = br#"{"links": [{"key": "a"}, {"key": 5}, {"key": "c"}]}"#;
        let entries = batch_from_json(body).unwrap();
        assert!(entries[0].is_ok() && entries[2].is_ok());
        let detail = entries[1].as_ref().unwrap_err().detail();
        assert!(detail.contains("links[1]: key: invalid type"), "{detail}");
    }

    #[test]
    fn a_batch_has_1_to_1000_entries() {
        let batch = |count: usize| {
            let entries = vec![r#"{"key":"a"}"#; count].join(",");
            batch_from_json(format!(r#"{{"links":[{entries}]}}"#).as_bytes())
        };
        assert!(batch(0).is_err());
        assert_eq!(batch(1_000).unwrap().len(), 1_000);
        assert!(batch(1_001).unwrap_err().detail().contains("1001 entries; send 1 to 1000"));
        assert!(batch_from_json(br#"{"link": []}"#).unwrap_err().detail().contains("`link`"));
    }
}
