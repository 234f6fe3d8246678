//! Rotation of the signing keys, with every service running and somebody at work all the while.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::{process::Command, time::timeout};
use uuid::Uuid;
use zoetrope_testing::{Platform, Service, User, binary, eventually};

const PATIENCE: Duration = Duration::from_secs(20);

/// The folder of this test's own keys.
struct Keys(PathBuf);

impl Keys {
    async fn generate() -> Result<Self> {
        let home = std::env::var("ZOETROPE_TEST_HOME")?;
        let keys = Self(Path::new(&home).join(format!("rotated-{}", Uuid::now_v7())));
        keys.run(&["generate", "--out"], Some(&keys.0)).await?.context("generate")?;
        Ok(keys)
    }

    /// What the command prints; `None` if it refuses.
    async fn run(&self, arguments: &[&str], path: Option<&Path>) -> Result<Option<String>> {
        let output = Command::new(binary("auth")?).arg("keys").args(arguments).args(path).output().await?;
        Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    async fn command(&self, arguments: &[&str]) -> Result<Option<String>> {
        let directory = self.0.to_str().context("directory")?;
        self.run(&[arguments, &["--directory", directory]].concat(), None).await
    }

    fn jwks(&self) -> PathBuf {
        self.0.join("jwks.json")
    }

    async fn platform(&self) -> Result<Platform> {
        let mut builder = Platform::builder().replicas(Service::Auth, 2);
        builder = builder.replicas(Service::Poller, 0).replicas(Service::ProviderSim, 0);
        for service in [Service::Auth, Service::TaskApi, Service::Notifier] {
            builder = builder.setting(service, "tokens.jwks_path", self.jwks().display().to_string());
        }
        builder.setting(Service::Auth, "keys.directory", self.0.display().to_string()).start().await
    }
}

fn kid(token: &str) -> Result<String> {
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().context("header")?)?)?;
    Ok(header["kid"].as_str().context("kid")?.to_owned())
}

async fn sign_in(user: &User) -> Result<User> {
    let body = user.post("/api/auth/login", json!({ "username": user.name(), "password": User::PASSWORD })).await?.ok()?;
    Ok(user.with_token(body["data"]["token"].as_str().context("token")?))
}

/// What each service says to the token; both replicas of auth get their turn.
async fn statuses(user: &User) -> Result<Vec<u16>> {
    let mut statuses = Vec::new();
    for path in ["/api/auth/sessions", "/api/auth/sessions", "/api/video/tasks", "/api/webhooks"] {
        statuses.push(user.get(path).await?.status);
    }
    Ok(statuses)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_while_everybody_works() -> Result<()> {
    let keys = Keys::generate().await?;
    let mut platform = keys.platform().await?;
    let user = platform.user().await?;
    let first = kid(user.token())?;
    let mut socket = user.socket().await?;

    let told = keys.command(&["rotate", "--overlap-seconds", "4"]).await?.context("rotate")?;
    let second = told.split(' ').next().context("kid")?.to_owned();
    assert_ne!(first, second);
    assert!(keys.command(&["rotate"]).await?.is_none(), "a second key waits");
    let listed = keys.command(&["list"]).await?.context("list")?;
    assert!(listed.starts_with(&format!("{second}  next")) && listed.contains(&format!("{first}  active")), "{listed}");

    // Somebody signs in, and is at work, all the while.
    let newest = eventually("tokens of the new key", PATIENCE, async || {
        let newest = sign_in(&user).await?;
        for one in [&user, &newest] {
            let answers = statuses(one).await?;
            assert_eq!(answers, [200; 4], "a token of {} was refused", kid(one.token())?);
        }
        ensure!(kid(newest.token())? == second);
        Ok(newest)
    })
    .await?;
    // At all replicas.
    for _ in 0..4 {
        assert_eq!(kid(sign_in(&user).await?.token())?, second);
    }
    let published = platform.nobody().get("/.well-known/jwks.json").await?;
    assert_eq!(published.body["keys"].as_array().map(Vec::len), Some(2), "{}", published.body);
    assert_eq!(published.headers["cache-control"], "public, max-age=300");
    socket.send("ping", json!({})).await?;
    assert_eq!(socket.next().await?.kind, "pong");

    // A file that cannot be used changes nothing, and somebody is told.
    let good = fs::read(keys.jwks())?;
    fs::write(keys.jwks(), "{ broken")?;
    for service in [Service::Auth, Service::TaskApi, Service::Notifier] {
        let metrics = format!("{}/metrics", platform.process(service, 0)?.internal_url());
        eventually("the figure of a file that is refused", PATIENCE, async || {
            let figures = reqwest::get(&metrics).await?.text().await?;
            ensure!(figures.contains("zoetrope_file_refused{file=\"token_keys\"} 1"), "{}", service.name());
            Ok(())
        })
        .await?;
    }
    assert_eq!((statuses(&user).await?, statuses(&newest).await?), (vec![200; 4], vec![200; 4]));
    fs::write(keys.jwks(), good)?;

    // Its tokens live for days: it goes by force only, and then at once.
    assert!(keys.command(&["retire", &first]).await?.is_none());
    assert!(keys.command(&["retire", &second, "--force"]).await?.is_none(), "the key that signs is gone");
    assert_eq!(statuses(&user).await?, [200; 4]);
    let mut newest_socket = newest.socket().await?;
    keys.command(&["retire", &first, "--force"]).await?.context("retire")?;
    eventually("the end of the old key's tokens", Duration::from_secs(2), async || {
        let answers = statuses(&user).await?;
        ensure!(answers == [401; 4], "{answers:?}");
        Ok(())
    })
    .await?;
    assert_eq!(statuses(&newest).await?, [200; 4]);
    // What was opened with the old key is closed, and nothing else.
    let frame = timeout(Duration::from_secs(3), socket.next()).await.context("the connection is still open")??;
    ensure!(frame.kind == "authFailed", "{}", frame.raw);
    newest_socket.send("ping", json!({})).await?;
    assert_eq!(newest_socket.next().await?.kind, "pong");
    let listed = keys.command(&["list"]).await?.context("list")?;
    assert!(listed.starts_with(&format!("{second}  active")) && !listed.contains(&first), "{listed}");
    Ok(())
}
