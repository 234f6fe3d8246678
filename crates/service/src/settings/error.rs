use std::{io, path::PathBuf};

use config::ConfigError;

use super::document::variable_name;

/// What is wrong with the settings. Every message names the file or the dotted key (`section.key`) that needs attention.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The settings file cannot be read.
    #[error("cannot read the settings file {path}", path = path.display())]
    File { path: PathBuf, source: io::Error },

    /// The settings file is not TOML.
    #[error("the settings file {path} is not valid TOML: {problem}", path = path.display())]
    Syntax { path: PathBuf, problem: String },

    /// A required value is nowhere.
    #[error(
        "missing setting `{key}`: set it in the settings file, or as {variable} (or {variable}_FILE)",
        variable = variable_name(key)
    )]
    Missing { key: String },

    /// A value has the wrong type or is refused.
    #[error("bad setting `{key}`: {problem}")]
    Invalid { key: String, problem: String },

    /// A `*_file` key names a file that cannot be read.
    #[error("bad setting `{key}`: cannot read {path}", path = path.display())]
    SecretFile { key: String, path: PathBuf, source: io::Error },

    /// Both `key` and `key_file` are given in the same place.
    #[error("setting `{key}` is given twice: as `{key}` and as `{key}_file`; keep one")]
    Twice { key: String },

    /// Anything else; no known case.
    #[error("bad settings: {0}")]
    Other(String),
}

impl SettingsError {
    /// Brings the `config` crate's errors, which carry the key in one of three shapes, to one.
    pub(super) fn from_config(error: ConfigError) -> Self {
        match error {
            ConfigError::NotFound(key) => Self::Missing { key },
            ConfigError::Type { origin, unexpected, expected, key: Some(key) } => {
                let origin = origin.map(|origin| format!(" (from {origin})")).unwrap_or_default();
                Self::Invalid { key, problem: format!("expected {expected}, found {unexpected}{origin}") }
            }
            ConfigError::At { error, key: Some(key), .. } => Self::Invalid { key, problem: error.to_string() },
            other => Self::Other(other.to_string()),
        }
    }

    /// A value that parsed, but that its owner refuses.
    pub fn invalid(key: impl Into<String>, problem: impl ToString) -> Self {
        Self::Invalid { key: key.into(), problem: problem.to_string() }
    }
}
