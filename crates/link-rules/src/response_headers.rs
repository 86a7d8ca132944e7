//! What S3 is told to answer in `Content-Disposition` and `Content-Type` when a link is opened.
//!
//! Both are signed into the link. Nothing that a caller writes can add a header or a header's
//! parameter.
//!
//! No link may serve script from the bucket's origin, whoever wrote the file. Three rules see to
//! it:
//!
//! - The disposition is `attachment` unless `inline` is asked for. A browser saves an attachment
//!   and runs nothing of it.
//! - `inline` needs a content type that no browser runs. The object's own type may be HTML, so it
//!   counts only under a grant that trusts the files' writers. This module does not know the grant:
//!   [`ResponseHeaders::show_the_objects_own_type`] says when one is needed, and `links` asks.
//! - A JavaScript type is never signed. Service workers need such a type and ignore
//!   `Content-Disposition`.
//!
//! An attachment without a `content_type` keeps the object's own type, which may be JavaScript. No
//! page can use it: a service worker has to be registered by a page of the same origin, and no link
//! serves one.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use thiserror::Error;

const ATTACHMENT: &str = "attachment";
const INLINE: &str = "inline";

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

/// Media types that no browser runs as script, whatever the file holds. `audio/…`, `video/…` and
/// `font/…` are inert too.
///
/// The MIME Sniffing standard counts PDF among the types that can hold script. PDF viewers run it
/// apart from the origin that the file came from, so it is on the list.
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

/// The JavaScript types. A service worker's script must have one of them.
///
/// `application/json` and `application/wasm` are not among them: no worker starts from either, and
/// WebAssembly runs only in the page that loads it.
///
/// Source: WHATWG MIME Sniffing, "JavaScript MIME type".
const JAVASCRIPT_CONTENT_TYPES: &[&str] = &[
    "application/ecmascript",
    "application/javascript",
    "application/x-ecmascript",
    "application/x-javascript",
    "text/ecmascript",
    "text/javascript",
    "text/javascript1.0",
    "text/javascript1.1",
    "text/javascript1.2",
    "text/javascript1.3",
    "text/javascript1.4",
    "text/javascript1.5",
    "text/jscript",
    "text/livescript",
    "text/x-ecmascript",
    "text/x-javascript",
];

/// The response headers that are signed into a link, in the form that S3 sends them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHeaders {
    /// The value of `response-content-disposition`.
    pub content_disposition: String,
    /// The value of `response-content-type`. `None` keeps the object's own type.
    pub content_type: Option<String>,
}

/// How a caller wants a file to be downloaded, as it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DownloadAs<'a> {
    /// The name under which the file is saved, 1 to 255 bytes.
    pub filename: Option<&'a str>,
    /// `attachment` or `inline`. `None` is `attachment`.
    pub disposition: Option<&'a str>,
    /// The media type. `None` keeps the object's own type.
    pub content_type: Option<&'a str>,
}

/// An attachment without a name, of the object's own type.
impl Default for ResponseHeaders {
    fn default() -> Self {
        Self { content_disposition: ATTACHMENT.to_owned(), content_type: None }
    }
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
    /// The file name is that of a folder.
    #[error("filename: \".\" and \"..\" are folders, give the name of a file")]
    FilenameFolder,
    /// The disposition is neither of the two words.
    #[error("disposition: use \"attachment\" or \"inline\"")]
    Disposition,
    /// The content type is not of the form `type/subtype` or `type/subtype; charset=token`.
    #[error(
        "content_type: use a media type such as \"application/pdf\" or \
         \"text/plain; charset=utf-8\", with no other parameter and no comma"
    )]
    ContentTypeSyntax,
    /// The content type could run script in the bucket's origin if it is shown.
    #[error(
        "content_type: shown inline, this type could run script in the bucket's own origin; use \
         \"disposition\": \"attachment\", or a type that can't"
    )]
    ContentTypeActive,
    /// The content type is one of JavaScript's.
    #[error(
        "content_type: JavaScript is not served, not even as an attachment, because service \
         workers ignore Content-Disposition; use \"text/plain\" or \"application/octet-stream\""
    )]
    ContentTypeJavaScript,
}

impl ResponseHeaders {
    /// The headers of a download that a caller wants so.
    ///
    /// # Errors
    ///
    /// [`ResponseHeadersError`], which names the field and the fix.
    pub fn new(wanted: DownloadAs<'_>) -> Result<Self, ResponseHeadersError> {
        let DownloadAs { filename, disposition, content_type } = wanted;
        filename.map_or(Ok(()), check_filename)?;
        let disposition = disposition.unwrap_or(ATTACHMENT);
        if ![ATTACHMENT, INLINE].contains(&disposition) {
            return Err(ResponseHeadersError::Disposition);
        }
        if let Some(content_type) = content_type {
            check_content_type(content_type, disposition == ATTACHMENT)?;
        }
        Ok(Self {
            content_disposition: content_disposition(disposition, filename),
            content_type: content_type.map(str::to_owned),
        })
    }

