//! How often each call is made, and how long an attempt may take: the SDK's standard retries, for every
//! service in this one place.
//!
//! A call that was cut off says nothing about the service: the function may have been frozen while the
//! call was under way, or its connection may have died. So a call that gets no answer is made once
//! more, through a connection that is new, because a call without an answer leaves its connections
//! behind. Throttling and faults are tried once more too. Only marking a mail has a time-out of the
//! whole call: after a freeze it would be over together with the attempt, and nothing would be tried
//! again. What limits other calls is their attempts and the invocation's deadline
//! ([`Invocation::in_time`]).

use std::error::Error;
use std::sync::LazyLock;
use std::time::Duration;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::future::BoxFuture;

use super::AwsError;
use crate::invocation::Invocation;

/// How long a connection may take to be made.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long one attempt of a call may take.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// How long SES may take to answer. A call that is ended sooner does not unsend the mail: a mail
/// that was sent slowly would then be sent again.
pub(super) const SES_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a call is made at most. A third attempt would come when nobody waits any more.
const MAX_ATTEMPTS: u32 = 2;

/// The longest pause between the two attempts. A connection that died needs none, and throttling is
/// spread out by it.
pub(crate) const BACKOFF: Duration = Duration::from_millis(100);

/// How often a mail is tried to be marked as sent, when calls fail fast. A mail that is not marked
/// is sent again if its event is delivered again, so marking is tried harder than anything else.
const MARK_ATTEMPTS: u32 = 9;

/// The longest pause between any two attempts to mark. Pauses double until they reach it. All
/// pauses together take less than 4 s, so that all attempts fit into [`MARK_TIMEOUT`].
const MARK_MAX_BACKOFF: Duration = Duration::from_millis(600);

/// How long marking may take with all of its attempts. The time that an invocation keeps for one
/// mail has room for it.
const MARK_TIMEOUT: Duration = Duration::from_secs(6);

/// Lets every call have its second attempt. The SDK's own partitions have tokens for some 35 repeated
/// calls at a time, and a batch has up to 256 checks under way. What protects AWS from repeated calls is
/// that there are no third ones.
static PARTITION: LazyLock<RetryPartition> = LazyLock::new(|| {
    RetryPartition::custom("s3-link-signer").token_bucket(TokenBucket::unlimited()).build()
});

/// How hard a call is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempts {
    /// Once more where there is no answer, a fault or throttling. Only for calls that do no harm if
    /// both of them arrive.
    Twice,
    /// Once: both of two calls might arrive, and that would do harm. Or nobody waits, and whoever needs
    /// the answer asks again.
    Once,
    /// Until the mail is marked, or [`MARK_TIMEOUT`] is over.
    UntilMarked,
}

impl Attempts {
    /// Those of a call that does no harm if both of two arrive. Nothing is repeated while the function
    /// initialises: nobody waits for it then, and the invocation that needs the answer asks again.
    pub(super) fn of(invocation: &Invocation) -> Self {
        if invocation.is_initialisation() { Self::Once } else { Self::Twice }
    }

    pub(super) fn retries(self) -> RetryConfig {
        let standard = RetryConfig::standard().with_initial_backoff(BACKOFF);
        match self {
            Self::Twice => standard.with_max_attempts(MAX_ATTEMPTS).with_max_backoff(BACKOFF),
            Self::Once => RetryConfig::disabled(),
            Self::UntilMarked => {
                standard.with_max_attempts(MARK_ATTEMPTS).with_max_backoff(MARK_MAX_BACKOFF)
            }
        }
    }

    /// Time-outs where an attempt may take `attempt`.
    pub(super) fn timeouts(self, attempt: Duration) -> TimeoutConfig {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(attempt);
        match self {
            Self::Twice | Self::Once => timeouts.build(),
            Self::UntilMarked => timeouts.operation_timeout(MARK_TIMEOUT).build(),
        }
    }
}

/// What calls that are repeated share with each other.
pub(super) fn partition() -> RetryPartition {
    PARTITION.clone()
}

/// The outcome of a call of the SDK.
///
/// The call's future is boxed, because the SDK's futures are large, and every future that waits for one
/// would become as large.
///
/// # Errors
///
/// [`AwsError`] about the last attempt.
pub(crate) fn answered<'a, T, E>(
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'a,
) -> BoxFuture<'a, Result<T, AwsError>>
where
    T: 'a,
    E: Error + ProvideErrorMetadata + 'static,
{
    Box::pin(async move { call.await.map_err(|error| AwsError::from_sdk(&error)) })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::invocation::Clock;

    #[test]
    fn nothing_is_repeated_while_the_function_initialises() {
        let attempts = |invocation| Attempts::of(&invocation).retries().max_attempts();
        assert_eq!(attempts(Invocation::begin(Timestamp::now)), 2);
        assert_eq!(attempts(Invocation::initialisation(&Clock::new(Timestamp::now))), 1);
    }

    #[test]
    fn a_call_has_time_for_each_attempt_and_none_of_its_own() {
        for attempts in [Attempts::Twice, Attempts::Once] {
            let timeouts = attempts.timeouts(CALL_TIMEOUT);
            assert_eq!(timeouts.operation_attempt_timeout(), Some(CALL_TIMEOUT));
            assert_eq!(timeouts.operation_timeout(), None);
        }
    }
}
