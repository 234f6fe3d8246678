use std::{
    future::Future,
    time::{Duration, Instant},
};

use metrics::gauge;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use zoetrope_domain::backoff;
use zoetrope_service::Process;

use crate::{
    BusSettings,
    error::{LinkError, chain},
    link::Link,
};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A connection that lasted this long was a good one: after it, waiting starts from the beginning.
const GOOD_AFTER: Duration = Duration::from_secs(5);

/// What is done over a connection.
pub(crate) trait Session: Send {
    /// Works until the process stops (`Ok`) or the connection is of no use any more (`Err`).
    fn run(&mut self, link: &mut Link) -> impl Future<Output = Result<(), LinkError>> + Send;
}

/// Keeps one connection and the session on it alive until the process stops.
pub(crate) struct Supervisor {
    settings: BusSettings,
    /// What the connection is for; labels its metric.
    label: &'static str,
    /// What the broker lists it as.
    name: String,
    stopping: CancellationToken,
}

impl Supervisor {
    pub(crate) fn new(process: &Process, settings: &BusSettings, label: &'static str) -> Self {
        let name = format!("zoetrope-{} {label}", process.name());
        Self { settings: settings.clone(), label, name, stopping: process.stopping() }
    }

    /// Returns once the process is stopping and the session has ended.
    pub(crate) async fn run(self, session: &mut impl Session) {
        let mut outage = Outage::default();
        let connected = gauge!("zoetrope_bus_connected", "connection" => self.label);
        loop {
            connected.set(0.0);
            let opened = tokio::select! {
                () = self.stopping.cancelled() => return,
                opened = Link::open(&self.settings, &self.name) => opened,
            };
            let error = match opened {
                Ok(mut link) => {
                    tracing::info!(connection = self.label, "connected to RabbitMQ");
                    connected.set(1.0);
                    let since = Instant::now();
                    let ended = session.run(&mut link).await;
                    link.close().await;
                    if since.elapsed() >= GOOD_AFTER {
                        outage = Outage::default();
                    }
                    match ended {
                        Ok(()) => return connected.set(0.0),
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            let pause = outage.next_pause(self.label, &error);
            tokio::select! {
                () = self.stopping.cancelled() => return connected.set(0.0),
                () = sleep(pause) => {}
            }
        }
    }
}

/// The failures since the last good connection. Each kind is told once, not at every attempt.
#[derive(Default)]
struct Outage {
    attempt: u32,
    told: String,
}

impl Outage {
    fn next_pause(&mut self, connection: &str, error: &LinkError) -> Duration {
        let error = chain(error);
        if self.told == error {
            tracing::debug!(connection, error, "no connection to RabbitMQ");
        } else {
            tracing::warn!(connection, error, "no connection to RabbitMQ; trying again until there is one");
            self.told = error;
        }
        let pause = backoff::exponential(self.attempt, FIRST_PAUSE, LONGEST_PAUSE, rand::random());
        self.attempt = self.attempt.saturating_add(1);
        pause
    }
}
