use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Requests to end this process.
pub(crate) trait StopSignals {
    /// Waits for the next one and returns its name.
    async fn next(&mut self) -> &'static str;
}

/// `SIGTERM` and `SIGINT`, owned by this process from the moment this is made.
pub(crate) struct UnixSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl UnixSignals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }
}

impl StopSignals for UnixSignals {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
