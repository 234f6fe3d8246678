use std::{
    error::Error,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use lapin::{
    Acker,
    message::Delivery,
    options::{BasicAckOptions, BasicRejectOptions},
};
use metrics::{counter, histogram};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};
use zoetrope_domain::backoff;
use zoetrope_service::trace;

use super::{holding::Holding, source::GivesUp};
use crate::{HandleError, Handler, IncomingMessage, link::BROKER_TIMEOUT, topology::DELIVERY_LIMIT};

/// Pauses of a held message.
const FIRST_HOLD: Duration = Duration::from_millis(200);
const LONGEST_HOLD: Duration = Duration::from_secs(5);
/// Pauses before a failed message is given back. All tries together take about half a minute.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(2);

/// What is done with each message of one queue.
pub(super) struct Work<H> {
    queue: &'static str,
    gives_up: GivesUp,
    handler: H,
    holding: Holding,
    stopping: CancellationToken,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Done,
    Again,
    GivenUp,
    /// Nothing is said about it: the end of the connection gives it back.
    Unsettled,
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Again => "again",
            Self::GivenUp => "given_up",
            Self::Unsettled => "unsettled",
        }
    }
}

impl<H: Handler> Work<H> {
    pub(super) fn new(queue: &'static str, gives_up: GivesUp, handler: H, stopping: CancellationToken) -> Self {
        Self { queue, gives_up, handler, holding: Holding::new(queue), stopping }
    }

    /// Handles one delivery to its end. `session` ends with the connection that the delivery belongs to; a delivery that cannot be settled ends it.
    pub(super) async fn carry_out(self: Arc<Self>, delivery: Delivery, session: CancellationToken) {
        let acker = delivery.acker.clone();
        let message = IncomingMessage::new(delivery);
        let span = self.span(&message);
        async {
            let verdict = self.judge(message, &session).await;
            counter!("zoetrope_bus_consumed_total", "queue" => self.queue, "outcome" => verdict.as_str()).increment(1);
            if !settle(&acker, verdict).await {
                session.cancel();
            }
        }
        .instrument(span)
        .await;
    }

    fn span(&self, message: &IncomingMessage) -> Span {
        let span = tracing::info_span!(
            "consume",
            otel.kind = "consumer",
            queue = self.queue,
            message_type = message.message_type,
            message_id = message.message_id.map(tracing::field::display),
        );
        trace::continue_from(&span, message.traceparent.as_deref());
        span
    }

    async fn judge(&self, message: IncomingMessage, session: &CancellationToken) -> Verdict {
        let deliveries = message.delivery_count;
        let mut attempt = 0;
        let mut held = None;
        loop {
            match self.attempt(message.clone()).await {
                Ok(()) => return Verdict::Done,
                Err(HandleError::Unavailable(error)) => {
                    held.get_or_insert_with(|| self.holding.hold(&*error));
                    let pause = backoff::exponential(attempt, FIRST_HOLD, LONGEST_HOLD, rand::random());
                    if !self.pause(pause, session).await {
                        return Verdict::Unsettled;
                    }
                    attempt = attempt.saturating_add(1);
                }
                Err(HandleError::Poison(error)) => {
                    tracing::error!(error = &*error, "a message cannot be handled; it is given up");
                    return Verdict::GivenUp;
                }
                Err(HandleError::Failed(error)) => return self.failed(&*error, deliveries, session).await,
            }
        }
    }

    async fn attempt(&self, message: IncomingMessage) -> Result<(), HandleError> {
        let started = Instant::now();
        let result = AssertUnwindSafe(self.handler.handle(message)).catch_unwind().await;
        histogram!("zoetrope_bus_handle_seconds", "queue" => self.queue).record(started.elapsed());
        result.unwrap_or_else(|_| Err(HandleError::failed("the handler panicked")))
    }

    async fn failed(&self, error: &(dyn Error + Send + Sync + 'static), deliveries: u64, session: &CancellationToken) -> Verdict {
        match self.gives_up {
            GivesUp::ToNobody => {
                tracing::error!(error, "handling a message failed; it is dropped");
                Verdict::GivenUp
            }
            GivesUp::ToDeadLetters if deliveries >= DELIVERY_LIMIT.into() => {
                tracing::error!(
                    error,
                    deliveries,
                    "handling a message failed too often; the broker moves it to the dead letters"
                );
                Verdict::Again
            }
            GivesUp::ToDeadLetters => {
                tracing::warn!(error, deliveries, "handling a message failed; it is tried again");
                let attempt = u32::try_from(deliveries).unwrap_or(u32::MAX);
                // A process that stops does not wait, but says that it failed all the same.
                self.pause(backoff::exponential(attempt, FIRST_RETRY, LONGEST_RETRY, rand::random()), session).await;
                Verdict::Again
            }
        }
    }

    /// False if waiting is in vain: the process stops, or the connection has ended.
    async fn pause(&self, pause: Duration, session: &CancellationToken) -> bool {
        tokio::select! {
            () = sleep(pause) => true,
            () = self.stopping.cancelled() => false,
            () = session.cancelled() => false,
        }
    }
}

/// Tells the broker. False if the connection is no good for it.
async fn settle(acker: &Acker, verdict: Verdict) -> bool {
    let told = async {
        match verdict {
            Verdict::Done => acker.ack(BasicAckOptions::default()).await,
            // `nack` would not count towards the delivery limit in all versions of RabbitMQ.
            Verdict::Again => acker.reject(BasicRejectOptions { requeue: true }).await,
            Verdict::GivenUp => acker.reject(BasicRejectOptions { requeue: false }).await,
            Verdict::Unsettled => Ok(true),
        }
    };
    matches!(timeout(BROKER_TIMEOUT, told).await, Ok(Ok(true)))
}