    /// Whether a browser is to show the file with the type that its writer gave it. If that is
    /// HTML, it runs script in the bucket's origin, so only a grant that trusts the writers allows
    /// it.
    #[must_use]
    pub fn show_the_objects_own_type(&self) -> bool {
        self.content_type.is_none() && self.content_disposition.starts_with(INLINE)
    }
}

fn check_filename(filename: &str) -> Result<(), ResponseHeadersError> {
    if !(1..=MAX_FILENAME_BYTES).contains(&filename.len()) {
        Err(ResponseHeadersError::FilenameLength)
    } else if filename.contains(|c: char| c.is_control() || is_bidi_control_or_line_separator(c)) {
        Err(ResponseHeadersError::FilenameControl)
    } else if filename.contains(['/', '\\']) {
        Err(ResponseHeadersError::FilenameSeparator)
    } else if matches!(filename, "." | "..") {
        Err(ResponseHeadersError::FilenameFolder)
    } else {
        Ok(())
    }
}

/// Whether a character is one of Unicode's bidirectional controls or line separators. With a
/// bidirectional control the name `gpj.exe` is displayed as `exe.jpg`.
#[must_use]
pub fn is_bidi_control_or_line_separator(c: char) -> bool {
    matches!(
        c,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

fn check_content_type(content_type: &str, attachment: bool) -> Result<(), ResponseHeadersError> {
    let essence = essence(content_type).ok_or(ResponseHeadersError::ContentTypeSyntax)?;
    if JAVASCRIPT_CONTENT_TYPES.contains(&essence.as_str()) {
        Err(ResponseHeadersError::ContentTypeJavaScript)
    } else if attachment || is_inert(&essence) {
        Ok(())
    } else {
        Err(ResponseHeadersError::ContentTypeActive)
    }
}

/// `type/subtype` in lower case. `None` if the content type has another form than `type/subtype` or
/// `type/subtype; charset=token`.
///
/// Browsers read several values out of one header. They split it at commas, also after a parameter,
/// and use the last value that is valid: `text/plain;,text/html` is HTML. No token holds a comma,
/// so this form has one reading. Source: WHATWG Fetch, "extract a MIME type".
pub(crate) fn essence(content_type: &str) -> Option<String> {
    let (essence, parameter) = match content_type.split_once(';') {
        Some((essence, parameter)) => (essence.trim_end_matches(' '), Some(parameter)),
        None => (content_type, None),
    };
    let (kind, subtype) = essence.split_once('/')?;
    let only_a_charset = parameter.is_none_or(|parameter| {
        parameter
            .trim_start_matches(' ')
            .split_once('=')
            .is_some_and(|(name, value)| name.eq_ignore_ascii_case("charset") && is_token(value))
    });
    (content_type.len() <= MAX_CONTENT_TYPE_BYTES
        && is_token(kind)
        && is_token(subtype)
        && only_a_charset)
        .then(|| essence.to_ascii_lowercase())
}

/// Whether no browser runs script of this type. Every type that is not known to be inert may run
/// script (HTML, SVG, XML), or may be one that browsers guess about.
fn is_inert(essence: &str) -> bool {
    // Browsers parse every `…+xml` as XML, which can hold XHTML and its scripts. Source: WHATWG
    // MIME Sniffing, "XML MIME type".
    let is_xml = essence.ends_with("+xml");
    let is_media = ["audio/", "video/", "font/"].iter().any(|kind| essence.starts_with(kind));
    !is_xml && (is_media || INERT_CONTENT_TYPES.contains(&essence))
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

    fn named(filename: &str) -> Result<ResponseHeaders, ResponseHeadersError> {
        ResponseHeaders::new(DownloadAs { filename: Some(filename), ..DownloadAs::default() })
    }

    fn disposition(filename: &str) -> String {
        named(filename).unwrap().content_disposition
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
            (".", ResponseHeadersError::FilenameFolder),
            ("..", ResponseHeadersError::FilenameFolder),
        ] {
            assert_eq!(named(filename), Err(expected));
        }
        assert!(named(&"a".repeat(256)).is_err());
        for name in ["...", ".a", "a.", " ."] {
            assert!(named(name).is_ok(), "{name}");
        }
    }

    fn with_type(
        disposition: Option<&str>,
        content_type: &str,
    ) -> Result<ResponseHeaders, ResponseHeadersError> {
        let content_type = Some(content_type);
        ResponseHeaders::new(DownloadAs { disposition, content_type, ..DownloadAs::default() })
    }

    #[test]
    fn a_file_is_an_attachment_unless_inline_is_asked_for() {
        for content_type in [None, Some("image/png"), Some("text/html")] {
            let wanted = DownloadAs { content_type, ..DownloadAs::default() };
            let headers = ResponseHeaders::new(wanted).unwrap();
            assert_eq!(headers.content_disposition, "attachment");
            assert_eq!(headers.content_type.as_deref(), content_type);
        }
        assert_eq!(ResponseHeaders::new(DownloadAs::default()), Ok(ResponseHeaders::default()));
        let inline = with_type(Some("inline"), "image/png").unwrap();
        assert_eq!(inline.content_disposition, "inline");
    }

    #[test]
    fn only_inline_without_a_content_type_shows_the_objects_own_type() {
        let own_type = |filename, disposition, content_type| {
            ResponseHeaders::new(DownloadAs { filename, disposition, content_type })
                .unwrap()
                .show_the_objects_own_type()
        };
        assert!(own_type(None, Some("inline"), None));
        assert!(own_type(Some("inline"), Some("inline"), None));
        assert!(!own_type(None, Some("inline"), Some("image/png")));
        assert!(!own_type(Some("inline"), None, None));
        assert!(!own_type(None, Some("attachment"), None));
    }

    #[test]
    fn what_could_run_script_is_only_given_as_an_attachment() {
        for active in [
            "text/html",
            "Text/HTML; charset=utf-8",
            "image/svg+xml",
            "text/xml",
            "application/xml",
            "application/xhtml+xml",
            "application/wasm",
            "audio/x+xml",
            "video/x+XML",
            "font/x+xml; charset=utf-8",
            "multipart/x-mixed-replace",
            "a/b",
        ] {
            let inline = with_type(Some("inline"), active);
            assert_eq!(inline, Err(ResponseHeadersError::ContentTypeActive), "{active}");
            for disposition in [None, Some("attachment")] {
                let headers = with_type(disposition, active).unwrap();
                assert_eq!(headers.content_disposition, "attachment", "{active}");
            }
        }
        for inert in [
            "application/pdf",
            "application/json",
            "image/png",
            "video/mp4",
            "Audio/MPEG",
            "font/woff2",
            "text/plain; charset=utf-8",
            "text/plain;charset=utf-8",
            "text/csv ;  CharSet=ISO-8859-1",
        ] {
            assert!(with_type(Some("inline"), inert).is_ok(), "{inert}");
        }
    }

    #[test]
    fn javascript_is_refused_even_as_an_attachment() {
        for javascript in JAVASCRIPT_CONTENT_TYPES {
            for spelling in [
                (*javascript).to_owned(),
                javascript.to_ascii_uppercase(),
                format!("{javascript}; charset=utf-8"),
            ] {
                for disposition in [None, Some("attachment"), Some("inline")] {
                    assert_eq!(
                        with_type(disposition, &spelling),
                        Err(ResponseHeadersError::ContentTypeJavaScript),
                        "{spelling}"
                    );
                }
            }
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
            " text/plain",
            "text/plain ",
            "text/plain\r\nX: y",
            "text/plain\n",
            "text/plain\n; charset=utf-8",
            "text/plain;\u{7f}",
            "té/x",
            // Browsers take the last of several values.
            "text/plain,text/html",
            "text/plain;,text/html",
            "text/csv;x=y,image/svg+xml",
            "application/pdf;a,text/html",
            "audio/x;,text/html",
            "text/plain; charset=utf-8,text/html",
            "text/plain; charset=\"utf-8,text/html\"",
            // No parameter but charset, and that once.
            "text/plain;",
            "text/plain; x=y",
            "text/plain; charset",
            "text/plain; charset=",
            "text/plain; charset=utf-8;",
            "text/plain; charset=utf-8; charset=utf-8",
            "text/plain; charset=\"utf-8\"",
            "text/plain; charset =utf-8",
            "text/plain;\tcharset=utf-8",
        ] {
            for disposition in [Some("attachment"), Some("inline"), None] {
                assert_eq!(
                    with_type(disposition, wrong),
                    Err(ResponseHeadersError::ContentTypeSyntax),
                    "{wrong}"
                );
            }
        }
    }

    #[test]
    fn a_media_type_has_at_most_127_bytes() {
        assert!(with_type(None, &format!("audio/{}", "a".repeat(121))).is_ok());
        assert_eq!(
            with_type(None, &format!("audio/{}", "a".repeat(122))),
            Err(ResponseHeadersError::ContentTypeSyntax)
        );
    }

    proptest! {
        #[test]
        fn whatever_the_name_the_header_is_one_line_of_ascii_with_one_quoted_string(
            filename in "\\PC{1,60}"
        ) {
            if let Ok(headers) = named(&filename) {
                let header = headers.content_disposition;
                prop_assert!(header.chars().all(|c| c == ' ' || c.is_ascii_graphic()));
                prop_assert_eq!(header.matches('"').count(), 2);
                if let Some((_, encoded)) = header.split_once("filename*=UTF-8''") {
                    let decoded = percent_encoding::percent_decode_str(encoded).decode_utf8();
                    prop_assert_eq!(decoded.unwrap(), filename);
                }
            }
        }

        #[test]
        fn every_content_type_that_is_signed_has_one_reading(
            content_type in "(text/plain|audio/x|[a-z]{1,5}/[a-z+]{1,5})[ -~]{0,30}"
        ) {
            if let Ok(headers) = with_type(Some("inline"), &content_type) {
                prop_assert!(!headers.content_type.unwrap().contains([',', '"', '\\']));
                prop_assert!(content_type.matches(['/', ';', '=']).count() <= 3);
            }
        }
    }
}
