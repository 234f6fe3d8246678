use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Frames that nobody could understand, in how long a time, until the patience with a client ends.
const MOST: usize = 10;
const WITHIN: Duration = Duration::from_secs(60);

/// When a client last sent what nobody could understand.
#[derive(Debug, Default)]
pub struct Nonsense(VecDeque<Instant>);

impl Nonsense {
    /// Counts one more. True if it was one too many.
    pub fn heard(&mut self, now: Instant) -> bool {
        self.0.retain(|moment| now.saturating_duration_since(*moment) < WITHIN);
        self.0.push_back(now);
        self.0.len() >= MOST
    }
}
