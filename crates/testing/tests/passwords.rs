//! Passwords: changed, forgotten, guessed, and hashed at another cost.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use reqwest::Client;
use serde_json::{Value, json};
use zoetrope_testing::{Answer, MailSink, Platform, PlatformBuilder, Received, Server, Servers, Service, User, eventually};

const PATIENCE: Duration = Duration::from_secs(30);
const LOGIN: &str = "/api/auth/login";
const FORGOT: &str = "/api/auth/forgot-password";
const RESET: &str = "/api/auth/reset-password";
const CHANGE: &str = "/api/users/password";
const NEW: &str = "quite another passphrase";

/// What signs users in, and the gateway in front.
fn without_tasks() -> PlatformBuilder {
    Platform::builder().replicas(Service::Poller, 0).replicas(Service::ProviderSim, 0)
}

fn with_mail(sink: &MailSink) -> PlatformBuilder {
    without_tasks()
        .setting(Service::Notifier, "mail.transport", "smtp")
        .setting(Service::Notifier, "mail.host", "localhost")
        .setting(Service::Notifier, "mail.port", i64::from(sink.port()))
        .setting(Service::Notifier, "mail.tls", "none")
        .setting(Service::Auth, "password_reset.front_end_url", "https://video.example")
}

/// Waits for so many mails, and for no more than these.
async fn received(sink: &MailSink, count: usize) -> Result<Vec<Received>> {
    eventually(&format!("{count} mails"), PATIENCE, async || {
        let received = sink.received();
        ensure!(received.len() == count, "{} came", received.len());
        Ok(received)
    })
    .await
}

async fn login(visitor: &User, name: &str, password: &str) -> Result<Answer> {
    visitor.post(LOGIN, json!({ "username": name, "password": password })).await
}

/// A sign-in as it leaves the gateway, for a client at this address.
async fn login_from(auth: &str, address: &str, name: &str, password: &str) -> Result<(u16, Option<u64>)> {
    let body = json!({ "username": name, "password": password });
    let answer = Client::new().post(format!("{auth}{LOGIN}")).header("X-Forwarded-For", address).json(&body).send().await?;
    let wait = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    Ok((answer.status().as_u16(), wait))
}

fn refused_field(answer: &Answer) -> (u16, &Value) {
    (answer.status, &answer.body["errors"][0]["field"])
}

