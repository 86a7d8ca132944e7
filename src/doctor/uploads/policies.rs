//! What the bucket's policy does to the requests of an upload, and which header would help.

use jiff::Timestamp;
use link_rules::access::UploadRules;
use link_rules::object::ObjectRef;
use link_rules::policy::{
    Effect, Evaluation, MissingHeader, StatementEvaluation, describe, missing_headers,
};
use link_rules::window::Bounds;

use super::super::policies::{PolicyBounds, evaluate, outcome, unread};
use super::super::{Check, DoctorContext, Outcome};
use crate::uploads::visit_requests;

/// The request that every file may be uploaded with.
const PUT: &str = "PutObject";

/// The header that spares an object.
const IF_NONE_MATCH: &str = "if-none-match";

/// The header of tags.
const TAGGING: &str = "x-amz-tagging";

/// What the policy does to each request.
pub(super) struct Policies {
    /// Each request's name, and what the policy does to it. None if the policy was not asked.
    evaluations: Vec<(&'static str, Evaluation)>,
    /// Whether a statement refuses every upload.
    refuse: bool,
    /// One check for each thing that a statement does to some of the requests.
    pub(super) checks: Vec<Check>,
}

/// A statement that says the same of some requests.
struct Statement<'a> {
    requests: Vec<&'static str>,
    evaluation: &'a StatementEvaluation,
    /// What would help, if it refuses them. Any one is enough.
    remedies: Vec<Remedy>,
}

/// Where a header is written that an upload lacks.
enum Remedy {
    /// The caller may send it.
    Caller(String),
    /// The operator writes it, or nobody can.
    Operator(String),
}

impl Policies {
    /// Asks the policy about all requests of an upload that is signed `now`.
    pub(super) fn read(
        examined: &DoctorContext<'_>,
        rules: Option<&UploadRules>,
        now: Timestamp,
    ) -> Self {
        let evaluations = rules.map(|rules| evaluations(examined, rules, now)).unwrap_or_default();
        let checks = checks(examined, rules, &evaluations);
        let refuse = rules.is_some_and(|rules| {
            let statements = statements(&evaluations, rules, position(examined));
            statements.iter().any(Statement::refuse_all)
        });
        Self { evaluations, refuse, checks }
    }

    /// What follows for the window of an upload.
    pub(super) fn bounds(&self) -> PolicyBounds {
        let all = || self.evaluations.iter().map(|(_, evaluation)| evaluation);
        PolicyBounds {
            refuse: self.refuse,
            are_known: !self.evaluations.is_empty()
                && all().all(|evaluation| evaluation.unreadable().is_none()),
            bounds: Bounds {
                policy_age: all().filter_map(Evaluation::least_age).min(),
                policy_instant: all().filter_map(Evaluation::least_instant).min(),
                object_instant: None,
            },
        }
    }
}

fn evaluations(
    examined: &DoctorContext<'_>,
    rules: &UploadRules,
    now: Timestamp,
) -> Vec<(&'static str, Evaluation)> {
    let facts = examined.facts;
    let (Ok(bucket), Ok(region)) = (&facts.bucket, &facts.region) else { return Vec::new() };
    let object = ObjectRef { bucket, region, key: &examined.question.key, version_id: None };
    let mut evaluations = Vec::new();
    visit_requests(object, rules, |planned| {
        let evaluation = evaluate(examined, planned.question, now);
        evaluations.extend(evaluation.map(|evaluation| (planned.name, evaluation)));
    });
    evaluations
}

