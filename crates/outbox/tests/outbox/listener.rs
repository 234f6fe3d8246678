//! Somebody who hears what the outbox tells.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};
use uuid::Uuid;
use zoetrope_bus::{BusSettings, ConsumeFrom, HandleError, Handler, IncomingMessage, consume, topology};
use zoetrope_service::Process;

pub struct Listener {
    process: Process,
    heard: mpsc::Receiver<IncomingMessage>,
}

struct Forward(mpsc::Sender<IncomingMessage>);

impl Handler for Forward {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        self.0.send(message).await.map_err(HandleError::failed)
    }
}

impl Listener {
    pub fn start(bus: &BusSettings) -> Self {
        let process = Process::detached("listener");
        let (sender, heard) = mpsc::channel(10_000);
        consume(&process, bus, ConsumeFrom::Shared(topology::TASKS_USER_EVENTS), Forward(sender));
        Self { process, heard }
    }

    pub async fn next(&mut self) -> Result<IncomingMessage> {
        let deadline = Instant::now() + Duration::from_secs(30);
        timeout_at(deadline, self.heard.recv()).await.context("nothing was heard")?.context("the listener is gone")
    }

    /// Waits until all these were heard, and says how often each was.
    pub async fn all(&mut self, ids: &[Uuid]) -> Result<HashMap<Uuid, usize>> {
        let mut missing: HashSet<_> = ids.iter().copied().collect();
        let mut counts = HashMap::new();
        while !missing.is_empty() {
            let heard = self.next().await.with_context(|| format!("{} of {} messages are missing", missing.len(), ids.len()))?;
            let id = heard.message_id.context("a message without an id")?;
            missing.remove(&id);
            *counts.entry(id).or_default() += 1;
        }
        Ok(counts)
    }

    /// Whether nothing comes for a while.
    pub async fn is_silent(&mut self) -> bool {
        timeout_at(Instant::now() + Duration::from_millis(1_500), self.heard.recv()).await.is_err()
    }

    pub async fn stop(self) {
        self.process.stop(Duration::from_secs(10)).await;
    }
}
