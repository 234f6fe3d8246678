//! Sign-in with Google and WeChat, and what else the families `ads` and `photo` do to be and to stay signed in.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};
use zoetrope_testing::{Answer, Platform, Service, User, binary, eventually};

/// What is said of an address that an administrator has not confirmed.
const GUARDED: &str = "this is the address of an administrator, who has not confirmed it";
/// How soon an end is known everywhere.
const SOON: Duration = Duration::from_secs(2);

/// As the front-end does when Google sends the user back.
async fn google(platform: &Platform, code: &str) -> Result<Answer> {
    let redirect_uri = format!("{}/auth/callback", platform.gateway_url());
    platform.nobody().post("/api/v1/auth/google", json!({ "code": code, "redirect_uri": redirect_uri })).await
}

/// Somebody who has signed in with Google.
async fn by_google(platform: &Platform, code: &str) -> Result<User> {
    let tokens = google(platform, code).await?.ok()?;
    Ok(platform.nobody().with_token(tokens["access_token"].as_str().context("access_token")?))
}

async fn me(user: &User) -> Result<Value> {
    user.get("/api/v1/auth/me").await?.ok()
}

async fn refused_soon(user: &User) -> Result<()> {
    eventually("the end of the session everywhere", SOON, async || {
        for route in ["/api/v1/auth/me", "/api/video/tasks"] {
            ensure!(user.get(route).await?.status == 401, "{route}");
        }
        Ok(())
    })
    .await
}

