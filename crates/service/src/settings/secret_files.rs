//! `key_file = "path"` supplies `key` from a file.

use std::path::Path;

use config::{Map, Value, ValueKind};

use super::SettingsError;

const SUFFIX: &str = "_file";

/// Replaces every `*_file` key in a layer by the key it supplies. Relative paths start at `folder`, or at the working directory.
pub(super) fn resolve(root: &mut Value, folder: Option<&Path>) -> Result<(), SettingsError> {
    resolve_value(root, folder, "")
}

fn resolve_value(value: &mut Value, folder: Option<&Path>, path: &str) -> Result<(), SettingsError> {
    match &mut value.kind {
        ValueKind::Table(table) => resolve_table(table, folder, path),
        ValueKind::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                resolve_value(item, folder, &format!("{path}[{index}]"))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn resolve_table(table: &mut Map<String, Value>, folder: Option<&Path>, path: &str) -> Result<(), SettingsError> {
    let dotted = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let file_keys: Vec<String> = table
        .iter()
        .filter(|(key, value)| key.len() > SUFFIX.len() && key.ends_with(SUFFIX) && matches!(value.kind, ValueKind::String(_)))
        .map(|(key, _)| key.clone())
        .collect();
    for file_key in file_keys {
        let key = &file_key[..file_key.len() - SUFFIX.len()];
        if table.contains_key(key) {
            return Err(SettingsError::Twice { key: dotted(key) });
        }
        let Some(Value { kind: ValueKind::String(file), .. }) = table.remove(&file_key) else {
            continue;
        };
        let file = folder.map_or_else(|| Path::new(&file).to_owned(), |folder| folder.join(&file));
        let contents = std::fs::read_to_string(&file).map_err(|source| SettingsError::SecretFile {
            key: dotted(&file_key),
            path: file.clone(),
            source,
        })?;
        let origin = file.display().to_string();
        table.insert(key.to_owned(), Value::new(Some(&origin), contents.trim()));
    }
    for (key, value) in table.iter_mut() {
        let path = dotted(key);
        resolve_value(value, folder, &path)?;
    }
    Ok(())
}
