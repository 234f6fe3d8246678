//! The simulator itself: accepts orders, meets calls with the faults that were asked for, and hands out clips.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::time;
use uuid::Uuid;

use crate::{
    behaviour::{Behaviour, BehaviourChange, InvalidBehaviour},
    directives::{Directives, Outcome},
    faults::{Call, Fault, fault_for},
    google::KeyRing,
    render::Clip,
    store::{Scope, Store},
    studio::{Studio, StudioError},
    video::{KEPT_SECONDS, Plan, Stage, Video, VideoOrder},
};

pub(crate) struct Simulator {
    behaviour: Mutex<Arc<Behaviour>>,
    store: Mutex<Store>,
    studio: Studio,
    link_key: RandomState,
    google_keys: KeyRing,
}

impl Simulator {
    pub(crate) fn new(behaviour: Behaviour) -> Self {
        Self {
            behaviour: Mutex::new(Arc::new(behaviour)),
            store: Mutex::default(),
            studio: Studio::new(),
            link_key: RandomState::new(),
            google_keys: KeyRing::default(),
        }
    }

    pub(crate) fn behaviour(&self) -> Arc<Behaviour> {
        Arc::clone(&lock(&self.behaviour))
    }

    /// Changes the behaviour towards calls from now on; the plans of accepted videos stay.
    pub(crate) fn change(&self, change: BehaviourChange) -> Result<Arc<Behaviour>, InvalidBehaviour> {
        let mut behaviour = lock(&self.behaviour);
        *behaviour = Arc::new(Behaviour::clone(&behaviour).with(change)?);
        self.store().forget_calls_of_everyone();
        Ok(Arc::clone(&behaviour))
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    /// Waits as long as this call shall be slow, and tells what shall go wrong with it.
    pub(crate) async fn meet(&self, call: Call, scope: Scope, own: &Directives) -> Option<Fault> {
        let behaviour = self.behaviour();
        time::sleep(own.slow.max(behaviour.everyone().slow)).await;
        let mut store = self.store();
        let mut fault_of = |directives: &Directives, scope: Scope| {
            // Counting only where there is something to count for keeps thousands of plain videos free of bookkeeping.
            let counted = directives.faults.iter().any(|rule| rule.call == call);
            counted.then(|| store.count_call(scope, call)).and_then(|nth| fault_for(&directives.faults, call, nth))
        };
        fault_of(behaviour.everyone(), Scope::Everyone).or_else(|| fault_of(own, scope))
    }

    /// When the address in this completed video expires, as looked at now; `None` when it has none.
    pub(crate) fn link_expiry(&self, video: &Video, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let rule = video.order.directives.link.or(self.behaviour().everyone().link)?;
        if !matches!(video.stage(now), Stage::Completed { .. }) {
            return None;
        }
        let nth = self.store().count_call(Scope::Video(video.id.clone()), Call::Link);
        let life = if rule.times.include(nth) { rule.life } else { Duration::from_secs(KEPT_SECONDS.unsigned_abs()) };
        Some(now + life)
    }

    /// Proves that an address was made here. The key dies with the process.
    pub(crate) fn sign(&self, id: &str, expires_millis: i64) -> String {
        format!("{:016x}", self.link_key.hash_one((id, expires_millis)))
    }

    /// Records a submission. The same order twice is two videos: what a client repeats must be seen.
    pub(crate) fn accept(&self, order: VideoOrder, now: DateTime<Utc>) -> Arc<Video> {
        let plan = plan(&self.behaviour(), &order.directives);
        let id = format!("video_{}", Uuid::new_v4().simple());
        self.store().accept(Video { id, created_at: now, order, plan })
    }

    pub(crate) fn google_keys(&self) -> &KeyRing {
        &self.google_keys
    }

    pub(crate) async fn clip(&self, video: &Video) -> Result<Clip, StudioError> {
        let cheap = self.behaviour().cheap;
        self.studio.clip(video, cheap).await
    }
}

/// What the order says comes first, then what is said for everyone.
fn plan(behaviour: &Behaviour, own: &Directives) -> Plan {
    let everyone = behaviour.everyone();
    Plan {
        queue: own.queue.or(everyone.queue).unwrap_or_else(|| behaviour.queue()),
        duration: own.duration.or(everyone.duration).unwrap_or_else(|| behaviour.duration()),
        outcome: match &own.outcome {
            Outcome::Succeed => everyone.outcome.clone(),
            other => other.clone(),
        },
    }
}

/// None of these locks is held while something can panic half way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
