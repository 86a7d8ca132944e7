//! Log lines: standard output, which Lambda collects.
//!
//! Format and level follow Lambda's own logging settings. Only this crate and the runtime's errors
//! are logged. At their finest levels the SDK and hyper would log requests with their signatures,
//! so every build leaves all lines below `INFO` out (see `tracing` in Cargo.toml). `TRACE` and
//! `DEBUG` therefore log what `INFO` logs.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, fmt};

use super::output::Output;

/// Starts logging to standard output.
///
/// `format` is the value of `AWS_LAMBDA_LOG_FORMAT`: `Text` or, by default, `JSON`. `level` is the
/// value of `AWS_LAMBDA_LOG_LEVEL`: `TRACE`, `DEBUG`, `INFO` (the default), `WARN`, `ERROR` or
/// `FATAL`.
pub fn start_logging(format: Option<&str>, level: Option<&str>) {
    let level = match level.unwrap_or_default().to_ascii_uppercase().as_str() {
        "TRACE" => LevelFilter::TRACE,
        "DEBUG" => LevelFilter::DEBUG,
        "WARN" => LevelFilter::WARN,
        "ERROR" | "FATAL" => LevelFilter::ERROR,
        _ => LevelFilter::INFO,
    };
    let targets = Targets::new()
        .with_target("s3_link_signer", level)
        .with_target("lambda_runtime", LevelFilter::ERROR);
    let lines = fmt::layer().with_writer(Output).with_target(false).with_ansi(false);
    let lines = if format.is_some_and(|format| format.eq_ignore_ascii_case("text")) {
        // Lambda adds the time to text lines.
        lines.without_time().boxed()
    } else {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    };
    let subscriber = tracing_subscriber::registry().with(targets).with(lines);
    // This fails only if a subscriber is set already, and then that subscriber logs.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cargo.toml's features decide that, for this crate and for the SDK.
    #[test]
    fn no_build_holds_the_lines_below_info() {
        assert_eq!(tracing::level_filters::STATIC_MAX_LEVEL, LevelFilter::INFO);
        assert_eq!(log::STATIC_MAX_LEVEL, log::LevelFilter::Off);
    }
}
