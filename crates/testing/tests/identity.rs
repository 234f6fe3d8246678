//! Sign-in as both families know it: `sora_ui` (a 7-day token) and `sora2` (a short one, and a refresh cookie).

use anyhow::{Context, Result};
use serde_json::{Value, json};
use zoetrope_testing::{Platform, User};

#[tokio::test(flavor = "multi_thread")]
async fn one_body_serves_both_families() -> Result<()> {
    let platform = Platform::start().await?;
    let nobody = platform.nobody();
    let account = json!({ "username": "Ann", "email": "ann@example.com", "password": User::PASSWORD });
    let registered = nobody.post("/api/auth/register", account).await?;
    assert_eq!(registered.status, 201, "{}", registered.body);
    let body = &registered.body;
    assert_eq!((body["success"].as_bool(), body["status"].as_str()), (Some(true), Some("success")));
    for user in [&body["user"], &body["data"]["user"]] {
        assert_eq!(
            (&user["username"], &user["email"], &user["role"]),
            (&json!("Ann"), &json!("ann@example.com"), &json!("USER"))
        );
    }
    assert_eq!(body["data"]["username"], "Ann");
    assert_eq!(body["data"]["id"], body["user"]["id"]);

    for who in [json!({ "username": "ann" }), json!({ "email": "ANN@example.com" })] {
        let mut login = who;
        login["password"] = json!(User::PASSWORD);
        let answer = nobody.post("/api/auth/login", login).await?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        for token in [&answer.body["accessToken"], &answer.body["data"]["token"]] {
            let user = nobody.with_token(token.as_str().context("token")?);
            user.get("/api/video/tasks").await?.ok()?;
            let me = user.get("/api/auth/me").await?.ok()?;
            assert_eq!(
                (me["data"]["status"].as_str(), me["data"]["user"]["username"].as_str()),
                (Some("authenticated"), Some("Ann"))
            );
        }
        let verified = nobody.post("/api/auth/verify", json!({ "token": answer.body["data"]["token"] })).await?.ok()?;
        assert_eq!(verified["data"]["userId"], body["user"]["id"]);
        let cookie = answer
            .headers
            .get_all("set-cookie")
            .iter()
            .find_map(|value| value.to_str().ok().filter(|text| text.starts_with("refreshToken=")));
        let cookie = cookie.context("no refresh cookie")?;
        for attribute in ["HttpOnly", "Path=/api/auth", "SameSite=Strict"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
    }
    for taken in [json!({ "username": "ANN" }), json!({ "username": "other", "email": "Ann@Example.com" })] {
        let mut account = taken;
        account["password"] = json!(User::PASSWORD);
        let answer = nobody.post("/api/auth/register", account).await?;
        assert_eq!((answer.status, answer.body["code"].as_str()), (409, Some("CONFLICT")), "{}", answer.body);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_unauthenticated_but_a_bad_token_is_refused() -> Result<()> {
    let platform = Platform::start().await?;
    let nobody = platform.nobody();
    let me = nobody.get("/api/auth/me").await?.ok()?;
    assert_eq!((&me["data"]["status"], &me["data"]["user"]), (&json!("unauthenticated"), &Value::Null));
    assert_eq!(nobody.with_token("nonsense").get("/api/auth/me").await?.status, 401);
    let keys = nobody.get("/.well-known/jwks.json").await?;
    assert_eq!((keys.status, &keys.body["keys"][0]["crv"]), (200, &json!("Ed25519")));
    assert!(keys.body["keys"][0]["d"].is_null(), "a private key is public");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_good_once() -> Result<()> {
    let platform =
        Platform::builder().setting(zoetrope_testing::Service::Auth, "sessions.reuse_grace_seconds", 0).start().await?;
    let user = platform.user().await?;
    let login = user.post("/api/auth/login", json!({ "username": user.name(), "password": User::PASSWORD })).await?;
    let first = login.cookie("refreshToken").context("refresh cookie")?;

    let refreshed = user.post_with_cookie("/api/auth/refresh-token", "refreshToken", &first).await?;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    let token = refreshed.body["accessToken"].as_str().context("accessToken")?.to_owned();
    let second = refreshed.cookie("refreshToken").context("rotated cookie")?;
    assert_ne!(first, second);
    user.with_token(&token).get("/api/video/tasks").await?.ok()?;

    // The used one comes back: somebody has a copy, so the whole session ends.
    assert_eq!(user.post_with_cookie("/api/auth/refresh-token", "refreshToken", &first).await?.status, 401);
    assert_eq!(user.post_with_cookie("/api/auth/refresh-token", "refreshToken", &second).await?.status, 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_ends_the_session_everywhere() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    user.get("/api/video/tasks").await?.ok()?;
    let out = user.post("/api/auth/logout", Value::Null).await?;
    assert_eq!(out.status, 200, "{}", out.body);
    zoetrope_testing::eventually("the end of the session at task-api", std::time::Duration::from_secs(5), async || {
        let answer = user.get("/api/video/tasks").await?;
        anyhow::ensure!(answer.status == 401, "{}", answer.status);
        Ok(())
    })
    .await?;
    assert_eq!(platform.nobody().post("/api/auth/logout", Value::Null).await?.status, 200);
    Ok(())
}
