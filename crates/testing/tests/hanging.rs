//! A process that hangs for a while and comes back has missed nothing.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::try_join_all;
use tokio::time::sleep;
use zoetrope_testing::{Platform, Service};

#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_a_process_hung_is_answered() -> Result<()> {
    // Longer than the time that an HTTP server usually gives a client to send its request.
    const HANGS: Duration = Duration::from_secs(7);
    let mut platform = Platform::start().await?;
    let user = platform.user().await?;
    user.create("before").await?;
    let process = platform.process(Service::TaskApi, 0)?;
    process.freeze()?;
    let hanging = async {
        sleep(HANGS).await;
        process.thaw()
    };
    // Spread over the whole time, so that some come on new connections just before its end.
    let asking = try_join_all((0..20).map(|number| {
        let user = user.clone();
        async move {
            sleep(HANGS.mul_f64(f64::from(number) / 20.0)).await;
            user.get("/api/video/tasks").await
        }
    }));
    let (answers, thawed) = tokio::join!(asking, hanging);
    thawed?;
    for answer in answers? {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    Ok(())
}