/// The session has ended for every service.
async fn until_ended(user: &User) -> Result<()> {
    for path in ["/api/auth/me", "/api/video/tasks"] {
        eventually(&format!("the end of a session at {path}"), PATIENCE, async || {
            let status = user.get(path).await?.status;
            ensure!(status == 401, "{status}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

fn is_silent_about(platform: &Platform, secrets: &[&str]) -> Result<()> {
    for process in platform.processes() {
        let log = fs::read_to_string(process.log())?;
        for secret in secrets {
            ensure!(!log.contains(secret), "{} shows {secret:?}", process.name());
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_other_sessions() -> Result<()> {
    let sink = MailSink::start().await?;
    let platform = with_mail(&sink).start().await?;
    let user = platform.user_with_email("ann@mailbox.example", "en").await?;
    let elsewhere = login(&platform.nobody(), user.name(), User::PASSWORD).await?.ok()?;
    let elsewhere = user.with_token(elsewhere["data"]["token"].as_str().context("token")?);
    elsewhere.get("/api/video/tasks").await?.ok()?;

    let change = |current: &str, new: &str| json!({ "currentPassword": current, "newPassword": new });
    assert_eq!(platform.nobody().put(CHANGE, change(User::PASSWORD, NEW)).await?.status, 401);
    for (body, field) in [
        (json!({}), "currentPassword"),
        (change(User::PASSWORD, "short"), "newPassword"),
        (change(User::PASSWORD, "iLoveYou"), "newPassword"),
        (change(User::PASSWORD, &"x".repeat(1025)), "newPassword"),
        (change("not it", NEW), "currentPassword"),
    ] {
        let answer = user.put(CHANGE, body).await?;
        assert_eq!(refused_field(&answer), (400, &json!(field)), "{}", answer.body);
    }
    let common = json!({ "username": "bo", "password": "Password1" });
    assert_eq!(refused_field(&platform.nobody().post("/api/auth/register", common).await?), (400, &json!("password")));
    elsewhere.get("/api/auth/me").await?.ok()?;

    user.put(CHANGE, change(User::PASSWORD, NEW)).await?.ok()?;
    until_ended(&elsewhere).await?;
    user.get("/api/auth/me").await?.ok()?;
    user.get("/api/video/tasks").await?.ok()?;
    assert_eq!(login(&user, user.name(), User::PASSWORD).await?.status, 401);
    login(&user, user.name(), NEW).await?.ok()?;
    assert_eq!(received(&sink, 1).await?[0].subject, "Your Zoetrope password was changed");
    is_silent_about(&platform, &[User::PASSWORD, NEW, "ann@mailbox.example"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_replaced_by_a_link_that_works_once() -> Result<()> {
    let sink = MailSink::start().await?;
    let platform = with_mail(&sink).start().await?;
    let user = platform.user_with_email("Li@mailbox.example", "zh").await?;
    let nobody = platform.nobody();
    let database = platform.database().await?;

    assert_eq!(refused_field(&nobody.post(FORGOT, json!({})).await?), (400, &json!("email")));
    assert_eq!(refused_field(&nobody.post(FORGOT, json!({ "email": "nonsense" })).await?), (400, &json!("email")));
    let mut answers = Vec::new();
    // Only the first of the three leads to a mail: nobody has the second address, and the third is too soon.
    for email in ["li@MAILBOX.example", "nobody@mailbox.example", "li@mailbox.example"] {
        let body = json!({ "email": email });
        answers.push(nobody.post_with_header(FORGOT, &body, "Accept-Language", "zh-CN").await?.ok()?);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let mail = received(&sink, 1).await?.remove(0);
    assert_eq!(mail.to, ["Li@mailbox.example"], "to the address that is known, not the one that was typed");
    assert!(mail.html.contains("<html lang=\"zh") && mail.text.contains("30 分钟"), "{}", mail.text);
    let (_, token) = mail.text.split_once("https://video.example/reset-password?token=").context("a link")?;
    let token = token.split_whitespace().next().context("a token")?.to_owned();
    let stored: String = database.query_one("SELECT password_resets::text FROM auth.password_resets", &[]).await?.get(0);
    assert!(!stored.contains(&token), "the token is stored as it is");

    let reset = |token: &str, password: &str| nobody.post(RESET, json!({ "token": token, "password": password }));
    assert_eq!(refused_field(&reset(&token, "dragon").await?), (400, &json!("password")));
    let mut forged = token.clone().into_bytes();
    forged[40] = if forged[40] == b'A' { b'B' } else { b'A' };
    for wrong in ["", "nonsense", &String::from_utf8(forged)?] {
        assert_eq!(refused_field(&reset(wrong, NEW).await?), (400, &json!("token")));
    }
    // Of those who come at once, one gets it.
    let at_once = try_join_all((0..4).map(|_| reset(&token, NEW))).await?;
    let mut statuses: Vec<u16> = at_once.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400]);
    assert_eq!(refused_field(&reset(&token, "a third passphrase").await?), (400, &json!("token")));

    until_ended(&user).await?;
    assert_eq!(login(&nobody, user.name(), User::PASSWORD).await?.status, 401);
    // By the address: the link was the first sign that it is anybody's, so the name is not the one that was registered.
    login(&nobody, "li@mailbox.example", NEW).await?.ok()?;
    assert_eq!(received(&sink, 2).await?[1].to, ["Li@mailbox.example"], "who did it is told");

    // The next link is as good as the first, for half an hour.
    nobody.post(FORGOT, json!({ "email": "li@mailbox.example" })).await?.ok()?;
    let mail = received(&sink, 3).await?.remove(2);
    let late = mail.text.split_once("?token=").context("a link")?.1.split_whitespace().next().context("a token")?.to_owned();
    let aged = "UPDATE auth.password_resets SET expires_at = expires_at - interval '30 minutes'";
    assert_eq!(database.execute(aged, &[]).await?, 1);
    assert_eq!(refused_field(&reset(&late, NEW).await?), (400, &json!("token")));
    let left: i64 = database.query_one("SELECT count(*) FROM auth.reset_requests", &[]).await?.get(0);
    assert_eq!(left, 0, "addresses that nobody has are not kept");
    is_silent_about(&platform, &[User::PASSWORD, NEW, &token, "mailbox.example"])
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_waits_and_the_owner_does_not() -> Result<()> {
    let mut platform = without_tasks()
        .replicas(Service::Auth, 2)
        .setting(Service::Auth, "lockout.account_failures", 2)
        .setting(Service::Auth, "lockout.first_wait_seconds", 5)
        .start()
        .await?;
    let user = platform.user().await?;
    let replicas = [platform.process(Service::Auth, 0)?.url(), platform.process(Service::Auth, 1)?.url()];
    let (home, stranger, other) = ("192.0.2.1", "198.51.100.7", "198.51.100.8");
    assert_eq!(login_from(&replicas[0], home, user.name(), User::PASSWORD).await?.0, 200);

    // Each replica hears of what the other counted; and nobody learns whether there is such a user.
    for name in [user.name(), "no-such-user"] {
        let mut heard = Vec::new();
        for turn in 0..4 {
            heard.push(login_from(&replicas[turn % 2], stranger, name, "a wrong guess").await?);
        }
        let statuses: Vec<u16> = heard.iter().map(|(status, _)| *status).collect();
        assert_eq!(statuses, [401, 401, 401, 429], "{name}");
        assert!(matches!(heard[3].1, Some(1..=5)), "{heard:?}");
        // Not even the right password is looked at, from wherever it comes.
        assert_eq!(login_from(&replicas[0], other, name, User::PASSWORD).await?.0, 429);
    }
    let through_gateway = login(&user, user.name(), User::PASSWORD).await?;
    assert_eq!((through_gateway.status, &through_gateway.body["code"]), (429, &json!("RATE_LIMITED")));
    assert!(through_gateway.headers.contains_key("retry-after"));
    // The same door stands between a stolen session and the password.
    let change = json!({ "currentPassword": User::PASSWORD, "newPassword": NEW });
    assert_eq!(user.put(CHANGE, change).await?.status, 429);
    assert_eq!(login_from(&replicas[1], home, user.name(), User::PASSWORD).await?.0, 200, "the owner is kept out");

    // It opens by itself, and a success forgets the failures.
    eventually("the door to open", PATIENCE, async || {
        let (status, _) = login_from(&replicas[0], other, user.name(), User::PASSWORD).await?;
        ensure!(status == 200, "{status}");
        Ok(())
    })
    .await?;
    for _ in 0..3 {
        assert_eq!(login_from(&replicas[1], stranger, user.name(), "a wrong guess").await?.0, 401);
    }
    Ok(())
}

/// Tries that are wrong, each by another way to the same account.
async fn guess_by_all_ways(user: &User, email: &str) -> Result<Vec<u16>> {
    let wrong = "a wrong guess";
    Ok(vec![
        login(user, user.name(), wrong).await?.status,
        login(user, email, wrong).await?.status,
        user.post("/api/auth/admin/login", json!({ "username": user.name(), "password": wrong })).await?.status,
        user.put(CHANGE, json!({ "currentPassword": wrong, "newPassword": NEW })).await?.status,
        user.put("/api/users/profile", json!({ "email": "new@mailbox.example", "currentPassword": wrong })).await?.status,
        user.delete_with("/api/users/profile", &json!({ "password": wrong })).await?.status,
        user.post("/api/auth/verify-code", json!({ "email": email, "code": "0000" })).await?.status,
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_counts_guesses_by_whichever_name_and_way_they_come() -> Result<()> {
    const WAYS: i64 = 7;
    let platform = without_tasks()
        // As many as there are ways cost nothing; the first beyond closes the door.
        .setting(Service::Auth, "lockout.account_failures", WAYS - 1)
        .setting(Service::Auth, "lockout.first_wait_seconds", 600)
        .setting(Service::Auth, "lockout.address_failures", 1000)
        .start()
        .await?;
    let email = "ann@mailbox.example";
    let user = platform.user_with_email(email, "en").await?;
    assert_eq!(guess_by_all_ways(&user, email).await?, [401, 401, 401, 400, 400, 400, 400]);
    assert_eq!(guess_by_all_ways(&user, email).await?, [429; WAYS as usize], "each way has a count of its own");
    // Another name does not make it another account.
    let database = platform.database().await?;
    database
        .execute("UPDATE auth.users SET username = 'renamed', username_key = 'renamed' WHERE username = $1", &[&user.name()])
        .await?;
    assert_eq!(login(&user, "renamed", User::PASSWORD).await?.status, 429);

    // Nobody has these, which looks the same: a name, and an address, with a count of their own.
    for name in ["no-such-user", "no-such-user@mailbox.example"] {
        let mut statuses = Vec::new();
        for _ in 0..=WAYS {
            statuses.push(login(&user, name, "a wrong guess").await?.status);
        }
        assert_eq!(statuses, [[401; WAYS as usize].as_slice(), &[429]].concat(), "{name}");
    }
    let other = platform.user().await?;
    login(&other, other.name(), User::PASSWORD).await?.ok()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_guesses_at_many_accounts_waits() -> Result<()> {
    let mut platform = without_tasks().setting(Service::Auth, "lockout.address_failures", 3).start().await?;
    let user = platform.user().await?;
    let auth = platform.process(Service::Auth, 0)?.url();
    for number in 0..4 {
        let name = format!("somebody-{number}");
        assert_eq!(login_from(&auth, "2001:db8:0:7::1", &name, "a wrong guess").await?.0, 401, "{name}");
    }
    // Its neighbours in the same network are the same to us.
    assert_eq!(login_from(&auth, "2001:db8:0:7::2", user.name(), User::PASSWORD).await?.0, 429);
    assert_eq!(login_from(&auth, "2001:db8:0:8::1", user.name(), User::PASSWORD).await?.0, 200);
    Ok(())
}

/// The only test here that stops a server, so it has the servers for that to itself.
#[tokio::test(flavor = "multi_thread")]
async fn without_redis_passwords_and_codes_work_and_who_guesses_waits() -> Result<()> {
    let servers = Servers::faults()?;
    for server in Server::ALL {
        servers.start(server).await?;
    }
    let sink = MailSink::start().await?;
    let mut platform = with_mail(&sink)
        .servers(servers.clone())
        .setting(Service::Auth, "lockout.account_failures", 1)
        .setting(Service::Auth, "lockout.first_wait_seconds", 60)
        .start()
        .await?;
    let user = platform.user().await?;
    let auth = platform.process(Service::Auth, 0)?.url();
    servers.stop(Server::Redis).await?;
    login(&user, user.name(), User::PASSWORD).await?.ok()?;
    let change = json!({ "currentPassword": User::PASSWORD, "newPassword": NEW });
    user.put(CHANGE, change).await?.ok()?;
    for status in [401, 401, 429] {
        assert_eq!(login_from(&auth, "198.51.100.7", user.name(), "a wrong guess").await?.0, status);
    }
    // Codes are counted in PostgreSQL.
    let email = json!({ "email": "li@mailbox.example" });
    user.post("/api/auth/send-code", email.clone()).await?.ok()?;
    assert_eq!(refused_field(&user.post("/api/auth/send-code", email).await?), (400, &json!("email")));
    let mail = received(&sink, 1).await?.remove(0).text;
    let code = mail.lines().map(str::trim).find(|line| line.parse::<u32>().is_ok()).context("a code")?;
    for (shown, status) in [("no code", 400), (code, 200), (code, 400)] {
        let body = json!({ "email": "li@mailbox.example", "code": shown });
        assert_eq!(user.post("/api/auth/verify-code", body).await?.status, status);
    }
    servers.start(Server::Redis).await?;
    eventually("Redis to be asked again", PATIENCE, async || {
        let (status, _) = login_from(&auth, "192.0.2.1", user.name(), NEW).await?;
        ensure!(status == 200, "{status}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_user_takes_as_long_as_a_wrong_password() -> Result<()> {
    const PAIRS: usize = 30;
    let mut builder = without_tasks();
    for key in ["account_failures", "address_failures"] {
        builder = builder.setting(Service::Auth, &format!("lockout.{key}"), 10_000);
    }
    // Hashing is most of the time, so that a path without it shows.
    let platform = builder.setting(Service::Auth, "passwords.memory_kib", 16 * 1024).start().await?;
    let user = platform.user().await?;
    let timed = async |name: &str| {
        let started = Instant::now();
        let answer = login(&user, name, "a wrong guess").await?;
        anyhow::Ok((started.elapsed().as_secs_f64(), answer))
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let ((time, answer), (other_time, other)) = (timed(user.name()).await?, timed("no-such-user").await?);
        assert_eq!((answer.status, other.status), (401, 401));
        assert_eq!(answer.body["message"], other.body["message"]);
        known.push(time);
        unknown.push(other_time);
    }
    let (known, unknown) = (median(known), median(unknown));
    assert!((0.67..1.5).contains(&(known / unknown)), "known {known} s, unknown {unknown} s");
    Ok(())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_of_other_costs_is_renewed_at_sign_in() -> Result<()> {
    let mut platform = without_tasks().start().await?;
    let user = platform.user().await?;
    let database = platform.database().await?;
    let hash = async || -> Result<String> {
        Ok(database.query_one("SELECT password_hash FROM auth.users WHERE username = $1", &[&user.name()]).await?.get(0))
    };
    assert!(hash().await?.starts_with("$argon2id$v=19$m=1024,t=1,p=1$"), "{}", hash().await?);

    let settings = platform.settings(Service::Auth)?.to_owned();
    let text = fs::read_to_string(&settings)?;
    fs::write(&settings, text.replace("memory_kib = 1024", "memory_kib = 2048"))?;
    platform.crash(Service::Auth, 0).await?;
    assert_eq!(login(&user, user.name(), "a wrong guess").await?.status, 401);
    assert!(hash().await?.contains("m=1024"));
    // Those who come at once do not get into each other's way.
    for answer in try_join_all((0..4).map(|_| login(&user, user.name(), User::PASSWORD))).await? {
        answer.ok()?;
    }
    let renewed = hash().await?;
    assert!(renewed.contains("m=2048"), "{renewed}");
    login(&user, user.name(), User::PASSWORD).await?.ok()?;
    assert_eq!(hash().await?, renewed, "hashed anew without need");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_an_account_during_a_sign_in_counts() -> Result<()> {
    let platform = without_tasks().start().await?;
    let (database, other) = (platform.database().await?, platform.database().await?);
    let (alike, changed) = (platform.user().await?, platform.user().await?);
    changed.put(CHANGE, json!({ "currentPassword": User::PASSWORD, "newPassword": NEW })).await?.ok()?;
    let hash_of =
        |user: &User| format!("password_hash = (SELECT password_hash FROM auth.users WHERE username = '{}')", user.name());
    let cases = [
        // As another sign-in renews it: the same password, with another salt.
        (hash_of(&alike), 200, 2),
        (hash_of(&changed), 401, 1),
        ("state = 'SUSPENDED'".to_owned(), 403, 1),
    ];
    for (change, status, left) in cases {
        let (user, visitor) = (platform.user().await?, platform.nobody());
        let name = user.name();
        other.batch_execute(&format!("BEGIN; UPDATE auth.users SET {change} WHERE username = '{name}'")).await?;
        let happens = async {
            // The password was right, and the session waits to be stored.
            let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            eventually("the sign-in waits for the row", PATIENCE, async || {
                ensure!(database.query_one(waiting, &[]).await?.get::<_, i64>(0) == 1);
                Ok(())
            })
            .await?;
            anyhow::Ok(other.batch_execute("COMMIT").await?)
        };
        let (answer, happened) = tokio::join!(login(&visitor, name, User::PASSWORD), happens);
        happened?;
        assert_eq!(answer?.status, status, "{change}");
        let sql = "SELECT count(*) FROM auth.sessions JOIN auth.users ON users.id = user_id WHERE username = $1";
        assert_eq!(database.query_one(sql, &[&name]).await?.get::<_, i64>(0), left, "{change}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_sign_ins_is_told_to_come_back_and_locks_nobody_out() -> Result<()> {
    let platform = without_tasks()
        .setting(Service::Auth, "passwords.max_concurrent", 1)
        .setting(Service::Auth, "passwords.max_waiting", 2)
        .setting(Service::Auth, "passwords.memory_kib", 64 * 1024)
        .setting(Service::Auth, "lockout.account_failures", 1)
        .start()
        .await?;
    let user = platform.user().await?;
    let names: Vec<String> = (0..24).map(|number| format!("stormy-{number}")).collect();
    let storm = try_join_all(names.iter().map(|name| login(&user, name, "a wrong guess"))).await?;
    let away: Vec<&Answer> = storm.iter().filter(|answer| answer.status == 503).collect();
    assert!(!away.is_empty() && storm.iter().all(|answer| matches!(answer.status, 401 | 503)));
    for answer in away {
        assert!(answer.body["code"] == "UNAVAILABLE" && answer.headers.contains_key("retry-after"), "{}", answer.body);
    }
    // Who was told to come back did not fail.
    let turned_away = storm.iter().zip(&names).find(|(answer, _)| answer.status == 503).context("one of them")?.1;
    for status in [401, 401, 429] {
        assert_eq!(login(&user, turned_away, "a wrong guess").await?.status, status);
    }
    Ok(())
}
