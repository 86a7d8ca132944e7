//! The other spelling of a key. One text has two forms in Unicode, which look the same: macOS writes
//! names in form D, and most others in form C. S3 compares bytes, so a file under one form is missing
//! under the other. A key that is URL-encoded already is missing too, and its decoded form may be there.
//!
//! Source: Unicode Standard Annex #15, "Unicode Normalization Forms".

use aws_credential_types::Credentials;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use link_rules::object::{ObjectKey, ObjectRef};
use percent_encoding::percent_decode_str;

use crate::aws::{Aws, answered};
use crate::invocation::Invocation;

/// The form of a key under which there is an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A letter and its accent are one character.
    Composed,
    /// What the URL's encoding says that the key seems to have.
    Decoded,
    /// A letter and its accent are two characters.
    Decomposed,
}

impl Form {
    /// That an object is there in this form, and how to ask for it.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Composed => {
                "An object is there whose key reads the same and is spelled in Unicode's form C: ask for \
                 the key in that form, which languages make with normalize(\"NFC\")."
            }
            Self::Decoded => {
                "An object is there whose key is this one once it is URL-decoded: send the key as it is in \
                 S3, without %20 and the like."
            }
            Self::Decomposed => {
                "An object is there whose key reads the same and is spelled in Unicode's form D, as macOS \
                 writes names: ask for the key in that form, which languages make with \
                 normalize(\"NFD\")."
            }
        }
    }
}

/// The key without the URL's encoding that it seems to have, or in the form of Unicode that it does not
/// have. `None`: it has both, as ASCII does.
pub(crate) fn other_spelling(key: &str) -> Option<(String, Form)> {
    if let Some(decoded) = url_decoded(key) {
        return Some((decoded, Form::Decoded));
    }
    if key.is_ascii() {
        return None;
    }
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(key);
    let (other, form) = if composed == key {
        (DecomposingNormalizerBorrowed::new_nfd().normalize(key), Form::Decomposed)
    } else {
        (composed, Form::Composed)
    };
    (other != key && ObjectKey::parse(&other).is_ok()).then(|| (other.into_owned(), form))
}

/// The key without the URL's encoding that it seems to have. `None`: it has none, or the rest is no key.
pub(super) fn url_decoded(key: &str) -> Option<String> {
    let decoded = percent_decode_str(key).decode_utf8().ok()?;
    (decoded != key && ObjectKey::parse(&decoded).is_ok()).then(|| decoded.into_owned())
}

/// Whether S3 shows `object` to the session of `credentials`. Asks once.
pub(crate) async fn is_there(
    aws: &Aws,
    object: ObjectRef<'_>,
    credentials: &Credentials,
    invocation: &Invocation,
) -> bool {
    let ObjectRef { bucket, region, key, .. } = object;
    let call = aws.s3(region, credentials, invocation).head_object().bucket(bucket).key(key);
    answered(call.send()).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_another_spelling_if_its_forms_differ() {
        let (composed, decomposed) = ("R\u{e9}sum\u{e9}.pdf", "Re\u{301}sume\u{301}.pdf");
        let other = other_spelling(composed);
        assert_eq!(other, Some((decomposed.to_owned(), Form::Decomposed)));
        assert_eq!(other_spelling(decomposed), Some((composed.to_owned(), Form::Composed)));
        // One letter of each form.
        let mixed = "R\u{e9}sume\u{301}.pdf";
        assert_eq!(other_spelling(mixed), Some((composed.to_owned(), Form::Composed)));
        let encoded = other_spelling("a%20b%2Bc.pdf");
        assert_eq!(encoded, Some(("a b+c.pdf".to_owned(), Form::Decoded)));
        for plain in ["report.pdf", "🦀", "日本語", "100%", "%ff"] {
            assert_eq!(other_spelling(plain), None);
        }
    }

    #[test]
    fn another_spelling_is_a_key() {
        // Form D of one letter in three bytes takes nine here, and 1,024 are allowed.
        assert_eq!(other_spelling(&"각".repeat(300)), None);
        assert!(other_spelling(&"각".repeat(100)).is_some());
    }
}
