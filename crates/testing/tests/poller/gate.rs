//! What a provider account bears: all replicas keep to it together, as the provider's own books tell.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use zoetrope_testing::{Platform, PlatformBuilder, Service, audit, eventually};

use crate::{polls_begun, submit_all};

const PATIENCE: Duration = Duration::from_secs(30);
const TASKS: usize = 12;

/// Generations that do not end by themselves, each of which would be polled five times a second.
fn platform(replicas: u16) -> PlatformBuilder {
    Platform::builder().replicas(Service::Poller, replicas).setting(Service::TaskApi, "credits.signup_grant", 5_000).setting(
        Service::ProviderSim,
        "simulation.duration_seconds",
        600.0,
    )
}

/// Waits until no replica may ask the provider.
async fn until_closed(platform: &mut Platform, replicas: u16) -> Result<()> {
    for replica in 0..usize::from(replicas) {
        let poller = platform.process(Service::Poller, replica)?;
        eventually("a closed gate", PATIENCE, async || {
            let metrics = poller.metrics().await?;
            ensure!(metrics.contains("zoetrope_provider_gate_open{provider=\"openai\"} 0\n"));
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Waits until the provider was asked more often than this, and says how often that was, and when.
async fn until_polls_exceed(platform: &Platform, polls: u64) -> Result<(u64, Instant)> {
    eventually(&format!("more than {polls} polls"), PATIENCE, async || {
        let made = platform.simulation().totals().await?.polls;
        ensure!(made > polls, "{made}");
        Ok((made, Instant::now()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_keep_to_one_budget() -> Result<()> {
    const RATE: u64 = 20;
    let mut platform =
        platform(2).setting(Service::Poller, "providers.openai.requests_per_second", i64::try_from(RATE)?).start().await?;
    let user = platform.user().await?;
    submit_all(&platform, &user, 2 * TASKS).await?;

    let start = Instant::now();
    let before = platform.simulation().totals().await?.polls;
    let (after, end) = until_polls_exceed(&platform, before + 5 * RATE).await?;
    let seconds = (end - start).as_secs_f64();
    // One burst, and half a second's worth that was on its way.
    #[expect(clippy::cast_precision_loss)]
    let (made, most) = ((after - before) as f64, RATE as f64 * (seconds + 1.5));
    ensure!(made <= most, "{made} polls in {seconds} s");
    for replica in 0..2 {
        ensure!(polls_begun(&mut platform, replica).await? > 0.0, "replica {replica} does nothing");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_one_replica_hears_pauses_both() -> Result<()> {
    const ASKED: Duration = Duration::from_secs(4);
    let mut platform = platform(2).start().await?;
    let user = platform.user().await?;
    submit_all(&platform, &user, TASKS).await?;

    let before = Instant::now();
    platform.simulation().direct(&format!("[sim:poll=429 retry_after={}]", ASKED.as_secs())).await?;
    until_closed(&mut platform, 2).await?;
    // What was on its way may still arrive.
    let polls = platform.simulation().totals().await?.polls + TASKS as u64;
    let (_, resumed) = until_polls_exceed(&platform, polls).await?;
    ensure!(resumed - before >= ASKED, "polled again after {:?}", resumed - before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_provider_is_tried_by_one_call_at_a_time() -> Result<()> {
    const OPEN: Duration = Duration::from_secs(2);
    let mut platform = platform(2)
        .setting(Service::Poller, "providers.openai.breaker_failure_ratio", 0.05)
        .setting(Service::Poller, "providers.openai.breaker_open_seconds", OPEN.as_secs_f64())
        .start()
        .await?;
    let (user, database) = (platform.user().await?, platform.database().await?);
    submit_all(&platform, &user, TASKS).await?;

    platform.simulation().direct("[sim:poll=500 times=always]").await?;
    until_closed(&mut platform, 2).await?;
    eventually("the end of what was on its way", PATIENCE, async || {
        let held: i64 = database.query_one("SELECT count(*) FROM poller.jobs WHERE lease_token IS NOT NULL", &[]).await?.get(0);
        ensure!(held == 0, "{held}");
        Ok(())
    })
    .await?;
    let closed = platform.simulation().totals().await?.polls;
    let (probed, first) = until_polls_exceed(&platform, closed).await?;
    ensure!(probed == closed + 1, "{} calls instead of one", probed - closed);

    // It failed, so the next one waits for twice the time; jitter takes off half of it at the most.
    platform.simulation().direct("").await?;
    let (_, second) = until_polls_exceed(&platform, probed).await?;
    ensure!(second - first >= OPEN.mul_f64(0.9), "tried again after {:?}", second - first);
    // That one was answered.
    until_polls_exceed(&platform, probed + 2 * TASKS as u64).await?;
    Ok(())
}

/// Tasks come to their end although their provider may not be asked for a long time.
async fn fails_by_age_while_closed(builder: PlatformBuilder, directives: &str) -> Result<()> {
    let mut platform = builder
        .setting(Service::Poller, "polling.max_age_seconds", 8.0)
        .setting(Service::Poller, "polling.sweep_seconds", 0.5)
        .start()
        .await?;
    let (user, database) = (platform.user().await?, platform.database().await?);
    let granted = user.balance().await?;
    let tasks = submit_all(&platform, &user, TASKS).await?;
    platform.simulation().direct(directives).await?;
    until_closed(&mut platform, 1).await?;
    let polls = platform.simulation().totals().await?.polls;
    assert_eq!(audit::unfinished(&database).await?, i64::try_from(TASKS)?, "a task ended before the gate was closed");

    for video_id in tasks {
        let row = user.until_ended(&video_id).await?;
        assert_eq!((row["status"].as_str(), row["errorCode"].as_str()), (Some("FAILED"), Some("AGE_LIMIT")), "{row}");
    }
    assert_eq!(user.balance().await?, granted);
    // What was on its way may still have arrived.
    let more = platform.simulation().totals().await?.polls - polls;
    ensure!(more <= TASKS as u64, "{more} polls while the gate was closed");
    until_closed(&mut platform, 1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_overdue_ends_while_the_breaker_is_open() -> Result<()> {
    let builder = platform(1).setting(Service::Poller, "providers.openai.breaker_failure_ratio", 0.05).setting(
        Service::Poller,
        "providers.openai.breaker_open_seconds",
        600.0,
    );
    fails_by_age_while_closed(builder, "[sim:poll=500 times=always]").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_overdue_ends_while_the_provider_wants_a_pause() -> Result<()> {
    fails_by_age_while_closed(platform(1), "[sim:poll=429 retry_after=600]").await
}
