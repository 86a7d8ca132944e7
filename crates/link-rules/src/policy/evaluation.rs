//! What a policy does to a link, statement by statement.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::breakpoints::{Bound, Opening};
use super::conditions::{AskedCondition, Condition, Knowledge};
use super::document::{Deny, Policy};
use super::element::Element;
use super::pattern::{Pattern, Text};
use super::principals;
use super::request_context::{RequestContext, S3Request};
use super::tristate::{Range, Truth};

/// What the `Deny` statements of a bucket policy do to one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// The statements that may refuse the link at some time to some recipient, in the document's
    /// order. A statement that can't is left out.
    pub statements: Vec<StatementEvaluation>,
    signed_at: Timestamp,
}

/// What one `Deny` statement does to the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementEvaluation {
    /// The statement's position among all statements of the policy, counted from 0.
    pub index: usize,
    /// The statement's name, if it has one.
    pub sid: Option<String>,
    /// What it does.
    pub effect: Effect,
    /// Its conditions as they were written, each with what is known of it.
    pub conditions: Vec<(Arc<Condition>, Knowledge)>,
    /// Whether it is certain that the statement's principal, action and resource mean this link. A
    /// policy variable, or a principal that can't be told, leaves it open.
    pub certainly_ours: bool,
    /// What the request is called where it is described.
    pub(super) noun: &'static str,
}

/// When a statement refuses a link, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It refuses the link to everybody from the start: the link does not open.
    Refuses {
        /// From then on it may open for somebody. `None`: it never opens.
        until: Option<Bound>,
    },
    /// It refuses the link to nobody at first, and later to everybody or to somebody.
    Limits {
        /// From then on it refuses the link.
        from: Bound,
        /// From then on it refuses the link to nobody, for a time or for ever.
        until: Option<Bound>,
        /// Whether it then refuses the link to everybody. If not, that depends as in
        /// [`Effect::Depends`], or on how AWS reads the policy.
        everybody: bool,
    },
    /// It refuses the link to some recipients from the start, or to none or all of them by something
    /// that is not known here. [`StatementEvaluation::conditions`] tell which.
    ///
    /// Whoever opens the link at first can go on to.
    Depends {
        /// From then on it refuses the link to nobody, for a time or for ever.
        until: Option<Bound>,
    },
    /// It turns on time, and on how AWS reads an operator or a value that it does not document. By
    /// one reading it refuses the link from the start, and by another it does not. So nothing can be
    /// promised. `readings` has what is read how.
    Unreadable {
        /// The first instant at which, by one of the readings, it refuses the link to somebody whom
        /// it let in at first.
        bound: Option<Bound>,
    },
}

impl Policy {
    /// What this policy does to a link.
    ///
    /// The answer holds for a link that is signed at `question.signed_at`: pass the same instant to
    /// [`window`](crate::window::window()). Statements are judged one by one. Two statements that depend on the
    /// recipient can together leave nobody.
    #[must_use]
    pub fn evaluate(&self, question: &RequestContext<'_>) -> Evaluation {
        let asked = Asked::new(question);
        let statements = self.denies.iter().filter_map(|deny| deny.evaluate(&asked)).collect();
        Evaluation { statements, signed_at: question.signed_at }
    }
}

impl Evaluation {
    /// The statement that keeps the link from opening now, if there is one. Of several it is the one
    /// that does so the longest.
    #[must_use]
    pub fn refused_by(&self) -> Option<&StatementEvaluation> {
        let refusals = self.statements.iter().filter_map(|statement| match statement.effect {
            Effect::Refuses { until } => Some((statement, until)),
            Effect::Limits { .. } | Effect::Depends { .. } | Effect::Unreadable { .. } => None,
        });
        let ends = |until: Option<Bound>| match until {
            None => None,
            Some(Bound::Age(age)) => self.signed_at.checked_add(age).ok(),
            Some(Bound::Instant(instant)) => Some(instant),
        };
        // `min_by_key` keeps the first of equals. `None`, which is the longest, is the least.
        refusals.min_by_key(|(_, until)| ends(*until).map(Reverse)).map(|(statement, _)| statement)
    }

    /// The first statement that can't be read, if there is one. How long the link opens is then not
    /// known, whatever the bounds are.
    #[must_use]
    pub fn unreadable(&self) -> Option<&StatementEvaluation> {
        let is_unreadable = |statement: &&StatementEvaluation| {
            matches!(statement.effect, Effect::Unreadable { .. })
        };
        self.statements.iter().find(is_unreadable)
    }

    /// The least age at which a statement starts to refuse the link.
    #[must_use]
    pub fn least_age(&self) -> Option<SignedDuration> {
        let ages = self.bounds().filter_map(|bound| match bound {
            Bound::Age(age) => Some(age),
            Bound::Instant(_) => None,
        });
        ages.min()
    }

    /// The first instant at which a statement starts to refuse the link for a reason other than its
    /// age.
    #[must_use]
    pub fn least_instant(&self) -> Option<Timestamp> {
        let instants = self.bounds().filter_map(|bound| match bound {
            Bound::Age(_) => None,
            Bound::Instant(instant) => Some(instant),
        });
        instants.min()
    }

