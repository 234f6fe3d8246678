//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use zoetrope_client::{NewTask, ReferenceImage};

/// A client of the Zoetrope platform.
#[derive(Debug, Parser)]
#[command(name = "zoetrope", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Generate a video and download it
    Generate(Generate),
}

#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// What to show in the video
    pub(crate) prompt: String,

    /// Address of the gateway
    #[arg(long, env = "ZOETROPE_URL", default_value = "http://127.0.0.1:28080")]
    pub(crate) url: String,

    /// Model to generate with
    #[arg(long, default_value = "sora-2")]
    model: String,

    /// Length of the video
    #[arg(long, default_value_t = 4)]
    seconds: u32,

    /// Picture to start from
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,

    /// Existing user to sign in as; without it a fresh user is registered
    #[arg(long, requires = "password")]
    pub(crate) username: Option<String>,

    /// Password of that user
    #[arg(long, env = "ZOETROPE_PASSWORD", hide_env_values = true)]
    pub(crate) password: Option<String>,

    /// Where to put the video; by default the current directory, under the task's id
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Seconds to wait for the video before giving up
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    pub(crate) timeout: u64,
}

impl Generate {
    /// The task that is asked for.
    pub(crate) fn task(&self) -> NewTask {
        NewTask {
            duration: Some(self.seconds),
            reference_image: self.image.clone().map(ReferenceImage::File),
            ..NewTask::new(&self.prompt, &self.model)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
