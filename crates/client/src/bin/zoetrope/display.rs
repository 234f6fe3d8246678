//! What the person in front of it sees: a progress bar on a terminal, plain lines elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

const TEMPLATE: &str = "{elapsed_precise} {bar:40.cyan/blue} {pos:>3} % {msg}";
const TICK: Duration = Duration::from_millis(200);

pub(crate) struct Display {
    /// Drawn on standard error; none when that is no terminal.
    bar: Option<ProgressBar>,
    last: Option<(u8, String)>,
}

impl Display {
    pub(crate) fn new() -> Self {
        Self { bar: io::stderr().is_terminal().then(bar), last: None }
    }

    /// Writes a line to standard output, above the bar.
    pub(crate) fn line(&self, text: &str) {
        let write = || {
            // Whoever closed standard output does not want to read it.
            let _ = writeln!(io::stdout(), "{text}");
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Shows how far it is; the same again shows nothing new.
    pub(crate) fn progress(&mut self, percent: u8, message: &str) {
        let now = (percent, message.to_owned());
        if self.last.as_ref() == Some(&now) {
            return;
        }
        match &self.bar {
            Some(bar) => {
                bar.set_position(percent.into());
                bar.set_message(message.to_owned());
            }
            None => self.line(format!("{percent:>3} %  {message}").trim_end()),
        }
        self.last = Some(now);
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(100).with_style(style);
    bar.enable_steady_tick(TICK);
    bar
}
