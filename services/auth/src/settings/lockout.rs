use std::time::Duration;

use serde::Deserialize;

use crate::rules::lockout::Patience;

/// How long the next sign-in waits after wrong passwords.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LockoutSettings {
    /// So many failures of an account cost nothing.
    pub account_failures: u32,
    /// So many failures of an address, at all accounts together, cost nothing.
    pub address_failures: u32,
    /// The wait after the next failure; it doubles with each one.
    pub first_wait_seconds: u32,
    pub longest_wait_seconds: u32,
    /// How long after the end of the last wait failures are forgotten.
    pub forget_seconds: u32,
}

impl Default for LockoutSettings {
    fn default() -> Self {
        Self {
            account_failures: 5,
            address_failures: 50,
            first_wait_seconds: 1,
            longest_wait_seconds: 15 * 60,
            forget_seconds: 60 * 60,
        }
    }
}

impl LockoutSettings {
    pub fn accounts(&self) -> Patience {
        self.patience(self.account_failures)
    }

    pub fn addresses(&self) -> Patience {
        self.patience(self.address_failures)
    }

    fn patience(&self, free_failures: u32) -> Patience {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Patience {
            free_failures,
            first_wait: seconds(self.first_wait_seconds),
            longest_wait: seconds(self.longest_wait_seconds),
            memory: seconds(self.forget_seconds),
        }
    }
}
