use std::{
    collections::BTreeSet,
    io::{self, Write},
    process::ExitCode,
    slice,
};

use clap::{Args, Subcommand};
use serde::Deserialize;
use zoetrope_service::ConfigArgs;

use super::{DeadLetters, DeadLettersError, Listing, Selection, hex, table};
use crate::BusSettings;

/// Bytes of a body that are shown.
const SHOWN_BODY: usize = 1024;

/// What `dead-letters` needs of the settings. It takes no notice of the rest, so that all commands can read one file.
#[derive(Debug, Deserialize)]
struct Settings {
    rabbitmq: BusSettings,
}

/// The command line of a service's dead letters, as `dead-letters …`.
#[derive(Debug, Clone, Subcommand)]
pub enum DeadLettersCommand {
    /// Show which messages were set aside, and why; the oldest first
    List {
        #[command(flatten)]
        from: Queues,
        /// Most messages of each queue to show
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: usize,
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Show one message
    Show {
        message_id: String,
        #[command(flatten)]
        from: Queues,
        /// Also show the first 1024 bytes of its body, which may hold what a user wrote
        #[arg(long)]
        body: bool,
    },
    /// Put messages back into the queue that gave them up
    Replay {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        from: Queues,
    },
    /// Delete messages for good
    Drop {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        from: Queues,
        /// With --all: do it, rather than say how many it would be
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Clone, Args)]
pub struct Queues {
    /// Only of this queue; else of all queues of this service
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct Which {
    #[arg(value_name = "MESSAGE_ID", required_unless_present = "all", conflicts_with = "all")]
    message_ids: Vec<String>,
    /// All that are there now
    #[arg(long)]
    all: bool,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("this service has no queue {queue:?}; it has {}", own.join(", "))]
    UnknownQueue { queue: String, own: Vec<&'static str> },
    #[error("no dead letter has the id {}", .0.join(", "))]
    NotFound(Vec<String>),
    #[error("{0} dead letters would be deleted; to do it, add --yes")]
    Unconfirmed(u64),
    #[error(transparent)]
    DeadLetters(#[from] DeadLettersError),
    #[error("the answer could not be written")]
    Output(#[from] io::Error),
}

impl DeadLettersCommand {
    /// Runs as the subcommand of a service, on standard output, and returns the code to exit with. `queues` are those that the service consumes.
    pub fn answer(self, service: &'static str, config: &ConfigArgs, queues: &'static [&'static str]) -> ExitCode {
        zoetrope_service::answer(service, config, async |settings: Settings| {
            Ok(self.run(&settings.rabbitmq, service, queues, &mut io::stdout()).await?)
        })
    }

    /// Does what was asked for and writes the answer to `out`. It touches no other queues than `queues`.
    ///
    /// # Errors
    ///
    /// When the broker is away, or something is not there.
    pub async fn run(
        self,
        settings: &BusSettings,
        service: &str,
        queues: &'static [&'static str],
        out: &mut impl Write,
    ) -> Result<(), CommandError> {
        let queues = self.from().among(queues)?;
        let letters = DeadLetters::open(settings, service).await?;
        let outcome = self.run_on(&letters, queues, out).await;
        letters.close().await;
        outcome
    }

    fn from(&self) -> &Queues {
        match self {
            Self::List { from, .. } | Self::Show { from, .. } | Self::Replay { from, .. } | Self::Drop { from, .. } => from,
        }
    }

    async fn run_on(self, letters: &DeadLetters, queues: &[&str], out: &mut impl Write) -> Result<(), CommandError> {
        match self {
            Self::List { limit, json, .. } => {
                let mut listings = Vec::with_capacity(queues.len());
                for queue in queues {
                    listings.push(letters.list(queue, limit).await?);
                }
                Ok(print(listings, json, out)?)
            }
            Self::Show { message_id, body, .. } => {
                for queue in queues {
                    if let Some((letter, payload)) = letters.find(queue, &message_id).await? {
                        write!(out, "{}", table::details(&letter))?;
                        if body {
                            let head = &payload[..payload.len().min(SHOWN_BODY)];
                            write!(out, "\n{}", hex::dump(head))?;
                        }
                        return Ok(());
                    }
                }
                Err(CommandError::NotFound(vec![message_id]))
            }
            Self::Replay { which, .. } => {
                let mut wanted = Wanted::new(which);
                for queue in queues {
                    let settled = letters.replay(queue, &wanted.selection).await?;
                    wanted.found(&settled);
                    writeln!(out, "{}: {} replayed", queue, settled.count)?;
                }
                wanted.all_found()
            }
            Self::Drop { which, yes, .. } => {
                if which.all && !yes {
                    let mut count = 0;
                    for queue in queues {
                        count += letters.count(queue).await?;
                    }
                    return Err(CommandError::Unconfirmed(count));
                }
                let mut wanted = Wanted::new(which);
                for queue in queues {
                    let settled = letters.discard(queue, &wanted.selection).await?;
                    wanted.found(&settled);
                    writeln!(out, "{}: {} deleted", queue, settled.count)?;
                }
                wanted.all_found()
            }
        }
    }
}

impl Queues {
    fn among(&self, own: &'static [&'static str]) -> Result<&'static [&'static str], CommandError> {
        match &self.queue {
            None => Ok(own),
            Some(queue) => own
                .iter()
                .find(|own| *own == queue)
                .map(slice::from_ref)
                .ok_or_else(|| CommandError::UnknownQueue { queue: queue.clone(), own: own.to_vec() }),
        }
    }
}

/// What was asked for, and what of it has not been found yet.
struct Wanted {
    selection: Selection,
    missing: BTreeSet<String>,
}

impl Wanted {
    fn new(which: Which) -> Self {
        let ids: BTreeSet<String> = which.message_ids.into_iter().collect();
        let selection = if which.all { Selection::All } else { Selection::Ids(ids.clone()) };
        Self { selection, missing: ids }
    }

