use serde_path_to_error::Path;

use crate::FieldError;

/// Turns what serde says at a place in the input into a field and a sentence that reads on from it.
///
/// `whole` is the name for the input as a whole.
pub(super) fn field_error(path: &Path, message: &str, whole: &str) -> FieldError {
    let path = match path.to_string().as_str() {
        "." => String::new(),
        path => path.to_owned(),
    };
    let message = without_position(message);

    // serde reports a missing field at the structure around it.
    if let Some(name) = quoted_after(message, "missing field ") {
        return FieldError::new(join(&path, name), "is required");
    }
    let at_root = path.is_empty();
    let field = if at_root { whole.to_owned() } else { path };
    let Some((problem, expected)) = message.rsplit_once(", expected ") else {
        return FieldError::new(field, in_plain_words(message));
    };
    if problem.starts_with("invalid type") || problem.starts_with("invalid length") || problem.starts_with("unknown variant") {
        // A Rust type's name means nothing to a client.
        let expected = if expected.starts_with("struct ") { "an object" } else { expected };
        return FieldError::new(field, format!("must be {expected}"));
    }
    FieldError::new(field, message)
}

/// What the standard library says of a query parameter that should be a number.
fn in_plain_words(message: &str) -> &str {
    match message {
        "invalid digit found in string" => "must be a whole number",
        "number too large to fit in target type" => "is too large",
        "number too small to fit in target type" => "is too small",
        other => other,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// `serde_json` ends its messages with " at line 1 column 20".
fn without_position(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(text, _)| text)
}

fn quoted_after<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    message.strip_prefix(prefix)?.strip_prefix('`')?.strip_suffix('`')
}
