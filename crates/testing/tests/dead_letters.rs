//! Messages that nobody could handle, in the hands of an operator.

use std::{process::Output, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;
use zoetrope_contracts::{
    COMMANDS, EVENTS, Message,
    jobs::v1::{JobFailed, JobPhase, JobProgressed},
};
use zoetrope_testing::{Platform, Service, audit, binary, eventually};

const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `<service> dead-letters …`.
async fn dead_letters(platform: &mut Platform, service: Service, arguments: &[&str]) -> Result<Output> {
    let settings = platform.process(service, 0)?.settings();
    let mut command = Command::new(binary(service.name())?);
    Ok(command.arg("dead-letters").args(arguments).arg("--config").arg(settings).output().await?)
}

/// What it prints when it succeeds.
async fn answer(platform: &mut Platform, service: Service, arguments: &[&str]) -> Result<String> {
    let output = dead_letters(platform, service, arguments).await?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Waits until a service has so many dead letters.
async fn listed(platform: &mut Platform, service: Service, count: usize, patience: Duration) -> Result<Vec<Value>> {
    eventually(&format!("{count} dead letters of {}", service.name()), patience, async || {
        let letters: Vec<Value> = serde_json::from_str(&answer(platform, service, &["list", "--json"]).await?)?;
        ensure!(letters.len() == count, "{letters:?}");
        Ok(letters)
    })
    .await
}

fn id(letter: &Value) -> Result<String> {
    Ok(letter["message_id"].as_str().context("a dead letter without id")?.to_owned())
}

fn encoded<M: Message>(message: &M) -> (String, Vec<u8>) {
    (M::full_name(), message.encode_to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_why_a_broken_message_died() -> Result<()> {
    let mut platform = Platform::start().await?;
    let bus = platform.bus();
    let body = b"\xff\xff\xff a prompt that nobody else may read";
    for (service, exchange, key, kind, queue) in [
        (Service::TaskApi, EVENTS, "job.succeeded", "zoetrope.jobs.v1.JobSucceeded", "tasks.job-events"),
        (Service::Poller, COMMANDS, "job.submit", "zoetrope.jobs.v1.SubmitJob", "poller.commands"),
        // Straight into one queue: this service hears the event in two.
        (Service::Notifier, "amq.default", "notifier.feed", "zoetrope.tasks.v1.TaskUpdated", "notifier.feed"),
        (Service::Notifier, "amq.default", "notifier.webhooks", "zoetrope.tasks.v1.TaskUpdated", "notifier.webhooks"),
    ] {
        bus.publish_bytes(exchange, key, kind, body).await?;
        let letter = listed(&mut platform, service, 1, PATIENCE).await?.remove(0);
        assert_eq!(
            (&letter["queue"], &letter["message_type"], &letter["service"]),
            (&queue.into(), &kind.into(), &service.name().into())
        );
        assert_eq!((&letter["routing_key"], &letter["attempts"]), (&key.into(), &1.into()));
        let reason = letter["reason"].as_str().context("reason")?;
        assert!(reason.contains("decode") && !letter.to_string().contains("prompt"), "{letter}");

        let table = answer(&mut platform, service, &["list"]).await?;
        assert!(table.contains(reason) && !table.contains("prompt"), "{table}");
        let id = id(&letter)?;
        let details = answer(&mut platform, service, &["show", &id]).await?;
        assert!(details.contains(reason) && !details.contains("prompt"), "{details}");
        let details = answer(&mut platform, service, &["show", &id, "--body"]).await?;
        assert!(details.contains("a prompt tha"), "{details}");

        // A new process counts them when it connects.
        platform.crash(service, 0).await?;
        let url = format!("{}/metrics", platform.process(service, 0)?.internal_url());
        let figure = format!("zoetrope_bus_dead_letters{{queue=\"{queue}\"}} 1");
        eventually(&figure, PATIENCE, async || {
            let figures = reqwest::get(&url).await?.error_for_status()?.text().await?;
            ensure!(figures.lines().any(|line| line == figure), "{figures}");
            Ok(())
        })
        .await?;

        // Broken is broken: it dies again, and the operator gives it up.
        answer(&mut platform, service, &["replay", &id]).await?;
        let again = listed(&mut platform, service, 1, PATIENCE).await?.remove(0);
        assert_eq!((&again["message_id"], &again["reason"]), (&letter["message_id"], &letter["reason"]));
        answer(&mut platform, service, &["drop", &id]).await?;
        listed(&mut platform, service, 0, PATIENCE).await?;
        let missing = dead_letters(&mut platform, service, &["show", &id]).await?;
        assert!(!missing.status.success() && missing.stdout.is_empty());
        assert!(String::from_utf8(missing.stderr)?.contains(&id));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_failed_too_often_goes_on_once_the_cause_is_mended() -> Result<()> {
    let mut platform = Platform::start().await?;
    let database = platform.database().await?;
    database.batch_execute("ALTER TABLE poller.jobs ADD CONSTRAINT closed CHECK (false) NOT VALID").await?;
    let user = platform.user().await?;
    let video_id = user.create("a job that nobody takes").await?;

    // All tries together take about half a minute.
    let letter = listed(&mut platform, Service::Poller, 1, Duration::from_secs(90)).await?.remove(0);
    assert_eq!((&letter["message_type"], &letter["attempts"]), (&"zoetrope.jobs.v1.SubmitJob".into(), &21.into()));
    let reason = letter["reason"].as_str().context("reason")?;
    assert!(reason.contains("check constraint") && !reason.contains("nobody takes"), "{reason}");
    assert!(platform.simulation().submissions().await?.is_empty());

    database.batch_execute("ALTER TABLE poller.jobs DROP CONSTRAINT closed").await?;
    assert_eq!(answer(&mut platform, Service::Poller, &["replay", &id(&letter)?]).await?, "poller.commands: 1 replayed\n");
    assert_eq!(user.until_ended(&video_id).await?["status"], "COMPLETED");
    let submitted = platform.simulation().submitted("a job that nobody takes").await?;
    assert_eq!(submitted.iter().map(|submission| submission.times).sum::<u32>(), 1);
    listed(&mut platform, Service::Poller, 0, PATIENCE).await?;
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn replaying_what_is_out_of_date_changes_nothing() -> Result<()> {
    let mut platform = Platform::start().await?;
    let user = platform.user().await?;
    let video_id = user.create("settled").await?;
    let settled = user.until_ended(&video_id).await?;
    let task_id = video_id.strip_prefix("video_").context("videoId")?.to_owned();

    let bus = platform.bus();
    let failed =
        JobFailed { task_id: task_id.clone(), sequence: 900, code: "LATE".into(), message: "late".into(), ..Default::default() };
    let progressed =
        JobProgressed { task_id, sequence: 901, progress: 5, phase: JobPhase::Generating.into(), ..Default::default() };
    for (kind, body) in [encoded(&failed), encoded(&progressed)] {
        // As a service does that gives up a message of this queue.
        bus.publish_bytes("zoetrope.dead", "tasks.job-events", &kind, &body).await?;
    }
    listed(&mut platform, Service::TaskApi, 2, PATIENCE).await?;
    let said = answer(&mut platform, Service::TaskApi, &["replay", "--all"]).await?;
    assert_eq!(said, "tasks.job-events: 2 replayed\ntasks.user-events: 0 replayed\n");

    // A later task goes all the way through the same queue, so both have been dealt with.
    let later = platform.user().await?;
    let marker = later.create("marker").await?;
    later.until_ended(&marker).await?;
    assert_eq!(user.task(&video_id).await?, settled);
    listed(&mut platform, Service::TaskApi, 0, PATIENCE).await?;
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_the_command_fails_and_says_so() -> Result<()> {
    // Nothing listens there: the port is reserved.
    let output = Command::new(binary("notifier")?)
        .args(["dead-letters", "list"])
        .env("ZOETROPE__RABBITMQ__URL", "amqp://zoe:tell-nobody@127.0.0.1:1")
        .output()
        .await?;
    let complaint = String::from_utf8(output.stderr)?;
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(complaint.contains("RabbitMQ is away") && !complaint.contains("tell-nobody"), "{complaint}");
    Ok(())
}
