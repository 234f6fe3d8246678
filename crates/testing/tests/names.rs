//! What users may be called, where they are mailed, and what of it is the same: names, addresses, passwords. And what else a new user meets.

use std::{fs, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};
use zoetrope_testing::{Answer, MailSink, Platform, PlatformBuilder, Received, Service, User, binary, eventually};

const PATIENCE: Duration = Duration::from_secs(30);
const REGISTER: &str = "/api/auth/register";
const LOGIN: &str = "/api/auth/login";
const PROFILE: &str = "/api/users/profile";
const CONFIRM_AGAIN: &str = "/api/auth/send-confirmation";

fn with_mail(sink: &MailSink) -> PlatformBuilder {
    Platform::builder()
        .replicas(Service::Poller, 0)
        .setting(Service::Notifier, "mail.transport", "smtp")
        .setting(Service::Notifier, "mail.host", "localhost")
        .setting(Service::Notifier, "mail.port", i64::from(sink.port()))
        .setting(Service::Notifier, "mail.tls", "none")
        .setting(Service::Auth, "email_confirmation.gateway_url", "https://api.example")
        .setting(Service::Auth, "lockout.account_failures", 1000)
        .setting(Service::Auth, "lockout.address_failures", 1000)
}

async fn register(nobody: &User, username: &str, password: &str) -> Result<Answer> {
    nobody.post(REGISTER, json!({ "username": username, "password": password })).await
}

async fn sign_in(nobody: &User, username: &str, password: &str) -> Result<u16> {
    Ok(nobody.post(LOGIN, json!({ "username": username, "password": password })).await?.status)
}

fn refused(answer: &Answer, status: u16, field: &str) {
    assert_eq!((answer.status, &answer.body["errors"][0]["field"]), (status, &json!(field)), "{}", answer.body);
}

fn signed_in(nobody: &User, answer: &Value) -> Result<User> {
    Ok(nobody.with_token(answer["data"]["token"].as_str().context("token")?))
}

