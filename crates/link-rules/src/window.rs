//! The rule this project exists for: how long may a link be promised to work?
//!
//! The rule is arithmetic over instants that the caller passes in. This module reads no clock, does
//! no I/O and knows no AWS type. The room `sessions` finds out when a session ends and how well
//! that is proven.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// The longest `X-Amz-Expires` that Signature Version 4 allows, in seconds (seven days).
///
/// Source: Amazon S3 API reference, "Authenticating Requests: Using Query Parameters".
pub const SIGNATURE_MAX_EXPIRES_IN: u64 = 604_800;

/// The window of a request that names none, in seconds.
pub const DEFAULT_EXPIRES_IN: u64 = 3_600;

/// How long before each proven end a link ends: the session's, the bucket policy's, the object's.
///
/// STS states the session's end by its clock, the signature is dated by ours, and S3 judges both by
/// a third. A policy's ages and instants are judged by S3's clock too, and so is the object's end.
/// AWS keeps those clocks within a second of one another. Five seconds also cover the time that a
/// request needs from the reader to S3. A longer margin would shorten every promise for nothing.
pub const CLOCK_MARGIN: SignedDuration = SignedDuration::from_secs(5);

/// When S3 stops accepting what a session's credentials signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// At this instant, and not before it.
    At(Timestamp),
    /// Never. Long-term keys have no session.
    Never,
}

/// What ends a link besides the request, the grant, the session and the signature. [`Default`] is
/// nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The least age at which the bucket's policy refuses the link, counted from `signed_at`.
    pub policy_age: Option<SignedDuration>,
    /// The first instant at which the bucket's policy refuses the link, whatever its age.
    pub policy_instant: Option<Timestamp>,
    /// The instant at which the object, or the restored copy of it, may be deleted.
    pub object_instant: Option<Timestamp>,
}

/// The window that a caller asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedWindow {
    /// The longest window the caller has a use for, in seconds, at least 1.
    pub expires_in: u64,
    /// The shortest window the caller has a use for, in seconds, at least 1. When it equals
    /// `expires_in`, the caller wants the full window or an error.
    pub min_expires_in: u64,
}

impl RequestedWindow {
    /// The longest window that the request, the grant and the signature allow, in seconds. A
    /// session without an end would give this window.
    #[must_use]
    pub fn capped(self, max_expires_in: u64) -> u64 {
        self.expires_in.min(max_expires_in).min(SIGNATURE_MAX_EXPIRES_IN)
    }
}

/// The bound that decided the length of a window. Of several equal bounds it is the first in this
/// list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitedBy {
    /// The request itself: the caller gets the window it asked for.
    Request,
    /// The grant's `max_expires_in`.
    Grant,
    /// The end of the session whose credentials sign.
    Session,
    /// A `Deny` statement of the bucket's policy.
    Policy,
    /// The end of the object itself.
    Object,
    /// `SIGNATURE_MAX_EXPIRES_IN`.
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
            Self::Policy => "policy",
            Self::Object => "object",
            Self::Signature => "signature",
        }
    }
}

/// The window of one link. The signature and the promise are both made from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// `X-Amz-Date`: a whole second, never later than now and less than a second before it.
    pub signed_at: Timestamp,
    /// `X-Amz-Expires`: whole seconds, 1 to `SIGNATURE_MAX_EXPIRES_IN`.
    pub expires_in: u64,
    /// `signed_at + expires_in`.
    pub expires_at: Timestamp,
    /// The bound that decided `expires_in`.
    pub limited_by: LimitedBy,
}

/// No window is as long as the caller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooShort {
    /// The longest window that could be signed, in whole seconds; 0 when there is none.
    pub available_expires_in: u64,
    /// The bound that decided `available_expires_in`.
    pub limited_by: LimitedBy,
}