fn checks(
    examined: &DoctorContext<'_>,
    rules: Option<&UploadRules>,
    evaluations: &[(&'static str, Evaluation)],
) -> Vec<Check> {
    if let Some(check) = unread(examined) {
        return vec![check];
    }
    let new = |outcome, sentence: String| Check::new("bucket-policy", outcome, sentence);
    let (Some(rules), false) = (rules, evaluations.is_empty()) else {
        let why =
            "What the policy does can't be told, because no grant covers the key or nobody signs.";
        return vec![new(Outcome::Unknown, why.to_owned())];
    };
    let statements = statements(evaluations, rules, position(examined));
    if statements.is_empty() {
        let none = "No Deny of the bucket's policy concerns this upload.";
        return vec![new(Outcome::Ok, none.to_owned())];
    }
    let check = |statement: &Statement<'_>| {
        let (outcome, more) = outcome(examined, statement.evaluation.effect);
        let outcome = match outcome {
            Outcome::Refuses if refuses(statement.evaluation) && !statement.refuse_all() => {
                Outcome::Depends
            }
            outcome => outcome,
        };
        let requests = statement.requests.join(", ");
        let remedies: Vec<_> = statement.remedies.iter().map(Remedy::sentence).collect();
        let remedies = remedies.join(" Or:");
        let parts = if statement.turns_on_parts() {
            " AWS does not document whether a part counts with the headers that its upload began with."
        } else {
            ""
        };
        let what = describe(statement.evaluation);
        new(outcome, format!("{requests}: the policy's {what}.{remedies}{parts}{more}"))
    };
    statements.iter().map(check).collect()
}

fn position(examined: &DoctorContext<'_>) -> usize {
    examined.grant.map(|(position, _)| position).unwrap_or_default()
}

fn refuses(statement: &StatementEvaluation) -> bool {
    matches!(statement.effect, Effect::Refuses { .. })
}

impl Statement<'_> {
    /// Whether it refuses every upload, whatever the caller sends.
    fn refuse_all(&self) -> bool {
        let is_callers = |remedy: &Remedy| matches!(remedy, Remedy::Caller(_));
        refuses(self.evaluation)
            && self.requests.contains(&PUT)
            && !self.remedies.iter().any(is_callers)
    }

    /// Whether it is about those requests alone that go on with an upload.
    fn turns_on_parts(&self) -> bool {
        matches!(self.evaluation.effect, Effect::Depends { .. })
            && self
                .requests
                .iter()
                .all(|name| matches!(*name, "UploadPart" | "CompleteMultipartUpload"))
    }
}

/// The statements in the document's order, each once for all requests to which it does the same.
fn statements<'a>(
    evaluations: &'a [(&'static str, Evaluation)],
    rules: &UploadRules,
    position: usize,
) -> Vec<Statement<'a>> {
    let mut found: Vec<Statement<'a>> = Vec::new();
    for (name, evaluation) in evaluations {
        for statement in &evaluation.statements {
            let same = found.iter_mut().find(|other| {
                other.evaluation.index == statement.index
                    && missing(other.evaluation) == missing(statement)
                    && describe(other.evaluation) == describe(statement)
            });
            match same {
                Some(other) => other.requests.push(name),
                None => found.push(Statement {
                    requests: vec![name],
                    evaluation: statement,
                    remedies: Vec::new(),
                }),
            }
        }
    }
    for statement in &mut found {
        let missing = missing(statement.evaluation);
        let remedies = missing.iter().map(|it| remedy(it, &statement.requests, rules, position));
        statement.remedies = remedies.collect();
    }
    found.sort_by_key(|statement| statement.evaluation.index);
    found
}

/// The headers that a request lacks which the statement refuses.
fn missing(statement: &StatementEvaluation) -> Vec<MissingHeader> {
    if refuses(statement) { missing_headers(statement) } else { Vec::new() }
}

/// Where the header is written.
fn remedy(
    missing: &MissingHeader,
    requests: &[&str],
    rules: &UploadRules,
    position: usize,
) -> Remedy {
    let MissingHeader { name, values } = missing;
    let header = match &values[..] {
        [] => format!(" It lacks the header {name}."),
        values => {
            let values: Vec<_> = values.iter().map(|value| format!("{value:?}")).collect();
            format!(" It lacks the header {name} with {}.", values.join(" or "))
        }
    };
    let any = String::from("any");
    let callers_may = values
        .iter()
        .chain(values.is_empty().then_some(&any))
        .any(|value| rules.check_header(name, value).is_ok());
    if callers_may {
        return Remedy::Caller(format!(
            "{header} The caller sends it in \"headers\" of the request."
        ));
    }
    let where_to = match *name {
        IF_NONE_MATCH if rules.overwrite && requests.contains(&PUT) => {
            format!("Leave \"overwrite\" out of GRANTS[{position}].")
        }
        IF_NONE_MATCH if requests == ["PostObject"] => {
            format!("A form can't have it: leave \"forms\" out of GRANTS[{position}].")
        }
        IF_NONE_MATCH => {
            "A request that makes no object can't have it: let the statement ask for it only where \
                          s3:ObjectCreationOperation is true."
                .to_owned()
        }
        TAGGING => format!(
            "Write it in \"put_headers\" of GRANTS[{position}], or list the tag in \"tags\" there, so that \
             callers send it in \"headers\"."
        ),
        name if UploadRules::is_operators(name) => {
            format!("Write it in \"put_headers\" of GRANTS[{position}].")
        }
        _ => "No upload of this function has it: change the policy.".to_owned(),
    };
    Remedy::Operator(format!("{header} {where_to}"))
}

impl Remedy {
    fn sentence(&self) -> &str {
        match self {
            Self::Caller(sentence) | Self::Operator(sentence) => sentence,
        }
    }
}
