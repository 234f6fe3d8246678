//! Sessions: seen, ended one by one or all at once, and refused everywhere within two seconds, whichever server is away.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};
use zoetrope_testing::{Platform, Server, Servers, Service, Socket, User, binary, eventually};

/// How soon an end is known everywhere.
const SOON: Duration = Duration::from_secs(2);

/// A route of each service behind the gateway.
const ROUTES: [&str; 3] = ["/api/auth/me", "/api/video/tasks", "/api/webhooks"];

async fn sign_in(user: &User, device: &str) -> Result<User> {
    let login = json!({ "username": user.name(), "password": User::PASSWORD });
    let body = user.post_with_header("/api/auth/login", &login, "User-Agent", device).await?.ok()?;
    Ok(user.with_token(body["data"]["token"].as_str().context("token")?))
}

async fn sessions(user: &User) -> Result<Vec<Value>> {
    let body = user.get("/api/auth/sessions").await?.ok()?;
    Ok(body["data"]["sessions"].as_array().context("sessions")?.clone())
}

/// The id of the session that asks.
async fn own_session(user: &User) -> Result<String> {
    let all = sessions(user).await?;
    let own = all.iter().find(|session| session["current"] == true).context("no current session")?;
    Ok(own["id"].as_str().context("id")?.to_owned())
}

async fn let_in(user: &User) -> Result<()> {
    for route in ROUTES {
        user.get(route).await?.ok().context(route)?;
    }
    Ok(())
}

async fn refused_soon(user: &User) -> Result<()> {
    eventually("the end of the session everywhere", SOON, async || {
        for route in ROUTES {
            let answer = user.get(route).await?;
            ensure!(answer.status == 401, "{route}: {}", answer.status);
        }
        Ok(())
    })
    .await
}

async fn closed_soon(socket: &mut Socket) -> Result<()> {
    let frame = timeout(SOON, socket.next()).await.context("the connection is still open")??;
    ensure!(frame.kind == "authFailed", "{}", frame.raw);
    ensure!(socket.next().await.is_err(), "the connection goes on");
    Ok(())
}

