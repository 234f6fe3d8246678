use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use zoetrope_domain::SessionId;
use zoetrope_redis::{CommandError, Redis, cmd};

use crate::{
    Credential,
    endings::Endings,
    log::{self, REMEMBERED_FOR},
    recent::Recent,
};

/// How long the answer that a session goes on is believed.
const VALID_FOR: Duration = Duration::from_secs(1);
const CACHED_SESSIONS: usize = 50_000;

/// The sessions that ended before their tokens did. Cheap to clone.
///
/// The list lives in Redis; `auth` writes it and keeps the truth in its own schema. While Redis is away a session counts as valid
/// (a token lives on until it expires, unless its end was heard of on the bus), because nobody could work otherwise.
#[derive(Clone)]
pub(crate) struct Revocations {
    redis: Redis,
    endings: Endings,
    valid: Arc<Recent<SessionId, ()>>,
}

impl Revocations {
    pub(crate) fn new(redis: Redis, endings: Endings) -> Self {
        Self { redis, endings, valid: Arc::new(Recent::new(CACHED_SESSIONS)) }
    }

    /// Whether the session was revoked, as far as Redis can tell within 100 ms; an answer is up to 1 s old.
    pub(crate) async fn is_revoked(&self, session: SessionId) -> bool {
        if self.endings.contain(Credential::Session(session)) {
            return true;
        }
        if self.valid.get(&session, Instant::now()).is_some() {
            return false;
        }
        match self.redis.ask(cmd("EXISTS").arg(self.key(session)).to_owned()).await {
            Some(true) => {
                self.endings.note(Credential::Session(session), REMEMBERED_FOR);
                true
            }
            Some(false) => {
                self.valid.put(session, (), VALID_FOR, Instant::now());
                false
            }
            None => false,
        }
    }

    /// Puts the session on the list for `lifetime`: until the last of its tokens has expired.
    pub(crate) async fn revoke(&self, session: SessionId, lifetime: Duration) -> Result<(), CommandError> {
        let credential = Credential::Session(session);
        self.endings.note(credential, lifetime.max(REMEMBERED_FOR));
        log::end(&self.redis, credential, &self.key(session), "1", lifetime).await
    }

    fn key(&self, session: SessionId) -> String {
        self.redis.key(format_args!("revoked:{session}"))
    }
}
