//! `application/x-www-form-urlencoded`: what queries and plain HTML forms are written in.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The decoded names and values, in their order.
///
/// # Errors
///
/// The name or value, as it was written, that is not UTF-8 once it is decoded. With a replacement
/// character a link would be for another object than the one named.
pub(crate) fn decode_form(encoded: &str) -> Result<Vec<(String, String)>, &str> {
    fn decode(text: &str) -> Result<String, &str> {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8().map(Cow::into_owned).map_err(|_| text)
    }
    encoded
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded_in_their_order() {
        let pairs = decode_form("a=1+2&b=%C3%BC%2B&&c&a==").unwrap();
        let expected = [("a", "1 2"), ("b", "ü+"), ("c", ""), ("a", "=")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(decode_form("a=%FF"), Err("%FF"));
        assert_eq!(decode_form(""), Ok(Vec::new()));
    }
}
