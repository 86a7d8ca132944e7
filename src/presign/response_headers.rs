//! What S3 is told to answer in `Content-Disposition` and `Content-Type` when a link is opened.
//!
//! Both are signed into the link. Nothing that a caller writes can add a header or a header's
//! parameter.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use thiserror::Error;

/// The longest file name accepted, in bytes: what common file systems take.
const MAX_FILENAME_BYTES: usize = 255;

/// The longest media type accepted, in bytes.
const MAX_CONTENT_TYPE_BYTES: usize = 127;

/// Everything but RFC 8187's `attr-char`.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Media types that no browser runs as script, whatever the file holds.
const INERT_CONTENT_TYPES: &[&str] = &[
    "application/gzip",
    "application/json",
    "application/octet-stream",
    "application/pdf",
    "application/zip",
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/tiff",
    "image/webp",
    "text/csv",
    "text/plain",
];

/// The response headers that are signed into a link, in the form that S3 sends them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHeaders {
    /// The value of `response-content-disposition`.
    pub content_disposition: Option<String>,
    /// The value of `response-content-type`.
    pub content_type: Option<String>,
}

/// What is wrong with the wanted headers. Each message names the field and the fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ResponseHeadersError {
    /// The file name is empty, or longer than a file system takes.
    #[error("filename: use 1 to {MAX_FILENAME_BYTES} bytes")]
    FilenameLength,
    /// The file name holds control characters, or characters that change the direction of text.
    #[error("filename: control and text-direction characters are not accepted")]
    FilenameControl,
    /// The file name is a path.
    #[error("filename: \"/\" and \"\\\" are not accepted, give the name without folders")]
    FilenameSeparator,
    /// The disposition is neither of the two words.
    #[error("disposition: use \"attachment\" or \"inline\"")]
    Disposition,
    /// The content type is not of the form type/subtype.
    #[error("content_type: use a media type such as \"application/pdf\"")]
    ContentTypeSyntax,
    /// The content type could run script in the bucket's origin.
    #[error(
        "content_type: this type could run script in the bucket's own origin; \
         add \"disposition\": \"attachment\", or use a type that can't"
    )]
    ContentTypeActive,
}

impl ResponseHeaders {
    /// The headers that a caller wants. A `filename` without a `disposition` means an attachment.
    ///
    /// # Errors
    ///
    /// [`ResponseHeadersError`], which names the field and the fix.
    pub fn new(
        filename: Option<&str>,
        disposition: Option<&str>,
        content_type: Option<&str>,
    ) -> Result<Self, ResponseHeadersError> {
        filename.map_or(Ok(()), check_filename)?;
        let disposition = match (disposition, filename) {
            (Some(word @ ("attachment" | "inline")), _) => Some(word),
            (Some(_), _) => return Err(ResponseHeadersError::Disposition),
            (None, Some(_)) => Some("attachment"),
            (None, None) => None,
        };
        if let Some(content_type) = content_type {
            check_content_type(content_type, disposition == Some("attachment"))?;
        }
        Ok(Self {
            content_disposition: disposition.map(|word| content_disposition(word, filename)),
            content_type: content_type.map(str::to_owned),
        })
    }
}

fn check_filename(filename: &str) -> Result<(), ResponseHeadersError> {
    if !(1..=MAX_FILENAME_BYTES).contains(&filename.len()) {
        Err(ResponseHeadersError::FilenameLength)
    } else if filename.contains(|c: char| c.is_control() || is_bidi_control_or_line_separator(c)) {
        Err(ResponseHeadersError::FilenameControl)
    } else if filename.contains(['/', '\\']) {
        Err(ResponseHeadersError::FilenameSeparator)
    } else {
        Ok(())
    }
}

