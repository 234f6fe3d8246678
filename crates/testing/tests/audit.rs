//! `task-api audit` and the audit in the background: a sound platform passes, and each broken invariant is found by its name.

use std::{
    slice,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::json;
use tokio::process::Command;
use tokio_postgres::Client;
use zoetrope_testing::{Platform, Service, audit, binary, eventually};

const PATIENCE: Duration = Duration::from_secs(30);

/// The figures of one task-api.
async fn figures(platform: &mut Platform, replica: usize) -> Result<String> {
    let url = format!("{}/metrics", platform.process(Service::TaskApi, replica)?.internal_url());
    Ok(reqwest::get(url).await?.error_for_status()?.text().await?)
}

/// Waits until a task-api shows this line.
async fn until_shown(platform: &mut Platform, replica: usize, line: &str) -> Result<()> {
    eventually(&format!("{line} at task-api {replica}"), PATIENCE, async || {
        let figures = figures(platform, replica).await?;
        let similar: Vec<&str> = figures.lines().filter(|shown| shown.starts_with("zoetrope_audit")).collect();
        ensure!(similar.contains(&line), "{similar:#?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_platform_passes() -> Result<()> {
    let mut platform =
        Platform::builder().replicas(Service::TaskApi, 2).setting(Service::TaskApi, "audit.interval_seconds", 1).start().await?;
    for prompt in ["one", "no luck [sim:fail=no luck]"] {
        let user = platform.user().await?;
        user.until_ended(&user.create(prompt).await?).await?;
    }
    let user = platform.user().await?;
    let cancelled = user.create("never mind [sim:duration=600]").await?;
    user.post(&format!("/api/video/tasks/{cancelled}/cancel"), json!({})).await?.ok()?;
    user.until_ended(&cancelled).await?;

    let said = audit::run(&platform, &[]).await?;
    assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
    for part in ["3 tasks, 1 cancelled, 1 completed, 1 failed, 0 processing, 0 queued", "3 accounts, 8 ledger entries", "sound"] {
        assert!(said.stdout.contains(part), "{part}:\n{}", said.stdout);
    }
    let checked: Vec<u64> = audit::findings(&platform).await?.iter().map(|finding| finding.checked).collect();
    // Balances twice; entries, and those of tasks; charges; refunds twice; one result; and nothing that runs.
    assert_eq!(checked, [3, 3, 8, 5, 3, 2, 2, 1, 0]);

    // Whichever of the replicas made it, both show it.
    for replica in [0, 1] {
        until_shown(&mut platform, replica, r#"zoetrope_audit_tasks{status="cancelled"} 1"#).await?;
        let figures = figures(&mut platform, replica).await?;
        assert_eq!(figures.lines().filter(|line| line.starts_with("zoetrope_audit_breaches") && line.ends_with(" 0")).count(), 9);
        assert!(figures.contains("zoetrope_audit_last_success_timestamp_seconds 1"));
    }
    Ok(())
}

/// Something that must not be, done to the database by hand.
struct Damage {
    invariant: &'static str,
    /// The row that the audit must name.
    id: String,
    done: String,
    undone: String,
}

fn damage(invariant: &'static str, id: &str, done: impl Into<String>, undone: impl Into<String>) -> Damage {
    Damage { invariant, id: id.to_owned(), done: done.into(), undone: undone.into() }
}

/// The line of the figures.
fn breaches(invariant: &str, count: u64) -> String {
    format!("zoetrope_audit_breaches{{invariant=\"{invariant}\"}} {count}")
}

/// The constraints alone keep most of it from happening. They go, since the audit is for the day when one of them is wrong or missing.
const WITHOUT_CONSTRAINTS: &str = "
    DO $$ DECLARE kept record; BEGIN
        FOR kept IN SELECT conrelid::regclass AS owner, conname FROM pg_constraint
                     WHERE connamespace = 'tasks'::regnamespace AND contype IN ('c', 'f') LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', kept.owner, kept.conname);
        END LOOP;
    END $$;
    DROP INDEX tasks.ledger_entries_once;";

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_invariant_is_found_by_its_name() -> Result<()> {
    let mut platform = Platform::builder()
        .setting(Service::TaskApi, "audit.interval_seconds", 1)
        .setting(Service::TaskApi, "audit.pause_milliseconds", 0)
        .start()
        .await?;
    let database = platform.database().await?;
    database.batch_execute(WITHOUT_CONSTRAINTS).await?;
    let mut ids = Vec::new();
    for prompt in ["done", "no luck [sim:fail=no luck]", "runs on [sim:duration=600]"] {
        let user = platform.user().await?;
        let video_id = user.create(prompt).await?;
        if !prompt.starts_with("runs") {
            user.until_ended(&video_id).await?;
        }
        ids.push(video_id.strip_prefix("video_").context("a video id")?.to_owned());
    }
    let [completed, failed, running] = &ids[..] else { unreachable!() };
    let text = async |query: String| -> Result<String> { Ok(database.query_one(&query, &[]).await?.get(0)) };
    let owner = text(format!("SELECT user_id::text FROM tasks.tasks WHERE id = '{completed}'")).await?;
    let grant = text(format!("SELECT id::text FROM tasks.ledger_entries WHERE user_id = '{owner}' AND kind = 'reward'")).await?;

    let enter = |id: i64, kind: &str, amount: i64, task: &str| {
        format!(
            "INSERT INTO tasks.ledger_entries (id, user_id, kind, amount, balance_after, task_id, description)
             OVERRIDING SYSTEM VALUE
             SELECT {id}, user_id, '{kind}', {amount}, balance + {amount}, {task}, 'by hand' FROM tasks.accounts WHERE user_id = '{owner}';"
        )
    };
    let remove = |id: i64| format!("DELETE FROM tasks.ledger_entries WHERE id = {id};");
    let balance = |change: i64| format!("UPDATE tasks.accounts SET balance = balance + {change} WHERE user_id = '{owner}';");
    let task = |id: &str, change: &str| format!("UPDATE tasks.tasks SET {change} WHERE id = '{id}'");

    let cases = [
        damage(
            "balance_not_negative",
            &owner,
            format!("{}{}", enter(9_001, "reward", -500, "NULL"), balance(-500)),
            format!("{}{}", remove(9_001), balance(500)),
        ),
        damage("balance_is_ledger", &owner, balance(7), balance(-7)),
        damage(
            "ledger_adds_up",
            &grant,
            format!("UPDATE tasks.ledger_entries SET amount = amount + 1 WHERE id = {grant}"),
            format!("UPDATE tasks.ledger_entries SET amount = amount - 1 WHERE id = {grant}"),
        ),
        damage("entry_has_task", "9002", enter(9_002, "consume", 0, "NULL"), remove(9_002)),
        damage("entry_has_task", "9003", enter(9_003, "refund", 0, "gen_random_uuid()"), remove(9_003)),
        damage("task_charged_once", completed, enter(9_004, "consume", 0, &format!("'{completed}'")), remove(9_004)),
        damage("task_charged_once", completed, task(completed, "price = price + 1"), task(completed, "price = price - 1")),
        damage("task_refunded_once", failed, enter(9_005, "refund", 0, &format!("'{failed}'")), remove(9_005)),
        damage("task_refunded_once", completed, task(completed, "status = 'cancelled'"), task(completed, "status = 'completed'")),
        damage(
            "refund_has_reason",
            failed,
            task(failed, "status = 'completed', output = '{}'"),
            task(failed, "status = 'failed', output = NULL"),
        ),
        damage(
            "completed_has_result",
            completed,
            task(completed, "output = NULL"),
            task(completed, r#"output = '{"video_size": 1, "has_thumbnail": false}'"#),
        ),
        damage(
            "task_not_stuck",
            running,
            task(running, "created_at = created_at - interval '27 hours'"),
            task(running, "created_at = created_at + interval '27 hours'"),
        ),
    ];
    audit::check(&platform).await?;
    for Damage { invariant, id, done, undone } in &cases {
        database.batch_execute(done).await.context(done.clone())?;
        let found = audit::findings(&platform).await?;
        let broken: Vec<_> = found.iter().filter(|finding| finding.breaches > 0).collect();
        let names: Vec<_> = broken.iter().map(|finding| (finding.name.as_str(), finding.breaches, &finding.first[..])).collect();
        assert_eq!(names, [(*invariant, 1, slice::from_ref(id))]);
        until_shown(&mut platform, 0, &breaches(invariant, 1)).await?;
        database.batch_execute(undone).await.context(undone.clone())?;
    }
    for Damage { invariant, .. } in &cases {
        until_shown(&mut platform, 0, &breaches(invariant, 0)).await?;
    }
    audit::check(&platform).await
}

/// More rows than fit on a page, of which some are wrong.
async fn fill(database: &Client) -> Result<()> {
    let sql = "
        INSERT INTO tasks.accounts (user_id, balance) SELECT gen_random_uuid(), 0 FROM generate_series(1, 2500);
        INSERT INTO tasks.ledger_entries (user_id, kind, amount, balance_after, description)
            SELECT user_id, 'reward', 0, 0, 'by hand' FROM tasks.accounts ORDER BY random();
        INSERT INTO tasks.tasks (id, user_id, kind, status, progress, step, version, job_sequence, model, provider, price, prompt, input,
                                 created_at, updated_at)
            SELECT gen_random_uuid(), user_id, 'text_to_video', 'queued', 0, 'queued', 1, 0, 'sora-2', 'openai', 0, '', '{}', now(), now()
              FROM tasks.accounts;
        INSERT INTO tasks.ledger_entries (user_id, kind, amount, balance_after, task_id, description)
            SELECT user_id, 'consume', 0, 0, id, 'by hand' FROM tasks.tasks;
        UPDATE tasks.accounts SET balance = 1 WHERE user_id IN (SELECT user_id FROM tasks.accounts ORDER BY user_id DESC LIMIT 5);";
    Ok(database.batch_execute(sql).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_meets_every_row_and_names_some() -> Result<()> {
    let platform = Platform::start().await?;
    fill(&platform.database().await?).await?;
    let said = audit::run(&platform, &["--json", "--limit", "2"]).await?;
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    let report: serde_json::Value = serde_json::from_str(&said.stdout)?;
    let checked: Vec<_> =
        report["invariants"].as_array().context("invariants")?.iter().map(|one| one["checked"].clone()).collect();
    assert_eq!(checked, [2_500, 2_500, 5_000, 2_500, 2_500, 0, 0, 0, 2_500]);
    let balances = &report["invariants"][1];
    assert_eq!((&balances["name"], &balances["breaches"]), (&json!("balance_is_ledger"), &json!(5)));
    assert_eq!(balances["first"].as_array().map(Vec::len), Some(2));

    let shown = audit::run(&platform, &["--limit", "3", "--stuck-after", "0"]).await?;
    assert_eq!(shown.code, Some(1));
    for part in ["and 2 more", "and 2497 more", "NOT SOUND: 2 of 9"] {
        assert!(shown.stdout.contains(part), "{part}:\n{}", shown.stdout);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_amid_creates_and_cancels_reports_nothing() -> Result<()> {
    const USERS: u64 = 8;
    let platform = Platform::builder()
        .setting(Service::TaskApi, "credits.signup_grant", 1_000)
        .setting(Service::ProviderSim, "simulation.duration_seconds", 0.1)
        .setting(Service::Poller, "polling.max_interval_seconds", 0.05)
        .start()
        .await?;
    let database = platform.database().await?;
    let busy = AtomicBool::new(true);
    let work = async {
        let users = try_join_all((0..USERS).map(|_| platform.user())).await?;
        // Ten tasks at once use a balance up: their refunds are what pays for the next.
        let lives = users.iter().flat_map(|user| (0..10).map(move |number| (user, number)));
        let worked = try_join_all(lives.map(async |(user, number)| -> Result<()> {
            for round in 0..6 {
                let fate = if (number + round) % 3 == 0 { " [sim:fail=no luck]" } else { " [sim:duration=600]" };
                let video_id = user.create(&format!("{number} {round}{fate}")).await?;
                if fate.contains("duration") {
                    user.post(&format!("/api/video/tasks/{video_id}/cancel"), json!({})).await?;
                }
                user.until_ended(&video_id).await?;
            }
            Ok(())
        }))
        .await;
        busy.store(false, Ordering::Relaxed);
        worked?;
        anyhow::Ok(())
    };
    let watch = async {
        let mut amid = 0;
        while busy.load(Ordering::Relaxed) {
            let running = audit::unfinished(&database).await?;
            audit::check(&platform).await?;
            amid += usize::from(running > 0);
        }
        anyhow::Ok(amid)
    };
    let (worked, watched) = tokio::join!(work, watch);
    worked?;
    let amid = watched?;
    ensure!(amid >= 3, "only {amid} audits were made while tasks were running");
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_the_answer_is_neither_yes_nor_no() -> Result<()> {
    let platform = Platform::start().await?;
    let program = binary(Service::TaskApi.name())?;
    let away = Command::new(&program)
        .args(["audit", "--json", "--config"])
        .arg(platform.settings(Service::TaskApi)?)
        .env("ZOETROPE__POSTGRES__URL", "postgres://nobody@127.0.0.1:1/nothing")
        .output()
        .await?;
    let complaint = String::from_utf8_lossy(&away.stderr);
    assert_eq!((away.status.code(), away.stdout.len()), (Some(2), 0), "{complaint}");
    assert!(complaint.contains("the database is unavailable"), "{complaint}");

    let unset = Command::new(&program).arg("audit").env_remove("ZOETROPE_CONFIG").output().await?;
    let complaint = String::from_utf8_lossy(&unset.stderr);
    assert_eq!(unset.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("postgres.url"), "{complaint}");
    Ok(())
}
