use std::fmt;

use serde::Serialize;
use serde_json::{Number, Value};
use uuid::Uuid;

/// Names a connection towards its client: `ws_` and 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionId(Uuid);

impl ConnectionId {
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ws_{}", self.0.simple())
    }
}

/// The `id` by which a client recognises the answer to its request: a text of up to 128 bytes, or a number.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum FrameId {
    Text(String),
    Number(Number),
}

impl FrameId {
    const LONGEST: usize = 128;

    /// Anything else is treated as no id: the request is worth an answer all the same.
    pub fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::String(text) if text.len() <= Self::LONGEST => Some(Self::Text(text)),
            Value::Number(number) => Some(Self::Number(number)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_come_back_as_they_were_sent() {
        for id in [json!("sub-1"), json!(7), json!(1.5)] {
            assert_eq!(json!(FrameId::from_value(id.clone())), id);
        }
    }

    #[test]
    fn what_is_no_id_is_left_out() {
        for id in [json!(null), json!(["a"]), json!({}), json!(true), json!("x".repeat(129))] {
            assert_eq!(FrameId::from_value(id), None);
        }
    }
}