/// The window for a link signed `now`, under a grant that allows `max_expires_in` seconds, with
/// credentials whose session ends at `session_end`, to an object and in a bucket that end it as
/// `bounds` says.
///
/// # Errors
///
/// [`TooShort`] when the longest window that keeps every bound is shorter than
/// `requested.min_expires_in`, or than one second.
pub fn window(
    now: Timestamp,
    requested: RequestedWindow,
    max_expires_in: u64,
    session_end: SessionEnd,
    bounds: Bounds,
) -> Result<Window, TooShort> {
    let signed_at = floor_to_second(now);
    let (expires_in, limited_by) =
        each_bound(now, requested.expires_in, max_expires_in, session_end, bounds)
            .into_iter()
            // The first of equal bounds wins: `min_by_key` keeps the earlier element.
            .min_by_key(|(seconds, _)| *seconds)
            .unwrap_or((0, LimitedBy::Session));

    let too_short = TooShort { available_expires_in: expires_in, limited_by };
    if expires_in < requested.min_expires_in.max(1) {
        return Err(too_short);
    }
    // `expires_in` is at most seven days, so this overflows only at the end of jiff's calendar.
    let length = SignedDuration::from_secs(i64::try_from(expires_in).unwrap_or(i64::MAX));
    let expires_at = signed_at.checked_add(length).map_err(|_| too_short)?;
    Ok(Window { signed_at, expires_in, expires_at, limited_by })
}

/// How long a share lives: an address behind which each download is signed afresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Whole seconds, counted from the whole second that the share is made in.
    pub expires_in: u64,
    /// That second + `expires_in`.
    pub expires_at: Timestamp,
    /// The bound that decided `expires_in`: the request, the grant, the policy or the object.
    pub limited_by: LimitedBy,
}

/// The life of a share made `now`, under a grant that allows `max_expires_in` seconds, to an object
/// and in a bucket that end it as `bounds` says. Until its last second each download must get a link
/// that works for `least_open` seconds.
///
/// Sessions and signatures do not end a share, because each download has a signature of its own. The
/// greatest age that the policy allows does not either, but if it is less than a download needs,
/// there is no share.
///
/// # Errors
///
/// [`TooShort`] when the longest life that keeps every bound is shorter than
/// `requested.min_expires_in`, or than one second.
pub fn life(
    now: Timestamp,
    requested: RequestedWindow,
    max_expires_in: u64,
    bounds: Bounds,
    least_open: u64,
) -> Result<Life, TooShort> {
    let made_at = floor_to_second(now);
    // The last download begins early enough for its link.
    let until = |instant: Option<Timestamp>| {
        instant.map_or(u64::MAX, |instant| {
            keepable_seconds(instant.duration_since(made_at)).saturating_sub(least_open)
        })
    };
    let is_too_young = |age| keepable_seconds(age) < least_open;
    let policy = match bounds.policy_age {
        Some(age) if is_too_young(age) => 0,
        _ => until(bounds.policy_instant),
    };
    let (expires_in, limited_by) = [
        (requested.expires_in, LimitedBy::Request),
        (max_expires_in, LimitedBy::Grant),
        (policy, LimitedBy::Policy),
        (until(bounds.object_instant), LimitedBy::Object),
    ]
    .into_iter()
    // The first of equal bounds wins: `min_by_key` keeps the earlier element.
    .min_by_key(|(seconds, _)| *seconds)
    .unwrap_or((0, LimitedBy::Request));

    let too_short = TooShort { available_expires_in: expires_in, limited_by };
    if expires_in < requested.min_expires_in.max(1) {
        return Err(too_short);
    }
    let length = SignedDuration::from_secs(i64::try_from(expires_in).unwrap_or(i64::MAX));
    let expires_at = made_at.checked_add(length).map_err(|_| too_short)?;
    Ok(Life { expires_in, expires_at, limited_by })
}

/// What each bound alone leaves of a link that is signed `now`, in whole seconds. [`u64::MAX`] where
/// a bound limits nothing.
pub fn each_bound(
    now: Timestamp,
    expires_in: u64,
    max_expires_in: u64,
    session_end: SessionEnd,
    bounds: Bounds,
) -> [(u64, LimitedBy); 6] {
    let signed_at = floor_to_second(now);
    let until = |instant: Timestamp| keepable_seconds(instant.duration_since(signed_at));
    let session = match session_end {
        SessionEnd::Never => u64::MAX,
        SessionEnd::At(end) => until(end),
    };
    let policy_age = bounds.policy_age.map_or(u64::MAX, keepable_seconds);
    let policy_instant = bounds.policy_instant.map_or(u64::MAX, until);
    [
        (expires_in, LimitedBy::Request),
        (max_expires_in, LimitedBy::Grant),
        (session, LimitedBy::Session),
        (policy_age.min(policy_instant), LimitedBy::Policy),
        (bounds.object_instant.map_or(u64::MAX, until), LimitedBy::Object),
        (SIGNATURE_MAX_EXPIRES_IN, LimitedBy::Signature),
    ]
}

