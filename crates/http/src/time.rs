use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serializer;

/// Writes a moment as clients read it: ISO 8601 in UTC with milliseconds. For `#[serde(serialize_with = "...")]`.
pub fn iso_millis<S: Serializer>(moment: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&moment.to_rfc3339_opts(SecondsFormat::Millis, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_end_in_milliseconds_and_z() {
        let moment = DateTime::from_timestamp(1_763_700_000, 123_456_789).unwrap();
        let json = iso_millis(&moment, serde_json::value::Serializer).unwrap();
        assert_eq!(json, "2025-11-21T04:40:00.123Z");
    }
}
