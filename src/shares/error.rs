//! Why a share is not made, shown or opened.

use jiff::Timestamp;
use thiserror::Error;

use super::state::State;
use crate::aws::AwsError;
use crate::links::LinkError;

/// Why a share is not made, shown, changed or opened. `Display` is a sentence for the caller. It holds
/// no token, no passcode and no link.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ShareError {
    /// A field of the request is wrong. The sentence names it.
    #[error("{0}")]
    Field(String),
    /// The caller has no such share, or no share has this address.
    #[error("There is no such share.")]
    NoSuchShare,
    /// The share opens nothing any more.
    #[error("{}", over(*.0))]
    Over(State),
    /// The owner wants a change of a share that was revoked for good.
    #[error("The share is revoked, and stays so. Make another one.")]
    Revoked,
    /// A passcode is wanted and none was given.
    #[error("This file has a passcode: send it in the form's field \"passcode\".")]
    PasscodeWanted,
    /// The passcode is another one.
    #[error("That is not the passcode. Tries that are left: {tries_left}.")]
    WrongPasscode {
        /// How many passcodes are looked at before the share is locked.
        tries_left: u64,
    },
    /// The passcode was wrong too often.
    #[error(
        "The passcode was wrong too often. Nobody may try before {until}, unless the owner unlocks \
         the share."
    )]
    Locked {
        /// When the next passcode is looked at.
        until: Timestamp,
    },
    /// The file can't be given at this moment. Nothing was counted, unless DynamoDB's answer was lost.
    /// Then the same browser gets it uncounted. The reason is for the log.
    #[error("The file can't be given at this moment. Try again.")]
    Unavailable {
        /// Why.
        reason: String,
    },
    /// DynamoDB refused a call or did not answer.
    #[error("The table in SHARES_TABLE could not be used: {0}")]
    Table(AwsError),
    /// Nobody says how the address of a share begins.
    #[error(
        "The gateway does not say under which address it was called: set PUBLIC_URL to the address \
         that stands before /s/, such as https://files.example.com."
    )]
    NoPublicUrl,
    /// This function broke a rule of its own, or the table holds what it never wrote.
    #[error("{0}")]
    Internal(String),
    /// There is no link to the file.
    #[error(transparent)]
    Link(#[from] LinkError),
}

fn over(state: State) -> &'static str {
    match state {
        State::Active => "The share works.",
        State::Ended => "The share has ended: its time is over.",
        State::UsedUp => {
            "The share is used up: the file was downloaded as often as its owner allowed."
        }
        State::Withdrawn => "The share was withdrawn: the file is not shared any more.",
    }
}

impl ShareError {
    /// The stable name that programs and logs use.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Field(_) => "invalid-request",
            Self::NoSuchShare => "no-such-share",
            Self::Over(State::Active | State::Withdrawn) => "share-withdrawn",
            Self::Over(State::Ended) => "share-ended",
            Self::Over(State::UsedUp) => "share-used-up",
            Self::Revoked => "share-revoked",
            Self::PasscodeWanted => "passcode-wanted",
            Self::WrongPasscode { .. } => "passcode-wrong",
            Self::Locked { .. } => "share-locked",
            Self::Unavailable { .. } | Self::Table(_) => "share-unavailable",
            Self::NoPublicUrl => "misconfigured",
            Self::Internal(_) => "internal",
            Self::Link(error) => error.code(),
        }
    }

    /// After how many seconds the caller may try again. `None`: trying again changes nothing.
    pub(crate) fn retry_after(&self, now: Timestamp) -> Option<u64> {
        match self {
            Self::Locked { until } => {
                // Rounded up: before that nothing has changed.
                Some((until.as_second() - now.as_second()).max(1).unsigned_abs())
            }
            Self::Unavailable { .. } | Self::Table(_) => Some(RETRY_AFTER),
            _ => None,
        }
    }

    /// What happened, for the log.
    pub(super) fn for_the_log(&self) -> String {
        match self {
            Self::Unavailable { reason } => reason.clone(),
            error => error.to_string(),
        }
    }
}

/// After how many seconds a caller may try again where a service is away.
const RETRY_AFTER: u64 = 30;
