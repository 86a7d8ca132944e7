//! Log lines of one thread, for tests that read them.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing::subscriber::DefaultGuard;

/// What a thread logs while the guard of [`Log::collect`] lives.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Gives every thread somewhere to log to. Without that, a line that another test's thread meets first
/// is switched off for all of them.
pub(crate) fn log_somewhere() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| tracing_subscriber::fmt().with_writer(std::io::sink).init());
}

impl Log {
    /// Collects what this thread logs while the guard lives.
    pub(crate) fn collect(&self) -> DefaultGuard {
        log_somewhere();
        let log = self.clone();
        let lines = tracing_subscriber::fmt().json().with_writer(move || log.clone());
        tracing::subscriber::set_default(lines.finish())
    }

    /// All lines so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}
