//! Log lines as JSON on standard output, with s3-link-signer's settings of the subscriber. The lines of
//! one invocation are written together, as s3-link-signer writes those of a batch.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

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
        .with_writer(|| Output)
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

/// The lines of this invocation.
static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Writes the lines of this invocation to standard output.
pub(crate) fn write_lines() -> io::Result<()> {
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let written = io::stdout().write_all(&lines);
    lines.clear();
    written
}

/// Keeps whole lines until the invocation ends.
struct Output;

impl Write for Output {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