async fn mails(sink: &MailSink, to: &str, count: usize) -> Result<Vec<Received>> {
    eventually(&format!("{count} mails to {to}"), PATIENCE, async || {
        let mails: Vec<_> = sink.received().into_iter().filter(|mail| mail.to == [to]).collect();
        ensure!(mails.len() == count, "{} came", mails.len());
        Ok(mails)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn names_deceive_nobody_and_what_looks_the_same_is_the_same() -> Result<()> {
    let platform = Platform::builder().replicas(Service::Poller, 0).start().await?;
    let (nobody, database) = (platform.nobody(), platform.database().await?);
    for name in [
        "admin",
        "Support",
        "../..",
        "<script>alert(1)</script>",
        "\u{202E}nimda",
        "\u{430}dmin",
        "\u{430}\u{440}\u{456}",
        "an\u{200B}n",
        "an\u{AD}n",
        "p\u{430}ypal",
    ] {
        refused(&register(&nobody, name, User::PASSWORD).await?, 400, "username");
        refused(&nobody.post(REGISTER, json!({ "nickname": name, "password": User::PASSWORD })).await?, 400, "nickname");
    }
    for name in ["王小明abc1", "さくら桜x", "민수kim", "Иван", "O'Neil-Smith 2"] {
        let answer = register(&nobody, name, User::PASSWORD).await?;
        assert_eq!((answer.status, &answer.body["user"]["username"]), (201, &json!(name)), "{}", answer.body);
    }

    // Of two normal forms one user is made, who signs in with either.
    let jose = register(&nobody, "jose\u{301}", "su\u{308}\u{DF}e worte").await?.ok()?;
    assert_eq!(jose["user"]["username"], "jos\u{e9}");
    refused(&register(&nobody, "jos\u{e9}", User::PASSWORD).await?, 409, "username");
    for name in ["jos\u{e9}", "JOSE\u{301}", "\u{FEFF}jos\u{e9}"] {
        for password in ["s\u{fc}\u{DF}e worte", "su\u{308}\u{DF}e worte"] {
            assert_eq!(sign_in(&nobody, name, password).await?, 200, "{name:?} {password:?}");
        }
        assert_eq!(sign_in(&nobody, name, "susse worte").await?, 401, "{name:?}");
    }

    // Users from before go on, with the name that they have and a form that brings it back.
    for (number, old) in
        ["admin", "../..", "\u{202E}nimda", "rene\u{301}", "zo\u{200B}e", "lo\u{E0041}u", "wu  li"].into_iter().enumerate()
    {
        let first = format!("before-{number}");
        let user = signed_in(&nobody, &register(&nobody, &first, User::PASSWORD).await?.ok()?)?;
        let renamed = "UPDATE auth.users SET username = $1, username_key = lower($1) WHERE username = $2";
        assert_eq!(database.execute(renamed, &[&old, &first]).await?, 1);
        assert_eq!(sign_in(&nobody, old, User::PASSWORD).await?, 200, "{old:?}");
        let form = json!({ "username": old, "nickname": "As before", "bio": "x" });
        assert_eq!(user.put(PROFILE, form).await?.ok()?["data"]["user"]["username"], json!(old));
        refused(&user.put(PROFILE, json!({ "username": "root" })).await?, 400, "username");
    }
    // Nobody takes a name that looks like one of theirs.
    for taken in ["ren\u{e9}", "zoe", "lou", "wu li"] {
        refused(&register(&nobody, taken, User::PASSWORD).await?, 409, "username");
    }
    let user = platform.user().await?;
    refused(&user.put(PROFILE, json!({ "username": "zoe" })).await?, 409, "username");
    for (body, field) in [
        (json!({ "nickname": "a\u{202E}b" }), "nickname"),
        (json!({ "nickname": "an\u{200B}n" }), "nickname"),
        (json!({ "bio": "a\u{2066}b" }), "bio"),
        (json!({ "username": "\u{430}nn" }), "username"),
    ] {
        refused(&user.put(PROFILE, body).await?, 400, field);
    }

    // The operator may give a reserved name.
    let mut child = Command::new(binary("auth")?)
        .args(["create-admin", "--username", "root", "--config"])
        .arg(platform.settings(Service::Auth)?)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    child.stdin.take().context("stdin")?.write_all("su\u{308}\u{DF}e worte".as_bytes()).await?;
    ensure!(child.wait().await?.success());
    assert_eq!(sign_in(&nobody, "root", "s\u{fc}\u{DF}e worte").await?, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_registers_an_address_is_mailed() -> Result<()> {
    let sink = MailSink::start().await?;
    let platform = with_mail(&sink).start().await?;
    let nobody = platform.nobody();

    // Mobile carriers gave out such addresses; what is copied along with one does not survive.
    let send = async |email: &str| nobody.post("/api/auth/send-code", json!({ "email": email })).await;
    send("try..x@docomo.ne.jp").await?.ok()?;
    mails(&sink, "try..x@docomo.ne.jp", 1).await?;
    send("\u{FEFF} co\u{200B}de@example.org\u{A0}").await?.ok()?;
    mails(&sink, "code@example.org", 1).await?;
    for bad in ["a b@example.org", "a@localhost", "<a@example.org>", "a@example.org, b@example.org", "\"a\"@example.org"] {
        refused(&send(bad).await?, 400, "email");
        let body = json!({ "username": "somebody", "email": bad, "password": User::PASSWORD });
        refused(&nobody.post(REGISTER, body).await?, 400, "email");
    }
    let register = async |name: &str, email: &str| {
        nobody.post(REGISTER, json!({ "username": name, "email": email, "password": User::PASSWORD })).await
    };
    let answer = register("ann", "\u{200B}Ann@Example.org\u{AD} ").await?.ok()?;
    assert_eq!(answer["user"]["email"], "Ann@Example.org");
    refused(&register("bo", "an\u{200B}n@example.org").await?, 409, "email");
    let login = json!({ "email": "\u{FEFF}ann@example.org ", "password": User::PASSWORD });
    nobody.post(LOGIN, login).await?.ok()?;

    // The link that confirms the address can be asked for again: after a pause, and not for ever.
    let ann = signed_in(&nobody, &answer)?;
    mails(&sink, "Ann@Example.org", 1).await?;
    assert_eq!(ann.post(CONFIRM_AGAIN, Value::Null).await?.status, 429, "the first was mailed a moment ago");
    let database = platform.database().await?;
    let later = "UPDATE auth.confirmation_mails SET asked_at = asked_at - interval '61 seconds'";
    database.batch_execute(later).await?;
    ann.post(CONFIRM_AGAIN, Value::Null).await?.ok()?;
    let links: Vec<String> = mails(&sink, "Ann@Example.org", 2).await?.iter().filter_map(link).collect();
    assert_eq!(links.len(), 2, "not all are links");
    let early = ann.post(CONFIRM_AGAIN, Value::Null).await?;
    assert_eq!((early.status, early.headers.contains_key("retry-after")), (429, true), "{}", early.body);
    assert_eq!(nobody.post(CONFIRM_AGAIN, Value::Null).await?.status, 401);
    let without = platform.user().await?;
    assert_eq!(without.post(CONFIRM_AGAIN, Value::Null).await?.status, 409);
    let second = links.last().context("a second link")?;
    assert_eq!(nobody.post(second, Value::Null).await?.status, 200);
    database.batch_execute(later).await?;
    assert_eq!(ann.post(CONFIRM_AGAIN, Value::Null).await?.status, 409, "it is confirmed");

    // Who registered before addresses had a normal form signs in as before, and keeps the address by sending it back.
    let old = "a\u{200B}nn@example.org";
    database.execute("UPDATE auth.users SET email = $1, email_key = $1 WHERE username = 'ann'", &[&old]).await?;
    nobody.post(LOGIN, json!({ "email": old, "password": User::PASSWORD })).await?.ok()?;
    let kept = ann.put(PROFILE, json!({ "email": old })).await?.ok()?;
    assert!(kept["data"]["user"]["pendingEmail"].is_null(), "{kept}");
    Ok(())
}

/// The page to which a mail leads, without the gateway's address.
fn link(mail: &Received) -> Option<String> {
    let word = mail.text.split_whitespace().find(|word| word.starts_with("https://api.example/"))?;
    word.strip_prefix("https://api.example").map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_user_sees_the_credits_at_once() -> Result<()> {
    let platform =
        Platform::builder().replicas(Service::Poller, 0).setting(Service::TaskApi, "credits.signup_grant", 250).start().await?;
    let database = platform.database().await?;
    eventually("the grant is known", PATIENCE, async || {
        let known: i64 = database.query_one("SELECT credits FROM auth.signup_grant", &[]).await?.get(0);
        ensure!(known == 250, "{known}");
        Ok(())
    })
    .await?;
    // No balance is told while the users are new.
    let mut holding = platform.database().await?;
    let lock = holding.transaction().await?;
    lock.batch_execute("LOCK TABLE tasks.told_balances IN ACCESS EXCLUSIVE MODE").await?;
    let nobody = platform.nobody();
    let answer = register(&nobody, "ann", User::PASSWORD).await?.ok()?;
    let user = signed_in(&nobody, &answer)?;
    assert_eq!(answer["user"]["credits"], 250, "{answer}");
    assert_eq!(user.get(PROFILE).await?.ok()?["data"]["user"]["credits"], 250);
    assert_eq!(user.get("/api/v1/users/profile").await?.ok()?["credits"], 250);
    let body = json!({ "code": "bo@example.com 1", "redirect_uri": format!("{}/auth/callback", platform.gateway_url()) });
    let tokens = nobody.post("/api/v1/auth/google", body).await?.ok()?;
    let bo = nobody.with_token(tokens["access_token"].as_str().context("access_token")?);
    assert_eq!(bo.get("/api/v1/auth/me").await?.ok()?["credits"], 250);
    lock.rollback().await?;

    // Whoever lost it is told again.
    database.batch_execute("DELETE FROM auth.signup_grant").await?;
    platform.user().await?.get("/api/v1/users/profile").await?.ok()?;
    eventually("the grant is known again", PATIENCE, async || {
        ensure!(database.query_opt("SELECT FROM auth.signup_grant WHERE credits = 250", &[]).await?.is_some());
        Ok(())
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_takes_too_much_memory_is_refused() -> Result<()> {
    let mut platform = Platform::builder().replicas(Service::Poller, 0).replicas(Service::ProviderSim, 0).start().await?;
    let user = platform.user().await?;
    let upload = async |picture: Vec<u8>| {
        user.post_form("/api/users/avatar", Form::new().part("avatar", Part::bytes(picture).file_name("a.jpg"))).await
    };
    let answer = upload(progressive_cmyk(7_071)).await?;
    refused(&answer, 400, "avatar");
    assert!(answer.body["message"].as_str().is_some_and(|message| message.contains("too much memory")), "{}", answer.body);
    upload(progressive_cmyk(1_000)).await?.ok()?;

    // What was decoded was not decoded here.
    let auth = platform.process(Service::Auth, 0)?.id().context("auth has ended")?;
    let status = fs::read_to_string(format!("/proc/{auth}/status"))?;
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    let most: u64 = most.trim().trim_end_matches(" kB").parse()?;
    assert!(most < 256 * 1024, "{most} KiB");
    Ok(())
}

/// A progressive JPEG of four components and next to no content.
fn progressive_cmyk(side: u16) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8];
    let mut segment = |marker: u8, parts: &[&[u8]]| {
        let content = parts.concat();
        let [high, low] = u16::try_from(content.len() + 2).unwrap_or_default().to_be_bytes();
        jpeg.extend([0xff, marker, high, low]);
        jpeg.extend(content);
    };
    segment(0xdb, &[&[0], &[1; 64]]);
    let side = side.to_be_bytes();
    segment(0xc2, &[&[8], &side, &side, &[4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0]]);
    segment(0xc4, &[&[0x00, 1], &[0; 15], &[0]]);
    segment(0xda, &[&[4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 0, 0]]);
    jpeg.extend([0; 64]);
    jpeg.extend([0xff, 0xd9]);
    jpeg
}
