use std::error::Error;

/// Tells when something begins to fail and when it works again, however often it is tried in between.
#[derive(Debug)]
pub struct Outage {
    what: &'static str,
    lasts: bool,
}

impl Outage {
    /// `what` cannot be done, in the words of the log.
    pub fn new(what: &'static str) -> Self {
        Self { what, lasts: false }
    }

    pub fn failed(&mut self, error: &(dyn Error + 'static)) {
        if !self.lasts {
            tracing::warn!(error, "cannot {} for now", self.what);
            self.lasts = true;
        }
    }

    pub fn worked(&mut self) {
        if self.lasts {
            tracing::info!("can {} again", self.what);
            self.lasts = false;
        }
    }
}
