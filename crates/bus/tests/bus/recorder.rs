//! A handler that does as it is told and remembers what it got.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::{
    sync::{Mutex, mpsc},
    time::timeout,
};
use uuid::Uuid;
use zoetrope_bus::{HandleError, Handler, IncomingMessage};

type Plan = dyn Fn(&IncomingMessage, usize) -> Result<(), HandleError> + Send + Sync;

/// Sends what it got to a [`Record`], and answers by a plan that knows how often it got that message before.
pub struct Recorder {
    plan: Box<Plan>,
    takes: Duration,
    seen: Mutex<HashMap<Option<Uuid>, usize>>,
    sender: mpsc::Sender<IncomingMessage>,
}

pub struct Record(mpsc::Receiver<IncomingMessage>);

impl Recorder {
    pub fn new(plan: impl Fn(&IncomingMessage, usize) -> Result<(), HandleError> + Send + Sync + 'static) -> (Self, Record) {
        let (sender, receiver) = mpsc::channel(10_000);
        (Self { plan: Box::new(plan), takes: Duration::ZERO, seen: Mutex::default(), sender }, Record(receiver))
    }

    pub fn content() -> (Self, Record) {
        Self::new(|_, _| Ok(()))
    }

    pub fn taking(mut self, time: Duration) -> Self {
        self.takes = time;
        self
    }
}

impl Handler for Recorder {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        let before = {
            let mut seen = self.seen.lock().await;
            let count = seen.entry(message.message_id).or_default();
            *count += 1;
            *count - 1
        };
        let answer = (self.plan)(&message, before);
        self.sender.send(message).await.map_err(HandleError::failed)?;
        tokio::time::sleep(self.takes).await;
        answer
    }
}

impl Record {
    /// The next message, waiting for it.
    pub async fn next(&mut self) -> Result<IncomingMessage> {
        let next = timeout(Duration::from_secs(30), self.0.recv()).await.context("no message came")?;
        next.context("the handler is gone")
    }

    /// Whether nothing comes for a while.
    pub async fn is_silent(&mut self) -> bool {
        timeout(Duration::from_millis(500), self.0.recv()).await.is_err()
    }
}

/// A way to count calls from a closure.
pub fn counter() -> (Arc<dyn Fn() + Send + Sync>, tokio::sync::watch::Receiver<usize>) {
    let sender = tokio::sync::watch::Sender::new(0);
    let receiver = sender.subscribe();
    (Arc::new(move || sender.send_modify(|count| *count += 1)), receiver)
}
