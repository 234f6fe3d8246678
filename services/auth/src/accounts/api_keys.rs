use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use tokio::time::timeout;
use zoetrope_domain::{ApiKeyId, SessionId, UserId};
use zoetrope_service::run_to_end;
use zoetrope_tokens::{ApiKey, PublishedKey, Scopes};

use super::{AccountError, Accounts, Device, Evidence, SecurityEvent, register::now, sign_out::ANNOUNCE_PATIENCE};
use crate::{
    rules::api_key::KeyWish,
    store::{
        api_keys::{self, Standing},
        security_events,
    },
};

/// What the making of a key waits for Redis, so that the key is good when its owner has it.
const PUBLISH_PATIENCE: Duration = Duration::from_secs(1);
/// Enough for a key per program, and not for a key per request.
const MOST_KEYS: i64 = 100;

/// An API key as its owner sees it.
#[derive(Debug, Clone)]
pub struct KeyCard {
    pub id: ApiKeyId,
    pub name: String,
    /// The beginning of the key.
    pub prefix: String,
    pub scopes: Scopes,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    /// To within some seconds.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A key that was just made, with its text, which is told once.
pub struct NewKey {
    pub card: KeyCard,
    pub text: SecretString,
}

impl Accounts {
    /// The user's keys that were not revoked, the newest first.
    pub async fn api_keys(&self, user: UserId) -> Result<Vec<KeyCard>, AccountError> {
        let mut connection = self.0.database.connection().await?;
        Ok(api_keys::of_user(&mut connection, user).await?)
    }

    /// Makes a key for the user of the session.
    pub async fn create_api_key(&self, session: SessionId, wish: KeyWish, device: Device) -> Result<NewKey, AccountError> {
        let accounts = self.clone();
        run_to_end(async move { accounts.store_api_key(session, wish, device).await }).await
    }

    async fn store_api_key(&self, session: SessionId, wish: KeyWish, device: Device) -> Result<NewKey, AccountError> {
        let key = ApiKey::generate().map_err(|_| AccountError::Randomness)?;
        let KeyWish { name, scopes, expires_at } = wish;
        let card = KeyCard { id: key.id, name, prefix: key.shown(), scopes, created_at: now(), expires_at, last_used_at: None };
        let secret_hash = key.secret_hash();
        let user = self
            .0
            .database
            .transaction("create_api_key", async |connection| {
                // Whatever ends all keys of a user ends the sessions as well: none that has ended makes another key.
                let acting = Evidence::session(session).check(connection).await?;
                if api_keys::count(connection, acting.user.id).await? >= MOST_KEYS {
                    return Err(AccountError::TooManyKeys);
                }
                api_keys::insert(connection, &acting, &card, &secret_hash).await?;
                let event = SecurityEvent::ApiKeyCreated(card.id);
                security_events::record(connection, acting.user.id, event, Some(&device), card.created_at).await?;
                Ok::<_, AccountError>(acting.user.clone())
            })
            .await?;
        tracing::info!(user_id = %user.id, api_key_id = %card.id, "API key created");
        let published = PublishedKey {
            user_id: user.id,
            owner_generation: user.generation,
            username: user.username,
            scopes: card.scopes.clone(),
            expires_at: card.expires_at,
            secret_hash,
        };
        // If Redis does not take it in time, housekeeping brings it later.
        if let Ok(Ok(())) = timeout(PUBLISH_PATIENCE, self.0.access.publish_key(card.id, &published)).await {
            self.note_announced(card.id, &Standing::Good(published)).await;
        }
        Ok(NewKey { card, text: key.reveal() })
    }

    /// Ends a key of the session's user.
    pub async fn revoke_api_key(&self, session: SessionId, key: ApiKeyId, device: Device) -> Result<(), AccountError> {
        let accounts = self.clone();
        run_to_end(async move {
            let revoked = accounts
                .0
                .database
                .transaction("revoke_api_key", async |connection| {
                    let acting = Evidence::session(session).check(connection).await?;
                    let revoked = api_keys::revoke_own(connection, &acting, key, now()).await?;
                    if !revoked.is_empty() {
                        let event = SecurityEvent::ApiKeyRevoked(key);
                        security_events::record(connection, acting.user.id, event, Some(&device), now()).await?;
                    }
                    Ok::<_, AccountError>(revoked)
                })
                .await?;
            if revoked.is_empty() {
                return Err(AccountError::Unknown("API key"));
            }
            accounts.0.relay.wake();
            tracing::info!(api_key_id = %key, "API key revoked");
            accounts.announce_revoked_key(key).await;
            Ok(())
        })
        .await
    }

    /// If Redis does not take it in time, housekeeping brings it later.
    pub(super) async fn announce_revoked_key(&self, key: ApiKeyId) {
        if let Ok(Ok(())) = timeout(ANNOUNCE_PATIENCE, self.0.access.revoke_key(key)).await {
            self.note_announced(key, &Standing::Revoked).await;
        }
    }

    /// Saves housekeeping the work. If it fails, housekeeping does it once more.
    async fn note_announced(&self, key: ApiKeyId, standing: &Standing) {
        let Ok(mut connection) = self.0.database.connection().await else { return };
        if let Err(error) = api_keys::mark_announced(&mut connection, key, standing, now()).await {
            tracing::debug!(error = &error as &dyn std::error::Error, api_key_id = %key, "the key is announced once more");
        }
    }
}
