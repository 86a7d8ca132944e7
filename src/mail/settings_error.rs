//! What is wrong with the `MAIL_…` settings. No error repeats an address, because errors are logged.

use thiserror::Error;

use super::recipients::AddressError;

/// A `MAIL_…` setting is missing or wrong. The function does not start.
#[derive(Debug, Error)]
pub enum MailSettingsError {
    /// A setting is not set, and mailing needs it.
    #[error("{name} is not set, and MAIL_FROM is: {fix}")]
    Missing {
        /// The setting.
        name: &'static str,
        /// What to set it to.
        fix: &'static str,
    },
    /// A setting has a value that is not accepted. The message does not repeat the value.
    #[error("{name} is wrong: {fix}")]
    Wrong {
        /// The setting.
        name: &'static str,
        /// Which values are accepted.
        fix: &'static str,
    },
    /// A setting holds something that is not an address.
    #[error("{name} holds something that {error}")]
    Address {
        /// The setting.
        name: &'static str,
        /// What is wrong with it.
        error: AddressError,
    },
    /// A recipient in `MAIL_TO` is not allowed and would never get a mail.
    #[error(
        "MAIL_TO holds an address at {domain} that no pattern in MAIL_ALLOWED_RECIPIENTS admits"
    )]
    NotAllowed {
        /// The domain of the address.
        domain: String,
    },
    /// `MAIL_TO` names more mailboxes than an object may.
    #[error(
        "MAIL_TO names {named} mailboxes, and MAIL_MAX_RECIPIENTS allows {max}: raise it, or name \
         a mailing list's address instead"
    )]
    TooManyRecipients {
        /// How many `MAIL_TO` names.
        named: usize,
        /// `MAIL_MAX_RECIPIENTS`.
        max: usize,
    },
    /// No grant allows mails.
    #[error(
        "MAIL_FROM is set, and no grant has the principal \"s3-event\" and an action that a mail \
         needs: no file could ever be mailed. A mail needs \"get\", or \"share\" where \
         SHARES_TABLE and PUBLIC_URL are set"
    )]
    NoGrant,
    /// Every grant allows only windows that are shorter than the least one.
    #[error(
        "a mail needs a window of {min_expires_in} s, and the longest that a grant gives \
         \"s3-event\" is {granted} s: no mail could ever be sent. Raise it in the grant, or set \
         MAIL_EXPIRES_IN to it"
    )]
    GrantTooShort {
        /// The least window, in seconds.
        min_expires_in: u64,
        /// The longest `max_expires_in` of a grant, in seconds, or `max_share_expires_in` where
        /// mails can bring shares.
        granted: u64,
    },
    /// Sessions are assumed, not proven. A mail can't say so: it states the end of its link as a
    /// fact.
    #[error(
        "MAIL_FROM and ASSUMED_SESSION_SECONDS are both set: a mail promises only what is proven, \
         set one of them to nothing"
    )]
    Assumed,
}
