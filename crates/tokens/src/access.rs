use std::time::Duration;

use chrono::{DateTime, Utc};
use zoetrope_domain::{ApiKeyId, SessionId};
use zoetrope_redis::{CommandError, Redis};

use crate::{
    ApiKey, Caller, Credential, PublishError, PublishedKey, TokenError, Verifier, Watch,
    api_keys::{ApiKeys, KeyRefusal},
    endings::Endings,
    revocations::Revocations,
    uses::Uses,
};

/// Who may come in: tokens, the sessions that they belong to, and API keys. Cheap to clone.
#[derive(Clone)]
pub struct Access {
    pub(crate) verifier: Verifier,
    revocations: Revocations,
    keys: ApiKeys,
    pub(crate) endings: Endings,
    pub(crate) uses: Uses,
    pub(crate) redis: Redis,
}

/// Why somebody does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("this session has ended")]
    SessionEnded,
    #[error("the API key is not valid")]
    ApiKey,
    #[error("API keys cannot be checked now")]
    Unavailable,
}

impl Refusal {
    /// To a caller whose credential somebody has ended.
    pub fn of_ended(credential: Credential) -> Self {
        match credential {
            Credential::Session(_) => Self::SessionEnded,
            Credential::ApiKey(_) => Self::ApiKey,
        }
    }
}

impl Access {
    pub fn new(verifier: Verifier, redis: Redis) -> Self {
        let endings = Endings::new();
        Self {
            verifier,
            revocations: Revocations::new(redis.clone(), endings.clone()),
            keys: ApiKeys::new(redis.clone(), endings.clone()),
            endings,
            uses: Uses::new(redis.clone()),
            redis,
        }
    }

    /// Who presents this token or API key.
    pub async fn identify(&self, presented: &str, now: DateTime<Utc>) -> Result<Caller, Refusal> {
        let caller = if ApiKey::is_meant_by(presented) {
            self.keys.identify(presented, now).await.map_err(|refusal| match refusal {
                KeyRefusal::NotValid => Refusal::ApiKey,
                KeyRefusal::Unavailable => Refusal::Unavailable,
            })?
        } else {
            let (claims, signed_by) = self.verifier.verify_signed(presented, now)?;
            if self.revocations.is_revoked(claims.session_id).await {
                return Err(Refusal::SessionEnded);
            }
            Caller::of_token(claims, signed_by)
        };
        self.uses.note(caller.credential, now);
        Ok(caller)
    }

    /// Whether somebody has ended it, as far as is known. One that has expired has not been ended.
    pub async fn has_ended(&self, credential: Credential) -> bool {
        match credential {
            Credential::Session(session) => self.revocations.is_revoked(session).await,
            Credential::ApiKey(key) => self.keys.is_revoked(key).await,
        }
    }

    /// For what goes on after it was let in, such as an open connection.
    pub fn watch(&self, caller: &Caller) -> Watch {
        let watch = self.endings.watch(caller.credential, caller.signed_by.clone());
        // The key may have gone before anybody watched.
        if caller.signed_by.as_ref().is_some_and(|key| !self.verifier.knows(key)) {
            self.end_what_lost_its_key();
        }
        watch
    }

    /// Ends what is open and was let in with a token whose key has gone.
    pub(crate) fn end_what_lost_its_key(&self) {
        self.endings.end_keys(|key| self.verifier.knows(key));
    }
}

/// What `auth` alone does: it tells the others.
impl Access {
    /// Ends the session for all services, for `lifetime`: until the last of its tokens has expired.
    pub async fn revoke_session(&self, session: SessionId, lifetime: Duration) -> Result<(), CommandError> {
        self.revocations.revoke(session, lifetime).await
    }

    /// Lets the key be used at all services. One that was revoked meanwhile stays revoked.
    pub async fn publish_key(&self, key: ApiKeyId, published: &PublishedKey) -> Result<(), PublishError> {
        self.keys.publish(key, published).await
    }

    /// Ends the key for all services.
    pub async fn revoke_key(&self, key: ApiKeyId) -> Result<(), CommandError> {
        self.keys.revoke(key).await
    }

    /// Whether Redis holds all keys; it has lost them when it was set up anew. `None`: it is away.
    pub async fn keys_are_published(&self) -> Option<bool> {
        self.keys.are_complete().await
    }

    /// Says that Redis holds all keys.
    pub async fn mark_keys_published(&self) -> Result<(), CommandError> {
        self.keys.mark_complete().await
    }

    /// When credentials were used, as far as it was not fetched before.
    pub async fn take_uses(&self) -> Vec<(Credential, DateTime<Utc>)> {
        self.uses.take().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use secrecy::ExposeSecret;
    use uuid::Uuid;
    use zoetrope_redis::RedisSettings;

    use super::*;
    use crate::verifier::tests::verifier;

    /// Nothing listens there.
    fn away() -> Access {
        let redis = RedisSettings { url: "redis://127.0.0.1:1/0".into(), key_prefix: String::new() };
        Access::new(verifier(), Redis::connect(&redis).unwrap())
    }

    fn session(number: u128) -> SessionId {
        SessionId::new(Uuid::from_u128(number))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn without_redis_sessions_count_as_valid_and_nobody_waits() {
        let access = away();
        let started = Instant::now();
        for number in 0..100 {
            assert!(!access.has_ended(Credential::Session(session(number))).await);
        }
        assert!(started.elapsed() < Duration::from_secs(2), "each of them waited");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_revokes_knows_it_without_redis() {
        let access = away();
        let watch = access.endings.watch(Credential::Session(session(1)), None);
        let outcome = access.revoke_session(session(1), Duration::from_secs(60)).await;
        assert!(matches!(outcome, Err(CommandError::Redis(_))));
        assert!(access.has_ended(Credential::Session(session(1))).await);
        assert!(!access.has_ended(Credential::Session(session(2))).await);
        watch.ended().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn without_redis_nobody_knows_an_unknown_key_but_noise_is_refused() {
        let access = away();
        let key = ApiKey::generate().unwrap();
        let refusal = access.identify(key.reveal().expose_secret(), Utc::now()).await;
        assert_eq!(refusal, Err(Refusal::Unavailable));
        assert_eq!(access.identify("sk-noise", Utc::now()).await, Err(Refusal::ApiKey));
        assert_eq!(access.identify("noise", Utc::now()).await, Err(Refusal::Token(TokenError::Invalid)));
        assert!(access.revoke_key(key.id).await.is_err());
        assert_eq!(access.identify(key.reveal().expose_secret(), Utc::now()).await, Err(Refusal::ApiKey));
    }
}
