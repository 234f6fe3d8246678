use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

/// `[postgres]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresSettings {
    /// `postgres://user[:password]@host:port/database[?sslmode=…]`.
    ///
    /// `sslmode` is `disable`, `prefer` (the default: encrypted if the server offers it) or `require`. An encrypted connection
    /// always verifies the server's certificate, in every mode; a server with a certificate of its own making needs
    /// `ca_certificates` or `disable`.
    pub url: SecretString,
    /// Overrides the URL's password.
    #[serde(default)]
    pub password: Option<SecretString>,
    /// Certificates (PEM) that may have signed the server's, instead of those the system trusts. Usually given as
    /// `ca_certificates_file`.
    #[serde(default)]
    pub ca_certificates: Option<String>,
    /// Most connections this process opens. Default 10.
    #[serde(default = "default_max_connections")]
    pub max_connections: usize,
    /// Seconds to wait for a connection to be established. Default 5.
    #[serde(default = "default_timeout")]
    pub connect_timeout_seconds: u64,
    /// Seconds to wait for a free connection when all are in use. Default 5.
    #[serde(default = "default_timeout")]
    pub acquire_timeout_seconds: u64,
    /// Seconds after which the server cancels a statement. Default 30; 0 for no limit.
    #[serde(default = "default_statement_timeout")]
    pub statement_timeout_seconds: u64,
}

fn default_max_connections() -> usize {
    10
}

fn default_timeout() -> u64 {
    5
}

fn default_statement_timeout() -> u64 {
    30
}

impl PostgresSettings {
    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_seconds)
    }

    pub(crate) fn acquire_timeout(&self) -> Duration {
        Duration::from_secs(self.acquire_timeout_seconds)
    }

    pub(crate) fn statement_timeout(&self) -> Duration {
        Duration::from_secs(self.statement_timeout_seconds)
    }
}
