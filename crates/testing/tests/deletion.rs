//! A deleted user is shut out at once, and later erased at every service, whatever was under way.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use reqwest::multipart::{Form, Part};
use serde_json::json;
use tokio::process::Command;
use tokio_postgres::Client as Database;
use uuid::Uuid;
use zoetrope_contracts::{
    mail::v1::{PasswordChanged, SendMail, send_mail::Content},
    tasks::v1::{TaskStatus, TaskUpdated},
    timestamp,
    users::v1::{UserDeleted, UserRegistered},
};
use zoetrope_testing::{Platform, Service, User, audit, binary, eventually};

const PROFILE: &str = "/api/users/profile";
const PATIENCE: Duration = Duration::from_secs(60);
const PNG: &[u8] = include_bytes!("files/reference.png");
/// In everything that the user writes.
const MARK: &str = "quaint-marzipan-lighthouse";

async fn id_of(user: &User) -> Result<Uuid> {
    let me = user.get("/api/auth/me").await?.ok()?;
    Ok(me["data"]["user"]["id"].as_str().context("id")?.parse()?)
}

async fn create_from_image(user: &User, prompt: &str) -> Result<String> {
    let image = Part::bytes(PNG).file_name("reference.png").mime_str("image/png")?;
    let form = Form::new().text("prompt", prompt.to_owned()).text("model", "sora-2").part("input_reference", image);
    let body = user.post_form("/api/video/tasks", form).await?.ok()?;
    Ok(body["data"]["videoId"].as_str().context("videoId")?.to_owned())
}

/// The tables of all schemas in which a row holds one of these texts, as it is or within bytes.
async fn tables_with(database: &Database, texts: &[&str]) -> Result<Vec<String>> {
    let tables = database
        .query(
            "SELECT schemaname || '.' || tablename FROM pg_tables
             WHERE schemaname IN ('auth', 'tasks', 'poller', 'notifier') AND tablename NOT LIKE '\\_\\_%' ORDER BY 1",
            &[],
        )
        .await?;
    let mut found = Vec::new();
    for table in tables {
        let table: String = table.get(0);
        for text in texts {
            let query = format!(
                "SELECT EXISTS (SELECT FROM {table} AS held
                     WHERE held::text ILIKE '%' || $1 || '%' OR held::text LIKE '%' || encode(convert_to($1, 'UTF8'), 'hex') || '%')"
            );
            if database.query_one(&query, &[text]).await?.get(0) {
                found.push(format!("{table} ({text})"));
            }
        }
    }
    Ok(found)
}

/// The files of the platform's object storage whose path holds one of these texts.
fn files_with(folder: &Path, texts: &[&str]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if texts.iter().any(|text| path.to_string_lossy().contains(text)) {
                found.push(path.display().to_string());
            }
        }
    }
    Ok(found)
}

/// Everything that was the user's, wherever it is.
struct Traces<'a> {
    database: &'a Database,
    platform: &'a Platform,
    id: Uuid,
    texts: Vec<String>,
    videos: Vec<String>,
}

impl Traces<'_> {
    /// Fails when anything is left but the account, its ledger, tasks without content, and the note that the user is gone.
    async fn none_left(&self) -> Result<()> {
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        let found = tables_with(self.database, &texts).await?;
        ensure!(found.is_empty(), "still in {found:?}");

        let id = self.id.to_string();
        let found = tables_with(self.database, &[&id]).await?;
        let kept = ["notifier.deleted_users", "tasks.accounts", "tasks.ledger_entries", "tasks.tasks"];
        let kept = kept.map(|table| format!("{table} ({id})"));
        ensure!(found.iter().all(|table| kept.contains(table)), "still in {found:?}");

        let videos: Vec<&str> = self.videos.iter().map(|id| id.trim_start_matches("video_")).collect();
        let files = files_with(&self.platform.directory().join("objects"), &videos)?;
        ensure!(files.is_empty(), "{files:?}");
        Ok(())
    }
}

