//! Objects, and the keys that a link can name.

use thiserror::Error;

/// The longest key that S3 takes, in bytes of UTF-8.
///
/// Source: Amazon S3 user guide, "Naming Amazon S3 objects".
pub const MAX_KEY_BYTES: usize = 1_024;

/// The version id of an object that was created without versioning. The next upload without versioning
/// replaces such an object. S3 leaves the id out where a bucket was never versioned.
///
/// Source: Amazon S3 user guide, "How S3 Versioning works".
pub const UNVERSIONED: &str = "null";

/// One object, or one version of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectRef<'a> {
    /// The bucket's name, or the alias or ARN of an access point.
    pub bucket: &'a str,
    /// The bucket's region.
    pub region: &'a str,
    /// The object's key, decoded.
    pub key: &'a str,
    /// `None`: whatever version is the current one.
    pub version_id: Option<&'a str>,
}

/// A key of 1 to [`MAX_KEY_BYTES`] bytes without `.` and `..` path segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectKey<'a>(&'a str);

/// Why a link can't name a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ObjectKeyError {
    /// The key is empty or too long.
    #[error("key: {0} bytes; S3's keys have 1 to {MAX_KEY_BYTES}")]
    Length(usize),
    /// The key has a `.` or `..` path segment.
    #[error(
        "The key has a \".\" or \"..\" path segment. Browsers collapse those even percent-encoded, \
         so a link to it can't be relied on. Copy the object to a key without them."
    )]
    DotSegment,
}

impl<'a> ObjectKey<'a> {
    /// Checks `key`.
    ///
    /// URL parsers collapse the segments `.` and `..` even when they are percent-encoded (WHATWG
    /// URL standard, "single-dot" and "double-dot" path segments). A browser would ask S3 for
    /// another object than the one that was signed.
    ///
    /// # Errors
    ///
    /// [`ObjectKeyError`].
    pub fn parse(key: &'a str) -> Result<Self, ObjectKeyError> {
        Self::check_length(key)?;
        if key.split('/').any(|segment| segment == "." || segment == "..") {
            return Err(ObjectKeyError::DotSegment);
        }
        Ok(Self(key))
    }

    /// Checks the length alone: all that makes a key impossible, whoever asks for it.
    ///
    /// # Errors
    ///
    /// [`ObjectKeyError::Length`].
    pub fn check_length(key: &str) -> Result<(), ObjectKeyError> {
        if (1..=MAX_KEY_BYTES).contains(&key.len()) {
            Ok(())
        } else {
            Err(ObjectKeyError::Length(key.len()))
        }
    }

    /// The key, decoded.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_a_dot_segment_is_refused_and_other_dots_are_not() {
        for key in [".", "..", "a/..", "../a", "a/./b", "a/../b", "/."] {
            assert_eq!(ObjectKey::parse(key), Err(ObjectKeyError::DotSegment), "{key}");
        }
        for key in ["a.b", "...", "a/.../b", ".a", "a..", "a//b", "/"] {
            assert_eq!(ObjectKey::parse(key).map(ObjectKey::as_str), Ok(key));
        }
    }

    #[test]
    fn a_key_has_1_to_1024_bytes_however_many_characters() {
        assert_eq!(ObjectKey::parse(""), Err(ObjectKeyError::Length(0)));
        assert!(ObjectKey::parse(&"ü".repeat(512)).is_ok());
        assert_eq!(ObjectKey::parse(&"ü".repeat(513)), Err(ObjectKeyError::Length(1_026)));
    }
}
