use std::{sync::Arc, time::Duration};

use anyhow::Context;
use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::{self, phc},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::Semaphore,
    task::spawn_blocking,
    time::{Instant, timeout},
};

use crate::{metrics, settings::PasswordSettings};

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

/// What a password turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Checked {
    Wrong,
    Right {
        /// Its hash at the present costs, when the stored one was made at others.
        renewed: Option<String>,
    },
}

/// Hashes passwords with Argon2id and checks them, a bounded number at a time and off the HTTP workers. A bounded number waits. Cheap to
/// clone.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    /// What a password is compared with when there is no such user, so that it takes as long as if there were.
    nobody: Arc<PasswordHash>,
    /// For those who wait and those who have their turn.
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    patience: Duration,
}

impl Passwords {
    /// Takes as long as hashing one password.
    pub fn new(settings: &PasswordSettings) -> anyhow::Result<Self> {
        let params = Params::new(settings.memory_kib, settings.iterations, settings.parallelism, None)
            .context("passwords: Argon2id does not work with these costs")?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = argon2.hash_password(b"nobody").context("passwords: hashing failed")?.into();
        let turns = settings.max_concurrent.get();
        Ok(Self {
            argon2,
            nobody,
            places: Arc::new(Semaphore::new(turns.saturating_add(settings.max_waiting).min(Semaphore::MAX_PERMITS))),
            turns: Arc::new(Semaphore::new(turns.min(Semaphore::MAX_PERMITS))),
            patience: Duration::from_secs(settings.max_wait_seconds.into()),
        })
    }

    /// The hash to store, with its salt and its costs.
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        let hasher = self.clone();
        self.in_turn(move || hasher.hash_now(&password)).await
    }

    /// Whether the password is the one of the stored hash. `None` is no user, and wrong.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<Checked, PasswordError> {
        let hasher = self.clone();
        self.in_turn(move || hasher.verify_now(&password, stored.as_deref())).await
    }

    fn hash_now(&self, password: &SecretString) -> Result<String, PasswordError> {
        let hash = self.argon2.hash_password(password.expose_secret().as_bytes()).map_err(PasswordError::Hash)?;
        Ok(hash.to_string())
    }

    fn verify_now(&self, password: &SecretString, stored: Option<&str>) -> Result<Checked, PasswordError> {
        let stored = stored.map(PasswordHash::new).transpose().map_err(PasswordError::Unreadable)?;
        let compared = stored.as_ref().unwrap_or(&self.nobody);
        match self.argon2.verify_password(password.expose_secret().as_bytes(), compared) {
            Ok(()) if stored.is_none() => Ok(Checked::Wrong),
            Ok(()) if self.is_present(compared) => Ok(Checked::Right { renewed: None }),
            Ok(()) => Ok(Checked::Right { renewed: Some(self.hash_now(password)?) }),
            Err(password_hash::Error::PasswordInvalid) => Ok(Checked::Wrong),
            Err(error) => Err(PasswordError::Hash(error)),
        }
    }

    /// Whether it was made as hashes are made now.
    fn is_present(&self, hash: &PasswordHash) -> bool {
        let made = |hash: &PasswordHash| (hash.algorithm, hash.version, hash.params.clone());
        made(hash) == made(&self.nobody)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let came = Instant::now();
        let busy = || {
            metrics::password_refused();
            PasswordError::Busy
        };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        let turn = match timeout(self.patience, Arc::clone(&self.turns).acquire_owned()).await {
            Ok(turn) => turn.map_err(|_| PasswordError::Interrupted)?,
            Err(_) => return Err(busy()),
        };
        metrics::password_waited(came.elapsed());
        // Both go along: the work runs on when the request is dropped, and must count as long as it runs.
        let hashing = spawn_blocking(move || {
            let result = work();
            drop((turn, place));
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

    const RIGHT: Checked = Checked::Right { renewed: None };

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let passwords = Passwords::new(&cheap()).unwrap();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert_eq!(passwords.verify("correct horse".into(), Some(hash.clone())).await.unwrap(), RIGHT);
        assert_eq!(passwords.verify("battery staple".into(), Some(hash)).await.unwrap(), Checked::Wrong);
    }

    #[tokio::test]
    async fn two_hashes_of_a_password_differ() {
        let passwords = Passwords::new(&cheap()).unwrap();
        assert_ne!(passwords.hash("same".into()).await.unwrap(), passwords.hash("same".into()).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let passwords = Passwords::new(&cheap()).unwrap();
        assert_eq!(passwords.verify("nobody".into(), None).await.unwrap(), Checked::Wrong);
    }

    #[tokio::test]
    async fn a_right_password_is_hashed_anew_after_a_change_of_costs() {
        let hash = Passwords::new(&cheap()).unwrap().hash("known".into()).await.unwrap();
        let dearer = Passwords::new(&PasswordSettings { iterations: 2, ..cheap() }).unwrap();
        assert_eq!(dearer.verify("unknown".into(), Some(hash.clone())).await.unwrap(), Checked::Wrong);
        let Checked::Right { renewed: Some(renewed) } = dearer.verify("known".into(), Some(hash)).await.unwrap() else {
            panic!("not renewed")
        };
        assert!(renewed.starts_with("$argon2id$v=19$m=64,t=2,p=1$"), "{renewed}");
        assert_eq!(dearer.verify("known".into(), Some(renewed)).await.unwrap(), RIGHT);
    }

    #[tokio::test]
    async fn who_waits_too_long_is_told_so() {
        let passwords = Passwords::new(&PasswordSettings { max_wait_seconds: 0, ..cheap() }).unwrap();
        let _taken = Arc::clone(&passwords.turns).acquire_owned().await.unwrap();
        assert!(matches!(passwords.hash("known".into()).await, Err(PasswordError::Busy)));
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_does_not_wait() {
        let passwords = Passwords::new(&PasswordSettings { max_waiting: 1, ..cheap() }).unwrap();
        let turn = Arc::clone(&passwords.turns).acquire_owned().await.unwrap();
        let place = Arc::clone(&passwords.places).acquire_owned().await.unwrap();
        let waits = passwords.hash("first".into());
        tokio::pin!(waits);
        assert!(timeout(Duration::from_millis(1), &mut waits).await.is_err());
        assert!(matches!(passwords.hash("second".into()).await, Err(PasswordError::Busy)));
        drop((turn, place));
        assert!(waits.await.is_ok());
        assert_eq!(passwords.places.available_permits(), 2);
    }

    #[test]
    fn impossible_costs_stop_the_start() {
        assert!(Passwords::new(&PasswordSettings { memory_kib: 1, ..cheap() }).is_err());
    }
}
