use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{dev::Payload, error::PayloadError};
use bytes::Bytes;
use futures_util::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{BodySettings, too_slow};

/// A body that must come with the least rate and before its deadline. The payload itself is shared with whoever has to know, after the
/// answer, whether all of it had come.
pub(super) struct PacedPayload {
    payload: Rc<RefCell<Payload>>,
    pace: Pace,
    timer: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

/// How long a client may be waited for.
struct Pace {
    settings: BodySettings,
    deadline: Instant,
    received: u64,
    /// All the time in which the client was waited for. The time in which the service was busy with what it had is not the client's.
    waited: Duration,
    waiting_since: Option<Instant>,
}

impl Pace {
    fn received(&mut self, bytes: usize, now: Instant) {
        self.received = self.received.saturating_add(bytes as u64);
        if let Some(since) = self.waiting_since.take() {
            self.waited += now.saturating_duration_since(since);
        }
    }

    /// Until when it may be waited for the next bytes.
    fn waits_until(&mut self, now: Instant) -> Instant {
        let since = *self.waiting_since.get_or_insert(now);
        let rate = u64::from(self.settings.min_bytes_per_second.get());
        let earned = Duration::from_secs(self.received / rate) + Duration::from_secs(self.received % rate) / rate.max(1) as u32;
        // What came fast earns no long silence: each single one is within the grace.
        let allowed = (self.settings.grace + earned).saturating_sub(self.waited).min(self.settings.grace);
        (since + allowed).min(self.deadline)
    }
}

impl PacedPayload {
    pub(super) fn new(payload: Rc<RefCell<Payload>>, settings: BodySettings) -> Self {
        let deadline = Instant::now() + settings.deadline;
        let pace = Pace { settings, deadline, received: 0, waited: Duration::ZERO, waiting_since: None };
        Self { payload, pace, timer: None, ended: false }
    }

    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        let until = self.pace.waits_until(Instant::now());
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() != until {
            timer.as_mut().reset(until);
        }
        if timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.ended = true;
        metrics::counter!("zoetrope_http_bodies_refused_total", "reason" => "slow").increment(1);
        Poll::Ready(Some(Err(too_slow())))
    }
}

impl Stream for PacedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        // What has come counts before the clock does: after a pause of the whole process, that is late and the client is not.
        let polled = Pin::new(&mut *this.payload.borrow_mut()).poll_next(context);
        match polled {
            Poll::Ready(Some(Ok(chunk))) => {
                let now = Instant::now();
                this.pace.received(chunk.len(), now);
                if now < this.pace.deadline {
                    return Poll::Ready(Some(Ok(chunk)));
                }
                this.ended = true;
                metrics::counter!("zoetrope_http_bodies_refused_total", "reason" => "slow").increment(1);
                Poll::Ready(Some(Err(too_slow())))
            }
            Poll::Ready(other) => {
                this.ended = true;
                Poll::Ready(other)
            }
            Poll::Pending => this.wait(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        let settings = BodySettings { grace: Duration::from_secs(10), ..BodySettings::default() };
        let deadline = Instant::now() + Duration::from_secs(100);
        Pace { settings, deadline, received: 0, waited: Duration::ZERO, waiting_since: None }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_waiting_counts_and_what_came_earns_time() {
        let (mut pace, start) = (pace(), Instant::now());
        assert_eq!(pace.waits_until(start), start + 10 * SECOND);
        // Asked again while it waits, it waits no longer for that.
        assert_eq!(pace.waits_until(start + 5 * SECOND), start + 10 * SECOND);
        pace.received(2048, start + 6 * SECOND);
        // The service was busy for twenty seconds.
        let later = start + 26 * SECOND;
        assert_eq!(pace.waits_until(later), later + 6 * SECOND);
        pace.received(512, later + 6 * SECOND);
        assert_eq!(pace.waits_until(later + 6 * SECOND), later + 6 * SECOND + SECOND / 2);
    }

    #[test]
    fn a_byte_now_and_then_earns_nothing() {
        let (mut pace, mut now) = (pace(), Instant::now());
        let end = pace.waits_until(now);
        while now + 3 * SECOND < end {
            now += 3 * SECOND;
            pace.received(1, now);
            assert!(pace.waits_until(now) < end + SECOND / 100);
        }
    }

    #[test]
    fn fast_bytes_earn_no_long_silence() {
        let (mut pace, now) = (pace(), Instant::now());
        pace.received(100 * 1024 * 1024, now);
        assert_eq!(pace.waits_until(now), now + 10 * SECOND);
    }

    #[test]
    fn nothing_is_waited_for_beyond_the_deadline() {
        let (mut pace, now) = (pace(), Instant::now());
        pace.received(usize::MAX >> 1, now);
        let late = pace.deadline - SECOND;
        assert_eq!(pace.waits_until(late), pace.deadline);
    }
}
