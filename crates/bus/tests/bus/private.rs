use std::time::Duration;

use anyhow::{Context, Result};
use tokio::{sync::watch, time::timeout};
use zoetrope_bus::{BusSettings, ConsumeFrom, HandleError, OutgoingMessage, PublishError, Publisher, consume, topology};
use zoetrope_service::Process;

use crate::{
    broker::Broker,
    message,
    recorder::{Record, Recorder, counter},
    stop,
};

struct Replica {
    record: Record,
    connects: watch::Receiver<usize>,
}

impl Replica {
    fn start(process: &Process, settings: &BusSettings, (recorder, record): (Recorder, Record)) -> Self {
        let (on_connected, connects) = counter();
        let from = ConsumeFrom::Private {
            prefix: "notifier.live",
            exchange: topology::EVENTS,
            routing_keys: &[topology::TASK_UPDATED],
            on_connected,
        };
        consume(process, settings, from, recorder);
        Self { record, connects }
    }

    async fn connected(&mut self, times: usize) -> Result<()> {
        timeout(Duration::from_secs(30), self.connects.wait_for(|count| *count >= times)).await.context("not connected")??;
        Ok(())
    }
}

fn update() -> OutgoingMessage {
    OutgoingMessage { routing_key: topology::TASK_UPDATED.to_owned(), ..message() }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_replica_hears_everything_in_order() -> Result<()> {
    let broker = Broker::new().await?;
    let settings = broker.settings()?;
    let process = Process::detached("test");
    let publisher = Publisher::start(&process, &settings);
    let mut replicas =
        [Replica::start(&process, &settings, Recorder::content()), Replica::start(&process, &settings, Recorder::content())];
    for replica in &mut replicas {
        replica.connected(1).await?;
    }

    publisher.connected().await;
    let sent: Vec<_> = (0..500).map(|_| update()).collect();
    for result in publisher.publish_all(&sent).await {
        result?;
    }
    for replica in &mut replicas {
        for message in &sent {
            assert_eq!(replica.record.next().await?.message_id, Some(message.message_id));
        }
    }

    stop(process).await?;
    broker.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_cut_off_is_told_when_it_hears_again() -> Result<()> {
    let broker = Broker::new().await?;
    let (proxy, settings) = broker.behind_proxy().await?;
    let process = Process::detached("test");
    let publisher = Publisher::start(&process, &settings);
    let mut replica = Replica::start(&process, &settings, Recorder::content());
    replica.connected(1).await?;

    for times in 2..4 {
        proxy.cut();
        replica.connected(times).await?;
        publish(&publisher, &update()).await?;
        replica.record.next().await?;
    }

    stop(process).await?;
    broker.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_dropped_and_holds_up_nobody() -> Result<()> {
    let broker = Broker::new().await?;
    let settings = broker.settings()?;
    let process = Process::detached("test");
    let publisher = Publisher::start(&process, &settings);
    let mut replica = Replica::start(&process, &settings, Recorder::new(|_, _| Err(HandleError::failed("a bug"))));
    replica.connected(1).await?;

    publisher.connected().await;
    for message in [update(), update()] {
        publish(&publisher, &message).await?;
        assert_eq!(replica.record.next().await?.message_id, Some(message.message_id));
    }
    assert!(replica.record.is_silent().await);

    stop(process).await?;
    broker.remove().await
}

async fn publish(publisher: &Publisher, message: &OutgoingMessage) -> Result<()> {
    timeout(Duration::from_secs(30), async {
        loop {
            publisher.connected().await;
            match publisher.publish(message).await {
                Err(PublishError::Disconnected | PublishError::TimedOut) => tokio::time::sleep(Duration::from_millis(20)).await,
                result => return result,
            }
        }
    })
    .await
    .context("the publisher did not come back")??;
    Ok(())
}
