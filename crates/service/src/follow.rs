use std::{path::PathBuf, time::Duration};

use metrics::{describe_gauge, gauge};
use tokio::{
    fs,
    time::{MissedTickBehavior, interval},
};

use crate::Process;

/// Reading a small file costs nothing, and works whatever replaces it: an editor, a rename, Kubernetes and its links.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// 1 while what a file holds now is not used.
const REFUSED: &str = "zoetrope_file_refused";

/// Reads a file again every second until the process stops, and gives its text to `take` whenever that has changed.
///
/// `seen` is the text that is in use already. What `take` refuses it is offered again, since it may depend on another file. Until it takes
/// it, and while the file cannot be read, nothing changes but the log and the figure `zoetrope_file_refused{file}`.
pub fn follow_file(
    process: &Process,
    name: &'static str,
    path: PathBuf,
    seen: String,
    mut take: impl FnMut(&str) -> anyhow::Result<()> + Send + 'static,
) {
    describe_gauge!(REFUSED, "1 while what a followed file holds now cannot be used, and what it held before still is.");
    gauge!(REFUSED, "file" => name).set(0.0);
    let stopping = process.stopping();
    process.spawn(name, async move {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // None: it could not be read.
        let mut seen = Some(seen);
        let mut is_refused = false;
        while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
            let read = fs::read_to_string(&path).await;
            let has_changed = read.as_ref().ok() != seen.as_ref();
            // What was refused may be good now: files that belong together do not change at once.
            if !has_changed && !is_refused {
                continue;
            }
            let taken = match &read {
                Ok(text) => take(text),
                Err(error) => Err(anyhow::anyhow!("{error}")),
            };
            match &taken {
                Ok(()) => tracing::info!(file = name, path = %path.display(), "the file has changed, and what it holds is used"),
                Err(error) if has_changed => tracing::error!(
                    file = name,
                    path = %path.display(),
                    error = format!("{error:#}"),
                    "the file has changed and cannot be used: what it held before still is"
                ),
                Err(_) => {}
            }
            is_refused = taken.is_err();
            gauge!(REFUSED, "file" => name).set(if is_refused { 1.0 } else { 0.0 });
            seen = read.ok();
        }
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::mpsc};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_is_given_on_until_it_is_taken_and_a_missing_file_waited_for() {
        let path = std::env::temp_dir().join(format!("zoetrope-followed-{}", std::process::id()));
        fs::write(&path, "one").unwrap();
        let (sender, offered) = mpsc::channel();
        let process = Process::detached("test");
        let mut offers = 0;
        follow_file(&process, "followed", path.clone(), "one".to_owned(), move |text| {
            sender.send(text.to_owned())?;
            offers += 1;
            anyhow::ensure!(offers > 1, "not yet");
            Ok(())
        });
        let next = |offered: mpsc::Receiver<String>| {
            tokio::task::spawn_blocking(move || (offered.recv_timeout(Duration::from_secs(10)).unwrap(), offered))
        };
        let write = |text: &str| {
            let beside = path.with_extension("new");
            fs::write(&beside, text).unwrap();
            fs::rename(&beside, &path).unwrap();
        };
        write("two");
        let (first, offered) = next(offered).await.unwrap();
        let (again, offered) = next(offered).await.unwrap();
        assert_eq!([first, again], ["two", "two"]);
        fs::remove_file(&path).unwrap();
        write("three");
        let (third, offered) = next(offered).await.unwrap();
        assert_eq!(third, "three");
        process.stop(Duration::from_secs(5)).await;
        assert!(offered.try_recv().is_err());
        fs::remove_file(&path).unwrap();
    }
}
