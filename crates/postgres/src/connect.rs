//! One connection: where to, how, and on which runtime.

use std::{str::FromStr as _, time::Duration};

use diesel::{ConnectionError, ConnectionResult};
use secrecy::ExposeSecret as _;
use tokio::runtime::Handle;
use tokio_postgres::{Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use zoetrope_service::SettingsError;

use crate::{Connection, PostgresSettings, tls};

/// A peer that vanished without a word is given up after this long, instead of the kernel's quarter of an hour.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);

/// Establishes connections, always on the runtime it was made in.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    timeout: Duration,
    runtime: Handle,
}

impl Connector {
    /// `parameters` are server settings for the session, such as `("lock_timeout", "5s")`.
    pub(crate) fn new(
        settings: &PostgresSettings,
        application_name: &str,
        parameters: &[(&str, String)],
    ) -> Result<Self, SettingsError> {
        let mut config = Config::from_str(settings.url.expose_secret()).map_err(|error| {
            // Without its source, which quotes parts of the URL.
            SettingsError::invalid("postgres.url", format!("not a PostgreSQL URL: {error}"))
        })?;
        if let Some(password) = &settings.password {
            config.password(password.expose_secret());
        }
        let options = parameters.iter().map(|(name, value)| format!("-c {name}={value}"));
        let options: Vec<String> = config.get_options().map(ToOwned::to_owned).into_iter().chain(options).collect();
        config
            .application_name(application_name)
            .options(options.join(" "))
            .connect_timeout(settings.connect_timeout())
            .keepalives_idle(KEEPALIVE_IDLE)
            .tcp_user_timeout(UNACKNOWLEDGED);
        Ok(Self { config, tls: tls::connector(settings)?, timeout: settings.connect_timeout(), runtime: Handle::current() })
    }

    pub(crate) async fn connect(&self) -> ConnectionResult<Connection> {
        let connector = self.clone();
        let attempt = async move { tokio::time::timeout(connector.timeout, connector.establish()).await };
        match self.runtime.spawn(attempt).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(_)) => Err(ConnectionError::BadConnection("timed out".to_owned())),
            Err(error) => Err(ConnectionError::BadConnection(error.to_string())),
        }
    }

    async fn establish(&self) -> ConnectionResult<Connection> {
        match self.config.get_ssl_mode() {
            SslMode::Disable => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(|error| bad_connection(&error))?;
                Connection::try_from_client_and_connection(client, connection).await
            }
            _ => {
                let (client, connection) = self.config.connect(self.tls.clone()).await.map_err(|error| bad_connection(&error))?;
                Connection::try_from_client_and_connection(client, connection).await
            }
        }
    }
}

/// diesel's error has room for a text only: it gets the causes, too, since the outermost says no more than "error connecting to
/// server".
fn bad_connection(error: &tokio_postgres::Error) -> ConnectionError {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let chain: Vec<String> = causes.map(ToString::to_string).collect();
    ConnectionError::BadConnection(chain.join(": "))
}
