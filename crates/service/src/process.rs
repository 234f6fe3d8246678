use std::{
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix_web::dev::Server;
use anyhow::Context as _;
use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::{
    readiness::Readiness,
    tasks::{Tasks, spawn_on},
};

static MAIN: OnceLock<Process> = OnceLock::new();

/// The running process, as its parts see it: they start their background work with it, and learn from it when to stop. Cheap to
/// clone.
#[derive(Clone)]
pub struct Process {
    shared: Arc<Shared>,
}

struct Shared {
    name: &'static str,
    runtime: Handle,
    readiness: Readiness,
    tasks: Tasks,
    stopping: CancellationToken,
    crashed: CancellationToken,
}

impl Process {
    /// A process without signals, settings or listener, for tests and tools, on the current runtime. End it with
    /// [`Process::stop`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn detached(name: &'static str) -> Self {
        Self::new(name, Handle::current())
    }

    pub(crate) fn new(name: &'static str, runtime: Handle) -> Self {
        let shared = Shared {
            name,
            runtime,
            readiness: Readiness::default(),
            tasks: Tasks::default(),
            stopping: CancellationToken::new(),
            crashed: CancellationToken::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The service's name.
    pub fn name(&self) -> &'static str {
        self.shared.name
    }

    /// Starts a background task on the main runtime.
    ///
    /// It is expected to run until [`stopping`](Self::stopping) is cancelled, then to finish what it has in hand and return. If
    /// it ends, fails or panics before, that is a crash: the process shuts down and exits with a failing code.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
        let process = self.clone();
        let supervised = async move {
            let outcome = AssertUnwindSafe(task).catch_unwind().await;
            process.task_ended(name, outcome.ok());
        };
        spawn_on(&self.shared.runtime, self.shared.tasks.track(name, supervised));
    }

    /// `outcome` is none after a panic, which the panic hook has logged with its message.
    fn task_ended(&self, name: &'static str, outcome: Option<anyhow::Result<()>>) {
        let expected = self.shared.stopping.is_cancelled();
        match outcome {
            Some(Ok(())) if expected => tracing::debug!(task = name, "background task ended"),
            Some(Err(error)) if expected => {
                tracing::warn!(task = name, error = format!("{error:#}"), "background task failed while stopping")
            }
            Some(Ok(())) => self.crash(name, "it ended by itself"),
            Some(Err(error)) => self.crash(name, &format!("{error:#}")),
            None => self.crash(name, "it panicked"),
        }
    }

    fn crash(&self, name: &'static str, error: &str) {
        tracing::error!(task = name, error, "background task crashed");
        self.shared.crashed.cancel();
    }

    /// Runs an HTTP server until [`stopping`](Self::stopping), then stops it gracefully: no new connections, requests in hand are
    /// answered.
    ///
    /// The server must have been built with `disable_signals()`, or it competes for them, and with a `shutdown_timeout` below
    /// `shutdown.timeout_seconds`.
    pub fn serve_http(&self, server: Server) {
        let stopping = self.stopping();
        self.spawn("http", async move {
            let handle = server.handle();
            tokio::pin!(server);
            tokio::select! {
                ended = &mut server => ended.context("the HTTP server failed"),
                () = stopping.cancelled() => {
                    let (ended, ()) = tokio::join!(server, handle.stop(true));
                    ended.context("the HTTP server failed while stopping")
                }
            }
        });
    }

    /// Cancelled when intake must stop. Work in hand is then finished or handed back.
    pub fn stopping(&self) -> CancellationToken {
        self.shared.stopping.clone()
    }

    /// Whether this process should get traffic, and the checks that decide it.
    pub fn readiness(&self) -> &Readiness {
        &self.shared.readiness
    }

    /// The main runtime. Background work belongs there, not on the single-threaded runtimes of HTTP workers, which end first.
    pub fn runtime(&self) -> Handle {
        self.shared.runtime.clone()
    }

    /// Stops a [detached](Self::detached) process and waits for its tasks. False if some did not end in time, or one had crashed.
    pub async fn stop(&self, timeout: Duration) -> bool {
        self.shared.readiness.stop_serving();
        self.shared.stopping.cancel();
        tokio::time::timeout(timeout, self.shared.tasks.finished()).await.is_ok() && !self.has_crashed()
    }

    /// Whether a background task has crashed.
    pub fn has_crashed(&self) -> bool {
        self.shared.crashed.is_cancelled()
    }

    pub(crate) async fn crashed(&self) {
        self.shared.crashed.cancelled().await;
    }

    pub(crate) fn runtime_handle(&self) -> &Handle {
        &self.shared.runtime
    }

    pub(crate) fn tasks(&self) -> &Tasks {
        &self.shared.tasks
    }

    /// Makes this the process that free functions such as [`run_to_end`](crate::run_to_end) belong to.
    pub(crate) fn become_main(&self) {
        // A process is served once; a second one, in a test, shares the first one's place.
        let _ = MAIN.set(self.clone());
    }

    pub(crate) fn main() -> Option<&'static Process> {
        MAIN.get()
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Process").field("name", &self.shared.name).finish_non_exhaustive()
    }
}
