//! How mails and pages write names, sizes, instants and lengths of time for people. No I/O.
//!
//! Neither promises more than is true: sizes and lengths of time are rounded down, and an
//! instant is written without its seconds.

use jiff::Timestamp;

use crate::response_headers::is_bidi_control_or_line_separator;

/// Replaces a character that would break a line, change the direction of text or be invisible.
const REPLACEMENT: char = '\u{fffd}';

/// A file's name as people may be shown it: the last segment of its key. Line breaks, other control
/// characters and bidirectional controls are replaced. With a bidirectional control the name
/// `gpj.exe` is displayed as `exe.jpg`.
#[must_use]
pub fn file_name(key: &str) -> String {
    let name = key.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let shown = visible(name);
    if shown.trim().is_empty() { "a file without a name".to_owned() } else { shown }
}

/// `text` with a replacement for each character that would break a line, change the direction of text
/// or be invisible. Tag characters become escapes such as `\u{e0041}`: they spell a text that nobody
/// sees, and that programs read.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{e0000}'..='\u{e007f}' => shown.extend(c.escape_unicode()),
            c if is_visible(c) => shown.push(c),
            _ => shown.push(REPLACEMENT),
        }
    }
    shown
}

/// Whether a character is visible, and leaves its line and the direction of text as they are. The
/// joiners U+200C and U+200D are kept: Persian and emoji need them.
fn is_visible(c: char) -> bool {
    !(c.is_control()
        || is_bidi_control_or_line_separator(c)
        || matches!(
            c,
            '\u{00ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}'
                | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        ))
}

/// `text` in at most `max_chars` characters. The middle of a longer text is left out, so that its
/// beginning and a third of it at its end are kept: a name's extension, or where a parser found a
/// mistake.
#[must_use]
pub fn shortened(text: &str, max_chars: usize) -> String {
    let count = text.chars().count();
    if count <= max_chars {
        return text.to_owned();
    }
    let tail = max_chars / 3;
    let head = max_chars - tail - 1;
    let head: String = text.chars().take(head).collect();
    let tail: String = text.chars().skip(count - tail).collect();
    format!("{head}…{tail}")
}

/// The end of `text`, in at most `max_bytes` bytes.
#[must_use]
pub fn ending(text: &str, max_bytes: usize) -> &str {
    let from = text.len().saturating_sub(max_bytes);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[from..]
}

/// A size: `1 byte`, `34 bytes`, `1.2 MB`. The units are decimal: 1 kB is 1,000 bytes.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1_000 {
        return counted(bytes, "byte");
    }
    // Tenths of the unit as whole numbers: 999,999 bytes are 999.9 kB and not 1000.0.
    let mut tenths = bytes / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1_000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// An instant: `Monday 23 November 2026, 14:05 UTC`. The seconds are left out, so the written
/// instant is up to a minute before the true one.
#[must_use]
pub fn instant(instant: Timestamp) -> String {
    instant.strftime("%A %-d %B %Y, %H:%M UTC").to_string()
}

/// A length of time, rounded down: `59 minutes`, `11 hours 59 minutes`, `6 days 23 hours`.
#[must_use]
pub fn length(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let parts = if seconds < MINUTE {
        [(seconds, "second"), (0, "")]
    } else if seconds < HOUR {
        [(seconds / MINUTE, "minute"), (0, "")]
    } else if seconds < DAY {
        [(seconds / HOUR, "hour"), (seconds % HOUR / MINUTE, "minute")]
    } else {
        [(seconds / DAY, "day"), (seconds % DAY / HOUR, "hour")]
    };
    match parts {
        [(first, unit), (0, _)] => counted(first, unit),
        [(first, unit), (second, smaller)] => {
            format!("{} {}", counted(first, unit), counted(second, smaller))
        }
    }
}

fn counted(count: u64, unit: &str) -> String {
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Whether one letter that is inserted, deleted or replaced, or two neighbours that are swapped, make
/// one name the other.
#[must_use]
pub fn is_one_edit_away(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let same_start = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[same_start..], &other[same_start..]);
    let same_end = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    match (&one[..one.len() - same_end], &other[..other.len() - same_end]) {
        ([_], [] | [_]) | ([], [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_segment_without_invisible_characters() {
        for (key, name) in [
            ("private-files/Résumé 2026.pdf", "Résumé 2026.pdf"),
            ("ü/日本語.txt", "日本語.txt"),
            ("report.pdf", "report.pdf"),
            ("a/family 👨‍👩‍👧.jpg", "family 👨‍👩‍👧.jpg"),
            ("a/b/", "b"),
            ("a/\u{202e}gpj.exe", "\u{fffd}gpj.exe"),
            ("a/x\r\nBcc: eve@example.com", "x\u{fffd}\u{fffd}Bcc: eve@example.com"),
            ("a/x\u{e0041}\u{e007f}.pdf", "x\\u{e0041}\\u{e007f}.pdf"),
            ("a/ ", "a file without a name"),
            ("//", "a file without a name"),
        ] {
            assert_eq!(file_name(key), name);
        }
    }

    #[test]
    fn every_character_that_is_invisible_or_moves_others_is_replaced() {
        let ranges = [
            '\u{00ad}'..='\u{00ad}',
            '\u{061c}'..='\u{061c}',
            '\u{180e}'..='\u{180e}',
            '\u{200b}'..='\u{200b}',
            '\u{200e}'..='\u{200f}',
            '\u{2028}'..='\u{202e}',
            '\u{2060}'..='\u{206f}',
            '\u{feff}'..='\u{feff}',
            '\u{fff9}'..='\u{fffb}',
        ];
        for c in ranges.into_iter().flatten() {
            assert_eq!(file_name(&format!("a/x{c}y")), "x\u{fffd}y", "{c:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_beginning_and_its_extension() {
        let name = format!("{}.pdf", "n".repeat(500));
        let short = shortened(&name, 60);
        assert_eq!(short.chars().count(), 60);
        assert!(short.starts_with("nnnn") && short.contains("…nnn"));
        assert_eq!(&short[short.len() - 4..], ".pdf");
        assert_eq!(shortened("日本語.txt", 60), "日本語.txt");
    }

    #[test]
    fn sizes_are_rounded_down() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (999_999, "999.9 kB"),
            (1_250_000, "1.2 MB"),
            (5_000_000_000_000, "5.0 TB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn an_instant_is_written_describe_without_its_seconds() {
        let end: Timestamp = "2026-11-23T14:05:59.9Z".parse().unwrap();
        assert_eq!(instant(end), "Monday 23 November 2026, 14:05 UTC");
        let end: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        assert_eq!(instant(end), "Friday 2 January 2026, 00:00 UTC");
    }

    #[test]
    fn lengths_are_rounded_down() {
        for (seconds, expected) in [
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (3_595, "59 minutes"),
            (3_600, "1 hour"),
            (3_660, "1 hour 1 minute"),
            (43_195, "11 hours 59 minutes"),
            (86_399, "23 hours 59 minutes"),
            (86_400, "1 day"),
            (604_799, "6 days 23 hours"),
        ] {
            assert_eq!(length(seconds), expected);
        }
    }
}
