use std::{sync::Arc, time::Duration};

use anyhow::Context;
use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::{self, phc},
};
use secrecy::{ExposeSecret, SecretString};

use super::hashing_threads::{HashingError, HashingThreads};
use crate::{rules::password::prepared, settings::PasswordSettings};

/// No password was hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error(transparent)]
    NotDone(#[from] HashingError),
    #[error("the password could not be hashed")]
    Hash(#[source] password_hash::Error),
    #[error("a stored password hash cannot be read")]
    Unreadable(#[source] phc::Error),
}

/// What a password turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Checked {
    Wrong,
    Right {
        /// Its hash as hashes are made now, when the stored one was made at other costs, or of the password as it was typed.
        renewed: Option<String>,
    },
}

/// Hashes passwords with Argon2id and checks them, each in its turn and off the HTTP workers. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    /// What a password is compared with when there is no such user, so that it takes as long as if there were.
    nobody: Arc<PasswordHash>,
    threads: Arc<HashingThreads>,
}

impl Passwords {
    /// Takes as long as hashing one password.
    pub fn new(settings: &PasswordSettings) -> anyhow::Result<Self> {
        let params = Params::new(settings.memory_kib, settings.iterations, settings.parallelism, None)
            .context("passwords: Argon2id does not work with these costs")?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = argon2.hash_password(b"nobody").context("passwords: hashing failed")?.into();
        let patience = Duration::from_secs(settings.max_wait_seconds.into());
        let threads = HashingThreads::new(settings.max_concurrent, settings.max_waiting, patience);
        Ok(Self { argon2, nobody, threads: Arc::new(threads.context("passwords: there are no threads for hashing")?) })
    }

    /// The hash to store, with its salt and its costs.
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        let hasher = self.clone();
        self.threads.run(move || hasher.hash_now(&password)).await?
    }

    /// Whether the password is the one of the stored hash. `None` is no user, and wrong.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<Checked, PasswordError> {
        let hasher = self.clone();
        self.threads.run(move || hasher.verify_now(&password, stored.as_deref())).await?
    }

    fn hash_now(&self, password: &SecretString) -> Result<String, PasswordError> {
        self.hash_prepared(&prepared(password))
    }

    fn hash_prepared(&self, password: &SecretString) -> Result<String, PasswordError> {
        let hash = self.argon2.hash_password(password.expose_secret().as_bytes()).map_err(PasswordError::Hash)?;
        Ok(hash.to_string())
    }

    /// How many hashes that takes depends on the password alone.
    fn verify_now(&self, password: &SecretString, stored: Option<&str>) -> Result<Checked, PasswordError> {
        let stored = stored.map(PasswordHash::new).transpose().map_err(PasswordError::Unreadable)?;
        let compared = stored.as_ref().unwrap_or(&self.nobody);
        let prepared = prepared(password);
        let is_right = self.is_of(compared, &prepared)?;
        // Older hashes are of what was typed.
        let was_typed = !is_right && prepared.expose_secret() != password.expose_secret() && self.is_of(compared, password)?;
        if stored.is_none() || !(is_right || was_typed) {
            return Ok(Checked::Wrong);
        }
        let is_present = is_right && self.is_present(compared);
        Ok(Checked::Right { renewed: if is_present { None } else { Some(self.hash_prepared(&prepared)?) } })
    }

    fn is_of(&self, hash: &PasswordHash, password: &SecretString) -> Result<bool, PasswordError> {
        match self.argon2.verify_password(password.expose_secret().as_bytes(), hash) {
            Ok(()) => Ok(true),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(PasswordError::Hash(error)),
        }
    }

    /// Whether it was made as hashes are made now.
    fn is_present(&self, hash: &PasswordHash) -> bool {
        let made = |hash: &PasswordHash| (hash.algorithm, hash.version, hash.params.clone());
        made(hash) == made(&self.nobody)
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
    async fn the_same_letters_are_the_same_password_on_every_device() {
        let passwords = Passwords::new(&cheap()).unwrap();
        let (composed, decomposed) = ("s\u{fc}ße", "su\u{308}ße");
        let hash = passwords.hash(decomposed.into()).await.unwrap();
        for typed in [composed, decomposed] {
            assert_eq!(passwords.verify(typed.into(), Some(hash.clone())).await.unwrap(), RIGHT, "{typed:?}");
        }
        assert_eq!(passwords.verify("susse".into(), Some(hash)).await.unwrap(), Checked::Wrong);
    }

    #[tokio::test]
    async fn a_hash_of_what_was_typed_is_renewed() {
        let passwords = Passwords::new(&cheap()).unwrap();
        let (composed, decomposed) = ("s\u{fc}ße", "su\u{308}ße");
        let before = passwords.argon2.hash_password(decomposed.as_bytes()).unwrap().to_string();
        assert_eq!(passwords.verify(composed.into(), Some(before.clone())).await.unwrap(), Checked::Wrong);
        let Checked::Right { renewed: Some(renewed) } = passwords.verify(decomposed.into(), Some(before)).await.unwrap() else {
            panic!("not renewed")
        };
        for typed in [composed, decomposed] {
            assert_eq!(passwords.verify(typed.into(), Some(renewed.clone())).await.unwrap(), RIGHT, "{typed:?}");
        }
    }

    #[test]
    fn impossible_costs_stop_the_start() {
        assert!(Passwords::new(&PasswordSettings { memory_kib: 1, ..cheap() }).is_err());
    }
}
