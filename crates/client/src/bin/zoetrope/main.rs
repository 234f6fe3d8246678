//! `zoetrope`: generates a video from the command line.
//!
//! `zoetrope generate "A fox in the snow"` signs in (as a fresh user unless one is named), creates the task, shows its progress
//! live, downloads the MP4 and says where it is. Anything that goes wrong ends with a message on standard error and a
//! non-zero exit code.

mod arguments;
mod display;
mod follow;
mod generate;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;

use arguments::{Arguments, Command};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Command::Generate(arguments) = Arguments::parse().command;
    match generate::generate(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With standard error gone, the exit code is all that is left to tell.
            let _ = writeln!(io::stderr(), "zoetrope: {error:#}");
            ExitCode::FAILURE
        }
    }
}
