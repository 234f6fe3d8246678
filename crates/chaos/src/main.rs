//! `chaos`: runs the proof and prints its audit. `scripts/chaos` starts the servers that it needs.
//!
//! The exit code is 0 when nothing was breached, 1 when something was, and 2 when the proof could not be made.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use zoetrope_chaos::{Arguments, Chronicle, run, table};

#[tokio::main]
async fn main() -> ExitCode {
    let plan = Arguments::parse().plan();
    let chronicle = Chronicle::aloud();
    match Box::pin(run(&plan, &chronicle)).await {
        Ok(verdict) => {
            // With standard output gone, the exit code is all that is left to tell.
            let _ = writeln!(io::stdout(), "\n{}", table(&verdict));
            if verdict.is_breached() { ExitCode::from(1) } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "chaos: {error:#}");
            ExitCode::from(2)
        }
    }
}
