//! How AWS may read a value that is compared with a time.
//!
//! What AWS documents has one reading:
//!
//! | operator | key | value |
//! |---|---|---|
//! | `Numeric…` | `s3:signatureAge`, `aws:EpochTime` | a whole or a decimal number |
//! | `Date…` | `aws:CurrentTime`, `aws:EpochTime` | seconds since 1970, or a date of the W3C's profile of ISO 8601: `2027-01`, `2027-01-31`, `2027-01-31T14:30Z`, `2027-01-31T14:30:00.5+01:00` |
//!
//! The rest has the readings of this table, and nobody here knows which of them AWS takes. A link may
//! be promised only what it has in each of them.
//!
//! | value or operator | readings |
//! |---|---|
//! | a date of four digits, `2027` | the first instant of the year, which is in the W3C's profile; or seconds since 1970 |
//! | a number with an exponent, a plus, a point without digits on both sides, or spaces around it (`6e5`); a decimal number of seconds; a date in another notation (`2027-01-31 14:30`, without a time zone UTC) | what it means elsewhere; or no value, which nothing matches |
//! | `Numeric…` with `aws:CurrentTime`, or with a date for `aws:EpochTime` | the seconds since 1970 are compared; or nothing matches |
//! | `Date…` with `s3:signatureAge` and a number | the milliseconds are compared; or nothing matches |
//! | every other value or operator: `soon`, a policy variable, which AWS allows with texts and ARNs only, `StringLike` | it matches at no instant, or at every one |
//!
//! Not among the readings are milliseconds since 1970, because AWS writes of seconds alone, and a
//! number that ends where its digits do (`6` of `6e5`).
//!
//! Sources: IAM user guide, "IAM JSON policy elements: Condition operators" and "AWS global condition
//! context keys"; W3C, "Date and Time Formats".

use super::scalar::Scalar;

/// One way to read a value of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// This number or instant.
    Is(Scalar),
    /// No value: nothing matches it.
    Never,
    /// Everything matches it.
    Always,
}

/// All ways to read one value, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Readings(Vec<Reading>);

impl Readings {
    /// It matches at no instant, or at every one.
    pub(super) fn anything() -> Self {
        Self(vec![Reading::Never, Reading::Always])
    }

    fn certain(scalar: Scalar) -> Self {
        Self(vec![Reading::Is(scalar)])
    }

    /// The same, if it counts at all.
    fn or_never(mut self) -> Self {
        if !self.0.contains(&Reading::Never) {
            self.0.push(Reading::Never);
        }
        self
    }

    /// A value of a `Numeric…` operator.
    pub(super) fn number(written: &str) -> Self {
        let text = written.trim();
        match Scalar::number(text) {
            Some(number) if is_plain_number(written) => Self::certain(number),
            Some(number) => Self::certain(number).or_never(),
            None => Self::anything(),
        }
    }

    /// A value of a `Date…` operator.
    pub(super) fn date(written: &str) -> Self {
        let text = written.trim();
        let readings = if let Some(number) = Scalar::number(text) {
            let is_whole = is_plain_number(text) && !text.contains('.');
            let seconds = Self::certain(number);
            let mut seconds = if is_whole { seconds } else { seconds.or_never() };
            seconds.0.extend(Scalar::year(text).map(Reading::Is));
            seconds
        } else {
            match Scalar::iso_8601(text) {
                Some(instant) if is_w3c_date(text) => Self::certain(instant),
                Some(instant) => Self::certain(instant).or_never(),
                None => Self::anything(),
            }
        };
        if text == written { readings } else { readings.or_never() }
    }

    /// A value of a `Numeric…` operator for an instant that is a number too.
    pub(super) fn number_of_instant(written: &str) -> Self {
        match Scalar::number(written.trim()) {
            Some(_) => Self::number(written),
            None => Self::date(written).or_never(),
        }
    }

    /// A value of a `Numeric…` operator for an instant that is a date.
    pub(super) fn number_as_instant(written: &str) -> Self {
        Self::number_of_instant(written).or_never()
    }

