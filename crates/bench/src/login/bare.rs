use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use tokio::task::JoinSet;
use zoetrope_testing::User;

use super::Options;

/// What the processors can do at most.
#[derive(Debug, Clone, Copy)]
pub struct Bare {
    /// Passwords compared per second, by all of them.
    pub rate: f64,
}

/// Compares the right password with its hash, over and over, on every processor.
pub async fn measure(options: &Options) -> Result<Bare> {
    let params = Params::new(options.memory_kib, options.iterations, 1, None).map_err(|error| anyhow!("{error}"))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: PasswordHash = argon2.hash_password(User::PASSWORD.as_bytes()).map_err(|error| anyhow!("{error}"))?;
    let from = Instant::now() + Duration::from_secs_f64(options.warm_up);
    let until = from + Duration::from_secs_f64(options.seconds);
    let mut threads = JoinSet::new();
    for _ in 0..thread::available_parallelism()?.get() {
        let (argon2, hash) = (argon2.clone(), hash.clone());
        threads.spawn_blocking(move || count(&argon2, &hash, from, until));
    }
    let mut compared = 0;
    while let Some(thread) = threads.join_next().await {
        compared += thread??;
    }
    Ok(Bare { rate: f64::from(compared) / options.seconds })
}

fn count(argon2: &Argon2<'_>, hash: &PasswordHash, from: Instant, until: Instant) -> Result<u32> {
    let mut compared = 0;
    loop {
        argon2.verify_password(User::PASSWORD.as_bytes(), hash).map_err(|error| anyhow!("{error}"))?;
        let now = Instant::now();
        if now >= until {
            return Ok(compared);
        }
        compared += u32::from(now >= from);
    }
}
