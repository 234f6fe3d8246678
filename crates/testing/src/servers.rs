use std::{env, path::PathBuf};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;
use url::Url;

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
        Self::from_environment("ZOETROPE_TEST")
    }

    /// For the tests that stop and restart servers; those run one at a time.
    pub fn faults() -> Result<Self> {
        Self::from_environment("ZOETROPE_FAULTS")
    }

    fn from_environment(prefix: &'static str) -> Result<Self> {
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
        variable(&format!("{}_ROLE_PASSWORD_{}", self.prefix, schema.to_uppercase()))
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
        ensure!(self.prefix == "ZOETROPE_FAULTS", "the shared servers are never stopped: use Servers::faults()");
        let output = Command::new(workspace_root().join("scripts/servers"))
            .args([verb, server.as_str(), "--home", &variable("ZOETROPE_FAULTS_SERVERS_HOME")?])
            .args(["--base-port", &variable("ZOETROPE_FAULTS_BASE_PORT")?])
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
