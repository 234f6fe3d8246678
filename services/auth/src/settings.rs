use std::{
    num::{NonZeroU16, NonZeroU32, NonZeroUsize},
    path::PathBuf,
    thread,
};

use anyhow::{Context, ensure};
use chrono::TimeDelta;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;
use zoetrope_bus::BusSettings;
use zoetrope_http::HttpSettings;
use zoetrope_limits::LimitSettings;
use zoetrope_outbox::OutboxSettings;
use zoetrope_postgres::PostgresSettings;
use zoetrope_redis::RedisSettings;
use zoetrope_storage::StorageSettings;
use zoetrope_tokens::VerifierSettings;

use crate::{
    accounts::{Codes, Confirmations},
    credentials::CodeKey,
    federation::{GoogleSettings, WeChatSettings},
    rules::{
        reset::ResetPage,
        sign_in_code::{CodeRules, PerDay},
    },
};

mod lockout;
mod sessions;

pub use lockout::LockoutSettings;
pub use sessions::SessionSettings;

/// All settings of `auth serve`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub http: HttpSettings,
    pub postgres: PostgresSettings,
    pub rabbitmq: BusSettings,
    pub redis: RedisSettings,
    /// The public keys, as all services have them; also served as the JWK set.
    pub tokens: VerifierSettings,
    #[serde(default)]
    pub limits: LimitSettings,
    pub keys: KeySettings,
    #[serde(default)]
    pub sessions: SessionSettings,
    #[serde(default)]
    pub passwords: PasswordSettings,
    pub password_reset: PasswordResetSettings,
    #[serde(default)]
    pub sign_in_codes: SignInCodeSettings,
    #[serde(default)]
    pub email_confirmation: EmailConfirmationSettings,
    #[serde(default)]
    pub lockout: LockoutSettings,
    /// Absent: there is no sign-in with Google.
    pub google: Option<GoogleSettings>,
    /// Absent: there is no sign-in with WeChat.
    pub wechat: Option<WeChatSettings>,
    #[serde(default)]
    pub outbox: OutboxSettings,
    #[serde(default)]
    pub deletion: DeletionSettings,
    /// Where pictures of users are kept.
    pub storage: StorageSettings,
    pub avatars: AvatarSettings,
    #[serde(default)]
    pub security_events: SecurityEventSettings,
}

/// What is kept of what happened to accounts.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecurityEventSettings {
    pub keep_days: NonZeroU16,
}

impl Default for SecurityEventSettings {
    fn default() -> Self {
        // Half a year.
        Self { keep_days: NonZeroU16::MIN.saturating_add(179) }
    }
}

/// The settings of `auth migrate`, which needs no keys.
#[derive(Debug, Clone, Deserialize)]
pub struct MigrateSettings {
    pub postgres: PostgresSettings,
}

/// The settings of `auth create-admin`.
#[derive(Debug, Clone, Deserialize)]
pub struct CreateAdminSettings {
    pub postgres: PostgresSettings,
    #[serde(default)]
    pub passwords: PasswordSettings,
    #[serde(default)]
    pub email_confirmation: EmailConfirmationSettings,
    /// Seals the link that confirms an address; without that it is not needed.
    pub sign_in_codes: Option<SignInCodeSettings>,
}

/// The settings of `auth suspend`, `auth reinstate` and `auth delete-user`.
#[derive(Debug, Clone, Deserialize)]
pub struct SuspensionSettings {
    pub postgres: PostgresSettings,
    pub redis: RedisSettings,
    pub tokens: VerifierSettings,
}

/// The settings of `auth keys`, which can do without.
#[derive(Debug, Clone, Deserialize)]
pub struct KeyCommandSettings {
    pub keys: Option<KeySettings>,
    #[serde(default)]
    pub sessions: SessionSettings,
}

/// The private side of signing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// Where the signing keys are. The folder is followed while the process runs.
    pub directory: PathBuf,
    /// How long a new key is public before it signs: all services must have learned it, and who has fetched the JWK set and kept it.
    #[serde(default = "default_overlap_seconds")]
    pub overlap_seconds: u32,
}

/// Kubernetes takes up to two minutes to bring a changed file everywhere, and the JWK set may be kept for five.
pub fn default_overlap_seconds() -> u32 {
    10 * 60
}

