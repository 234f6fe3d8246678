use std::mem;

use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable, ShortString, ShortStringError},
};
use uuid::Uuid;

use crate::values::{as_count, as_text, header};

pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const DELIVERY_COUNT: &str = "x-delivery-count";
pub(crate) const PERSISTENT: u8 = 2;

/// A message to publish.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// Identity, by which consumers recognise a message that they have seen. Of version 7, it also gives the message's timestamp.
    pub message_id: Uuid,
    /// One of the exchanges of [`topology`](crate::topology).
    pub exchange: String,
    /// At most 255 bytes.
    pub routing_key: String,
    /// Full protobuf name, such as `zoetrope.tasks.v1.TaskUpdated`; at most 255 bytes.
    pub message_type: String,
    /// Whether it is an error when no queue takes it.
    pub mandatory: bool,
    /// The trace that it belongs to (W3C).
    pub traceparent: Option<String>,
    /// The encoded message, at most [`OutgoingMessage::MAX_PAYLOAD`] bytes.
    pub payload: Vec<u8>,
}

impl OutgoingMessage {
    /// Largest body, in bytes. The bus carries facts; files go through object storage.
    pub const MAX_PAYLOAD: usize = 16 * 1024 * 1024;

    pub(crate) fn properties(&self) -> Result<BasicProperties, ShortStringError> {
        let mut properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_content_type("application/protobuf".into())
            .with_message_id(ShortString::try_new(self.message_id.to_string())?)
            .with_type(ShortString::try_new(self.message_type.as_str())?);
        if let Some(made) = self.message_id.get_timestamp() {
            properties = properties.with_timestamp(made.to_unix().0);
        }
        if let Some(traceparent) = &self.traceparent {
            let mut headers = FieldTable::default();
            headers.insert(TRACEPARENT.into(), AMQPValue::LongString(traceparent.as_str().into()));
            properties = properties.with_headers(headers);
        }
        Ok(properties)
    }
}

impl std::fmt::Debug for OutgoingMessage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("OutgoingMessage")
            .field("message_id", &self.message_id)
            .field("message_type", &self.message_type)
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// A message that was delivered.
#[derive(Clone, PartialEq, Eq)]
pub struct IncomingMessage {
    /// None when the publisher gave none, or something else than a UUID.
    pub message_id: Option<Uuid>,
    /// Full protobuf name; empty when the publisher gave none.
    pub message_type: String,
    /// The key that it was published with; the queue's name after a replay from the dead letters.
    pub routing_key: String,
    /// The trace that it belongs to (W3C).
    pub traceparent: Option<String>,
    /// The encoded message.
    pub payload: Vec<u8>,
    /// How often it was delivered before, to anyone. Always 0 on a private queue.
    pub delivery_count: u64,
}

impl IncomingMessage {
    /// Takes the body out of the delivery, and leaves the rest there.
    pub(crate) fn take_from(delivery: &mut Delivery) -> Self {
        let payload = mem::take(&mut delivery.data);
        let properties = &delivery.properties;
        Self {
            message_id: properties.message_id().as_ref().and_then(|id| id.as_str().parse().ok()),
            message_type: properties.kind().as_ref().map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
            traceparent: header(properties, TRACEPARENT).and_then(as_text),
            delivery_count: header(properties, DELIVERY_COUNT).and_then(as_count).unwrap_or_default(),
            routing_key: delivery.routing_key.as_str().to_owned(),
            payload,
        }
    }
}

impl std::fmt::Debug for IncomingMessage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("IncomingMessage")
            .field("message_id", &self.message_id)
            .field("message_type", &self.message_type)
            .field("delivery_count", &self.delivery_count)
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> OutgoingMessage {
        OutgoingMessage {
            message_id: Uuid::now_v7(),
            exchange: "zoetrope.events".to_owned(),
            routing_key: "task.updated".to_owned(),
            message_type: "zoetrope.tasks.v1.TaskUpdated".to_owned(),
            mandatory: true,
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
            payload: b"a prompt that nobody else may read".to_vec(),
        }
    }

    #[test]
    fn properties_survive_the_journey() {
        let sent = message();
        let mut delivery =
            Delivery::mock(1, sent.exchange.as_str().into(), sent.routing_key.as_str().into(), false, sent.payload.clone());
        delivery.properties = sent.properties().unwrap();
        assert!(delivery.properties.timestamp().is_some());

        let received = IncomingMessage::take_from(&mut delivery);
        assert_eq!(received.message_id, Some(sent.message_id));
        assert_eq!(received.message_type, sent.message_type);
        assert_eq!(received.routing_key, sent.routing_key);
        assert_eq!(received.traceparent, sent.traceparent);
        assert_eq!(received.payload, sent.payload);
        assert_eq!(received.delivery_count, 0);
    }

    #[test]
    fn strangers_may_leave_everything_out() {
        let received = IncomingMessage::take_from(&mut Delivery::mock(1, "".into(), "".into(), false, vec![]));
        assert_eq!((received.message_id, received.message_type.as_str(), received.traceparent), (None, "", None));
    }

    #[test]
    fn bodies_are_not_shown() {
        let sent = message();
        let mut delivery = Delivery::mock(1, "".into(), "".into(), false, sent.payload.clone());
        delivery.properties = sent.properties().unwrap();
        for shown in [format!("{sent:?}"), format!("{:?}", IncomingMessage::take_from(&mut delivery))] {
            assert!(shown.contains("payload_bytes") && !shown.contains("payload:"), "{shown}");
        }
    }
}
