//! What a replica leaves behind that dies with its hands full.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use zoetrope_testing::{Platform, Service, eventually};

use crate::submit_all;

const LEASE: Duration = Duration::from_secs(3);
/// What a look for jobs may take on a machine that does much else.
const MARGIN: Duration = Duration::from_secs(1);
const TASKS: usize = 40;
/// Polls that one replica has in hand at the most: fewer than there are, so that both have some.
const IN_HAND: i64 = 25;

#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_a_killed_replica_are_taken_over_within_one_lease_time() -> Result<()> {
    let mut platform = Platform::builder()
        .replicas(Service::Poller, 2)
        .setting(Service::TaskApi, "credits.signup_grant", 5_000)
        .setting(Service::ProviderSim, "simulation.duration_seconds", 60.0)
        .setting(Service::Poller, "polling.lease_seconds", LEASE.as_secs_f64())
        .setting(Service::Poller, "polling.concurrency", IN_HAND)
        // Not found by chance.
        .setting(Service::Poller, "polling.sweep_seconds", 600.0)
        .start()
        .await?;
    let (user, database) = (platform.user().await?, platform.database().await?);
    submit_all(&platform, &user, TASKS).await?;

    // Each poll takes a second, so that most jobs are in somebody's hands at any time.
    platform.simulation().direct("[sim:slow=1]").await?;
    eventually("jobs in the hands of both replicas", Duration::from_secs(20), async || {
        let held: i64 = database.query_one("SELECT count(*) FROM poller.jobs WHERE lease_token IS NOT NULL", &[]).await?.get(0);
        ensure!(held > IN_HAND, "{held}");
        Ok(())
    })
    .await?;
    let killed_at = Instant::now();
    platform.process(Service::Poller, 1)?.kill()?;
    let held: String = database
        .query_one("SELECT string_agg(DISTINCT lease_token::text, ' ') FROM poller.jobs WHERE lease_token IS NOT NULL", &[])
        .await?
        .get(0);
    platform.simulation().direct("").await?;

    // Who finishes a job ends its lease, and who takes it over has another one.
    let still_held = "SELECT count(*) FROM poller.jobs WHERE lease_token::text = ANY (string_to_array($1, ' '))";
    eventually("the end of all leases that were held then", (LEASE + MARGIN).saturating_sub(killed_at.elapsed()), async || {
        let left: i64 = database.query_one(still_held, &[&held]).await?.get(0);
        ensure!(left == 0, "{left}");
        Ok(())
    })
    .await?;
    // The living one was done after a second; leases are renewed when a third of them is over.
    ensure!(killed_at.elapsed() > LEASE / 2, "the dead one had nothing in hand");
    Ok(())
}
