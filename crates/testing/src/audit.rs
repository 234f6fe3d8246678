//! The invariants that must hold in any database of tasks, whatever was killed on the way: those of `task-api audit`.

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use tokio::process::Command;
use tokio_postgres::Client;

use crate::{Platform, Service, binary};

/// What `task-api audit` said.
#[derive(Clone, Debug)]
pub struct Audit {
    /// 0 when sound, 1 when not, 2 when nobody knows.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// What it found of one invariant.
#[derive(Clone, Debug, Deserialize)]
pub struct Finding {
    pub name: String,
    pub checked: u64,
    pub breaches: u64,
    pub first: Vec<String>,
}

#[derive(Deserialize)]
struct Report {
    invariants: Vec<Finding>,
}

/// Runs `task-api audit` on the platform's database, with these options.
pub async fn run(platform: &Platform, options: &[&str]) -> Result<Audit> {
    let output = Command::new(binary(Service::TaskApi.name())?)
        .args(["audit", "--config"])
        .arg(platform.settings(Service::TaskApi)?)
        .args(options)
        .output()
        .await?;
    Ok(Audit {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// What it finds of each invariant.
pub async fn findings(platform: &Platform) -> Result<Vec<Finding>> {
    let audit = run(platform, &["--json"]).await?;
    ensure!(matches!(audit.code, Some(0 | 1)), "task-api audit ended with {:?}: {}", audit.code, audit.stderr);
    let report: Report = serde_json::from_str(&audit.stdout).with_context(|| audit.stdout.clone())?;
    let broken = report.invariants.iter().any(|finding| finding.breaches > 0);
    ensure!(!report.invariants.is_empty() && broken == (audit.code == Some(1)), "{:?}: {}", audit.code, audit.stdout);
    Ok(report.invariants)
}

/// Fails with the names of the broken invariants and the rows that break them.
pub async fn check(platform: &Platform) -> Result<()> {
    let broken: Vec<String> = findings(platform)
        .await?
        .iter()
        .filter(|finding| finding.breaches > 0)
        .map(|finding| format!("{}: {} breaches: {}", finding.name, finding.breaches, finding.first.join(", ")))
        .collect();
    if broken.is_empty() { Ok(()) } else { bail!("{}", broken.join("\n")) }
}

/// How many tasks have not ended.
pub async fn unfinished(database: &Client) -> Result<i64> {
    let row = database
        .query_one("SELECT count(*) FROM tasks.tasks WHERE status NOT IN ('completed', 'failed', 'cancelled')", &[])
        .await?;
    Ok(row.get(0))
}
