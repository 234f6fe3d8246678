//! No command of `auth` survives what takes its right away while it is under way.
//!
//! A test holds the row of the user. Behind it waits what takes the right away, and behind that the command, which was judged good when it came.
//! Then the row is let go, and each does what is left for it to do.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, future::Either, stream};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tokio::process::Command as Process;
use tokio_postgres::Client as Database;
use uuid::Uuid;
use zoetrope_testing::{Answer, MailSink, Platform, Service, User, binary, eventually};

const PATIENCE: Duration = Duration::from_secs(30);
const PNG: &[u8] = include_bytes!("files/reference.png");
const NEW: &str = "quite another passphrase";
const AT_ONCE: usize = 4;

/// What takes a right away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    TakeOver,
    PasswordReset,
    PasswordChange,
    AllSessions,
    Suspension,
    Deletion,
}

impl End {
    const ALL: [Self; 6] =
        [Self::TakeOver, Self::PasswordReset, Self::PasswordChange, Self::AllSessions, Self::Suspension, Self::Deletion];
    /// What shows that the account was the claimant's no more.
    const OWNERS: [Self; 2] = [Self::TakeOver, Self::PasswordReset];
    const STATES: [Self; 2] = [Self::Suspension, Self::Deletion];
}

/// Somebody with an account, and all that a command needs.
struct Subject {
    user: User,
    id: String,
    email: String,
    /// Where the same person is signed in as well.
    elsewhere: User,
    elsewhere_session: String,
    refresh_token: String,
    key: String,
    confirmation: String,
    reset: String,
}

/// A route that changes something, with what it needs to do so.
struct Command {
    route: &'static str,
    /// In place of the route's parameter.
    parameter: fn(&Subject) -> &str,
    body: fn(&Subject) -> Value,
    /// Whether it was carried out: a query of one truth about the account `$1`. Absent: its answer says it.
    done: Option<&'static str>,
    /// What it must not survive.
    ends: fn(End) -> bool,
    /// What says that it is not carried out is its answer. Else it answers in any case.
    answers: bool,
}

const ANY: fn(End) -> bool = |_| true;
const NOTHING: fn(&Subject) -> &str = |_| "";

impl Command {
    const fn new(route: &'static str, body: fn(&Subject) -> Value, done: Option<&'static str>) -> Self {
        Self { route, parameter: NOTHING, body, done, ends: ANY, answers: true }
    }
}

const SESSION_ENDED: &str = "SELECT EXISTS (SELECT FROM auth.security_events WHERE user_id::text = $1 AND kind = 'session_ended'
    AND device LIKE '%raced%')";
/// The claimant's: the owner has one more.
const SIGNED_IN: &str =
    "SELECT EXISTS (SELECT FROM auth.sessions WHERE user_id::text = $1 AND revoked_at IS NULL AND device LIKE '%raced%')";

