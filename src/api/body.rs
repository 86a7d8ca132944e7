//! The body of an answer, kept the way gateways take it: JSON within a JSON string, as the first
//! field of the answer.
//!
//! It is written that way at once. A thousand links are megabytes: to escape them afterwards, and
//! to count beforehand what that will add, cost more than to sign them.

use std::io::{self, Write};

use memchr::memchr2;
use serde::Serialize;

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

    /// The JSON of `value`.
    pub fn json(value: &impl Serialize) -> Self {
        let mut body = Self::default();
        body.push_json(value);
        body
    }

    /// Appends the JSON of `value`, one of ours. None of them can fail to serialize: they hold no
    /// maps with keys other than strings and no `Serialize` that errs.
    pub fn push_json(&mut self, value: &impl Serialize) {
        self.reopen(|open| drop(serde_json::to_writer(open, value)));
    }

    /// Appends a piece of JSON.
    pub fn push(&mut self, json: &str) {
        // Writing into memory can't fail.
        self.reopen(|mut open| drop(open.write_all(json.as_bytes())));
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
        let begins = answer.len();
        serde_json::to_writer(&mut answer, rest)?;
        // The brace that opened the rest.
        answer[begins] = b',';
        Ok(answer)
    }

    /// Lets something be written before the closing quote.
    fn reopen(&mut self, write: impl FnOnce(Inside<'_>)) {
        self.0.pop();
        write(Inside(&mut self.0));
        self.0.push(CLOSE);
    }
}

/// The inside of a JSON string.
struct Inside<'a>(&'a mut Vec<u8>);

/// Escapes what JSON can hold: it has no raw control characters, so these two are all.
impl Write for Inside<'_> {
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        let mut rest = json;
        while let Some(index) = memchr2(b'"', b'\\', rest) {
            self.0.extend_from_slice(&rest[..index]);
            self.0.extend_from_slice(&[b'\\', rest[index]]);
            rest = &rest[index + 1..];
        }
        self.0.extend_from_slice(rest);
        Ok(json.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
        let mut body = Body::default();
        body.push("{\"list\":[");
        body.push_json(&value);
        body.push("]}");
        let json = format!("{{\"list\":[{}]}}", serde_json::to_string(&value).unwrap());
        assert_eq!(body_of(body), json);
    }

    #[test]
    fn it_is_empty_at_first() {
        assert_eq!(body_of(Body::default()), "");
    }
}