/// What a password hash (Argon2id) costs. A known hash that was made at another cost is made anew when its user signs in.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordSettings {
    pub memory_kib: u32,
    pub iterations: u32,
    pub parallelism: u32,
    /// How many hashes are computed at a time; each takes a processor and `memory_kib`.
    pub max_concurrent: NonZeroUsize,
    /// How many more may wait for their turn; the next one is told to come back.
    pub max_waiting: usize,
    /// How long a request waits for its turn before it is told to come back.
    pub max_wait_seconds: u32,
}

impl Default for PasswordSettings {
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            iterations: 2,
            parallelism: 1,
            max_concurrent: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            max_waiting: 256,
            max_wait_seconds: 10,
        }
    }
}

/// The link with which a forgotten password is replaced.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordResetSettings {
    /// Where users go: the address of the front-end.
    pub front_end_url: String,
    /// The page there on which a new password is chosen, with `{token}` in it.
    #[serde(default = "default_reset_path")]
    pub path: String,
    /// How long a link works.
    #[serde(default = "default_valid_minutes")]
    pub valid_minutes: NonZeroU32,
}

fn default_reset_path() -> String {
    "/reset-password?token={token}".to_owned()
}

const fn default_valid_minutes() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(30 - 1)
}

impl PasswordResetSettings {
    /// The page, if mails can lead there.
    pub fn page(&self) -> anyhow::Result<ResetPage> {
        ensure!(is_web_address(&self.front_end_url), "password_reset.front_end_url is not an http or https address");
        ResetPage::parse(&self.front_end_url, &self.path).context("password_reset.path does not have {token} in it once")
    }
}

/// Codes that are mailed to sign in with; see [`crate::rules::sign_in_code`].
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignInCodeSettings {
    /// Hides codes from who reads the database; the same in all replicas, and has no default. 32 characters at least.
    pub secret: SecretString,
    /// 4 to 9. A client that asks for long codes gets 6 at the least.
    pub digits: u8,
    pub valid_minutes: NonZeroU32,
    /// Until an address may be sent the next one.
    pub pause_seconds: u32,
    /// Wrong ones that make a code void.
    pub tries: NonZeroU16,
    /// To one address in 24 hours.
    pub codes_per_day: NonZeroU16,
    /// Of them, asked for from one network.
    pub network_codes_per_day: NonZeroU16,
    /// Wrong ones for one address in 24 hours.
    pub tries_per_day: NonZeroU16,
    /// Of them, from one network.
    pub network_tries_per_day: NonZeroU16,
}

impl Default for SignInCodeSettings {
    fn default() -> Self {
        Self {
            secret: SecretString::default(),
            digits: 4,
            valid_minutes: const { NonZeroU32::new(10).unwrap() },
            pause_seconds: 60,
            tries: const { NonZeroU16::new(5).unwrap() },
            codes_per_day: const { NonZeroU16::new(20).unwrap() },
            network_codes_per_day: const { NonZeroU16::new(10).unwrap() },
            tries_per_day: const { NonZeroU16::new(30).unwrap() },
            network_tries_per_day: const { NonZeroU16::new(10).unwrap() },
        }
    }
}

impl SignInCodeSettings {
    pub fn codes(&self) -> anyhow::Result<Codes> {
        ensure!((4..=9).contains(&self.digits), "sign_in_codes.digits must be 4 to 9");
        let key = CodeKey::new(&self.secret).context("sign_in_codes.secret")?;
        let count = |number: NonZeroU16| usize::from(number.get());
        Ok(Codes {
            key,
            rules: CodeRules {
                digits: self.digits,
                valid: TimeDelta::minutes(self.valid_minutes.get().into()),
                pause: TimeDelta::seconds(self.pause_seconds.into()),
                tries: count(self.tries),
                codes_per_day: PerDay { in_all: count(self.codes_per_day), from_one_network: count(self.network_codes_per_day) },
                tries_per_day: PerDay { in_all: count(self.tries_per_day), from_one_network: count(self.network_tries_per_day) },
            },
        })
    }
}

/// The mail that asks users to confirm a new address.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailConfirmationSettings {
    /// Where users reach the gateway, for example `https://api.example.com`. None: nobody is asked.
    pub gateway_url: Option<String>,
    /// How long a link works.
    pub valid_hours: NonZeroU32,
}

