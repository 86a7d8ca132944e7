//! What a policy does to a link, statement by statement.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::breakpoints::{Bound, Mark, Opening};
use super::conditions::{AskedCondition, Condition, Knowledge};
use super::document::{Deny, Policy};
use super::element::Element;
use super::pattern::{Pattern, Text};
use super::principals;
use super::request_context::RequestContext;
use super::tristate::Truth;

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
        /// [`Effect::Depends`].
        everybody: bool,
    },
    /// It refuses the link to some recipients from the start, or to none or all of them by something
    /// that is not known here. [`StatementEvaluation::conditions`] tell which.
    Depends {
        /// From then on it refuses the link to recipients whom it let in at first. `None`: whoever
        /// opens the link at first can go on to.
        bound: Option<Bound>,
        /// From then on it refuses the link to nobody, for a time or for ever.
        until: Option<Bound>,
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
            Effect::Limits { .. } | Effect::Depends { .. } => None,
        });
        let ends = |until: Option<Bound>| match until {
            None => None,
            Some(Bound::Age(age)) => self.signed_at.checked_add(age).ok(),
            Some(Bound::Instant(instant)) => Some(instant),
        };
        // `min_by_key` keeps the first of equals. `None`, which is the longest, is the least.
        refusals.min_by_key(|(_, until)| ends(*until).map(Reverse)).map(|(statement, _)| statement)
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
            Effect::Depends { bound, .. } => bound,
            Effect::Refuses { .. } => None,
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
        let action = match question.version_id {
            Some(_) => "s3:getobjectversion",
            None => "s3:getobject",
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

/// The state of a statement at one instant.
struct State {
    /// Whether the statement refuses the link.
    refuses: Truth,
    /// Of the conditions that change over time, whether each is met.
    met: Vec<Truth>,
}

/// What a statement does whose principal, action and resource mean the link as far as `ours` says.
/// `None` if it never refuses it.
fn effect(ours: Truth, conditions: &[AskedCondition<'_>], at_once: Opening) -> Option<Effect> {
    let (mut marks, mut changing, mut constant) = (Vec::new(), Vec::new(), ours);
    for condition in conditions {
        let changes = condition.marks(at_once);
        if changes.is_empty() {
            constant = constant.min(condition.truth(at_once));
        } else {
            marks.extend(changes);
            changing.push(condition);
        }
    }
    if constant == Truth::No {
        return None;
    }
    marks.sort_unstable();
    marks.dedup();

    let state = |opening: Opening| {
        let met: Vec<_> = changing.iter().map(|condition| condition.truth(opening)).collect();
        State { refuses: Truth::all(met.iter().copied()).min(constant), met }
    };
    let later: Vec<(Mark, State)> =
        marks.into_iter().map(|mark| (mark, state(at_once.at(mark)))).collect();
    let first = |meets: &dyn Fn(&State) -> bool| {
        let found = later.iter().position(|(_, state)| meets(state))?;
        Some((found, at_once.bound(later[found].0)?))
    };
    let start = state(at_once);
    Some(match start.refuses {
        Truth::Yes => {
            let until = first(&|state| state.refuses != Truth::Yes);
            Effect::Refuses { until: until.map(|(_, bound)| bound) }
        }
        Truth::Unknown => {
            // Who is let in at first is refused later only if some condition is met more surely
            // than at first. Which recipients meet an unknown condition does not change.
            let rises = |state: &State| {
                state.refuses > Truth::No
                    && state.met.iter().zip(&start.met).any(|(now, at_first)| now > at_first)
            };
            let until = first(&|state| state.refuses == Truth::No);
            let bound = first(&rises).map(|(_, bound)| bound);
            Effect::Depends { bound, until: until.map(|(_, bound)| bound) }
        }
        Truth::No => {
            let (index, from) = first(&|state| state.refuses > Truth::No)?;
            let mut rest = later.iter().skip(index);
            let until = rest.find(|(_, state)| state.refuses == Truth::No);
            Effect::Limits {
                from,
                until: until.and_then(|(mark, _)| at_once.bound(*mark)),
                everybody: later[index].1.refuses == Truth::Yes,
            }
        }
    })
}
