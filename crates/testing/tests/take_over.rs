//! Whoever proves to own the address of an account finds nothing in force that somebody else has set, at any service.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};
use tokio_postgres::Client as Database;
use uuid::Uuid;
use zoetrope_contracts::users::v1::AccountTakenOver;
use zoetrope_testing::{Hook, MailSink, Platform, PlatformBuilder, Service, Sink, User, binary, eventually};

const PATIENCE: Duration = Duration::from_secs(30);
/// A task that runs until it is cancelled.
const ENDLESS: &str = "late [sim:duration=600]";
const PROFILE: &str = "/api/users/profile";
const PREFERENCES: &str = "/api/notifications/preferences";
const CALLBACK_SECRET: &str = "/api/webhooks/callback-secret";
const PNG: &[u8] = include_bytes!("files/reference.png");
const LIST: &str = include_str!("../../../migrations/take_over.toml");

fn builder() -> PlatformBuilder {
    let mut builder = Platform::builder().setting(Service::TaskApi, "credits.signup_grant", 10_000);
    for service in [Service::Notifier, Service::TaskApi] {
        builder = builder.setting(service, "webhooks.allow_http", true).setting(
            service,
            "webhooks.allowed_networks",
            vec!["127.0.0.0/8"],
        );
    }
    builder
}

fn with_mail(sink: &MailSink) -> PlatformBuilder {
    builder()
        .setting(Service::Notifier, "mail.transport", "smtp")
        .setting(Service::Notifier, "mail.host", "localhost")
        .setting(Service::Notifier, "mail.port", i64::from(sink.port()))
        .setting(Service::Notifier, "mail.tls", "none")
}

/// The text of the newest mail to this address that has this in its text.
async fn mailed(sink: &MailSink, to: &str, has: impl Fn(&str) -> bool) -> Result<String> {
    eventually(&format!("a mail to {to}"), PATIENCE, async || {
        let mut mails = sink.received().into_iter().rev();
        Ok(mails.find(|mail| mail.to == [to] && has(&mail.text)).context("none")?.text)
    })
    .await
}

fn is_code(line: &str) -> bool {
    line.trim().len() >= 4 && line.trim().bytes().all(|byte| byte.is_ascii_digit())
}

/// The ways to prove that one receives the mail of an address.
#[derive(Debug, Clone, Copy)]
enum Way {
    Code,
    Google,
    Link,
}

/// Somebody who owns the address and has no session yet. The client speaks Chinese.
async fn arrive(platform: &Platform, sink: &MailSink, email: &str, way: Way) -> Result<User> {
    let nobody = platform.nobody();
    let post = async |path: &str, body: Value| nobody.post_with_header(path, &body, "Accept-Language", "zh-CN").await;
    match way {
        Way::Code => {
            post("/api/auth/send-code", json!({ "email": email })).await?.ok()?;
            let mail = mailed(sink, email, |text| text.lines().any(is_code)).await?;
            let code = mail.lines().map(str::trim).find(|line| is_code(line)).context("a code")?;
            let answer = post("/api/auth/verify-code", json!({ "email": email, "code": code })).await?;
            let token = answer.cookie("auth-session").with_context(|| format!("{answer:?}"))?;
            Ok(nobody.with_token(&token))
        }
        Way::Google => by_google(platform, email).await,
        Way::Link => {
            post("/api/auth/forgot-password", json!({ "email": email })).await?.ok()?;
            let mail = mailed(sink, email, |text| text.contains("?token=")).await?;
            let token = mail.split_once("?token=").and_then(|(_, rest)| rest.split_whitespace().next()).context("a token")?;
            let reset = json!({ "token": token, "password": "a password of the owner" });
            post("/api/auth/reset-password", reset).await?.ok()?;
            let login = json!({ "email": email, "password": "a password of the owner" });
            let body = post("/api/auth/login", login).await?.ok()?;
            Ok(nobody.with_token(body["data"]["token"].as_str().context("token")?))
        }
    }
}

async fn by_google(platform: &Platform, email: &str) -> Result<User> {
    let redirect_uri = format!("{}/auth/callback", platform.gateway_url());
    let body = json!({ "code": format!("{email} {}", Uuid::new_v4()), "redirect_uri": redirect_uri });
    let nobody = platform.nobody();
    let tokens = nobody.post_with_header("/api/v1/auth/google", &body, "Accept-Language", "zh-CN").await?.ok()?;
    Ok(nobody.with_token(tokens["access_token"].as_str().context("access_token")?))
}

