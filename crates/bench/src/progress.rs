use std::{
    fmt::Display,
    io::{self, Write},
    time::{Duration, Instant},
};

use tokio::time::sleep;

/// Tells on standard error what is being done. The results alone are on standard output.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    started: Instant,
}

impl Progress {
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub fn say(&self, what: impl Display) {
        // Nobody is there to read it, then.
        let _ = writeln!(io::stderr(), "[{:>3} s] {what}", self.started.elapsed().as_secs());
    }

    /// Says what is waited for, and waits.
    pub async fn wait(&self, what: &str, time: Duration) {
        self.say(format_args!("{what} ({:.0} s)", time.as_secs_f64()));
        sleep(time).await;
    }
}
