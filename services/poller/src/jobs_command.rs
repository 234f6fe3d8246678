//! `poller jobs`: what an operator asks of the table of jobs.

use std::io::{self, Write};

use clap::Args;
use zoetrope_postgres::Database;

use crate::{
    job::State,
    settings::PostgresOnly,
    store::{self, JobFilter, ListedJob},
};

/// List jobs, the latest change first
#[derive(Debug, Clone, Args)]
pub(crate) struct JobsArgs {
    /// Submissions that the provider never confirmed: those that may still turn up, and those that were given up and refunded. Each may
    /// be a generation that was paid for and that nobody gets: look for its task id, which was the Idempotency-Key, at the provider
    #[arg(long, conflicts_with = "state")]
    unconfirmed: bool,
    /// Only jobs in this state, such as polling or failed
    #[arg(long)]
    state: Option<State>,
    /// Only jobs of this provider account
    #[arg(long)]
    provider: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// One JSON object per line instead of a table
    #[arg(long)]
    json: bool,
}

/// Prints the jobs that are asked for.
pub(crate) async fn run(settings: PostgresOnly, args: JobsArgs) -> anyhow::Result<()> {
    let database = Database::new(&settings.postgres, "poller jobs")?;
    let filter = JobFilter { state: args.state, provider: args.provider, unconfirmed: args.unconfirmed };
    let jobs = store::list(&mut *database.connection().await?, &filter, args.limit).await?;
    let mut out = io::stdout().lock();
    if args.json {
        for job in &jobs {
            serde_json::to_writer(&mut out, job)?;
            writeln!(out)?;
        }
    } else {
        print_table(&mut out, &jobs)?;
    }
    Ok(())
}

fn print_table(out: &mut impl Write, jobs: &[ListedJob]) -> io::Result<()> {
    let heads = ["task", "provider", "model", "state", "since", "submitted", "external id", "polls", "failures", "code"];
    let rows: Vec<[String; 10]> = jobs.iter().map(cells).collect();
    let widths: [usize; 10] = std::array::from_fn(|column| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(heads.get(column).map(|head| head.len())).max().unwrap_or_default()
    });
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(out, "{}", padded.join("  ").trim_end())
    };
    line(&mut heads.into_iter())?;
    for row in &rows {
        line(&mut row.iter().map(String::as_str))?;
    }
    Ok(())
}

fn cells(job: &ListedJob) -> [String; 10] {
    let moment = |moment: &chrono::DateTime<chrono::Utc>| moment.format("%Y-%m-%d %H:%M:%S").to_string();
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        job.task_id.to_string(),
        job.provider.clone(),
        job.model.clone(),
        job.state.clone(),
        moment(&job.state_since),
        or_dash(job.intent_at.as_ref().map(moment)),
        or_dash(job.external_id.clone()),
        job.polls.to_string(),
        job.failures.to_string(),
        or_dash(job.failure_code.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_they_hold() {
        let job = ListedJob {
            task_id: Uuid::nil(),
            provider: "a-provider-with-a-long-name".to_owned(),
            model: "sora-2".to_owned(),
            state: "failed".to_owned(),
            state_since: DateTime::UNIX_EPOCH,
            intent_at: Some(DateTime::UNIX_EPOCH),
            due_at: None,
            external_id: None,
            polls: 7,
            failures: 0,
            failure_code: Some("SUBMISSION_UNCONFIRMED".to_owned()),
        };
        let mut out = Vec::new();
        print_table(&mut out, &[job]).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].find("model"), lines[1].find("sora-2"));
        assert_eq!(lines[0].find("code"), lines[1].find("SUBMISSION_UNCONFIRMED"));
        assert!(lines[1].contains("1970-01-01 00:00:00"));
    }
}
