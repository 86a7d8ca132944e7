//! Where log lines go: standard output.
//!
//! Each line is a write of its own, so that no line is lost when Lambda ends the process. A batch
//! logs a thousand lines at once. [`write_together`] writes those with a few calls: a write for each
//! takes 10 µs of the 20 µs that a link of a batch takes.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// The lines that are written together. `None` when each line is written at once.
static LINES: Mutex<Option<Vec<u8>>> = Mutex::new(None);

/// How many bytes are written together at most. A pipe takes no more at once.
const MAX_BYTES: usize = 65_536;

/// Writes the lines that `log` logs together, when `log` returns.
///
/// `log` is not asynchronous, so nothing is waited for before the lines are written.
pub(crate) fn write_together(log: impl FnOnce()) {
    /// Writes the lines even when `log` panics.
    struct WriteOnDrop;

    impl Drop for WriteOnDrop {
        fn drop(&mut self) {
            let lines = lines().take().unwrap_or_default();
            // When standard output is closed, the error could not be reported anywhere either.
            let _ = io::stdout().write_all(&lines);
        }
    }

    *lines() = Some(Vec::with_capacity(MAX_BYTES));
    let _write = WriteOnDrop;
    log();
}

fn lines() -> MutexGuard<'static, Option<Vec<u8>>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Standard output, for whole lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output;

impl Write for Output {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &mut *lines() {
            None => io::stdout().write_all(line)?,
            Some(lines) => {
                if lines.len() + line.len() > MAX_BYTES {
                    io::stdout().write_all(lines)?;
                    lines.clear();
                }
                lines.extend_from_slice(line);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Output {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}
