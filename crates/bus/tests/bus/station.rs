//! A process on a broker of its own.

use anyhow::{Result, ensure};
use zoetrope_bus::{BusSettings, ConsumeFrom, OutgoingMessage, Publisher, consume, topology};
use zoetrope_service::Process;

use crate::{
    broker::Broker,
    message,
    recorder::{Record, Recorder},
    stop,
};

/// The queue that takes every [`message`].
pub const QUEUE: &str = topology::TASKS_USER_EVENTS;
/// Where those end that are given up.
pub const DEAD: &str = "tasks.user-events.dead";

/// A process that is connected and publishes.
pub struct Station {
    pub broker: Broker,
    settings: BusSettings,
    process: Process,
    pub publisher: Publisher,
}

impl Station {
    pub async fn new() -> Result<Self> {
        Self::on(Broker::new().await?).await
    }

    pub async fn on(broker: Broker) -> Result<Self> {
        let settings = broker.settings()?;
        Ok(Self::through(broker, settings).await)
    }

    /// With settings that lead to the broker in some other way.
    pub async fn through(broker: Broker, settings: BusSettings) -> Self {
        let process = Process::detached("test");
        let publisher = Publisher::start(&process, &settings);
        publisher.connected().await;
        Self { broker, settings, process, publisher }
    }

    /// Consumes [`QUEUE`] from now on.
    pub fn consume(&self, (recorder, record): (Recorder, Record)) -> Record {
        consume(&self.process, &self.settings, ConsumeFrom::Shared(QUEUE), recorder);
        record
    }

    /// Publishes a message.
    pub async fn send(&self) -> Result<OutgoingMessage> {
        let message = message();
        self.publisher.publish(&message).await?;
        Ok(message)
    }

    /// Stops the process.
    pub async fn stop(self) -> Result<Broker> {
        stop(self.process).await?;
        Ok(self.broker)
    }

    /// Stops the process and deletes the broker's part.
    pub async fn end(self) -> Result<()> {
        self.stop().await?.remove().await
    }

    /// [`end`](Self::end), if no message is left.
    pub async fn end_empty(self) -> Result<()> {
        let broker = self.stop().await?;
        ensure!(broker.is_empty(QUEUE).await? && broker.is_empty(DEAD).await?, "a message is left");
        broker.remove().await
    }
}
