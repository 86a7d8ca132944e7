//! Puts the rooms together and dispatches one event.
//!
//! `events` says what an event is, `api` answers requests, `mail` delivers links, `doctor` says why a
//! link does not open, `shares` lists and revokes shares for operators. Nothing is decided here but
//! which of them has to act.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use lambda_runtime::Diagnostic;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::api::{self, Features};
use crate::aws::{Aws, Regions, Sts};
use crate::doctor::{self, Question};
use crate::events::{
    Event, EventResponse, HttpEvent, MalformedOperation, MalformedQuestion, QueueMessage,
    UnknownEvent, batch_response,
};
use crate::invocation::{Clock, Function, HostClock, Invocation};
use crate::links::{BucketPolicies, GrantsObjectError, GrantsSource, Lifecycle, Links, Versions};
use crate::mail::{BucketEvent, Mailer};
use crate::presign::Signer;
use crate::sessions::{CredentialsSource, ExecutionRole, Minter, Sessions};
use crate::settings::Settings;
use crate::shares::{self, Shares};
use crate::telemetry::{Counter, PrintMetrics};
use crate::uploads::{self, Uploads};

/// The invocation fails, so that its sender repeats the event or sends it to a dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EventError {
    /// The function does not know the event.
    #[error(transparent)]
    Unknown(#[from] UnknownEvent),
    /// The question to the doctor is not one.
    #[error(transparent)]
    Malformed(#[from] MalformedQuestion),
    /// What an operator wants of shares can't be understood.
    #[error(transparent)]
    MalformedOperation(#[from] MalformedOperation),
    /// The event is about shares, and this function has none.
    #[error("this is an event about shares, and this function has none: set SHARES_TABLE")]
    SharesAreOff,
    /// What an operator wants of shares was not done, or not to its end.
    #[error("{0}")]
    NotOperated(String),
    /// The event is about S3 objects, and this function mails nothing.
    #[error(
        "this is an event about S3 objects, and this function mails nothing: set MAIL_FROM to the \
         sender's address, or send such events elsewhere"
    )]
    MailingIsOff,
    /// Mails did not go out that should have.
    #[error("{failed} of {of} events about S3 objects failed, the first because {reason}")]
    NotMailed {
        /// How many events failed.
        failed: usize,
        /// Of how many.
        of: usize,
        /// Why the first of them failed.
        reason: String,
    },
}

