//! `application/x-www-form-urlencoded`: what queries, plain HTML forms and the keys in S3's
//! notifications are written in.
//!
//! Source: URL standard, "application/x-www-form-urlencoded".

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A text, decoded. `+` is replaced first: an encoded plus sign would become a space otherwise.
///
/// # Errors
///
/// The text as it was written, if it is not UTF-8 once it is decoded. With a replacement character a
/// link would be for another object than the one named.
pub fn decode(encoded: &str) -> Result<String, &str> {
    let spaced = encoded.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().map(Cow::into_owned).map_err(|_| encoded)
}

/// The decoded names and values of a form or a query, in their order.
///
/// # Errors
///
/// As for [`decode`]: the name or the value that is not UTF-8.
pub fn decode_pairs(encoded: &str) -> Result<Vec<(String, String)>, &str> {
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
    fn a_plus_sign_is_a_space_and_an_encoded_one_is_itself() {
        assert_eq!(decode("a%2Bb+c.pdf").as_deref(), Ok("a+b c.pdf"));
        assert_eq!(decode("100%25+%C3%BC/a%2520b").as_deref(), Ok("100% ü/a%20b"));
        assert_eq!(decode("%FF"), Err("%FF"));
    }

    #[test]
    fn names_and_values_are_decoded_in_their_order() {
        let pairs = decode_pairs("a=1+2&b=%C3%BC%2B&&c&a==").unwrap();
        let expected = [("a", "1 2"), ("b", "ü+"), ("c", ""), ("a", "=")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(decode_pairs("a=%FF"), Err("%FF"));
        assert_eq!(decode_pairs(""), Ok(Vec::new()));
    }
}
