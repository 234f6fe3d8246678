use std::time::Duration;

use anyhow::Result;
use futures_util::future::join_all;
use tokio::time::sleep;
use zoetrope_testing::Platform;

use crate::{
    Chronicle, Plan, Verdict, arena,
    audit::{Facts, judge},
    duplicates, evidence, havoc, load, outages,
    provider::Orders,
    report::table,
    settle,
    stage::Stage,
    weather,
};

/// The whole proof. An error means that it could not be made; what the platform did wrong is in the verdict.
pub async fn run(plan: &Plan, chronicle: &Chronicle) -> Result<Verdict> {
    let stage = Stage::new(plan, chronicle);
    chronicle.say(format!("seed {}: things break for {} s", plan.seed, plan.load.as_secs()));
    let mut platform = arena::open().await?;
    chronicle.say("the platform is up, with two replicas of task-api, poller and notifier");

    let orders = Orders::new(plan);
    let nobody = platform.nobody();
    let amqp = platform.amqp_url().to_string();
    let users = join_all((0..plan.users).map(|number| load::live(&stage, &orders, nobody.clone(), number)));
    let repeats = duplicates::repeat_everything(&stage, &amqp);
    let (facts, _, ()) = tokio::join!(direct(&stage, &orders, &mut platform), users, repeats);
    let verdict = judge(&facts?);

    if let Some(folder) = plan.keep.as_deref().filter(|_| verdict.is_breached()) {
        evidence::keep(&stage, &platform, folder)?;
        std::fs::write(folder.join("audit.txt"), table(&verdict))?;
        chronicle.say(format!("the logs are in {}", folder.display()));
    }
    Ok(verdict)
}

/// Lets things break, then waits for the quiet, and sends everybody home.
async fn direct(stage: &Stage<'_>, orders: &Orders, platform: &mut Platform) -> Result<Facts> {
    // Whatever fails here, the others must not go on for ever.
    let _calm = stage.calm.clone().drop_guard();
    let _over = stage.over.clone().drop_guard();
    let (servers, simulation) = (platform.servers().clone(), platform.simulation());
    tokio::try_join!(
        havoc::rage(stage, platform),
        outages::rage(stage, &servers),
        weather::rage(stage, &simulation),
        every_fate(stage, orders),
    )?;
    stage.chronicle.say("the storm is over");
    stage.calm.cancel();
    settle::settle(stage, platform).await?;
    stage.over.cancel();
    evidence::gather(stage, platform).await
}

/// The load goes on until each kind of task has come.
async fn every_fate(stage: &Stage<'_>, orders: &Orders) -> Result<()> {
    while stage.storm_lasts(orders.each_fate_was_dealt()) {
        sleep(Duration::from_millis(200)).await;
    }
    stage.note_untried("task", orders.each_fate_was_dealt());
    Ok(())
}
