//! What S3 takes as an upload: sizes, parts, names and media types.
//!
//! A file of up to [`MULTIPART_FROM`] bytes is uploaded in one request, a larger one in parts. This module
//! knows no grant and signs nothing.

use std::fmt;

use crate::response_headers::essence;
use crate::text;

/// The largest object, in bytes: 10,000 parts of 5 GiB.
///
/// Source: Amazon S3 user guide, "Amazon S3 multipart upload limits".
pub const MAX_OBJECT_BYTES: u64 = MAX_PARTS * MAX_PUT_BYTES;

/// The most that one request uploads, in bytes: 5 GiB, in `PutObject`, in a form and in a part.
pub const MAX_PUT_BYTES: u64 = 5 * 1_024 * 1_024 * 1_024;

/// The size from which a file is uploaded in parts, in bytes: 100 MiB. Amazon's guide advises it, and
/// uppy does it.
///
/// Source: Amazon S3 user guide, "Uploading and copying objects using multipart upload".
pub const MULTIPART_FROM: u64 = 100 * 1_024 * 1_024;

/// The smallest part but the last, in bytes: 5 MiB.
pub const MIN_PART_BYTES: u64 = 5 * 1_024 * 1_024;

/// The most parts of one upload.
pub const MAX_PARTS: u64 = 10_000;

/// The shortest window of a form, in seconds. Servers judge a form's end when all of its fields have
/// arrived, so a form is promised as "begin by".
pub const MIN_FORM_EXPIRES_IN: u64 = 900;

/// The media type of a file whose own is not known.
pub const UNKNOWN_CONTENT_TYPE: &str = "application/octet-stream";

/// The longest name of a file in a key that is made here, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// How a file is cut into parts: all have one size, and the last has the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The size of the file in bytes.
    pub size: u64,
    /// The size of each part but the last, in bytes.
    pub part_size: u64,
    /// How many parts there are, 1 to [`MAX_PARTS`].
    pub count: u64,
}

impl Parts {
    /// The parts of a file of 1 to [`MAX_OBJECT_BYTES`] bytes: the smallest that S3 takes, and no more
    /// than [`MAX_PARTS`]. uppy 6 cuts files so as well, unless it is told otherwise.
    #[must_use]
    pub fn of(size: u64) -> Self {
        let part_size = size.div_ceil(MAX_PARTS).max(MIN_PART_BYTES);
        Self { size, part_size, count: size.div_ceil(part_size).max(1) }
    }

    /// The length of a part in bytes. Parts are counted from 1. `None`: there is no such part.
    #[must_use]
    pub fn length(&self, number: u64) -> Option<u64> {
        if !(1..=self.count).contains(&number) {
            return None;
        }
        let before = (number - 1) * self.part_size;
        Some(self.part_size.min(self.size - before))
    }
}

/// The last segment of `name` as the end of a key that needs no escape anywhere: letters and digits of any
/// script, dots, hyphens and underscores. Other characters become hyphens.
#[must_use]
pub fn safe_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut safe = String::with_capacity(name.len());
    for c in name.chars() {
        let kept = if c.is_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
        if kept != '-' || !safe.ends_with('-') {
            safe.push(kept);
        }
    }
    // A name that begins with a dot is hidden, and "." and ".." are folders.
    let safe =
        text::ending(safe.trim_matches(['-', '.']), MAX_NAME_BYTES).trim_start_matches(['-', '.']);
    if safe.is_empty() { "file".to_owned() } else { safe.to_owned() }
}

/// A media type that a grant admits: `application/pdf`, `image/*` or `*/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentTypePattern {
    /// In lower case. `None`: any.
    main: Option<String>,
    /// In lower case. `None`: any.
    sub: Option<String>,
}

impl ContentTypePattern {
    /// Reads a pattern. `None`: it is none.
    #[must_use]
    pub fn parse(written: &str) -> Option<Self> {
        let (main, sub) = written.split_once('/')?;
        let is_word =
            |word: &str| !word.contains(['*', ';']) && essence(&format!("{word}/x")).is_some();
        let is_valid = match (main, sub) {
            ("*", "*") => true,
            (main, "*") => is_word(main),
            (main, sub) => is_word(main) && is_word(sub),
        };
        let lower = |word: &str| (word != "*").then(|| word.to_ascii_lowercase());
        is_valid.then(|| Self { main: lower(main), sub: lower(sub) })
    }

