//! What administrators see of what happened to an account.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};
use zoetrope_testing::{Platform, Service, User, binary, eventually};

/// An operator's command of `auth`.
async fn auth(platform: &Platform, words: &[&str], input: &str) -> Result<()> {
    let mut command = Command::new(binary("auth")?);
    command.args(words).arg("--config").arg(platform.settings(Service::Auth)?).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn()?;
    child.stdin.take().context("stdin")?.write_all(input.as_bytes()).await?;
    ensure!(child.wait().await?.success(), "{words:?}");
    Ok(())
}

async fn administrator(platform: &Platform) -> Result<User> {
    auth(platform, &["create-admin", "--username", "root"], "a password for root\n").await?;
    sign_in(&platform.nobody(), "root", "a password for root").await.map(|(root, _)| root)
}

/// The user, and the refresh token.
async fn sign_in(user: &User, name: &str, password: &str) -> Result<(User, String)> {
    let answer = user.post("/api/auth/login", json!({ "username": name, "password": password })).await?;
    let refresh_token = answer.cookie("refreshToken").context("cookie")?;
    let body = answer.ok()?;
    Ok((user.with_token(body["data"]["token"].as_str().context("token")?), refresh_token))
}

async fn id(user: &User) -> Result<String> {
    let me = user.get("/api/auth/me").await?.ok()?;
    Ok(me["data"]["user"]["id"].as_str().context("id")?.to_owned())
}

fn kinds(list: &Value) -> Vec<&str> {
    list["data"]["events"].as_array().into_iter().flatten().filter_map(|event| event["kind"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sees_what_happened_to_an_account() -> Result<()> {
    let platform = Platform::builder()
        .replicas(Service::Poller, 0)
        .setting(Service::Auth, "sessions.reuse_grace_seconds", 0)
        .start()
        .await?;
    let (user, root) = (platform.user_with_email("ann@example.com", "en").await?, administrator(&platform).await?);
    let path = format!("/api/admin/users/{}/security-events", id(&user).await?);

    for _ in 0..3 {
        let wrong = json!({ "username": user.name(), "password": "not the password" });
        assert_eq!(user.post("/api/auth/login", wrong).await?.status, 401);
    }
    let wrong = json!({ "email": "ann@example.com", "code": "0000" });
    assert_eq!(platform.nobody().post("/api/auth/verify-code", wrong).await?.status, 400);
    eventually("the failures", Duration::from_secs(10), async || {
        let list = root.get(&path).await?.ok()?;
        let events = list["data"]["events"].as_array().context("events")?;
        let counts = events.iter().filter(|event| event["kind"] == "sign_in_failed").filter_map(|event| event["count"].as_i64());
        // One row for an hour; the test may see two of them.
        ensure!(counts.sum::<i64>() == 4, "{events:?}");
        assert_eq!((&events[0]["kind"], &events[0]["address"]), (&json!("sign_in_failed"), &json!("127.0.0.1")));
        Ok(())
    })
    .await?;

    let key = user.post("/api/keys", json!({ "name": "build server" })).await?.ok()?;
    let key = key["data"]["id"].as_str().context("key")?;
    user.delete(&format!("/api/keys/{key}")).await?.ok()?;
    let change = json!({ "currentPassword": User::PASSWORD, "newPassword": "quite another password" });
    user.put("/api/users/password", change).await?.ok()?;
    let (_, stolen) = sign_in(&user, user.name(), "quite another password").await?;
    assert_eq!(user.post_with_cookie("/api/auth/refresh-token", "refreshToken", &stolen).await?.status, 200);
    assert_eq!(user.post_with_cookie("/api/auth/refresh-token", "refreshToken", &stolen).await?.status, 401);
    user.post("/api/auth/logout", Value::Null).await?.ok()?;
    auth(&platform, &["suspend", user.name()], "").await?;
    auth(&platform, &["reinstate", user.name()], "").await?;

    let list = root.get(&path).await?.ok()?;
    let all = [
        "reinstated",
        "suspended",
        "session_ended",
        "refresh_token_reused",
        "sign_in",
        "password_changed",
        "api_key_revoked",
        "api_key_created",
    ];
    assert_eq!(kinds(&list)[..all.len()], all, "{list}");
    let oldest = &kinds(&list)[kinds(&list).len() - 2..];
    assert!(oldest.contains(&"account_created") && oldest.contains(&"sign_in"), "{list}");
    let revoked = &list["data"]["events"][6];
    assert_eq!(revoked["subject"], format!("api_key:{key}"));

    let total = list["data"]["total"].as_u64().context("total")?;
    let page = root.get(&format!("{path}?page=2&pageSize=3")).await?.ok()?;
    assert_eq!((kinds(&page), &page["data"]["total"]), (all[3..6].to_vec(), &json!(total)));
    assert_eq!(root.get(&format!("{path}?page=0")).await?.status, 400);

    // Nobody else sees it, not even of the own account.
    let stranger = platform.user().await?;
    let own = format!("/api/admin/users/{}/security-events", id(&stranger).await?);
    for hidden in [&path, &own] {
        assert_eq!(stranger.get(hidden).await?.status, 403, "{hidden}");
    }
    let nobody = "/api/admin/users/00000000-0000-0000-0000-000000000000/security-events";
    assert_eq!(root.get(nobody).await?.status, 404);
    let of_root = root.get(&format!("/api/admin/users/{}/security-events", id(&root).await?)).await?.ok()?;
    let told = of_root["data"]["events"].as_array().context("events")?;
    assert!(told.iter().any(|event| event["kind"] == "role_changed" && event["subject"] == "role:ADMIN"), "{of_root}");

    // Somebody shows to receive the mail of the address that was only claimed.
    let redirect_uri = format!("{}/auth/callback", platform.gateway_url());
    let code = json!({ "code": "ann@example.com 1", "redirect_uri": redirect_uri });
    platform.nobody().post("/api/v1/auth/google", code).await?.ok()?;
    let list = root.get(&path).await?.ok()?;
    let mut newest = kinds(&list)[..3].to_vec();
    newest.sort_unstable();
    assert_eq!(newest, ["identity_linked", "sign_in", "taken_over"], "{list}");
    Ok(())
}
