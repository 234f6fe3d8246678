//! `zoetrope generate`

use std::{
    path::{Path, PathBuf, absolute},
    time::{Duration, Instant},
};

use anyhow::Context;
use indicatif::HumanBytes;
use tokio::time::{sleep, timeout};
use uuid::Uuid;
use zoetrope_client::{Client, ClientError};

use crate::{arguments::Generate, display::Display, follow};

/// How long a platform may take to come up.
const STARTUP: Duration = Duration::from_secs(10);
const STARTUP_PAUSE: Duration = Duration::from_millis(250);

pub(crate) async fn generate(arguments: &Generate) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut display = Display::new();
    let limit = Duration::from_secs(arguments.timeout);
    let generated = timeout(limit, run(arguments, &mut display)).await;
    display.finish();
    let (path, size) = generated.with_context(|| format!("there is no video after {} s", arguments.timeout))??;
    let seconds = started.elapsed().as_secs_f64();
    display.line(&format!("{} ({}) after {seconds:.1} s", path.display(), HumanBytes(size)));
    Ok(())
}

/// The file and its size.
async fn run(arguments: &Generate, display: &mut Display) -> anyhow::Result<(PathBuf, u64)> {
    let client = Client::new(&arguments.url)?;
    until_reachable(&client, display).await.with_context(|| format!("cannot reach {}", arguments.url))?;
    let client = sign_in(client, arguments, display).await?;
    let task = client.create_task(&arguments.task()).await.context("the task was not created")?;
    display.line(&format!("created {}", task.video_id));
    follow::until_completed(&client, &task.video_id, display).await?;
    let path = absolute(output(arguments, &task.video_id)).context("there is no current directory")?;
    let size = download(&client, &task.video_id, &path, display).await.context("the video was not downloaded")?;
    Ok((path, size))
}

async fn until_reachable(client: &Client, display: &Display) -> Result<(), ClientError> {
    let deadline = Instant::now() + STARTUP;
    let mut told = false;
    loop {
        match client.health().await {
            Err(error) if error.is_unreachable() && Instant::now() < deadline => {
                if !told {
                    display.line(&format!("waiting for {}", client.base_url()));
                    told = true;
                }
                sleep(STARTUP_PAUSE).await;
            }
            answer => return answer,
        }
    }
}

async fn sign_in(client: Client, arguments: &Generate, display: &Display) -> anyhow::Result<Client> {
    let session = if let Some(username) = &arguments.username {
        let password = arguments.password.as_deref().unwrap_or_default();
        client.login(username, password).await.with_context(|| format!("cannot sign in as {username}"))?
    } else {
        let (username, password) = fresh_user();
        client
            .register(&username, &password)
            .await
            .context("cannot register a user (--username and --password sign in as an existing one)")?
    };
    display.line(&format!("signed in as {}", session.user.username));
    Ok(client.with_token(session.token))
}

/// A name and a password that nobody has.
fn fresh_user() -> (String, String) {
    let name = Uuid::new_v4().simple().to_string();
    (format!("guest_{}", &name[..12]), Uuid::new_v4().simple().to_string())
}

fn output(arguments: &Generate, video_id: &str) -> PathBuf {
    arguments.output.clone().unwrap_or_else(|| PathBuf::from(format!("{video_id}.mp4")))
}

async fn download(client: &Client, video_id: &str, path: &Path, display: &mut Display) -> Result<u64, ClientError> {
    let content = client.content(video_id).await?;
    client.download(&content.url, path, |_, _| display.progress(100, "downloading")).await
}
