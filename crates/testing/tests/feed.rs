//! The table of feeds, however messages come: it is asked as an operator would.

use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use tokio_postgres::Client;
use uuid::Uuid;
use zoetrope_contracts::{
    tasks::v1::{TaskStatus, TaskStep, TaskUpdated},
    timestamp,
};
use zoetrope_testing::{Platform, Service, eventually};

const PATIENCE: Duration = Duration::from_secs(30);

/// Notifiers alone: the test is the one who tells of tasks.
async fn platform() -> Result<Platform> {
    Platform::builder()
        .replicas(Service::Auth, 0)
        .replicas(Service::TaskApi, 0)
        .replicas(Service::Poller, 0)
        .replicas(Service::ProviderSim, 0)
        .replicas(Service::Notifier, 2)
        .setting(Service::Notifier, "feed.prune_seconds", 0.2)
        .start()
        .await
}

fn update(user: Uuid, task: Uuid, version: u64, feed_position: u64) -> TaskUpdated {
    updated_at(
        Utc::now(),
        TaskUpdated {
            task_id: task.to_string(),
            user_id: user.to_string(),
            version,
            status: TaskStatus::Processing.into(),
            step: TaskStep::Generating.into(),
            kind: "text_to_video".to_owned(),
            model: "sora-2".to_owned(),
            feed_position,
            ..Default::default()
        },
    )
}

fn updated_at(moment: DateTime<Utc>, update: TaskUpdated) -> TaskUpdated {
    TaskUpdated { created_at: Some(timestamp(moment)), updated_at: Some(timestamp(moment)), ..update }
}

/// What the table has heard of a feed, and its floor.
async fn feed(database: &Client, user: Uuid) -> Result<(String, i64)> {
    let sql = "SELECT heard::text, floor FROM notifier.feeds WHERE user_id::text = $1";
    let row = database.query_opt(sql, &[&user.to_string()]).await?;
    Ok(row.map(|row| (row.get(0), row.get(1))).unwrap_or_default())
}

async fn until_feed(database: &Client, user: Uuid, heard: &str, floor: i64) -> Result<()> {
    eventually(&format!("{heard} above {floor}"), PATIENCE, async || {
        let found = feed(database, user).await?;
        ensure!(found == (heard.to_owned(), floor), "{found:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_noted_in_whatever_order_they_come() -> Result<()> {
    let platform = platform().await?;
    let (database, bus) = (platform.database().await?, platform.bus());
    let users = [Uuid::now_v7(), Uuid::now_v7()];
    let tasks: Vec<Uuid> = (0..6).map(|_| Uuid::now_v7()).collect();
    // The tasks of a user change in turn: the n-th change of a user is version n / 3 + 1 of its task n % 3. They come as multiples of 7, and
    // every fourth comes again.
    const CHANGES: u64 = 29;
    for number in 0..CHANGES + 8 {
        let change = number * 7 % CHANGES;
        for (user, tasks) in users.iter().zip(tasks.chunks(3)) {
            let task = tasks[usize::try_from(change % 3)?];
            bus.publish(&update(*user, task, change / 3 + 1, change + 1)).await?;
        }
    }
    for user in users {
        until_feed(&database, user, "{[1,30)}", 0).await?;
        let sql = "SELECT version, position FROM notifier.task_states WHERE user_id::text = $1 ORDER BY position";
        let rows = database.query(sql, &[&user.to_string()]).await?;
        let states: Vec<(i64, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(states, [(9, 27), (10, 28), (10, 29)]);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_closed_when_its_message_is_lost_for_good() -> Result<()> {
    let platform = platform().await?;
    let (database, bus) = (platform.database().await?, platform.bus());
    let (user, task) = (Uuid::now_v7(), Uuid::now_v7());
    for position in [1, 2, 5, 7] {
        bus.publish(&update(user, task, position, position)).await?;
    }
    until_feed(&database, user, "{[1,3),[5,6),[7,8)}", 0).await?;
    let id = user.to_string();
    // One may have been noticed before the last of them came.
    let anew = "UPDATE notifier.feeds SET gap_below = NULL, gap_noticed_at = NULL WHERE user_id::text = $1";
    database.execute(anew, &[&id]).await?;
    eventually("the gap is noticed", PATIENCE, async || {
        let sql = "SELECT gap_below FROM notifier.feeds WHERE user_id::text = $1";
        let below: Option<i64> = database.query_one(sql, &[&id]).await?.get(0);
        ensure!(below == Some(8), "{below:?}");
        Ok(())
    })
    .await?;
    // A later gap is not older for it.
    bus.publish(&update(user, task, 12, 12)).await?;
    until_feed(&database, user, "{[1,3),[5,6),[7,8),[12,13)}", 0).await?;
    let hour = "UPDATE notifier.feeds SET gap_noticed_at = gap_noticed_at - interval '61 minutes' WHERE user_id::text = $1";
    database.execute(hour, &[&id]).await?;
    until_feed(&database, user, "{[1,8),[12,13)}", 0).await?;
    // What comes after all is as good as ever.
    for position in 8..12 {
        bus.publish(&update(user, task, position, position)).await?;
    }
    until_feed(&database, user, "{[1,13)}", 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_leaves_its_mark() -> Result<()> {
    let platform = platform().await?;
    let (database, bus) = (platform.database().await?, platform.bus());
    let (user, long_ago) = (Uuid::now_v7(), Utc::now() - TimeDelta::days(31));
    let tasks: Vec<Uuid> = (0..4).map(|_| Uuid::now_v7()).collect();
    let ended = |task, position| TaskUpdated { status: TaskStatus::Cancelled.into(), ..update(user, task, 2, position) };
    bus.publish(&update(user, tasks[0], 1, 1)).await?;
    bus.publish(&ended(tasks[1], 2)).await?;
    bus.publish(&ended(tasks[2], 3)).await?;
    until_feed(&database, user, "{[1,4)}", 0).await?;

    // It grows too old, or is too old when it comes.
    let age = "UPDATE notifier.task_states SET updated_at = $1 WHERE task_id::text = $2";
    database.execute(age, &[&std::time::SystemTime::from(long_ago), &tasks[1].to_string()]).await?;
    until_feed(&database, user, "{[1,4)}", 2).await?;
    bus.publish(&updated_at(long_ago, ended(tasks[3], 4))).await?;
    until_feed(&database, user, "{[1,5)}", 4).await?;
    let sql = "SELECT position FROM notifier.task_states WHERE user_id::text = $1 ORDER BY position";
    let kept: Vec<i64> = database.query(sql, &[&user.to_string()]).await?.iter().map(|row| row.get(0)).collect();
    assert_eq!(kept, [1, 3]);
    Ok(())
}
