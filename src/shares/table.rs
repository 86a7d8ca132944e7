//! The calls to the table in `SHARES_TABLE`. Each answers within the invocation. Those that the SDK makes
//! once more where there is no answer do no harm if both of them arrive.

mod attempts;
mod listing;

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use jiff::Timestamp;

use self::listing::Refused;
use super::ShareError;
use super::attempts::MAX_GUESSES;
use super::change::Edit;
use super::item::{Item, instant, item, number, text};
use super::passcode::PasscodeHash;
use super::share::{GRACE, Share};
use super::token::{Browser, ShareId};
use crate::aws::{Aws, AwsError, answered};
use crate::invocation::Invocation;
use crate::links::LinkError;
use crate::sessions::Sessions;

/// The condition under which a share opens: neither revoked nor over. What a press needs besides
/// stands beside it.
const OPENS: &str =
    "attribute_exists(id) AND attribute_not_exists(revoked_at) AND expires_at > :now";

/// The condition under which one more download may be counted.
const HAS_DOWNLOADS_LEFT: &str =
    "(attribute_not_exists(max_downloads) OR downloads < max_downloads)";

/// The attributes that count attempts at a passcode. An unlock removes them.
const ATTEMPTS: [&str; 7] = [
    "attempts",
    "last_attempt_at",
    "in_flight",
    "in_flight_until",
    "guesses",
    "max_guesses",
    "last_guess_at",
];

/// The attributes that say why the last press got no file.
const PRESS_PROBLEM: [&str; 2] = ["press_problem", "press_problem_since"];

/// The shares' table.
#[derive(Debug)]
pub(super) struct Table {
    name: String,
    /// DynamoDB is asked with the execution role's credentials.
    sessions: Arc<Sessions>,
    aws: Aws,
    /// When the index that lists keys was not to be had.
    refused: Refused,
}

/// The outcome of a conditional update.
#[derive(Clone, Debug)]
pub(super) enum ConditionalUpdate {
    /// The condition held. This is the item afterwards, where it was asked for.
    Applied(Item),
    /// The condition did not hold. This is the item as it is, if there is one.
    Refused(Option<Item>),
}

/// How a press is written down.
#[derive(Clone, Copy, Debug)]
pub(super) enum Press {
    /// As a download.
    Counted,
    /// As another press of a browser whose download was counted a moment ago.
    Again,
}

/// What a share's owner changes. `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    pub(super) expires_at: Option<Timestamp>,
    pub(super) forget_at: Option<Timestamp>,
    pub(super) max_downloads: Edit<u64>,
    pub(super) passcode: Edit<PasscodeHash>,
    /// Whether passcodes may be tried again.
    pub(super) unlock: bool,
}

/// A page of items, and where the next one begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    pub(super) items: Vec<Item>,
    pub(super) next: Option<Item>,
    /// Whether the items have all that a list shows. Those of the index `by-owner` lack some of it.
    pub(super) are_whole: bool,
}

impl Table {
    /// The DynamoDB table `name`, in the function's own region.
    pub(super) fn new(name: String, sessions: Arc<Sessions>, aws: Aws) -> Self {
        Self { name, sessions, aws, refused: Refused::default() }
    }

    async fn client(&self, invocation: &Invocation) -> Result<Client, ShareError> {
        let credentials = self.sessions.credentials(invocation).await;
        let credentials = credentials.map_err(|error| LinkError::Upstream(error.to_string()))?;
        Ok(self.aws.dynamodb(&credentials))
    }