fn seconds(answer: &Answer) -> Result<u64> {
    Ok(answer.headers.get("retry-after").context("no Retry-After")?.to_str()?.parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_from_google_is_known_again() -> Result<()> {
    let platform = Platform::builder().setting(Service::Auth, "sessions.reuse_grace_seconds", 0).start().await?;
    let nobody = platform.nobody();
    let tokens = google(&platform, "ann@example.com 1 [sim:name=Ann Lee]").await?.ok()?;
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("bearer"), &json!(900)));
    let ann = nobody.with_token(tokens["access_token"].as_str().context("access_token")?);
    ann.get("/api/video/tasks").await?.ok()?;
    let known = me(&ann).await?;
    assert_eq!((&known["email"], &known["name"]), (&json!("ann@example.com"), &json!("Ann Lee")));
    assert!(known["id"].is_i64(), "{known}");
    assert_eq!(me(&by_google(&platform, "ann@example.com 2").await?).await?, known);

    // A verified address leads to its user, whichever account of Google it belongs to; one that is not verified leads nowhere.
    assert_eq!(me(&by_google(&platform, "Ann@example.com 3 [sim:subject=7]").await?).await?["id"], known["id"]);
    let stranger = me(&by_google(&platform, "ann@example.com 4 [sim:subject=8][sim:unverified]").await?).await?;
    assert_ne!(stranger["id"], known["id"]);
    assert_eq!(stranger["email"], "");

    // Whoever has only claimed an address loses the account to who shows to have it.
    let claimed = platform.user_with_email("bo@example.com", "en").await?;
    let account = me(&claimed).await?;
    let unverified = me(&by_google(&platform, "bo@example.com 1 [sim:unverified]").await?).await?;
    assert_ne!(unverified["id"], account["id"]);
    let bo = by_google(&platform, "bo@example.com 2 [sim:subject=9]").await?;
    assert_eq!(me(&bo).await?["id"], account["id"]);
    refused_soon(&claimed).await?;
    let login = json!({ "username": claimed.name(), "password": User::PASSWORD });
    assert_eq!(nobody.post("/api/auth/login", login).await?.status, 401);

    let refresh = async |token: &Value| nobody.post("/api/v1/auth/refresh", json!({ "refresh_token": token })).await;
    let next = refresh(&tokens["refresh_token"]).await?.ok()?;
    let renewed = nobody.with_token(next["access_token"].as_str().context("access_token")?);
    assert_eq!(me(&renewed).await?, known);
    assert_eq!((&next["token_type"], next["expires_in"].as_u64()), (&json!("bearer"), Some(900)));
    assert_eq!(bo.post("/api/v1/auth/logout", Value::Null).await?.status, 204);
    refused_soon(&bo).await?;
    assert_eq!(me(&renewed).await?, known, "another's session ended");
    // The used one comes back: its session ends.
    assert_eq!(refresh(&tokens["refresh_token"]).await?.status, 401);
    assert_eq!(refresh(&next["refresh_token"]).await?.status, 401);
    refused_soon(&renewed).await?;
    for bad in [json!({}), json!({ "refresh_token": "noise" })] {
        assert_eq!(nobody.post("/api/v1/auth/refresh", bad).await?.status, 401);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_google_says_must_be_right() -> Result<()> {
    let mut platform = Platform::builder().setting(Service::Auth, "google.timeout_seconds", 3).start().await?;
    let simulation = platform.simulation();
    simulation.direct("[sim:google_discovery=503 times=always]").await?;
    for number in 0..6 {
        let away = google(&platform, &format!("ann@example.com away {number}")).await?;
        assert_eq!((away.status, away.body["code"].as_str()), (503, Some("UNAVAILABLE")), "{}", away.body);
        assert!(seconds(&away)? > 0);
    }
    assert!(simulation.totals().await?.google_discoveries < 6, "Google is asked again and again");
    simulation.direct("").await?;
    eventually("a sign-in when Google is back", Duration::from_secs(20), async || {
        google(&platform, "ann@example.com back").await?.ok()
    })
    .await?;

    for fault in ["bad-signature", "wrong-audience", "wrong-issuer", "expired", "unsigned", "missing"] {
        let answer = google(&platform, &format!("ann@example.com [sim:id_token={fault}]")).await?;
        assert_eq!((answer.status, answer.body["code"].as_str()), (401, Some("UNAUTHORIZED")), "{fault}: {}", answer.body);
    }
    for code in ["nonsense", "ann@example.com back", "ann@example.com 1 [sim:redirect_uri=https://elsewhere.example/]"] {
        assert_eq!(google(&platform, code).await?.status, 401, "{code}");
    }
    // Without its scheme, the issuer is Google's still; what nobody needs may be of any type.
    for (number, fault) in ["bare-issuer", "odd-types"].into_iter().enumerate() {
        let known = me(&by_google(&platform, &format!("cy@example.com {number} [sim:id_token={fault}]")).await?).await?;
        assert_eq!(known["email"], "cy@example.com", "{fault}");
    }
    // What Google says is checked before it is stored; what will never succeed is not to be tried again.
    for (number, code) in [
        "dy@example.com [sim:id_token=no-subject]".to_owned(),
        "dy@example.com [sim:subject=a\0b]".to_owned(),
        format!("dy@example.com [sim:subject={}]", "1".repeat(300)),
    ]
    .iter()
    .enumerate()
    {
        let answer = google(&platform, &format!("{code} {number}")).await?;
        assert_eq!((answer.status, answer.body["code"].as_str()), (401, Some("UNAUTHORIZED")), "{code:?}: {}", answer.body);
    }
    let long = "n".repeat(3_000);
    for (number, (email, name, shown)) in [
        ("d\0y@example.com", "D\0y\u{202E} Lee", Some("Dy Lee")),
        ("<dz@example.com>", long.as_str(), None),
        ("dw@example.com\u{200B}", "<b>\u{430}dmin", None),
    ]
    .into_iter()
    .enumerate()
    {
        let known =
            me(&by_google(&platform, &format!("{email} {number} [sim:name={name}][sim:subject=odd-{number}]")).await?).await?;
        let text = known.to_string();
        assert!(!text.contains('\0') && !text.contains('\u{202E}') && !text.contains('\u{200B}') && text.len() < 1_000, "{text}");
        assert!(shown.is_none_or(|shown| known["name"] == shown), "{text}");
    }
    let with_nonce = async |code: &str| {
        let body = json!({ "code": code, "nonce": "n1" });
        Ok::<_, anyhow::Error>(platform.nobody().post("/api/v1/auth/google", body).await?.status)
    };
    assert_eq!(with_nonce("ann@example.com 2 [sim:nonce=n1]").await?, 200);
    assert_eq!(with_nonce("ann@example.com 3 [sim:nonce=n2]").await?, 401);
    assert_eq!(with_nonce("ann@example.com 4").await?, 401);
    let strange = json!({ "code": "ann@example.com 5", "redirect_uri": "https://elsewhere.example/" });
    for (body, field) in [(strange, "redirect_uri"), (json!({}), "code")] {
        let answer = platform.nobody().post("/api/v1/auth/google", body).await?;
        assert_eq!((answer.status, answer.body["errors"][0]["field"].as_str()), (400, Some(field)), "{}", answer.body);
    }

    for fault in ["google_token=500", "google_token=garbage", "google_token=malformed", "google_token=cut", "slow=20"] {
        let answer = google(&platform, &format!("ann@example.com [sim:{fault}]")).await?;
        assert_eq!(answer.status, 503, "{fault}: {}", answer.body);
    }
    let busy = google(&platform, "ann@example.com [sim:google_token=429 retry_after=7]").await?;
    assert_eq!((busy.status, seconds(&busy)?), (503, 7));

    // Keys are kept, and looked up when there is a new one; but not for each token that names one which never was.
    let keys = async || Ok::<_, anyhow::Error>(simulation.totals().await?.google_keys);
    let before = keys().await?;
    by_google(&platform, "ann@example.com 6").await?;
    assert_eq!(keys().await?, before);
    simulation.rotate_google_keys().await?;
    eventually("a sign-in with the new key", Duration::from_secs(10), async || {
        by_google(&platform, &format!("ann@example.com {}", uuid::Uuid::new_v4())).await
    })
    .await?;
    assert_eq!(keys().await?, before + 1);
    for number in 0..6 {
        let forged = google(&platform, &format!("ann@example.com {number} [sim:id_token=unknown-key]")).await?;
        assert_eq!(forged.status, 401, "{}", forged.body);
    }
    assert!(keys().await? < before + 6, "each unknown key is looked up");

    let log = std::fs::read_to_string(platform.process(Service::Auth, 0)?.log())?;
    for secret in ["google-secret", "[sim:", "ann@example.com", "ya29."] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn mini_programs_and_administrators_sign_in_while_redis_is_away() -> Result<()> {
    let mut platform = Platform::builder()
        .setting(Service::Auth, "redis.url", "redis://127.0.0.1:1/0")
        .setting(Service::Auth, "email_confirmation.gateway_url", "https://api.example")
        .start()
        .await?;
    let nobody = platform.nobody();
    let login = async |code: &str| {
        let body = json!({ "code": code, "userInfo": { "nickname": "小明", "avatar_url": "" } });
        nobody.post("/api/auth/wechat/login", body).await
    };
    let first = login("o-ann 1").await?.ok()?;
    let user = &first["data"]["user"];
    assert_eq!((&user["is_new_user"], &user["role"], &user["nickname"]), (&json!(true), &json!("user"), &json!("小明")));
    let again = login("o-ann 2 [sim:unionid=u-ann]").await?.ok()?;
    assert_eq!((&again["data"]["user"]["user_id"], &again["data"]["user"]["is_new_user"]), (&user["user_id"], &json!(false)));
    let elsewhere = login("o-other 1 [sim:unionid=u-ann]").await?.ok()?;
    assert_eq!(elsewhere["data"]["user"]["user_id"], user["user_id"], "one person in two programs is two users");
    assert_ne!(login("o-bo 1").await?.ok()?["data"]["user"]["user_id"], user["user_id"]);

    for (code, status) in [
        ("o-ann 1", 401),
        ("o-ann [sim:errcode=40029]", 401),
        ("o-ann [sim:errcode=40226]", 403),
        ("o-ann [sim:errcode=45011]", 429),
        ("o-ann [sim:errcode=-1]", 503),
        ("o-ann [sim:errcode=40013]", 500),
        ("o-ann [sim:wechat=502]", 503),
        ("o-ann [sim:wechat=garbage]", 503),
        ("o-ann [sim:wechat=cut]", 503),
        ("o-a\0nn 3", 401),
        ("o-änn 3", 401),
        ("o-ann 3 [sim:unionid=u\0]", 401),
        (&format!("{} 3", "o".repeat(300)), 401),
        ("", 400),
    ] {
        let answer = login(code).await?;
        assert_eq!(answer.status, status, "{code}: {}", answer.body);
        assert_eq!(seconds(&answer).is_ok(), matches!(status, 429 | 503), "{code}");
    }

    // A session token is renewed by itself, an access token is not; what was renewed ends with the session.
    let token = |body: &Value| Ok::<_, anyhow::Error>(nobody.with_token(body["data"]["token"].as_str().context("token")?));
    let ann = token(&first)?;
    let renewed = token(&ann.post("/api/auth/refresh", Value::Null).await?.ok()?)?;
    let twice = token(&renewed.post("/api/auth/refresh", json!({})).await?.ok()?)?;
    for good in [&ann, &renewed, &twice] {
        me(good).await?;
    }
    let tokens = google(&platform, "cy@example.com 1").await?.ok()?;
    let cy = nobody.with_token(tokens["access_token"].as_str().context("access_token")?);
    assert_eq!(cy.post("/api/auth/refresh", Value::Null).await?.status, 401);
    let body = json!({ "refresh_token": tokens["refresh_token"] });
    let exchanged = nobody.post("/api/auth/refresh", body).await?.ok()?;
    assert!(exchanged["data"]["refresh_token"].is_string());
    me(&token(&exchanged)?).await?;
    ann.post("/api/auth/logout", Value::Null).await?.ok()?;
    for ended in [&ann, &renewed, &twice] {
        refused_soon(ended).await?;
        assert_eq!(ended.post("/api/auth/refresh", Value::Null).await?.status, 401);
    }

    let mut child = Command::new(binary("auth")?)
        .args(["create-admin", "--username", "root", "--email", "root@example.com", "--config"])
        .arg(platform.settings(Service::Auth)?)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    child.stdin.take().context("stdin")?.write_all(User::PASSWORD.as_bytes()).await?;
    ensure!(child.wait().await?.success());
    let somebody = platform.user().await?;
    let admin = async |username: &str, password: &str| {
        nobody.post("/api/auth/admin/login", json!({ "username": username, "password": password })).await
    };
    assert_eq!(admin(somebody.name(), User::PASSWORD).await?.status, 403);
    assert_eq!(admin("root", "another password").await?.status, 401);
    let root = admin("root", User::PASSWORD).await?.ok()?;
    assert_eq!((&root["data"]["admin"]["username"], &root["data"]["admin"]["role"]), (&json!("root"), &json!("admin")));
    let root = me(&token(&root)?).await?;

    // Who has the mailbox that an administrator named comes in when it is confirmed, and not before.
    let refused = google(&platform, "root@example.com 1").await?;
    assert_eq!((refused.status, &refused.body["message"]), (403, &json!(GUARDED)));
    nobody.post("/api/auth/forgot-password", json!({ "email": "root@example.com" })).await?.ok()?;
    let database = platform.database().await?;
    let count =
        async |rows: &str| -> Result<i64> { Ok(database.query_one(&format!("SELECT count(*) FROM {rows}"), &[]).await?.get(0)) };
    eventually("an answer to the request, and the mail that asks to confirm", Duration::from_secs(20), async || {
        ensure!(count("auth.reset_requests").await? == 0);
        ensure!(count("notifier.mails WHERE template = 'address_confirmation'").await? == 1);
        Ok(())
    })
    .await?;
    assert_eq!(count("auth.password_resets").await?, 0);
    admin("root", User::PASSWORD).await?.ok()?;
    database.batch_execute("UPDATE auth.users SET email_verified_at = now() WHERE username = 'root'").await?;
    assert_eq!(me(&by_google(&platform, "root@example.com 2").await?).await?["id"], root["id"]);

    let log = std::fs::read_to_string(platform.process(Service::Auth, 0)?.log())?;
    for secret in ["wechat-secret", "session_key", "[sim:", "o-ann", "root@example.com"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }

    // Where they are not set up there is neither.
    let path = platform.settings(Service::Auth)?.to_owned();
    let mut settings: toml::Table = std::fs::read_to_string(&path)?.parse()?;
    settings.retain(|name, _| !matches!(name, "google" | "wechat"));
    std::fs::write(&path, toml::to_string(&settings)?)?;
    platform.crash(Service::Auth, 0).await?;
    assert_eq!((google(&platform, "ann@example.com 9").await?.status, login("o-ann 9").await?.status), (404, 404));
    Ok(())
}
