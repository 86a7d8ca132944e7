//! Log lines as JSON on standard output, as s3-link-signer writes them.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, fmt};

/// Lines that wait to be written. A pipe takes no more than 64 KiB at once.
static LINES: LazyLock<Mutex<BufWriter<Stdout>>> =
    LazyLock::new(|| Mutex::new(BufWriter::with_capacity(65_536, io::stdout())));

/// Starts to log this package's lines, and the runtime's errors.
pub(crate) fn start() {
    let targets = Targets::new()
        .with_target("peers", tracing::Level::INFO)
        .with_target("lambda_runtime", tracing::Level::ERROR);
    let lines = fmt::layer()
        .with_writer(|| Lines)
        .with_target(false)
        .with_ansi(false)
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false);
    // It fails only if a subscriber is set already, and then that one logs.
    let _ = tracing::subscriber::set_global_default(
        Registry::default().with(lines.with_filter(targets)),
    );
}

/// Writes the lines that wait. A line of the runtime itself waits until the next invocation ends.
pub(crate) fn flush() {
    // If standard output is gone, nothing can be said about it.
    let _ = lines().flush();
}

struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        lines().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lines() -> MutexGuard<'static, BufWriter<Stdout>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}
