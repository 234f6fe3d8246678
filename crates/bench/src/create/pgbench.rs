//! pgbench with the statements of an accepted create.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use tokio::process::{Child, Command};
use tokio_postgres::Client;
use url::Url;

use super::{Options, Stand, accounts::Accounts, clients, clients::Accepted};
use crate::samples::Samples;

const SCRIPT: &str = include_str!("create_task.sql");
const THREADS: u16 = 2;
/// What the outbox gets with each create.
const MESSAGES: usize = 3;

/// The parameters of the statements: what the service itself writes for the very request that is measured.
#[derive(Debug, Clone)]
pub struct Statements {
    variables: Vec<(String, String)>,
}

impl Statements {
    /// Has one task created, and reads what was written. RabbitMQ must be away, so that the messages stay where they are.
    pub async fn of_an_accepted_create(stand: &Stand, options: &Options) -> Result<Self> {
        Accounts::reset(&stand.database).await?;
        stand.accounts.one.create(clients::PROMPT).await?;
        let mut variables = task(&stand.database).await?;
        variables.extend(messages(&stand.database).await?);
        variables.push(("users".to_owned(), options.users.to_string()));
        variables.push(("n".to_owned(), "0".to_owned()));
        Ok(Self { variables })
    }
}

async fn task(database: &Client) -> Result<Vec<(String, String)>> {
    let names = ["kind", "status", "progress", "step", "version", "model", "provider", "prompt", "input", "price", "amount"];
    let row = database
        .query_one(
            "SELECT kind, status, progress::text, step, version::text, model, provider, prompt, input::text, price::text, (-price)::text FROM tasks.tasks",
            &[],
        )
        .await?;
    names.iter().enumerate().map(|(place, name)| Ok(((*name).to_owned(), row.try_get(place)?))).collect()
}

async fn messages(database: &Client) -> Result<Vec<(String, String)>> {
    let names = ["exchange", "routing_key", "message_type", "mandatory", "payload"];
    let rows = database
        .query(
            "SELECT exchange, routing_key, message_type, mandatory::text, payload::text, coalesce(traceparent, '')
             FROM tasks.outbox ORDER BY id",
            &[],
        )
        .await?;
    ensure!(rows.len() == MESSAGES, "a create wrote {} messages instead of {MESSAGES}", rows.len());
    let mut variables = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        for (place, name) in names.iter().enumerate() {
            variables.push((format!("{name}{number}"), row.try_get(place)?));
        }
        if number == 0 {
            variables.push(("traceparent".to_owned(), row.try_get(names.len())?));
        }
    }
    Ok(variables)
}

/// Starts pgbench, over TCP and in the role of the service. [`finish`] has to follow.
pub fn start(stand: &Stand, options: &Options, statements: &Statements) -> Result<Child> {
    let directory = directory(stand);
    fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
    let script = stand.platform.directory().join("create_task.sql");
    fs::write(&script, SCRIPT)?;
    let program = env::var("ZOETROPE_BENCH_PGBENCH").context("ZOETROPE_BENCH_PGBENCH is not set: use scripts/bench")?;
    let database = stand.platform.database_url("tasks")?;
    let seconds = (options.warm_up + options.seconds).ceil();

    let mut command = Command::new(program);
    connection(&mut command, &database)?;
    command
        .args(["--no-vacuum", "--protocol", "prepared", "--client", &options.clients.to_string()])
        .args(["--jobs", &THREADS.min(options.clients).to_string(), "--time", &seconds.to_string()])
        .arg("--log")
        .arg(format!("--log-prefix={}", directory.join("log").display()))
        .arg("--file")
        .arg(&script);
    for (name, value) in &statements.variables {
        command.arg("--define").arg(format!("{name}={value}"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().context("start of pgbench")
}

fn connection(command: &mut Command, database: &Url) -> Result<()> {
    let host = database.host_str().context("no host")?;
    let port = database.port().unwrap_or(5432);
    command
        .args(["--host", host, "--port", &port.to_string(), "--username", database.username()])
        .env("PGPASSWORD", database.password().unwrap_or_default())
        .env("PGDATABASE", database.path().trim_start_matches('/'));
    Ok(())
}

/// Waits for the end, and reads how long each transaction took.
pub async fn finish(stand: &Stand, options: &Options, pgbench: Child) -> Result<Accepted> {
    let output = pgbench.wait_with_output().await?;
    ensure!(output.status.success(), "pgbench ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    let directory = directory(stand);
    let transactions = read_logs(&directory)?;
    fs::remove_dir_all(&directory)?;
    let first = transactions.iter().map(|transaction| transaction.ended_at).fold(f64::INFINITY, f64::min);
    let from = first + options.warm_up;
    let counted = from..from + options.seconds;
    let latencies =
        transactions.iter().filter(|transaction| counted.contains(&transaction.ended_at)).map(|transaction| transaction.seconds);
    Ok(Accepted { seconds: options.seconds, latencies: latencies.collect::<Samples>() })
}

struct Transaction {
    /// Unix seconds.
    ended_at: f64,
    seconds: f64,
}

impl Transaction {
    /// `client transaction microseconds script epoch microseconds`
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<f64> = line.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
        let [_, _, microseconds, _, epoch, fraction, ..] = words.as_slice() else { return None };
        Some(Self { ended_at: epoch + fraction / 1e6, seconds: microseconds / 1e6 })
    }
}

/// One file for each of pgbench's threads.
fn read_logs(directory: &Path) -> Result<Vec<Transaction>> {
    let mut transactions = Vec::new();
    for entry in fs::read_dir(directory)? {
        let text = fs::read_to_string(entry?.path())?;
        for line in text.lines() {
            transactions.push(Transaction::parse(line).with_context(|| format!("a line in the log of pgbench: {line}"))?);
        }
    }
    ensure!(!transactions.is_empty(), "pgbench logged nothing");
    Ok(transactions)
}

fn directory(stand: &Stand) -> PathBuf {
    stand.platform.directory().join("pgbench")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log() {
        let transaction = Transaction::parse("3 812 2410 0 1700000000 250000").unwrap();
        assert_eq!((transaction.ended_at, transaction.seconds), (1_700_000_000.25, 0.00241));
        assert!(Transaction::parse("3 812 failed 0 1700000000 250000").is_none());
        assert!(Transaction::parse("3 812").is_none());
    }
}
