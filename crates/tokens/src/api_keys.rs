use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use zoetrope_domain::{ApiKeyId, OwnerGeneration, UserId};
use zoetrope_redis::{CommandError, Redis, cmd};

use crate::{
    ApiKey, Caller, Credential, Role, Scopes,
    endings::Endings,
    log::{self, REMEMBERED_FOR},
    recent::Recent,
};

/// How long what Redis said of a key is believed.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// How long it is believed while Redis is away.
const KNOWN_FOR: Duration = Duration::from_secs(15 * 60);
const CACHED_KEYS: usize = 50_000;
/// How long the end of a key stays in Redis. Then nobody can be left who is about to publish the key as it was before.
const TOMBSTONE_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Stands where a key stood that was revoked.
const REVOKED: &str = "revoked";

/// What the services need to know of an API key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PublishedKey {
    pub user_id: UserId,
    /// Absent means the first.
    #[serde(default)]
    pub owner_generation: OwnerGeneration,
    pub username: String,
    pub scopes: Scopes,
    pub expires_at: Option<DateTime<Utc>>,
    #[serde(with = "hash_text")]
    pub secret_hash: Vec<u8>,
}

/// Why an API key lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyRefusal {
    /// It never existed, was revoked, or has expired.
    NotValid,
    /// Nobody can say now.
    Unavailable,
}

/// The API keys that are good. Cheap to clone.
///
/// `auth` keeps the truth in its own schema and publishes it in Redis: an entry for each key, and a mark that says that all of them are
/// there. Without the mark a key that is not found may be a good one. While Redis is away, keys that were used at this process within a
/// quarter of an hour go on, unless their end was heard of on the bus.
#[derive(Clone)]
pub(crate) struct ApiKeys {
    redis: Redis,
    endings: Endings,
    known: Arc<Recent<ApiKeyId, Known>>,
}

#[derive(Clone)]
struct Known {
    key: Arc<PublishedKey>,
    learned_at: Instant,
}

impl ApiKeys {
    pub(crate) fn new(redis: Redis, endings: Endings) -> Self {
        Self { redis, endings, known: Arc::new(Recent::new(CACHED_KEYS)) }
    }

    /// Who calls with this key.
    pub(crate) async fn identify(&self, text: &str, now: DateTime<Utc>) -> Result<Caller, KeyRefusal> {
        let presented = ApiKey::parse(text).ok_or(KeyRefusal::NotValid)?;
        let key = self.find(presented.id).await?;
        let is_over = key.expires_at.is_some_and(|expires_at| expires_at <= now);
        if !presented.matches(&key.secret_hash) || is_over {
            return Err(KeyRefusal::NotValid);
        }
        Ok(Caller {
            user_id: key.user_id,
            owner_generation: key.owner_generation,
            username: key.username.clone(),
            // What an administrator may do is not for programs that hold a key.
            role: Role::User,
            credential: Credential::ApiKey(presented.id),
            scopes: Some(key.scopes.clone()),
            expires_at: key.expires_at,
            signed_by: None,
        })
    }

    /// Whether the key was revoked, as far as is known.
    pub(crate) async fn is_revoked(&self, id: ApiKeyId) -> bool {
        self.find(id).await.is_err_and(|refusal| refusal == KeyRefusal::NotValid)
    }

    async fn find(&self, id: ApiKeyId) -> Result<Arc<PublishedKey>, KeyRefusal> {
        if self.endings.contain(Credential::ApiKey(id)) {
            return Err(KeyRefusal::NotValid);
        }
        let now = Instant::now();
        let known = self.known.get(&id, now);
        if let Some(known) = &known
            && now.duration_since(known.learned_at) < FRESH_FOR
        {
            return Ok(Arc::clone(&known.key));
        }
        let command = cmd("MGET").arg(self.key(id)).arg(self.mark()).to_owned();
        let mut said = self.redis.ask::<(Option<String>, Option<String>)>(command.clone()).await;
        if said.is_none() && known.is_none() {
            // Nothing is known to go on with, so a Redis that is only slow is worth waiting for.
            said = self.redis.tell(command).await.ok();
        }
        match said {
            None => known.map(|known| known.key).ok_or(KeyRefusal::Unavailable),
            Some((Some(text), _)) if text == REVOKED => {
                self.endings.note(Credential::ApiKey(id), REMEMBERED_FOR);
                Err(KeyRefusal::NotValid)
            }
            Some((Some(text), _)) => {
                let key: Arc<PublishedKey> = serde_json::from_str(&text).map(Arc::new).map_err(|_| KeyRefusal::NotValid)?;
                self.known.put(id, Known { key: Arc::clone(&key), learned_at: now }, KNOWN_FOR, now);
                Ok(key)
            }
            Some((None, Some(_))) => Err(KeyRefusal::NotValid),
            Some((None, None)) => Err(KeyRefusal::Unavailable),
        }
    }

    /// Publishes a key. One that was revoked meanwhile stays revoked.
    pub(crate) async fn publish(&self, id: ApiKeyId, key: &PublishedKey) -> Result<(), PublishError> {
        let mut command = cmd("SET");
        command.arg(self.key(id)).arg(serde_json::to_string(key)?).arg("NX");
        if let Some(expires_at) = key.expires_at {
            command.arg("PXAT").arg(expires_at.timestamp_millis());
        }
        // Nil where there is an entry already.
        let _: Option<String> = self.redis.tell(command).await?;
        Ok(())
    }

    pub(crate) async fn revoke(&self, id: ApiKeyId) -> Result<(), CommandError> {
        let credential = Credential::ApiKey(id);
        self.endings.note(credential, TOMBSTONE_FOR);
        log::end(&self.redis, credential, &self.key(id), REVOKED, TOMBSTONE_FOR).await
    }

    /// Whether Redis is known to hold all keys. `None`: it is away.
    pub(crate) async fn are_complete(&self) -> Option<bool> {
        self.redis.ask(cmd("EXISTS").arg(self.mark()).to_owned()).await
    }

    pub(crate) async fn mark_complete(&self) -> Result<(), CommandError> {
        self.redis.tell(cmd("SET").arg(self.mark()).arg(1).to_owned()).await
    }

    fn key(&self, id: ApiKeyId) -> String {
        self.redis.key(format_args!("api_key:{id}"))
    }

    fn mark(&self) -> String {
        self.redis.key("api_keys:complete")
    }
}

/// A key could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("an API key could not be written as JSON")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Redis(#[from] CommandError),
}

mod hash_text {
    use serde::{Deserializer, Serializer, de::Error};

    use super::*;

    pub fn serialize<S: Serializer>(hash: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(hash))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
