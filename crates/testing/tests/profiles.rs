//! Profiles in both families' words, pictures, and who came lately.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use reqwest::{
    Client,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use zoetrope_contracts::tasks::v1::{BalancesChanged, balances_changed::Balance};
use zoetrope_testing::{Answer, MailSink, Platform, Received, Service, User, eventually};

const PROFILE: &str = "/api/users/profile";
const ADS: &str = "/api/v1/users/profile";
const PNG: &[u8] = include_bytes!("files/reference.png");
const PATIENCE: Duration = Duration::from_secs(20);

fn refused(answer: &Answer, status: u16, field: &str) {
    let fields: Vec<&Value> = answer.body["errors"].as_array().into_iter().flatten().map(|error| &error["field"]).collect();
    assert_eq!((answer.status, fields), (status, vec![&json!(field)]), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_changed_in_both_families_words() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user_with_email("ann@example.com", "en").await?;
    platform.user_with_email("taken@example.com", "en").await?;
    let database = platform.database().await?;

    let profile = user.get(PROFILE).await?.ok()?;
    for shown in [&profile, &profile["user"], &profile["data"]["user"]] {
        assert_eq!((&shown["email"], &shown["role"]), (&json!("ann@example.com"), &json!("USER")), "{profile}");
        assert_eq!((&shown["username"], &shown["nickname"]), (&json!(user.name()), &json!(user.name())));
        assert_eq!(shown["avatarUrl"], Value::Null);
    }
    assert_eq!((&profile["status"], &profile["data"]["user"]["status"]), (&json!("success"), &json!("active")));

    // As a form sends it, with what was not filled in.
    let picture = "https://pictures.example/ann.png";
    let form = json!({ "nickname": " Ann @ home ", "avatarUrl": picture, "bio": "two\nlines", "email": "", "username": null });
    let changed = user.put(PROFILE, form).await?.ok()?;
    let shown = &changed["data"]["user"];
    assert_eq!((&shown["nickname"], &shown["username"]), (&json!("Ann @ home"), &json!(user.name())));
    assert_eq!(
        (&shown["avatarUrl"], &shown["bio"], &shown["email"]),
        (&json!(picture), &json!("two\nlines"), &json!("ann@example.com"))
    );
    let me = user.get("/api/auth/me").await?.ok()?;
    assert_eq!((&me["data"]["user"]["nickname"], &me["data"]["user"]["avatarUrl"]), (&json!("Ann @ home"), &json!(picture)));

    let ads = user.get(ADS).await?.ok()?;
    assert_eq!(
        (&ads["name"], &ads["avatar_url"], &ads["email"]),
        (&json!("Ann @ home"), &json!(picture), &json!("ann@example.com"))
    );
    ensure!(ads["id"].is_i64() && ads["created_at"].is_string(), "{ads}");
    assert_eq!((&ads["subscription_plan"], &ads["subscription_end_date"]), (&json!("free"), &Value::Null));
    let patched = user.patch(ADS, json!({ "name": "Ann Lee", "avatar_url": null })).await?.ok()?;
    assert_eq!((&patched["name"], &patched["avatar_url"], &patched["id"]), (&json!("Ann Lee"), &json!(picture), &ads["id"]));

    for (body, field) in [
        (json!({ "nickname": "x".repeat(65) }), "nickname"),
        (json!({ "username": "a@b" }), "username"),
        (json!({ "email": "nobody" }), "email"),
        (json!({ "avatarUrl": "javascript:alert(1)" }), "avatarUrl"),
    ] {
        refused(&user.put(PROFILE, body).await?, 400, field);
    }
    refused(&user.patch(ADS, json!({ "avatar_url": "nowhere" })).await?, 400, "avatar_url");
    refused(&user.put(PROFILE, json!({ "email": "Taken@Example.com" })).await?, 409, "email");

    // Another name to sign in with, and another address: not verified, and known to who sends mail.
    database.batch_execute("UPDATE auth.users SET email_verified_at = now() WHERE email IS NOT NULL").await?;
    let key = user.post("/api/keys", json!({ "name": "server" })).await?.ok()?;
    let name = format!("{}-renamed", user.name());
    user.put(PROFILE, json!({ "username": name, "email": "Ann@Example.com" })).await?.ok()?;
    let verified = "SELECT count(*) FROM auth.users WHERE email_verified_at IS NOT NULL";
    assert_eq!(database.query_one(verified, &[]).await?.get::<_, i64>(0), 2, "the address is the same");
    user.put(PROFILE, json!({ "email": "lee@example.com" })).await?.ok()?;
    assert_eq!(database.query_one(verified, &[]).await?.get::<_, i64>(0), 1);
    let login = json!({ "username": name, "password": User::PASSWORD });
    platform.nobody().post("/api/auth/login", login).await?.ok()?;
    platform.nobody().with_token(key["data"]["key"].as_str().context("key")?).get("/api/video/tasks").await?.ok()?;
    eventually("the new address at the notifier", PATIENCE, async || {
        let row = database.query_opt("SELECT FROM notifier.contacts WHERE email = 'lee@example.com'", &[]).await?;
        row.context("not yet").map(|_| ())
    })
    .await?;

    // A session that is not of this hour must show the password before mail goes elsewhere.
    database.batch_execute("UPDATE auth.sessions SET created_at = created_at - interval '1 hour'").await?;
    let elsewhere = |password: &str| json!({ "email": "eve@example.com", "currentPassword": password });
    refused(&user.put(PROFILE, json!({ "email": "eve@example.com" })).await?, 400, "currentPassword");
    refused(&user.put(PROFILE, elsewhere("not the one")).await?, 400, "currentPassword");
    user.put(PROFILE, json!({ "email": "lee@example.com", "nickname": "Lee" })).await?.ok()?;
    user.put(PROFILE, elsewhere(User::PASSWORD)).await?.ok()?;
    Ok(())
}

/// The mail of this number, of those to this address under this subject.
async fn mail(sink: &MailSink, to: &str, subject: &str, number: usize) -> Result<Received> {
    eventually(&format!("mail {number} to {to}"), PATIENCE, async || {
        let mails: Vec<_> =
            sink.received().into_iter().filter(|mail| mail.to == [to] && mail.subject.contains(subject)).collect();
        ensure!(mails.len() == number, "{} came", mails.len());
        mails.into_iter().next_back().context("a mail")
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_counts_once_it_is_confirmed() -> Result<()> {
    const ASKED: &str = "about to be changed";
    let sink = MailSink::start().await?;
    let platform = Platform::builder()
        .replicas(Service::Poller, 0)
        .setting(Service::Notifier, "mail.transport", "smtp")
        .setting(Service::Notifier, "mail.host", "localhost")
        .setting(Service::Notifier, "mail.port", i64::from(sink.port()))
        .setting(Service::Notifier, "mail.tls", "none")
        .setting(Service::Auth, "email_confirmation.gateway_url", "https://api.example")
        .start()
        .await?;
    let database = platform.database().await?;
    let user = platform.user_with_email("ann@mailbox.example", "en").await?;
    let http = Client::new();
    let link = async |to: &str, number: usize| -> Result<String> {
        let mail = mail(&sink, to, "Confirm your address", number).await?;
        let (_, link) = mail.text.split_once("https://api.example").context("a link")?;
        Ok(format!("{}{}", platform.gateway_url(), link.split_whitespace().next().context("a link")?))
    };
    let open = async |link: &str| -> Result<(u16, String)> {
        let answer = http.post(link).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    };
    let ask = async |email: &str| user.put(PROFILE, json!({ "email": email })).await;
    // The address that counts, and the one that may.
    let shown = async || -> Result<(Value, Value)> {
        let profile = user.get(PROFILE).await?.ok()?;
        let ads = user.get(ADS).await?.ok()?;
        for view in [&profile, &profile["user"], &profile["data"]["user"]] {
            assert_eq!((&view["email"], &view["pendingEmail"]), (&ads["email"], &ads["pending_email"]), "{profile}");
        }
        ensure!(!ads["pending_email"].is_null() || ads.get("pending_email").is_none(), "{ads}");
        Ok((ads["email"].clone(), ads["pending_email"].clone()))
    };
    let sign_in = async |email: &str, password: &str| -> Result<u16> {
        Ok(platform.nobody().post("/api/auth/login", json!({ "email": email, "password": password })).await?.status)
    };
    let present = json!("ann@mailbox.example");

    // What was never shown to be the user's is changed at once.
    ask("nobody@mailbox.example").await?.ok()?;
    ask("ann@mailbox.example").await?.ok()?;
    assert_eq!(shown().await?, (present.clone(), Value::Null));
    assert_eq!(open(&link("ann@mailbox.example", 2).await?).await?.0, 200);

    // Who mistypes the address keeps the account from whoever has it.
    ask("bo@mailbox.example").await?.ok()?;
    assert_eq!(shown().await?, (present.clone(), json!("bo@mailbox.example")));
    mail(&sink, "ann@mailbox.example", ASKED, 1).await?;
    let redirect_uri = format!("{}/auth/callback", platform.gateway_url());
    let body = json!({ "code": "bo@mailbox.example 1", "redirect_uri": redirect_uri });
    platform.nobody().post("/api/v1/auth/google", body).await?.ok()?;
    assert_eq!(sign_in("ann@mailbox.example", User::PASSWORD).await?, 200);
    let (status, page) = open(&link("bo@mailbox.example", 1).await?).await?;
    ensure!(status == 409 && page.contains("Another account has this e-mail address"), "{status} {page}");
    assert_eq!(shown().await?.0, present);
    refused(&ask("Bo@mailbox.example").await?, 409, "email");

    // Another wish takes the place of the first; asking for what is there, another password, and the end of the sessions forget it.
    ask("cy@mailbox.example").await?.ok()?;
    ask("dan@mailbox.example").await?.ok()?;
    assert_eq!(open(&link("cy@mailbox.example", 1).await?).await?.0, 400);
    ask("ann@mailbox.example").await?.ok()?;
    assert_eq!(shown().await?, (present.clone(), Value::Null));
    assert_eq!(open(&link("dan@mailbox.example", 1).await?).await?.0, 400);
    ask("dan@mailbox.example").await?.ok()?;
    let password = "quite another password";
    let change = json!({ "currentPassword": User::PASSWORD, "newPassword": password });
    user.put("/api/users/password", change).await?.ok()?;
    assert_eq!(open(&link("dan@mailbox.example", 2).await?).await?.0, 400);

    ask("dan@mailbox.example").await?.ok()?;
    user.delete("/api/auth/sessions?keepCurrent=true").await?.ok()?;
    assert_eq!(shown().await?, (present.clone(), Value::Null));

    // With the link the address is another one, and what was mailed to the old one is void.
    ask("eve@mailbox.example").await?.ok()?;
    platform.nobody().post("/api/auth/forgot-password", json!({ "email": "ann@mailbox.example" })).await?.ok()?;
    let count = async |query: &str| -> Result<i64> { Ok(database.query_one(query, &[]).await?.get(0)) };
    let resets = "SELECT count(*) FROM auth.password_resets";
    let until_one = async |rows: &str| {
        eventually(rows, PATIENCE, async || {
            let found = count(rows).await?;
            ensure!(found == 1, "{found}");
            Ok(())
        })
        .await
    };
    until_one(resets).await?;
    let new = link("eve@mailbox.example", 1).await?;
    let contacts = "SELECT count(*) FROM notifier.contacts WHERE email = 'eve@mailbox.example'";
    assert_eq!(count(contacts).await?, 0);
    assert_eq!((open(&new).await?.0, open(&new).await?.0, count(resets).await?), (200, 200, 0));
    assert_eq!(shown().await?, (json!("eve@mailbox.example"), Value::Null));
    assert_eq!((sign_in("eve@mailbox.example", password).await?, sign_in("ann@mailbox.example", password).await?), (200, 401));
    mail(&sink, "ann@mailbox.example", "account was changed", 1).await?;
    until_one(contacts).await?;
    assert_eq!(count("SELECT count(*) FROM auth.security_events WHERE kind = 'email_change_asked'").await?, 6);
    assert_eq!(count("SELECT count(*) FROM auth.security_events WHERE kind = 'email_changed'").await?, 3);
    Ok(())
}

async fn fetch(url: &str, known: Option<&str>) -> Result<reqwest::Response> {
    let request = Client::new().get(url);
    Ok(match known {
        Some(etag) => request.header("If-None-Match", etag),
        None => request,
    }
    .send()
    .await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_made_small_shown_and_removed() -> Result<()> {
    let platform = Platform::builder().setting(Service::Auth, "deletion.erase_after_days", 0).start().await?;
    let user = platform.user_with_email("ann@example.com", "en").await?;
    let upload = async |part: Part| user.post_form("/api/users/avatar", Form::new().text("x", "y").part("avatar", part)).await;
    let first = upload(Part::bytes(PNG).file_name("what.exe")).await?.ok()?;
    let url = first["avatarUrl"].as_str().context("avatarUrl")?.to_owned();
    assert_eq!(first["data"]["avatarUrl"], json!(url));
    let shown = fetch(&url, None).await?.error_for_status()?;
    let header = |name: &str| shown.headers()[name].to_str().unwrap_or_default().to_owned();
    assert_eq!((header("content-type").as_str(), header("x-content-type-options").as_str()), ("image/webp", "nosniff"));
    assert!(header("cache-control").starts_with("public, max-age="), "{}", header("cache-control"));
    let etag = header("etag");
    assert_eq!(&shown.bytes().await?[8..12], b"WEBP");
    assert_eq!(fetch(&url, Some(&etag)).await?.status().as_u16(), 304);
    assert_eq!(Client::new().head(&url).send().await?.status().as_u16(), 200);
    let me = user.get("/api/auth/me").await?.ok()?;
    assert_eq!(me["data"]["user"]["avatarUrl"], json!(url));

    // A form that sends the address back changes nothing; another picture removes the file.
    user.put(PROFILE, json!({ "nickname": "Ann", "avatarUrl": url })).await?.ok()?;
    let base64 = {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(PNG)
    };
    let body = json!({ "avatarBase64": format!("data:image/png;base64,{base64}") });
    let second = user.post("/api/users/avatar", body).await?.ok()?;
    let second = second["avatarUrl"].as_str().context("avatarUrl")?.to_owned();
    assert_ne!(second, url);
    eventually("the end of the first picture", PATIENCE, async || {
        let status = fetch(&url, None).await?.status().as_u16();
        ensure!(status == 404, "{status}");
        Ok(())
    })
    .await?;

    refused(&upload(Part::bytes(&b"<svg/>"[..]).file_name("a.png")).await?, 415, "avatar");
    refused(&upload(Part::bytes(&PNG[..PNG.len() / 2])).await?, 400, "avatar");
    refused(&user.post_form("/api/users/avatar", Form::new().text("other", "x")).await?, 400, "avatar");
    refused(&user.post("/api/users/avatar", json!({ "avatarBase64": "***" })).await?, 400, "avatarBase64");
    assert_eq!(upload(Part::bytes(vec![0; 10 * 1024 * 1024 + 1])).await?.status, 413);
    assert_eq!(platform.nobody().get("/media/avatars/none.webp").await?.status, 404);

    // Everybody sees who came lately and shows a picture, and nobody's address.
    platform.user().await?;
    let answer = platform.nobody().get("/api/v1/users/recent").await?;
    assert_eq!(answer.headers["cache-control"], "public, max-age=60");
    let recent = answer.ok()?;
    let newest = recent["recent_users"].as_array().context("recent_users")?;
    assert_eq!((newest.len(), &recent["total_count"], &recent["display_count"]), (1, &json!(2), &json!(2)), "{recent}");
    assert_eq!((&newest[0]["name"], &newest[0]["email"]), (&json!("Ann"), &json!("a***@example.com")));
    assert_eq!(newest[0]["avatar_url"], json!(second));

    // With the user goes the picture.
    user.delete_with(PROFILE, &json!({ "password": User::PASSWORD })).await?.ok()?;
    let folder = platform.directory().join("objects/avatars");
    eventually("the end of all pictures", PATIENCE, async || {
        // The folder goes with its last file.
        ensure!(fs::read_dir(&folder).map_or(true, |mut files| files.next().is_none()), "there is a file");
        Ok(())
    })
    .await?;
    Ok(())
}

async fn until_shown(user: &User, credits: i64) -> Result<()> {
    eventually(&format!("{credits} credits in the profile"), PATIENCE, async || {
        let shown = user.get(PROFILE).await?.ok()?["data"]["user"]["credits"].clone();
        ensure!(shown == json!(credits), "{shown}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn views_of_users_show_their_credits() -> Result<()> {
    let platform = Platform::builder().replicas(Service::TaskApi, 2).start().await?;
    let (user, other) = (platform.user().await?, platform.user().await?);
    // Shown before task-api has heard of them, whose account is opened by the first look.
    for user in [&user, &other] {
        until_shown(user, 100).await?;
        assert_eq!(user.balance().await?, 100);
    }
    assert_eq!(user.get(ADS).await?.ok()?["credits"], json!(100));
    let id = user.get("/api/auth/me").await?.ok()?["data"]["user"]["id"].as_str().context("id")?.to_owned();

    // A slow transaction takes a number in the ledger, and a quick one the next; what the first one did is not passed over.
    let (mut slow, database) = (platform.database().await?, platform.database().await?);
    let transaction = slow.transaction().await?;
    let recharged = transaction
        .query_one(
            "WITH account AS (
                 UPDATE tasks.accounts SET balance = balance + 7 WHERE user_id::text = $1 RETURNING user_id, balance
             )
             INSERT INTO tasks.ledger_entries (user_id, balance_after, kind, amount, description)
             SELECT user_id, balance, 'recharge', 7, 'test' FROM account RETURNING id",
            &[&id],
        )
        .await?
        .get::<_, i64>(0);
    other.create("quick").await?;
    eventually("the sweep beyond both", PATIENCE, async || {
        let end: i64 = database.query_one("SELECT ends_at FROM tasks.told_balances", &[]).await?.get(0);
        ensure!(end > recharged, "{end}");
        Ok(())
    })
    .await?;
    transaction.commit().await?;
    until_shown(&user, 107).await?;
    until_shown(&other, 0).await?;

    // What comes late is older than what is known.
    let late =
        |entry, credits| BalancesChanged { balances: vec![Balance { user_id: id.clone(), credits, entry }], signup_grant: None };
    platform.bus().publish(&late(recharged - 1, 1)).await?;
    platform.bus().publish(&late(recharged, 2)).await?;
    platform.bus().publish(&late(recharged + 1_000, 3)).await?;
    until_shown(&user, 3).await?;
    Ok(())
}
