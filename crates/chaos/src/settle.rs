use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};
use zoetrope_testing::{Platform, audit};

use crate::{evidence, stage::Stage};

const LOOK_EVERY: Duration = Duration::from_secs(1);
const TELL_EVERY: Duration = Duration::from_secs(5);
/// The broker counts every 5 s: what is empty for longer is empty.
const QUIET_FOR: Duration = Duration::from_secs(7);

/// What is not done yet, as far as it can be seen from outside.
#[derive(Debug, PartialEq, Eq)]
struct Open {
    at_work: u64,
    tasks: i64,
    unlearnt: usize,
    jobs: i64,
    outboxes: i64,
    queued: u64,
}

/// Waits until nothing moves any more: all tasks have ended, everybody knows, and no message is on its way. When patience runs out,
/// the audit will say what that means.
pub async fn settle(stage: &Stage<'_>, platform: &Platform) -> Result<()> {
    let start = Instant::now();
    let (mut told_at, mut told) = (None, None);
    let mut quiet_since = None;
    loop {
        // What cannot be asked now is asked again: a server may still be coming up.
        let open = look(stage, platform).await.ok();
        let quiet = open == Some(Open { at_work: 0, tasks: 0, unlearnt: 0, jobs: 0, outboxes: 0, queued: 0 });
        quiet_since = quiet.then(|| quiet_since.unwrap_or_else(Instant::now));
        if quiet_since.is_some_and(|since: Instant| since.elapsed() >= QUIET_FOR) {
            stage.chronicle.say("everything is quiet");
            return Ok(());
        }
        if start.elapsed() >= stage.plan.patience {
            stage.chronicle.say(format!("not everything became quiet in {} s", stage.plan.patience.as_secs()));
            return Ok(());
        }
        if open != told && told_at.is_none_or(|at: Instant| at.elapsed() >= TELL_EVERY) {
            stage.chronicle.say(describe(open.as_ref()));
            (told_at, told) = (Some(Instant::now()), open);
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn look(stage: &Stage<'_>, platform: &Platform) -> Result<Open> {
    let database = platform.database().await?;
    let depths = platform.bus().depths().await?;
    Ok(Open {
        at_work: stage.journal.counts().at_work,
        tasks: audit::unfinished(&database).await?,
        unlearnt: stage.journal.unlearnt(),
        jobs: evidence::open_jobs(&database).await?,
        outboxes: evidence::waiting_messages(&database).await?,
        queued: depths.iter().filter(|(queue, _)| !evidence::is_dead(queue)).map(|(_, messages)| messages).sum(),
    })
}

fn describe(open: Option<&Open>) -> String {
    let Some(Open { at_work, tasks, unlearnt, jobs, outboxes, queued }) = open else {
        return "waits for the servers".to_owned();
    };
    format!(
        "settles: {at_work} users wait for answers, {tasks} tasks run, {unlearnt} ends are not heard, {jobs} jobs, {outboxes} messages to send, {queued} to deliver"
    )
}
