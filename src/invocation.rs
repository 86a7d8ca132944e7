//! One invocation: everything about it that the rest of the function needs to know.
//!
//! Whatever asks AWS, logs, counts or judges gets a reference to this, so that there is one clock, one
//! deadline, one caller and one set of grants. The initialisation counts as an invocation of its own.
//!
//! This module decides nothing.

mod clock;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use link_rules::access::{Grants, Principal};
use tokio::time::timeout;

pub(crate) use self::clock::{Clock, HostClock};
use crate::telemetry::{Counter, Counters, metrics_line};

/// What an invocation keeps back from waiting, so that its answer is out before Lambda ends it. An
/// answer with a thousand links takes a tenth of it at the template's memory size.
const TIME_TO_ANSWER: Duration = Duration::from_secs(1);

/// How long an invocation may take at most.
///
/// Source: Lambda developer guide, "Lambda quotas", function time-out.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);

/// One invocation: its request id, the function it is of, its time, its caller, what it counted, and
/// the grants that hold for all of it.
#[derive(Debug)]
pub struct Invocation {
    id: u64,
    request_id: String,
    function: Function,
    began_at: Timestamp,
    deadline: Timestamp,
    is_initialisation: bool,
    clock: Clock,
    caller: Caller,
    counters: Counters,
    grants: Arc<Grants>,
}

/// The function that was invoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Function {
    /// Its name (`AWS_LAMBDA_FUNCTION_NAME`).
    pub name: String,
    /// Its ARN as Lambda's context has it. `None` before the first event.
    pub arn: Option<String>,
    /// The level of its log (`AWS_LAMBDA_LOG_LEVEL`). Metrics must pass it.
    pub log_level: Option<String>,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Whom the gateway authenticated.
    pub(crate) principal: Principal,
    /// The IP address that the gateway saw. A caller can't choose it.
    pub(crate) ip_address: Option<String>,
    /// Why the gateway names nobody although an authorizer accepted the request, and the fix.
    pub(crate) why_unnamed: Option<&'static str>,
}

/// What was waited for did not come in time to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfTime;

impl Default for Caller {
    /// Nobody whom a gateway authenticated.
    fn default() -> Self {
        Self { principal: Principal::Anonymous, ip_address: None, why_unnamed: None }
    }
}

impl Invocation {
    /// An invocation that begins now. It has no deadline, and nobody is granted anything.
    #[must_use]
    pub fn begin(clock: fn() -> Timestamp) -> Self {
        Self::begin_by(&Clock::new(clock))
    }

    /// The same, by a clock of which something may have been heard.
    pub(crate) fn begin_by(clock: &Clock) -> Self {
        static LAST_ID: AtomicU64 = AtomicU64::new(0);
        Self {
            id: LAST_ID.fetch_add(1, Ordering::Relaxed),
            request_id: String::new(),
            function: Function::default(),
            began_at: clock.now(),
            deadline: Timestamp::MAX,
            is_initialisation: false,
            clock: clock.clone(),
            caller: Caller::default(),
            counters: Counters::default(),
            grants: Arc::default(),
        }
    }

    /// An initialisation, or what follows a restore. Both happen before any event.
    pub(crate) fn initialisation(clock: &Clock) -> Self {
        Self { is_initialisation: true, ..Self::begin_by(clock) }
    }

    /// The same invocation, with the request id that Lambda gave it and the function it is of.
    #[must_use]
    pub fn of(self, request_id: &str, function: Function) -> Self {
        Self { request_id: request_id.to_owned(), function, ..self }
    }

    /// The same invocation, with the instant at which Lambda ends it. A deadline that had been over for
    /// [`LONGEST`] when the invocation began is no deadline: `cargo lambda watch` states one of 1970.
    pub(crate) fn until(self, deadline: Timestamp) -> Self {
        let began_at = self.clock.host();
        let is_none = deadline.saturating_add(LONGEST).is_ok_and(|latest| latest < began_at);
        let longest = || began_at.saturating_add(LONGEST).unwrap_or(Timestamp::MAX);
        Self { deadline: if is_none { longest() } else { deadline }, ..self }
    }