    /// Writes a share that was just made.
    ///
    /// # Errors
    ///
    /// [`ShareError::Table`].
    pub(super) async fn create(
        &self,
        share: &Share,
        invocation: &Invocation,
    ) -> Result<(), ShareError> {
        let call = self
            .client(invocation)
            .await?
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item(share)?))
            .condition_expression("attribute_not_exists(id)");
        // Here and below futures are boxed because the SDK's are large.
        let created = Box::pin(async {
            match call.send().await {
                Ok(_) => Ok(()),
                Err(error) => match error.as_service_error() {
                    // Ids are digests of random tokens. One that exists is our own, of a call whose
                    // answer was lost.
                    Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(()),
                    _ => Err(AwsError::from_sdk(&error)),
                },
            }
        });
        in_time(invocation, created).await
    }

    /// The item of a share as it is now.
    ///
    /// # Errors
    ///
    /// [`ShareError::Table`].
    pub(super) async fn get(
        &self,
        id: &ShareId,
        invocation: &Invocation,
    ) -> Result<Option<Item>, ShareError> {
        let call = self
            .client(invocation)
            .await?
            .get_item()
            .table_name(&self.name)
            .key("id", text(id.as_str()))
            .consistent_read(true);
        let got = in_time(invocation, answered(call.send())).await?;
        Ok(got.item)
    }

    /// Writes down a press, if at this very moment everything still holds that must: the share is
    /// neither revoked nor over, its passcode is the one that was looked at, and either a download is
    /// left or the browser's was counted a moment ago.
    ///
    /// A repeated call counts nothing: the first one left the browser's entry.
    ///
    /// # Errors
    ///
    /// [`ShareError::Table`]. It is not known then whether the press was written down. If it was, the
    /// same browser may press again uncounted.
    pub(super) async fn press(
        &self,
        share: &Share,
        press: Press,
        browser: &Browser,
        now: Timestamp,
        invocation: &Invocation,
    ) -> Result<ConditionalUpdate, ShareError> {
        let mut set = vec!["last_download_at = :now"];
        let mut remove = Vec::new();
        if share.summary.press_problem.is_some() {
            remove.extend(PRESS_PROBLEM.map(str::to_owned));
        }
        let mut condition = OPENS.to_owned();
        let mut call = self
            .update(&share.summary.id, invocation)
            .await?
            .expression_attribute_names("#browser", browser.digest())
            .expression_attribute_values(":now", instant(now));
        match &share.passcode {
            Some(passcode) => {
                condition.push_str(" AND passcode_hash = :passcode_hash");
                call = call.expression_attribute_values(":passcode_hash", text(passcode.as_str()));
            }
            None => condition.push_str(" AND attribute_not_exists(passcode_hash)"),
        }
        match press {
            Press::Again => condition.push_str(" AND presses.#browser > :now"),
            Press::Counted => {
                set.extend(["downloads = downloads + :one", "presses.#browser = :until"]);
                condition.push_str(" AND ");
                condition.push_str(HAS_DOWNLOADS_LEFT);
                condition.push_str(" AND attribute_not_exists(presses.#browser)");
                call = call
                    .expression_attribute_values(":one", number(1))
                    .expression_attribute_values(":until", instant(now + GRACE));
                if share.passcode.is_some() {
                    set.push("max_guesses = if_not_exists(max_guesses, :most_guesses) + :one");
                    call = call.expression_attribute_values(":most_guesses", number(MAX_GUESSES));
                }
                for (index, digest) in share.forgotten_presses(now).into_iter().enumerate() {
                    remove.push(format!("presses.#old{index}"));
                    call = call.expression_attribute_names(format!("#old{index}"), digest);
                }
            }
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            expression = format!("{expression} REMOVE {}", remove.join(", "));
        }
        updated(invocation, call.update_expression(expression).condition_expression(condition))
            .await
    }

    /// Writes down why a press got no file, and since when.
    ///
    /// # Errors
    ///
    /// [`ShareError::Table`].
    pub(super) async fn note_problem(
        &self,
        id: &ShareId,
        code: &str,
        invocation: &Invocation,
    ) -> Result<ConditionalUpdate, ShareError> {
        let call = self
            .update(id, invocation)
            .await?
            .update_expression("SET press_problem = :code, press_problem_since = :now")
            .condition_expression("attribute_exists(id)")
            .expression_attribute_values(":code", text(code))
            .expression_attribute_values(":now", instant(invocation.now()));
        updated(invocation, call).await
    }

    /// Changes a share that is not revoked.
    ///
    /// # Errors
    ///
    /// [`ShareError::Table`].
    pub(super) async fn change(
        &self,
        id: &ShareId,
        changes: Changes,
        invocation: &Invocation,
    ) -> Result<ConditionalUpdate, ShareError> {
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        let mut values = HashMap::new();
        let mut assign = |name: &'static str, value: Option<AttributeValue>| match value {
            Some(value) => {
                values.insert(format!(":{name}"), value);
                set.push(format!("{name} = :{name}"));
            }
            None => remove.push(name),
        };
        if let Some(at) = changes.expires_at {
            assign("expires_at", Some(instant(at)));
        }
        if let Some(at) = changes.forget_at {
            assign("forget_at", Some(instant(at)));
        }
        match changes.max_downloads {
            Edit::Keep => {}
            Edit::Remove => assign("max_downloads", None),
            Edit::Set(max) => assign("max_downloads", Some(number(max))),
        }
        match &changes.passcode {
            Edit::Keep => {}
            Edit::Remove => {
                assign("passcode_hash", None);
                assign("has_passcode", None);
            }
            Edit::Set(hash) => {
                assign("passcode_hash", Some(text(hash.as_str())));
                assign("has_passcode", Some(AttributeValue::Bool(true)));
            }
        }
        if changes.unlock || changes.passcode != Edit::Keep {
            for name in ATTEMPTS {
                assign(name, None);
            }
        }
        let mut expression = Vec::new();
        if !set.is_empty() {
            expression.push(format!("SET {}", set.join(", ")));
        }
        if !remove.is_empty() {
            expression.push(format!("REMOVE {}", remove.join(", ")));
        }
        let call = self
            .update(id, invocation)
            .await?
            .update_expression(expression.join(" "))
            .condition_expression("attribute_exists(id) AND attribute_not_exists(revoked_at)")
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values(ReturnValue::AllNew);
        updated(invocation, call).await
    }

    /// Revokes a share for good. One that is revoked already stays as it is.
    ///
    /// # Errors
    ///
    /// [`ShareError::Table`].
    pub(super) async fn revoke(
        &self,
        id: &ShareId,
        invocation: &Invocation,
    ) -> Result<ConditionalUpdate, ShareError> {
        let now = invocation.now();
        let call = self
            .update(id, invocation)
            .await?
            .update_expression("SET revoked_at = if_not_exists(revoked_at, :now)")
            .condition_expression("attribute_exists(id)")
            .expression_attribute_values(":now", instant(now));
        updated(invocation, call).await
    }

    /// An update of the share's item.
    async fn update(
        &self,
        id: &ShareId,
        invocation: &Invocation,
    ) -> Result<UpdateItemFluentBuilder, ShareError> {
        let update = self.client(invocation).await?.update_item().table_name(&self.name);
        let on_failure = ReturnValuesOnConditionCheckFailure::AllOld;
        Ok(update.key("id", text(id.as_str())).return_values_on_condition_check_failure(on_failure))
    }
}

/// The outcome of an update that does no harm if it arrives twice.
async fn updated(
    invocation: &Invocation,
    call: UpdateItemFluentBuilder,
) -> Result<ConditionalUpdate, ShareError> {
    outcome(invocation, call.send()).await
}

/// The outcome of an update.
async fn outcome(
    invocation: &Invocation,
    update: impl Future<Output = Result<UpdateItemOutput, SdkError<UpdateItemError, HttpResponse>>>,
) -> Result<ConditionalUpdate, ShareError> {
    let call = Box::pin(async {
        match update.await {
            Ok(answer) => Ok(ConditionalUpdate::Applied(answer.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(ConditionalUpdate::Refused(failed.item().cloned()))
                }
                _ => Err(AwsError::from_sdk(&error)),
            },
        }
    });
    in_time(invocation, call).await
}

/// The outcome of a call, if it comes in time for this invocation to answer.
async fn in_time<T>(
    invocation: &Invocation,
    call: impl Future<Output = Result<T, AwsError>>,
) -> Result<T, ShareError> {
    let too_late = |_| Err(AwsError::NoResponse("no answer before the invocation ends".to_owned()));
    invocation.in_time(call).await.unwrap_or_else(too_late).map_err(ShareError::Table)
}
