//! How a service fails a call.

use std::time::Duration;

/// What becomes of an answer on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// It arrives.
    #[default]
    Whole,
    /// Its headers arrive, and its body so much later.
    LateBody(Duration),
    /// Its headers and half of its body arrive. Then the connection is closed.
    CutOff,
    /// Nothing of it arrives, and the connection is closed.
    Closed,
    /// Nothing of it arrives, and the connection stays open until the client closes it.
    Never,
}

/// How a service fails one call.
#[derive(Clone, Debug)]
pub struct Fault {
    pub(crate) kind: Kind,
    /// How late the answer is.
    pub(crate) delay: Duration,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// The service does what it is asked, and its answer is delivered so.
    Done(Delivery),
    /// The service does nothing, and its answer is delivered so.
    Undone(Delivery),
    /// The service does nothing and answers with an error of its protocol.
    Error { status: u16, code: String, message: String },
}

impl Fault {
    fn new(kind: Kind) -> Self {
        Self { kind, delay: Duration::ZERO }
    }

    /// No fault. The service does what it is asked.
    #[must_use]
    pub fn none() -> Self {
        Self::new(Kind::Done(Delivery::Whole))
    }

    /// The service does nothing and answers with an error.
    #[must_use]
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::new(Kind::Error { status, code: code.to_owned(), message: message.to_owned() })
    }

    /// The service does nothing and closes the connection.
    #[must_use]
    pub fn disconnect() -> Self {
        Self::new(Kind::Undone(Delivery::Closed))
    }

    /// The service does nothing and never answers.
    #[must_use]
    pub fn hang() -> Self {
        Self::new(Kind::Undone(Delivery::Never))
    }

    /// The service does what it is asked, and closes the connection without an answer.
    #[must_use]
    pub fn lost_answer() -> Self {
        Self::delivered(Delivery::Closed)
    }

    /// The service does what it is asked, and its answer is delivered so.
    #[must_use]
    pub fn delivered(delivery: Delivery) -> Self {
        Self::new(Kind::Done(delivery))
    }

    /// The same, so much later.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}
