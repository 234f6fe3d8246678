//! Codes to sign in with: mailed, used, guessed and counted.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use reqwest::Client;
use serde_json::{Value, json};
use zoetrope_testing::{Answer, MailSink, Platform, PlatformBuilder, Service, User, eventually};

const PATIENCE: Duration = Duration::from_secs(30);
const SEND: &str = "/api/auth/send-code";
const VERIFY: &str = "/api/auth/verify-code";
const COOKIE: &str = "auth-session";

fn with_mail(sink: &MailSink) -> PlatformBuilder {
    Platform::builder()
        .replicas(Service::Poller, 0)
        .replicas(Service::ProviderSim, 0)
        .setting(Service::Notifier, "mail.transport", "smtp")
        .setting(Service::Notifier, "mail.host", "localhost")
        .setting(Service::Notifier, "mail.port", i64::from(sink.port()))
        .setting(Service::Notifier, "mail.tls", "none")
        // What is tried here is how codes are counted, not passwords.
        .setting(Service::Auth, "lockout.account_failures", 1000)
        .setting(Service::Auth, "lockout.address_failures", 1000)
}

/// The code in the mail of this number, of those to this address.
async fn mailed_code(sink: &MailSink, to: &str, number: usize) -> Result<String> {
    eventually(&format!("mail {number} to {to}"), PATIENCE, async || {
        let mails: Vec<_> = sink.received().into_iter().filter(|mail| mail.to == [to]).collect();
        ensure!(mails.len() == number, "{} came", mails.len());
        let text = &mails.last().context("a mail")?.text;
        let code = text.lines().map(str::trim).find(|line| line.len() >= 4 && line.bytes().all(|byte| byte.is_ascii_digit()));
        Ok(code.context("a code")?.to_owned())
    })
    .await
}

async fn send(visitor: &User, email: &str) -> Result<Answer> {
    visitor.post_with_header(SEND, &json!({ "email": email }), "Accept-Language", "zh-CN").await
}

async fn verify(visitor: &User, email: &str, code: &str) -> Result<Answer> {
    visitor.post(VERIFY, json!({ "email": email, "code": code })).await
}

/// A code that is not this one.
fn other_than(code: &str) -> String {
    code.chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect()
}

fn refused_field(answer: &Answer) -> (u16, &Value) {
    (answer.status, &answer.body["errors"][0]["field"])
}

/// The user as whom the cookie of this answer signs in.
fn signed_in(visitor: &User, answer: &Answer) -> Result<User> {
    Ok(visitor.with_token(&answer.cookie(COOKIE).context("no session cookie")?))
}

