use std::{
    io::{Write, stderr, stdout},
    time::{Duration, Instant},
};

use clap::Args;
use zoetrope_postgres::Database;

use super::{
    age,
    table::Table,
    walk::{Limits, Walk},
};
use crate::settings::DatabaseSettings;

const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// The command line of `task-api audit`.
#[derive(Debug, Clone, Args)]
pub struct AuditArgs {
    /// A task that has not ended after this long counts as stuck: seconds, or 90m, 26h, 2d
    #[arg(long, value_name = "TIME", default_value = "26h", value_parser = age::parse)]
    stuck_after: Duration,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Most ids that are shown of one invariant's breaches
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
}

/// Runs `task-api audit`, and tells whether everything is as it must be.
pub async fn run(settings: DatabaseSettings, args: AuditArgs) -> anyhow::Result<bool> {
    let database = Database::new(&settings.postgres, "task-api-audit")?;
    let mut connection = database.connection().await?;
    let limits = Limits { stuck_after: args.stuck_after, shown: args.limit };
    let mut walk = Walk::start(&mut connection, limits).await?;
    let mut told = Instant::now();
    while walk.step(&mut connection).await? {
        if told.elapsed() >= PROGRESS_EVERY {
            told = Instant::now();
            let [accounts, entries, tasks] = walk.met();
            // Whoever closed standard error does not want to know.
            let _ = writeln!(stderr(), "so far: {accounts} accounts, {entries} ledger entries, {tasks} tasks");
        }
    }
    let report = walk.report();
    if args.json {
        writeln!(stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        write!(stdout(), "{}", Table(&report))?;
    }
    Ok(report.sound)
}
