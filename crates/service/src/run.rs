//! The ways to run a binary.

use std::{future::Future, io::Write as _, process::ExitCode, time::Duration};

use anyhow::Context as _;
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Runtime};

use crate::{
    internal::InternalListener,
    lifecycle::{self, Ending},
    metrics::Metrics,
    process::Process,
    settings::{ConfigArgs, Document, ProcessSettings, environment, load_settings},
    signals::UnixSignals,
    tasks::spawn_on,
    telemetry::{LogOutput, Telemetry},
};

/// How long threads that block may keep a finished process.
const BLOCKING_GRACE: Duration = Duration::from_secs(1);

/// What [`check`] exits with when the answer is no.
const NO: u8 = 1;
/// What [`check`] exits with when there is no answer.
const UNKNOWN: u8 = 2;

/// Runs a service until it is asked to end, and returns the code to exit with.
///
/// `build` gets the service's settings and its [`Process`], starts everything through it, and returns once started. A failure to
/// start, a crashed background task and work that was cut off at shutdown give a failing code.
pub fn serve<S, F, Fut>(name: &'static str, args: &ConfigArgs, build: F) -> ExitCode
where
    S: DeserializeOwned,
    F: FnOnce(S, Process) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    start(name, args, LogOutput::Stdout, |process_settings, settings, runtime| {
        serve_on(name, &process_settings, settings, runtime, build)
    })
    .unwrap_or(ExitCode::FAILURE)
}

/// Runs a subcommand that ends by itself, such as `migrate`, with settings and telemetry as for [`serve`], but without listener,
/// metrics or signal handling.
pub fn once<S, F, Fut>(name: &'static str, args: &ConfigArgs, run: F) -> ExitCode
where
    S: DeserializeOwned,
    F: FnOnce(S) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    start(name, args, LogOutput::Stdout, |_, settings, runtime| match run_to_completion(runtime, run(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(()) => ExitCode::FAILURE,
    })
    .unwrap_or(ExitCode::FAILURE)
}

/// Runs a subcommand whose standard output is its answer, such as a list for an operator: settings as for [`serve`], but nothing is logged, since log
/// lines would stand between those of the answer. A failure is told on standard error.
pub fn answer<S, F, Fut>(name: &'static str, args: &ConfigArgs, run: F) -> ExitCode
where
    S: DeserializeOwned,
    F: FnOnce(S) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let outcome = (|| {
        let settings: S = load_settings(args)?;
        install_cryptography();
        let runtime = build_runtime(name)?;
        let outcome = runtime.block_on(run(settings));
        runtime.shutdown_timeout(BLOCKING_GRACE);
        outcome
    })();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If nobody can be told, the exit code still says it.
            let _ = writeln!(std::io::stderr(), "{name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn install_cryptography() {
    // Fails only when one is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn build_runtime(name: &str) -> anyhow::Result<Runtime> {
    Builder::new_multi_thread().enable_all().thread_name(name).build().context("cannot build the tokio runtime")
}

/// Runs a subcommand that answers a question, otherwise as [`once`]. `Ok(true)` gives the code 0, `Ok(false)` 1, and any failure 2, that
/// of a bad setting included. Logs go to standard error: standard output is the answer's alone.
pub fn check<S, F, Fut>(name: &'static str, args: &ConfigArgs, run: F) -> ExitCode
where
    S: DeserializeOwned,
    F: FnOnce(S) -> Fut,
    Fut: Future<Output = anyhow::Result<bool>>,
{
    start(name, args, LogOutput::Stderr, |_, settings, runtime| match run_to_completion(runtime, run(settings)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NO),
        Err(()) => ExitCode::from(UNKNOWN),
    })
    .unwrap_or(ExitCode::from(UNKNOWN))
}

/// An error is logged here.
fn run_to_completion<T>(runtime: Runtime, run: impl Future<Output = anyhow::Result<T>>) -> Result<T, ()> {
    let outcome = runtime.block_on(run);
    runtime.shutdown_timeout(BLOCKING_GRACE);
    outcome.map_err(|error| tracing::error!(error = format!("{error:#}"), "failed"))
}

/// What comes before the service: settings, cryptography, telemetry, runtime; in this order, and torn down in the reverse one. None if
/// one of them failed, which the user has been told.
fn start<S: DeserializeOwned>(
    name: &'static str,
    args: &ConfigArgs,
    logs: LogOutput,
    run: impl FnOnce(ProcessSettings, S, Runtime) -> ExitCode,
) -> Option<ExitCode> {
    let prepared = (|| {
        let (process_settings, rest) = Document::read(args, environment())?.split()?;
        let settings: S = rest.parse()?;
        install_cryptography();
        let telemetry = Telemetry::start(name, &process_settings.telemetry, logs)?;
        let runtime = build_runtime(name)?;
        anyhow::Ok((process_settings, settings, telemetry, runtime))
    })();
    match prepared {
        Ok((process_settings, settings, telemetry, runtime)) => {
            let code = run(process_settings, settings, runtime);
            drop(telemetry);
            Some(code)
        }
        Err(error) => {
            // Telemetry may not be up: the terminal is the only place left, and if it is gone, too, the exit code must do.
            let _ = writeln!(std::io::stderr(), "zoetrope-{name}: {error:#}");
            None
        }
    }
}

fn serve_on<S, F, Fut>(
    name: &'static str,
    process_settings: &ProcessSettings,
    settings: S,
    runtime: Runtime,
    build: F,
) -> ExitCode
where
    F: FnOnce(S, Process) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let process = Process::new(name, runtime.handle().clone());
    process.become_main();
    let ending = runtime.block_on(async {
        let mut signals = UnixSignals::listen().context("cannot listen for signals")?;
        let metrics = Metrics::install(name)?;
        spawn_on(process.runtime_handle(), metrics.clone().upkeep());
        let internal = InternalListener::start(&process, &process_settings.internal, metrics)?;
        let ending = lifecycle::run(&process, process_settings.shutdown, &mut signals, build(settings, process.clone())).await;
        internal.stop().await;
        anyhow::Ok(ending)
    });
    match ending {
        Ok(Ending::Clean) => {
            runtime.shutdown_timeout(BLOCKING_GRACE);
            tracing::info!("stopped");
            ExitCode::SUCCESS
        }
        Ok(Ending::Failed) => {
            runtime.shutdown_timeout(BLOCKING_GRACE);
            ExitCode::FAILURE
        }
        Ok(Ending::Forced) => {
            runtime.shutdown_background();
            ExitCode::FAILURE
        }
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "cannot start");
            runtime.shutdown_background();
            ExitCode::FAILURE
        }
    }
}
