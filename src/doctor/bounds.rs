//! How long a link works that is signed now, and all of its bounds side by side.

use jiff::Timestamp;
use link_rules::window::{
    self, Bounds, CLOCK_MARGIN, DEFAULT_EXPIRES_IN, LimitedBy, RequestedWindow,
    SIGNATURE_MAX_EXPIRES_IN, SessionEnd,
};

use super::diagnosis::BoundInWords;
use super::policies::PolicyBounds;
use super::{Check, DoctorContext, Outcome};
use crate::links::PolicySetting;

/// The check.
pub(super) fn check(
    examined: &DoctorContext<'_>,
    policies: &PolicyBounds,
    now: Timestamp,
) -> Check {
    let new = |outcome, sentence: String| Check::new("window", outcome, sentence);
    let Ok(session) = &examined.signing.session else {
        let sentence = "There is no window, because no session signs: see \"signer\".";
        return new(Outcome::Unknown, sentence.to_owned());
    };
    let question = examined.question;
    let version_id = question.version_id.as_deref();
    let object_instant = examined.facts.stored().and_then(|(_, end)| end.of(version_id));
    let bounds = Bounds { object_instant, ..policies.bounds };
    let max_expires_in =
        examined.grant.map_or(SIGNATURE_MAX_EXPIRES_IN, |(_, grant)| grant.max_expires_in);

    let words = Words { examined, policies, bounds };
    // An upload has no object yet that could end.
    let ends =
        |bound: &(u64, LimitedBy)| bound.1 != LimitedBy::Object || !examined.question.is_upload();
    let each = window::each_bound(now, u64::MAX, max_expires_in, session.end, bounds);
    let mut side_by_side: Vec<_> = each
        .into_iter()
        .filter(ends)
        .map(|(seconds, bound)| {
            let is_refused = bound == LimitedBy::Policy && policies.refuse;
            let seconds = if is_refused { 0 } else { seconds };
            BoundInWords {
                bound,
                expires_in: (seconds < u64::MAX).then_some(seconds),
                sentence: words.of(bound, session.end),
            }
        })
        .collect();
    // The first of equal bounds decides, and this keeps their order.
    side_by_side.sort_by_key(|bound| bound.expires_in.unwrap_or(u64::MAX));

    let is_required = examined.links.policies.setting() == PolicySetting::Require;
    let check = if is_required && !policies.are_known {
        let sentence =
            "There is no window, because BUCKET_POLICY=require and the policy is not known.";
        new(Outcome::Refuses, sentence.to_owned())
    } else if policies.refuse {
        let every = question.either("every link", "every upload");
        let sentence = format!("There is no window, because the bucket's policy refuses {every}.");
        new(Outcome::Refuses, sentence)
    } else {
        let longest = RequestedWindow { expires_in: u64::MAX, min_expires_in: 1 };
        match window::window(now, longest, max_expires_in, session.end, bounds) {
            Ok(window) => {
                let outcome = match window.limited_by {
                    LimitedBy::Request | LimitedBy::Grant | LimitedBy::Signature => Outcome::Ok,
                    LimitedBy::Session | LimitedBy::Policy | LimitedBy::Object => Outcome::Limits,
                };
                let what = question.either(
                    "A link that is signed now works for",
                    "An upload that is signed now can begin for",
                );
                let sentence = format!(
                    "{what} {} s at most, until {}. What decides that is the {}.",
                    window.expires_in,
                    window.expires_at,
                    window.limited_by.as_str()
                );
                new(outcome, sentence)
            }
            Err(too_short) => {
                let sentence = format!(
                    "{} now: the {} leaves no second of a window.",
                    question.either("No link is given", "No upload is signed"),
                    too_short.limited_by.as_str()
                );
                new(Outcome::Refuses, sentence)
            }
        }
    };
    check.with_bounds(side_by_side)
}

/// Puts bounds into words.
struct Words<'a> {
    examined: &'a DoctorContext<'a>,
    policies: &'a PolicyBounds,
    bounds: Bounds,
}

impl Words<'_> {
    fn of(&self, bound: LimitedBy, session_end: SessionEnd) -> String {
        let margin = format!("less {} s for the clocks", CLOCK_MARGIN.as_secs());
        match bound {
            LimitedBy::Request => {
                format!("What the request asks for; {DEFAULT_EXPIRES_IN} s if it does not say.")
            }
            LimitedBy::Grant => match self.examined.grant {
                Some((position, _)) => format!("The max_expires_in of GRANTS[{position}]."),
                None => "No grant covers the object, so seven days stand here.".to_owned(),
            },
            LimitedBy::Session => match session_end {
                SessionEnd::At(end) => format!("The session ends at {end}, {margin}."),
                SessionEnd::Never => "A long-term key has no session.".to_owned(),
            },
            LimitedBy::Policy => self.policy(&margin),
            LimitedBy::Object => match (self.bounds.object_instant, self.examined.facts.stored()) {
                (Some(end), _) => {
                    format!("The object, or its restored copy, ends at {end}, {margin}.")
                }
                (None, Some(_)) => "S3 names no end of the object.".to_owned(),
                (None, None) => "The object was not seen.".to_owned(),
            },
            LimitedBy::Signature => "Signature Version 4 allows seven days.".to_owned(),
        }
    }

    fn policy(&self, margin: &str) -> String {
        let question = self.examined.question;
        if self.policies.refuse {
            let every = question.either("every link", "every upload");
            return format!("The bucket's policy refuses {every}.");
        }
        let Bounds { policy_age, policy_instant, .. } = self.bounds;
        let age = policy_age.map(|age| format!("an age of {} s", age.as_secs_f64()));
        let ends: Vec<_> =
            age.into_iter().chain(policy_instant.map(|instant| instant.to_string())).collect();
        let ignored = match self.examined.links.policies.setting() {
            PolicySetting::Ignore => " BUCKET_POLICY=ignore: the function does not keep to it.",
            PolicySetting::Heed | PolicySetting::Require => "",
        };
        match (ends.is_empty(), self.policies.are_known) {
            (false, _) => {
                format!(
                    "The policy refuses {} from {} on, {margin}.{ignored}",
                    question.either("links", "uploads"),
                    ends.join(" and ")
                )
            }
            (true, true) => {
                format!("The bucket's policy ends no {}.", question.either("link", "upload"))
            }
            (true, false) => "What the bucket's policy does is not known.".to_owned(),
        }
    }
}
