//! The command line of dead letters.

use anyhow::Result;
use clap::Parser;
use serde_json::Value;
use zoetrope_bus::{
    BusSettings,
    dead_letters::{CommandError, DeadLettersCommand},
    topology,
};

use crate::dead_letters::{Graveyard, ids};

const QUEUES: &[&str] = &[topology::TASKS_JOB_EVENTS, topology::TASKS_USER_EVENTS];

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: DeadLettersCommand,
}

/// What a command prints, and what it ends with.
async fn run(settings: &BusSettings, line: &str) -> Result<(String, Result<(), CommandError>)> {
    let mut out = Vec::new();
    let Cli { command } = Cli::try_parse_from(["dead-letters"].into_iter().chain(line.split(' ')))?;
    let outcome = command.run(settings, "test", QUEUES, &mut out).await;
    Ok((String::from_utf8(out)?, outcome))
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_what_died_and_why_but_bodies_only_if_they_ask() -> Result<()> {
    let mut graveyard = Graveyard::new().await?;
    assert_eq!(run(&graveyard.settings, "list").await?.0, "no dead letters\n");
    let sent = graveyard.bury(3).await?;

    let (table, listed) = run(&graveyard.settings, "list --limit 2").await?;
    listed?;
    let lines: Vec<_> = table.lines().collect();
    assert!(
        lines[0].starts_with("QUEUE") && lines[1].starts_with("tasks.user-events") && lines[1].ends_with("time 1"),
        "{table}"
    );
    assert_eq!((lines.len(), lines[4]), (5, "2 of 3 dead letters; --limit shows more"));

    let (json, listed) = run(&graveyard.settings, "list --json").await?;
    listed?;
    let letters: Value = serde_json::from_str(&json)?;
    let shown: Vec<_> =
        letters.as_array().into_iter().flatten().map(|letter| letter["message_id"].as_str().map(str::to_owned)).collect();
    assert_eq!(shown, ids(&sent));
    assert_eq!((&letters[0]["reason"], &letters[0]["payload_bytes"]), (&"time 1".into(), &8.into()));
    assert_eq!(run(&graveyard.settings, "list --json --queue tasks.job-events").await?.0, "[]\n");

    let id = sent[1].message_id;
    let (details, shown) = run(&graveyard.settings, &format!("show {id}")).await?;
    shown?;
    assert!(details.contains("time 1") && details.contains("8 bytes") && !details.contains("somebody"), "{details}");
    let (details, shown) = run(&graveyard.settings, &format!("show {id} --body")).await?;
    shown?;
    assert!(details.contains("somebody"), "{details}");
    assert!(matches!(run(&graveyard.settings, "show another").await?.1, Err(CommandError::NotFound(_))));

    graveyard.leave().await?.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_fails_the_command_and_the_rest_is_done() -> Result<()> {
    let mut graveyard = Graveyard::new().await?;
    let sent = graveyard.bury(3).await?;
    let settings = graveyard.settings.clone();
    let broker = graveyard.leave().await?;

    let (said, outcome) = run(&settings, &format!("replay {} another", sent[0].message_id)).await?;
    assert_eq!(said, "tasks.job-events: 0 replayed\ntasks.user-events: 1 replayed\n");
    assert!(matches!(outcome, Err(CommandError::NotFound(missing)) if missing == ["another"]));

    assert!(matches!(run(&settings, "drop --all").await?.1, Err(CommandError::Unconfirmed(2))));
    let (said, outcome) = run(&settings, &format!("drop {}", sent[1].message_id)).await?;
    outcome?;
    assert_eq!(said, "tasks.job-events: 0 deleted\ntasks.user-events: 1 deleted\n");
    let (said, outcome) = run(&settings, "drop --all --yes --queue tasks.user-events").await?;
    outcome?;
    assert_eq!(said, "tasks.user-events: 1 deleted\n");

    broker.remove().await
}