async fn id(user: &User) -> Result<String> {
    let me = user.get("/api/auth/me").await?.ok()?;
    Ok(me["data"]["user"]["id"].as_str().context("id")?.to_owned())
}

async fn create(user: &User, prompt: &str, callback: Option<String>, key: &str) -> Result<String> {
    let body = json!({ "prompt": prompt, "model": "sora-2", "callbackUrl": callback });
    let created = user.post_with_key("/api/video/tasks", &body, key).await?.ok()?;
    Ok(created["data"]["videoId"].as_str().context("videoId")?.to_owned())
}

/// Ends a task of the account, which tells whoever is to be told.
async fn cancel(user: &User, video: &str) -> Result<()> {
    user.post(&format!("/api/video/tasks/{video}/cancel"), Value::Null).await?.ok()?;
    user.until_ended(video).await?;
    Ok(())
}

async fn callback_secret(user: &User) -> Result<String> {
    Ok(user.get(CALLBACK_SECRET).await?.ok()?["data"]["secret"].as_str().context("secret")?.to_owned())
}

async fn webhooks(user: &User) -> Result<usize> {
    Ok(user.get("/api/webhooks").await?.ok()?["data"]["webhooks"].as_array().context("webhooks")?.len())
}

/// The subject of the account's newest take-over, as an administrator sees it.
async fn told_of_take_over(root: &User, user: &str) -> Result<String> {
    let list = root.get(&format!("/api/admin/users/{user}/security-events?pageSize=100")).await?.ok()?;
    let events = list["data"]["events"].as_array().context("events")?;
    let event = events.iter().find(|event| event["kind"] == "taken_over").with_context(|| list.to_string())?;
    ensure!(event["address"].is_string(), "{event}");
    Ok(event["subject"].as_str().with_context(|| event.to_string())?.to_owned())
}

