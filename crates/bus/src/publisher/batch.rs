use std::collections::HashMap;

use lapin::{BasicProperties, Channel, Confirmation, options::BasicPublishOptions, types::ShortString};
use uuid::Uuid;

use super::PublishError;
use crate::{OutgoingMessage, topology};

/// A message that can be sent without harm to the connection.
pub(super) struct Checked<'a> {
    pub(super) id: Uuid,
    exchange: ShortString,
    routing_key: ShortString,
    mandatory: bool,
    properties: BasicProperties,
    payload: &'a [u8],
}

/// What the broker did not take, by message id.
pub(super) type Rejected = HashMap<Uuid, PublishError>;

/// Checks what would otherwise make the broker close the channel, with every other message on it.
pub(super) fn checked(message: &OutgoingMessage) -> Result<Checked<'_>, PublishError> {
    if message.payload.len() > OutgoingMessage::MAX_PAYLOAD {
        return Err(PublishError::Invalid("its body is larger than 16 MiB"));
    }
    if !topology::ZOETROPE.has_exchange(&message.exchange) {
        return Err(PublishError::Unroutable);
    }
    let short =
        |text: &str| ShortString::try_new(text).map_err(|_| PublishError::Invalid("its routing key is longer than 255 bytes"));
    Ok(Checked {
        id: message.message_id,
        exchange: short(&message.exchange)?,
        routing_key: short(&message.routing_key)?,
        mandatory: message.mandatory,
        properties: message.properties().map_err(|_| PublishError::Invalid("its type is longer than 255 bytes"))?,
        payload: &message.payload,
    })
}

/// Sends all messages, then waits for all confirms. Nothing else may be under way on the channel.
pub(super) async fn publish(channel: &Channel, messages: &[&Checked<'_>]) -> lapin::Result<Rejected> {
    let mut confirms = Vec::with_capacity(messages.len());
    for message in messages {
        let options = BasicPublishOptions { mandatory: message.mandatory, immediate: false };
        let sent = channel.basic_publish(
            message.exchange.clone(),
            message.routing_key.clone(),
            options,
            message.payload,
            message.properties.clone(),
        );
        confirms.push((message.id, sent.await?));
    }
    let mut rejected = Rejected::default();
    for (id, confirm) in confirms {
        let confirmation = confirm.await?;
        if !matches!(confirmation, Confirmation::Ack(_)) {
            rejected.entry(id).or_insert(PublishError::Refused);
        }
        // A returned message comes with the next confirm, which is another message's when the broker confirms out of order; but never later than
        // its own. Only its id says which one it is.
        if let Some(returned) = confirmation.take_message()
            && let Some(id) = returned.properties.message_id().as_ref().and_then(|id| id.as_str().parse().ok())
        {
            rejected.insert(id, PublishError::Unroutable);
        }
    }
    Ok(rejected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> OutgoingMessage {
        OutgoingMessage {
            message_id: Uuid::now_v7(),
            exchange: topology::EVENTS.to_owned(),
            routing_key: topology::TASK_UPDATED.to_owned(),
            message_type: "zoetrope.tasks.v1.TaskUpdated".to_owned(),
            mandatory: true,
            traceparent: None,
            payload: vec![1, 2, 3],
        }
    }

    fn refusal(message: &OutgoingMessage) -> Option<PublishError> {
        checked(message).err()
    }

    #[test]
    fn what_would_break_the_channel_is_not_sent() {
        assert_eq!(refusal(&message()), None);
        assert_eq!(refusal(&OutgoingMessage { exchange: "elsewhere".to_owned(), ..message() }), Some(PublishError::Unroutable));
        for bad in [
            OutgoingMessage { routing_key: "k".repeat(256), ..message() },
            OutgoingMessage { message_type: "t".repeat(256), ..message() },
            OutgoingMessage { payload: vec![0; OutgoingMessage::MAX_PAYLOAD + 1], ..message() },
        ] {
            assert!(matches!(refusal(&bad), Some(PublishError::Invalid(_))), "{bad:?}");
        }
    }
}
