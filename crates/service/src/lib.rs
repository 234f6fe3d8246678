//! How every Zoetrope binary starts, runs and ends.
//!
//! A service's `main` names itself, parses its command line and hands over to [`serve`]:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use clap::Parser;
//! use zoetrope_service::{ConfigArgs, Process};
//!
//! #[derive(Parser)]
//! struct Cli {
//!     #[command(flatten)]
//!     config: ConfigArgs,
//! }
//!
//! #[derive(serde::Deserialize)]
//! struct Settings {}
//!
//! async fn build(_settings: Settings, process: Process) -> anyhow::Result<()> {
//!     let stopping = process.stopping();
//!     process.spawn("worker", async move {
//!         stopping.cancelled().await;
//!         Ok(())
//!     });
//!     Ok(())
//! }
//!
//! fn main() -> ExitCode {
//!     zoetrope_service::serve("example", &Cli::parse().config, build)
//! }
//! ```
//!
//! [`serve`] then owns the rest, in this order:
//!
//! 1. [settings](mod@settings): a TOML file, overridden by `ZOETROPE__SECTION__KEY`; secrets from files; errors that name the
//!    key;
//! 2. telemetry: logs on standard output, a trace context that is always there (exported when `telemetry.otlp_endpoint` is set),
//!    metrics;
//! 3. the internal listener: `/livez`, `/readyz` and `/metrics` on a port of their own;
//! 4. the service itself, which starts everything through its [`Process`];
//! 5. signals, and a shutdown in phases: readiness off, a pause for load balancers to notice, [`Process::stopping`] cancelled,
//!    work in hand finished, telemetry flushed.
//!
//! What changes while the process runs, such as keys, it reads with [`follow_file`].
//!
//! A background task that ends before shutdown began is a crash: the process shuts down and exits with a failing code, so that
//! its supervisor starts it again.
//!
//! One-shot subcommands such as `migrate` use [`once`] instead: the same settings and telemetry, no listener and no phases. Those that
//! print an answer use [`answer`], which leaves standard output to them; those that answer a question, such as `audit`, use [`check`],
//! which tells yes, no and "could not find out" apart by its exit code.

mod follow;
mod internal;
mod lifecycle;
mod metrics;
mod process;
mod readiness;
mod run;
pub mod settings;
mod signals;
mod tasks;
mod telemetry;
pub mod trace;

pub use follow::follow_file;
pub use process::Process;
pub use readiness::{Readiness, ReadinessReport};
pub use run::{answer, check, once, serve};
pub use settings::{
    ConfigArgs, InternalSettings, LogFormat, ProcessSettings, SettingsError, ShutdownSettings, TelemetrySettings, load_settings,
};
pub use tasks::{run_to_end, spawn};

use std::net::SocketAddr;

/// Logs that a listener is bound, with the address it really got (a configured port may be 0, "any free port").
///
/// Scripts and tests find a service by this line: its message is `LISTENING`, its fields `listener` and `address`.
pub fn log_listening(listener: &'static str, addresses: impl IntoIterator<Item = SocketAddr>) {
    for address in addresses {
        tracing::info!(listener, %address, "LISTENING");
    }
}
