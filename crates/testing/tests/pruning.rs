//! What is old is forgotten, in batches, and nothing else is.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{TimeDelta, Utc};
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;
use zoetrope_contracts::{
    tasks::v1::{TaskStatus, TaskStep, TaskUpdated},
    timestamp,
};
use zoetrope_testing::{Platform, Service, eventually};

const PATIENCE: Duration = Duration::from_secs(40);

async fn count(database: &Client, rows: &str) -> Result<i64> {
    Ok(database.query_one(&format!("SELECT count(*) FROM {rows}"), &[]).await?.get(0))
}

async fn until_count(database: &Client, rows: &str, wanted: i64) -> Result<()> {
    eventually(&format!("{wanted} rows of {rows}"), PATIENCE, async || {
        let found = count(database, rows).await?;
        ensure!(found == wanted, "{found}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_forgets_what_ended_long_ago() -> Result<()> {
    let mut platform =
        Platform::builder().replicas(Service::Notifier, 2).setting(Service::Notifier, "feed.prune_seconds", 1).start().await?;
    let database = platform.database().await?;
    let user = platform.user().await?;
    let video_id = user.create("long ago").await?;
    user.until_ended(&video_id).await?;
    let task_id = video_id.strip_prefix("video_").context("a video id")?;
    let ended = format!("notifier.task_states WHERE task_id = '{task_id}' AND status = 'completed'");
    until_count(&database, &ended, 1).await?;

    let insert = |rows: u32, status: &str, days: u32| {
        format!(
            "INSERT INTO notifier.task_states
             SELECT gen_random_uuid(), gen_random_uuid(), 1, '{status}', '', now() - interval '{days} days' FROM generate_series(1, {rows});"
        )
    };
    // More than two batches are old enough. What is younger stays, and so does what has not ended, whatever its age.
    let rows = [insert(900, "completed", 31), insert(900, "failed", 31), insert(900, "cancelled", 300)].concat();
    database.batch_execute(&rows).await?;
    database
        .batch_execute(&[insert(20, "completed", 29), insert(10, "queued", 300), insert(10, "processing", 31)].concat())
        .await?;
    database
        .batch_execute(&format!(
            "UPDATE notifier.task_states SET updated_at = now() - interval '31 days' WHERE task_id = '{task_id}'"
        ))
        .await?;
    until_count(&database, "notifier.task_states", 40).await?;

    // What was said of it before its end arrives once more, as a dead letter that is sent again does.
    let long_ago = timestamp(Utc::now() - TimeDelta::days(32));
    let owner: Uuid = Uuid::parse_str(database.query_one("SELECT user_id::text FROM tasks.tasks", &[]).await?.get(0))?;
    platform
        .bus()
        .publish(&TaskUpdated {
            task_id: task_id.to_owned(),
            user_id: owner.to_string(),
            version: 2,
            status: TaskStatus::Processing.into(),
            step: TaskStep::Generating.into(),
            kind: "text_to_video".to_owned(),
            model: "sora-2".to_owned(),
            created_at: Some(long_ago),
            updated_at: Some(long_ago),
            ..Default::default()
        })
        .await?;
    // A later task goes all the way through the same queue.
    let later = platform.user().await?;
    let marker = later.create("marker").await?;
    later.until_ended(&marker).await?;
    until_count(&database, "notifier.task_states WHERE updated_at > now() - interval '1 hour' AND status = 'completed'", 1)
        .await?;
    assert_eq!(count(&database, &format!("notifier.task_states WHERE task_id = '{task_id}'")).await?, 0);

    // A replica that heard of the task still knows it; a fresh one does not.
    for replica in [0, 1] {
        let notifier = platform.process(Service::Notifier, replica)?;
        notifier.kill()?;
        notifier.start()?;
        notifier.ready().await?;
    }
    let mut socket = user.socket().await?;
    socket.send("requestTaskStatus", json!({ "videoId": video_id })).await?;
    let answer = socket.next().await?;
    assert_eq!((answer.kind.as_str(), &answer.payload["code"]), ("error", &json!("NOT_FOUND")), "{}", answer.raw);
    assert_eq!(user.task(&video_id).await?["status"], "COMPLETED");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn idempotency_keys_are_forgotten_after_a_day() -> Result<()> {
    let mut platform = Platform::start().await?;
    let database = platform.database().await?;
    let user = platform.user().await?;
    let body = json!({ "prompt": "once", "model": "sora-2" });
    user.post_with_key("/api/video/tasks", &body, "kept").await?.ok()?;
    for (rows, hours) in [(2_500, 25), (10, 23)] {
        let sql = format!(
            "INSERT INTO tasks.idempotency_keys
             SELECT gen_random_uuid(), 'key', '', (SELECT id FROM tasks.tasks), now() - interval '{hours} hours' FROM generate_series(1, {rows})"
        );
        database.batch_execute(&sql).await?;
    }
    // A process sweeps soon after its start, and then every hour.
    platform.crash(Service::TaskApi, 0).await?;
    until_count(&database, "tasks.idempotency_keys", 11).await?;
    user.post_with_key("/api/video/tasks", &body, "kept").await?.ok()?;
    assert_eq!(count(&database, "tasks.tasks").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unpublished_message_is_kept_whatever_its_age() -> Result<()> {
    let mut platform = Platform::start().await?;
    let database = platform.database().await?;
    let sql = "INSERT INTO tasks.outbox
               SELECT gen_random_uuid(), 'zoetrope.events', 'nobody.cares', 'none', true, '', NULL, now() - interval '400 days',
                      gen_random_uuid(), now() + interval '1 day'
                 FROM generate_series(1, 12000)";
    database.batch_execute(sql).await?;
    // The count is the start of the backlog, so that its size costs nothing; the age is the whole truth.
    let url = format!("{}/metrics", platform.process(Service::TaskApi, 0)?.internal_url());
    eventually("the figures of the outbox", PATIENCE, async || {
        let figures = reqwest::get(&url).await?.text().await?;
        let oldest = figures.lines().find_map(|line| line.strip_prefix("zoetrope_outbox_oldest_seconds ")).context("no age")?;
        ensure!(figures.contains("zoetrope_outbox_pending 10000\n") && oldest.parse::<f64>()? > 399.0 * 86_400.0, "{figures}");
        Ok(())
    })
    .await?;
    // What is new is published all the same.
    let user = platform.user().await?;
    user.until_ended(&user.create("through").await?).await?;
    assert_eq!(count(&database, "tasks.outbox WHERE routing_key = 'nobody.cares'").await?, 12_000);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_their_tokens_are_forgotten_a_week_after_they_expired() -> Result<()> {
    let mut platform = Platform::start().await?;
    let database = platform.database().await?;
    let user = platform.user().await?;
    let (sessions, tokens) = (count(&database, "auth.sessions").await?, count(&database, "auth.refresh_tokens").await?);
    let insert_sessions = |rows: u32, days: u32| {
        format!(
            "INSERT INTO auth.sessions
             SELECT gen_random_uuid(), (SELECT id FROM auth.users), now() - interval '90 days', now() - interval '{days} days'
               FROM generate_series(1, {rows});"
        )
    };
    // More than two batches of sessions, and of tokens: each expired session has some, one of them very many, and the living one, too.
    let insert_tokens = |rows: u32, days: u32, sessions: &str| {
        format!(
            "INSERT INTO auth.refresh_tokens
             SELECT gen_random_uuid(), s.id, '', now() - interval '90 days', now() - interval '{days} days'
               FROM generate_series(1, {rows}), ({sessions}) AS s;"
        )
    };
    let of = |condition: &str| format!("SELECT id FROM auth.sessions WHERE expires_at {condition}");
    let old = of("< now() - interval '7 days'");
    let rows = [
        insert_sessions(2_100, 8),
        insert_tokens(1, 8, &old),
        insert_tokens(1_500, 9, &format!("{old} LIMIT 1")),
        insert_tokens(30, 8, &of("> now()")),
        insert_sessions(10, 6),
        insert_tokens(2, 6, &of("BETWEEN now() - interval '7 days' AND now()")),
    ];
    database.batch_execute(&rows.concat()).await?;
    let wishes = "INSERT INTO auth.confirmation_mails SELECT id, now() - make_interval(days => days) FROM auth.users, generate_series(1, 9) AS days";
    database.batch_execute(wishes).await?;

    // A process sweeps soon after its start, and then every hour. A session goes when its tokens have gone.
    platform.crash(Service::Auth, 0).await?;
    until_count(&database, "auth.refresh_tokens", tokens + 20).await?;
    // What was asked for within three days stays.
    until_count(&database, "auth.confirmation_mails", 2).await?;
    platform.crash(Service::Auth, 0).await?;
    until_count(&database, "auth.sessions", sessions + 10).await?;
    assert_eq!(count(&database, "auth.refresh_tokens").await?, tokens + 20);
    user.get("/api/auth/me").await?.ok()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn api_keys_are_forgotten_a_week_after_their_end() -> Result<()> {
    let mut platform = Platform::builder().replicas(Service::Poller, 0).start().await?;
    let database = platform.database().await?;
    let user = platform.user().await?;
    user.post("/api/keys", json!({ "name": "good" })).await?.ok()?;
    let insert = |rows: u32, expires: &str, revoked: &str, announced: &str| {
        format!(
            "INSERT INTO auth.api_keys (id, user_id, name, prefix, secret_hash, scopes, created_at, expires_at, revoked_at, announced_at)
             SELECT gen_random_uuid(), (SELECT id FROM auth.users), 'old', 'sk-', '', '{{read}}', now() - interval '90 days',
                    {expires}, {revoked}, {announced}
               FROM generate_series(1, {rows});"
        )
    };
    let (old, young) = ("now() - interval '8 days'", "now() - interval '6 days'");
    let rows = [
        insert(1_100, old, "NULL", "now()"),
        insert(10, "NULL", old, "now()"),
        insert(7, young, "NULL", "now()"),
        insert(5, "now() + interval '1 day'", young, "now()"),
    ];
    database.batch_execute(&rows.concat()).await?;
    platform.crash(Service::Auth, 0).await?;
    until_count(&database, "auth.api_keys", 1 + 7 + 5).await
}
