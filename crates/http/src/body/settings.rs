use std::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Deserializer, de};

/// `[http.bodies]`. Times are in seconds and may have fractions.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BodySettings {
    /// What all bodies that a process holds in memory at once may take, in MiB; beyond it, requests get 503. A body of 100 MB takes three
    /// times its length while it is read. Default 384.
    pub memory_mib: NonZeroU32,
    /// The least rate of a body, in bytes per second. Only the time in which the client is waited for counts. Default 1024.
    pub min_bytes_per_second: NonZeroU32,
    /// For which a client may be waited for beyond what the least rate allows. Default 10.
    #[serde(rename = "grace_seconds", deserialize_with = "seconds")]
    pub grace: Duration,
    /// From the head of a request to the end of its body. Default 1800.
    #[serde(rename = "deadline_seconds", deserialize_with = "seconds")]
    pub deadline: Duration,
}

impl Default for BodySettings {
    fn default() -> Self {
        Self {
            memory_mib: const { NonZeroU32::new(384).unwrap() },
            min_bytes_per_second: const { NonZeroU32::new(1024).unwrap() },
            grace: Duration::from_secs(10),
            deadline: Duration::from_secs(1800),
        }
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    const LONGEST: f64 = 86_400.0;
    let seconds = f64::deserialize(deserializer)?;
    if seconds > 0.0 && seconds <= LONGEST {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(de::Error::custom("must be a number of seconds above 0 and up to 86400"))
    }
}