/// Waits until both consumers of news of users have come past what was published before.
async fn until_heard(platform: &Platform, database: &Database) -> Result<()> {
    let marker = Uuid::new_v4().to_string();
    let registered = UserRegistered { user_id: marker.clone(), username: "marker".to_owned(), ..UserRegistered::default() };
    platform.bus().publish(&registered).await?;
    eventually("the marker", PATIENCE, async || {
        for table in ["tasks.accounts", "notifier.contacts"] {
            let query = format!("SELECT count(*) FROM {table} WHERE user_id::text = $1");
            let count: i64 = database.query_one(&query, &[&marker]).await?.get(0);
            ensure!(count == 1, "not in {table}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_user_is_erased_everywhere_while_tasks_run() -> Result<()> {
    let platform = Platform::builder()
        .setting(Service::Auth, "deletion.erase_after_days", 0)
        .setting(Service::Auth, "email_confirmation.gateway_url", "https://api.example")
        .setting(Service::TaskApi, "credits.signup_grant", 1_000)
        .receivers_here()
        .start()
        .await?;
    let database = platform.database().await?;
    let email = format!("{MARK}@example.com");
    let (user, other) = (platform.user_with_email(&email, "en").await?, platform.user().await?);
    let id = id_of(&user).await?;

    // An address that is still to be confirmed.
    database.batch_execute("UPDATE auth.users SET email_verified_at = now() WHERE email IS NOT NULL").await?;
    let pending = user.put(PROFILE, json!({ "email": format!("pending-{MARK}@example.com") })).await?.ok()?;
    ensure!(pending["pendingEmail"].is_string(), "{pending}");
    user.put("/api/notifications/preferences", json!({ "readyMail": true })).await?.ok()?;
    let hook = json!({ "url": format!("http://127.0.0.1:9/{MARK}"), "description": MARK });
    user.post("/api/webhooks", hook).await?.ok()?;
    user.post("/api/keys", json!({ "name": MARK })).await?.ok()?;
    let (completed, kept) = (create_from_image(&user, &format!("done {MARK}")).await?, other.create("to be kept").await?);
    let failed = user.create(&format!("nothing {MARK} [sim:fail=no luck]")).await?;
    for (owner, video) in [(&user, &completed), (&user, &failed), (&other, &kept)] {
        owner.until_ended(video).await?;
    }
    let body = json!({ "prompt": format!("running {MARK} [sim:duration=600]"), "model": "sora-2",
        "clientRequestId": MARK, "callbackUrl": format!("https://hooks.example/{MARK}") });
    let running = user.post_with_key("/api/video/tasks", &body, MARK).await?.ok()?;
    let running = running["data"]["videoId"].as_str().context("videoId")?.to_owned();
    eventually("the running task", PATIENCE, async || {
        let row = user.task(&running).await?;
        ensure!(row["status"] == "PROCESSING", "{row}");
        Ok(())
    })
    .await?;
    let videos = vec![completed.clone(), failed, running.clone()];
    let texts = vec![MARK.to_owned(), user.name().to_owned()];
    let traces = Traces { database: &database, platform: &platform, id, texts, videos };
    ensure!(!files_with(&platform.directory().join("objects"), &[completed.trim_start_matches("video_")])?.is_empty());
    assert!(tables_with(&database, &[MARK]).await?.len() > 5);

    // The password is asked for.
    assert_eq!(user.delete(PROFILE).await?.status, 400);
    let wrong = user.delete_with(PROFILE, &json!({ "password": "not the one" })).await?;
    assert_eq!((wrong.status, &wrong.body["errors"][0]["field"]), (400, &json!("password")));
    let gone = user.delete_with(PROFILE, &json!({ "password": User::PASSWORD })).await?;
    assert_eq!(gone.status, 200, "{}", gone.body);
    assert_eq!(gone.cookie("refreshToken").as_deref(), Some(""));
    eventually("the end of the session", PATIENCE, async || {
        for route in ["/api/auth/sessions", "/api/video/tasks", "/api/webhooks"] {
            let status = user.get(route).await?.status;
            ensure!(status == 401, "{route}: {status}");
        }
        Ok(())
    })
    .await?;
    eventually("the end of all traces", PATIENCE, async || traces.none_left().await).await?;
    let status: String = database
        .query_one("SELECT status FROM tasks.tasks WHERE id::text = $1", &[&running.trim_start_matches("video_")])
        .await?
        .get(0);
    assert_eq!(status, "cancelled");

    // What comes late, or again, brings nothing back.
    let deleted = UserDeleted { user_id: id.to_string(), deleted_at: None };
    let registered = UserRegistered {
        user_id: id.to_string(),
        username: user.name().to_owned(),
        email: email.clone(),
        ..UserRegistered::default()
    };
    let now = chrono::Utc::now();
    let updated = TaskUpdated {
        task_id: Uuid::now_v7().to_string(),
        user_id: id.to_string(),
        version: 1,
        status: TaskStatus::Queued.into(),
        kind: "text_to_video".to_owned(),
        model: "sora-2".to_owned(),
        created_at: Some(timestamp(now)),
        updated_at: Some(timestamp(now)),
        feed_position: 9,
        ..TaskUpdated::default()
    };
    let mail = SendMail {
        mail_id: format!("late.{id}"),
        recipient: email.clone(),
        user_id: id.to_string(),
        content: Some(Content::PasswordChanged(PasswordChanged {})),
        ..SendMail::default()
    };
    let bus = platform.bus();
    bus.publish(&deleted).await?;
    bus.publish(&registered).await?;
    bus.publish(&updated).await?;
    bus.publish(&mail).await?;
    // A user of whom only the end was heard yet.
    let stranger = UserRegistered { user_id: Uuid::new_v4().to_string(), ..registered.clone() };
    bus.publish(&UserDeleted { user_id: stranger.user_id.clone(), deleted_at: None }).await?;
    until_heard(&platform, &database).await?;
    bus.publish(&stranger).await?;
    until_heard(&platform, &database).await?;
    eventually("the end of late traces", PATIENCE, async || traces.none_left().await).await?;
    let accounts = "SELECT balance, erased_at IS NOT NULL FROM tasks.accounts WHERE user_id::text = $1";
    eventually("a stranger's account, closed", PATIENCE, async || {
        let row = database.query_one(accounts, &[&stranger.user_id]).await?;
        ensure!((row.get::<_, i64>(0), row.get::<_, bool>(1)) == (0, true), "{row:?}");
        Ok(())
    })
    .await?;

    // Others keep what they have, the books are right, and the name is free.
    assert_eq!(other.task(&kept).await?["prompt"], "to be kept");
    ensure!(!files_with(&platform.directory().join("objects"), &[kept.trim_start_matches("video_")])?.is_empty());
    audit::check(&platform).await?;
    let again = json!({ "username": user.name(), "email": email, "password": User::PASSWORD });
    let again = platform.nobody().post("/api/auth/register", again).await?.ok()?;
    assert_ne!(again["user"]["id"], json!(id));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn until_then_a_deleted_user_can_be_brought_back() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user_with_email("ann@example.com", "en").await?;
    let video = user.create("worth keeping").await?;
    user.until_ended(&video).await?;
    let login = json!({ "username": user.name(), "password": User::PASSWORD });
    let gone = user.delete_with(PROFILE, &json!({ "password": User::PASSWORD })).await?.ok()?;
    ensure!(gone["data"]["erasedAfter"].as_str() > Some(&*chrono::Utc::now().to_rfc3339()), "{gone}");

    let nobody = platform.nobody();
    let refused = nobody.post("/api/auth/login", login.clone()).await?;
    assert_eq!((refused.status, &refused.body["message"]), (403, &json!("this account was deleted")));
    assert_eq!(user.delete_with(PROFILE, &json!({ "password": User::PASSWORD })).await?.status, 401);
    for taken in [json!({ "username": user.name() }), json!({ "username": "another", "email": "ann@example.com" })] {
        let mut account = taken;
        account["password"] = User::PASSWORD.into();
        assert_eq!(nobody.post("/api/auth/register", account).await?.status, 409);
    }

    let operator = async |command: &str| -> Result<bool> {
        let mut process = Command::new(binary("auth")?);
        process.args([command, user.name(), "--config"]).arg(platform.settings(Service::Auth)?);
        Ok(process.output().await?.status.success())
    };
    ensure!(!operator("suspend").await? && !operator("delete-user").await?, "a deleted user is not there to be suspended");
    ensure!(operator("reinstate").await?);
    let back = nobody.post("/api/auth/login", login).await?.ok()?;
    let back = nobody.with_token(back["data"]["token"].as_str().context("token")?);
    assert_eq!(back.task(&video).await?["prompt"], "worth keeping");

    // Without a password, only who signed in a moment ago is believed.
    let database = platform.database().await?;
    database.batch_execute("UPDATE auth.users SET password_hash = NULL").await?;
    database.batch_execute("UPDATE auth.sessions SET created_at = created_at - interval '16 minutes'").await?;
    let refused = back.delete(PROFILE).await?;
    assert_eq!((refused.status, &refused.body["message"]), (403, &json!("sign in again first")));
    database.batch_execute("UPDATE auth.sessions SET created_at = created_at + interval '5 minutes'").await?;
    back.delete(PROFILE).await?.ok()?;
    ensure!(operator("reinstate").await?);

    // The operator's own way.
    ensure!(operator("delete-user").await?);
    eventually("the end of the session", PATIENCE, async || {
        let status = back.get("/api/video/tasks").await?.status;
        ensure!(status == 401, "{status}");
        Ok(())
    })
    .await?;
    let status: String = database.query_one("SELECT status FROM tasks.tasks", &[]).await?.get(0);
    assert_eq!(status, "completed");
    Ok(())
}
