use std::num::NonZeroU32;

use serde::Deserialize;

use crate::{Class, Quota};

/// What everybody may do (`[limits]`). All services must have the same: they count together.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// Whether anything is limited at all. Default true.
    pub enabled: bool,
    general: Limit,
    login: Limit,
    register: Limit,
    generation: Limit,
    video: Limit,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    /// Requests that may be made at once.
    limit: NonZeroU32,
    /// The time in which as many may be made again.
    window_seconds: NonZeroU32,
}

impl Limit {
    const fn of(limit: u32, window_seconds: u32) -> Self {
        // Neither is 0 below.
        Self {
            limit: NonZeroU32::MIN.saturating_add(limit.saturating_sub(1)),
            window_seconds: NonZeroU32::MIN.saturating_add(window_seconds.saturating_sub(1)),
        }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        const MINUTE: u32 = 60;
        const HOUR: u32 = 60 * MINUTE;
        Self {
            enabled: true,
            general: Limit::of(100, 15 * MINUTE),
            login: Limit::of(100, 15 * MINUTE),
            register: Limit::of(3, HOUR),
            generation: Limit::of(10, HOUR),
            video: Limit::of(180, 3 * MINUTE),
        }
    }
}

impl LimitSettings {
    pub(crate) const fn quota(&self, class: Class) -> Quota {
        let Limit { limit, window_seconds } = match class {
            Class::General => self.general,
            Class::Login => self.login,
            Class::Register => self.register,
            Class::Generation => self.generation,
            Class::Video => self.video,
        };
        Quota::new(limit, window_seconds)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    fn read(settings: Value) -> Result<LimitSettings, String> {
        serde_json::from_value(settings).map_err(|error| error.to_string())
    }

    #[test]
    fn a_class_that_is_not_set_has_its_default() {
        let settings = read(json!({ "register": { "limit": 50, "window_seconds": 100 } })).unwrap();
        assert!(settings.enabled);
        assert_eq!(settings.quota(Class::Register).interval(), Duration::from_secs(2));
        assert_eq!(settings.quota(Class::General).interval(), Duration::from_secs(9));
        assert_eq!(settings.quota(Class::Video).take(Duration::ZERO).limit(), 180);
    }

    #[test]
    fn useless_limits_are_refused() {
        for settings in [
            json!({ "login": { "limit": 0, "window_seconds": 60 } }),
            json!({ "login": { "limit": 1, "window_seconds": 0 } }),
            json!({ "login": { "limit": 1 } }),
            json!({ "logins": { "limit": 1, "window_seconds": 60 } }),
        ] {
            assert!(read(settings.clone()).is_err(), "{settings}");
        }
    }
}
