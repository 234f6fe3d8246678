//! How providers word their answers, and what comes of each: for the task, for the credits, and at the provider.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::Value;
use zoetrope_testing::{Platform, PlatformBuilder, Service, User, audit, eventually};

const GRANT: i64 = 10_000;
const PRICE: i64 = 100;

fn builder() -> PlatformBuilder {
    Platform::builder().setting(Service::TaskApi, "credits.signup_grant", GRANT)
}

/// Creates a task for each of these directives, and waits for the ends of all.
async fn ends(user: &User, directives: &[&str]) -> Result<Vec<Value>> {
    try_join_all(directives.iter().map(async |directives| {
        let video_id = user.create(&format!("a video {directives}")).await?;
        user.until_ended(&video_id).await
    }))
    .await
}

/// The task has failed with this code; returns what its user is told.
fn failed<'a>(row: &'a Value, code: &str) -> Result<&'a str> {
    ensure!((row["status"].as_str(), row["errorCode"].as_str()) == (Some("FAILED"), Some(code)), "{row}");
    row["errorMessage"].as_str().with_context(|| format!("no message in {row}"))
}

fn completed(row: &Value) -> Result<()> {
    ensure!(row["status"] == "COMPLETED", "{row}");
    Ok(())
}

/// Each task was submitted so often, and nothing was paid for but what these tasks brought.
async fn settled(platform: &Platform, user: &User, submitted: usize, completed: usize) -> Result<()> {
    let submissions = platform.simulation().submissions().await?;
    ensure!(submissions.len() == submitted, "{} submissions", submissions.len());
    ensure!(submissions.iter().all(|submission| submission.times == 1), "{submissions:?}");
    let (balance, expected) = (user.balance().await?, GRANT - PRICE * i64::try_from(completed)?);
    ensure!(balance == expected, "{balance} instead of {expected}");
    audit::check(platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_had_however_its_provider_words_it() -> Result<()> {
    let platform = builder().setting(Service::Poller, "providers.openai.lookup", "list").start().await?;
    let user = platform.user().await?;
    // The list of videos, and what has no style of its own.
    platform.simulation().direct("[sim:style=response][sim:style=surrogate]").await?;
    let directives = [
        "[sim:style=bom]",
        "[sim:style=utf-16][sim:word=done]",
        "[sim:style=surrogate][sim:no_error=nulls]",
        "[sim:style=latin-1][sim:word=finished]",
        "[sim:style=control][sim:no_error=blanks]",
        "[sim:style=nan][sim:word=SUCCESS]",
        "[sim:style=deep][sim:no_error=success]",
        "[sim:style=huge][sim:word=complete]",
        "[sim:style=texts][sim:no_error=text]",
        "[sim:style=trailing][sim:no_error=false]",
        "[sim:style=data][sim:no_error=object]",
        "[sim:style=result][sim:word=succeeded]",
        "[sim:style=response][sim:no_error=list]",
        "[sim:style=nested][sim:word=TASK_STATUS_SUCCEED]",
        "[sim:style=list][sim:no_error=word]",
        "[sim:style=data][sim:style=surrogate][sim:style=bom][sim:link=60]",
        // It is found in the list.
        "[sim:submit=cut-after]",
    ];
    for row in ends(&user, &directives).await? {
        completed(&row)?;
    }
    ensure!(platform.simulation().deleted().await? == 0, "a video was called off");
    settled(&platform, &user, directives.len(), directives.len()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_seen_whatever_it_is_called() -> Result<()> {
    let platform = builder().start().await?;
    let user = platform.user().await?;
    let told = [
        "[sim:fail=too dark][sim:word=FAILURE]",
        "[sim:fail=too dark][sim:word=rejected][sim:style=data]",
        "[sim:fail=too dark][sim:word=timeout]",
        "[sim:fail=too dark][sim:word=canceled][sim:style=nested]",
        "[sim:fail=too dark][sim:word=EXPIRED][sim:style=surrogate]",
    ];
    for row in ends(&user, &told).await? {
        assert_eq!(failed(&row, "GENERATION_FAILED")?, "too dark");
    }
    // A failure without a reason is one.
    let untold = ends(&user, &["[sim:fail=none code=none][sim:word=failed]"]).await?;
    assert_eq!(failed(&untold[0], "GENERATION_FAILED")?, "the generation failed");
    ensure!(platform.simulation().deleted().await? == 0, "what has ended needs no calling off");
    settled(&platform, &user, told.len() + 1, 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_what_it_says() -> Result<()> {
    let mut platform = builder().start().await?;
    let user = platform.user().await?;
    let account = [
        "[sim:submit=429 code=insufficient_quota times=always]",
        "[sim:submit=401 code=account_deactivated times=always]",
        "[sim:submit=200 code=insufficient_quota times=always]",
        "[sim:submit=500 code=invalid_api_key times=always]",
        "[sim:fail=You exceeded your current quota code=insufficient_quota]",
    ];
    for row in ends(&user, &account).await? {
        let message = failed(&row, "PROVIDER_ACCOUNT")?;
        ensure!(!message.contains("quota") && !message.contains("key"), "{message}");
    }
    let refused = ["[sim:submit=403 code=moderation_blocked]", "[sim:submit=200 code=moderation_blocked]"];
    for row in ends(&user, &refused).await? {
        assert_eq!(failed(&row, "SUBMISSION_REFUSED")?, "Your request was rejected by the safety system.");
    }
    let passing = [
        "[sim:submit=200 code=rate_limit_exceeded]",
        "[sim:poll=200 code=rate_limit_exceeded]",
        "[sim:poll=200 code=server_overloaded times=2]",
        "[sim:poll=429 code=insufficient_quota times=2]",
        "[sim:poll=401 code=invalid_api_key]",
    ];
    for row in ends(&user, &passing).await? {
        completed(&row)?;
    }
    ensure!(platform.simulation().deleted().await? == 0, "a job was called off");

    let moderated = [
        "[sim:duration=60][sim:poll=400 code=moderation_blocked times=always]",
        "[sim:duration=60][sim:poll=200 code=moderation_blocked times=always]",
    ];
    for row in ends(&user, &moderated).await? {
        assert_eq!(failed(&row, "GENERATION_FAILED")?, "Your request was rejected by the safety system.");
    }
    // Nobody said that they had stopped.
    eventually("the end of the jobs at their provider", Duration::from_secs(20), async || {
        ensure!(platform.simulation().deleted().await? == moderated.len() as u64);
        Ok(())
    })
    .await?;
    settled(&platform, &user, 1 + passing.len() + moderated.len(), passing.len()).await?;

    let metrics = platform.process(Service::Poller, 0)?.metrics().await?;
    let refusals = |operation: &str, about: &str| {
        let labels = [format!("operation=\"{operation}\""), format!("about=\"{about}\"")];
        let figures = metrics.lines().filter(|line| line.starts_with("zoetrope_provider_account_refusals_total{"));
        figures.filter(|line| labels.iter().all(|label| line.contains(label))).filter_map(|line| line.rsplit(' ').next()).next()
    };
    assert_eq!((refusals("submit", "quota"), refusals("submit", "auth")), (Some("2"), Some("2")), "{metrics}");
    assert_eq!((refusals("retrieve", "quota"), refusals("retrieve", "auth")), (Some("3"), Some("1")), "{metrics}");
    Ok(())
}