/// Runs a command of `auth` with the settings of the platform.
async fn auth(platform: &Platform, words: &[&str], input: &str) -> Result<(bool, String)> {
    let mut child = Command::new(binary("auth")?)
        .args(words)
        .arg("--config")
        .arg(platform.settings(Service::Auth)?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("stdin")?.write_all(input.as_bytes()).await?;
    let output = child.wait_with_output().await?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8(said)?))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_and_ends_ones_sessions() -> Result<()> {
    let platform = Platform::builder().setting(Service::TaskApi, "credits.signup_grant", 1_000).start().await?;
    let (user, stranger) = (platform.user().await?, platform.user().await?);
    let phone = sign_in(&user, "a phone").await?;

    let seen = sessions(&user).await?;
    assert_eq!(seen.len(), 2);
    assert_eq!((&seen[0]["device"], &seen[0]["address"]), (&json!("a phone"), &json!("127.0.0.1")));
    assert_eq!((&seen[0]["current"], &seen[1]["current"]), (&json!(false), &json!(true)));
    assert_eq!(seen[0]["lastUsedAt"], seen[0]["createdAt"], "nobody has used it");

    let_in(&phone).await?;
    let mut socket = phone.socket().await?;
    let video_id = phone.create("followed from the phone [sim:duration=60]").await?;
    let mut events = phone.events(&format!("/api/v1/videos/{video_id}/events"), None).await?;
    let mut stream = phone.post_for_events("/api/videos/generate-stream", &json!({ "prompt": "also [sim:duration=60]" })).await?;
    stream.until("start").await?;
    eventually("the last use of the phone", Duration::from_secs(20), async || {
        let seen = sessions(&user).await?;
        ensure!(seen[0]["lastUsedAt"].as_str() > seen[0]["createdAt"].as_str(), "{}", seen[0]);
        Ok(())
    })
    .await?;

    let path = format!("/api/auth/sessions/{}", own_session(&phone).await?);
    assert_eq!(stranger.delete(&path).await?.status, 404);
    let_in(&phone).await?;
    user.delete(&path).await?.ok()?;
    let ends = async {
        timeout(SOON, events.rest()).await.context("the stream of events goes on")?.ok();
        timeout(SOON, stream.rest()).await.context("the stream of the task goes on")?.ok();
        anyhow::Ok(())
    };
    let (refused, closed, ended) = tokio::join!(refused_soon(&phone), closed_soon(&mut socket), ends);
    refused?;
    closed?;
    ended?;
    assert_eq!(user.delete(&path).await?.status, 404, "it ended twice");
    assert_eq!(user.delete("/api/auth/sessions/nonsense").await?.status, 404);
    let_in(&user).await?;

    let tablet = sign_in(&user, "a tablet").await?;
    let others = user.delete("/api/auth/sessions?keepCurrent=true").await?.ok()?;
    assert_eq!(others["data"]["ended"], 1);
    refused_soon(&tablet).await?;
    let_in(&user).await?;
    let mut socket = user.socket().await?;
    user.delete("/api/auth/sessions").await?.ok()?;
    let (refused, closed) = tokio::join!(refused_soon(&user), closed_soon(&mut socket));
    refused?;
    closed?;
    let_in(&stranger).await
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_refreshes_are_innocent_and_a_late_one_is_not() -> Result<()> {
    let mut platform = Platform::builder().setting(Service::Auth, "sessions.reuse_grace_seconds", 3).start().await?;
    let user = platform.user().await?;
    let login = json!({ "username": user.name(), "password": User::PASSWORD });
    let login = user.post("/api/auth/login", login).await?;
    let first = login.cookie("refreshToken").context("refresh cookie")?;

    let refresh = async |token: &str| user.post_with_cookie("/api/auth/refresh-token", "refreshToken", token).await;
    let answers = try_join_all((0..8).map(|_| refresh(&first))).await?;
    let mut renewed = Vec::new();
    for answer in answers {
        let next = answer.cookie("refreshToken").context("rotated cookie")?;
        let token = answer.ok()?["accessToken"].as_str().context("accessToken")?.to_owned();
        let_in(&user.with_token(&token)).await?;
        renewed.push((user.with_token(&token), next));
    }
    // Each of them goes on by itself.
    assert_eq!(refresh(&renewed[0].1).await?.status, 200);
    assert_eq!(refresh(&renewed[1].1).await?.status, 200);

    eventually("the end of the grace", Duration::from_secs(10), async || {
        let answer = refresh(&first).await?;
        ensure!(answer.status == 401, "{}", answer.status);
        Ok(())
    })
    .await?;
    for (user, next) in &renewed {
        assert_eq!(refresh(next).await?.status, 401);
        refused_soon(user).await?;
    }
    let log = std::fs::read_to_string(platform.process(Service::Auth, 0)?.log())?;
    assert!(log.contains("a used refresh token was presented"));
    assert!(!log.contains(&first) && !log.contains(renewed[0].0.token()), "a token is in the log");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_suspended_is_out_until_reinstated() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    let key = user.post("/api/keys", json!({ "name": "ci" })).await?.ok()?;
    let program = user.with_token(key["data"]["key"].as_str().context("key")?);
    let_in(&user).await?;
    let_in(&program).await?;
    let (mut socket, mut listening) = (user.socket().await?, program.socket().await?);

    let (done, said) = auth(&platform, &["suspend", user.name()], "").await?;
    assert!(done && said.contains("1 sessions and 1 API keys have ended"), "{said}");
    let (first, second) = tokio::join!(refused_soon(&user), refused_soon(&program));
    first?;
    second?;
    closed_soon(&mut socket).await?;
    closed_soon(&mut listening).await?;
    let login = json!({ "username": user.name(), "password": User::PASSWORD });
    let refused = user.post("/api/auth/login", login).await?;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!("FORBIDDEN")));
    let wrong = json!({ "username": user.name(), "password": "not the password" });
    assert_eq!(user.post("/api/auth/login", wrong).await?.status, 401, "a guess learns nothing of the state");

    let (done, said) = auth(&platform, &["reinstate", user.name()], "").await?;
    assert!(done, "{said}");
    let_in(&sign_in(&user, "again").await?).await?;
    refused_soon(&program).await?;
    let (done, said) = auth(&platform, &["suspend", "nobody-of-this-name"], "").await?;
    assert!(!done && said.contains("there is no such user"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator_comes_from_the_command_line() -> Result<()> {
    let platform = Platform::start().await?;
    let words = ["create-admin", "--username", "root", "--email", "root@example.com"];
    let (done, said) = auth(&platform, &words, "short\n").await?;
    assert!(!done && said.contains("password must have at least 6 characters"), "{said}");
    let (done, said) = auth(&platform, &words, "a password for root\n").await?;
    assert!(done && said.contains("root") && !said.contains("a password for root"), "{said}");
    let (done, said) = auth(&platform, &words, "a password for root\n").await?;
    assert!(!done && said.contains("username is taken"), "{said}");

    let nobody = platform.nobody();
    let login = json!({ "username": "root", "password": "a password for root" });
    let body = nobody.post("/api/auth/login", login).await?.ok()?;
    let token = body["data"]["token"].as_str().context("token")?;
    let root = nobody.with_token(token);
    assert_eq!(body["user"]["role"], "ADMIN");
    let verified = nobody.post("/api/auth/verify", json!({ "token": token })).await?.ok()?;
    assert_eq!(verified["data"]["role"], "ADMIN");
    let_in(&root).await?;
    eventually("the credits of the administrator", Duration::from_secs(20), async || {
        ensure!(root.balance().await? > 0);
        Ok(())
    })
    .await
}

/// What happens then is documented in the README, under "When a server is away".
#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_known_everywhere_whichever_server_is_away() -> Result<()> {
    let servers = Servers::faults()?;
    for server in Server::ALL {
        servers.start(server).await?;
    }
    let mut platform = Platform::builder().servers(servers.clone()).start().await?;
    let user = platform.user().await?;
    let key = |body: Value| body["data"]["key"].as_str().map(|text| user.with_token(text)).context("key");
    let mut known = Vec::new();
    for name in ["kept", "revoked"] {
        let body = user.post("/api/keys", json!({ "name": name })).await?.ok()?;
        let id = body["data"]["id"].as_str().context("id")?.to_owned();
        known.push((key(body)?, id));
    }
    for (program, _) in &known {
        // Until Redis is filled for the first time, nobody can tell a good key from others.
        eventually("the first use of a key", Duration::from_secs(10), async || let_in(program).await).await?;
    }
    let (phone, tablet) = (sign_in(&user, "a phone").await?, sign_in(&user, "a tablet").await?);
    let (mut phone_socket, mut tablet_socket) = (phone.socket().await?, tablet.socket().await?);
    let mut program_socket = known[1].0.socket().await?;
    let (phone_id, tablet_id) = (own_session(&phone).await?, own_session(&tablet).await?);

    // By the bus. Keys that were used lately go on, and one that nobody knows cannot be judged.
    servers.stop(Server::Redis).await?;
    user.delete(&format!("/api/auth/sessions/{phone_id}")).await?.ok()?;
    user.delete(&format!("/api/keys/{}", known[1].1)).await?.ok()?;
    refused_soon(&phone).await?;
    refused_soon(&known[1].0).await?;
    closed_soon(&mut phone_socket).await?;
    closed_soon(&mut program_socket).await?;
    let_in(&user).await?;
    let_in(&known[0].0).await?;
    let new = key(user.post("/api/keys", json!({ "name": "new" })).await?.ok()?)?;
    for route in ROUTES {
        let answer = new.get(route).await?;
        assert_eq!((answer.status, &answer.body["code"]), (503, &json!("UNAVAILABLE")), "{route}");
        assert!(answer.headers.contains_key("retry-after"), "{route}");
    }
    servers.start(Server::Redis).await?;
    eventually("the new key", Duration::from_secs(20), async || let_in(&new).await).await?;
    refused_soon(&phone).await?;

    // Redis comes back empty, and a replica that has heard nothing asks it.
    let emptied = Command::new("redis-cli").args(["-u", servers.redis.as_str(), "flushall"]).output().await?;
    ensure!(emptied.status.success(), "{}", String::from_utf8_lossy(&emptied.stderr));
    platform.crash(Service::TaskApi, 0).await?;
    eventually("a Redis that is filled again", Duration::from_secs(20), async || {
        let_in(&new).await?;
        for out in [&phone, &known[1].0] {
            let seen = out.get("/api/video/tasks").await?.status;
            ensure!(seen == 401, "{seen}");
        }
        Ok(())
    })
    .await?;

    // By the list in Redis.
    servers.stop(Server::RabbitMq).await?;
    user.delete(&format!("/api/auth/sessions/{tablet_id}")).await?.ok()?;
    let (refused, closed) = tokio::join!(refused_soon(&tablet), closed_soon(&mut tablet_socket));
    refused?;
    closed?;
    servers.start(Server::RabbitMq).await
}
