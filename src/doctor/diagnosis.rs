//! The doctor's answer.

use jiff::Timestamp;
use link_rules::window::LimitedBy;
use serde::Serialize;

use super::Question;

/// What the doctor found.
#[derive(Debug, Serialize)]
pub struct Diagnosis {
    pub(super) verdict: Verdict,
    /// `put` for an upload. A link has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    bucket: Option<String>,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    examined_at: Timestamp,
    checks: Vec<Check>,
}

/// Whether a link, or an upload, works that is signed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// Nothing that can be seen keeps the link from opening, or the file from arriving.
    Works,
    /// It opens for some recipients, and not for others.
    WorksForSome,
    /// Something refuses it, or there is no link at all.
    DoesNotWork,
    /// S3 did not answer, and nothing else refuses the link.
    Unknown,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// Nothing to do.
    Ok,
    /// It ends links before they would end otherwise.
    Limits,
    /// It keeps links from opening, or from being given.
    Refuses,
    /// It refuses links to some recipients.
    Depends,
    /// It could not be looked at. The sentence says what that takes.
    Unknown,
}

/// One check: what was looked at, what was found, and what to do.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "The answer calls it `check`.")]
pub(super) struct Check {
    pub(super) check: &'static str,
    pub(super) outcome: Outcome,
    pub(super) sentence: String,
    /// Command lines for a shell that has the AWS CLI.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    commands: Vec<String>,
    /// The bounds of a window, the deciding one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bounds: Vec<BoundInWords>,
}

/// What one bound alone leaves of a link that is signed now.
#[derive(Debug, Serialize)]
pub(super) struct BoundInWords {
    pub(super) bound: LimitedBy,
    /// In seconds. `None`: it limits nothing that is known.
    pub(super) expires_in: Option<u64>,
    pub(super) sentence: String,
}

impl Diagnosis {
    pub(super) fn new(
        question: &Question,
        bucket: Option<&str>,
        examined_at: Timestamp,
        checks: Vec<Check>,
    ) -> Self {
        Self {
            verdict: Verdict::of(&checks),
            action: question.is_upload().then_some("put"),
            bucket: bucket.map(str::to_owned),
            key: question.key.clone(),
            version_id: question.version_id.clone(),
            principal: question.principal.as_ref().map(|principal| principal.name().to_owned()),
            examined_at,
            checks,
        }
    }
}

impl Verdict {
    /// What the checks come to. Only the check that asks S3 with what is signed can tell that it works, so
    /// there is no good verdict without it.
    fn of(checks: &[Check]) -> Self {
        let any = |outcome| checks.iter().any(|check| check.outcome == outcome);
        let opened = |check: &Check| {
            matches!(check.check, "object" | "permission") && check.outcome != Outcome::Unknown
        };
        if any(Outcome::Refuses) {
            Self::DoesNotWork
        } else if !checks.iter().any(opened) {
            Self::Unknown
        } else if any(Outcome::Depends) {
            Self::WorksForSome
        } else {
            Self::Works
        }
    }

    /// The name used in answers and logs.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::WorksForSome => "works-for-some",
            Self::DoesNotWork => "does-not-work",
            Self::Unknown => "unknown",
        }
    }
}

impl Check {
    pub(super) fn new(check: &'static str, outcome: Outcome, sentence: impl Into<String>) -> Self {
        let (commands, bounds) = (Vec::new(), Vec::new());
        Self { check, outcome, sentence: sentence.into(), commands, bounds }
    }

    pub(super) fn with_commands(self, commands: Vec<String>) -> Self {
        Self { commands, ..self }
    }

    /// Whether a bound of the window leaves less than this, in seconds.
    pub(super) fn is_shorter_than(&self, seconds: u64) -> bool {
        self.bounds.iter().any(|bound| bound.expires_in.is_some_and(|left| left < seconds))
    }

    pub(super) fn with_bounds(self, bounds: Vec<BoundInWords>) -> Self {
        Self { bounds, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::{Depends, Limits, Ok, Refuses, Unknown};
    use super::*;

    #[test]
    fn the_worst_outcome_decides_and_nothing_works_that_was_not_opened() {
        let verdict = |outcomes: &[(&'static str, Outcome)]| {
            let checks: Vec<_> = outcomes
                .iter()
                .map(|(check, outcome)| Check::new(check, *outcome, "A sentence."))
                .collect();
            Verdict::of(&checks)
        };
        assert_eq!(verdict(&[("object", Ok), ("grant", Unknown)]), Verdict::Works);
        assert_eq!(verdict(&[("object", Ok), ("window", Limits)]), Verdict::Works);
        assert_eq!(verdict(&[("object", Ok), ("bucket-policy", Depends)]), Verdict::WorksForSome);
        assert_eq!(
            verdict(&[("object", Ok), ("a", Depends), ("b", Refuses)]),
            Verdict::DoesNotWork
        );
        assert_eq!(verdict(&[("object", Unknown), ("a", Refuses)]), Verdict::DoesNotWork);
        assert_eq!(verdict(&[("object", Unknown), ("a", Depends)]), Verdict::Unknown);
        for verdict in
            [Verdict::Works, Verdict::WorksForSome, Verdict::DoesNotWork, Verdict::Unknown]
        {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.as_str());
        }
    }
}
