//! From the first task to the last: start, serve, shut down in phases.

use std::future::Future;

use tokio::time::{sleep, timeout};

use crate::{process::Process, settings::ShutdownSettings, signals::StopSignals};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It was asked to end and finished its work.
    Clean,
    /// It did not start, or a background task crashed; the work in hand was finished.
    Failed,
    /// Work was cut off, by a second signal or by the timeout.
    Forced,
}

/// Starts the service and keeps it until a signal or a crash, then shuts it down.
pub(crate) async fn run(
    process: &Process,
    settings: ShutdownSettings,
    signals: &mut impl StopSignals,
    build: impl Future<Output = anyhow::Result<()>>,
) -> Ending {
    let mut started = false;
    let mut failed = false;
    tokio::select! {
        built = build => match built {
            Ok(()) => started = true,
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "cannot start");
                failed = true;
            }
        },
        signal = signals.next() => tracing::info!(signal, "asked to stop while starting"),
        () = process.crashed() => {}
    }

    if started {
        process.readiness().start_serving();
        tracing::info!("started");
        tokio::select! {
            signal = signals.next() => tracing::info!(signal, "shutting down"),
            () = process.crashed() => {}
        }
    }

    let drained = async {
        process.readiness().stop_serving();
        if started {
            sleep(settings.drain_delay()).await;
        }
        process.stopping().cancel();
        process.tasks().finished().await;
    };
    tokio::select! {
        ended = timeout(settings.timeout(), drained) => if ended.is_err() {
            let tasks = process.tasks().running();
            tracing::error!(?tasks, timeout_seconds = settings.timeout_seconds, "work in hand did not finish; giving up on it");
            return Ending::Forced;
        },
        signal = signals.next() => {
            let tasks = process.tasks().running();
            tracing::warn!(?tasks, signal, "second signal; giving up on the work in hand");
            return Ending::Forced;
        }
    }
    if failed || process.has_crashed() { Ending::Failed } else { Ending::Clean }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::sync::mpsc;

    use super::*;
    use crate::readiness::Readiness;

    struct FakeSignals(mpsc::Receiver<&'static str>);

    impl StopSignals for FakeSignals {
        async fn next(&mut self) -> &'static str {
            match self.0.recv().await {
                Some(signal) => signal,
                None => std::future::pending().await,
            }
        }
    }

    const QUICK: ShutdownSettings = ShutdownSettings { drain_delay_seconds: 0, timeout_seconds: 20 };

    /// Runs a process that is asked to stop `signals` times, 50 ms apart, and starts what `build` says.
    async fn run_with(
        signals: usize,
        settings: ShutdownSettings,
        build: impl AsyncFnOnce(Process) -> anyhow::Result<()>,
    ) -> Ending {
        let (sender, receiver) = mpsc::channel(1);
        let process = Process::detached("test");
        let send = async {
            for _ in 0..signals {
                sleep(Duration::from_millis(50)).await;
                let _ = sender.send("SIGTERM").await;
            }
        };
        let mut signals = FakeSignals(receiver);
        let (ending, ()) = tokio::join!(run(&process, settings, &mut signals, build(process.clone())), send);
        ending
    }

    async fn status(readiness: &Readiness) -> &'static str {
        readiness.report().await.status
    }

    #[tokio::test]
    async fn a_signal_ends_the_tasks_in_order() {
        let ending = run_with(1, ShutdownSettings { drain_delay_seconds: 1, ..QUICK }, async |process| {
            assert_eq!(status(process.readiness()).await, "starting");
            let observer = process.clone();
            process.spawn("observer", async move {
                sleep(Duration::from_millis(20)).await;
                assert_eq!(status(observer.readiness()).await, "ready");
                sleep(Duration::from_millis(200)).await;
                assert_eq!(status(observer.readiness()).await, "stopping");
                assert!(!observer.stopping().is_cancelled(), "the drain comes first");
                observer.stopping().cancelled().await;
                sleep(Duration::from_millis(50)).await;
                Ok(())
            });
            Ok(())
        })
        .await;
        assert_eq!(ending, Ending::Clean);
    }

    #[tokio::test]
    async fn a_task_that_ends_early_fails_or_panics_is_a_crash() {
        for way in ["end", "fail", "panic"] {
            let ending = run_with(0, QUICK, async |process| {
                process.spawn("worker", async move {
                    match way {
                        "end" => Ok(()),
                        "fail" => Err(anyhow::anyhow!("broken")),
                        _ => panic!("broken"),
                    }
                });
                Ok(())
            })
            .await;
            assert_eq!(ending, Ending::Failed, "{way}");
        }
    }

    #[tokio::test]
    async fn a_failure_while_stopping_is_no_crash() {
        let ending = run_with(1, QUICK, async |process| {
            let stopping = process.stopping();
            process.spawn("worker", async move {
                stopping.cancelled().await;
                Err(anyhow::anyhow!("cannot hand back: the server is away"))
            });
            Ok(())
        })
        .await;
        assert_eq!(ending, Ending::Clean);
    }

    #[tokio::test]
    async fn a_failed_start_ends_what_was_started() {
        let ending = run_with(0, QUICK, async |process| {
            let stopping = process.stopping();
            process.spawn("worker", async move {
                stopping.cancelled().await;
                Ok(())
            });
            anyhow::bail!("port taken")
        })
        .await;
        assert_eq!(ending, Ending::Failed);
    }

    #[tokio::test]
    async fn a_signal_interrupts_a_start_that_hangs() {
        assert_eq!(run_with(1, QUICK, async |_| std::future::pending().await).await, Ending::Clean);
    }

    #[tokio::test]
    async fn a_second_signal_and_the_timeout_force_the_end() {
        for (signals, timeout_seconds) in [(2, 20), (1, 1)] {
            let started = Instant::now();
            let ending = run_with(signals, ShutdownSettings { timeout_seconds, ..QUICK }, async |process| {
                process.spawn("stuck", std::future::pending());
                Ok(())
            })
            .await;
            assert_eq!(ending, Ending::Forced);
            assert!(started.elapsed() < Duration::from_secs(10));
        }
    }
}