    fn found(&mut self, settled: &super::Settled) {
        self.missing.retain(|id| !settled.ids.contains(id));
    }

    fn all_found(self) -> Result<(), CommandError> {
        if self.missing.is_empty() { Ok(()) } else { Err(CommandError::NotFound(self.missing.into_iter().collect())) }
    }
}

fn print(listings: Vec<Listing>, json: bool, out: &mut impl Write) -> io::Result<()> {
    let total: u64 = listings.iter().map(|listing| listing.total).sum();
    let letters: Vec<_> = listings.into_iter().flat_map(|listing| listing.letters).collect();
    if json {
        serde_json::to_writer_pretty(&mut *out, &letters)?;
        return writeln!(out);
    }
    if !letters.is_empty() {
        write!(out, "{}", table::table(&letters))?;
    }
    match letters.len() {
        0 => writeln!(out, "no dead letters"),
        shown if u64::try_from(shown).unwrap_or(u64::MAX) < total => {
            writeln!(out, "\n{shown} of {total} dead letters; --limit shows more")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: DeadLettersCommand,
    }

    fn parse(line: &str) -> Result<DeadLettersCommand, clap::Error> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.command)
    }

    #[test]
    fn either_some_are_named_or_all_are_meant() {
        for good in ["x replay one", "x replay one two", "x replay --all", "x drop --all --yes", "x drop one --queue q"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in ["x replay", "x drop", "x replay one --all", "x show", "x show one two", "x list --limit many"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_service_has_its_own_queues_only() {
        const OWN: &[&str] = &["mine", "also.mine"];
        let queues = |line| parse(line).unwrap().from().among(OWN).map_err(|error| error.to_string());
        assert_eq!(queues("x list"), Ok(OWN));
        assert_eq!(queues("x list --queue also.mine"), Ok(&OWN[1..]));
        let error = queues("x list --queue theirs").unwrap_err();
        assert!(error.contains("theirs") && error.contains("mine, also.mine"), "{error}");
    }
}
