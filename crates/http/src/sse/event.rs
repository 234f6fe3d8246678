use std::{fmt, time::Duration};

use bytes::Bytes;
use serde_json::Value;

/// What is written at once: an event, or an instruction to the client's side of the stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    name: Option<&'static str>,
    id: Option<String>,
    retry_millis: Option<u128>,
    data: Option<String>,
}

impl Event {
    /// An event for those who listen to its name.
    pub fn named(name: &'static str, data: &Value) -> Self {
        Self { name: Some(name), ..Self::unnamed(data) }
    }

    /// An event for those who listen to all that has no name (`onmessage`).
    // JSON has its line breaks escaped, so its text is one line, as the format wants it.
    pub fn unnamed(data: &Value) -> Self {
        Self { data: Some(data.to_string()), ..Self::default() }
    }

    /// An event whose data is JSON already, in one line as `serde_json` writes it.
    pub fn rendered(name: &'static str, json: String) -> Self {
        Self { name: Some(name), data: Some(json), ..Self::default() }
    }

    /// No event: tells the client how long to wait before it connects again.
    pub fn retry(pause: Duration) -> Self {
        Self { retry_millis: Some(pause.as_millis()), ..Self::default() }
    }

    /// What the client shall send as `Last-Event-ID` when it connects again: one line.
    #[must_use]
    pub fn with_id(mut self, id: impl fmt::Display) -> Self {
        self.id = Some(id.to_string());
        self
    }

    pub(super) fn to_bytes(&self) -> Bytes {
        self.to_string().into()
    }
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(millis) = self.retry_millis {
            writeln!(formatter, "retry: {millis}")?;
        }
        if let Some(id) = &self.id {
            writeln!(formatter, "id: {id}")?;
        }
        if let Some(name) = self.name {
            writeln!(formatter, "event: {name}")?;
        }
        if let Some(data) = &self.data {
            writeln!(formatter, "data: {data}")?;
        }
        writeln!(formatter)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_lines_and_an_empty_one() {
        let event = Event::named("progress", &json!({ "percent": 7 })).with_id(12);
        assert_eq!(event.to_string(), "id: 12\nevent: progress\ndata: {\"percent\":7}\n\n");
        assert_eq!(Event::unnamed(&json!({ "step": 1 })).to_string(), "data: {\"step\":1}\n\n");
        assert_eq!(Event::rendered("start", "{}".to_owned()), Event::named("start", &json!({})));
        assert_eq!(Event::retry(Duration::from_millis(1500)).to_string(), "retry: 1500\n\n");
    }

    #[test]
    fn a_line_break_in_the_data_stays_within_its_line() {
        let event = Event::unnamed(&json!({ "message": "one\ntwo\r\nthree\revent: evil" }));
        assert_eq!(event.to_string().lines().count(), 2);
        assert!(!event.to_string().contains('\r'));
    }
}
