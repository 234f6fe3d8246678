use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use redis::{
    AsyncCommands, Client,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::{runtime::Handle, time::timeout};
use zoetrope_domain::SessionId;

use crate::recent::Recent;

/// What a request may wait for Redis.
const PATIENCE: Duration = Duration::from_millis(100);
/// How late another process's revocation may be seen here.
const VALID_FOR: Duration = Duration::from_secs(2);
/// A revocation is final, so this only bounds memory.
const REVOKED_FOR: Duration = Duration::from_secs(15 * 60);
/// After a failure, how long Redis is not asked: requests must not each wait in vain.
const PAUSE: Duration = Duration::from_secs(1);
const CACHED_SESSIONS: usize = 50_000;

/// Where Redis is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisSettings {
    /// `redis://[:password@]host:port/database`, or `rediss://` for TLS.
    pub url: SecretString,
    /// Put before every key, so that several installations can share a server.
    #[serde(default = "default_key_prefix")]
    pub key_prefix: String,
}

fn default_key_prefix() -> String {
    "zoetrope:".to_owned()
}

/// The list of revoked sessions could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RevocationError {
    #[error("redis.url is not a Redis address")]
    Url(#[source] redis::RedisError),
    #[error("Redis did not take the revocation")]
    Redis(#[source] redis::RedisError),
    #[error("the process ended before Redis answered")]
    Interrupted,
}

/// The sessions that ended before their tokens did. Cheap to clone.
///
/// The list lives in Redis; `auth` writes it and keeps the truth in its own schema. While Redis is away a session counts as valid
/// (a token lives on until it expires), because nobody could work otherwise.
#[derive(Clone)]
pub struct Revocations(Arc<Inner>);

struct Inner {
    redis: ConnectionManager,
    key_prefix: String,
    /// Commands run here and not on the caller's runtime: the connection then outlives an HTTP worker and a request that was dropped.
    runtime: Handle,
    recent: Recent<SessionId>,
    paused_until: Mutex<Option<Instant>>,
    /// Whether the last command failed, so that an outage is logged once.
    away: AtomicBool,
}

impl Revocations {
    /// Prepares the connection; Redis may be away. Must be called on the main runtime.
    pub fn connect(settings: &RedisSettings) -> Result<Self, RevocationError> {
        let client = Client::open(settings.url.expose_secret()).map_err(RevocationError::Url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_response_timeout(Some(Duration::from_secs(1)))
            .set_number_of_retries(0);
        let redis = ConnectionManager::new_lazy_with_config(client, config).map_err(RevocationError::Url)?;
        Ok(Self(Arc::new(Inner {
            redis,
            key_prefix: settings.key_prefix.clone(),
            runtime: Handle::current(),
            recent: Recent::new(CACHED_SESSIONS),
            paused_until: Mutex::new(None),
            away: AtomicBool::new(false),
        })))
    }

    /// Whether the session was revoked, as far as Redis can tell within 100 ms; an answer is up to 2 s old.
    pub async fn is_revoked(&self, session: SessionId) -> bool {
        let inner = &self.0;
        let now = Instant::now();
        if let Some(answer) = inner.recent.get(&session, now) {
            return answer;
        }
        if inner.is_paused(now) {
            return false;
        }
        let lookup = Arc::clone(inner);
        match timeout(PATIENCE, inner.runtime.spawn(async move { lookup.look_up(session).await })).await {
            Ok(Ok(revoked)) => revoked,
            Ok(Err(_)) | Err(_) => {
                inner.pause();
                false
            }
        }
    }

    /// Puts the session on the list for `lifetime`: until the last of its tokens has expired.
    pub async fn revoke(&self, session: SessionId, lifetime: Duration) -> Result<(), RevocationError> {
        self.0.recent.put(session, true, REVOKED_FOR, Instant::now());
        let inner = Arc::clone(&self.0);
        let writing = self.0.runtime.spawn(async move {
            let mut redis = inner.redis.clone();
            let outcome = redis.set_ex::<_, _, ()>(inner.key(session), 1, lifetime.as_secs().max(1)).await;
            inner.note(&outcome);
            outcome
        });
        writing.await.map_err(|_| RevocationError::Interrupted)?.map_err(RevocationError::Redis)
    }
}

impl Inner {
    async fn look_up(&self, session: SessionId) -> bool {
        let mut redis = self.redis.clone();
        let outcome = redis.exists::<_, bool>(self.key(session)).await;
        self.note(&outcome);
        match outcome {
            Ok(revoked) => {
                let lifetime = if revoked { REVOKED_FOR } else { VALID_FOR };
                self.recent.put(session, revoked, lifetime, Instant::now());
                revoked
            }
            Err(_) => {
                self.pause();
                false
            }
        }
    }

    fn note<T>(&self, outcome: &Result<T, redis::RedisError>) {
        let was_away = self.away.swap(outcome.is_err(), Ordering::Relaxed);
        match outcome {
            Err(error) if !was_away => tracing::warn!(%error, "Redis is away: revoked sessions are not known"),
            Ok(_) if was_away => tracing::info!("Redis is back"),
            Ok(_) | Err(_) => {}
        }
    }

    fn key(&self, session: SessionId) -> String {
        format!("{}revoked:{session}", self.key_prefix)
    }

    fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| now < until)
    }

    fn pause(&self) {
        *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// Nothing listens there.
    fn away() -> Revocations {
        let settings = RedisSettings { url: "redis://127.0.0.1:1/0".into(), key_prefix: default_key_prefix() };
        Revocations::connect(&settings).unwrap()
    }

    fn session(number: u128) -> SessionId {
        SessionId::new(Uuid::from_u128(number))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn without_redis_sessions_count_as_valid_and_nobody_waits() {
        let revocations = away();
        let started = Instant::now();
        for number in 0..100 {
            assert!(!revocations.is_revoked(session(number)).await);
        }
        assert!(started.elapsed() < 2 * PAUSE, "each of them waited");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_revokes_knows_it_without_redis() {
        let revocations = away();
        let outcome = revocations.revoke(session(1), Duration::from_secs(60)).await;
        assert!(matches!(outcome, Err(RevocationError::Redis(_))));
        assert!(revocations.is_revoked(session(1)).await);
        assert!(!revocations.is_revoked(session(2)).await);
    }

    #[test]
    fn an_address_that_is_none_stops_the_start() {
        let settings = RedisSettings { url: "http://redis".into(), key_prefix: String::new() };
        assert!(matches!(Revocations::connect(&settings), Err(RevocationError::Url(_))));
    }
}
