use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lapin::{Channel, options::ConfirmSelectOptions};
use tokio::{
    sync::{Mutex, MutexGuard, watch},
    time::sleep,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    error::LinkError,
    link::{Link, within},
    supervisor::Session,
};

/// How long a stopping process keeps the connection after the last batch.
const LINGER: Duration = Duration::from_secs(1);

/// A channel that takes messages. Dropping it, for whatever reason, ends the connection below it.
pub(super) struct Line {
    channel: Channel,
    ended: CancellationToken,
    _end: DropGuard,
}

impl Line {
    fn new(channel: Channel) -> Self {
        let ended = CancellationToken::new();
        Self { channel, _end: ended.clone().drop_guard(), ended }
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Waits until the connection is lost.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

/// Where publishers find the line, one at a time: the broker's answers name no batch, so two batches must not be under way together.
pub(super) struct Exchange {
    desk: Mutex<Desk>,
    connected: watch::Sender<bool>,
}

struct Desk {
    line: Option<Line>,
    last_used: Instant,
}

impl Default for Exchange {
    fn default() -> Self {
        Self { desk: Mutex::new(Desk { line: None, last_used: Instant::now() }), connected: watch::Sender::new(false) }
    }
}

impl Exchange {
    /// Waits for the batches in front.
    pub(super) async fn turn(&self) -> Turn<'_> {
        Turn(self.desk.lock().await)
    }

    pub(super) fn is_connected(&self) -> bool {
        *self.connected.borrow()
    }

    pub(super) async fn connected(&self) {
        // The sender lives in `self`: the wait cannot fail.
        let _ = self.connected.subscribe().wait_for(|connected| *connected).await;
    }

    async fn install(&self, line: Option<Line>) {
        let connected = line.is_some();
        self.desk.lock().await.line = line;
        self.connected.send_replace(connected);
    }

    /// How long the line has been idle; none while a batch is under way.
    fn idle(&self) -> Option<Duration> {
        self.desk.try_lock().ok().map(|desk| desk.last_used.elapsed())
    }
}

/// The exclusive use of the line.
pub(super) struct Turn<'a>(MutexGuard<'a, Desk>);

impl Turn<'_> {
    pub(super) fn take(&mut self) -> Option<Line> {
        self.0.line.take()
    }

    /// Offers the line to the next one.
    pub(super) fn put_back(&mut self, line: Line) {
        self.0.line = Some(line);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.last_used = Instant::now();
    }
}

/// Feeds lines to the exchange, one per connection.
pub(super) struct Feed {
    exchange: Arc<Exchange>,
    stopping: CancellationToken,
}

impl Feed {
    pub(super) fn new(exchange: Arc<Exchange>, stopping: CancellationToken) -> Self {
        Self { exchange, stopping }
    }

    async fn no_longer_needed(&self) {
        self.stopping.cancelled().await;
        sleep(LINGER).await;
        loop {
            match self.exchange.idle() {
                Some(idle) if idle >= LINGER => return,
                Some(idle) => sleep(LINGER.saturating_sub(idle)).await,
                None => sleep(LINGER).await,
            }
        }
    }
}

impl Session for Feed {
    async fn run(&mut self, link: &mut Link) -> Result<(), LinkError> {
        within("ask for confirms", link.channel.confirm_select(ConfirmSelectOptions::default())).await?;
        let line = Line::new(link.channel.clone());
        let ended = line.ended.clone();
        self.exchange.install(Some(line)).await;
        let outcome = tokio::select! {
            error = link.lost() => Err(error),
            () = ended.cancelled() => Err(LinkError::Unconfirmed),
            () = self.no_longer_needed() => Ok(()),
        };
        // A batch that is under way learns from this that it waits in vain, and gives its turn up.
        ended.cancel();
        self.exchange.install(None).await;
        outcome
    }
}
