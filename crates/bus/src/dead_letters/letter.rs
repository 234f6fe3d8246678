use chrono::{DateTime, Utc};
use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable},
};
use serde::Serialize;

use super::properties::{ATTEMPTS, DIED_AT, REASON, ROUTING_KEY, SERVICE};
use crate::{
    message::TRACEPARENT,
    values::{as_count, as_text, header},
};

/// A message that was set aside, without its body. What strangers or older versions left out is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// The queue that gave it up.
    pub queue: String,
    /// As the publisher gave it; a UUID for all messages of the platform.
    pub message_id: Option<String>,
    /// Full protobuf name; empty when the publisher gave none.
    pub message_type: String,
    /// The key that it was published with.
    pub routing_key: Option<String>,
    /// Why it is here, on one line of at most 1 kB: the error of its last handling, or what the broker says.
    pub reason: String,
    pub died_at: Option<DateTime<Utc>>,
    /// To the second.
    pub published_at: Option<DateTime<Utc>>,
    /// How often it had been delivered; none when the broker gave it up.
    pub attempts: Option<u64>,
    /// The service that gave it up; none when the broker did.
    pub service: Option<String>,
    /// Length of the body.
    pub payload_bytes: usize,
    /// The trace that it belongs to (W3C).
    pub traceparent: Option<String>,
}

impl DeadLetter {
    pub(super) fn read(queue: &str, delivery: &Delivery) -> Self {
        let properties = &delivery.properties;
        let text = |name| header(properties, name).and_then(as_text);
        let count = |name| header(properties, name).and_then(as_count);
        let death = BrokersDeath::of(properties);
        Self {
            queue: queue.to_owned(),
            message_id: properties.message_id().as_ref().map(|id| id.as_str().to_owned()),
            message_type: properties.kind().as_ref().map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
            routing_key: text(ROUTING_KEY).or_else(|| death.as_ref()?.routing_key()),
            reason: text(REASON)
                .or_else(|| Some(death.as_ref()?.reason()))
                .unwrap_or_else(|| "unknown: somebody put it here".to_owned()),
            died_at: count(DIED_AT)
                .and_then(|millis| DateTime::from_timestamp_millis(i64::try_from(millis).ok()?))
                .or_else(|| death.as_ref()?.died_at()),
            published_at: properties.timestamp().and_then(moment),
            attempts: count(ATTEMPTS),
            service: text(SERVICE),
            payload_bytes: delivery.data.len(),
            traceparent: text(TRACEPARENT),
        }
    }
}

/// What the broker notes on a message that it moves to the dead letters by itself: the newest of the deaths in `x-death`.
struct BrokersDeath<'a>(&'a FieldTable);

impl<'a> BrokersDeath<'a> {
    fn of(properties: &'a BasicProperties) -> Option<Self> {
        let Some(AMQPValue::FieldArray(deaths)) = header(properties, "x-death") else { return None };
        deaths.as_slice().iter().find_map(|death| if let AMQPValue::FieldTable(death) = death { Some(Self(death)) } else { None })
    }

    fn reason(&self) -> String {
        let reason = self.0.inner().get("reason").and_then(as_text).unwrap_or_default();
        match reason.as_str() {
            "delivery_limit" => "delivered too often: whoever had it failed or died, and could not say why".to_owned(),
            "rejected" => "rejected by its consumer, whose log says why".to_owned(),
            other => format!("the broker gave it up: {other}"),
        }
    }

    fn died_at(&self) -> Option<DateTime<Utc>> {
        match self.0.inner().get("time") {
            Some(AMQPValue::Timestamp(seconds)) => moment(*seconds),
            _ => None,
        }
    }

    fn routing_key(&self) -> Option<String> {
        match self.0.inner().get("routing-keys") {
            Some(AMQPValue::FieldArray(keys)) => keys.as_slice().first().and_then(as_text),
            _ => None,
        }
    }
}

fn moment(seconds: u64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dead_letters::properties::{Death, dead},
        declare::{arguments, text},
    };

    fn letter(properties: BasicProperties) -> DeadLetter {
        let mut delivery = Delivery::mock(1, "".into(), "q.dead".into(), false, vec![1, 2, 3]);
        delivery.properties = properties;
        DeadLetter::read("q", &delivery)
    }

    #[test]
    fn a_death_is_read_as_its_consumer_wrote_it() {
        let death = Death {
            reason: "no such type",
            died_at: 1_763_700_000_123,
            service: "poller",
            attempts: 1,
            routing_key: "job.submit",
        };
        let published =
            BasicProperties::default().with_message_id("an id".into()).with_type("a type".into()).with_timestamp(1_763_000_000);
        let letter = letter(dead(&published, &death));
        assert_eq!(
            (letter.queue.as_str(), letter.message_id.as_deref(), letter.message_type.as_str()),
            ("q", Some("an id"), "a type")
        );
        assert_eq!(
            (letter.reason.as_str(), letter.attempts, letter.service.as_deref()),
            ("no such type", Some(1), Some("poller"))
        );
        assert_eq!(letter.died_at.map(|at| at.timestamp_millis()), Some(1_763_700_000_123));
        assert_eq!(letter.published_at.map(|at| at.timestamp()), Some(1_763_000_000));
        assert_eq!((letter.routing_key.as_deref(), letter.payload_bytes), (Some("job.submit"), 3));
    }

    #[test]
    fn a_death_by_the_broker_is_told_in_words() {
        let death = arguments([
            ("reason", text("delivery_limit")),
            ("time", AMQPValue::Timestamp(1_763_700_000)),
            ("routing-keys", AMQPValue::FieldArray(vec![text("job.submit")].into())),
        ]);
        let deaths = AMQPValue::FieldArray(vec![AMQPValue::FieldTable(death)].into());
        let letter = letter(BasicProperties::default().with_headers(arguments([("x-death", deaths)])));
        assert!(letter.reason.starts_with("delivered too often"), "{}", letter.reason);
        assert_eq!(letter.died_at.map(|at| at.timestamp()), Some(1_763_700_000));
        assert_eq!((letter.routing_key.as_deref(), letter.attempts), (Some("job.submit"), None));
    }

    #[test]
    fn a_stranger_may_leave_everything_out() {
        let letter = letter(BasicProperties::default());
        assert_eq!((letter.message_id, letter.message_type.as_str(), letter.died_at), (None, "", None));
        assert!(letter.reason.starts_with("unknown"));
    }
}
