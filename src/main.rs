//! Where the function starts: settings, logging, and the runtime's loop.

use std::ffi::OsStr;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use lambda_runtime::{BoxFuture, Error, LambdaEvent, Runtime, SnapStartResource, service_fn};
use s3_link_signer::{Handler, Settings, UnknownSetting, print_metrics, start_logging};
use serde_json::value::RawValue;

/// One thread is enough: signing is arithmetic, and everything else waits for AWS. On Lambda Managed
/// Instances an environment serves several invocations at a time, and they take turns.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    start_logging(
        variable("AWS_LAMBDA_LOG_FORMAT").as_deref(),
        variable("AWS_LAMBDA_LOG_LEVEL").as_deref(),
    );
    let settings = match Settings::read(variable, Timestamp::now()) {
        Ok(settings) => settings,
        Err(error) => {
            tracing::error!(reason = error.to_string(), "a setting is missing or wrong");
            return ExitCode::FAILURE;
        }
    };
    for UnknownSetting { name, meant } in UnknownSetting::among(names_of_variables()) {
        tracing::warn!(variable = name, meant, "a variable looks like a setting and is none");
    }
    if settings.asks_another_sts_inside_lambda() {
        tracing::warn!(
            "STS is asked at another endpoint than AWS's (AWS_ENDPOINT_URL_STS or \
             AWS_ENDPOINT_URL): whoever answers there decides how long links are promised to work"
        );
    }
    let handler = Arc::new(Handler::new(settings, Timestamp::now, print_metrics));
    // A SnapStart snapshot must hold nothing of this environment's session.
    if variable("AWS_LAMBDA_INITIALIZATION_TYPE").as_deref() != Some("snap-start") {
        if let Err(error) = handler.read_grants().await {
            tracing::error!(reason = error.to_string(), "the grants can't be read");
            return ExitCode::FAILURE;
        }
        handler.initialise().await;
    }
    match run(handler).await {
        Ok(()) => ExitCode::SUCCESS,
        // SAM ends its emulator, and with it the Runtime API, once the event is answered.
        Err(error) if variable("AWS_SAM_LOCAL").as_deref() == Some("true") => {
            tracing::info!(reason = error.to_string(), "the emulator ended");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(reason = error.to_string(), "the runtime stopped");
            ExitCode::FAILURE
        }
    }
}

/// The names of the variables that are not empty.
fn names_of_variables() -> impl Iterator<Item = String> {
    let is_set = |value: &OsStr| !value.to_string_lossy().trim().is_empty();
    let variables = std::env::vars_os().filter(move |(_, value)| is_set(value));
    variables.filter_map(|(name, _)| name.into_string().ok())
}

async fn run(handler: Arc<Handler>) -> Result<(), Error> {
    let snapshot = Arc::new(Snapshot(Arc::clone(&handler)));
    let service = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let handler = Arc::clone(&handler);
        async move {
            let deadline = Timestamp::from_millisecond(event.context.deadline.cast_signed());
            let deadline = deadline.unwrap_or(Timestamp::MAX);
            let LambdaEvent { payload, context } = &event;
            let function_arn = &context.invoked_function_arn;
            let answer = handler.handle(payload, &context.request_id, function_arn, deadline);
            // The future is boxed because it is large.
            Box::pin(answer).await
        }
    });
    Runtime::new(service).register_snapstart_resource(snapshot).run_concurrent().await
}

/// Tells the handler when it was restored from a SnapStart snapshot.
struct Snapshot(Arc<Handler>);

impl SnapStartResource for Snapshot {
    fn after_restore(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            self.0.restored().await.map_err(|error| {
                tracing::error!(reason = error.to_string(), "the grants can't be read");
                Error::from(error)
            })
        })
    }
}