impl Default for EmailConfirmationSettings {
    fn default() -> Self {
        Self { gateway_url: None, valid_hours: const { NonZeroU32::new(72).unwrap() } }
    }
}

impl EmailConfirmationSettings {
    pub fn confirmations(&self) -> anyhow::Result<Option<Confirmations>> {
        let Some(gateway) = &self.gateway_url else { return Ok(None) };
        ensure!(is_web_address(gateway), "email_confirmation.gateway_url is not an http or https address");
        let gateway = gateway.trim_end_matches('/').to_owned();
        Ok(Some(Confirmations { gateway, valid: TimeDelta::hours(self.valid_hours.get().into()) }))
    }
}

fn is_web_address(url: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme))
}

/// What becomes of a deleted user.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeletionSettings {
    /// How long the user can be brought back, and name and address stay taken. 0: everything is erased at once.
    pub erase_after_days: u16,
}

/// Pictures of users.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvatarSettings {
    /// The address under which browsers reach the gateway. A picture keeps the one with which it was stored.
    pub public_base_url: String,
    /// How many pictures are made small at a time: 1, unless this says otherwise. Each takes a processor and up to 256 MiB.
    pub max_concurrent: Option<NonZeroUsize>,
}

impl AvatarSettings {
    /// Whether browsers can be led there.
    pub fn check(&self) -> anyhow::Result<()> {
        let url = Url::parse(&self.public_base_url).ok();
        let is_web = url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none());
        ensure!(is_web, "avatars.public_base_url is not an http or https address");
        Ok(())
    }
}

impl Default for DeletionSettings {
    fn default() -> Self {
        Self { erase_after_days: 30 }
    }
}

impl DeletionSettings {
    pub fn erase_after(&self) -> TimeDelta {
        TimeDelta::days(self.erase_after_days.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reset_page_has_a_default_and_names_what_is_wrong() {
        let page = |settings| serde_json::from_value::<PasswordResetSettings>(settings).unwrap().page();
        let link = page(json!({ "front_end_url": "https://video.example" })).unwrap().link("abc");
        assert_eq!(link, "https://video.example/reset-password?token=abc");
        for (settings, named) in [
            (json!({ "front_end_url": "video.example" }), "password_reset.front_end_url"),
            (json!({ "front_end_url": "https://" }), "password_reset.front_end_url"),
            (json!({ "front_end_url": "https://video.example", "path": "/reset" }), "password_reset.path"),
        ] {
            let error = page(settings).unwrap_err().to_string();
            assert!(error.starts_with(named), "{error}");
        }
    }

    #[test]
    fn sign_in_codes_have_defaults_and_name_what_is_wrong() {
        let codes = |settings| serde_json::from_value::<SignInCodeSettings>(settings).unwrap().codes().map(|codes| codes.rules);
        let secret = "x".repeat(32);
        let rules = codes(json!({ "secret": secret, "tries": 3 })).unwrap();
        assert_eq!((rules.digits, rules.valid, rules.tries), (4, TimeDelta::minutes(10), 3));
        for (settings, named) in [
            (json!({}), "sign_in_codes.secret"),
            (json!({ "secret": "short" }), "sign_in_codes.secret"),
            (json!({ "secret": secret, "digits": 3 }), "sign_in_codes.digits"),
        ] {
            let error = codes(settings).unwrap_err().to_string();
            assert!(error.starts_with(named), "{error}");
        }
    }

    #[test]
    fn nobody_is_asked_to_confirm_without_an_address_of_the_gateway() {
        let asked = |settings| serde_json::from_value::<EmailConfirmationSettings>(settings).unwrap().confirmations();
        assert!(asked(json!({})).unwrap().is_none());
        let confirmations = asked(json!({ "gateway_url": "https://api.example/" })).unwrap().unwrap();
        assert_eq!((confirmations.gateway.as_str(), confirmations.valid), ("https://api.example", TimeDelta::hours(72)));
        let error = asked(json!({ "gateway_url": "api.example" })).err().unwrap().to_string();
        assert!(error.starts_with("email_confirmation.gateway_url"), "{error}");
    }
}
