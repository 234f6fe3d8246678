use std::{fs, path::Path};

use anyhow::Result;
use toml::{Table, Value, toml};
use url::Url;

use crate::{Servers, Service, database::role_url, process::Ports};

/// Where the parts of one platform find each other.
#[derive(Debug)]
pub struct Addresses {
    pub database: String,
    pub amqp: Url,
    pub gateway: u16,
    pub provider: u16,
    /// The poller's accounts with the provider.
    pub accounts: Vec<&'static str>,
}

/// A setting of one service by its dotted key, changed by a test.
#[derive(Clone, Debug)]
pub struct Override {
    pub service: Service,
    pub key: String,
    pub value: Value,
}

/// Writes the settings file of one process.
pub fn write(
    path: &Path,
    service: Service,
    servers: &Servers,
    addresses: &Addresses,
    keys: &Path,
    ports: Ports,
    overrides: &[Override],
) -> Result<()> {
    let mut settings = of(service, servers, addresses, keys, path.parent().unwrap_or(path))?;
    settings.insert("internal".into(), toml! { listen = "127.0.0.1:0" }.into());
    set(&mut settings, "internal.listen", format!("127.0.0.1:{}", ports.internal).into());
    if service != Service::Poller {
        set(&mut settings, "http.listen", format!("127.0.0.1:{}", ports.public).into());
    }
    set(&mut settings, "telemetry.format", "pretty".into());
    set(&mut settings, "shutdown.drain_delay_seconds", 0.into());
    for change in overrides.iter().filter(|change| change.service == service) {
        set(&mut settings, &change.key, change.value.clone());
    }
    fs::write(path, toml::to_string(&settings)?)?;
    Ok(())
}

fn of(service: Service, servers: &Servers, addresses: &Addresses, keys: &Path, directory: &Path) -> Result<Table> {
    let mut settings = Table::new();
    let keys = keys.display();
    let gateway = format!("http://127.0.0.1:{}", addresses.gateway);
    let schema = match service {
        Service::Auth => "auth",
        Service::TaskApi => "tasks",
        Service::Poller => "poller",
        Service::Notifier => "notifier",
        Service::ProviderSim => {
            set(&mut settings, "simulation.api_keys", vec!["sk-test"].into());
            set(&mut settings, "simulation.duration_seconds", 0.6.into());
            set(&mut settings, "simulation.queue_seconds", 0.0.into());
            set(&mut settings, "simulation.cheap", true.into());
            return Ok(settings);
        }
    };
    set(&mut settings, "postgres.url", role_url(servers, &addresses.database, schema)?.to_string().into());
    set(&mut settings, "rabbitmq.url", addresses.amqp.to_string().into());

    set(&mut settings, "redis.url", servers.redis.to_string().into());
    set(&mut settings, "redis.key_prefix", format!("{}:", addresses.database).into());

    if matches!(service, Service::Auth | Service::TaskApi | Service::Notifier) {
        set(&mut settings, "tokens.jwks_path", format!("{keys}/jwks.json").into());
    }
    if matches!(service, Service::Auth | Service::TaskApi | Service::Poller) {
        set(&mut settings, "storage.backend", "local".into());
        set(&mut settings, "storage.path", directory.join("objects").display().to_string().into());
    }
    if matches!(service, Service::TaskApi | Service::Notifier) {
        set(&mut settings, "media.public_base_url", gateway.as_str().into());
        set(&mut settings, "media.secret", format!("{:064}", 7).into());
    }
    if matches!(service, Service::Auth | Service::TaskApi | Service::Notifier) {
        // All users of a test come from one address, and in a hurry.
        for class in ["general", "login", "register", "generation", "video"] {
            set(&mut settings, &format!("limits.{class}"), toml! { limit = 1_000_000 window_seconds = 60 }.into());
        }
    }
    match service {
        Service::Auth => {
            set(&mut settings, "keys.directory", keys.to_string().into());
            set(&mut settings, "sessions.cookie_secure", false.into());
            set(&mut settings, "password_reset.front_end_url", gateway.as_str().into());
            set(&mut settings, "avatars.public_base_url", gateway.as_str().into());
            set(&mut settings, "sign_in_codes.secret", format!("{:064}", 11).into());
            let provider = format!("http://127.0.0.1:{}", addresses.provider);
            set(&mut settings, "google.issuer", format!("{provider}/google").into());
            set(&mut settings, "google.client_id", "google-client".into());
            set(&mut settings, "google.client_secret", "google-secret".into());
            set(&mut settings, "google.redirect_uris", vec![format!("{gateway}/auth/callback")].into());
            set(&mut settings, "google.keys_pause_seconds", 1.into());
            set(&mut settings, "wechat.base_url", provider.into());
            set(&mut settings, "wechat.app_id", "wechat-app".into());
            set(&mut settings, "wechat.secret", "wechat-secret".into());
            // Hashing is to be slow, and tests are not.
            set(&mut settings, "passwords.memory_kib", 1024.into());
            set(&mut settings, "passwords.iterations", 1.into());
        }
        Service::Poller => {
            for account in &addresses.accounts {
                let base_url = format!("http://127.0.0.1:{}", addresses.provider);
                set(&mut settings, &format!("providers.{account}.base_url"), base_url.into());
                set(&mut settings, &format!("providers.{account}.api_key"), "sk-test".into());
            }
            set(&mut settings, "polling.max_interval_seconds", 0.2.into());
        }
        Service::Notifier => {
            set(&mut settings, "mail.transport", "folder".into());
            set(&mut settings, "mail.folder", directory.join("mails").display().to_string().into());
            set(&mut settings, "mail.from", "Zoetrope <no-reply@zoetrope.example>".into());
            set(&mut settings, "mail.front_end_url", gateway.as_str().into());
        }
        Service::TaskApi | Service::ProviderSim => {}
    }
    Ok(settings)
}

/// Sets `a.b.c`, making the tables on the way.
fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}