/// What Lambda reports to the event's sender.
impl From<EventError> for Diagnostic {
    fn from(error: EventError) -> Self {
        let error_type = match error {
            EventError::Unknown(_) => "UnknownEvent",
            EventError::Malformed(_) => "MalformedQuestion",
            EventError::MalformedOperation(_) => "MalformedOperation",
            EventError::SharesAreOff => "SharesAreOff",
            EventError::NotOperated(_) => "NotOperated",
            EventError::MailingIsOff => "MailingIsOff",
            EventError::NotMailed { .. } => "NotMailed",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

/// The function.
pub struct Handler {
    links: Arc<Links>,
    grants: GrantsSource,
    /// `None`: mailing is off.
    mailer: Option<Mailer>,
    /// `None`: shares are off.
    shares: Option<Arc<Shares>>,
    /// `None`: uploads are off.
    uploads: Option<Uploads>,
    aws: Aws,
    in_flight: InFlight,
    base_path: Option<String>,
    function: Function,
    clock: Clock,
    print_metrics: PrintMetrics,
}

impl Handler {
    /// Puts the rooms together. No file, no socket and no clock is touched.
    #[must_use]
    pub fn new(settings: Settings, clock: HostClock, print_metrics: PrintMetrics) -> Self {
        let aws = Aws::new(settings.aws);
        let sts = Sts::new(aws.clone());
        let source = match settings.credentials {
            Some(credentials) => CredentialsSource::environment(credentials),
            None => CredentialsSource::default_chain(aws.clone()),
        };
        let function = Function {
            name: settings.execution_role.function_name.clone(),
            arn: None,
            log_level: settings.log_level,
        };
        let execution_role = ExecutionRole::new(source, sts.clone(), settings.execution_role);
        let minter = settings.signing_role_arn.map(|arn| Minter::new(arn, sts.clone()));
        let links = Arc::new(Links {
            sessions: Arc::new(Sessions::new(execution_role, minter, sts)),
            regions: Regions::new(aws.clone()),
            versions: Versions::new(aws.clone()),
            policies: BucketPolicies::new(aws.clone(), settings.bucket_policy),
            lifecycle: Lifecycle::new(aws.clone()),
            signer: Signer::new(aws.clone()),
            aws: aws.clone(),
        });
        let mail = settings.mail.clone();
        let grants = GrantsSource::new(settings.grants, aws.clone(), move |grants| {
            let checked = mail.as_ref().map(|mail| mail.check_grants(grants));
            checked.transpose().map(|_| ()).map_err(|error| error.to_string())
        });
        let shares = settings.shares;
        let shares =
            shares.map(|shares| Arc::new(Shares::new(shares, Arc::clone(&links), aws.clone())));
        let uploads = settings
            .upload_role_arn
            .map(|role| Uploads::new(role, Arc::clone(&links), aws.clone()));
        let mailer = settings
            .mail
            .map(|mail| Mailer::new(mail, Arc::clone(&links), shares.clone(), aws.clone()));
        Self {
            links,
            grants,
            mailer,
            shares,
            uploads,
            aws,
            in_flight: InFlight::default(),
            base_path: settings.base_path,
            function,
            clock: Clock::new(clock),
            print_metrics,
        }
    }

    /// Reads the object that `GRANTS` names, if it names one. Logs a warning where a grant says what can
    /// hardly be meant, where mails can't bring what the grants let them, and where a session's name
    /// decides whose shares these are.
    ///
    /// This is for initialisation, before [`Handler::initialise`]. With SnapStart,
    /// [`Handler::restored`] does it.
    ///
    /// # Errors
    ///
    /// [`GrantsObjectError`], one sentence that names the object and the fix. The function must not
    /// start then.
    pub async fn read_grants(&self) -> Result<(), GrantsObjectError> {
        let invocation = Invocation::initialisation(&self.clock);
        self.grants.read_first(&self.links, &invocation).await?;
        let grants = self.grants.current();
        for doubt in grants.doubts() {
            tracing::warn!(reason = format!("GRANTS{doubt}"), "a grant may never match");
        }
        if let Some(reason) = self.mailer.as_ref().and_then(|mailer| mailer.warning(&grants)) {
            tracing::warn!(reason, "mails can't bring shares");
        }
        if let Some(reason) = self.shares.as_ref().and_then(|_| shares::warning(&grants)) {
            tracing::warn!(reason, "a role's sessions own shares");
        }
        // The mailing function has the same grants, and no caller.
        if self.uploads.is_none() && self.mailer.is_none() && uploads::are_granted(&grants) {
            let reason = "a grant has the action \"put\", and UPLOAD_ROLE_ARN is not set";
            tracing::warn!(reason, "uploads are off");
        }
        Ok(())
    }

    /// Gathers the evidence of how long the session lasts, and reads buckets' policies beside it, so
    /// that the first request need not wait.
    ///
    /// This is for initialisation, where the function has a whole processor. It never fails: what
    /// can't be had now is asked for again by the request that needs it. It takes as long as STS and
    /// S3 do, and at most as long as the calls may take.
    pub async fn initialise(&self) {
        let invocation = Invocation::initialisation(&self.clock).with_grants(self.grants.current());
        self.links.initialise(&invocation).await;
    }

    /// Forgets the execution role's credentials, reads the grants, and initialises with the new
    /// credentials. A SnapStart snapshot holds the credentials of the environment that it was taken
    /// in, and those are gone after a restore.
    ///
    /// # Errors
    ///
    /// As for [`Handler::read_grants`].
    pub async fn restored(&self) -> Result<(), GrantsObjectError> {
        self.links.sessions.forget();
        self.read_grants().await?;
        self.initialise().await;
        Ok(())
    }

    /// Answers one event before `deadline`, the instant at which Lambda ends the invocation. Mails
    /// that could not be finished by then are left to a retry.
    ///
    /// `invoked_function_arn` is the ARN that Lambda's context gives this function. What STS
    /// attested counts only if it is about the function of this ARN.
    ///
    /// # Errors
    ///
    /// [`EventError`] for unknown events, and for events about objects whose mails did not all go
    /// out. Every HTTP request gets an answer with a status.
    pub async fn handle(
        &self,
        event: &RawValue,
        request_id: &str,
        invoked_function_arn: &str,
        deadline: Timestamp,
    ) -> Result<EventResponse, EventError> {
        let function =
            Function { arn: Some(invoked_function_arn.to_owned()), ..self.function.clone() };
        let invocation = Invocation::begin_by(&self.clock).of(request_id, function).until(deadline);
        let _in_flight = self.in_flight.begin(&self.aws);
        let event = Event::parse(event, self.base_path.as_deref())?;
        let grants = self.grants.of_invocation(&self.links, &invocation).await;
        let invocation = invocation.with_grants(grants).called_by(event.caller());
        let response = match event {
            Event::Http(event) => Ok(self.http(*event, &invocation).await),
            // Boxed, because mailing is large and other events must not pay for it.
            Event::Bucket(events) => Box::pin(self.bucket(&events, &invocation)).await,
            Event::Queue(messages) => Box::pin(self.queue(messages, &invocation)).await,
            Event::Doctor(question) => self.doctor(question, &invocation).await,
            Event::Shares(operation) => self.operate(operation, &invocation).await,
        };
        if let Some(line) = invocation.metrics() {
            (self.print_metrics)(&line);
        }
        response
    }

    async fn http(&self, event: HttpEvent, invocation: &Invocation) -> EventResponse {
        let response = match &event.request {
            Ok(request) => {
                let (shares, uploads) = (self.shares.as_deref(), self.uploads.as_ref());
                let features = Features { shares, uploads };
                api::answer(&self.links, features, request, invocation).await
            }
            Err(problem) => api::refuse(problem, invocation),
        };
        EventResponse::Http(event.pack(response))
    }

    async fn doctor(
        &self,
        question: Result<Question, MalformedQuestion>,
        invocation: &Invocation,
    ) -> Result<EventResponse, EventError> {
        let question = question?;
        // The future is boxed, because it is large and other events must not pay for it.
        let examined =
            Box::pin(doctor::examine(&self.links, self.uploads.as_ref(), &question, invocation))
                .await;
        Ok(EventResponse::Doctor(Box::new(examined)))
    }

    /// Does what an operator wants of shares.
    async fn operate(
        &self,
        operation: Result<shares::OperatorRequest, MalformedOperation>,
        invocation: &Invocation,
    ) -> Result<EventResponse, EventError> {
        let operation = operation?;
        let shares = self.shares.as_ref().ok_or(EventError::SharesAreOff)?;
        let report = Box::pin(shares.operate(&operation, invocation)).await;
        let report = report.map_err(|error| EventError::NotOperated(error.to_string()))?;
        Ok(EventResponse::Shares(Box::new(report)))
    }

    /// Answers events about a bucket that came without a queue.
    async fn bucket(
        &self,
        events: &[BucketEvent],
        invocation: &Invocation,
    ) -> Result<EventResponse, EventError> {
        let mailer = self.mailer.as_ref().ok_or(EventError::MailingIsOff)?;
        let failures = mailer.handle(events.iter(), invocation).await;
        match failures.values().next() {
            None => Ok(EventResponse::Nothing(())),
            Some(first) => Err(EventError::NotMailed {
                failed: failures.len(),
                of: events.len(),
                reason: first.to_string(),
            }),
        }
    }

    /// Answers a batch of a queue. A message that fails affects no other. The mailer gets the events
    /// of all messages at once, so that many mails about one object do not delay another object's.
    async fn queue(
        &self,
        messages: Vec<QueueMessage>,
        invocation: &Invocation,
    ) -> Result<EventResponse, EventError> {
        let mailer = self.mailer.as_ref().ok_or(EventError::MailingIsOff)?;
        let known: Vec<_> =
            messages.iter().filter_map(|message| message.events.as_ref().ok()).flatten().collect();
        let failures = mailer.handle(known.into_iter(), invocation).await;
        let mut failed = Vec::new();
        // Failures have the indexes of the events of all messages that are understood.
        let mut next = 0;
        for QueueMessage { id, events } in messages {
            match events {
                Ok(events) => {
                    let first = next;
                    next += events.len();
                    if failures.range(first..next).next().is_some() {
                        failed.push(id);
                    }
                }
                Err(unknown) => {
                    log_unknown_message(invocation, &id, &unknown);
                    failed.push(id);
                }
            }
        }
        Ok(EventResponse::Queue(batch_response(failed)))
    }
}

/// How many invocations run now. Lambda may freeze the function while none does.
#[derive(Debug, Default)]
struct InFlight(AtomicUsize);

/// One invocation that runs until this is dropped.
struct InFlightInvocation<'a>(&'a InFlight);

impl InFlight {
    /// Begins an invocation. The connections that earlier ones left are given up, unless another
    /// invocation has been using them all the time.
    fn begin(&self, aws: &Aws) -> InFlightInvocation<'_> {
        if self.0.fetch_add(1, Ordering::Relaxed) == 0 {
            aws.renew_connections();
        }
        InFlightInvocation(self)
    }
}

impl Drop for InFlightInvocation<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Logs and counts a message that is no known event. The message comes back, and ends in the
/// dead-letter queue.
fn log_unknown_message(invocation: &Invocation, message_id: &str, unknown: &UnknownEvent) {
    invocation.count(Counter::MailsFailed);
    tracing::error!(
        request_id = invocation.request_id(),
        message_id,
        reason = unknown.to_string(),
        "message not understood"
    );
}

/// Shows what the function is for, and nothing of its credentials.
impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler")
            .field("function", &self.function.name)
            .field("grants", &self.grants)
            .field("links", &self.links)
            .field("mailer", &self.mailer)
            .finish_non_exhaustive()
    }
}
