use std::{
    env,
    fmt::{self, Display, Formatter},
    fs, thread,
};

use anyhow::Result;
use serde_json::Value;
use tokio_postgres::Client;
use zoetrope_testing::Servers;

/// What the figures depend on and somebody who repeats them may have otherwise.
#[derive(Debug)]
pub struct Conditions {
    facts: Vec<(&'static str, String)>,
}

impl Conditions {
    /// To be read before anything runs, for the sake of the load average.
    pub fn read() -> Self {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load: Vec<&str> = load.split(' ').take(3).collect();
        let model = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| field(&text, "model name"));
        let memory = fs::read_to_string("/proc/meminfo").ok().and_then(|text| field(&text, "MemTotal"));
        let processors = thread::available_parallelism().map_or(0, usize::from);
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let facts = vec![
            ("processors", format!("{processors} × {}", model.unwrap_or_default())),
            ("memory", memory.unwrap_or_default()),
            ("load average before", format!("{} (1, 5, 15 minutes)", load.join(", "))),
            ("kernel", release.trim().to_owned()),
            ("build", format!("{}, profile {}", variable("ZOETROPE_BENCH_REVISION"), variable("ZOETROPE_BENCH_PROFILE"))),
            ("compiler", variable("ZOETROPE_BENCH_COMPILER")),
        ];
        Self { facts }
    }

    /// Adds what only some measurements depend on.
    pub fn add(&mut self, name: &'static str, fact: String) {
        self.facts.push((name, fact));
    }

    /// Adds the servers' versions and how durable the database is.
    pub async fn ask_servers(&mut self, servers: &Servers, database: &Client) -> Result<()> {
        let mut postgres = Vec::new();
        for name in ["server_version", "fsync", "synchronous_commit", "shared_buffers"] {
            let row = database.query_one(&format!("SHOW {name}"), &[]).await?;
            postgres.push(format!("{name} {}", row.get::<_, String>(0)));
        }
        self.facts.push(("PostgreSQL", postgres.join(", ").replace("server_version ", "")));
        let overview: Value = reqwest::get(servers.management.join("/api/overview")?).await?.error_for_status()?.json().await?;
        self.facts.push(("RabbitMQ", overview["rabbitmq_version"].as_str().unwrap_or_default().to_owned()));
        Ok(())
    }
}

impl Display for Conditions {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let width = self.facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, fact) in &self.facts {
            writeln!(formatter, "  {name:<width$}  {fact}")?;
        }
        Ok(())
    }
}

/// `model name : something`
fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| "unknown".to_owned())
}
