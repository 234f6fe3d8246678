use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Elements of a list that are kept: more than the videos of a page.
const MAX_ELEMENTS: usize = 256;
/// Fields of an object that are kept.
const MAX_FIELDS: usize = 4096;
/// Lists and objects that are kept.
const MAX_CONTAINERS: usize = 8192;

/// Reads JSON and keeps a bounded part of it, the beginning of each list and of each object: a provider's answer may be long.
pub(super) fn value(text: &str) -> Option<Value> {
    let containers = Cell::new(MAX_CONTAINERS);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Bounded { containers: &containers }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(value)
}

#[derive(Clone, Copy)]
struct Bounded<'a> {
    containers: &'a Cell<usize>,
}

impl Bounded<'_> {
    /// Whether another list or object may be kept.
    fn take(&self) -> bool {
        let left = self.containers.get();
        self.containers.set(left.saturating_sub(1));
        left > 0
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        if self.take() {
            while kept.len() < MAX_ELEMENTS
                && let Some(element) = list.next_element_seed(self)?
            {
                kept.push(element);
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        if self.take() {
            while kept.len() < MAX_FIELDS
                && let Some(name) = object.next_key::<String>()?
            {
                let value = object.next_value_seed(self)?;
                kept.insert(name, value);
            }
        }
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object(kept))
    }
}
