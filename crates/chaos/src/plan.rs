use std::{path::PathBuf, time::Duration};

use clap::Parser;
use rand::{SeedableRng, rngs::StdRng};

/// Breaks a private platform in every way while it works, and audits what is left.
#[derive(Debug, Parser)]
#[command(name = "scripts/chaos", version)]
pub struct Arguments {
    /// How long things break, in minutes
    #[arg(long, default_value_t = 4.0, value_parser = positive, conflicts_with_all = ["seconds", "long"])]
    minutes: f64,
    /// The same in seconds
    #[arg(long, value_parser = positive, conflicts_with = "long")]
    seconds: Option<f64>,
    /// Half an hour of it
    #[arg(long)]
    long: bool,
    /// Repeats the choices of an earlier run, though not its timing
    #[arg(long)]
    seed: Option<u64>,
    /// How many users are at work
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=200))]
    users: u16,
    /// Where the logs are kept when something was breached
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// What a run is to be.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How long things break at the least; it takes longer where not everything has broken once by then.
    pub load: Duration,
    pub users: usize,
    /// Decides every choice, though not the timing.
    pub seed: u64,
    /// Every server in every manner, instead of each in one.
    pub thorough: bool,
    /// How long the platform may take to settle when everything is well again. Longer than any machine needs.
    pub patience: Duration,
    pub keep: Option<PathBuf>,
}

const LONG_MINUTES: f64 = 30.0;
/// From this length on there is time for every manner.
const THOROUGH: Duration = Duration::from_secs(100);
const PATIENCE: Duration = Duration::from_secs(240);

impl Arguments {
    pub fn plan(self) -> Plan {
        let minutes = if self.long { LONG_MINUTES } else { self.minutes };
        let load = Duration::from_secs_f64(self.seconds.unwrap_or(minutes * 60.0));
        Plan {
            users: self.users.into(),
            seed: self.seed.unwrap_or_else(|| rand::random_range(0..1_000_000)),
            keep: self.keep,
            ..Plan::lasting(load)
        }
    }
}

impl Plan {
    pub fn lasting(load: Duration) -> Self {
        Self { load, users: 12, seed: 1, thorough: load >= THOROUGH, patience: PATIENCE, keep: None }
    }

    /// The choices of one actor, which do not depend on what the others do.
    pub fn dice(&self, actor: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_mul(1_000_003).wrapping_add(actor))
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number > 0.0 && number <= 100_000.0 { Ok(number) } else { Err("not a length of time".to_owned()) }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    fn plan(arguments: &[&str]) -> Plan {
        Arguments::try_parse_from([&["chaos"], arguments].concat()).unwrap().plan()
    }

    #[test]
    fn lengths_are_given_in_one_way() {
        assert_eq!(plan(&[]).load.as_secs(), 240);
        assert_eq!(plan(&["--minutes", "2.5"]).load.as_secs(), 150);
        assert_eq!(plan(&["--seconds", "60"]).load.as_secs(), 60);
        assert_eq!(plan(&["--long"]).load.as_secs(), 1800);
        for bad in [&["--seconds", "0"][..], &["--minutes", "NaN"], &["--long", "--seconds", "9"], &["--users", "0"]] {
            assert!(Arguments::try_parse_from([&["chaos"], bad].concat()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_seed_repeats_the_choices_of_each_actor() {
        let choices = |seed: &str, actor| {
            let mut dice = plan(&["--seed", seed]).dice(actor);
            [(); 8].map(|()| dice.random_range(0..1000))
        };
        assert_eq!(choices("7", 3), choices("7", 3));
        assert_ne!(choices("7", 3), choices("7", 4));
        assert_ne!(choices("7", 3), choices("8", 3));
    }
}
