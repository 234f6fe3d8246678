//! Webhooks: what the WebSocket shows, told to addresses that users name, by the [Standard Webhooks](https://www.standardwebhooks.com)
//! specification.
//!
//! | part | does |
//! |---|---|
//! | [`Listener`] | hears of tasks on a queue of its own, and writes down a delivery for each address that wants to hear of it |
//! | [`Dispatcher`] | claims due deliveries by leases, so that any number of replicas share them, and makes an attempt of each |
//! | [`Sender`] | makes one attempt: body, signatures, one request, the beginning of the answer |
//! | [`Outcome`], [`Schedule`] | decide what becomes of the delivery and of the endpoint |
//! | [`Webhooks`] | what users do with their endpoints |
//!
//! A delivery is made at least once: a receiver that sees a `webhook-id` again has seen the message before. The order is not kept; `version`
//! in the data tells the newer state of a task.
//!
//! Secrets are stored as they are, since what we sign with must be read: a key to decrypt them would lie beside them. They are shown when
//! they are made and never again, so that a stolen session reveals none; who has lost one makes a new one, and both sign for a day. The secret
//! for callbacks, which nobody makes, can be read at any time.

mod announce;
mod backlog;
mod delivery;
mod dispatcher;
mod endpoint;
mod event;
mod ids;
mod listener;
mod message;
mod metrics;
mod operations;
mod schedule;
mod secret;
mod sender;
mod settings;
mod verdict;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use chrono::Utc;
use tokio::sync::Notify;
use zoetrope_bus::{BusSettings, ConsumeFrom, consume, topology::NOTIFIER_WEBHOOKS};
use zoetrope_egress::Client;
use zoetrope_postgres::Database;
use zoetrope_service::Process;
use zoetrope_storage::MediaLinks;

pub use delivery::{Attempt, Delivery, DeliveryPage, DeliveryState, Recipient, Replay};
pub use endpoint::{DisableReason, Disabled, Endpoint, EndpointChange, NewEndpoint};
pub use event::EventType;
pub use ids::{DeliveryId, EndpointId};
pub use message::Message;
pub use operations::{WebhookError, Webhooks};
pub use schedule::Schedule;
pub use secret::{Secret, Secrets};
pub use settings::WebhookSettings;
pub use verdict::{Next, Outcome};

use crate::store::webhooks::work;
use dispatcher::Dispatcher;
use listener::Listener;
use sender::Sender;

const AGENT: &str = concat!("Zoetrope-Webhooks/", env!("CARGO_PKG_VERSION"));
/// Between two sweeps for deliveries that are too old.
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);

/// Starts to hear, to deliver and to forget.
pub fn start(
    process: &Process,
    bus: &BusSettings,
    database: &Database,
    links: MediaLinks,
    settings: WebhookSettings,
) -> anyhow::Result<Webhooks> {
    metrics::describe();
    let client = Client::new(settings.destinations(), AGENT).context("no HTTP client for webhooks")?;
    let settings = Arc::new(settings);
    let work = Arc::new(Notify::new());

    let listener = Listener { database: database.clone(), kept: settings.kept(), work: Arc::clone(&work) };
    consume(process, bus, ConsumeFrom::Shared(NOTIFIER_WEBHOOKS), listener);
    let sender = Sender { client: client.clone(), links, timeout: settings.timeout };
    let dispatcher = Dispatcher::new(database.clone(), sender, Arc::clone(&settings), Arc::clone(&work));
    process.spawn("webhooks", dispatcher.run(process.stopping()));
    process.spawn("webhook-backlog", backlog::run(database.clone(), process.stopping()));
    let kept = settings.kept();
    database.keep_pruned(process, "webhook_deliveries", PRUNE_EVERY, move |connection| {
        Box::pin(work::forget(connection, Utc::now() - kept))
    });
    Ok(Webhooks::new(database.clone(), client, settings, work))
}
