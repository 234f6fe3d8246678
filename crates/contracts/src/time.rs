use chrono::{DateTime, Utc};
use prost_types::Timestamp;

/// A moment as it travels, with all its precision.
pub fn timestamp(moment: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: moment.timestamp(),
        // A leap second counts more than a full second of nanoseconds in chrono; the wire format forbids that.
        nanos: moment.timestamp_subsec_nanos().min(999_999_999).cast_signed(),
    }
}

/// The moment of a received timestamp; `None` when it is absent or outside the calendar.
pub fn datetime(timestamp: Option<&Timestamp>) -> Option<DateTime<Utc>> {
    let timestamp = timestamp?;
    DateTime::from_timestamp(timestamp.seconds, u32::try_from(timestamp.nanos).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_survives_the_journey() {
        let moment = DateTime::from_timestamp(1_763_700_000, 123_456_789).unwrap();
        assert_eq!(datetime(Some(&timestamp(moment))), Some(moment));
    }

    #[test]
    fn nonsense_is_no_moment() {
        assert_eq!(datetime(None), None);
        assert_eq!(datetime(Some(&Timestamp { seconds: 0, nanos: -1 })), None);
        assert_eq!(datetime(Some(&Timestamp { seconds: i64::MAX, nanos: 0 })), None);
    }
}
