//! Numbers and dates as policies write them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// A number, or an instant in seconds since 1970, in billionths. Whole nanoseconds and the decimals
/// that policies hold are exact in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scalar(i128);

const BILLIONTHS: i128 = 1_000_000_000;

impl Scalar {
    /// A whole number.
    pub(super) fn whole(number: i64) -> Self {
        Self(i128::from(number) * BILLIONTHS)
    }

    /// The greatest whole number that is not above this one. `None` if it is beyond `i64`.
    pub(super) fn floor(self) -> Option<i64> {
        i64::try_from(self.0.div_euclid(BILLIONTHS)).ok()
    }

    /// A decimal number, such as `900000`, `-1` or `1.2`. Digits after the ninth decimal are
    /// dropped.
    pub(super) fn number(text: &str) -> Option<Self> {
        let text = text.trim();
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let is_digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(decimals) {
            return None;
        }
        // A number too large for this type is greater than everything that it is compared with.
        let whole = whole.parse::<i128>().unwrap_or(i128::MAX).saturating_mul(BILLIONTHS);
        let nine: String = decimals.chars().chain("000000000".chars()).take(9).collect();
        let scalar = whole.saturating_add(nine.parse().ok()?);
        Some(Self(if text.starts_with('-') { -scalar } else { scalar }))
    }

    /// An instant: one of the ISO 8601 formats that the W3C lists, or seconds since 1970. Without a
    /// time zone it is UTC. `None` for four digits, which may be a year as well as seconds.
    ///
    /// Source: IAM user guide, "Date condition operators".
    pub(super) fn instant(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() == 4 {
            return None;
        }
        if let Some(seconds) = Self::number(text) {
            return Some(seconds);
        }
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Some(instant.into());
        }
        let utc = |civil: DateTime| Some(TimeZone::UTC.to_timestamp(civil).ok()?.into());
        if let Ok(civil) = text.parse::<DateTime>() {
            return utc(civil);
        }
        let first_of_month = format!("{text}-01").parse::<Date>().ok()?;
        utc(first_of_month.to_datetime(jiff::civil::Time::midnight()))
    }
}

impl From<Timestamp> for Scalar {
    fn from(instant: Timestamp) -> Self {
        Self(instant.as_nanosecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly() {
        assert_eq!(Scalar::number("900000"), Some(Scalar::whole(900_000)));
        assert_eq!(Scalar::number("900000.0"), Some(Scalar::whole(900_000)));
        assert_eq!(Scalar::number("-1"), Some(Scalar::whole(-1)));
        assert!(Scalar::number("1.2") > Some(Scalar::whole(1)));
        assert!(Scalar::number("-1.5") < Some(Scalar::whole(-1)));
        assert_eq!(Scalar::number("-1.5").unwrap().floor(), Some(-2));
        assert_eq!(Scalar::number(&"9".repeat(80)).unwrap().floor(), None);
        for text in ["", ".", "1.", "abc", "1e6", "0x1", "1 2", "--1"] {
            assert_eq!(Scalar::number(text), None, "{text}");
        }
    }

    #[test]
    fn instants_are_read_in_every_format_of_the_w3c_and_as_seconds() {
        let noon: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        for text in [
            "2026-11-23T12:00:00Z",
            "2026-11-23T12:00Z",
            "2026-11-23T13:00:00+01:00",
            "2026-11-23T12:00:00.000Z",
            "2026-11-23T12:00:00",
            "1795435200",
        ] {
            assert_eq!(Scalar::instant(text), Some(noon.into()), "{text}");
        }
        let start: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        assert_eq!(Scalar::instant("2026-11-01"), Some(start.into()));
        assert_eq!(Scalar::instant("2026-11"), Some(start.into()));
        for text in ["2026", "", "tomorrow", "2026-13", "2026-11-31"] {
            assert_eq!(Scalar::instant(text), None, "{text}");
        }
    }
}
