//! Nobody sees or changes what another owns: neither a user nor a service's database role.

use anyhow::Result;
use serde_json::{Value, json};
use zoetrope_testing::Platform;

#[tokio::test(flavor = "multi_thread")]
async fn another_users_task_does_not_exist() -> Result<()> {
    let platform = Platform::start().await?;
    let (owner, stranger) = (platform.user().await?, platform.user().await?);
    let video_id = owner.create("private [sim:duration=1]").await?;
    let unknown = "video_00000000-0000-7000-8000-000000000000";

    for id in [video_id.as_str(), unknown] {
        let task = format!("/api/video/tasks/{id}");
        for (method, path) in [
            ("GET", task.clone()),
            ("GET", format!("{task}/content")),
            ("POST", format!("{task}/cancel")),
            ("POST", format!("{task}/refresh-url")),
        ] {
            let answer = if method == "GET" { stranger.get(&path).await? } else { stranger.post(&path, Value::Null).await? };
            assert_eq!((answer.status, answer.body["code"].as_str()), (404, Some("NOT_FOUND")), "{method} {path}");
        }
    }
    let list = stranger.get("/api/video/tasks").await?.ok()?;
    assert_eq!(list["data"]["total"], 0);
    let stats = stranger.get("/api/video/stats").await?.ok()?;
    assert_eq!(stats["data"]["total"], 0);

    // Both refusals read the same: existence is not revealed.
    let mut socket = stranger.socket().await?;
    for id in [video_id.as_str(), unknown] {
        socket.send("subscribe_task", json!({ "videoId": id })).await?;
        let refused = socket.next().await?;
        assert_eq!(
            (refused.kind.as_str(), refused.payload["code"].as_str()),
            ("error", Some("NOT_FOUND")),
            "{}",
            refused.payload
        );
    }
    owner.until_completed("private [sim:duration=1]").await?;
    socket.send("ping", Value::Null).await?;
    assert_eq!(socket.next().await?.kind, "pong", "the stranger heard of a task that is not theirs");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_good_for_one_file_only() -> Result<()> {
    let platform = Platform::start().await?;
    let (owner, other) = (platform.user().await?, platform.user().await?);
    owner.create("mine").await?;
    other.create("theirs").await?;
    let mine = owner.until_completed("mine").await?;
    let theirs = other.until_completed("theirs").await?;

    let path = |row: &Value| row["videoId"].as_str().unwrap().trim_start_matches("video_").to_owned();
    let link = mine["videoUrl"].as_str().unwrap().replace(&path(&mine), &path(&theirs));
    assert!(matches!(reqwest::get(link).await?.status().as_u16(), 403 | 404));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_reaches_its_own_schema_only() -> Result<()> {
    let platform = Platform::start().await?;
    let tables =
        [("auth", "auth.users"), ("tasks", "tasks.tasks"), ("poller", "poller.jobs"), ("notifier", "notifier.task_states")];
    for (schema, _) in tables {
        let role = platform.database_as(schema).await?;
        for (owner, table) in tables {
            let answer = role.query(&format!("SELECT * FROM {table} LIMIT 1"), &[]).await;
            assert_eq!(answer.is_ok(), schema == owner, "role of {schema} reading {table}");
        }
        assert!(role.batch_execute("CREATE TABLE public.intruder (id int)").await.is_err());
        assert!(role.batch_execute("CREATE SCHEMA intruder").await.is_err());
    }
    Ok(())
}
