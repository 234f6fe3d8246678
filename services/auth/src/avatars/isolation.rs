//! Pictures are decoded in a process of their own, which is this program again (`auth square-picture`): it has a limit of memory and of time
//! that holds whatever a decoder does, no keys, no connections, and takes nobody with it when it fails.

use std::{
    io::{self, Read, Write, stdin, stdout},
    os::unix::process::ExitStatusExt,
    process::{ExitCode, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::Context;
use bytes::Bytes;
use nix::{
    libc::{SIGABRT, SIGXCPU},
    sys::resource::{Resource, setrlimit},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    time::timeout,
};

use super::picture::{self, MAX_MEMORY, PictureError};

/// The name of the subcommand.
pub const SUBCOMMAND: &str = "square-picture";
/// This program, also when its file was replaced since it began.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// A good picture takes a second.
const PATIENCE: Duration = Duration::from_secs(30);
/// Of a processor, in seconds: less than [`PATIENCE`], so that a picture that takes too long is told from a server that is busy.
const MAX_PROCESSOR_SECONDS: u64 = 20;
/// At the first limit the system says why it ends the process, at the second it kills.
const KILLED_AFTER_SECONDS: u64 = MAX_PROCESSOR_SECONDS + 5;
/// More than a square of 256 pixels takes.
const LONGEST_ANSWER: u64 = 1024 * 1024;
/// How the process ends, by what is wrong with the picture.
const ENDS: [(u8, PictureError); 3] =
    [(10, PictureError::OtherType), (11, PictureError::TooLarge), (12, PictureError::Unreadable)];
/// As Rust ends a program that panics.
const PANICKED: i32 = 101;

/// The process was not started, cannot be spoken with, or failed for a reason that is not in the picture.
#[derive(Debug, thiserror::Error)]
#[error("no process for a picture")]
pub struct IsolationError(#[from] io::Error);

/// What [`picture::square`] makes of a picture. The process ends with the future.
pub async fn square(upload: &Bytes) -> Result<Result<Vec<u8>, PictureError>, IsolationError> {
    let mut process = Command::new(THIS_PROGRAM)
        .arg(SUBCOMMAND)
        .env_clear()
        // The allocator would else take a gigabyte of addresses at once, which the limit counts.
        .env("MIMALLOC_ARENA_RESERVE", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let (to, from) = (process.stdin.take(), process.stdout.take());
    let speak = async {
        if let Some(mut to) = to {
            // It may have seen enough before the end.
            let _ = to.write_all(upload).await;
        }
        let mut made = Vec::new();
        if let Some(from) = from {
            from.take(LONGEST_ANSWER).read_to_end(&mut made).await?;
        }
        Ok::<_, io::Error>((made, process.wait().await?))
    };
    let Ok(spoken) = timeout(PATIENCE, speak).await else { return Err(io::Error::from(io::ErrorKind::TimedOut).into()) };
    let (made, end) = spoken?;
    if end.success() {
        return Ok(Ok(made));
    }
    let fault = fault(end).ok_or_else(|| io::Error::other(format!("the process ended with {end}")))?;
    Ok(Err(fault))
}

/// What is wrong with the picture when the process ended like this; `None`: the server has failed, as when the system kills for want of memory.
fn fault(end: ExitStatus) -> Option<PictureError> {
    let told = ENDS.into_iter().find(|(code, _)| end.code() == Some(i32::from(*code)));
    match (told, end.code(), end.signal()) {
        (Some((_, error)), _, _) => Some(error),
        (None, Some(PANICKED), _) => Some(PictureError::Unreadable),
        // It ended itself for want of memory, or has had its time.
        (None, _, Some(SIGABRT | SIGXCPU)) => Some(PictureError::TooCostly),
        (None, _, _) => None,
    }
}

/// Runs the subcommand: a picture comes on standard input, the square goes to standard output.
pub fn run() -> anyhow::Result<ExitCode> {
    setrlimit(Resource::RLIMIT_DATA, MAX_MEMORY, MAX_MEMORY).context("memory is not limited")?;
    setrlimit(Resource::RLIMIT_CPU, MAX_PROCESSOR_SECONDS, KILLED_AFTER_SECONDS).context("time is not limited")?;
    // The picture would be in it.
    setrlimit(Resource::RLIMIT_CORE, 0, 0).context("a crash would leave a file")?;
    let mut upload = Vec::new();
    let most = u64::try_from(super::MAX_BYTES).unwrap_or(u64::MAX);
    stdin().lock().take(most).read_to_end(&mut upload).context("no picture")?;
    match picture::square(&upload) {
        Ok(square) => {
            stdout().lock().write_all(&square).context("nobody takes the picture")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            let code = ENDS.into_iter().find(|(_, end)| *end == error).map(|(code, _)| ExitCode::from(code));
            Ok(code.unwrap_or(ExitCode::FAILURE))
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::libc::{SIGKILL, SIGTERM};

    use super::*;

    #[test]
    fn only_what_is_in_the_picture_is_its_fault() {
        let exited = |code: i32| fault(ExitStatus::from_raw(code << 8));
        let ended_by = |signal: i32| fault(ExitStatus::from_raw(signal));
        assert_eq!((exited(11), exited(PANICKED)), (Some(PictureError::TooLarge), Some(PictureError::Unreadable)));
        for signal in [SIGABRT, SIGXCPU] {
            assert_eq!(ended_by(signal), Some(PictureError::TooCostly), "{signal}");
        }
        assert_eq!((exited(1), ended_by(SIGKILL), ended_by(SIGTERM)), (None, None, None));
    }
}