    fn bounds(&self) -> impl Iterator<Item = Bound> {
        self.statements.iter().filter_map(|statement| match statement.effect {
            Effect::Limits { from, .. } => Some(from),
            Effect::Unreadable { bound } => bound,
            Effect::Refuses { .. } | Effect::Depends { .. } => None,
        })
    }
}

/// What a policy is asked, made once for all of its statements.
struct Asked<'a> {
    question: &'a RequestContext<'a>,
    action: Text<'a>,
    resource: Text<'a>,
    at_once: Opening,
}

impl<'a> Asked<'a> {
    fn new(question: &'a RequestContext<'a>) -> Self {
        let action = match (question.request, question.version_id) {
            (S3Request::GetObject, Some(_)) => "s3:getobjectversion",
            (S3Request::GetObject, None) => "s3:getobject",
            (S3Request::PutObject(_), _) => "s3:putobject",
            (S3Request::AbortMultipartUpload, _) => "s3:abortmultipartupload",
            (S3Request::ListMultipartUploadParts, _) => "s3:listmultipartuploadparts",
        };
        Self {
            question,
            action: Text::new(action),
            resource: Text::new(format!("{}/{}", question.bucket_arn, question.key)),
            at_once: Opening::at_once(question.signed_at),
        }
    }
}

impl Deny {
    /// What the statement does to the link. `None` if it never refuses it to anybody.
    fn evaluate(&self, asked: &Asked<'_>) -> Option<StatementEvaluation> {
        let ours = self.concerns(asked);
        if ours == Truth::No {
            return None;
        }
        let ask = |condition| AskedCondition::new(condition, asked.question);
        let conditions: Vec<_> = self.conditions.iter().map(ask).collect();
        let effect = effect(ours, &conditions, asked.at_once)?;
        let conditions = conditions.into_iter().map(|condition| {
            let knowledge = condition.knowledge(asked.at_once);
            (Arc::clone(condition.condition), knowledge)
        });
        Some(StatementEvaluation {
            index: self.index,
            sid: self.sid.clone(),
            effect,
            conditions: conditions.collect(),
            certainly_ours: ours == Truth::Yes,
            noun: asked.question.request.noun(),
        })
    }

    /// Whether the statement's principal, action and resource mean this link.
    fn concerns(&self, asked: &Asked<'_>) -> Truth {
        let parts: [&dyn Fn() -> Truth; 3] = [
            &|| matches(&self.action, &asked.action),
            &|| matches(&self.resource, &asked.resource),
            &|| principals::concerns(&self.principal, &asked.question.signer),
        ];
        Truth::all(parts.into_iter().map(|part| part()))
    }
}

fn matches(element: &Element<Vec<Pattern>>, text: &Text<'_>) -> Truth {
    let any = |patterns: &[Pattern]| Truth::any(patterns.iter().map(|it| it.matches(text)));
    match element {
        Element::Is(patterns) => any(patterns),
        Element::Not(patterns) => !any(patterns),
    }
}

/// What a statement does whose principal, action and resource mean the link as far as `ours` says.
/// `None` if it never refuses it.
fn effect(ours: Truth, conditions: &[AskedCondition<'_>], at_once: Opening) -> Option<Effect> {
    let (mut marks, mut changing, mut constant) = (Vec::new(), Vec::new(), Range::from(ours));
    for condition in conditions {
        let known = marks.len();
        marks.extend(condition.marks(at_once));
        if marks.len() == known {
            constant = constant.and(condition.truth(at_once));
        } else {
            changing.push(condition);
        }
        if constant.most == Truth::No {
            return None;
        }
    }
    marks.sort_unstable();
    marks.dedup();

    // Whether the statement refuses the link at an instant.
    let refuses = |opening: Opening| {
        changing.iter().fold(constant, |all, condition| all.and(condition.truth(opening)))
    };
    let first = |from: usize, meets: &dyn Fn(Opening) -> bool| {
        let found = marks.iter().skip(from).position(|mark| meets(at_once.at(*mark)))?;
        Some((from + found, at_once.bound(marks[from + found])?))
    };
    let bound = |meets: &dyn Fn(Opening) -> bool| first(0, meets).map(|(_, bound)| bound);
    let Some(start) = refuses(at_once).agreed() else {
        let may_come_to_refuse = |opening: Opening| {
            let may_become_met =
                |condition: &&AskedCondition<'_>| condition.may_become_met(at_once, opening);
            refuses(opening).most > Truth::No && changing.iter().any(may_become_met)
        };
        return Some(Effect::Unreadable { bound: bound(&may_come_to_refuse) });
    };
    let may_refuse = |opening: Opening| refuses(opening).most > Truth::No;
    let lets_all_in = |opening: Opening| !may_refuse(opening);
    Some(match start {
        Truth::Yes => {
            let until = bound(&|opening| refuses(opening).least != Truth::Yes);
            Effect::Refuses { until }
        }
        // Which recipients meet an unknown condition does not change, and the other conditions are
        // all met at first. So nobody who is let in at first is refused later.
        Truth::Unknown => Effect::Depends { until: bound(&lets_all_in) },
        Truth::No => {
            let (index, from) = first(0, &may_refuse)?;
            let everybody = refuses(at_once.at(marks[index])).least == Truth::Yes;
            let until = first(index, &lets_all_in).map(|(_, bound)| bound);
            Effect::Limits { from, until, everybody }
        }
    })
}
