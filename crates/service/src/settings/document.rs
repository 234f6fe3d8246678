//! The merged tree of settings, before it is given types.

use std::path::Path;

use config::{Config, ConfigError, Environment, File, FileFormat, Map, Source as _, Value};
use serde::de::DeserializeOwned;

use super::{ConfigArgs, ProcessSettings, SettingsError, secret_files};

const ENVIRONMENT_PREFIX: &str = "ZOETROPE";
const SEPARATOR: &str = "__";

/// The settings of one process, from all sources.
#[derive(Debug, Clone)]
pub(crate) struct Document(Map<String, Value>);

impl Document {
    /// Reads and merges all sources.
    pub(crate) fn read(
        args: &ConfigArgs,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        // Each layer replaces its `*_file` keys on its own, so that `KEY` in the environment wins over `key_file` in the file.
        let mut layers = Config::builder();
        if let Some(path) = &args.config {
            layers = layers.add_source(resolved(file_layer(path)?, path.parent())?);
        }
        let merged =
            layers.add_source(resolved(environment_layer(environment)?, None)?).build().map_err(SettingsError::from_config)?;
        Ok(Self(merged.collect().map_err(SettingsError::from_config)?))
    }

    /// Takes the sections that this crate owns out of the document, and leaves the service's.
    pub(crate) fn split(mut self) -> Result<(ProcessSettings, Self), SettingsError> {
        let own: Map<String, Value> =
            ProcessSettings::SECTIONS.iter().filter_map(|section| self.0.remove_entry(*section)).collect();
        Ok((Self(own).parse()?, self))
    }

    /// Gives the document its types.
    pub(crate) fn parse<S: DeserializeOwned>(self) -> Result<S, SettingsError> {
        self.clone().typed().map_err(|error| match error {
            SettingsError::Missing { key } if !key.contains('.') => self.first_missing::<S>(key),
            other => other,
        })
    }

    fn typed<S: DeserializeOwned>(self) -> Result<S, SettingsError> {
        S::deserialize(Value::new(None, self.0)).map_err(SettingsError::from_config)
    }

    /// What to ask for when a whole section is missing: the first key that it cannot do without.
    fn first_missing<S: DeserializeOwned>(mut self, section: String) -> SettingsError {
        self.0.insert(section.clone(), Value::new(None, Map::<String, Value>::new()));
        match self.typed::<S>() {
            Err(SettingsError::Missing { key }) if key.starts_with(&format!("{section}.")) => SettingsError::Missing { key },
            _ => SettingsError::Missing { key: section },
        }
    }
}

fn file_layer(path: &Path) -> Result<Config, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|source| SettingsError::File { path: path.to_owned(), source })?;
    Config::builder().add_source(File::from_str(&text, FileFormat::Toml)).build().map_err(|error| match error {
        ConfigError::FileParse { cause, .. } => SettingsError::Syntax { path: path.to_owned(), problem: cause.to_string() },
        other => SettingsError::from_config(other),
    })
}

fn environment_layer(environment: impl IntoIterator<Item = (String, String)>) -> Result<Config, SettingsError> {
    let variables: Map<String, String> = environment.into_iter().collect();
    let source = Environment::with_prefix(ENVIRONMENT_PREFIX)
        .prefix_separator(SEPARATOR)
        .separator(SEPARATOR)
        .ignore_empty(true)
        .source(Some(variables));
    Config::builder().add_source(source).build().map_err(SettingsError::from_config)
}

fn resolved(mut layer: Config, folder: Option<&Path>) -> Result<Config, SettingsError> {
    secret_files::resolve(&mut layer.cache, folder)?;
    Ok(layer)
}

/// The environment variable that sets a dotted key.
pub(super) fn variable_name(key: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{SEPARATOR}{}", key.to_uppercase().replace('.', SEPARATOR))
}
