//! Processes are killed and servers stopped in the middle of work; nothing is lost, charged twice or submitted twice.
//!
//! These tests have servers of their own and run one at a time, since they stop what all of them share.

use std::{collections::HashSet, fs, time::Duration};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::json;
use tokio::sync::{Mutex, MutexGuard};
use zoetrope_testing::{Platform, PlatformBuilder, Server, Servers, Service, Socket, User, audit, eventually};

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

async fn platform(
    adjust: impl FnOnce(PlatformBuilder) -> PlatformBuilder,
) -> Result<(MutexGuard<'static, ()>, Servers, Platform)> {
    let turn = ONE_AT_A_TIME.lock().await;
    let servers = Servers::faults()?;
    for server in Server::ALL {
        servers.start(server).await?;
    }
    let builder = Platform::builder().servers(servers.clone()).setting(Service::TaskApi, "credits.signup_grant", 5_000);
    Ok((turn, servers, adjust(builder).start().await?))
}

const USERS: usize = 5;
const TASKS_EACH: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn every_task_ends_whichever_process_dies() -> Result<()> {
    let (_turn, servers, mut platform) = platform(|builder| {
        builder
            .setting(Service::ProviderSim, "simulation.duration_seconds", 20.0)
            .setting(Service::Poller, "polling.lease_seconds", 4.0)
            .setting(Service::Poller, "polling.unconfirmed_window_seconds", 2.0)
    })
    .await?;
    let database = platform.database().await?;
    let users = try_join_all((0..USERS).map(|_| platform.user())).await?;

    // The first death of each comes while tasks are created and submitted, the second while all of them run.
    let creating = create_all(&users);
    let dying = async {
        for service in MORTALS {
            platform.crash(service, 0).await?;
        }
        anyhow::Ok(())
    };
    let (created, died) = tokio::join!(creating, dying);
    created?;
    died?;
    for service in MORTALS {
        platform.crash(service, 0).await?;
    }
    servers.restart(Server::RabbitMq).await?;
    let running = audit::unfinished(&database).await?;
    ensure!(running >= 150, "only {running} tasks were still running: nothing was interrupted");

    eventually("the end of every task", Duration::from_secs(90), async || {
        let open = audit::unfinished(&database).await?;
        ensure!(open == 0, "{open} tasks are unfinished");
        Ok(())
    })
    .await?;
    audit::check(&platform).await?;

    for submission in platform.simulation().submissions().await? {
        ensure!(submission.times == 1, "{} was submitted {} times", submission.prompt, submission.times);
    }
    let mut completed = 0;
    for user in &users {
        let stats = user.get("/api/video/stats").await?.ok()?;
        ensure!(stats["data"]["total"] == TASKS_EACH, "{stats}");
        completed += stats["data"]["completed"].as_u64().unwrap_or_default();
    }
    // Only a submission that was cut short by a death may end unconfirmed.
    ensure!(completed >= 150, "only {completed} of {} tasks were completed", USERS * TASKS_EACH);
    Ok(())
}

const MORTALS: [Service; 3] = [Service::Poller, Service::TaskApi, Service::Notifier];

