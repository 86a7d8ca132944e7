//! Where lines go: standard output, which Lambda collects.
//!
//! Each line is a system call, unless some are gathered: a batch of a thousand links would spend a
//! fifth of its time in them.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// A pipe takes no more at once, so to gather more saves nothing.
const FULL: usize = 65_536;

/// What has been gathered; nothing while nobody gathers.
static GATHERED: Mutex<Gathered> = Mutex::new(Gathered { by: 0, lines: Vec::new() });

struct Gathered {
    by: usize,
    lines: Vec<u8>,
}

/// While this lives, lines are gathered. They are written when it goes, so let it not live across
/// anything that is waited for after a line: what is gathered when Lambda ends the process is lost.
#[derive(Debug)]
pub struct Gathering(());

/// Begins to gather lines.
#[must_use]
pub fn gather() -> Gathering {
    gathered().by += 1;
    Gathering(())
}

impl Drop for Gathering {
    fn drop(&mut self) {
        let mut gathered = gathered();
        gathered.by -= 1;
        // If standard output is gone, so is everything that could be told about it.
        let _ = gathered.write_out();
    }
}

/// Standard output, for whole lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output;

impl Write for Output {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut gathered = gathered();
        gathered.lines.extend_from_slice(lines);
        if gathered.by == 0 || gathered.lines.len() >= FULL {
            gathered.write_out()?;
        }
        Ok(lines.len())
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

impl Gathered {
    fn write_out(&mut self) -> io::Result<()> {
        let written = io::stdout().write_all(&self.lines);
        // Also when it failed: it must not pile up.
        self.lines.clear();
        written
    }
}

fn gathered() -> MutexGuard<'static, Gathered> {
    GATHERED.lock().unwrap_or_else(PoisonError::into_inner)
}
