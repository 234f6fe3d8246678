use std::{env, fs, path::PathBuf};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;
use url::Url;

/// Begins the variables of the servers that all tests share.
const SHARED: &str = "ZOETROPE_TEST";

/// The servers that a platform runs on.
#[derive(Clone, Debug)]
pub struct Servers {
    prefix: &'static str,
    /// Superuser, database `postgres`.
    pub postgres: Url,
    /// User and password, no virtual host.
    pub amqp: Url,
    /// RabbitMQ's management API, with user and password.
    pub management: Url,
    pub redis: Url,
}

/// One of the backing servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Postgres,
    RabbitMq,
    Redis,
}

impl Server {
    pub const ALL: [Self; 3] = [Self::Postgres, Self::RabbitMq, Self::Redis];

    /// As `scripts/servers` calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::RabbitMq => "rabbitmq",
            Self::Redis => "redis",
        }
    }
}

impl Servers {
    /// Shared by all tests: never stopped, so that tests can run side by side.
    pub fn shared() -> Result<Self> {
        Self::from_environment(SHARED)
    }

    /// For the tests that stop and restart servers; those run one at a time.
    pub fn faults() -> Result<Self> {
        Self::from_environment("ZOETROPE_FAULTS")
    }

    /// The set of servers that a script declared with this prefix of its variables. Only the tests' shared set is protected from being
    /// stopped.
    pub fn from_environment(prefix: &'static str) -> Result<Self> {
        let url = |name: &str| -> Result<Url> { Ok(Url::parse(&variable(&format!("{prefix}_{name}"))?)?) };
        Ok(Self {
            prefix,
            postgres: url("POSTGRES_URL")?,
            amqp: url("AMQP_URL")?,
            management: url("RABBITMQ_MANAGEMENT_URL")?,
            redis: url("REDIS_URL")?,
        })
    }

    /// Password of a service's database role.
    pub(crate) fn role_password(&self, schema: &str) -> Result<String> {
        self.variable(&format!("ROLE_PASSWORD_{}", schema.to_uppercase()))
    }

    /// The id of a server's first process.
    pub fn process_id(&self, server: Server) -> Result<u32> {
        let file = format!("{}/run/{}.pid", self.variable("SERVERS_HOME")?, server.as_str());
        let text = fs::read_to_string(&file).with_context(|| file.clone())?;
        let id = text.split_whitespace().next().and_then(|id| id.parse().ok());
        id.with_context(|| format!("{file} holds no process id"))
    }

    fn variable(&self, name: &str) -> Result<String> {
        variable(&format!("{}_{name}", self.prefix))
    }

    pub async fn stop(&self, server: Server) -> Result<()> {
        self.control("stop", server).await
    }

    pub async fn start(&self, server: Server) -> Result<()> {
        self.control("start", server).await
    }

    pub async fn restart(&self, server: Server) -> Result<()> {
        self.control("restart", server).await
    }

    /// No chance to finish anything; the next start recovers.
    pub async fn kill(&self, server: Server) -> Result<()> {
        self.control("kill", server).await
    }

    async fn control(&self, verb: &str, server: Server) -> Result<()> {
        ensure!(self.prefix != SHARED, "the shared servers are never stopped: use Servers::faults()");
        let output = Command::new(workspace_root().join("scripts/servers"))
            .args([verb, server.as_str(), "--home", &self.variable("SERVERS_HOME")?])
            .args(["--base-port", &self.variable("BASE_PORT")?])
            .output()
            .await?;
        ensure!(
            output.status.success(),
            "scripts/servers {verb} {} failed: {}",
            server.as_str(),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}

pub(crate) fn variable(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("{name} is not set: run the tests with scripts/test"))
}

pub(crate) fn workspace_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
