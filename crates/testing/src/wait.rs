use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Asks again and again until `probe` yields a value, for at most `limit`. A failure says what was waited for, and what was seen last.
pub async fn eventually<T>(what: &str, limit: Duration, mut probe: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        match probe().await {
            Ok(value) => return Ok(value),
            Err(last) if start.elapsed() > limit => bail!("waited {limit:?} for {what}; last: {last:#}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(25)).await,
        }
    }
}
