use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

/// Where files are kept (`[storage]`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageSettings {
    pub backend: Backend,
    /// `local`: the folder, made when it is missing. Every service that reads or writes files needs to see the same one.
    pub path: Option<PathBuf>,
    /// `s3`: the bucket.
    pub bucket: Option<String>,
    /// `s3`: the region; `us-east-1` when absent.
    pub region: Option<String>,
    /// `s3`: the address of a compatible service; Amazon's own when absent. Plain `http` is accepted here.
    pub endpoint: Option<String>,
    /// `s3`: absent together with the secret key, the credentials of the machine are used.
    pub access_key: Option<String>,
    pub secret_key: Option<SecretString>,
}

/// The kinds of storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    Local,
    S3,
}

/// Settings from which no storage can be made; the message names the key.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{key} does not name a usable folder: {}", path.display())]
    Folder { key: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{0} is not usable")]
    Unusable(&'static str, #[source] object_store::Error),
    #[error("{0} is not the address of a web server")]
    Address(&'static str),
    #[error("{0} is shorter than 16 characters")]
    WeakSecret(&'static str),
    #[error("{0} must be a number of seconds from 1 to 31536000")]
    Lifetime(&'static str),
}
