//! Log lines and metrics for CloudWatch.
//!
//! This room starts the logging and keeps what one invocation counts. Each room
//! writes its own log lines with `tracing`'s macros and names the invocation's request id.
//!
//! No line ever holds a URL, a signature or a token, and of a mail address only the domain.

mod logging;
mod metrics;
mod output;

use std::io::Write;

pub use self::logging::start_logging;
pub(crate) use self::metrics::{Counter, Counters, metrics_line};
pub(crate) use self::output::write_together;

/// A function that takes a line of metrics. Tests read the line; `main` prints it.
pub(crate) type PrintMetrics = fn(&str);

/// Prints a line of metrics to standard output, where Lambda collects it.
pub fn print_metrics(line: &str) {
    // When standard output is closed, the error could not be reported anywhere either.
    let _ = writeln!(std::io::stdout(), "{line}");
}
