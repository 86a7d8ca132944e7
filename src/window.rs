//! The rule this project exists for: how long may a link be promised to work?
//!
//! Pure arithmetic over instants that the caller passes in. This module reads no clock, knows no
//! AWS type and does no I/O; where the session's end comes from, and how well it is proven, is
//! `session`'s business.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// The longest `X-Amz-Expires` that Signature Version 4 allows, in seconds (seven days).
///
/// Source: Amazon S3 API reference, "Authenticating Requests: Using Query Parameters".
pub const SIGNATURE_MAX_EXPIRES_IN: u64 = 604_800;

/// What is asked when the caller says nothing, in seconds.
pub const DEFAULT_EXPIRES_IN: u64 = 3_600;

/// How long before the session's proven end every link signed with it ends.
///
/// The proof speaks in the clock of STS, the signature in ours, and S3 judges both by its own.
/// AWS keeps those clocks within a second of one another; five seconds also cover the time a
/// request needs from the reader to S3. Longer would only take from the promise.
pub const CLOCK_MARGIN: SignedDuration = SignedDuration::from_secs(5);

/// When the credentials that sign stop being accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// At this instant, and not a moment earlier.
    At(Timestamp),
    /// Never: long-term keys have no session that could end.
    Never,
}

/// What the caller asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The window wished for, in seconds, at least 1.
    pub expires_in: u64,
    /// The shortest window worth having, in seconds, at least 1. Equal to `expires_in` it means
    /// "the full window or nothing".
    pub min_expires_in: u64,
}

impl Asked {
    /// The longest window that the request, the grant and the signature leave open, in seconds:
    /// what a session with no end would give.
    #[must_use]
    pub fn wanted(self, max_expires_in: u64) -> u64 {
        self.expires_in.min(max_expires_in).min(SIGNATURE_MAX_EXPIRES_IN)
    }
}

/// Which bound decided the length of a window. Where several are equal, the first named here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitedBy {
    /// The caller got what was asked.
    Request,
    /// The grant's `max_expires_in`.
    Grant,
    /// The end of the session whose credentials sign.
    Session,
    /// [`SIGNATURE_MAX_EXPIRES_IN`].
    Signature,
}

impl LimitedBy {
    /// The name used in answers and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Grant => "grant",
            Self::Session => "session",
            Self::Signature => "signature",
        }
    }
}

/// The window of one link: what is signed *and* what is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// `X-Amz-Date`: a whole second, never later than now and less than a second before it.
    pub signed_at: Timestamp,
    /// `X-Amz-Expires`: whole seconds, 1 to [`SIGNATURE_MAX_EXPIRES_IN`].
    pub expires_in: u64,
    /// `signed_at + expires_in`.
    pub expires_at: Timestamp,
    /// The bound that decided `expires_in`.
    pub limited_by: LimitedBy,
}

/// There is no window as long as the caller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooShort {
    /// The longest window that could be signed, in whole seconds; 0 when there is none at all.
    pub available_expires_in: u64,
    /// The bound that decided `available_expires_in`.
    pub limited_by: LimitedBy,
}

/// The window for a link signed `now`, under a grant that allows `max_expires_in` seconds, with
/// credentials whose session ends at `session_end`.
///
/// # Errors
///
/// [`TooShort`] when the longest window that keeps every bound is shorter than
/// `asked.min_expires_in`, or than one second.
pub fn window(
    now: Timestamp,
    asked: Asked,
    max_expires_in: u64,
    session_end: SessionEnd,
) -> Result<Window, TooShort> {
    let signed_at = floor_to_second(now);
    let (expires_in, limited_by) = [
        (asked.expires_in, LimitedBy::Request),
        (max_expires_in, LimitedBy::Grant),
        (keepable_seconds(signed_at, session_end), LimitedBy::Session),
        (SIGNATURE_MAX_EXPIRES_IN, LimitedBy::Signature),
    ]
    .into_iter()
    // The first of equal bounds wins: `min_by_key` keeps the earlier element.
    .min_by_key(|(seconds, _)| *seconds)
    .unwrap_or((0, LimitedBy::Session));

    let too_short = TooShort { available_expires_in: expires_in, limited_by };
    if expires_in < asked.min_expires_in.max(1) {
        return Err(too_short);
    }
    // `expires_in` is at most seven days, so only a clock at the far end of the calendar overflows.
    let length = SignedDuration::from_secs(i64::try_from(expires_in).unwrap_or(i64::MAX));
    let expires_at = signed_at.checked_add(length).map_err(|_| too_short)?;
    Ok(Window { signed_at, expires_in, expires_at, limited_by })
}

