use serde_json::{Map, Value};

/// The fields of an object.
pub(in crate::provider) type Fields = Map<String, Value>;

/// A word as it is compared: `IN_PROGRESS`, `in-progress` and `InProgress` are one.
pub(in crate::provider) fn word(text: &str) -> String {
    letters(text).collect()
}

fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// The values of these fields, by the order of the names; a field is known by its [`word`].
pub(in crate::provider) fn first_field<'a>(object: &'a Fields, names: &'a [&str]) -> impl Iterator<Item = &'a Value> {
    names.iter().filter_map(|name| {
        object.get(*name).or_else(|| {
            let (_, value) = object.iter().find(|(own, _)| letters(own).eq(letters(name)))?;
            Some(value)
        })
    })
}

/// The first of these fields that holds text that is not blank.
pub(in crate::provider) fn text<'a>(object: &'a Fields, names: &'a [&str]) -> Option<&'a str> {
    first_field(object, names).filter_map(Value::as_str).map(str::trim).find(|text| !text.is_empty())
}
