//! Why a mail was not sent. This module decides nothing about what becomes of it.

use std::time::Duration;

use thiserror::Error;

use super::ledger::LedgerError;
use super::message::MessageError;
use super::object::ObjectError;
use super::ses::SendError;
use crate::links::LinkError;
use crate::shares::ShareError;

/// The time that an invocation must have left when a mail is begun: for the claim, the signature,
/// and [`MIN_TIME_LEFT_FOR_SES`].
pub(super) const MIN_TIME_LEFT: Duration = Duration::from_secs(28);

/// The time that an invocation must have left when a mail is handed to SES. SES's answer and the
/// mark take less, even at their slowest. A mail that the end of the invocation cuts off there would
/// have to wait for the end of its lease, and might go twice.
pub(super) const MIN_TIME_LEFT_FOR_SES: Duration = Duration::from_secs(18);

/// Why no try sends a mail about a file whose name reads as an encoded word.
const ENCODED_NAME: &str = "SES answers with status 500 to the mail, whose subject has the file's name, and the name reads as \
     an encoded word of RFC 2047: rename the file";

/// Why a mail was not sent. The event fails, and is delivered again.
#[derive(Debug, Error)]
pub(crate) enum DeliveryError {
    /// S3 did not say whether the file is there.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The ledger could not be used, so nothing was sent.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Another invocation holds the claim. It may still be sending the mail, or it may have ended.
    #[error("another invocation is about to send it, or was ended while it was")]
    Held,
    /// There is no link, or none that works for long enough.
    #[error("there is no link to send: {0}")]
    Link(LinkError),
    /// There is no share to mail, or none that lives for long enough.
    #[error("there is no share to send: {0}")]
    Share(ShareError),
    /// The mail could not be written.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// SES did not accept the mail, or did not answer.
    #[error(transparent)]
    Send(#[from] SendError),
    /// SES failed at a mail whose subject has a name that reads as an encoded word.
    #[error("{ENCODED_NAME}")]
    EncodedName,
    /// The mail was not begun, or not handed to SES.
    #[error("too little of this invocation was left")]
    OutOfTime,
}

impl DeliveryError {
    /// Why no delivery of the event will ever bring a mail. `None`: a later one may.
    pub(super) fn why_final(&self) -> Option<&str> {
        match self {
            Self::Link(LinkError::Archived(reason))
            | Self::Share(ShareError::Link(LinkError::Archived(reason))) => Some(reason),
            Self::EncodedName => Some(ENCODED_NAME),
            Self::Object(_)
            | Self::Ledger(_)
            | Self::Held
            | Self::Link(_)
            | Self::Share(_)
            | Self::Message(_)
            | Self::Send(_)
            | Self::OutOfTime => None,
        }
    }
}