/// Whether a character is one of Unicode's bidirectional controls or line separators. With a
/// bidirectional control the name `gpj.exe` is displayed as `exe.jpg`.
pub(crate) fn is_bidi_control_or_line_separator(c: char) -> bool {
    matches!(
        c,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

fn check_content_type(content_type: &str, attachment: bool) -> Result<(), ResponseHeadersError> {
    let essence = content_type.split(';').next().unwrap_or_default();
    let essence = essence.trim_end().to_ascii_lowercase();
    let well_formed = content_type.len() <= MAX_CONTENT_TYPE_BYTES
        && essence
            .split_once('/')
            .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
        && content_type.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    // The list names the types that are known to be inert. Every other type may run script (HTML,
    // SVG, XML, JavaScript), or may be one that browsers guess about.
    let inert = INERT_CONTENT_TYPES.contains(&essence.as_str())
        || essence.starts_with("audio/")
        || essence.starts_with("video/")
        || essence.starts_with("font/");
    match (well_formed, attachment || inert) {
        (false, _) => Err(ResponseHeadersError::ContentTypeSyntax),
        (true, false) => Err(ResponseHeadersError::ContentTypeActive),
        (true, true) => Ok(()),
    }
}

/// RFC 9110's `token`.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

/// RFC 6266: `filename` for clients that know ASCII only, `filename*` (RFC 8187) for the rest.
fn content_disposition(disposition: &str, filename: Option<&str>) -> String {
    let Some(filename) = filename else {
        return disposition.to_owned();
    };
    // A quote or a backslash could end the quoted string early. Some clients decode `%`.
    let ascii: String = filename
        .chars()
        .map(|c| match c {
            '"' | '\\' | '%' => '_',
            c if c.is_ascii() => c,
            _ => '_',
        })
        .collect();
    if ascii == filename {
        format!("{disposition}; filename=\"{ascii}\"")
    } else {
        let encoded = utf8_percent_encode(filename, NOT_ATTR_CHAR);
        format!("{disposition}; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn disposition(filename: &str) -> String {
        ResponseHeaders::new(Some(filename), None, None).unwrap().content_disposition.unwrap()
    }

    #[test]
    fn a_plain_name_needs_no_encoding() {
        assert_eq!(disposition("report 2026.pdf"), "attachment; filename=\"report 2026.pdf\"");
    }

    #[test]
    fn any_other_name_has_an_ascii_fallback_and_the_real_one() {
        assert_eq!(
            disposition("Résumé \"2026\".pdf"),
            "attachment; filename=\"R_sum_ _2026_.pdf\"; \
             filename*=UTF-8''R%C3%A9sum%C3%A9%20%222026%22.pdf"
        );
        assert_eq!(
            disposition("100% done.txt"),
            "attachment; filename=\"100_ done.txt\"; filename*=UTF-8''100%25%20done.txt"
        );
    }

    #[test]
    fn names_that_could_mislead_or_break_out_are_refused() {
        for (filename, expected) in [
            ("", ResponseHeadersError::FilenameLength),
            ("a\r\nSet-Cookie: b", ResponseHeadersError::FilenameControl),
            ("\u{202e}gpj.exe", ResponseHeadersError::FilenameControl),
            ("a\u{2028}b", ResponseHeadersError::FilenameControl),
            ("../a", ResponseHeadersError::FilenameSeparator),
            ("a\\b", ResponseHeadersError::FilenameSeparator),
        ] {
            assert_eq!(ResponseHeaders::new(Some(filename), None, None), Err(expected));
        }
        assert!(ResponseHeaders::new(Some(&"a".repeat(256)), None, None).is_err());
    }

    #[test]
    fn what_could_run_script_is_only_given_as_an_attachment() {
        for active in ["text/html", "Text/HTML; charset=utf-8", "image/svg+xml", "text/xml", "a/b"]
        {
            let inline = ResponseHeaders::new(None, Some("inline"), Some(active));
            assert_eq!(inline, Err(ResponseHeadersError::ContentTypeActive), "{active}");
            let unsaid = ResponseHeaders::new(None, None, Some(active));
            assert_eq!(unsaid, Err(ResponseHeadersError::ContentTypeActive), "{active}");
            assert!(ResponseHeaders::new(None, Some("attachment"), Some(active)).is_ok());
            assert!(ResponseHeaders::new(Some("name"), None, Some(active)).is_ok());
        }
        for inert in ["application/pdf", "image/png", "video/mp4", "text/plain; charset=utf-8"] {
            assert!(ResponseHeaders::new(None, Some("inline"), Some(inert)).is_ok(), "{inert}");
        }
    }

    #[test]
    fn a_media_type_can_not_smuggle_anything() {
        for wrong in [
            "",
            "pdf",
            "a/",
            "/b",
            "a/b/c",
            "text/plain\r\nX: y",
            "text/plain\n",
            "text/plain\n; charset=utf-8",
            "text/plain;\u{7f}",
            "té/x",
        ] {
            assert_eq!(
                ResponseHeaders::new(None, Some("attachment"), Some(wrong)),
                Err(ResponseHeadersError::ContentTypeSyntax),
                "{wrong}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_the_name_the_header_is_one_line_of_ascii_with_one_quoted_string(
            filename in "\\PC{1,60}"
        ) {
            if let Ok(headers) = ResponseHeaders::new(Some(&filename), None, None) {
                let header = headers.content_disposition.unwrap();
                prop_assert!(header.chars().all(|c| c == ' ' || c.is_ascii_graphic()));
                prop_assert_eq!(header.matches('"').count(), 2);
                if let Some((_, encoded)) = header.split_once("filename*=UTF-8''") {
                    let decoded = percent_encoding::percent_decode_str(encoded).decode_utf8();
                    prop_assert_eq!(decoded.unwrap(), filename);
                }
            }
        }
    }
}
