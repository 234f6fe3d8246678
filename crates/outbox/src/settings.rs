use std::{
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

use serde::Deserialize;

/// How the outbox is relayed (`[outbox]`). All of it has defaults.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboxSettings {
    /// Most messages that are claimed and published at once. Default 200.
    pub batch_size: NonZeroU16,
    /// Seconds between looks for messages that nobody announced. Default 1.
    pub sweep_seconds: NonZeroU32,
    /// Seconds after which a claimed message that was not published may be claimed again. Default 30; must be well above the 5 s that a publish may
    /// take.
    pub lease_seconds: NonZeroU32,
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            batch_size: const { NonZeroU16::new(200).unwrap() },
            sweep_seconds: NonZeroU32::MIN,
            lease_seconds: const { NonZeroU32::new(30).unwrap() },
        }
    }
}

impl OutboxSettings {
    pub(crate) fn sweep(&self) -> Duration {
        Duration::from_secs(self.sweep_seconds.get().into())
    }
}