async fn until_out(user: &User) -> Result<()> {
    for path in ["/api/auth/me", "/api/video/tasks"] {
        eventually(&format!("the end at {path}"), PATIENCE, async || {
            let status = user.get(path).await?.status;
            ensure!(status == 401, "{status}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_signs_in_once_whoever_it_is() -> Result<()> {
    let sink = MailSink::start().await?;
    let platform = with_mail(&sink).start().await?;
    let nobody = platform.nobody();
    let database = platform.database().await?;
    // Somebody claims an address that is somebody else's, and leaves what lets one in.
    let claimant = platform.user_with_email("Ann@mailbox.example", "en").await?;
    let key = claimant.post("/api/keys", json!({ "name": "left" })).await?.ok()?;
    let key = claimant.with_token(key["data"]["key"].as_str().context("key")?);

    assert_eq!(refused_field(&nobody.post(SEND, json!({})).await?), (400, &json!("email")));
    let known = send(&nobody, "ann@mailbox.example").await?.ok()?;
    assert_eq!(known, send(&nobody, "New@Mailbox.example").await?.ok()?, "the answer tells who is a user");
    for email in ["ANN@mailbox.example", "new@mailbox.example"] {
        let soon = send(&nobody, email).await?;
        assert_eq!((refused_field(&soon), &soon.body["code"]), ((400, &json!("email")), &json!("VALIDATION_ERROR")));
    }
    // To the address that is known, else in the form in which addresses are compared.
    let code = mailed_code(&sink, "Ann@mailbox.example", 1).await?;
    let new_code = mailed_code(&sink, "new@mailbox.example", 1).await?;
    assert!(code.len() == 4 && sink.received()[0].text.contains("10 分钟"), "{}", sink.received()[0].text);
    let stored: Vec<String> =
        database.query("SELECT sign_in_codes::text FROM auth.sign_in_codes", &[]).await?.iter().map(|row| row.get(0)).collect();
    assert!(stored.len() == 2 && !stored.concat().contains("mailbox") && !stored.concat().contains("127.0.0.1"), "{stored:?}");

    // A new user.
    assert_eq!(refused_field(&verify(&nobody, "new@mailbox.example", &other_than(&new_code)).await?), (400, &json!("code")));
    assert_eq!(refused_field(&verify(&nobody, "new@mailbox.example", "").await?), (400, &json!("code")));
    let answer = verify(&nobody, "NEW@mailbox.example", &format!(" {new_code} ")).await?;
    let set = answer.headers.get_all("set-cookie").iter().next().context("cookie")?.to_str()?.to_owned();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"] {
        assert!(set.split("; ").any(|part| part == attribute), "{attribute}: {set}");
    }
    let new = signed_in(&nobody, &answer)?;
    let user = &answer.ok()?["data"]["user"];
    assert_eq!(user["email"], "new@mailbox.example");
    assert!(user["name"].as_str().is_some_and(|name| name.starts_with("user-")), "{user}");
    new.get("/api/video/tasks").await?.ok()?;
    assert_eq!(new.get("/api/auth/me").await?.ok()?["data"]["user"]["id"], user["id"]);
    assert_eq!(refused_field(&verify(&nobody, "new@mailbox.example", &new_code).await?), (400, &json!("code")), "used twice");
    let out = nobody.post_with_cookie("/api/auth/logout", COOKIE, new.token()).await?;
    assert_eq!(out.cookie(COOKIE).as_deref(), Some(""));
    until_out(&new).await?;

    // The owner of the claimed address. Of those who come at once, one gets in.
    let at_once = try_join_all((0..4).map(|_| verify(&nobody, "ann@mailbox.example", &code))).await?;
    let mut statuses: Vec<u16> = at_once.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400]);
    let owner = signed_in(&nobody, at_once.iter().find(|answer| answer.status == 200).context("one")?)?;
    assert_ne!(owner.get("/api/auth/me").await?.ok()?["data"]["user"]["name"], claimant.name(), "the claimant's name");
    until_out(&claimant).await?;
    until_out(&key).await?;
    let old = json!({ "username": claimant.name(), "password": User::PASSWORD });
    assert_eq!(nobody.post("/api/auth/login", old).await?.status, 401);
    // From now on it is the owner's: the next code ends nothing. A used one need not be waited for.
    send(&nobody, "ann@mailbox.example").await?.ok()?;
    let code = mailed_code(&sink, "Ann@mailbox.example", 2).await?;
    verify(&nobody, "ann@mailbox.example", &code).await?.ok()?;
    owner.get("/api/auth/me").await?.ok()?;

    for process in platform.processes() {
        ensure!(!fs::read_to_string(process.log())?.contains("mailbox.example"), "{} shows an address", process.name());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_end_and_are_few() -> Result<()> {
    let sink = MailSink::start().await?;
    let mut platform = with_mail(&sink)
        .setting(Service::Auth, "sign_in_codes.network_codes_per_day", 4)
        .setting(Service::Auth, "sign_in_codes.network_tries_per_day", 7)
        .setting(Service::Auth, "sign_in_codes.codes_per_day", 5)
        .start()
        .await?;
    let nobody = platform.nobody();
    let database = platform.database().await?;
    let a_minute_passes =
        async || database.execute("UPDATE auth.sign_in_codes SET created_at = created_at - interval '61 seconds'", &[]).await;
    let email = "li@mailbox.example";
    let is_void = async |code: &str| -> Result<()> {
        let answer = verify(&nobody, email, code).await?;
        ensure!(refused_field(&answer) == (400, &json!("code")), "{}", answer.body);
        Ok(())
    };

    // So many wrong ones make a code void, and so do a newer one and time.
    send(&nobody, email).await?.ok()?;
    let code = mailed_code(&sink, email, 1).await?;
    for _ in 0..5 {
        is_void(&other_than(&code)).await?;
    }
    is_void(&code).await?;
    a_minute_passes().await?;
    send(&nobody, email).await?.ok()?;
    let second = mailed_code(&sink, email, 2).await?;
    a_minute_passes().await?;
    send(&nobody, email).await?.ok()?;
    let third = mailed_code(&sink, email, 3).await?;
    if second != third {
        is_void(&second).await?;
    }
    database.execute("UPDATE auth.sign_in_codes SET expires_at = now()", &[]).await?;
    is_void(&third).await?;

    // A day has so many codes from one network, and so many wrong tries, over all codes.
    a_minute_passes().await?;
    send(&nobody, email).await?.ok()?;
    let fourth = mailed_code(&sink, email, 4).await?;
    a_minute_passes().await?;
    let too_many = send(&nobody, email).await?;
    assert_eq!((too_many.status, &too_many.body["code"]), (429, &json!("RATE_LIMITED")));
    assert!(too_many.headers.contains_key("retry-after"));
    while verify(&nobody, email, &other_than(&fourth)).await?.status == 400 {}
    assert_eq!(verify(&nobody, email, &fourth).await?.status, 429, "the right one is heard after too many wrong ones");

    // From elsewhere there is one code left; and where its user has signed in, strangers count for nothing.
    let auth = platform.process(Service::Auth, 0)?.url();
    let from = async |address: &str, path: &str, body: Value| -> Result<u16> {
        let request = Client::new().post(format!("{auth}{path}")).header("X-Forwarded-For", address).json(&body);
        Ok(request.send().await?.status().as_u16())
    };
    assert_eq!(from("192.0.2.1", VERIFY, json!({ "email": email, "code": fourth })).await?, 200);
    assert_eq!(from("198.51.100.7", SEND, json!({ "email": email })).await?, 200);
    a_minute_passes().await?;
    assert_eq!(from("198.51.100.7", SEND, json!({ "email": email })).await?, 429);
    assert_eq!(from("192.0.2.1", SEND, json!({ "email": email })).await?, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newer_client_registers_and_signs_in_by_codes_of_six_digits() -> Result<()> {
    let sink = MailSink::start().await?;
    let platform = with_mail(&sink).start().await?;
    let nobody = platform.nobody();
    let email = "bo@mailbox.example";
    let shown = |code: &str| json!({ "email": email, "code": code });

    nobody.post(SEND, json!({ "email": email, "type": "register" })).await?.ok()?;
    let code = mailed_code(&sink, email, 1).await?;
    assert_eq!(code.len(), 6);
    assert_eq!(refused_field(&nobody.post("/api/auth/register", shown("000000000")).await?), (400, &json!("code")));
    let registered = nobody.post("/api/auth/register", shown(&code)).await?;
    assert_eq!((registered.status, registered.headers.contains_key("set-cookie")), (201, false), "{}", registered.body);

    nobody.post(SEND, json!({ "email": email, "type": "login" })).await?.ok()?;
    let code = mailed_code(&sink, email, 2).await?;
    assert_eq!(nobody.post("/api/auth/login", shown(&other_than(&code))).await?.status, 401);
    let body = nobody.post("/api/auth/login", shown(&code)).await?.ok()?;
    let header = body["data"]["token"].as_str().context("token")?;
    assert!(header.starts_with("Bearer "), "{body}");
    let me = nobody.get_with_header("/api/auth/me", "Authorization", header).await?.ok()?;
    assert_eq!((&me["data"]["status"], &me["data"]["user"]["email"]), (&json!("authenticated"), &json!(email)));
    assert_eq!(me["data"]["user"]["userName"], me["data"]["user"]["nickName"]);

    // Whoever is a user already stays one.
    nobody.post(SEND, json!({ "email": email, "type": "register" })).await?.ok()?;
    let code = mailed_code(&sink, email, 3).await?;
    assert_eq!(nobody.post("/api/auth/register", shown(&code)).await?.status, 200);
    let users: i64 = platform.database().await?.query_one("SELECT count(*) FROM auth.users", &[]).await?.get(0);
    assert_eq!(users, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_confirms_the_address_keeps_the_password() -> Result<()> {
    let sink = MailSink::start().await?;
    let platform =
        with_mail(&sink).setting(Service::Auth, "email_confirmation.gateway_url", "https://api.example/").start().await?;
    let (email, other_email) = ("cy@mailbox.example", "dan@mailbox.example");
    let user = platform.user_with_email(email, "en").await?;
    let other = platform.user_with_email(other_email, "zh").await?;
    let links = eventually("two mails", PATIENCE, async || {
        let mut mails = sink.received();
        ensure!(mails.len() == 2, "{} came", mails.len());
        mails.sort_by(|a, b| a.to.cmp(&b.to));
        let links = mails.iter().map(|mail| mail.text.split_once("https://api.example").map(|(_, rest)| rest));
        let links = links.map(|rest| Some(rest?.split_whitespace().next()?.to_owned()));
        links.collect::<Option<Vec<String>>>().context("links")
    })
    .await?;
    let database = platform.database().await?;
    let confirmed = async || -> Result<i64> {
        let count = "SELECT count(*) FROM auth.users WHERE email_verified_at IS NOT NULL";
        Ok(database.query_one(count, &[]).await?.get(0))
    };
    let http = Client::new();
    let page = async |link: &str| -> Result<String> {
        let answer = http.get(format!("{}{link}", platform.gateway_url())).header("Accept-Language", "zh-CN").send().await?;
        ensure!(answer.headers()["content-type"] == "text/html; charset=utf-8", "{answer:?}");
        Ok(answer.error_for_status()?.text().await?)
    };
    // A filter that looks into the mail confirms nothing, nor does a link with another's name.
    assert!(page(&links[0]).await?.contains("<form method=\"post\" action=\"/api/auth/confirm-email?user="));
    let post = async |link: &str| -> Result<u16> {
        Ok(http.post(format!("{}{link}", platform.gateway_url())).send().await?.status().as_u16())
    };
    let (_, seal) = links[1].split_once("&seal=").context("seal")?;
    let (start, _) = links[0].split_once("&seal=").context("seal")?;
    for forged in [format!("{start}&seal={seal}"), format!("{start}&seal="), format!("{start}&seal=<b>")] {
        assert_eq!(post(&forged).await?, 400, "{forged}");
    }
    assert_eq!(confirmed().await?, 0);
    assert_eq!((post(&links[0]).await?, post(&links[0]).await?, confirmed().await?), (200, 200, 1));

    for email in [email, other_email] {
        send(&user, email).await?.ok()?;
        let code = mailed_code(&sink, email, 2).await?;
        verify(&platform.nobody(), email, &code).await?.ok()?;
    }
    user.get("/api/auth/me").await?.ok()?;
    let login = |user: &User| json!({ "username": user.name(), "password": User::PASSWORD });
    user.post("/api/auth/login", login(&user)).await?.ok()?;
    until_out(&other).await?;
    assert_eq!(user.post("/api/auth/login", login(&other)).await?.status, 401);
    Ok(())
}
