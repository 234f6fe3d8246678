mod holding;
mod letter_box;
mod source;
mod work;

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use lapin::{Channel, options::BasicCancelOptions};
use metrics::gauge;
use tokio::{task::JoinSet, time::interval};
use tokio_util::sync::CancellationToken;
use zoetrope_service::Process;

pub use self::source::ConsumeFrom;
use self::{
    letter_box::LetterBox,
    work::{Origin, Work},
};
use crate::{
    BusSettings, Handler, dead_letters,
    error::LinkError,
    link::{Link, within},
    supervisor::{Session, Supervisor},
};

/// How often the dead letters of a shared queue are counted.
const CENSUS_INTERVAL: Duration = Duration::from_secs(30);

/// Starts to consume, and returns at once. The broker may be away.
///
/// Messages of a shared queue are handled up to `concurrency` at a time, those of a private queue one by one, in the order of their arrival. Each
/// is handled within a span that continues the trace it came with. When the process stops, no more messages are taken, those in hand are finished
/// and settled, and held ones go back to the queue.
pub fn consume(process: &Process, settings: &BusSettings, from: ConsumeFrom, handler: impl Handler) {
    let label = from.label();
    let stopping = process.stopping();
    let supervisor = Supervisor::new(process, settings, label);
    let mut consumer = Consumer {
        concurrency: from.concurrency(settings),
        prefetch: settings.prefetch,
        work: Arc::new(Work::new(label, from.gives_up(), handler, stopping.clone())),
        from,
        service: process.name(),
        in_hand: JoinSet::new(),
        stopping,
    };
    process.spawn("bus-consumer", async move {
        supervisor.run(&mut consumer).await;
        consumer.finish().await;
        Ok(())
    });
}

struct Consumer<H> {
    from: ConsumeFrom,
    service: &'static str,
    prefetch: std::num::NonZeroU16,
    concurrency: usize,
    work: Arc<Work<H>>,
    /// Also holds what is left of earlier connections: reconnecting must not multiply the work, nor wait for it.
    in_hand: JoinSet<()>,
    stopping: CancellationToken,
}

impl<H: Handler> Session for Consumer<H> {
    async fn run(&mut self, link: &mut Link) -> Result<(), LinkError> {
        // Ends what can no longer be settled.
        let ended = CancellationToken::new();
        let _end = ended.clone().drop_guard();
        let letter_box = LetterBox::open(&link.channel, self.from.label(), self.service).await?;
        let origin = Arc::new(Origin { ended, letter_box });

        let mut census = interval(CENSUS_INTERVAL);
        let mut deliveries = self.from.subscribe(&link.channel, self.prefetch).await?;
        loop {
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => break,
                () = origin.ended.cancelled() => return Err(LinkError::Unsettled),
                Some(_) = self.in_hand.join_next() => {}
                _ = census.tick() => self.count_dead_letters(&link.channel).await?,
                delivery = deliveries.next(), if self.in_hand.len() < self.concurrency => match delivery {
                    Some(Ok(delivery)) => {
                        self.in_hand.spawn(Arc::clone(&self.work).carry_out(delivery, Arc::clone(&origin)));
                    }
                    Some(Err(error)) => return Err(LinkError::Reported(error)),
                    None => return Err(LinkError::Cancelled),
                },
                error = link.lost() => return Err(error),
            }
        }
        let cancelled = link.channel.basic_cancel(deliveries.tag(), BasicCancelOptions::default());
        if let Err(error) = within("cancel the consumer", cancelled).await {
            tracing::debug!(%error, "the broker did not hear that no more messages are wanted");
        }
        // What the broker had sent ahead stays unsettled, and goes back to the queue with the end of the connection.
        self.finish().await;
        Ok(())
    }
}

impl<H> Consumer<H> {
    async fn count_dead_letters(&self, channel: &Channel) -> Result<(), LinkError> {
        if let ConsumeFrom::Shared(queue) = self.from {
            let count = dead_letters::count(channel, queue).await?;
            gauge!("zoetrope_bus_dead_letters", "queue" => queue).set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
        }
        Ok(())
    }

    async fn finish(&mut self) {
        while self.in_hand.join_next().await.is_some() {}
    }
}
