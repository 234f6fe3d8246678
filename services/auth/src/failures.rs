//! Wrong passwords and codes, for the security events of their accounts.
//!
//! They are collected in memory and written down once a second: a try at an account that exists must not take longer than one at an
//! account that does not, and whoever guesses must not keep the database busy, or fill it. All of an account and an hour are one row.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use zoetrope_domain::UserId;
use zoetrope_postgres::{Database, DatabaseError};

use crate::{accounts::Device, store::security_events};

const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Accounts whose failures may wait while Postgres is away. Those of more are counted by the lock-out alone.
const MOST_WAITING: usize = 10_000;

/// Failures of an account that are not written down yet.
#[derive(Debug, Clone)]
pub struct Failed {
    pub count: i32,
    pub last_at: DateTime<Utc>,
    /// Of the last.
    pub device: Device,
}

/// What waits to be written down. Cheap to clone.
#[derive(Clone, Default)]
pub struct Failures(Arc<Mutex<HashMap<UserId, Failed>>>);

impl Failures {
    /// Somebody tried to be this user and was not.
    pub fn note(&self, user: UserId, device: &Device, now: DateTime<Utc>) {
        self.add(user, Failed { count: 1, last_at: now, device: device.clone() });
    }

    fn add(&self, user: UserId, failed: Failed) {
        let mut waiting = self.waiting();
        let is_full = waiting.len() >= MOST_WAITING;
        match waiting.entry(user) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                let count = known.count.saturating_add(failed.count);
                if failed.last_at >= known.last_at {
                    *known = failed;
                }
                known.count = count;
            }
            Entry::Vacant(_) if is_full => {}
            Entry::Vacant(place) => {
                place.insert(failed);
            }
        }
    }

    /// Writes them down until `stopping`, and what is left then.
    pub async fn run(self, database: Database, stopping: CancellationToken) -> anyhow::Result<()> {
        let mut ticks = interval(WRITE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
            self.write(&database).await;
        }
        self.write(&database).await;
        Ok(())
    }

    async fn write(&self, database: &Database) {
        let waiting: Vec<(UserId, Failed)> = std::mem::take(&mut *self.waiting()).into_iter().collect();
        if waiting.is_empty() {
            return;
        }
        if let Err(error) = store(database, &waiting).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "failed sign-ins wait to be written down");
            for (user, failed) in waiting {
                self.add(user, failed);
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<UserId, Failed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn store(database: &Database, failures: &[(UserId, Failed)]) -> Result<(), DatabaseError> {
    security_events::add_failures(&mut *database.connection().await?, failures).await
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn failures_of_an_account_are_one_and_the_last_is_told() {
        let (failures, user) = (Failures::default(), UserId::new(Uuid::from_u128(1)));
        let device = |number| Device { name: None, address: Ipv4Addr::new(192, 0, 2, number).into() };
        let at = |seconds: i64| DateTime::from_timestamp(1_763_700_000 + seconds, 0).unwrap();
        failures.note(user, &device(1), at(0));
        failures.note(user, &device(2), at(2));
        // Put back after a database that was away.
        failures.add(user, Failed { count: 5, last_at: at(1), device: device(3) });
        let waiting = failures.waiting();
        assert_eq!((waiting[&user].count, waiting[&user].last_at, waiting[&user].device.address), (7, at(2), device(2).address));
    }

    #[test]
    fn there_is_a_bound_to_them() {
        let failures = Failures::default();
        let device = Device { name: None, address: Ipv4Addr::LOCALHOST.into() };
        for number in 0..=MOST_WAITING as u128 {
            failures.note(UserId::new(Uuid::from_u128(number)), &device, DateTime::UNIX_EPOCH);
        }
        assert_eq!(failures.waiting().len(), MOST_WAITING);
    }
}
