//! What an operator does with the keys: `auth keys list`, `rotate` and `retire`.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::Args;

use super::{
    directory::{self, KeyDirectory},
    ring::KeyState,
};
use crate::settings::{KeyCommandSettings, default_overlap_seconds};

/// Which keys it is about.
#[derive(Debug, Clone, Args)]
pub struct DirectoryArgs {
    /// The folder of the keys; keys.directory, unless this says otherwise
    #[arg(long)]
    directory: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct RotateArgs {
    #[command(flatten)]
    directory: DirectoryArgs,
    /// How long the new key is public before it signs; keys.overlap_seconds, unless this says otherwise
    #[arg(long)]
    overlap_seconds: Option<u32>,
}

#[derive(Debug, Clone, Args)]
pub struct RetireArgs {
    /// The name of the key, as `list` shows it
    kid: String,
    #[command(flatten)]
    directory: DirectoryArgs,
    /// Also while tokens of it may live, which are refused from then on; for a key that others have seen
    #[arg(long)]
    force: bool,
}

impl DirectoryArgs {
    fn or_of(&self, settings: &KeyCommandSettings) -> anyhow::Result<PathBuf> {
        let configured = settings.keys.as_ref().map(|keys| &keys.directory);
        self.directory.as_ref().or(configured).cloned().context("which keys? set keys.directory, or give --directory")
    }
}

/// Runs `auth keys list`.
pub async fn list(settings: KeyCommandSettings, args: DirectoryArgs) -> anyhow::Result<()> {
    let ring = directory::read(&args.or_of(&settings)?)?;
    let mut out = io::stdout().lock();
    for (key, state) in ring.states(Utc::now(), settings.sessions.longest()) {
        let (word, until) = match state {
            KeyState::Next => ("next", String::new()),
            KeyState::Active => ("active", String::new()),
            KeyState::Old { tokens_until } => ("old", format!("  its tokens live until {}", text(tokens_until))),
        };
        writeln!(out, "{}  {word:<6}  signs from {}{until}", key.kid(), text(key.signs_from))?;
    }
    Ok(())
}

/// Runs `auth keys rotate`.
pub async fn rotate(settings: KeyCommandSettings, args: RotateArgs) -> anyhow::Result<()> {
    let configured = settings.keys.as_ref().map_or_else(default_overlap_seconds, |keys| keys.overlap_seconds);
    let overlap = TimeDelta::seconds(args.overlap_seconds.unwrap_or(configured).into());
    let directory = KeyDirectory::lock(&args.directory.or_of(&settings)?)?;
    let mut ring = directory.read()?;
    let now = Utc::now();
    let kid = ring.rotate(now, overlap)?;
    directory.publish(&ring)?;
    writeln!(io::stdout(), "{kid} is public, and signs from {}", text(now + overlap))?;
    Ok(())
}

/// Runs `auth keys retire`.
pub async fn retire(settings: KeyCommandSettings, args: RetireArgs) -> anyhow::Result<()> {
    let directory = KeyDirectory::lock(&args.directory.or_of(&settings)?)?;
    let mut ring = directory.read()?;
    ring.retire(&args.kid, Utc::now(), settings.sessions.longest(), args.force)?;
    directory.publish(&ring)?;
    writeln!(io::stdout(), "{} is gone: its tokens are refused from now on", args.kid)?;
    Ok(())
}

fn text(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}