/// How many whole seconds from `signed_at` a session can keep, margin taken off.
fn keepable_seconds(signed_at: Timestamp, session_end: SessionEnd) -> u64 {
    match session_end {
        SessionEnd::Never => u64::MAX,
        SessionEnd::At(end) => {
            let left = end.duration_since(signed_at) - CLOCK_MARGIN;
            // A negative duration (the session is over, or as good as over) keeps nothing.
            u64::try_from(left.as_secs()).unwrap_or(0)
        }
    }
}

/// The whole second `now` lies in: all that `X-Amz-Date` can say. Rounds towards the past on both
/// sides of 1970, so a link is never dated after the moment it was signed.
fn floor_to_second(now: Timestamp) -> Timestamp {
    let second = now.as_second() - i64::from(now.subsec_nanosecond() < 0);
    Timestamp::from_second(second).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Instants of this century, to the nanosecond.
    fn instants() -> impl Strategy<Value = Timestamp> {
        (946_684_800_i64..4_102_444_800, 0..1_000_000_000_i32)
            .prop_map(|(second, nanosecond)| Timestamp::new(second, nanosecond).unwrap())
    }

    /// Lengths around every bound: nothing, seconds, the default, a week, and far beyond.
    fn lengths() -> impl Strategy<Value = u64> {
        prop_oneof![1..20_u64, 1..5_000_u64, 43_100..43_300_u64, 604_790..604_810_u64, 1..u64::MAX]
    }

    /// Sessions from long over to far in the future, seen from `now`, and endless ones.
    fn session_ends(now: Timestamp) -> impl Strategy<Value = SessionEnd> {
        let after_now = prop_oneof![-100_000..100_000_i64, -10..20_i64, 0..1_000_000_i64];
        prop_oneof![
            9 => (after_now, 0..1_000_000_000_i32).prop_map(move |(seconds, nanoseconds)| {
                SessionEnd::At(now + SignedDuration::new(seconds, nanoseconds))
            }),
            1 => Just(SessionEnd::Never),
        ]
    }

    fn cases() -> impl Strategy<Value = (Timestamp, Asked, u64, SessionEnd)> {
        instants().prop_flat_map(|now| {
            (Just(now), lengths(), lengths(), lengths(), session_ends(now)).prop_map(
                |(now, expires_in, min_expires_in, max_expires_in, session_end)| {
                    let asked =
                        Asked { expires_in, min_expires_in: min_expires_in.min(expires_in) };
                    (now, asked, max_expires_in, session_end)
                },
            )
        })
    }

    /// Whether a link of `seconds` keeps every bound, said without the arithmetic under test.
    fn keeps_every_bound(
        seconds: u64,
        signed_at: Timestamp,
        asked: Asked,
        max_expires_in: u64,
        session_end: SessionEnd,
    ) -> bool {
        let within_session = match session_end {
            SessionEnd::Never => true,
            SessionEnd::At(end) => {
                let last = i128::from(signed_at.as_second()) + i128::from(seconds) + 5;
                last * 1_000_000_000 <= end.as_nanosecond()
            }
        };
        seconds <= asked.expires_in
            && seconds <= max_expires_in
            && seconds <= 604_800
            && within_session
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn the_promise_never_exceeds_the_proof_and_is_the_longest_allowed(
            (now, asked, max_expires_in, session_end) in cases()
        ) {
            let signed_at = Timestamp::from_second(now.as_second()).unwrap();
            let keeps = |seconds| {
                keeps_every_bound(seconds, signed_at, asked, max_expires_in, session_end)
            };
            match window(now, asked, max_expires_in, session_end) {
                Ok(window) => {
                    prop_assert_eq!(window.signed_at, signed_at);
                    prop_assert!(window.expires_in >= 1);
                    prop_assert!(window.expires_in >= asked.min_expires_in);
                    prop_assert!(keeps(window.expires_in));
                    prop_assert!(!keeps(window.expires_in + 1));
                    prop_assert_eq!(
                        window.expires_at.as_second() - window.signed_at.as_second(),
                        i64::try_from(window.expires_in).unwrap()
                    );
                    prop_assert_eq!(window.expires_at.subsec_nanosecond(), 0);
                }
                Err(TooShort { available_expires_in, .. }) => {
                    prop_assert!(available_expires_in < asked.min_expires_in);
                    prop_assert!(available_expires_in == 0 || keeps(available_expires_in));
                    prop_assert!(!keeps(available_expires_in + 1));
                }
            }
        }

        #[test]
        fn limited_by_names_the_bound_that_decided(
            (now, asked, max_expires_in, session_end) in cases()
        ) {
            let (length, limited_by) = match window(now, asked, max_expires_in, session_end) {
                Ok(window) => (window.expires_in, window.limited_by),
                Err(short) => (short.available_expires_in, short.limited_by),
            };
            match limited_by {
                LimitedBy::Request => prop_assert_eq!(length, asked.expires_in),
                LimitedBy::Grant => {
                    prop_assert_eq!(length, max_expires_in);
                    prop_assert!(length < asked.expires_in);
                }
                LimitedBy::Signature => {
                    prop_assert_eq!(length, 604_800);
                    prop_assert!(length < asked.expires_in && length < max_expires_in);
                }
                // The session decided exactly when one that never ends would have given more.
                LimitedBy::Session => {
                    prop_assert!(length < asked.wanted(max_expires_in));
                }
            }
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_fresh_one_hour_session_keeps_all_of_the_hour_but_the_margin() {
        let asked = Asked { expires_in: 3_600, min_expires_in: 1 };
        let end = SessionEnd::At(at("2026-11-23T14:05:17Z"));
        let window = window(at("2026-11-23T13:05:17.9Z"), asked, 43_200, end).unwrap();
        assert_eq!(window.signed_at, at("2026-11-23T13:05:17Z"));
        assert_eq!(window.expires_in, 3_595);
        assert_eq!(window.expires_at, at("2026-11-23T14:05:12Z"));
        assert_eq!(window.limited_by, LimitedBy::Session);
    }

    #[test]
    fn the_full_window_or_nothing_says_what_is_available() {
        let asked = Asked { expires_in: 3_600, min_expires_in: 3_600 };
        let end = SessionEnd::At(at("2026-11-23T13:10:00Z"));
        let short = window(at("2026-11-23T13:05:00Z"), asked, 43_200, end).unwrap_err();
        assert_eq!(short.available_expires_in, 295);
        assert_eq!(short.limited_by, LimitedBy::Session);
    }

    #[test]
    fn a_session_within_its_last_seconds_signs_nothing() {
        let asked = Asked { expires_in: 60, min_expires_in: 1 };
        let end = SessionEnd::At(at("2026-11-23T13:05:05.999Z"));
        let short = window(at("2026-11-23T13:05:00Z"), asked, 3_600, end).unwrap_err();
        assert_eq!(short.available_expires_in, 0);
    }

    #[test]
    fn an_instant_before_1970_is_floored_not_rounded_up() {
        assert_eq!(floor_to_second(Timestamp::new(-1, -500_000_000).unwrap()).as_second(), -2);
    }
}
