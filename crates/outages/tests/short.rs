//! The short form of `scripts/chaos`: everything breaks once.
//!
//! It stops the servers that the tests of faults stop as well; those run in another process, and the two run one after the other.

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, ensure};
use zoetrope_chaos::{Chronicle, Plan, run, table};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_paid_twice_or_submitted_twice() -> Result<()> {
    let keep = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("chaos");
    let plan = Plan { users: 8, keep: Some(keep), ..Plan::lasting(Duration::from_secs(40)) };
    let chronicle = Chronicle::silent();
    let verdict = Box::pin(run(&plan, &chronicle)).await?;
    ensure!(!verdict.is_breached(), "{}\n\n{}", chronicle.text(), table(&verdict));
    Ok(())
}
