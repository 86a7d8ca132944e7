//! The calls that count attempts at a passcode, and write down their outcomes.

use jiff::{SignedDuration, Timestamp};

use super::super::ShareError;
use super::super::attempts::{MAX_ATTEMPTS, MAX_GUESSES};
use super::super::item::{instant, number, text};
use super::super::passcode::PasscodeHash;
use super::super::share::Share;
use super::super::token::{Browser, ShareId};
use super::{ConditionalUpdate, HAS_DOWNLOADS_LEFT, OPENS, Table, outcome, updated};
use crate::aws::{Attempts, Aws};
use crate::invocation::Invocation;

/// The condition under which one more guess may be counted.
const HAS_GUESSES_LEFT: &str = "(attribute_not_exists(guesses) OR guesses < max_guesses \
     OR (attribute_not_exists(max_guesses) AND guesses < :most_guesses))";

impl Table {
    /// Counts an attempt at a share's passcode before anybody looks at it. It is counted where a press
    /// could lead to a download and fewer than [`MAX_ATTEMPTS`] are wrong or in flight.
    ///
    /// An attempt may be counted twice where an answer is lost. Nobody gains a look by that.
    ///
    /// # Errors
    ///
    /// [`ShareError::Table`].
    pub(in crate::shares) async fn count_attempt(
        &self,
        id: &ShareId,
        browser: &Browser,
        now: Timestamp,
        invocation: &Invocation,
    ) -> Result<ConditionalUpdate, ShareError> {
        let call = self
            .update(id, invocation)
            .await?
            .update_expression(
                "SET attempts = if_not_exists(attempts, :zero) + :one, last_attempt_at = :now, \
                 in_flight = if_not_exists(in_flight, :zero) + :one, in_flight_until = :until, \
                 guesses = if_not_exists(guesses, :zero) + :one",
            )
            .condition_expression(format!(
                "{OPENS} AND attribute_exists(passcode_hash) \
                 AND (attribute_not_exists(attempts) OR attempts < :most) AND {HAS_GUESSES_LEFT} \
                 AND ({HAS_DOWNLOADS_LEFT} OR presses.#browser > :now)"
            ))
            .expression_attribute_names("#browser", browser.digest())
            .expression_attribute_values(":now", instant(now))
            .expression_attribute_values(":until", instant(end_of(invocation, now)))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":most", number(MAX_ATTEMPTS))
            .expression_attribute_values(":most_guesses", number(MAX_GUESSES))
            .return_values(super::ReturnValue::AllNew);
        updated(invocation, call).await
    }

    /// Counts the first attempt after a lock is over. `old` is the share as it was locked. Of several
    /// such calls at once one is counted.
    ///
    /// # Errors
    ///
    /// [`ShareError::Table`].
    pub(in crate::shares) async fn count_first_attempt(
        &self,
        old: &Share,
        now: Timestamp,
        invocation: &Invocation,
    ) -> Result<ConditionalUpdate, ShareError> {
        let attempts = &old.summary.attempts;
        let last = attempts.last_at.unwrap_or(now);
        let call = self
            .update(&old.summary.id, invocation)
            .await?
            .update_expression(
                "SET attempts = :one, last_attempt_at = :now, in_flight = :one, \
                 in_flight_until = :until, guesses = if_not_exists(guesses, :zero) + :one",
            )
            .condition_expression(format!(
                "{OPENS} AND attempts = :attempts AND last_attempt_at = :last AND {HAS_GUESSES_LEFT}"
            ))
            .expression_attribute_values(":now", instant(now))
            .expression_attribute_values(":until", instant(end_of(invocation, now)))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":attempts", number(attempts.counted))
            .expression_attribute_values(":last", instant(last))
            .expression_attribute_values(":most_guesses", number(MAX_GUESSES))
            .return_values(super::ReturnValue::AllNew);
        updated(invocation, call).await
    }

    /// Gives an attempt back that was no guess: the passcode was right, or nobody looked.
    ///
    /// # Errors
    ///
    /// [`ShareError::Table`]. The attempt then counts as wrong.
    pub(in crate::shares) async fn give_attempt_back(
        &self,
        share: &Share,
        invocation: &Invocation,
    ) -> Result<ConditionalUpdate, ShareError> {
        let expression = "SET attempts = attempts - :one, in_flight = in_flight - :one, guesses = guesses - :one";
        let condition = "attempts >= :one AND guesses >= :one";
        self.decide(share, expression, condition, None, invocation).await
    }

    /// Writes down that an attempt was wrong. Returns the item afterwards.
    ///
    /// # Errors
    ///
    /// [`ShareError::Table`]. The attempt counts as wrong when its invocation has ended.
    pub(in crate::shares) async fn keep_attempt(
        &self,
        share: &Share,
        now: Timestamp,
        invocation: &Invocation,
    ) -> Result<ConditionalUpdate, ShareError> {
        let expression = "SET in_flight = in_flight - :one, last_guess_at = :now";
        self.decide(share, expression, "attempts >= :one", Some(now), invocation).await
    }

    /// Writes down the outcome of an attempt. It is not repeated: another attempt would be decided in
    /// its place.
    async fn decide(
        &self,
        share: &Share,
        expression: &str,
        condition: &str,
        now: Option<Timestamp>,
        invocation: &Invocation,
    ) -> Result<ConditionalUpdate, ShareError> {
        let passcode = share.passcode.as_ref().map(PasscodeHash::as_str).unwrap_or_default();
        let mut call = self
            .update(&share.summary.id, invocation)
            .await?
            .update_expression(expression)
            // Attempts at another passcode are decided by others.
            .condition_expression(format!(
                "{condition} AND in_flight >= :one AND passcode_hash = :passcode_hash"
            ))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":passcode_hash", text(passcode))
            .return_values(super::ReturnValue::AllNew);
        if let Some(now) = now {
            call = call.expression_attribute_values(":now", instant(now));
        }
        let once = call.customize().config_override(Aws::dynamodb_tried(Attempts::Once));
        outcome(invocation, once.send()).await
    }
}

/// When an invocation has ended for certain, in whole seconds.
fn end_of(invocation: &Invocation, now: Timestamp) -> Timestamp {
    let left = SignedDuration::try_from(invocation.left()).unwrap_or(SignedDuration::MAX);
    let end =
        left.checked_add(SignedDuration::from_secs(1)).and_then(|left| now.checked_add(left).ok());
    end.unwrap_or(now)
}
