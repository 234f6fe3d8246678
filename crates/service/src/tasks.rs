//! The only places that start tasks.

use std::{
    collections::BTreeMap,
    future::Future,
    panic::resume_unwind,
    sync::{Arc, Mutex, PoisonError},
};

use metrics::gauge;
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, Span};

use crate::process::Process;

/// Starts a task on the main runtime, within the current span, and does not wait for it at shutdown. `name` labels the gauge
/// `zoetrope_tasks`.
///
/// For work that may be cut off at any await when the process ends; otherwise use [`Process::spawn`] (background work) or
/// [`run_to_end`] (the writes of a request).
pub fn spawn<T>(name: &'static str, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T>
where
    T: Send + 'static,
{
    let gauge = RunningGauge::new(name);
    let task = async move {
        let _gauge = gauge;
        task.await
    };
    spawn_on(&main_runtime(), task.instrument(Span::current()))
}

/// Runs a future to its end on the main runtime, within the current span, even when the caller is dropped half way, as the
/// handler of a request is when its client hangs up. Shutdown waits for it. A panic is passed on to the caller.
pub async fn run_to_end<T>(future: impl Future<Output = T> + Send + 'static) -> T
where
    T: Send + 'static,
{
    let future = future.instrument(Span::current());
    let task = match Process::main() {
        Some(process) => spawn_on(process.runtime_handle(), process.tasks().track("request", future)),
        None => spawn_on(&Handle::current(), future),
    };
    match task.await {
        Ok(output) => output,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is going down, and so is the caller: there is nobody left to answer.
            Err(_) => std::future::pending().await,
        },
    }
}

pub(crate) fn spawn_on<T>(runtime: &Handle, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T>
where
    T: Send + 'static,
{
    runtime.spawn(task)
}

/// Tests have no process; theirs is the runtime that they run on.
fn main_runtime() -> Handle {
    Process::main().map_or_else(Handle::current, |process| process.runtime_handle().clone())
}

/// The tasks that shutdown waits for.
#[derive(Clone, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    running: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl Tasks {
    pub(crate) fn track<F: Future>(&self, name: &'static str, task: F) -> impl Future<Output = F::Output> + use<F> {
        let guard = RunningTask::new(self.clone(), name);
        self.tracker.track_future(async move {
            let _guard = guard;
            task.await
        })
    }

    /// Waits until no task is left. Tasks may still be added meanwhile.
    pub(crate) async fn finished(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Names of the tasks that have not ended.
    pub(crate) fn running(&self) -> Vec<&'static str> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }
}

struct RunningTask {
    tasks: Tasks,
    name: &'static str,
    _gauge: RunningGauge,
}

impl RunningTask {
    fn new(tasks: Tasks, name: &'static str) -> Self {
        *tasks.running.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
        Self { tasks, name, _gauge: RunningGauge::new(name) }
    }
}

impl Drop for RunningTask {
    fn drop(&mut self) {
        let mut running = self.tasks.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                running.remove(self.name);
            }
        }
    }
}

/// Counts a task for as long as it lives.
struct RunningGauge(&'static str);

impl RunningGauge {
    fn new(name: &'static str) -> Self {
        gauge!("zoetrope_tasks", "task" => name).increment(1.0);
        Self(name)
    }
}

impl Drop for RunningGauge {
    fn drop(&mut self) {
        gauge!("zoetrope_tasks", "task" => self.0).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_dropped_caller_does_not_stop_the_work() {
        let (go, going) = oneshot::channel::<()>();
        let (done, finished) = oneshot::channel();
        let caller = run_to_end(async move {
            let _ = going.await;
            let _ = done.send("done");
        });
        assert!(tokio::time::timeout(Duration::from_millis(20), caller).await.is_err());
        go.send(()).unwrap();
        assert_eq!(finished.await.unwrap(), "done");
    }

    #[tokio::test]
    #[should_panic(expected = "inside")]
    async fn a_panic_reaches_the_caller() {
        run_to_end(async { panic!("inside") }).await
    }

    #[tokio::test]
    async fn tasks_are_known_by_name_until_they_end() {
        let tasks = Tasks::default();
        let (end, ending) = oneshot::channel::<()>();
        let task = spawn("tracked", tasks.track("worker", async move { ending.await.is_ok() }));
        assert_eq!(tasks.running(), ["worker"]);
        end.send(()).unwrap();
        tasks.finished().await;
        assert!(task.await.unwrap());
        assert!(tasks.running().is_empty());
    }
}
