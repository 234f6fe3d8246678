use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use zoetrope_domain::SessionId;
use zoetrope_redis::{CommandError, Redis, cmd};

use crate::recent::Recent;

/// How late another process's revocation may be seen here.
const VALID_FOR: Duration = Duration::from_secs(2);
/// A revocation is final, so this only bounds memory.
const REVOKED_FOR: Duration = Duration::from_secs(15 * 60);
const CACHED_SESSIONS: usize = 50_000;

/// The sessions that ended before their tokens did. Cheap to clone.
///
/// The list lives in Redis; `auth` writes it and keeps the truth in its own schema. While Redis is away a session counts as valid
/// (a token lives on until it expires), because nobody could work otherwise.
#[derive(Clone)]
pub struct Revocations {
    redis: Redis,
    recent: Arc<Recent<SessionId, bool>>,
}

impl Revocations {
    pub fn new(redis: Redis) -> Self {
        Self { redis, recent: Arc::new(Recent::new(CACHED_SESSIONS)) }
    }

    /// Whether the session was revoked, as far as Redis can tell within 100 ms; an answer is up to 2 s old.
    pub async fn is_revoked(&self, session: SessionId) -> bool {
        if let Some(answer) = self.recent.get(&session, Instant::now()) {
            return answer;
        }
        match self.redis.ask(cmd("EXISTS").arg(self.key(session)).to_owned()).await {
            Some(revoked) => {
                let lifetime = if revoked { REVOKED_FOR } else { VALID_FOR };
                self.recent.put(session, revoked, lifetime, Instant::now());
                revoked
            }
            None => false,
        }
    }

    /// Puts the session on the list for `lifetime`: until the last of its tokens has expired.
    pub async fn revoke(&self, session: SessionId, lifetime: Duration) -> Result<(), CommandError> {
        self.recent.put(session, true, REVOKED_FOR, Instant::now());
        self.redis.tell(cmd("SETEX").arg(self.key(session)).arg(lifetime.as_secs().max(1)).arg(1).to_owned()).await
    }

    fn key(&self, session: SessionId) -> String {
        self.redis.key(format_args!("revoked:{session}"))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use zoetrope_redis::RedisSettings;

    use super::*;

    /// Nothing listens there.
    fn away() -> Revocations {
        let settings = RedisSettings { url: "redis://127.0.0.1:1/0".into(), key_prefix: String::new() };
        Revocations::new(Redis::connect(&settings).unwrap())
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
        assert!(started.elapsed() < Duration::from_secs(2), "each of them waited");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_revokes_knows_it_without_redis() {
        let revocations = away();
        let outcome = revocations.revoke(session(1), Duration::from_secs(60)).await;
        assert!(matches!(outcome, Err(CommandError::Redis(_))));
        assert!(revocations.is_revoked(session(1)).await);
        assert!(!revocations.is_revoked(session(2)).await);
    }
}
