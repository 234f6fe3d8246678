use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{eventually, servers::variable};

/// The processes of a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    Auth,
    TaskApi,
    Poller,
    Notifier,
    ProviderSim,
}

impl Service {
    pub const ALL: [Self; 5] = [Self::ProviderSim, Self::Auth, Self::TaskApi, Self::Poller, Self::Notifier];

    /// Name of the binary, and of its log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::TaskApi => "task-api",
            Self::Poller => "poller",
            Self::Notifier => "notifier",
            Self::ProviderSim => "provider-sim",
        }
    }
}

/// A running service binary. It is killed when dropped.
#[derive(Debug)]
pub struct ServiceProcess {
    pub service: Service,
    name: String,
    settings: PathBuf,
    ports: Ports,
    log: PathBuf,
    child: Option<Child>,
}

/// Where a process listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// For clients. The poller has none, and listens only on the other.
    pub public: u16,
    /// For health and figures.
    pub internal: u16,
}

impl ServiceProcess {
    pub(crate) fn new(service: Service, name: String, settings: PathBuf, ports: Ports, directory: &Path) -> Self {
        let log = directory.join(format!("{name}.log"));
        Self { service, name, settings, ports, log, child: None }
    }

    pub fn start(&mut self) -> Result<()> {
        ensure!(self.child.is_none(), "{} already runs", self.name);
        let log = File::options().create(true).append(true).open(&self.log)?;
        let child = Command::new(binary(self.service.name())?)
            .arg("serve")
            .arg("--config")
            .arg(&self.settings)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("start of {}", self.name))?;
        self.child = Some(child);
        Ok(())
    }

    /// The file that it was started with; its other commands can use it as well.
    pub fn settings(&self) -> &Path {
        &self.settings
    }

    /// Where its health and figures are.
    pub fn internal_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.internal)
    }

    /// Its figures, as Prometheus reads them.
    pub async fn metrics(&self) -> Result<String> {
        Ok(reqwest::get(format!("{}/metrics", self.internal_url())).await?.error_for_status()?.text().await?)
    }

    /// Where it serves clients, past the gateway.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.public)
    }

    /// `None` while it does not run.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Waits until `/readyz` says so; fails at once when the process has ended.
    pub async fn ready(&mut self) -> Result<()> {
        let url = format!("{}/readyz", self.internal_url());
        let http = reqwest::Client::new();
        for _ in 0..1200 {
            if let Some(status) = self.child.as_mut().map(Child::try_wait).transpose()?.flatten() {
                bail!("{} ended with {status}\n{}", self.name, self.last_lines());
            }
            if http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("{} is not ready after a minute\n{}", self.name, self.last_lines())
    }

    /// `SIGKILL`: no chance to finish anything.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// `SIGTERM`, and the time until the process is gone. It must leave within the 30 s that Kubernetes gives it.
    pub async fn terminate(&mut self) -> Result<()> {
        if self.child.is_none() {
            return Ok(());
        }
        self.signal("-TERM")?;
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let what = format!("the end of {}", self.name);
        let ended = eventually(&what, Duration::from_secs(31), async || child.try_wait()?.context("still running")).await;
        let status = match ended {
            Ok(status) => status,
            Err(error) => {
                child.kill()?;
                child.wait()?;
                return Err(error);
            }
        };
        ensure!(status.success(), "{} ended with {status}\n{}", self.name, self.last_lines());
        Ok(())
    }

    /// `SIGSTOP`: it keeps its connections and its leases, and does nothing, until [`thaw`](Self::thaw).
    pub fn freeze(&self) -> Result<()> {
        self.signal("-STOP")
    }

    pub fn thaw(&self) -> Result<()> {
        self.signal("-CONT")
    }

    /// How it ended, when it did so by itself; told once.
    pub(crate) fn exited(&mut self) -> Result<Option<ExitStatus>> {
        let status = self.child.as_mut().map(Child::try_wait).transpose()?.flatten();
        if status.is_some() {
            self.child = None;
        }
        Ok(status)
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let child = self.child.as_ref().with_context(|| format!("{} does not run", self.name))?;
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status()?;
        ensure!(sent.success(), "{} could not be signalled", self.name);
        Ok(())
    }

    /// Such as `poller-1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Everything that it has written, since its first start.
    pub fn log(&self) -> &Path {
        &self.log
    }

    pub fn last_lines(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(30)..).unwrap_or_default();
        format!("--- {}\n{}\n", self.log.display(), tail.join("\n"))
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        // Nothing can be done about a process that is gone already.
        let _ = self.kill();
    }
}

pub fn binary(name: &str) -> Result<PathBuf> {
    let path = PathBuf::from(variable("ZOETROPE_TEST_BIN_DIR")?).join(name);
    ensure!(path.exists(), "{} is not built: run the tests with scripts/test", path.display());
    Ok(path)
}
