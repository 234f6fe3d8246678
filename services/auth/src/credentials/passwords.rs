use std::{sync::Arc, time::Duration};

use anyhow::Context;
use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::{self, phc},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use crate::settings::PasswordSettings;

/// No password was hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("too many sign-ins wait for their turn")]
    Busy,
    #[error("the password could not be hashed")]
    Hash(#[source] password_hash::Error),
    #[error("a stored password hash cannot be read")]
    Unreadable(#[source] phc::Error),
    #[error("hashing was cut off")]
    Interrupted,
}

/// Hashes passwords with Argon2id and checks them, a bounded number at a time and off the HTTP workers. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    /// What a password is compared with when there is no such user, so that it takes as long as if there were.
    nobody: Arc<str>,
    turns: Arc<Semaphore>,
    patience: Duration,
}

impl Passwords {
    /// Takes as long as hashing one password.
    pub fn new(settings: &PasswordSettings) -> anyhow::Result<Self> {
        let params = Params::new(settings.memory_kib, settings.iterations, settings.parallelism, None)
            .context("passwords: Argon2id does not work with these costs")?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = argon2.hash_password(b"nobody").context("passwords: hashing failed")?.to_string().into();
        Ok(Self {
            argon2,
            nobody,
            turns: Arc::new(Semaphore::new(settings.max_concurrent.get())),
            patience: Duration::from_secs(settings.max_wait_seconds.into()),
        })
    }

    /// The hash to store, with its salt and its costs.
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        let argon2 = self.argon2.clone();
        self.in_turn(move || {
            let hash = argon2.hash_password(password.expose_secret().as_bytes()).map_err(PasswordError::Hash)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password is the one of the stored hash. `None` is no user, and false.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<bool, PasswordError> {
        let argon2 = self.argon2.clone();
        let nobody = Arc::clone(&self.nobody);
        self.in_turn(move || {
            let hash = PasswordHash::new(stored.as_deref().unwrap_or(&nobody)).map_err(PasswordError::Unreadable)?;
            match argon2.verify_password(password.expose_secret().as_bytes(), &hash) {
                Ok(()) => Ok(stored.is_some()),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(PasswordError::Hash(error)),
            }
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let turn = match timeout(self.patience, Arc::clone(&self.turns).acquire_owned()).await {
            Ok(turn) => turn.map_err(|_| PasswordError::Interrupted)?,
            Err(_) => return Err(PasswordError::Busy),
        };
        // The turn goes along: the work runs on when the request is dropped, and must count as long as it runs.
        let hashing = spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        hashing.await.map_err(|_| PasswordError::Interrupted)?
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    fn cheap() -> PasswordSettings {
        PasswordSettings { memory_kib: 64, iterations: 1, max_concurrent: NonZeroUsize::MIN, ..PasswordSettings::default() }
    }

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let passwords = Passwords::new(&cheap()).unwrap();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("battery staple".into(), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn two_hashes_of_a_password_differ() {
        let passwords = Passwords::new(&cheap()).unwrap();
        assert_ne!(passwords.hash("same".into()).await.unwrap(), passwords.hash("same".into()).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let passwords = Passwords::new(&cheap()).unwrap();
        assert!(!passwords.verify("nobody".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn known_hashes_outlive_a_change_of_costs() {
        let hash = Passwords::new(&cheap()).unwrap().hash("secret".into()).await.unwrap();
        let dearer = Passwords::new(&PasswordSettings { iterations: 2, ..cheap() }).unwrap();
        assert!(dearer.verify("secret".into(), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn who_waits_too_long_is_told_so() {
        let passwords = Passwords::new(&PasswordSettings { max_wait_seconds: 0, ..cheap() }).unwrap();
        let _taken = Arc::clone(&passwords.turns).acquire_owned().await.unwrap();
        assert!(matches!(passwords.hash("secret".into()).await, Err(PasswordError::Busy)));
    }

    #[test]
    fn impossible_costs_stop_the_start() {
        assert!(Passwords::new(&PasswordSettings { memory_kib: 1, ..cheap() }).is_err());
    }
}
