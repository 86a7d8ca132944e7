//! Log lines as JSON on standard output, with s3-link-signer's settings of the subscriber.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, fmt};

/// Starts to log this package's lines, and the runtime's errors.
pub(crate) fn start() {
    let targets = Targets::new()
        .with_target("peers", Level::INFO)
        .with_target("lambda_runtime", Level::ERROR);
    let lines = fmt::layer()
        .with_target(false)
        .with_ansi(false)
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false);
    // This fails only if a subscriber is set already, and then that subscriber logs.
    let _ = tracing::subscriber::set_global_default(
        Registry::default().with(lines.with_filter(targets)),
    );
}
