use chrono::Utc;
use lapin::{BasicProperties, Channel, options::ConfirmSelectOptions};
use tokio::sync::Mutex;

use crate::{
    IncomingMessage,
    confirmed::{Receipt, publish_confirmed},
    dead_letters::{Death, dead},
    error::LinkError,
    link::within,
    topology::DEAD_LETTERS,
};

/// Takes the messages that a queue gives up, over the connection that they came from.
pub(super) struct LetterBox {
    channel: Channel,
    queue: &'static str,
    service: &'static str,
    /// One at a time, or the broker's answers could be mixed up.
    turn: Mutex<()>,
}

impl LetterBox {
    pub(super) async fn open(channel: &Channel, queue: &'static str, service: &'static str) -> Result<Self, LinkError> {
        within("ask for confirms", channel.confirm_select(ConfirmSelectOptions::default())).await?;
        Ok(Self { channel: channel.clone(), queue, service, turn: Mutex::new(()) })
    }

    /// Publishes the message to the dead-letter queue, with the reason.
    pub(super) async fn take(
        &self,
        properties: &BasicProperties,
        message: &IncomingMessage,
        reason: &str,
    ) -> Result<Receipt, LinkError> {
        let death = Death {
            reason,
            died_at: Utc::now().timestamp_millis(),
            service: self.service,
            attempts: message.delivery_count.saturating_add(1),
            routing_key: &message.routing_key,
        };
        let _turn = self.turn.lock().await;
        publish_confirmed(&self.channel, DEAD_LETTERS, self.queue, dead(properties, &death), &message.payload).await
    }
}
