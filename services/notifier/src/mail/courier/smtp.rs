use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lettre::transport::smtp::{
    Error,
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::{AsyncSmtpConnection, TlsParameters},
    extension::ClientId,
};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Undelivered, answer::codes};
use crate::mail::message::Message;

/// A connection that is idle for longer is closed: mail servers end them after a minute or more.
const KEPT_IDLE: Duration = Duration::from_secs(30);
/// For a good-bye that nobody needs.
const FAREWELL: Duration = Duration::from_secs(1);
/// Refusals of us rather than of a mail: sign in first, the password is wrong, use encryption.
const ABOUT_US: [u16; 4] = [530, 534, 535, 538];

/// How the connection is protected.
#[derive(Clone)]
pub(in crate::mail) enum Security {
    None,
    /// From the first byte on.
    Tls(TlsParameters),
    /// After the greeting; a server that cannot is not spoken to.
    StartTls(TlsParameters),
}

/// A mail server and how it is spoken to.
pub(in crate::mail) struct SmtpServer {
    pub(in crate::mail) host: String,
    pub(in crate::mail) port: u16,
    pub(in crate::mail) security: Security,
    pub(in crate::mail) credentials: Option<Credentials>,
}

/// Hands messages to a mail server, over connections that are kept for a while.
///
/// Not lettre's own pool, because it does not tell a refusal of us, such as a password that is wrong, from a refusal of the mail: the first
/// must not end a mail.
pub(in crate::mail) struct Smtp {
    server: SmtpServer,
    hello: ClientId,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Smtp {
    pub(in crate::mail) fn new(server: SmtpServer) -> Self {
        Self { server, hello: ClientId::default(), idle: Mutex::default() }
    }

    pub(super) async fn deliver(&self, message: &Message, patience: Duration) -> Result<(), Undelivered> {
        let end = Instant::now() + patience;
        let mut connection = match timeout_at(end, self.connection()).await {
            Ok(connection) => connection.map_err(|error| Undelivered::Unreachable(error.into()))?,
            Err(elapsed) => return Err(Undelivered::Unreachable(elapsed.into())),
        };
        match timeout_at(end, connection.send(&message.envelope, &message.bytes)).await {
            Ok(Ok(_)) => {
                self.keep(connection).await;
                Ok(())
            }
            Ok(Err(error)) => Err(undelivered(error)),
            Err(_) => Err(Undelivered::Deferred("no answer in time".to_owned())),
        }
    }

    /// One that was kept and still lives, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, Error> {
        while let Some((mut connection, since)) = self.pop() {
            if since.elapsed() < KEPT_IDLE && connection.test_connected().await {
                return Ok(connection);
            }
        }
        self.connect().await
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let SmtpServer { host, port, security, credentials } = &self.server;
        let wrapped = match security {
            Security::Tls(parameters) => Some(parameters.clone()),
            Security::None | Security::StartTls(_) => None,
        };
        let address = (host.as_str(), *port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(address, None, &self.hello, wrapped, None).await?;
        if let Security::StartTls(parameters) = security {
            connection.starttls(parameters.clone(), &self.hello).await?;
        }
        if let Some(credentials) = credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    async fn keep(&self, connection: AsyncSmtpConnection) {
        let old = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push((connection, Instant::now()));
            let old = idle.iter().take_while(|(_, since)| since.elapsed() >= KEPT_IDLE).count();
            idle.drain(..old).collect::<Vec<_>>()
        };
        for (mut connection, _) in old {
            let _ = timeout(FAREWELL, connection.quit()).await;
        }
    }

    /// The one that was used last; so those that are not needed grow old.
    fn pop(&self) -> Option<(AsyncSmtpConnection, Instant)> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

fn undelivered(error: Error) -> Undelivered {
    match error.status() {
        Some(code) if ABOUT_US.contains(&u16::from(code)) => Undelivered::Unreachable(RefusedUs(u16::from(code)).into()),
        Some(_) => {
            let codes = codes(&error).unwrap_or_default();
            if error.is_permanent() { Undelivered::Refused(codes) } else { Undelivered::Deferred(codes) }
        }
        // Our side refuses to send it over this server: the address needs what the server cannot.
        None if error.is_client() => Undelivered::Refused("the address cannot be written to over this mail server".to_owned()),
        None => Undelivered::Deferred("the connection was lost".to_owned()),
    }
}

/// Without the server's words: they may be about the mail after all.
#[derive(Debug, thiserror::Error)]
#[error("the mail server takes no mail from us: {0}")]
struct RefusedUs(u16);