/// Every route of `auth` that changes something by what its caller may do.
fn commands() -> Vec<Command> {
    vec![
        Command::new(
            "PUT /api/users/profile",
            |_| json!({ "bio": "raced" }),
            Some("SELECT bio IS NOT DISTINCT FROM 'raced' FROM auth.users WHERE id::text = $1"),
        ),
        Command::new(
            "PUT /api/users/profile",
            |subject| json!({ "username": format!("raced-{}", &subject.id[24..]) }),
            Some("SELECT username LIKE 'raced%' FROM auth.users WHERE id::text = $1"),
        ),
        Command::new(
            "PUT /api/users/profile",
            |subject| json!({ "email": format!("raced-{}", subject.email), "currentPassword": User::PASSWORD }),
            Some("SELECT email LIKE 'raced%' FROM auth.users WHERE id::text = $1"),
        ),
        Command::new(
            "PATCH /api/v1/users/profile",
            |_| json!({ "name": "raced" }),
            Some("SELECT display_name IS NOT DISTINCT FROM 'raced' FROM auth.users WHERE id::text = $1"),
        ),
        Command::new(
            "POST /api/users/avatar",
            |_| Value::Null,
            Some("SELECT avatar_url IS NOT NULL FROM auth.users WHERE id::text = $1"),
        ),
        Command::new(
            "DELETE /api/users/profile",
            |_| json!({ "password": User::PASSWORD }),
            Some(
                "SELECT EXISTS (SELECT FROM auth.security_events WHERE user_id::text = $1 AND kind = 'deleted' AND device LIKE '%raced%')",
            ),
        ),
        Command::new(
            "PUT /api/users/password",
            |_| json!({ "currentPassword": User::PASSWORD, "newPassword": "the claimant's next password" }),
            Some(
                "SELECT EXISTS (SELECT FROM auth.security_events WHERE user_id::text = $1 AND kind = 'password_changed' AND device LIKE '%raced%')",
            ),
        ),
        Command::new(
            "POST /api/keys",
            |_| json!({ "name": "raced" }),
            Some("SELECT EXISTS (SELECT FROM auth.api_keys WHERE user_id::text = $1 AND name = 'raced')"),
        ),
        Command {
            parameter: |subject| &subject.key,
            ..Command::new(
                "DELETE /api/keys/{keyId}",
                |_| Value::Null,
                Some("SELECT EXISTS (SELECT FROM auth.security_events WHERE user_id::text = $1 AND kind = 'api_key_revoked')"),
            )
        },
        Command::new("DELETE /api/auth/sessions", |_| Value::Null, Some(SESSION_ENDED)),
        Command {
            parameter: |subject| &subject.elsewhere_session,
            ..Command::new("DELETE /api/auth/sessions/{sessionId}", |_| Value::Null, Some(SESSION_ENDED))
        },
        Command::new("POST /api/v1/auth/logout", |_| Value::Null, Some(SESSION_ENDED)),
        Command { answers: false, ..Command::new("POST /api/auth/logout", |_| Value::Null, Some(SESSION_ENDED)) },
        Command::new("POST /api/auth/refresh", |_| Value::Null, None),
        Command::new("POST /api/v1/auth/refresh", |subject| json!({ "refresh_token": subject.refresh_token }), None),
        Command::new("POST /api/auth/refresh-token", |subject| json!({ "cookie": subject.refresh_token }), None),
        Command::new("POST /api/auth/send-confirmation", |_| Value::Null, None),
        Command {
            // The same password opens another session when all others have ended.
            ends: |end| end != End::AllSessions,
            ..Command::new(
                "POST /api/auth/login",
                |subject| json!({ "email": subject.email, "password": User::PASSWORD }),
                Some(SIGNED_IN),
            )
        },
        Command {
            // What the claimant linked leads to an account of the claimant's own then.
            ends: |end| End::OWNERS.contains(&end) || End::STATES.contains(&end),
            answers: false,
            ..Command::new(
                "POST /api/auth/wechat/login",
                |subject| json!({ "code": format!("o-{} 1", subject.id) }),
                Some(SIGNED_IN),
            )
        },
        Command {
            parameter: |subject| &subject.confirmation,
            ends: |end| End::STATES.contains(&end),
            ..Command::new(
                "POST /api/auth/confirm-email",
                |_| Value::Null,
                Some("SELECT email_verified_at IS NOT NULL FROM auth.users WHERE id::text = $1"),
            )
        },
        Command {
            ends: |end| end != End::AllSessions,
            ..Command::new(
                "POST /api/auth/reset-password",
                |subject| json!({ "token": subject.reset, "password": NEW }),
                Some(
                    "SELECT EXISTS (SELECT FROM auth.security_events WHERE user_id::text = $1 AND kind = 'password_reset' AND device LIKE '%raced%')",
                ),
            )
        },
    ]
}