    /// The same invocation, called by `caller`.
    pub(crate) fn called_by(self, caller: Caller) -> Self {
        Self { caller, ..self }
    }

    /// The same invocation, under `grants`.
    pub(crate) fn with_grants(self, grants: Arc<Grants>) -> Self {
        Self { grants, ..self }
    }

    /// Tells this invocation from all others of this process.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// When this invocation began.
    pub(crate) fn began_at(&self) -> Timestamp {
        self.began_at
    }

    /// The request id that Lambda gave this invocation. Every log line names it.
    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The ARN of the function that was invoked. `None` before the first event.
    pub(crate) fn function_arn(&self) -> Option<&str> {
        self.function.arn.as_deref()
    }

    /// Who calls.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Who may have links to what. The grants stay the same for the whole invocation.
    pub(crate) fn grants(&self) -> &Grants {
        &self.grants
    }

    /// The time. A call may have taken seconds, so read it again after every call.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The clock, for what hears from AWS how late it is.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How long the invocation goes on from now. Zero if it should have ended. The deadline is one of
    /// this machine's clock.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.duration_since(self.clock.host()).try_into().unwrap_or_default()
    }

    /// The outcome of `work`, if it comes in time for this invocation to answer.
    ///
    /// # Errors
    ///
    /// [`OutOfTime`]. The work is given up then.
    pub(crate) async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, OutOfTime> {
        timeout(self.left().saturating_sub(TIME_TO_ANSWER), work).await.map_err(|_| OutOfTime)
    }

    /// Whether there is time to begin work that waits for nothing, and that nothing interrupts: half of what
    /// is kept back for the answer is left.
    ///
    /// # Errors
    ///
    /// [`OutOfTime`].
    pub(crate) fn check_time(&self) -> Result<(), OutOfTime> {
        if self.left() < TIME_TO_ANSWER / 2 { Err(OutOfTime) } else { Ok(()) }
    }

    /// Whether no event has come yet. Nobody waits then, and what fails can be asked for again in
    /// the invocation that needs it.
    pub(crate) fn is_initialisation(&self) -> bool {
        self.is_initialisation
    }

    /// Adds 1 to `counter`.
    pub(crate) fn count(&self, counter: Counter) {
        self.counters.add(counter, 1);
    }

    /// Adds `times` to `counter`.
    pub(crate) fn count_many(&self, counter: Counter, times: u64) {
        self.counters.add(counter, times);
    }

    /// Takes note of a session that signed a link. The metric `SessionRemainingSeconds` is about
    /// the session that ends first.
    pub(crate) fn session_ends_at(&self, end: Timestamp) {
        self.counters.session_ends_at(end);
    }

    /// The invocation's metrics as a line of JSON, or `None` if there are none.
    pub(crate) fn metrics(&self) -> Option<String> {
        let Function { name, log_level, .. } = &self.function;
        metrics_line(&self.counters, &self.request_id, name, log_level.as_deref(), self.now())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::{Value, json};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn ending(second: i64) -> Invocation {
        Invocation::begin(|| at(1_000)).until(at(second))
    }

    #[test]
    fn nothing_is_left_of_an_invocation_after_its_deadline() {
        assert_eq!(ending(1_003).left(), Duration::from_secs(3));
        assert_eq!(ending(999).left(), Duration::ZERO);
    }

    #[test]
    fn a_deadline_long_before_the_invocation_began_is_none() {
        let began = at(1_764_000_000);
        let left = |deadline| Invocation::begin(|| at(1_764_000_000)).until(deadline).left();
        assert_eq!(left(at(600)), Duration::from_mins(15));
        assert_eq!(left(began - SignedDuration::from_secs(901)), Duration::from_mins(15));
        // A process that was frozen before it began has no time left.
        assert_eq!(left(began - SignedDuration::from_mins(15)), Duration::ZERO);
    }

    #[tokio::test]
    async fn work_is_given_up_a_second_before_the_deadline() {
        let half_a_second = || tokio::time::sleep(Duration::from_millis(500));
        assert_eq!(ending(1_060).in_time(half_a_second()).await, Ok(()));
        assert_eq!(ending(1_001).in_time(half_a_second()).await, Err(OutOfTime));

        let began = Instant::now();
        let ends = at(1_001) + SignedDuration::from_millis(50);
        let invocation = Invocation::begin(|| at(1_000)).until(ends);
        assert_eq!(invocation.in_time(std::future::pending::<()>()).await, Err(OutOfTime));
        assert!(began.elapsed() >= Duration::from_millis(50));
    }

    fn now() -> Timestamp {
        "2026-11-23T13:00:00Z".parse().unwrap()
    }

    fn of(function_name: &str, log_level: Option<&str>) -> Invocation {
        let log_level = log_level.map(str::to_owned);
        let name = function_name.to_owned();
        Invocation::begin(now).of("request-1", Function { name, log_level, ..Function::default() })
    }

    fn metrics(invocation: &Invocation) -> Option<Value> {
        invocation.metrics().map(|line| serde_json::from_str(&line).unwrap())
    }

    #[test]
    fn an_invocation_that_did_nothing_has_no_metrics() {
        assert_eq!(metrics(&of("signer", None)), None);
    }

    #[test]
    fn links_are_counted_beside_the_session_that_ends_first() {
        let invocation = of("signer", None);
        invocation.count(Counter::LinksSigned);
        invocation.count(Counter::LinksSigned);
        invocation.session_ends_at(now() + SignedDuration::from_mins(2));
        invocation.session_ends_at(now() + SignedDuration::from_mins(1));
        let line = metrics(&invocation).unwrap();
        assert_eq!(line["LinksSigned"], 2);
        assert_eq!(line.get("LinksRefused"), None);
        assert_eq!(line["SessionRemainingSeconds"], 60);
        assert_eq!(line["RequestId"], "request-1");
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([["FunctionName"]]));
        assert_eq!(
            directive["Metrics"],
            json!([
                {"Name": "LinksSigned", "Unit": "Count"},
                {"Name": "SessionRemainingSeconds", "Unit": "Seconds"},
            ])
        );
    }

    #[test]
    fn metrics_pass_every_level_of_the_log() {
        for (level, expected) in [
            (None, "INFO"),
            (Some("TRACE"), "INFO"),
            (Some("DEBUG"), "INFO"),
            (Some("INFO"), "INFO"),
            (Some("warn"), "WARN"),
            (Some("ERROR"), "ERROR"),
            (Some("FATAL"), "FATAL"),
        ] {
            let invocation = of("signer", level);
            invocation.count(Counter::LinksSigned);
            let line = metrics(&invocation).unwrap();
            assert_eq!(line["level"], expected);
            // Without a time in RFC 3339 Lambda does not believe the level.
            assert_eq!(line["timestamp"], "2026-11-23T13:00:00Z");
        }
    }

    #[test]
    fn what_is_no_metric_is_a_field_beside_the_metrics() {
        let invocation = of("signer", None);
        invocation.count(Counter::GrantsObjectInvalid);
        invocation.count(Counter::ShareDownloads);
        let line = metrics(&invocation).unwrap();
        assert_eq!((&line["GrantsObjectInvalid"], &line["ShareDownloads"]), (&json!(1), &json!(1)));
        assert_eq!(
            line["_aws"]["CloudWatchMetrics"][0]["Metrics"],
            json!([{"Name": "GrantsObjectInvalid", "Unit": "Count"}])
        );
    }

    #[test]
    fn a_line_without_a_metric_is_none_of_cloudwatch_s() {
        let invocation = of("mailer", None);
        invocation.count_many(Counter::RecipientsRefused, 3);
        let line = metrics(&invocation).unwrap();
        assert_eq!(line["RecipientsRefused"], 3);
        assert_eq!(line["RequestId"], "request-1");
        assert_eq!(line.get("_aws"), None);
    }
}
