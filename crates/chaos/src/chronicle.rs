use std::{
    fmt::Display,
    io::{self, Write},
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// What happened when, for those who watch and for those who read it later beside the logs.
#[derive(Debug)]
pub struct Chronicle {
    start: Instant,
    aloud: bool,
    lines: Mutex<Vec<String>>,
}

impl Chronicle {
    /// Tells everything on standard output as it happens.
    pub fn aloud() -> Self {
        Self { aloud: true, ..Self::silent() }
    }

    pub fn silent() -> Self {
        Self { start: Instant::now(), aloud: false, lines: Mutex::default() }
    }

    pub(crate) fn say(&self, what: impl Display) {
        let line = format!("[{:6.1} s] {what}", self.start.elapsed().as_secs_f64());
        if self.aloud {
            // Nobody listens any more: it is still written down.
            let _ = writeln!(io::stdout(), "{line}");
        }
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// Everything so far, one line each.
    pub fn text(&self) -> String {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }
}
