//! Where the function starts: settings, logging, the runtime's loop.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lambda_runtime::{BoxFuture, Error, LambdaEvent, Runtime, SnapStartResource, service_fn};
use s3_link_signer::doors::Function;
use s3_link_signer::settings::Settings;
use s3_link_signer::telemetry;
use s3_link_signer::window::DEFAULT_EXPIRES_IN;
use serde_json::value::RawValue;

/// One thread: an environment serves one invocation at a time, and signing is arithmetic.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    telemetry::start_logging(
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
    match run(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(reason = error.to_string(), "the runtime stopped");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: Settings) -> Result<(), Error> {
    let links = settings.clone().links(Timestamp::now);
    let function = Arc::new(Function {
        mailer: settings.mailer(&links),
        base_path: settings.base_path,
        name: settings.execution.function_name,
        links,
        print_metrics: telemetry::print_metrics,
    });
    // The session's evidence takes a call to STS, which goes out beside the wait for the first
    // event. An invocation that comes sooner makes the call itself; one that comes while it is
    // under way waits for it.
    tokio::spawn(prove_session(Arc::clone(&function)));

    let snapshot = Arc::new(Snapshot(Arc::clone(&function)));
    let handler = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let function = Arc::clone(&function);
        async move {
            let deadline = Timestamp::from_millisecond(event.context.deadline.cast_signed());
            let deadline = deadline.unwrap_or(Timestamp::MAX);
            function.handle(&event.payload, &event.context.request_id, deadline).await
        }
    });
    Runtime::new(handler).register_snapstart_resource(snapshot).run().await
}

/// By then the request for the first event is on its way: until then nothing is opened but the
/// runtime's own socket, so that initialisation is as short as it can be.
const AFTER_FIRST_NEXT: Duration = Duration::from_millis(20);

/// More than it takes to connect to the runtime's socket and to write the request.
const TURNS_OF_OTHERS: usize = 16;

async fn prove_session(function: Arc<Function>) {
    tokio::time::sleep(AFTER_FIRST_NEXT).await;
    // Where the processor was away for so long, both are due at once: the request goes first.
    for _ in 0..TURNS_OF_OTHERS {
        tokio::task::yield_now().await;
    }
    // What it finds is kept, and what it does not find is said by whoever needs it.
    let _ = function.links.sessions.find(DEFAULT_EXPIRES_IN, (function.links.clock)()).await;
}

/// What must not survive a SnapStart snapshot: the credentials of the environment it was taken in.
struct Snapshot(Arc<Function>);

impl SnapStartResource for Snapshot {
    fn after_restore(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            self.0.links.sessions.forget().await;
            Ok(())
        })
    }
}
