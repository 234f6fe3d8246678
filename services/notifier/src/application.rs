use std::{
    num::NonZeroU16,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context as _;
use tokio::sync::Notify;
use zoetrope_bus::{
    BusSettings, ConsumeFrom, consume,
    topology::{EVENTS, NOTIFIER_FEED, TASK_UPDATED},
};
use zoetrope_http::{Authenticator, RateLimits};
use zoetrope_limits::Limiter;
use zoetrope_postgres::Database;
use zoetrope_redis::Redis;
use zoetrope_service::Process;
use zoetrope_storage::MediaLinks;
use zoetrope_tokens::{Access, Verifier};

use crate::{
    budget::Budgets,
    feed::{Announcer, Keeper, Recorder},
    frames::Renderer,
    http::{self, preferences::Preferences},
    hub::{Hub, HubLimits},
    mail, metrics, pruning,
    reconcile::Sweep,
    settings::{MigrateSettings, Settings},
    socket::{Context, Parts},
    states::States,
    store::MIGRATIONS,
    users, webhooks,
};

/// Tasks with news that may wait for one connection: more than it can subscribe to one by one, unless that is configured.
const MAILBOX: usize = 1024;
/// States that are remembered, of a few hundred bytes each; some seconds of a busy platform.
const REMEMBERED: usize = 16 * 1024;

/// Starts `notifier serve`. Postgres, RabbitMQ and Redis may be away.
pub async fn build(settings: Settings, process: Process) -> anyhow::Result<()> {
    metrics::describe();
    let redis = Redis::connect(&settings.redis)?;
    let verifier = Verifier::open(&settings.tokens)?;
    verifier.follow(&process, &settings.tokens);
    let access = Access::new(verifier, redis.clone());
    access.listen(&process, &settings.rabbitmq);
    let links = MediaLinks::new(&settings.media)?;
    let renderer = Renderer::new(links.clone());
    let database = Database::new(&settings.postgres, process.name())?;
    let hub = Hub::new(HubLimits {
        mailbox: MAILBOX,
        remembered: REMEMBERED,
        streams_per_user: settings.websocket.max_connections_per_user.get(),
    });

    let (states, reader) = States::new(Arc::clone(&hub));
    process.spawn("states", reader.run(database.clone(), process.stopping()));
    let wanted = Arc::new(Notify::new());
    let sweep = Sweep {
        hub: Arc::clone(&hub),
        database: database.clone(),
        every: settings.websocket.reconcile,
        wanted: Arc::clone(&wanted),
    };
    process.spawn("reconcile", sweep.run(process.stopping()));

    mail::start(&process, &database, &settings.rabbitmq, &settings.mail)?;
    users::start(&process, &database, &settings.rabbitmq);
    let authenticator = Authenticator::new(access.clone());
    let preferences = Preferences { database: database.clone(), authenticator: authenticator.clone() };

    pruning::start(&process, &database, settings.feed);
    let webhooks = webhooks::start(&process, &settings.rabbitmq, &database, links, settings.webhooks)?;
    let keeper = Keeper { recorder: Recorder::start(&process, database), kept: settings.feed.kept() };
    consume(&process, &many_at_once(&settings.rabbitmq), ConsumeFrom::Shared(NOTIFIER_FEED), keeper);
    let live = ConsumeFrom::Private {
        prefix: "notifier.live",
        exchange: EVENTS,
        routing_keys: &[TASK_UPDATED],
        on_connected: on_connected(&process, wanted),
    };
    consume(&process, &settings.rabbitmq, live, Announcer { hub: Arc::clone(&hub) });

    let context = Arc::new(Context::new(Parts {
        hub,
        states,
        access,
        renderer,
        limits: settings.websocket.limits(),
        budgets: Budgets::new(settings.websocket.budgets()),
        write_timeout: settings.websocket.write_timeout,
        max_frame_bytes: settings.websocket.max_frame_bytes.get(),
        reconnect_within: settings.websocket.reconnect_within,
        stopping: process.stopping(),
    }));
    let limits = RateLimits::new(Limiter::new(settings.limits, redis), authenticator.clone(), http::limit_of);
    zoetrope_http::serve(&process, &settings.http, limits, move |config| {
        http::routes(&context, &authenticator, config);
        http::preferences::routes(&preferences, config);
        http::webhooks::routes(&webhooks, &authenticator, config);
    })
    .with_context(|| format!("http.listen: cannot listen on {}", settings.http.listen))?;
    Ok(())
}

/// Updates of the shared queue are saved together: many must be in hand at once, and cost nothing while they wait for each other.
fn many_at_once(settings: &BusSettings) -> BusSettings {
    let least = const { NonZeroU16::new(256).unwrap() };
    BusSettings { prefetch: settings.prefetch.max(least), concurrency: settings.concurrency.max(least), ..settings.clone() }
}

/// Not ready before news can be heard for the first time. Afterwards nothing that goes away makes this service unready: connections
/// stay open and are caught up, and another replica would miss the same server.
fn on_connected(process: &Process, wanted: Arc<Notify>) -> Arc<dyn Fn() + Send + Sync> {
    let heard = Arc::new(AtomicBool::new(false));
    let ready = Arc::clone(&heard);
    process.readiness().register("live queue", move || {
        let outcome = if ready.load(Ordering::Relaxed) { Ok(()) } else { Err("not connected to RabbitMQ yet".to_owned()) };
        async move { outcome }
    });
    Arc::new(move || {
        heard.store(true, Ordering::Relaxed);
        wanted.notify_one();
    })
}

/// Runs `notifier migrate`.
pub async fn migrate(settings: MigrateSettings) -> anyhow::Result<()> {
    let applied = zoetrope_postgres::migrate(&settings.postgres, MIGRATIONS).await?;
    tracing::info!(?applied, "the schema is up to date");
    Ok(())
}
