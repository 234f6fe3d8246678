use std::{
    error::Error,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use lapin::{
    message::Delivery,
    options::{BasicAckOptions, BasicRejectOptions},
};
use metrics::{counter, histogram};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};
use zoetrope_domain::backoff;
use zoetrope_service::trace;

use super::{holding::Holding, letter_box::LetterBox, source::GivesUp};
use crate::{HandleError, Handler, IncomingMessage, confirmed::Receipt, error::chain, link::within, topology::DELIVERY_LIMIT};

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

/// The connection that deliveries came over.
pub(super) struct Origin {
    /// Ends with it. A delivery that cannot be settled ends it.
    pub(super) ended: CancellationToken,
    pub(super) letter_box: LetterBox,
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Done,
    Again,
    /// It is set aside, with the reason.
    Dead(String),
    Dropped,
    /// Nothing is said about it: the end of the connection gives it back.
    Unsettled,
}

impl Verdict {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Again => "again",
            Self::Dead(_) | Self::Dropped => "given_up",
            Self::Unsettled => "unsettled",
        }
    }
}

impl<H: Handler> Work<H> {
    pub(super) fn new(queue: &'static str, gives_up: GivesUp, handler: H, stopping: CancellationToken) -> Self {
        Self { queue, gives_up, handler, holding: Holding::new(queue), stopping }
    }

    /// Handles one delivery to its end.
    pub(super) async fn carry_out(self: Arc<Self>, mut delivery: Delivery, origin: Arc<Origin>) {
        let message = IncomingMessage::take_from(&mut delivery);
        let span = self.span(&message);
        async {
            let verdict = self.judge(&message, &origin.ended).await;
            counter!("zoetrope_bus_consumed_total", "queue" => self.queue, "outcome" => verdict.as_str()).increment(1);
            if !settle(&delivery, &message, verdict, &origin).await {
                origin.ended.cancel();
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

    async fn judge(&self, message: &IncomingMessage, session: &CancellationToken) -> Verdict {
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
                    return self.given_up(&*error);
                }
                Err(HandleError::Failed(error)) => return self.failed(&*error, message.delivery_count, session).await,
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
                self.given_up(error)
            }
            GivesUp::ToDeadLetters if deliveries >= DELIVERY_LIMIT.into() => {
                tracing::error!(error, deliveries, "handling a message failed too often; it is given up");
                self.given_up(error)
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

    fn given_up(&self, error: &(dyn Error + Send + Sync + 'static)) -> Verdict {
        match self.gives_up {
            GivesUp::ToDeadLetters => Verdict::Dead(chain(error)),
            GivesUp::ToNobody => Verdict::Dropped,
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
async fn settle(delivery: &Delivery, message: &IncomingMessage, verdict: Verdict, origin: &Origin) -> bool {
    let acker = &delivery.acker;
    let acknowledged = || within("acknowledge a message", acker.ack(BasicAckOptions::default()));
    // `nack` would not count towards the delivery limit in all versions of RabbitMQ.
    let rejected = |requeue| within("reject a message", acker.reject(BasicRejectOptions { requeue }));
    let told = match verdict {
        Verdict::Done => acknowledged().await,
        Verdict::Again => rejected(true).await,
        Verdict::Dead(reason) => match set_aside(delivery, message, &reason, origin).await {
            Some(Receipt::Taken) => acknowledged().await,
            // The broker moves it by itself as soon as there is room, without the reason.
            Some(Receipt::Refused) => rejected(false).await,
            // The next connection declares the queue that is missing, and the message comes again.
            Some(Receipt::Unroutable) | None => Ok(false),
        },
        Verdict::Dropped => rejected(false).await,
        Verdict::Unsettled => Ok(true),
    };
    matches!(told, Ok(true))
}

/// None if the connection was lost before the broker said anything: then the message comes again, and is perhaps set aside twice.
async fn set_aside(delivery: &Delivery, message: &IncomingMessage, reason: &str, origin: &Origin) -> Option<Receipt> {
    let receipt = tokio::select! {
        receipt = origin.letter_box.take(&delivery.properties, message, reason) => receipt,
        () = origin.ended.cancelled() => return None,
    };
    match &receipt {
        Ok(Receipt::Taken) => {}
        Ok(refusal) => tracing::error!(?refusal, "the broker did not take a dead letter"),
        Err(error) => tracing::warn!(error = error as &dyn Error, "a dead letter was not confirmed"),
    }
    receipt.ok()
}
