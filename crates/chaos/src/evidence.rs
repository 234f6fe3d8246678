//! Gathers what is left after the storm: the database, the provider's books, the files, the dead letters and the logs.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use anyhow::{Context, Result};
use tokio_postgres::Client;
use uuid::Uuid;
use zoetrope_testing::{Platform, audit::check};

use crate::{
    audit::{Account, Facts, StoredTask},
    hearing::Ending,
    stage::Stage,
};

const PREFIX: &str = "video_";

pub async fn gather(stage: &Stage<'_>, platform: &Platform) -> Result<Facts> {
    let database = platform.database().await?;
    let journal = &stage.journal;
    let tasks = tasks(&database).await?;
    let accounts = accounts(&database, &tasks).await?;
    let tasks: BTreeMap<String, StoredTask> = tasks.into_iter().map(|(id, (_, task))| (id, task)).collect();
    let objects = platform.directory().join("objects");
    let files_missing = missing_files(&objects, &database).await?;
    let (files_left, files_of_failures) = left_files(&objects, &tasks)?;
    let (panics, error_lines) = logs(platform)?;
    let depths = platform.bus().depths().await?;
    Ok(Facts {
        accepted: journal.tasks().into_iter().map(|(id, task)| (id.trim_start_matches(PREFIX).to_owned(), task)).collect(),
        wrongs: journal.wrongs(),
        counts: journal.counts(),
        accounts,
        submissions: submissions(platform).await?,
        own_audit: check(platform).await.err().map(|error| format!("{error:#}")).into_iter().collect(),
        files_missing,
        files_left,
        files_of_failures,
        open_jobs: open_jobs(&database).await?,
        waiting_messages: waiting_messages(&database).await?,
        dead_letters: depths.into_iter().filter(|(queue, _)| is_dead(queue)).collect(),
        panics,
        error_lines,
        tasks,
    })
}

/// Whether a queue keeps what another gave up.
pub fn is_dead(queue: &str) -> bool {
    queue.ends_with(".dead")
}

pub async fn open_jobs(database: &Client) -> Result<i64> {
    let query = "SELECT count(*) FROM poller.jobs WHERE state NOT IN ('succeeded', 'failed', 'cancelled')";
    Ok(database.query_one(query, &[]).await?.get(0))
}

/// Messages that no relay has published yet.
pub async fn waiting_messages(database: &Client) -> Result<i64> {
    let query = "SELECT (SELECT count(*) FROM auth.outbox) + (SELECT count(*) FROM tasks.outbox)
                      + (SELECT count(*) FROM poller.outbox)";
    Ok(database.query_one(query, &[]).await?.get(0))
}

/// Every task with its owner and its lines of the ledger.
async fn tasks(database: &Client) -> Result<BTreeMap<String, (Uuid, StoredTask)>> {
    let mut tasks = BTreeMap::new();
    for row in database.query("SELECT id::text, user_id::text, status, error_code, price FROM tasks.tasks", &[]).await? {
        let task = StoredTask { status: row.get(2), error_code: row.get(3), price: row.get(4), ..StoredTask::default() };
        tasks.insert(row.get::<_, String>(0), (row.get::<_, String>(1).parse()?, task));
    }
    let lines = "SELECT task_id::text, kind, amount FROM tasks.ledger_entries WHERE task_id IS NOT NULL ORDER BY id";
    for row in database.query(lines, &[]).await? {
        // A line without its task cannot be: the database refuses it.
        let Some((_, task)) = tasks.get_mut(row.get::<_, &str>(0)) else { continue };
        let list = if row.get::<_, &str>(1) == "refund" { &mut task.refunds } else { &mut task.charges };
        list.push(row.get(2));
    }
    Ok(tasks)
}