    /// A value of a `Date…` operator for a number.
    pub(super) fn number_as_date(written: &str) -> Self {
        Self::number(written).or_never()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Reading> {
        self.0.iter().copied()
    }

    /// The numbers and instants among the readings.
    pub(super) fn scalars(&self) -> impl Iterator<Item = Scalar> {
        self.iter().filter_map(|reading| match reading {
            Reading::Is(scalar) => Some(scalar),
            Reading::Never | Reading::Always => None,
        })
    }
}

/// `900000`, `-1` or `1.5`.
fn is_plain_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    [whole, decimals]
        .iter()
        .all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a date has one of the W3C's formats but for the year alone.
fn is_w3c_date(text: &str) -> bool {
    let digit_as_zero = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let shape: String = text.chars().map(digit_as_zero).collect();
    if shape == "0000-00" || shape == "0000-00-00" {
        return true;
    }
    let Some(time) = shape.strip_prefix("0000-00-00T00:00") else { return false };
    let without_zone = ["Z", "+00:00", "-00:00"].iter().find_map(|zone| time.strip_suffix(zone));
    without_zone.is_some_and(|seconds| match seconds.strip_prefix(":00.") {
        Some(fraction) => !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0'),
        None => seconds.is_empty() || seconds == ":00",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(readings: &Readings) -> Vec<String> {
        let text = |reading| match reading {
            Reading::Is(scalar) => scalar.floor().unwrap().to_string(),
            Reading::Never => "never".to_owned(),
            Reading::Always => "always".to_owned(),
        };
        readings.iter().map(text).collect()
    }

    #[test]
    fn numbers_that_aws_documents_have_one_reading() {
        for (written, number) in [("900000", "900000"), ("-1", "-1"), ("1.5", "1")] {
            assert_eq!(texts(&Readings::number(written)), [number]);
        }
        for written in ["6e5", "600000.", " 600000", "+600000", "6.0E+5"] {
            assert_eq!(texts(&Readings::number(written)), ["600000", "never"], "{written}");
        }
        for written in ["", "soon", "15m", "900,000", "0x10", "NaN", "${aws:userid}", "true"] {
            assert_eq!(texts(&Readings::number(written)), ["never", "always"], "{written}");
        }
    }

    #[test]
    fn dates_that_aws_documents_have_one_reading() {
        for written in [
            "2026-11-23T12:00:00Z",
            "2026-11-23T12:00Z",
            "2026-11-23T14:00:00+02:00",
            "2026-11-23T12:00:00.25Z",
            "1795435200",
        ] {
            assert_eq!(texts(&Readings::date(written)), ["1795435200"], "{written}");
        }
        assert_eq!(texts(&Readings::date("2026-11")), ["1793491200"]);
        assert_eq!(texts(&Readings::date("2026-11-01")), ["1793491200"]);
        for written in [
            "2026-11-23T12:00:00",
            "2026-11-23 12:00:00Z",
            "2026-11-23t12:00:00z",
            "20261123T120000Z",
            "2026-11-23T12:00:00Z ",
            "1.7954352e9",
            "1795435200.0",
            "+1795435200",
            " 1795435200",
        ] {
            assert_eq!(texts(&Readings::date(written)), ["1795435200", "never"], "{written}");
        }
        for written in ["", "tomorrow", "2026-13", "Mon, 23 Nov 2026 12:00:00 GMT", "${aws:userid}"]
        {
            assert_eq!(texts(&Readings::date(written)), ["never", "always"], "{written}");
        }
    }

    #[test]
    fn four_digits_are_a_year_or_seconds() {
        assert_eq!(texts(&Readings::date("2027")), ["2027", "1798761600"]);
        assert_eq!(texts(&Readings::date("2027 ")), ["2027", "1798761600", "never"]);
        assert_eq!(texts(&Readings::number("2027")), ["2027"]);
    }
}