/// Each user creates one task after the other, through whatever happens meanwhile.
async fn create_all(users: &[User]) -> Result<()> {
    try_join_all(users.iter().map(|user| async move {
        for number in 0..TASKS_EACH {
            user.create_insistently(&format!("{} {number}", user.name())).await?;
        }
        anyhow::Ok(())
    }))
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pollers_share_the_work_and_one_takes_over() -> Result<()> {
    let (_turn, _servers, mut platform) = platform(|builder| {
        builder
            .replicas(Service::Poller, 2)
            .setting(Service::ProviderSim, "simulation.duration_seconds", 4.0)
            .setting(Service::Poller, "polling.lease_seconds", 3.0)
            .setting(Service::Poller, "polling.unconfirmed_window_seconds", 1.0)
    })
    .await?;
    let user = platform.user().await?;
    let ids = try_join_all((0..40).map(async |number| user.create(&format!("shared {number}")).await)).await?;
    platform.process(Service::Poller, 1)?.kill()?;

    for id in &ids {
        user.until_ended(id).await?;
    }
    let prompts: HashSet<String> = platform.simulation().submissions().await?.into_iter().map(|one| one.prompt).collect();
    let books = platform.simulation().submissions().await?;
    ensure!(books.iter().all(|one| one.times == 1) && books.len() == prompts.len(), "submitted twice");
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_everything_goes_on() -> Result<()> {
    let (_turn, servers, platform) = platform(|builder| builder).await?;
    let user = platform.user().await?;
    servers.stop(Server::Redis).await?;

    let newcomer = platform.user().await?;
    for user in [user, newcomer] {
        let mut socket = user.socket().await?;
        let video_id = user.create("while redis is away").await?;
        socket.subscribe(&video_id).await?;
        socket.until(&video_id, "taskCompleted").await?;
    }
    servers.start(Server::Redis).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rabbitmq_creates_are_accepted_and_flow_later() -> Result<()> {
    let (_turn, servers, platform) = platform(|builder| builder).await?;
    let user = platform.user().await?;
    let mut listener = user.socket().await?;
    listener.subscribe_user(None).await?;
    servers.stop(Server::RabbitMq).await?;

    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(user.create(&format!("broker away {number}")).await?);
    }
    assert_eq!(user.task(&ids[0]).await?["status"], "QUEUED");
    // An open stream hears of it late, but it hears.
    let mut events = user.post_for_events("/api/videos/generate-stream", &json!({ "prompt": "followed" })).await?;
    let followed = events.until("start").await?.data["video"]["id"].as_str().unwrap_or_default().to_owned();
    user.post(&format!("/api/video/tasks/video_{followed}/cancel"), serde_json::Value::Null).await?.ok()?;
    assert_eq!(events.until("error").await?.data["code"], "CANCELLED");

    servers.start(Server::RabbitMq).await?;
    for id in &ids {
        let row = user.until_ended(id).await?;
        assert_eq!(row["status"], "COMPLETED", "{row}");
    }
    // Push works again as well, on a new connection and with the queues declared anew.
    let mut socket = user.socket().await?;
    let video_id = user.create("broker back").await?;
    socket.subscribe(&video_id).await?;
    socket.until(&video_id, "taskCompleted").await?;

    // An outage that ends well is nothing to wake anybody for.
    servers.kill(Server::RabbitMq).await?;
    servers.start(Server::RabbitMq).await?;
    user.until_ended(&user.create("broker back from a crash").await?).await?;
    hears_all_ends(&mut listener, ids.len() + 2).await?;
    let alarms = errors(&platform)?;
    ensure!(alarms.is_empty(), "{}", alarms.join("\n"));
    audit::check(&platform).await
}

/// Who listened all the while hears of each end once, in order, although its queue was gone twice.
async fn hears_all_ends(listener: &mut Socket, count: usize) -> Result<()> {
    let (mut ended, mut last) = (HashSet::new(), 0);
    while ended.len() < count {
        let frame = listener.next_task_frame().await?;
        let id: u64 = frame.event_id.as_deref().context("no event id")?.parse()?;
        ensure!(id >= last, "{id} after {last}");
        last = id;
        if frame.kind == "taskCompleted" {
            ensure!(ended.insert(frame.payload["videoId"].to_string()), "told twice: {}", frame.raw);
        }
    }
    Ok(())
}

/// What the logs have at the level that calls an operator.
fn errors(platform: &Platform) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for process in platform.processes() {
        let log = fs::read_to_string(process.log())?;
        lines.extend(log.lines().filter(|line| line.contains(" ERROR ")).map(|line| format!("{}: {line}", process.name())));
    }
    Ok(lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_clients_are_told_to_come_back() -> Result<()> {
    let (_turn, servers, platform) = platform(|builder| builder).await?;
    let user = platform.user().await?;
    let running = user.create("overtaken by the outage [sim:duration=2]").await?;
    servers.stop(Server::Postgres).await?;

    let body = json!({ "prompt": "nobody stores this", "model": "sora-2" });
    for answer in [
        user.post("/api/video/tasks", body).await?,
        user.get("/api/video/tasks").await?,
        user.post("/api/auth/login", json!({ "username": user.name(), "password": User::PASSWORD })).await?,
    ] {
        assert_eq!((answer.status, answer.body["code"].as_str()), (503, Some("UNAVAILABLE")), "{}", answer.body);
        assert!(answer.headers.contains_key("retry-after"));
        assert_eq!(answer.body["status"], "error");
    }

    servers.start(Server::Postgres).await?;
    let row = user.until_ended(&running).await?;
    assert_eq!(row["status"], "COMPLETED", "{row}");
    let list = user.get("/api/video/tasks").await?.ok()?;
    assert_eq!(list["data"]["total"], 1);
    let later = user.create("after the outage").await?;
    assert_eq!(user.until_ended(&later).await?["status"], "COMPLETED");
    audit::check(&platform).await
}
