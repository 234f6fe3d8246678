use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use zoetrope_redis::{Redis, Script, cmd};

use crate::Credential;

/// Credentials whose last use may wait to be written.
const MOST_WAITING: usize = 50_000;

static TAKE: LazyLock<Script> =
    LazyLock::new(|| Script::new("local all = redis.call('HGETALL', KEYS[1]) redis.call('DEL', KEYS[1]) return all"));

/// When credentials were last used. Cheap to clone.
///
/// Each process notes it in memory and now and then writes all of it to Redis with one command, where `auth` fetches it. It is for the eyes of
/// their owners: what is lost with a process or with Redis is not missed.
#[derive(Clone)]
pub(crate) struct Uses {
    redis: Redis,
    waiting: Arc<Mutex<HashMap<Credential, DateTime<Utc>>>>,
}

impl Uses {
    pub(crate) fn new(redis: Redis) -> Self {
        Self { redis, waiting: Arc::default() }
    }

    pub(crate) fn note(&self, credential: Credential, now: DateTime<Utc>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST_WAITING || waiting.contains_key(&credential) {
            waiting.insert(credential, now);
        }
    }

    /// Writes what was noted since the last time.
    pub(crate) async fn flush(&self) {
        let noted = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if noted.is_empty() {
            return;
        }
        let mut command = cmd("HSET");
        command.arg(self.key());
        for (credential, used_at) in noted {
            command.arg(credential.to_string()).arg(used_at.timestamp_millis());
        }
        // The next use writes it again.
        let _: Option<i64> = self.redis.ask(command).await;
    }

    /// What all processes have written since the last time. Nothing while Redis is away.
    pub(crate) async fn take(&self) -> Vec<(Credential, DateTime<Utc>)> {
        let taken = self.redis.run::<HashMap<String, i64>>(&TAKE, &[self.key()], Vec::<&str>::new()).await.unwrap_or_default();
        let read =
            |(credential, used_at): (String, i64)| Some((credential.parse().ok()?, DateTime::from_timestamp_millis(used_at)?));
        taken.into_iter().filter_map(read).collect()
    }

    fn key(&self) -> String {
        self.redis.key("last_used")
    }
}
