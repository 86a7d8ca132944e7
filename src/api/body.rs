//! The body of an answer, kept the way gateways take it: JSON within a JSON string, as the first
//! field of the answer.
//!
//! It is written that way at once. A thousand links are megabytes: to escape them afterwards, and
//! to count beforehand what that will add, cost more than to sign them.

use memchr::memchr2_iter;
use serde::Serialize;

use super::ENVELOPE_BYTES;

/// What stands before the body in an answer, and after it.
const OPEN: &[u8] = b"{\"body\":\"";
const CLOSE: u8 = b'"';

/// An answer up to the end of its body. Not `Debug`: it holds links.
#[derive(Clone)]
pub struct Body(Vec<u8>);

/// The empty string, which is the body of a redirect.
impl Default for Body {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl Body {
    /// The empty string, with room for an answer of so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        let mut body = Vec::with_capacity(bytes);
        body.extend_from_slice(OPEN);
        body.push(CLOSE);
        Self(body)
    }

    /// One piece of JSON, the whole body.
    #[must_use]
    pub fn of(json: &[u8]) -> Self {
        // A tenth of JSON is quotes, and what is around the body fits into the rest.
        let mut body = Self::with_capacity(json.len() + json.len() / 8 + ENVELOPE_BYTES);
        body.push(json);
        body
    }

    /// The JSON of `value`, one of ours. None of them can fail to serialize: they hold no maps
    /// with keys other than strings and no `Serialize` that errs.
    pub fn json(value: &impl Serialize) -> Self {
        Self::of(&serde_json::to_vec(value).unwrap_or_default())
    }

    /// Appends a piece of JSON. JSON has no raw control characters, so quotes and backslashes are
    /// all there is to escape. Few large pieces cost less than many small ones.
    pub fn push(&mut self, json: &[u8]) {
        let body = &mut self.0;
        body.pop();
        let mut copied = 0;
        for index in memchr2_iter(b'"', b'\\', json) {
            body.extend_from_slice(&json[copied..index]);
            body.push(b'\\');
            copied = index;
        }
        body.extend_from_slice(&json[copied..]);
        body.push(CLOSE);
    }

    /// How many bytes it takes in an answer.
    #[must_use]
    pub fn packed_bytes(&self) -> usize {
        self.0.len()
    }

    /// The JSON of the whole answer. The rest of its fields are those of `rest`, a struct.
    ///
    /// # Errors
    ///
    /// As [`serde_json::to_vec`] for `rest`.
    pub fn into_answer(self, rest: &impl Serialize) -> serde_json::Result<Vec<u8>> {
        let mut answer = self.0;
        push_fields(&mut answer, rest)?;
        Ok(answer)
    }
}

/// Appends the fields of `rest`, a struct, to an object that has some already and is not closed
/// yet, and closes it.
///
/// # Errors
///
/// As [`serde_json::to_vec`] for `rest`.
pub fn push_fields(object: &mut Vec<u8>, rest: &impl Serialize) -> serde_json::Result<()> {
    let begins = object.len();
    serde_json::to_writer(&mut *object, rest)?;
    // The brace that opened the rest.
    object[begins] = b',';
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[derive(Serialize)]
    struct Rest {
        status: u16,
    }

    fn body_of(body: Body) -> String {
        let answer = body.into_answer(&Rest { status: 200 }).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["status"], 200);
        answer["body"].as_str().unwrap().to_owned()
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let value = ["plain", "a \"quoted\" \\ \u{1} key", "ü", "", "\\\\\"\""];
        let list = serde_json::to_string(&value).unwrap();
        let mut body = Body::default();
        body.push(b"{\"list\":");
        body.push(list.as_bytes());
        body.push(b"}");
        assert_eq!(body_of(body), format!("{{\"list\":{list}}}"));
        assert_eq!(body_of(Body::json(&value)), list);
    }

    #[test]
    fn it_is_empty_at_first() {
        assert_eq!(body_of(Body::default()), "");
    }
}
