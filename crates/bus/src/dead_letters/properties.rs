//! What is written on a message when it dies, and what is taken off again when it is to live.

use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};

use crate::{declare::text, message::PERSISTENT};

/// Why it died: an error with its causes, on one line.
pub(crate) const REASON: &str = "x-zoetrope-reason";
/// When it died, in milliseconds since 1970.
pub(crate) const DIED_AT: &str = "x-zoetrope-died-at";
/// Name of the service that gave it up.
pub(crate) const SERVICE: &str = "x-zoetrope-service";
/// How often it had been delivered.
pub(crate) const ATTEMPTS: &str = "x-zoetrope-attempts";
/// The key that it was published with.
pub(crate) const ROUTING_KEY: &str = "x-zoetrope-routing-key";

/// Most bytes of a reason.
const LONGEST_REASON: usize = 1024;

/// A message's death, as its consumer knows it.
#[derive(Debug)]
pub(crate) struct Death<'a> {
    pub(crate) reason: &'a str,
    /// Milliseconds since 1970.
    pub(crate) died_at: i64,
    pub(crate) service: &'a str,
    pub(crate) attempts: u64,
    pub(crate) routing_key: &'a str,
}

/// The properties of a message, with its death written on them.
pub(crate) fn dead(properties: &BasicProperties, death: &Death<'_>) -> BasicProperties {
    let mut headers = own_headers(properties);
    headers.insert(REASON.into(), text(&one_line(death.reason)));
    headers.insert(DIED_AT.into(), AMQPValue::LongLongInt(death.died_at));
    headers.insert(SERVICE.into(), text(death.service));
    headers.insert(ATTEMPTS.into(), AMQPValue::LongLongInt(i64::try_from(death.attempts).unwrap_or(i64::MAX)));
    headers.insert(ROUTING_KEY.into(), text(death.routing_key));
    without_headers(properties).with_headers(headers)
}

/// The properties of a message as it was before it died: nothing tells of deaths and deliveries, so its next consumer starts to count anew.
pub(crate) fn alive(properties: &BasicProperties) -> BasicProperties {
    without_headers(properties).with_headers(own_headers(properties))
}

/// The properties of a dead letter for a copy of it, which the broker has not counted yet.
pub(super) fn uncounted(properties: &BasicProperties) -> BasicProperties {
    let headers = headers_where(properties, |name| name != crate::message::DELIVERY_COUNT && !sends_copies(name));
    without_headers(properties).with_headers(headers)
}

/// What identifies and describes a message. Its sender's name, its expiry and its like are left out: the broker would refuse the first from anybody
/// else, and a dead letter must not vanish by itself.
fn without_headers(properties: &BasicProperties) -> BasicProperties {
    let mut kept = BasicProperties::default().with_delivery_mode(PERSISTENT);
    if let Some(content_type) = properties.content_type() {
        kept = kept.with_content_type(content_type.clone());
    }
    if let Some(id) = properties.message_id() {
        kept = kept.with_message_id(id.clone());
    }
    if let Some(kind) = properties.kind() {
        kept = kept.with_type(kind.clone());
    }
    if let Some(timestamp) = properties.timestamp() {
        kept = kept.with_timestamp(*timestamp);
    }
    kept
}

/// The headers that the publisher gave. Those that begin with `x-` are the broker's and ours.
fn own_headers(properties: &BasicProperties) -> FieldTable {
    headers_where(properties, |name| !name.starts_with("x-") && !sends_copies(name))
}

fn headers_where(properties: &BasicProperties, keep: impl Fn(&str) -> bool) -> FieldTable {
    let mut kept = FieldTable::default();
    for (name, value) in properties.headers().iter().flatten() {
        if keep(name.as_str()) {
            kept.insert(name.clone(), value.clone());
        }
    }
    kept
}

/// Whether RabbitMQ takes a header as a list of further queues to which the message goes.
fn sends_copies(header: &str) -> bool {
    matches!(header, "CC" | "BCC")
}

/// Without line breaks and other control characters, and cut to [`LONGEST_REASON`].
fn one_line(reason: &str) -> String {
    let mut line = String::with_capacity(reason.len().min(LONGEST_REASON));
    for character in reason.chars() {
        let character = if character.is_control() { ' ' } else { character };
        if line.len() + character.len_utf8() > LONGEST_REASON - '…'.len_utf8() {
            line.push('…');
            break;
        }
        line.push(character);
    }
    line
}

#[cfg(test)]
mod tests {
    use lapin::types::ShortString;

    use super::*;
    use crate::{
        message::{DELIVERY_COUNT, TRACEPARENT},
        values::{as_count, as_text, header},
    };

    fn published() -> BasicProperties {
        let mut headers = FieldTable::default();
        for name in [TRACEPARENT, "CC", "x-death", REASON] {
            headers.insert(name.into(), text("before"));
        }
        headers.insert(DELIVERY_COUNT.into(), AMQPValue::LongInt(20));
        BasicProperties::default()
            .with_content_type("application/protobuf".into())
            .with_message_id("an id".into())
            .with_type("a type".into())
            .with_timestamp(7)
            .with_expiration("1000".into())
            .with_user_id("somebody".into())
            .with_headers(headers)
    }

    fn names(properties: &BasicProperties) -> Vec<&str> {
        properties.headers().iter().flatten().map(|(name, _)| ShortString::as_str(name)).collect()
    }

    fn death(reason: &str) -> Death<'_> {
        Death { reason, died_at: 1_763_700_000_123, service: "poller", attempts: 21, routing_key: "job.submit" }
    }

    #[test]
    fn a_death_is_written_on_the_message_and_taken_off_again() {
        let dead = dead(&published(), &death("no table"));
        assert_eq!(header(&dead, REASON).and_then(as_text).as_deref(), Some("no table"));
        assert_eq!(header(&dead, DIED_AT).and_then(as_count), Some(1_763_700_000_123));
        assert_eq!(header(&dead, ATTEMPTS).and_then(as_count), Some(21));
        assert_eq!(names(&dead), [TRACEPARENT, ATTEMPTS, DIED_AT, SERVICE, REASON, ROUTING_KEY].sorted());

        let alive = alive(&dead);
        assert_eq!(names(&alive), [TRACEPARENT]);
        for properties in [&dead, &alive] {
            assert_eq!((properties.message_id(), properties.kind()), (published().message_id(), published().kind()));
            assert_eq!((*properties.timestamp(), *properties.delivery_mode()), (Some(7), Some(PERSISTENT)));
            assert_eq!((properties.expiration(), properties.user_id()), (&None, &None));
        }
    }

    #[test]
    fn a_copy_of_a_dead_letter_keeps_its_reason_and_starts_to_count_anew() {
        assert_eq!(names(&uncounted(&published())), [TRACEPARENT, "x-death", REASON].sorted());
    }

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(one_line("first\r\nsecond\u{1b}[2J"), "first  second [2J");
        let long = one_line(&"ä".repeat(2000));
        assert!(long.len() <= LONGEST_REASON && long.ends_with("ä…"), "{}", long.len());
    }

    trait Sorted {
        fn sorted(self) -> Self;
    }

    impl<const N: usize> Sorted for [&str; N] {
        fn sorted(mut self) -> Self {
            self.sort_unstable();
            self
        }
    }
}
