use std::sync::Arc;

use anyhow::Context;
use zoetrope_bus::{ConsumeFrom, Publisher, consume, topology};
use zoetrope_http::{Authenticator, RateLimits};
use zoetrope_limits::Limiter;
use zoetrope_outbox::Relay;
use zoetrope_postgres::Database;
use zoetrope_redis::Redis;
use zoetrope_service::Process;
use zoetrope_storage::ObjectStorage;
use zoetrope_tokens::{Access, Verifier};

use crate::{
    accounts::{Accounts, Parts},
    avatars::Avatars,
    balances::Balances,
    credentials::Passwords,
    erasing::Eraser,
    failures::Failures,
    federation::Federation,
    forgetting, housekeeping,
    http::{RefreshCookie, SessionCookie, State, limit_of, routes},
    keys::Signer,
    last_uses,
    lockout::Lockout,
    metrics,
    recent_users::RecentUsers,
    reset_mails::ResetDesk,
    settings::{MigrateSettings, Settings},
    store::MIGRATIONS,
};

/// Starts `auth serve`. Postgres, RabbitMQ and Redis may be away.
pub async fn build(settings: Settings, process: Process) -> anyhow::Result<()> {
    metrics::describe();
    let verifier = Verifier::open(&settings.tokens)?;
    let (signer, signing_keys) = Signer::open(&settings.keys.directory, &verifier, &settings.tokens)?;
    verifier.follow(&process, &settings.tokens);
    signer.follow(&process, signing_keys);
    let passwords = Passwords::new(&settings.passwords)?;
    let reset_page = settings.password_reset.page()?;
    let codes = settings.sign_in_codes.codes()?;
    let confirmations = settings.email_confirmation.confirmations()?;
    let federation = Federation::new(settings.google.as_ref(), settings.wechat.as_ref())?;
    let redis = Redis::connect(&settings.redis)?;
    let lockout = Lockout::new(redis.clone(), &settings.lockout);
    let access = Access::new(verifier.clone(), redis.clone());
    access.listen(&process, &settings.rabbitmq);
    let database = Database::new(&settings.postgres, process.name())?;
    let publisher = Publisher::start(&process, &settings.rabbitmq);
    let relay = Relay::start(&process, database.clone(), publisher, settings.outbox);

    let balances = Balances { database: database.clone() };
    consume(&process, &settings.rabbitmq, ConsumeFrom::Shared(topology::AUTH_BALANCES), balances);

    let reset_desk = ResetDesk::new(database.clone(), relay.clone(), reset_page, settings.password_reset.valid_minutes);
    process.spawn("password_resets", reset_desk.clone().run(process.stopping()));

    settings.avatars.check()?;
    let avatars = Avatars::new(database.clone(), ObjectStorage::from_settings(&settings.storage)?, &settings.avatars);
    process.spawn("avatars", avatars.clone().clean(process.stopping()));
    let eraser = Eraser::new(database.clone(), relay.clone(), avatars.clone(), settings.deletion.erase_after());
    process.spawn("erasing", eraser.clone().run(process.stopping()));

    let failures = Failures::default();
    process.spawn("failures", failures.clone().run(database.clone(), process.stopping()));
    forgetting::start(&process, &database, settings.security_events);
    process.spawn("housekeeping", housekeeping::run(database.clone(), access.clone(), process.stopping()));
    process.spawn("last_uses", last_uses::run(database.clone(), access.clone(), process.stopping()));
    let pinged = database.clone();
    process.readiness().register("postgres", move || {
        let database = pinged.clone();
        async move { database.ping().await.map_err(|error| error.to_string()) }
    });

    let authenticator = Authenticator::new(access.clone());
    let limits = RateLimits::new(Limiter::new(settings.limits, redis), authenticator.clone(), limit_of);
    let state = State {
        authenticator,
        federation: Arc::new(federation),
        verifier: verifier.clone(),
        refresh_cookie: RefreshCookie { secure: settings.sessions.cookie_secure, lifetime: settings.sessions.refresh_token() },
        avatars: avatars.clone(),
        recent_users: RecentUsers::new(database.clone()),
        session_cookie: SessionCookie { secure: settings.sessions.cookie_secure, lifetime: settings.sessions.session_token() },
        accounts: Accounts::new(Parts {
            database,
            passwords,
            signer,
            verifier,
            access,
            relay,
            lockout,
            failures,
            reset_desk,
            codes,
            eraser,
            avatars,
            confirmations,
            sessions: settings.sessions,
        }),
    };
    zoetrope_http::serve(&process, &settings.http, limits, move |config| routes(&state, config))
        .with_context(|| format!("http.listen: cannot listen on {}", settings.http.listen))?;
    Ok(())
}

/// Runs `auth migrate`.
pub async fn migrate(settings: MigrateSettings) -> anyhow::Result<()> {
    let applied = zoetrope_postgres::migrate(&settings.postgres, MIGRATIONS).await?;
    tracing::info!(?applied, "the schema is up to date");
    Ok(())
}
