//! How a service fails a call.
//!
//! A fault says three things: whether the service does what it is asked, what it answers in place of its own
//! answer, and how the answer is delivered.

use std::time::Duration;

use crate::call::Service;
use crate::reply::{Delivery, Reply};

/// How a service fails one call.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Whether the service does what it is asked.
    pub(crate) is_done: bool,
    /// What is answered in place of the service's own answer. `None`: that one, or nothing of use if the
    /// service did nothing.
    pub(crate) answer: Option<Answer>,
    pub(crate) delivery: Delivery,
    /// How late the answer is.
    pub(crate) delay: Duration,
}

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// An error as the service's protocol has it, with these headers too.
    Error { status: u16, code: String, message: String, headers: Vec<(String, String)> },
    /// This answer.
    Reply(Reply),
}

impl Fault {
    fn new(is_done: bool, delivery: Delivery) -> Self {
        Self { is_done, answer: None, delivery, delay: Duration::ZERO }
    }

    /// No fault. The service does what it is asked.
    #[must_use]
    pub fn none() -> Self {
        Self::new(true, Delivery::Whole)
    }

    /// The service does nothing and answers with an error.
    #[must_use]
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let (code, message) = (code.to_owned(), message.to_owned());
        let answer = Answer::Error { status, code, message, headers: Vec::new() };
        Self { answer: Some(answer), ..Self::new(false, Delivery::Whole) }
    }

    /// The service does nothing and closes the connection.
    #[must_use]
    pub fn disconnect() -> Self {
        Self::new(false, Delivery::Closed)
    }

    /// The service does nothing and never answers.
    #[must_use]
    pub fn hang() -> Self {
        Self::new(false, Delivery::Never)
    }

    /// The service does what it is asked, and closes the connection without an answer.
    #[must_use]
    pub fn lost_answer() -> Self {
        Self::delivered(Delivery::Closed)
    }

    /// The service does what it is asked, and its answer is delivered so.
    #[must_use]
    pub fn delivered(delivery: Delivery) -> Self {
        Self::new(true, delivery)
    }

    /// The same, so much later.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The answer to a call of a service. `done` does what the call asks.
    pub(crate) fn answer(&self, service: Service, done: impl FnOnce() -> Reply) -> Reply {
        let own = if self.is_done { done() } else { Reply::status(500) };
        let reply = match &self.answer {
            None => own,
            Some(Answer::Reply(reply)) => reply.clone(),
            Some(Answer::Error { status, code, message, headers }) => {
                let error = Reply::error(service, *status, code, message);
                headers.iter().fold(error, |error, (name, value)| error.with_header(name, value))
            }
        };
        // The service's own delivery is always whole.
        reply.delivered(self.delivery).after(self.delay)
    }
}
