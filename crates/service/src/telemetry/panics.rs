use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic,
};

/// Sends panics through the log, so that they have the shape, the trace and the destination of every other line.
pub(super) fn log() {
    panic::set_hook(Box::new(|info| {
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        let message = info.payload_as_str().unwrap_or("(no message)");
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            tracing::error!(location, %backtrace, "panicked: {message}");
        } else {
            tracing::error!(location, "panicked: {message}");
        }
    }));
}
