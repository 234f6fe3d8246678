use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::job::Work;

/// Wakes a lane. It sleeps until its next job is due, which nobody needs to tell it; only what comes earlier does.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    notify: Notify,
    /// Until when the lane sleeps; `None` while it is awake.
    asleep_until: Mutex<Option<Instant>>,
}

impl Alarm {
    /// Tells of a job that is due at this time.
    pub(super) fn ring(&self, due: Instant) {
        // Awake, the lane may have looked already: it then looks once more before it sleeps.
        if self.asleep_until().is_none_or(|end| due < end) {
            self.notify.notify_one();
        }
    }

    /// Sleeps until then, or until something earlier is told.
    pub(super) async fn sleep_until(&self, end: Instant) {
        self.set(Some(end));
        let _ = tokio::time::timeout_at(end, self.notify.notified()).await;
        self.set(None);
    }

    fn asleep_until(&self) -> Option<Instant> {
        *self.asleep_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, end: Option<Instant>) {
        *self.asleep_until.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }
}

/// The alarms of all lanes of this process.
#[derive(Debug)]
pub(crate) struct Alarms {
    lanes: HashMap<(String, Work), Alarm>,
    others: Alarm,
}

impl Alarms {
    pub(super) fn new<'a>(providers: impl IntoIterator<Item = &'a str>) -> Self {
        let lanes = providers
            .into_iter()
            .flat_map(|provider| Work::ALL.map(|work| ((provider.to_owned(), work), Alarm::default())))
            .collect();
        Self { lanes, others: Alarm::default() }
    }

    /// The alarm of a lane; jobs of unknown providers have one in common.
    pub(super) fn of(&self, provider: &str, work: Work) -> &Alarm {
        self.lanes.get(&(provider.to_owned(), work)).unwrap_or(&self.others)
    }

    pub(super) const fn of_others(&self) -> &Alarm {
        &self.others
    }

    /// Tells the lane that works on such jobs of one that is due after this time.
    pub(crate) fn ring(&self, provider: &str, work: Work, after: Duration) {
        self.of(provider, work).ring(Instant::now() + after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    async fn slept(alarm: &Alarm, end: Instant) -> Duration {
        let start = Instant::now();
        alarm.sleep_until(end).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_is_earlier_wakes() {
        let alarm = Alarm::default();
        let start = Instant::now();
        let ring = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            alarm.ring(start + LONG * 2);
            tokio::time::sleep(Duration::from_secs(1)).await;
            alarm.ring(start + LONG / 2);
        };
        let (slept, ()) = tokio::join!(slept(&alarm, start + LONG), ring);
        assert_eq!(slept.as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_while_awake_is_not_missed() {
        let alarm = Alarm::default();
        alarm.ring(Instant::now() + LONG * 2);
        assert_eq!(slept(&alarm, Instant::now() + LONG).await, Duration::ZERO);
        assert_eq!(slept(&alarm, Instant::now() + LONG).await.as_secs(), 60);
    }

    #[test]
    fn unknown_providers_have_a_lane_in_common() {
        let alarms = Alarms::new(["openai"]);
        assert!(std::ptr::eq(alarms.of("other", Work::Follow), alarms.of_others()));
        assert!(!std::ptr::eq(alarms.of("openai", Work::Follow), alarms.of_others()));
        assert!(!std::ptr::eq(alarms.of("openai", Work::Follow), alarms.of("openai", Work::Submit)));
    }
}