/// Other routes that are not read-only, and why nothing can take their right away.
const OTHERS: [&str; 8] = [
    // Makes somebody new.
    "POST /api/auth/register",
    // What is asked for leaves through the mail of the address alone.
    "POST /api/auth/forgot-password",
    "POST /api/auth/send-code",
    // Reads.
    "POST /api/auth/verify",
    // Like `login`, by the same command.
    "POST /api/auth/admin/login",
    // By the address itself, which they prove to own: they are what takes over. Google is raced by WeChat, which is the same command.
    "POST /api/auth/verify-code",
    "POST /api/v1/auth/google",
    // The old name of `/api/auth/refresh-token`, if it is there.
    "POST /api/auth/token",
];

struct Race<'a> {
    platform: &'a Platform,
    mails: &'a MailSink,
    http: reqwest::Client,
}

impl Race<'_> {
    /// Sends it as a client of a name that is found in the database again.
    async fn send(&self, command: &Command, subject: &Subject) -> Result<u16> {
        let (method, route) = command.route.split_once(' ').context("route")?;
        let parameter = (command.parameter)(subject);
        let path = match route.split_once('{') {
            Some((before, _)) => format!("{before}{parameter}"),
            None if !parameter.is_empty() => parameter.to_owned(),
            None => route.to_owned(),
        };
        let gateway = self.platform.gateway_url();
        let request =
            self.http.request(method.parse()?, format!("{gateway}{path}")).header("user-agent", "raced").timeout(PATIENCE);
        let body = (command.body)(subject);
        let request = match route {
            "/api/users/avatar" => request.multipart(Form::new().part("avatar", Part::bytes(PNG).file_name("a.png"))),
            "/api/auth/refresh-token" => {
                let cookie = format!("refreshToken={}", body["cookie"].as_str().unwrap_or_default());
                request.header("origin", &gateway).header("cookie", cookie)
            }
            _ if body.is_null() => request,
            _ => request.json(&body),
        };
        let by_itself = [
            "/api/v1/auth/refresh",
            "/api/auth/refresh-token",
            "/api/auth/login",
            "/api/auth/wechat/login",
            "/api/auth/reset-password",
        ];
        let request = if by_itself.contains(&route) { request } else { request.bearer_auth(subject.user.token()) };
        Ok(request.send().await?.status().as_u16())
    }

    async fn end(&self, end: End, subject: &Subject) -> Result<()> {
        let nobody = self.platform.nobody();
        match end {
            End::TakeOver => {
                let redirect_uri = format!("{}/auth/callback", self.platform.gateway_url());
                let code = format!("{} {}", subject.email, Uuid::new_v4());
                succeeded(nobody.post("/api/v1/auth/google", json!({ "code": code, "redirect_uri": redirect_uri })).await?)
            }
            End::PasswordReset => {
                succeeded(nobody.post("/api/auth/reset-password", json!({ "token": subject.reset, "password": NEW })).await?)
            }
            End::PasswordChange => {
                let change = json!({ "currentPassword": User::PASSWORD, "newPassword": NEW });
                succeeded(subject.elsewhere.put("/api/users/password", change).await?)
            }
            End::AllSessions => succeeded(subject.elsewhere.delete("/api/auth/sessions?keepCurrent=true").await?),
            End::Suspension => self.operator("suspend", subject).await,
            End::Deletion => self.operator("delete-user", subject).await,
        }
    }

    async fn operator(&self, word: &str, subject: &Subject) -> Result<()> {
        let mut command = Process::new(binary("auth")?);
        command.args([word, &subject.email, "--config"]).arg(self.platform.settings(Service::Auth)?);
        let output = command.output().await?;
        ensure!(output.status.success(), "{word}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// A part of a mail to this address, from one text to the next space.
    async fn mailed(&self, to: &str, from: &str) -> Result<String> {
        eventually(&format!("a mail to {to} with {from}"), PATIENCE, async || {
            let mails = self.mails.received();
            let mut parts = mails.iter().filter(|mail| mail.to == [to]).filter_map(|mail| mail.text.split_once(from));
            let (_, rest) = parts.next().context("none")?;
            Ok(rest.split_whitespace().next().context("empty")?.to_owned())
        })
        .await
    }

    async fn subject(&self, database: &Database) -> Result<Subject> {
        let email = format!("{}@mailbox.example", &Uuid::new_v4().simple().to_string()[..12]);
        let user = self.platform.user_with_email(&email, "en").await?;
        let me = user.get("/api/auth/me").await?.ok()?;
        let id = me["data"]["user"]["id"].as_str().context("id")?.to_owned();
        let login = user.post("/api/auth/login", json!({ "email": email, "password": User::PASSWORD })).await?;
        let refresh_token = login.cookie("refreshToken").context("refreshToken")?;
        let token = login.ok()?["data"]["token"].as_str().context("token")?.to_owned();
        let again = user.post("/api/auth/login", json!({ "email": email, "password": User::PASSWORD })).await?.ok()?;
        let elsewhere = user.with_token(again["data"]["token"].as_str().context("token")?);
        let sessions = elsewhere.get("/api/auth/sessions").await?.ok()?;
        let sessions = sessions["data"]["sessions"].as_array().context("sessions")?;
        let current = sessions.iter().find(|session| session["current"] == true).context("a current one")?;
        let elsewhere_session = current["id"].as_str().context("id")?.to_owned();
        let key = user.post("/api/keys", json!({ "name": "made before" })).await?.ok()?;
        let key = key["data"]["id"].as_str().context("key")?.to_owned();
        let linked = "INSERT INTO auth.identities (provider, subject, user_id, created_at) VALUES ('WECHAT', 'o-' || $1, $1::text::uuid, now())";
        database.execute(linked, &[&id]).await?;
        user.post("/api/auth/forgot-password", json!({ "email": email })).await?.ok()?;
        let reset = self.mailed(&email, "?token=").await?;
        let confirmation = self.mailed(&email, "https://api.example").await?;
        // A confirmation that was mailed a moment ago is not mailed again.
        database
            .execute(
                "UPDATE auth.confirmation_mails SET asked_at = asked_at - interval '1 hour' WHERE user_id::text = $1",
                &[&id],
            )
            .await?;
        let user = user.with_token(&token);
        Ok(Subject { user, id, email, elsewhere, elsewhere_session, refresh_token, key, confirmation, reset })
    }

    async fn was_done(&self, command: &Command, subject: &Subject, database: &Database) -> Result<bool> {
        let Some(query) = command.done else { return Ok(false) };
        Ok(database.query_opt(query, &[&subject.id]).await?.is_some_and(|row| row.get(0)))
    }

    /// Without anything in its way, the command is carried out: it is a good one.
    async fn works(&self, command: &Command) -> Result<()> {
        let database = self.platform.database().await?;
        let subject = self.subject(&database).await?;
        let status = self.send(command, &subject).await?;
        ensure!((200..300).contains(&status), "{}: {status}", command.route);
        ensure!(command.done.is_none() || self.was_done(command, &subject, &database).await?, "{} did nothing", command.route);
        Ok(())
    }

    async fn run(&self, command: &Command, end: End) -> Result<()> {
        let what = format!("{} {} against {end:?}", command.route, (command.done.unwrap_or_default()));
        let (database, holder) = (self.platform.database().await?, self.platform.database().await?);
        let subject = self.subject(&database).await?;
        let held: i32 = holder.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        holder.batch_execute(&format!("BEGIN; SELECT FROM auth.users WHERE id = '{}' FOR UPDATE", subject.id)).await?;

        let ending = std::pin::pin!(self.end(end, &subject));
        let first = std::pin::pin!(until_waiting(&database, held, 1));
        let ending = match futures_util::future::select(ending, first).await {
            Either::Left((ended, _)) => anyhow::bail!("{what}: it does not wait for the row: {ended:?}"),
            Either::Right((waiting, ending)) => {
                waiting.with_context(|| what.clone())?;
                ending
            }
        };
        let sent = std::pin::pin!(self.send(command, &subject));
        let second = std::pin::pin!(until_waiting(&database, held, 2));
        let both = std::pin::pin!(futures_util::future::select(sent, second));
        // The end goes on meanwhile, so that nothing of it stands still.
        let (status, ended) = match futures_util::future::select(ending, both).await {
            Either::Left((ended, _)) => anyhow::bail!("{what}: ended too early: {ended:?}"),
            Either::Right((Either::Left((status, _)), ending)) => {
                holder.batch_execute("COMMIT").await?;
                (status, ending.await)
            }
            Either::Right((Either::Right((waiting, sent)), ending)) => {
                waiting.with_context(|| what.clone())?;
                holder.batch_execute("COMMIT").await?;
                let (ended, status) = tokio::join!(ending, sent);
                (status, ended)
            }
        };
        ended.with_context(|| what.clone())?;
        let status = status.with_context(|| what.clone())?;
        ensure!(!command.answers || (400..500).contains(&status), "{what}: {status}");
        ensure!(!self.was_done(command, &subject, &database).await?, "{what}: it was carried out ({status})");
        Ok(())
    }
}

fn succeeded(answer: Answer) -> Result<()> {
    answer.ok().map(|_| ())
}

/// Waits until so many wait for what this backend holds, or for each other behind it.
async fn until_waiting(database: &Database, holder: i32, count: i64) -> Result<()> {
    eventually(&format!("{count} to wait for the row"), PATIENCE, async || {
        let waiting: i64 = database
            .query_one(
                "WITH RECURSIVE waiting (pid) AS (
                     SELECT pid FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))
                     UNION
                     SELECT next.pid FROM pg_stat_activity AS next JOIN waiting ON waiting.pid = ANY (pg_blocking_pids(next.pid))
                 ) SELECT count(*) FROM waiting",
                &[&holder],
            )
            .await?
            .get(0);
        ensure!(waiting >= count, "{waiting}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_survives_the_end_of_what_allowed_it() -> Result<()> {
    let mails = MailSink::start().await?;
    let platform = Platform::builder()
        .replicas(Service::Poller, 0)
        .replicas(Service::TaskApi, 1)
        .setting(Service::Notifier, "mail.transport", "smtp")
        .setting(Service::Notifier, "mail.host", "localhost")
        .setting(Service::Notifier, "mail.port", i64::from(mails.port()))
        .setting(Service::Notifier, "mail.tls", "none")
        .setting(Service::Auth, "email_confirmation.gateway_url", "https://api.example")
        .setting(Service::Auth, "postgres.max_connections", 40)
        .setting(Service::Auth, "sessions.reuse_grace_seconds", 0)
        .start()
        .await?;
    let race = Race { platform: &platform, mails: &mails, http: reqwest::Client::new() };
    let commands = commands();
    stream::iter(&commands).map(|command| race.works(command)).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    let races = commands.iter().flat_map(|command| End::ALL.into_iter().map(move |end| (command, end)));
    let races = races.filter(|(command, end)| (command.ends)(*end));
    let failures: Vec<String> = stream::iter(races)
        .map(|(command, end)| race.run(command, end))
        .buffer_unordered(AT_ONCE)
        .filter_map(|outcome| async move { outcome.err().map(|error| format!("{error:#}")) })
        .collect()
        .await;
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_that_changes_something_is_raced() -> Result<()> {
    let output = Process::new(binary("auth")?).arg("openapi").output().await?;
    let description: Value = serde_json::from_slice(&output.stdout)?;
    let mut missing = BTreeSet::new();
    let raced: BTreeSet<&str> = commands().iter().map(|command| command.route).collect();
    for (path, methods) in description["paths"].as_object().context("paths")? {
        for method in methods.as_object().context("methods")?.keys().filter(|method| *method != "get" && *method != "head") {
            let route = format!("{} {path}", method.to_uppercase());
            if !raced.contains(route.as_str()) && !OTHERS.contains(&route.as_str()) {
                missing.insert(route);
            }
        }
    }
    assert!(missing.is_empty(), "add to commands() what may not survive the end of its caller's right: {missing:?}");
    Ok(())
}
