//! Numbers and dates in every notation that may mean one. `readings` says which of them AWS documents.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// A number, or an instant in seconds since 1970, in billionths. Whole nanoseconds and the decimals
/// that policies hold are exact in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scalar(i128);

const BILLIONTHS: i128 = 1_000_000_000;

/// More digits than these make a number that is greater than everything it is compared with.
const MAX_DIGITS: i64 = 37;

impl Scalar {
    /// A whole number.
    pub(super) fn whole(number: i64) -> Self {
        Self(i128::from(number) * BILLIONTHS)
    }

    /// The greatest whole number that is not above this one. `None` if it is beyond `i64`.
    pub(super) fn floor(self) -> Option<i64> {
        i64::try_from(self.0.div_euclid(BILLIONTHS)).ok()
    }

    /// A decimal number, such as `900000`, `-1`, `1.2`, `.5` or `6e5`. Digits after the ninth decimal
    /// are dropped.
    pub(super) fn number(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{decimals}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let significant = digits.trim_start_matches('0');
        let zeros = digits.len() - significant.len();
        // How many of the significant digits stand before the ninth decimal's end.
        let point = i64::try_from(whole.len()).ok()? - i64::try_from(zeros).ok()?;
        let count = point.saturating_add(exponent).saturating_add(9);
        let billionths = match usize::try_from(count) {
            _ if significant.is_empty() => 0,
            Err(_) => 0,
            Ok(_) if count > MAX_DIGITS => i128::MAX,
            Ok(count) => {
                let padded = significant.chars().chain(std::iter::repeat('0')).take(count);
                padded.collect::<String>().parse().unwrap_or(0)
            }
        };
        Some(Self(if text.starts_with('-') { -billionths } else { billionths }))
    }

    /// An instant in a notation of ISO 8601. Without a time zone it is UTC.
    pub(super) fn iso_8601(text: &str) -> Option<Self> {
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Some(instant.into());
        }
        let utc = |civil: DateTime| Some(TimeZone::UTC.to_timestamp(civil).ok()?.into());
        if let Ok(civil) = text.parse::<DateTime>() {
            return utc(civil);
        }
        let first_of_month = format!("{text}-01").parse::<Date>().ok()?;
        utc(first_of_month.to_datetime(Time::midnight()))
    }

    /// The first instant of a year of four digits, in UTC.
    pub(super) fn year(text: &str) -> Option<Self> {
        let is_year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_year { Self::iso_8601(&format!("{text}-01")) } else { None }
    }
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let exponent = digits.parse().unwrap_or(i64::MAX);
    Some(if text.starts_with('-') { -exponent } else { exponent })
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
        for text in ["", ".", "e5", "abc", "1e", "1e1.5", "0x1", "1 2", "--1", "1_0", "NaN", "+"] {
            assert_eq!(Scalar::number(text), None, "{text}");
        }
    }

    #[test]
    fn exponents_move_the_point() {
        for (text, number) in [
            ("6e5", 600_000),
            ("6E+5", 600_000),
            ("1.795935e+09", 1_795_935_000),
            ("0006.0e5", 600_000),
            ("600000000e-3", 600_000),
            ("-.6e6", -600_000),
            ("6.e5", 600_000),
            ("0e999999999999999999999", 0),
            ("1e-10", 0),
            ("9e-999999999999999999999", 0),
        ] {
            assert_eq!(Scalar::number(text), Some(Scalar::whole(number)), "{text}");
        }
        assert_eq!(Scalar::number("1e-9"), Some(Scalar(1)));
        assert_eq!(Scalar::number("1e27").unwrap(), Scalar(10_i128.pow(36)));
        for text in ["1e30", "1e999999999999999999999"] {
            assert_eq!(Scalar::number(text), Some(Scalar(i128::MAX)), "{text}");
        }
    }

    #[test]
    fn instants_are_read_in_every_format_of_the_w3c() {
        let noon: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        for text in [
            "2026-11-23T12:00:00Z",
            "2026-11-23T12:00Z",
            "2026-11-23T13:00:00+01:00",
            "2026-11-23T12:00:00.000Z",
            "2026-11-23T12:00:00",
        ] {
            assert_eq!(Scalar::iso_8601(text), Some(noon.into()), "{text}");
        }
        let start: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        assert_eq!(Scalar::iso_8601("2026-11-01"), Some(start.into()));
        assert_eq!(Scalar::iso_8601("2026-11"), Some(start.into()));
        for text in ["2026", "", "tomorrow", "2026-13", "2026-11-31"] {
            assert_eq!(Scalar::iso_8601(text), None, "{text}");
        }
        let year: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(Scalar::year("2026"), Some(year.into()));
        for text in ["20260", "+202", "202a", ""] {
            assert_eq!(Scalar::year(text), None, "{text}");
        }
    }
}