/// The whole seconds of a link that something ends `left` after it was signed: `left` less
/// [`CLOCK_MARGIN`], and 0 if that is nothing.
fn keepable_seconds(left: SignedDuration) -> u64 {
    // The duration is negative when the end is past or within the margin.
    u64::try_from(left.saturating_sub(CLOCK_MARGIN).as_secs()).unwrap_or(0)
}

/// The whole second that `now` lies in, because `X-Amz-Date` has no fractions. This rounds towards
/// the past on both sides of 1970, so a link is never dated after the moment it was signed.
#[must_use]
pub fn floor_to_second(now: Timestamp) -> Timestamp {
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

    /// Lengths around every bound: seconds, the default, half a day, a week, and far beyond.
    fn lengths() -> impl Strategy<Value = u64> {
        prop_oneof![1..20_u64, 1..5_000_u64, 43_100..43_300_u64, 604_790..604_810_u64, 1..u64::MAX]
    }

    /// Ends of sessions from long before `now` to long after it, and sessions without an end.
    fn session_ends(now: Timestamp) -> impl Strategy<Value = SessionEnd> {
        let after_now = prop_oneof![-100_000..100_000_i64, -10..20_i64, 0..1_000_000_i64];
        prop_oneof![
            9 => (after_now, 0..1_000_000_000_i32).prop_map(move |(seconds, nanoseconds)| {
                SessionEnd::At(now + SignedDuration::new(seconds, nanoseconds))
            }),
            1 => Just(SessionEnd::Never),
        ]
    }

    /// Ages and instants of the policy and instants of the object, each of which may be missing.
    fn bounds(now: Timestamp) -> impl Strategy<Value = Bounds> {
        let milliseconds =
            prop_oneof![1..20_000_i64, 1..5_000_000_i64, 604_700_000..604_900_000_i64];
        let instant = move || {
            proptest::option::of(session_ends(now).prop_map(move |end| match end {
                SessionEnd::At(instant) => instant,
                SessionEnd::Never => now,
            }))
        };
        (proptest::option::of(milliseconds), instant(), instant()).prop_map(
            |(milliseconds, policy_instant, object_instant)| Bounds {
                policy_age: milliseconds.map(SignedDuration::from_millis),
                policy_instant,
                object_instant,
            },
        )
    }

    type Case = (Timestamp, RequestedWindow, u64, SessionEnd, Bounds);

    fn cases() -> impl Strategy<Value = Case> {
        instants().prop_flat_map(|now| {
            let lengths = (lengths(), lengths(), lengths());
            let bounds = prop_oneof![Just(Bounds::default()), bounds(now)];
            (Just(now), lengths, session_ends(now), bounds).prop_map(
                |(now, (expires_in, min_expires_in, max_expires_in), session_end, bounds)| {
                    let requested = RequestedWindow {
                        expires_in,
                        min_expires_in: min_expires_in.min(expires_in),
                    };
                    (now, requested, max_expires_in, session_end, bounds)
                },
            )
        })
    }

    /// Whether a link of `seconds` ends a margin before `end`, computed without the code under test.
    fn ends_before(seconds: u64, signed_at: Timestamp, end: Timestamp) -> bool {
        let last = i128::from(signed_at.as_second()) + i128::from(seconds) + 5;
        last * 1_000_000_000 <= end.as_nanosecond()
    }

    /// Whether a link of `seconds` keeps every bound, computed without the code under test.
    fn keeps_every_bound(
        seconds: u64,
        signed_at: Timestamp,
        (_, requested, max_expires_in, session_end, bounds): Case,
    ) -> bool {
        let instants = [
            match session_end {
                SessionEnd::Never => None,
                SessionEnd::At(end) => Some(end),
            },
            bounds.policy_instant,
            bounds.object_instant,
        ];
        let within_age = bounds
            .policy_age
            .is_none_or(|age| (i128::from(seconds) + 5) * 1_000 <= age.as_millis());
        seconds <= requested.expires_in
            && seconds <= max_expires_in
            && seconds <= 604_800
            && within_age
            && instants.into_iter().flatten().all(|end| ends_before(seconds, signed_at, end))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn the_promise_never_exceeds_the_proof_and_is_the_longest_allowed(case in cases()) {
            let (now, requested, max_expires_in, session_end, bounds) = case;
            let signed_at = Timestamp::from_second(now.as_second()).unwrap();
            let keeps = |seconds| keeps_every_bound(seconds, signed_at, case);
            match window(now, requested, max_expires_in, session_end, bounds) {
                Ok(window) => {
                    prop_assert_eq!(window.signed_at, signed_at);
                    prop_assert!(window.expires_in >= 1);
                    prop_assert!(window.expires_in >= requested.min_expires_in);
                    prop_assert!(keeps(window.expires_in));
                    prop_assert!(!keeps(window.expires_in + 1));
                    prop_assert_eq!(
                        window.expires_at.as_second() - window.signed_at.as_second(),
                        i64::try_from(window.expires_in).unwrap()
                    );
                    prop_assert_eq!(window.expires_at.subsec_nanosecond(), 0);
                }
                Err(TooShort { available_expires_in, .. }) => {
                    prop_assert!(available_expires_in < requested.min_expires_in);
                    prop_assert!(available_expires_in == 0 || keeps(available_expires_in));
                    prop_assert!(!keeps(available_expires_in + 1));
                }
            }
        }

        #[test]
        fn at_a_share_s_last_second_a_download_gets_its_window_and_a_second_later_none_would(
            case in cases(),
            least_open in 120..3_600_u64,
        ) {
            let (now, requested, max_expires_in, _, bounds) = case;
            // No grant gives more than a year.
            let max_expires_in = max_expires_in.min(365 * 86_400);
            let made_at = floor_to_second(now);
            // Whether a download that begins so many seconds later gets its window.
            let opens = |seconds: u64| {
                let begun = made_at.checked_add(SignedDuration::from_secs(seconds.cast_signed()));
                let wanted = RequestedWindow { expires_in: least_open, min_expires_in: least_open };
                window(begun.unwrap(), wanted, least_open, SessionEnd::Never, bounds).is_ok()
            };
            let (length, limited_by) =
                match life(now, requested, max_expires_in, bounds, least_open) {
                    Ok(life) => {
                        prop_assert!(life.expires_in >= requested.min_expires_in);
                        let lived = life.expires_at.duration_since(made_at).as_secs();
                        prop_assert_eq!(lived.unsigned_abs(), life.expires_in);
                        (life.expires_in, life.limited_by)
                    }
                    Err(TooShort { available_expires_in, limited_by }) => {
                        prop_assert!(available_expires_in < requested.min_expires_in.max(1));
                        (available_expires_in, limited_by)
                    }
                };
            prop_assert!(length <= requested.expires_in && length <= max_expires_in);
            match limited_by {
                LimitedBy::Request => prop_assert_eq!(length, requested.expires_in),
                LimitedBy::Grant => prop_assert_eq!(length, max_expires_in),
                LimitedBy::Policy | LimitedBy::Object => prop_assert!(!opens(length + 1)),
                LimitedBy::Session | LimitedBy::Signature => prop_assert!(false),
            }
            prop_assert!(length == 0 || opens(length));
        }

        #[test]
        fn limited_by_names_the_bound_that_decided(case in cases()) {
            let (now, requested, max_expires_in, session_end, bounds) = case;
            let ask = |max_expires_in, session_end, bounds| {
                match window(now, requested, max_expires_in, session_end, bounds) {
                    Ok(window) => (window.expires_in, window.limited_by),
                    Err(short) => (short.available_expires_in, short.limited_by),
                }
            };
            let (length, limited_by) = ask(max_expires_in, session_end, bounds);
            // The bounds before the one that is named give more, those after it no less.
            let without_policy = Bounds { policy_age: None, policy_instant: None, ..bounds };
            let without_object = Bounds { object_instant: None, ..bounds };
            let by_session = ask(u64::MAX, session_end, Bounds::default());
            let below_caller = length < requested.expires_in && length < max_expires_in;
            match limited_by {
                LimitedBy::Request => prop_assert_eq!(length, requested.expires_in),
                LimitedBy::Grant => {
                    prop_assert_eq!(length, max_expires_in);
                    prop_assert!(length < requested.expires_in);
                }
                LimitedBy::Signature => {
                    prop_assert_eq!(length, 604_800);
                    prop_assert!(below_caller);
                }
                LimitedBy::Session => {
                    prop_assert!(below_caller);
                    prop_assert_eq!(by_session, (length, LimitedBy::Session));
                }
                LimitedBy::Policy => {
                    prop_assert!(below_caller);
                    prop_assert!(length < by_session.0 || by_session.1 == LimitedBy::Signature);
                    let by_policy = ask(u64::MAX, SessionEnd::Never, without_object);
                    prop_assert_eq!(by_policy, (length, LimitedBy::Policy));
                }
                LimitedBy::Object => {
                    prop_assert!(below_caller);
                    let before = ask(u64::MAX, session_end, without_object);
                    prop_assert!(length < before.0 || before.1 == LimitedBy::Signature);
                    let by_object = ask(u64::MAX, SessionEnd::Never, without_policy);
                    prop_assert_eq!(by_object, (length, LimitedBy::Object));
                }
            }
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_fresh_one_hour_session_keeps_all_of_the_hour_but_the_margin() {
        let requested = RequestedWindow { expires_in: 3_600, min_expires_in: 1 };
        let end = SessionEnd::At(at("2026-11-23T14:05:17Z"));
        let window =
            window(at("2026-11-23T13:05:17.9Z"), requested, 43_200, end, Bounds::default())
                .unwrap();
        assert_eq!(window.signed_at, at("2026-11-23T13:05:17Z"));
        assert_eq!(window.expires_in, 3_595);
        assert_eq!(window.expires_at, at("2026-11-23T14:05:12Z"));
        assert_eq!(window.limited_by, LimitedBy::Session);
    }

    #[test]
    fn the_full_window_or_nothing_says_what_is_available() {
        let requested = RequestedWindow { expires_in: 3_600, min_expires_in: 3_600 };
        let end = SessionEnd::At(at("2026-11-23T13:10:00Z"));
        let short = window(at("2026-11-23T13:05:00Z"), requested, 43_200, end, Bounds::default())
            .unwrap_err();
        assert_eq!(short.available_expires_in, 295);
        assert_eq!(short.limited_by, LimitedBy::Session);
    }

    #[test]
    fn a_session_within_its_last_seconds_signs_nothing() {
        let requested = RequestedWindow { expires_in: 60, min_expires_in: 1 };
        let end = SessionEnd::At(at("2026-11-23T13:05:05.999Z"));
        let short = window(at("2026-11-23T13:05:00Z"), requested, 3_600, end, Bounds::default())
            .unwrap_err();
        assert_eq!(short.available_expires_in, 0);
    }

    #[test]
    fn a_policy_s_age_counts_from_the_signature_and_its_instant_does_not() {
        let requested = RequestedWindow { expires_in: 3_600, min_expires_in: 1 };
        let now = at("2026-11-23T13:05:00.9Z");
        let ask = |bounds| window(now, requested, 43_200, SessionEnd::Never, bounds).unwrap();
        let by_age = ask(Bounds {
            policy_age: Some(SignedDuration::from_millis(900_001)),
            ..Bounds::default()
        });
        assert_eq!((by_age.expires_in, by_age.limited_by), (895, LimitedBy::Policy));
        let by_instant = ask(Bounds {
            policy_age: Some(SignedDuration::from_secs(900)),
            policy_instant: Some(at("2026-11-23T13:10:00Z")),
            ..Bounds::default()
        });
        assert_eq!((by_instant.expires_in, by_instant.limited_by), (295, LimitedBy::Policy));
    }

    #[test]
    fn a_link_ends_before_its_object_does() {
        let requested = RequestedWindow { expires_in: 3_600, min_expires_in: 60 };
        let now = at("2026-11-23T13:05:00Z");
        let ask = |text| {
            let bounds = Bounds { object_instant: Some(at(text)), ..Bounds::default() };
            window(now, requested, 43_200, SessionEnd::Never, bounds)
        };
        let link = ask("2026-11-23T13:30:00Z").unwrap();
        assert_eq!((link.expires_in, link.limited_by), (1_495, LimitedBy::Object));
        for text in ["2026-11-23T13:05:05Z", "2026-11-22T00:00:00Z"] {
            let short = ask(text).unwrap_err();
            assert_eq!((short.available_expires_in, short.limited_by), (0, LimitedBy::Object));
        }
    }

    #[test]
    fn answers_and_logs_name_every_bound_alike() {
        for limited_by in [
            LimitedBy::Request,
            LimitedBy::Grant,
            LimitedBy::Session,
            LimitedBy::Policy,
            LimitedBy::Object,
            LimitedBy::Signature,
        ] {
            let json = serde_json::to_value(limited_by).unwrap();
            assert_eq!(json, limited_by.as_str());
        }
    }

    #[test]
    fn an_instant_before_1970_is_floored_not_rounded_up() {
        assert_eq!(floor_to_second(Timestamp::new(-1, -500_000_000).unwrap()).as_second(), -2);
    }
}