async fn administrator(platform: &Platform) -> Result<User> {
    let mut command = Command::new(binary("auth")?);
    command.args(["create-admin", "--username", "root", "--config"]).arg(platform.settings(Service::Auth)?);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    child.stdin.take().context("stdin")?.write_all(User::PASSWORD.as_bytes()).await?;
    ensure!(child.wait().await?.success());
    let login = json!({ "username": "root", "password": User::PASSWORD });
    let body = platform.nobody().post("/api/auth/login", login).await?.ok()?;
    Ok(platform.nobody().with_token(body["data"]["token"].as_str().context("token")?))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_turns_out_to_own_the_address_starts_clean() -> Result<()> {
    let mails = MailSink::start().await?;
    let platform = with_mail(&mails).start().await?;
    let (sink, root, database) = (Sink::start()?, administrator(&platform).await?, platform.database().await?);
    for way in [Way::Code, Way::Google, Way::Link] {
        let (email, path) = (format!("{way:?}@mailbox.example").to_lowercase(), format!("/claimant-{way:?}"));
        let claimant = platform.user_with_email(&email, "en").await?;
        let account = id(&claimant).await?;
        let theirs = Hook::create(&claimant, json!({ "url": sink.url(&path) })).await?;
        let known_secret = callback_secret(&claimant).await?;
        claimant.put(PREFERENCES, json!({ "readyMail": true })).await?.ok()?;
        claimant.put(PROFILE, json!({ "nickname": "Claimant", "bio": "mine" })).await?.ok()?;
        let key = claimant.post("/api/keys", json!({ "name": "left" })).await?.ok()?;
        let key = claimant.with_token(key["data"]["key"].as_str().context("key")?);
        let mut socket = claimant.socket().await?;
        // It ends when the account is another's.
        let late = create(&claimant, ENDLESS, Some(sink.url(&format!("{path}/late"))), "same key").await?;

        let owner = arrive(&platform, &mails, &email, way).await?;
        // No waiting: what the owner does at once comes after the take-over, whoever has heard of it.
        assert_eq!(id(&owner).await?, account, "{way:?}");
        assert_eq!(webhooks(&owner).await?, 0, "{way:?}");
        let own = Hook::create(&owner, json!({ "url": sink.url(&format!("/owner-{way:?}")) })).await?;
        let video = create(&owner, "mine", Some(sink.url(&format!("/owner-{way:?}/called"))), "same key").await?;
        assert_ne!(video, late, "{way:?}: the claimant's request is the owner's");
        let secret = callback_secret(&owner).await?;
        assert_ne!(secret, known_secret, "{way:?}");

        eventually("the end of what the claimant set", PATIENCE, async || {
            for out in [&claimant, &key] {
                for route in ["/api/auth/me", "/api/video/tasks", "/api/webhooks"] {
                    ensure!(out.get(route).await?.status == 401, "{route}");
                }
            }
            let left: i64 = database
                .query_one(
                    "SELECT (SELECT count(*) FROM notifier.webhook_endpoints WHERE url = $1)
                          + (SELECT count(*) FROM tasks.tasks WHERE callback_url LIKE $1 || '%')",
                    &[&sink.url(&path)],
                )
                .await?
                .get(0);
            ensure!(left == 0, "{left}");
            Ok(())
        })
        .await?;
        eventually("the end of the connection", PATIENCE, async || {
            while socket.next().await.is_ok() {}
            Ok(())
        })
        .await?;
        let profile = owner.get(PROFILE).await?.ok()?["data"]["user"].clone();
        assert_ne!(profile["username"], json!(claimant.name()), "{way:?}");
        assert_eq!((&profile["bio"], &profile["nickname"]), (&json!(""), &profile["username"]), "{way:?}: {profile}");
        assert_eq!(owner.get(PREFERENCES).await?.ok()?["data"]["readyMail"], false);
        let login = json!({ "username": claimant.name(), "password": User::PASSWORD });
        assert_eq!(platform.nobody().post("/api/auth/login", login).await?.status, 401, "{way:?}");

        // The message comes once more, and an older one.
        for generation in [1, 1, 0] {
            let message = AccountTakenOver { user_id: account.clone(), generation, ..AccountTakenOver::default() };
            platform.bus().publish(&message).await?;
        }
        owner.until_ended(&video).await?;
        cancel(&owner, &late).await?;
        let told = sink.until(&format!("/owner-{way:?}"), 1).await?.remove(0);
        assert!(told.is_signed_with(&own.secret) && !told.is_signed_with(&theirs.secret), "{way:?}");
        let called = sink.until(&format!("/owner-{way:?}/called"), 1).await?.remove(0);
        assert!(called.is_signed_with(&secret) && !called.is_signed_with(&known_secret), "{way:?}");
        // Both tasks have been told to the owner; nobody else was to hear of either.
        sink.until(&format!("/owner-{way:?}"), 2).await?;
        for path in [path.clone(), format!("{path}/late")] {
            assert!(sink.received(&path).is_empty(), "{way:?}: {path}");
        }
        assert_eq!((webhooks(&owner).await?, callback_secret(&owner).await?), (1, secret), "{way:?}");

        let told = told_of_take_over(&root, &account).await?;
        for dropped in ["names", "webhooks", "callbacks", "notifications", "password", "sessions=1", "api_keys=1"] {
            assert!(told.split([':', ',']).any(|word| word == dropped), "{way:?}: {dropped} in {told}");
        }
    }
    Ok(())
}

/// The message is the slowest of all: nothing may depend on it.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_owner_does_carries_the_news_itself() -> Result<()> {
    let platform = builder().start().await?;
    let (sink, database) = (Sink::start()?, platform.database().await?);
    database
        .batch_execute(
            "CREATE FUNCTION auth.lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER lose BEFORE INSERT ON auth.outbox FOR EACH ROW
             WHEN (NEW.message_type LIKE '%AccountTakenOver') EXECUTE FUNCTION auth.lose()",
        )
        .await?;
    let claimant = platform.user_with_email("slow@mailbox.example", "en").await?;
    let account = id(&claimant).await?;
    Hook::create(&claimant, json!({ "url": sink.url("/claimant") })).await?;
    let known_secret = callback_secret(&claimant).await?;
    let late = create(&claimant, ENDLESS, Some(sink.url("/late")), "key").await?;

    let owner = by_google(&platform, "slow@mailbox.example").await?;
    // A task is the first that the notifier hears of the owner.
    let video = create(&owner, "first", Some(sink.url("/called")), "key").await?;
    assert_ne!(video, late);
    owner.until_ended(&video).await?;
    let called = sink.until("/called", 1).await?.remove(0);
    assert!(!called.is_signed_with(&known_secret));
    let own = Hook::create(&owner, json!({ "url": sink.url("/owner") })).await?;
    cancel(&owner, &late).await?;
    sink.until("/owner", 1).await?;
    assert!(sink.received("/claimant").is_empty() && sink.received("/late").is_empty());

    // Days later.
    platform.bus().publish(&AccountTakenOver { user_id: account, generation: 1, ..AccountTakenOver::default() }).await?;
    eventually("the message to be heard", PATIENCE, async || {
        let left = "SELECT count(*) FROM tasks.tasks WHERE callback_url IS NOT NULL AND owner_generation = 0";
        ensure!(database.query_one(left, &[]).await?.get::<_, i64>(0) == 0);
        Ok(())
    })
    .await?;
    let third = create(&owner, "third", None, "another key").await?;
    owner.until_ended(&third).await?;
    assert!(sink.until("/owner", 2).await?.iter().all(|told| told.is_signed_with(&own.secret)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claimant_who_deletes_the_account_keeps_nobody_from_the_address() -> Result<()> {
    let platform = builder().replicas(Service::Poller, 0).start().await?;
    let claimant = platform.user_with_email("gone@mailbox.example", "en").await?;
    let account = id(&claimant).await?;
    claimant.delete_with(PROFILE, &json!({ "password": User::PASSWORD })).await?.ok()?;
    let owner = by_google(&platform, "gone@mailbox.example").await?;
    assert_ne!(id(&owner).await?, account);
    assert_eq!(owner.get(PROFILE).await?.ok()?["data"]["user"]["email"], "gone@mailbox.example");
    // What was shown to be somebody's is taken until it is erased.
    owner.delete(PROFILE).await?.ok()?;
    let redirect_uri = format!("{}/auth/callback", platform.gateway_url());
    let code = json!({ "code": "gone@mailbox.example again", "redirect_uri": redirect_uri });
    assert_eq!(platform.nobody().post("/api/v1/auth/google", code).await?.status, 403);
    Ok(())
}

/// Waits until somebody waits for a lock that this connection holds.
async fn until_blocked(database: &Database, holder: &Database) -> Result<()> {
    let holder: i32 = holder.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
    eventually("somebody waits for the lock", PATIENCE, async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))";
        ensure!(database.query_one(waiting, &[&holder]).await?.get::<_, i64>(0) > 0);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_let_in_before_a_take_over_comes_to_nothing_after_it() -> Result<()> {
    let platform = builder().replicas(Service::Poller, 0).start().await?;
    let (database, other) = (platform.database().await?, platform.database().await?);
    let of_notifier = |account: &str| {
        format!(
            "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('owner of {account}', 0));
             INSERT INTO notifier.owner_generations (user_id, generation) VALUES ('{account}', 1)"
        )
    };
    let of_tasks = |account: &str| format!("BEGIN; UPDATE tasks.accounts SET owner_generation = 1 WHERE user_id = '{account}'");
    let running = |user: User| async move { create(&user, "to be cancelled", None, "key").await };
    type Request = (&'static str, &'static str, Value);
    let requests: [Request; 6] = [
        ("POST", "/api/webhooks", json!({ "url": "https://example.com/" })),
        ("GET", CALLBACK_SECRET, Value::Null),
        ("POST", "/api/webhooks/callback-secret/rotate", Value::Null),
        ("PUT", PREFERENCES, json!({ "readyMail": true })),
        ("POST", "/api/video/tasks", json!({ "prompt": "too late", "model": "sora-2" })),
        ("POST", "/api/video/tasks/{task}/cancel", Value::Null),
    ];
    for (method, path, body) in requests {
        let claimant = platform.user().await?;
        let (account, task) = (id(&claimant).await?, running(claimant.clone()).await?);
        let hold = if path.starts_with("/api/video") { of_tasks(&account) } else { of_notifier(&account) };
        other.batch_execute(&hold).await?;
        let path = path.replace("{task}", &task);
        let request = async {
            match method {
                "GET" => claimant.get(&path).await,
                "PUT" => claimant.put(&path, body.clone()).await,
                _ => claimant.post(&path, body.clone()).await,
            }
        };
        let taken_over = async {
            until_blocked(&database, &other).await?;
            anyhow::Ok(other.batch_execute("COMMIT").await?)
        };
        let (answer, done) = tokio::join!(request, taken_over);
        done?;
        let answer = answer?;
        assert_eq!((answer.status, answer.body["code"].as_str()), (401, Some("UNAUTHORIZED")), "{path}: {}", answer.body);
        let left: i64 = database
            .query_one(
                "SELECT (SELECT count(*) FROM notifier.webhook_endpoints WHERE user_id::text = $1)
                      + (SELECT count(*) FROM notifier.webhook_callback_secrets WHERE user_id::text = $1)
                      + (SELECT count(*) FROM notifier.contacts WHERE user_id::text = $1 AND wants_ready_mail)
                      + (SELECT count(*) FROM tasks.tasks WHERE user_id::text = $1 AND (prompt = 'too late' OR status = 'cancelled'))",
                &[&account],
            )
            .await?
            .get(0);
        assert_eq!(left, 0, "{path}");
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    rows: Rows,
    why: String,
    #[serde(default)]
    columns: BTreeMap<String, Column>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Rows {
    Dropped,
    Void,
    Kept,
    #[serde(rename = "nobody's")]
    Nobodys,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Column {
    Reset,
    Renewed,
    Kept,
}

/// By `schema.table`.
fn listed() -> Result<BTreeMap<String, Listed>> {
    let schemas: BTreeMap<String, BTreeMap<String, Listed>> = toml::from_str(LIST)?;
    let tables = schemas
        .into_iter()
        .flat_map(|(schema, tables)| tables.into_iter().map(move |(table, listed)| (format!("{schema}.{table}"), listed)));
    Ok(tables.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_users_can_set_is_listed() -> Result<()> {
    let platform = Service::ALL.into_iter().fold(Platform::builder(), |builder, service| builder.replicas(service, 0));
    let database = platform.start().await?.database().await?;
    let rows = database
        .query(
            "SELECT table_schema || '.' || table_name, column_name::text,
                    bool_or(column_name = 'user_id') OVER (PARTITION BY table_schema, table_name)
             FROM information_schema.columns
             WHERE table_schema IN ('auth', 'tasks', 'poller', 'notifier') AND table_name NOT LIKE '\\_\\_%'",
            &[],
        )
        .await?;
    let mut tables: BTreeMap<String, (Vec<String>, bool)> = BTreeMap::new();
    for row in rows {
        let table = tables.entry(row.get(0)).or_default();
        table.0.push(row.get(1));
        table.1 = row.get(2);
    }
    let listed = listed()?;
    let names = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(listed.keys().collect()),
        names(tables.keys().collect()),
        "migrations/take_over.toml and the schemas differ"
    );
    for (table, (mut columns, has_user)) in tables {
        let entry = &listed[&table];
        ensure!(!entry.why.is_empty(), "{table}: no reason");
        columns.sort();
        let wanted = if entry.rows == Rows::Kept { columns } else { Vec::new() };
        assert_eq!(names(entry.columns.keys().collect()), wanted, "{table} in migrations/take_over.toml");
        let mails_and_the_gone = ["notifier.mails", "notifier.deleted_users"].contains(&table.as_str());
        ensure!(!has_user || entry.rows != Rows::Nobodys || mails_and_the_gone, "{table} has users");
    }
    Ok(())
}

/// The rows of a user, as JSON.
async fn rows_of(database: &Database, table: &str, user: &str) -> Result<Vec<Value>> {
    let of_user = match table {
        "auth.users" => "held.id::text = $1",
        "auth.refresh_tokens" => "held.session_id IN (SELECT id FROM auth.sessions WHERE user_id::text = $1)",
        _ => "held.user_id::text = $1",
    };
    let query = format!("SELECT to_jsonb(held)::text FROM {table} AS held WHERE {of_user}");
    let rows = database.query(&query, &[&user]).await?;
    rows.iter().map(|row| Ok(serde_json::from_str(row.get(0))?)).collect()
}

/// Sets whatever can be set, by a claimant of this address. What only a longer story leads to is written into the tables.
async fn set_everything(platform: &Platform, database: &Database, email: &str) -> Result<String> {
    let claimant = platform.user_with_email(email, "en").await?;
    let account = id(&claimant).await?;
    let upload = Form::new().part("avatar", Part::bytes(PNG).file_name("a.png"));
    claimant.post_form("/api/users/avatar", upload).await?.ok()?;
    claimant.put(PROFILE, json!({ "nickname": "Claimant", "bio": "mine" })).await?.ok()?;
    claimant.post("/api/keys", json!({ "name": "left" })).await?.ok()?;
    claimant.put(PREFERENCES, json!({ "readyMail": true })).await?.ok()?;
    callback_secret(&claimant).await?;
    let hook = Hook::create(&claimant, json!({ "url": "http://127.0.0.1:9/" })).await?;
    hook.test(&claimant).await?;
    create(&claimant, "with all", Some("http://127.0.0.1:9/".to_owned()), "a key").await?;
    claimant.post("/api/auth/forgot-password", json!({ "email": email })).await?.ok()?;
    let stream = json!({ "prompt": "followed", "model": "sora-2" });
    claimant.post_for_events("/api/videos/generate-stream", &stream).await?.next().await?;
    database
        .batch_execute(&format!(
            "INSERT INTO auth.identities (provider, subject, user_id, created_at) VALUES ('WECHAT', 'o-claimant', '{account}', now());
             UPDATE auth.users SET pending_email = 'claimant@mailbox.example', pending_email_until = now() + interval '1 hour'
             WHERE id = '{account}'"
        ))
        .await?;
    eventually("a link to choose a password, and the contact", PATIENCE, async || {
        for table in ["auth.password_resets", "notifier.contacts"] {
            ensure!(!rows_of(database, table, &account).await?.is_empty(), "{table}");
        }
        ensure!(rows_of(database, "notifier.contacts", &account).await?[0]["language"] == "en");
        Ok(())
    })
    .await?;
    Ok(account)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_take_over_does_what_the_list_says() -> Result<()> {
    let platform = builder().replicas(Service::Poller, 0).start().await?;
    let database = platform.database().await?;
    let account = set_everything(&platform, &database, "all@mailbox.example").await?;
    let listed = listed()?;
    let mut before = BTreeMap::new();
    for (table, _) in listed.iter().filter(|(_, listed)| listed.rows != Rows::Nobodys) {
        before.insert(table, rows_of(&database, table, &account).await?);
    }

    by_google(&platform, "all@mailbox.example").await?;
    eventually("the take-over at all services", PATIENCE, async || {
        for (table, before) in &before {
            let after = rows_of(&database, table, &account).await?;
            compare(table, &listed[*table], before, &after)?;
        }
        let void = "SELECT count(*) FROM auth.refresh_tokens JOIN auth.sessions ON sessions.id = session_id
                    WHERE user_id::text = $1 AND revoked_at IS NULL";
        // The owner's.
        ensure!(database.query_one(void, &[&account]).await?.get::<_, i64>(0) == 1);
        Ok(())
    })
    .await
}

fn compare(table: &str, listed: &Listed, before: &[Value], after: &[Value]) -> Result<()> {
    let is_empty = |value: &Value| matches!(value, Value::Null | Value::Bool(false)) || *value == json!("");
    // What the owner has made by coming, or what the claimant cannot make.
    let may_be_absent = ["auth.confirmation_mails", "notifier.owner_generations"].contains(&table);
    ensure!(may_be_absent || !before.is_empty(), "{table}: the claimant has set nothing there, so this shows nothing");
    match listed.rows {
        Rows::Nobodys => {}
        Rows::Dropped => ensure!(before.iter().all(|row| !after.contains(row)), "{table}: {after:?}"),
        Rows::Void if table == "auth.refresh_tokens" => {}
        Rows::Void => {
            let same = |row: &&Value| before.iter().any(|earlier| earlier["id"] == row["id"]);
            ensure!(after.iter().filter(same).all(|row| !row["revoked_at"].is_null()), "{table}: {after:?}");
        }
        Rows::Kept => {
            let first = |rows: &[Value], column: &str| {
                let values = rows.iter().map(|row| row[column].clone());
                let mut values: Vec<Value> = values.filter(|value| !is_empty(value)).collect();
                values.sort_by_key(Value::to_string);
                values
            };
            for (column, becomes) in &listed.columns {
                let (was, is) = (first(before, column), first(after, column));
                match becomes {
                    Column::Kept => {}
                    Column::Reset => {
                        ensure!(!was.is_empty(), "{table}.{column} was not set, so this shows nothing");
                        ensure!(is.is_empty(), "{table}.{column}: {is:?}");
                    }
                    Column::Renewed => ensure!(!is.is_empty() && was != is, "{table}.{column}: {is:?}"),
                }
            }
        }
    }
    Ok(())
}
