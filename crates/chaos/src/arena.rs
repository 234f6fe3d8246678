use anyhow::Result;
use toml::Value;
use zoetrope_testing::{Platform, Server, Servers, Service};

/// Runs on the account that finds unconfirmed submissions again.
pub const SURE_MODEL: &str = "sora-2";
/// Runs on the account that cannot.
pub const BLIND_MODEL: &str = "sora-2-blind";
pub const REPLICAS: u16 = 2;
/// Enough for everybody's tasks, however long it lasts.
pub const GRANT: i64 = 1_000_000_000;
pub const PRICE: i64 = 100;
/// How long a dead or frozen poller keeps its jobs.
pub const LEASE_SECONDS: f64 = 4.0;

/// Starts the platform, with times that are short enough for all of its patience to run out within a run.
pub async fn open() -> Result<Platform> {
    let servers = Servers::faults()?;
    for server in Server::ALL {
        servers.start(server).await?;
    }
    let mut builder = Platform::builder()
        .servers(servers)
        .account("blind")
        .setting(Service::TaskApi, "credits.signup_grant", GRANT)
        .setting(Service::TaskApi, "models", models())
        .setting(Service::Auth, "sessions.access_token_seconds", 7 * 24 * 3600)
        .setting(Service::Auth, "passwords.memory_kib", 1024)
        .setting(Service::ProviderSim, "simulation.duration_seconds", 3.0)
        .setting(Service::ProviderSim, "simulation.queue_seconds", 0.5)
        .setting(Service::Notifier, "websocket.reconcile_seconds", 3.0)
        .setting(Service::Notifier, "websocket.heartbeat_seconds", 5.0);
    for (key, seconds) in [
        ("max_interval", 0.5),
        ("lease", LEASE_SECONDS),
        ("sweep", 1.0),
        ("backoff", 0.3),
        ("max_backoff", 2.0),
        ("submission_deadline", 30.0),
        ("unconfirmed_window", 6.0),
        ("archive_deadline", 12.0),
        ("cancel_window", 6.0),
    ] {
        builder = builder.setting(Service::Poller, &format!("polling.{key}_seconds"), seconds);
    }
    builder =
        builder.setting(Service::Poller, "polling.max_polls", 60).setting(Service::Poller, "providers.openai.lookup", "list");
    for account in ["openai", "blind"] {
        for (key, seconds) in [("call_timeout", 10.0), ("connect_timeout", 2.0), ("idle_timeout", 5.0), ("breaker_open", 1.0)] {
            builder = builder.setting(Service::Poller, &format!("providers.{account}.{key}_seconds"), seconds);
        }
    }
    for service in [Service::Auth, Service::TaskApi, Service::Poller] {
        // Twice what a publish may take.
        builder = builder.setting(service, "outbox.lease_seconds", 10);
    }
    for service in [Service::TaskApi, Service::Poller, Service::Notifier] {
        builder = builder.replicas(service, REPLICAS);
    }
    builder.start().await
}

fn models() -> Value {
    let model = |name: &str, provider: &str| {
        let mut model = toml::Table::new();
        model.insert("name".to_owned(), name.into());
        model.insert("provider".to_owned(), provider.into());
        model.insert("price".to_owned(), PRICE.into());
        model.insert("seconds".to_owned(), vec![4].into());
        model.insert("sizes".to_owned(), vec!["1280x720"].into());
        Value::Table(model)
    };
    vec![model(SURE_MODEL, "openai"), model(BLIND_MODEL, "blind")].into()
}
