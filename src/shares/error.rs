//! Why a share is not made, shown or opened.

use jiff::Timestamp;
use link_rules::problem::ProblemKind;
use thiserror::Error;

use super::attempts::Lock;
use super::state::ShareState;
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
    Over(ShareState),
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
    #[error("{}", locked(*.lock, *.until))]
    Locked {
        /// What ends the lock.
        lock: Lock,
        /// When the next passcode is looked at, unless the share is unlocked.
        until: Timestamp,
    },
    /// As many passcodes are being looked at as may be wrong.
    #[error("Others are trying passcodes at this moment. Try again in some seconds.")]
    Busy,
    /// The bucket's policy opens the file only when a scan has ended.
    #[error("The file is still being scanned. Try again in some minutes.")]
    BeingScanned,
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

fn locked(lock: Lock, until: Timestamp) -> String {
    match lock {
        Lock::Until(_) => format!(
            "The passcode was wrong too often. Nobody may try before {until}, unless the owner \
             unlocks the share."
        ),
        Lock::UntilUnlocked => "The passcode was wrong too often. Nobody may try before the owner \
                                unlocks the share."
            .to_owned(),
    }
}

fn over(state: ShareState) -> &'static str {
    match state {
        ShareState::Active => "The share works.",
        ShareState::Ended => "The share has ended: its time is over.",
        ShareState::UsedUp => {
            "The share is used up: the file was downloaded as often as its owner allowed."
        }
        ShareState::Withdrawn => "The share was withdrawn: the file is not shared any more.",
    }
}

impl ShareError {
    /// The row of the table of problems.
    pub(crate) fn kind(&self) -> ProblemKind {
        match self {
            Self::Field(_) => ProblemKind::InvalidRequest,
            Self::NoSuchShare => ProblemKind::NoSuchShare,
            Self::Over(ShareState::Active | ShareState::Withdrawn) => ProblemKind::ShareWithdrawn,
            Self::Over(ShareState::Ended) => ProblemKind::ShareEnded,
            Self::Over(ShareState::UsedUp) => ProblemKind::ShareUsedUp,
            Self::Revoked => ProblemKind::ShareRevoked,
            Self::PasscodeWanted => ProblemKind::PasscodeWanted,
            Self::WrongPasscode { .. } => ProblemKind::PasscodeWrong,
            Self::Locked { .. } => ProblemKind::ShareLocked,
            Self::Busy => ProblemKind::ShareBusy,
            Self::BeingScanned => ProblemKind::ShareBeingScanned,
            Self::Unavailable { .. } | Self::Table(_) => ProblemKind::ShareUnavailable,
            Self::NoPublicUrl => ProblemKind::Misconfigured,
            Self::Internal(_) => ProblemKind::Internal,
            Self::Link(error) => error.kind(),
        }
    }

    /// After how many seconds the caller may try again. `None`: trying again changes nothing.
    pub(crate) fn retry_after(&self, now: Timestamp) -> Option<u64> {
        match self {
            Self::Locked { lock: Lock::UntilUnlocked, .. } => None,
            Self::Locked { until, .. } => {
                // Rounded up: before that nothing has changed.
                Some((until.as_second() - now.as_second()).max(1).unsigned_abs())
            }
            error => error.kind().retry_after(),
        }
    }

    /// What happened, for the log.
    pub(crate) fn for_the_log(&self) -> String {
        match self {
            Self::Unavailable { reason } => reason.clone(),
            error => error.to_string(),
        }
    }
}

#[cfg(test)]
impl ShareError {
    /// Every variant, and each of a variant's cases that callers can tell apart.
    pub(crate) fn one_of_each() -> Vec<Self> {
        let why = || "why".to_owned();
        vec![
            Self::Field(why()),
            Self::NoSuchShare,
            Self::Over(ShareState::Active),
            Self::Over(ShareState::Ended),
            Self::Over(ShareState::UsedUp),
            Self::Over(ShareState::Withdrawn),
            Self::Revoked,
            Self::PasscodeWanted,
            Self::WrongPasscode { tries_left: 3 },
            Self::Locked { lock: Lock::Until(Timestamp::UNIX_EPOCH), until: Timestamp::UNIX_EPOCH },
            Self::Locked { lock: Lock::UntilUnlocked, until: Timestamp::UNIX_EPOCH },
            Self::Busy,
            Self::BeingScanned,
            Self::Unavailable { reason: why() },
            Self::Table(AwsError::NoResponse(why())),
            Self::NoPublicUrl,
            Self::Internal(why()),
            Self::Link(LinkError::VersionNotGranted),
            Self::Link(LinkError::Upstream(why())),
        ]
    }
}