async fn accounts(database: &Client, tasks: &BTreeMap<String, (Uuid, StoredTask)>) -> Result<BTreeMap<String, Account>> {
    let mut owed: HashMap<Uuid, i64> = HashMap::new();
    for (user, task) in tasks.values() {
        // What still runs is paid for as well.
        if !matches!(Ending::parse(&task.status), Some(Ending::Failed | Ending::Cancelled)) {
            *owed.entry(*user).or_default() += task.price;
        }
    }
    let query = "SELECT user_id::text, balance, coalesce((SELECT sum(amount)::bigint FROM tasks.ledger_entries l
                                                          WHERE l.user_id = a.user_id), 0) FROM tasks.accounts a";
    let mut accounts = BTreeMap::new();
    for row in database.query(query, &[]).await? {
        let user: String = row.get(0);
        let owed = owed.get(&user.parse()?).copied().unwrap_or_default();
        accounts.insert(user, Account { balance: row.get(1), ledger: row.get(2), owed });
    }
    Ok(accounts)
}

async fn submissions(platform: &Platform) -> Result<BTreeMap<String, u32>> {
    let books = platform.simulation().submissions().await?;
    Ok(books.into_iter().map(|one| (one.idempotency_key.unwrap_or_else(|| "without a key".to_owned()), one.times)).collect())
}

/// The completed tasks whose video is missing or not whole.
async fn missing_files(objects: &Path, database: &Client) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    let sizes = "SELECT id::text, (output->>'video_size')::bigint FROM tasks.tasks WHERE status = 'completed'";
    for row in database.query(sizes, &[]).await? {
        let (id, size): (String, Option<i64>) = (row.get(0), row.get(1));
        let video = fs::metadata(objects.join("tasks").join(&id).join("video.mp4")).ok();
        let found = video.and_then(|file| i64::try_from(file.len()).ok());
        if found != size || size.is_none_or(|size| size <= 0) {
            missing.push(format!("{id}: {size:?} bytes are promised, {found:?} are there"));
        }
    }
    Ok(missing)
}

/// The cancelled tasks of which files are left, and the failed ones.
fn left_files(objects: &Path, tasks: &BTreeMap<String, StoredTask>) -> Result<(Vec<String>, Vec<String>)> {
    let (mut left, mut of_failures) = (Vec::new(), Vec::new());
    for folder in fs::read_dir(objects.join("tasks")).into_iter().flatten() {
        let folder = folder?;
        let id = folder.file_name().to_string_lossy().into_owned();
        let files = fs::read_dir(folder.path())?.count();
        match tasks.get(&id).and_then(|task| Ending::parse(&task.status)) {
            _ if files == 0 => {}
            Some(Ending::Completed) => {}
            Some(Ending::Failed) => of_failures.push(format!("{id}: {files} files")),
            Some(Ending::Cancelled) => left.push(format!("{id}: {files} files")),
            None => left.push(format!("{id}: {files} files of a task that has not ended, or is none")),
        }
    }
    Ok((left, of_failures))
}

/// Panics, and how many lines have the level that calls an operator.
fn logs(platform: &Platform) -> Result<(Vec<String>, usize)> {
    let (mut panics, mut errors) = (Vec::new(), 0);
    for process in platform.processes() {
        let text = fs::read(process.log()).with_context(|| process.log().display().to_string())?;
        for line in String::from_utf8_lossy(&text).lines() {
            if line.contains("panicked") {
                panics.push(format!("{}: {line}", process.name()));
            }
            errors += usize::from(line.contains(" ERROR "));
        }
    }
    Ok((panics, errors))
}

/// Copies the logs of all processes and the chronicle to a folder.
pub fn keep(stage: &Stage<'_>, platform: &Platform, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for process in platform.processes() {
        if let Some(name) = process.log().file_name() {
            fs::copy(process.log(), folder.join(name))?;
        }
    }
    for name in ["access.log", "error.log"] {
        let log = platform.directory().join("gateway").join(name);
        if log.exists() {
            fs::copy(&log, folder.join(format!("gateway-{name}")))?;
        }
    }
    fs::write(folder.join("chronicle.txt"), stage.chronicle.text())?;
    Ok(())
}
