//! Makes a call once more that got no answer.
//!
//! A call that was cut off says nothing about the service: the function may have been frozen while
//! the call was under way, or its connection may have died. Only calls may be repeated that do no
//! harm if both of them arrive.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::{SignedDuration, Timestamp};

use super::AwsError;
use crate::invocation::Invocation;

/// Longer than a call and its repetition can take with all their time-outs.
const LONGEST_CALL: SignedDuration = SignedDuration::from_secs(6);

/// The answer to a call of the SDK. `call` makes the call anew each time.
///
/// [`repeated`] says when the call is made once more. The call's future is boxed, because the
/// SDK's futures are large, and every future that waits for one would become as large.
///
/// # Errors
///
/// [`AwsError`] about the last call.
pub(crate) async fn answered<T, E, F>(
    invocation: &Invocation,
    mut call: impl FnMut() -> F,
) -> Result<T, AwsError>
where
    E: Error + ProvideErrorMetadata + 'static,
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
{
    repeated(invocation, || {
        let answer = Box::pin(call());
        async { answer.await.map_err(|error| AwsError::from_sdk(&error)) }
    })
    .await
}

/// The outcome of `call`. If the call gets no answer it is made once more, through a connection that
/// is new, because a call without an answer leaves its connections behind.
///
/// Nothing is repeated while the function initialises: nobody waits for it then, and the invocation
/// that needs the answer asks again.
pub(crate) async fn repeated<T, F>(
    invocation: &Invocation,
    mut call: impl FnMut() -> F,
) -> Result<T, AwsError>
where
    F: Future<Output = Result<T, AwsError>>,
{
    match call().await {
        Err(AwsError::NoResponse(_)) if !invocation.is_initialisation() => call().await,
        outcome => outcome,
    }
}

/// Whether the failure of a call that began at `asked_at`, and that ends now, says anything about the
/// next call. It says nothing if it belongs to the initialisation, or if a freeze interrupted the
/// call, which then took longer than its time-outs allow. The invocation that needs the answer asks
/// again.
pub(crate) fn failure_counts(asked_at: Timestamp, invocation: &Invocation) -> bool {
    !invocation.is_initialisation() && invocation.now().duration_since(asked_at) <= LONGEST_CALL
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn calls(invocation: &Invocation, error: AwsError) -> usize {
        let mut calls = 0;
        let outcome: Result<(), _> = repeated(invocation, || {
            calls += 1;
            std::future::ready(Err(error.clone()))
        })
        .await;
        assert_eq!(outcome, Err(error));
        calls
    }

    #[tokio::test]
    async fn a_call_without_an_answer_is_made_once_more_but_not_while_initialising() {
        let invocation = Invocation::begin(Timestamp::now);
        let initialisation = Invocation::initialisation(Timestamp::now);
        let silent = AwsError::NoResponse("no answer".to_owned());
        assert_eq!(calls(&invocation, silent.clone()).await, 2);
        assert_eq!(calls(&initialisation, silent).await, 1);
        let refused = AwsError::Refused { status: 403, code: "AccessDenied".to_owned() };
        assert_eq!(calls(&invocation, refused).await, 1);
    }

    #[test]
    fn a_failure_of_the_initialisation_and_one_that_a_freeze_interrupted_say_nothing() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let clock = || Timestamp::from_second(100).unwrap();
        assert!(failure_counts(at(94), &Invocation::begin(clock)));
        assert!(!failure_counts(at(93), &Invocation::begin(clock)));
        assert!(!failure_counts(at(100), &Invocation::initialisation(clock)));
    }
}