    /// Whether the pattern admits a media type, whatever its parameter.
    #[must_use]
    pub fn admits(&self, content_type: &str) -> bool {
        let Some(essence) = essence(content_type) else { return false };
        let Some((main, sub)) = essence.split_once('/') else { return false };
        let fits =
            |wanted: &Option<String>, word: &str| wanted.as_deref().is_none_or(|it| it == word);
        fits(&self.main, main) && fits(&self.sub, sub)
    }
}

/// As the grant has it, in lower case.
impl fmt::Display for ContentTypePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "*".to_owned());
        write!(f, "{}/{}", word(&self.main), word(&self.sub))
    }
}

/// Whether `content_type` has the form `type/subtype` or `type/subtype; charset=token`.
#[must_use]
pub fn is_content_type(content_type: &str) -> bool {
    essence(content_type).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_files_have_parts_of_five_mebibytes_and_huge_ones_ten_thousand_parts() {
        for (size, part_size, count) in [
            (1, MIN_PART_BYTES, 1),
            (MIN_PART_BYTES, MIN_PART_BYTES, 1),
            (MIN_PART_BYTES + 1, MIN_PART_BYTES, 2),
            (20_000_000, MIN_PART_BYTES, 4),
            (MAX_PARTS * MIN_PART_BYTES, MIN_PART_BYTES, MAX_PARTS),
            (MAX_PARTS * MIN_PART_BYTES + 1, MIN_PART_BYTES + 1, MAX_PARTS),
            (MAX_OBJECT_BYTES, MAX_PUT_BYTES, MAX_PARTS),
        ] {
            assert_eq!(Parts::of(size), Parts { size, part_size, count }, "{size}");
        }
    }

    proptest! {
        #[test]
        fn the_parts_are_the_file_and_s3_takes_each(size in 1..=MAX_OBJECT_BYTES) {
            let parts = Parts::of(size);
            prop_assert!(parts.count <= MAX_PARTS && parts.part_size <= MAX_PUT_BYTES);
            let last = parts.length(parts.count).unwrap();
            prop_assert_eq!((parts.count - 1) * parts.part_size + last, size);
            prop_assert!(last >= 1 && last <= parts.part_size);
            prop_assert!(parts.count == 1 || parts.length(1).unwrap() >= MIN_PART_BYTES);
            prop_assert_eq!(parts.length(0), None);
            prop_assert_eq!(parts.length(parts.count + 1), None);
        }

        #[test]
        fn a_safe_name_is_one_segment_that_no_browser_and_no_shell_takes_for_more(name in "\\PC{0,300}") {
            let safe = safe_name(&name);
            prop_assert!((1..=MAX_NAME_BYTES).contains(&safe.len()));
            prop_assert!(!safe.starts_with(['.', '-']));
            prop_assert!(safe.chars().all(|c| c.is_alphanumeric() || "._-".contains(c)), "{}", safe);
            prop_assert_eq!(safe_name(&safe), safe.clone());
        }
    }

    #[test]
    fn a_safe_name_keeps_what_people_recognise() {
        for (name, safe) in [
            ("report.pdf", "report.pdf"),
            ("Résumé 2026 (final).pdf", "Résumé-2026-final-.pdf"),
            ("C:\\Users\\a\\b.txt", "b.txt"),
            ("folder/../../etc/passwd", "passwd"),
            ("..", "file"),
            ("", "file"),
            (".htaccess", "htaccess"),
            ("a\u{202e}gpj.exe", "a-gpj.exe"),
            ("?x=1#y%2F", "x-1-y-2F"),
            ("報告.xlsx", "報告.xlsx"),
        ] {
            assert_eq!(safe_name(name), safe, "{name}");
        }
        let long = format!("{}.tar.gz", "ü".repeat(300));
        assert!(safe_name(&long).ends_with("ü.tar.gz"), "the extension is kept");
    }

    #[test]
    fn a_pattern_admits_its_own_types_in_any_case_and_no_other() {
        let pattern = |written: &str| ContentTypePattern::parse(written).unwrap();
        assert!(pattern("image/*").admits("image/PNG"));
        assert!(!pattern("image/*").admits("text/html"));
        assert!(!pattern("image/*").admits("imagex/png"));
        assert!(pattern("application/pdf").admits("Application/PDF; charset=utf-8"));
        assert!(!pattern("application/pdf").admits("application/pdfx"));
        assert!(pattern("*/*").admits("a/b"));
        assert_eq!(pattern("Image/*").to_string(), "image/*");
        assert!(!pattern("*/*").admits("text/plain,text/html"));
        for wrong in
            ["", "*", "image", "*/png", "image/", "/*", "a/b/c", "text/html; charset=x", "te xt/*"]
        {
            assert_eq!(ContentTypePattern::parse(wrong), None, "{wrong}");
        }
    }
}
