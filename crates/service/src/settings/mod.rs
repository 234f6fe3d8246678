//! Settings: a TOML file, overridden by the environment, secrets from files.
//!
//! | source | form | example |
//! |---|---|---|
//! | file | the section and key of the TOML file named by `--config` or `ZOETROPE_CONFIG` | `[postgres]` `max_connections = 20` |
//! | environment | `ZOETROPE__SECTION__KEY`; an empty variable counts as unset | `ZOETROPE__POSTGRES__MAX_CONNECTIONS=20` |
//! | a file of its own | any key with `_file` appended, in either of the above; its trimmed contents are the value | `password_file = "/run/secrets/postgres"` |
//!
//! Values from the environment are converted to the type that the setting has, so a password of digits stays text. A relative
//! path in a settings file starts at that file's folder, one in the environment at the working directory.
//!
//! The sections `[telemetry]`, `[internal]` and `[shutdown]` ([`ProcessSettings`]) are read by this crate; a service's own
//! settings hold all the others, and may therefore refuse unknown sections by `#[serde(deny_unknown_fields)]`.

mod document;
mod error;
mod process;
mod secret_files;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde::de::DeserializeOwned;

pub(crate) use self::document::Document;
pub use self::{
    error::SettingsError,
    process::{InternalSettings, LogFormat, ProcessSettings, ShutdownSettings, TelemetrySettings},
};

/// The command line's part in settings: which file to read.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ConfigArgs {
    /// Settings file (TOML); the environment (ZOETROPE__SECTION__KEY) overrides it
    #[arg(long, value_name = "FILE", env = "ZOETROPE_CONFIG", global = true)]
    pub config: Option<PathBuf>,
}

/// Reads a service's own settings.
///
/// # Errors
///
/// When a file cannot be read or parsed, or a value is missing or of the wrong type; the message names the key.
pub fn load_settings<S: DeserializeOwned>(args: &ConfigArgs) -> Result<S, SettingsError> {
    load_settings_from(args, environment())
}

/// [`load_settings`] with an environment that is given rather than the process's own.
///
/// # Errors
///
/// As for [`load_settings`].
pub fn load_settings_from<S: DeserializeOwned>(
    args: &ConfigArgs,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<S, SettingsError> {
    Document::read(args, environment)?.split()?.1.parse()
}

/// The process's environment, as far as it is Unicode.
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
