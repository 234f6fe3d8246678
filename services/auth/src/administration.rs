//! What an operator does to users: the first administrator, suspension, deletion, and their end.
//!
//! These commands work beside running replicas, which bring what they have stored to the other services.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    time::Duration,
};

use anyhow::{Context, bail};
use chrono::Utc;
use clap::Args;
use secrecy::SecretString;
use tokio::time::timeout;
use zoetrope_outbox::enqueue;
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_redis::Redis;
use zoetrope_tokens::{Access, Role, Verifier};

use crate::{
    accounts::{AccountError, Ended, SecurityEvent, User, create, delete, find, new_user, reinstate, suspend},
    credentials::Passwords,
    rules::{
        login::Identifier,
        registration::{Candidate, Registration},
        username::Chooser,
    },
    settings::{CreateAdminSettings, SuspensionSettings},
    store::security_events,
};

/// What a suspension or a deletion waits for Redis. What it does not take in that time, a running replica brings.
const ANNOUNCE_PATIENCE: Duration = Duration::from_secs(1);

/// Create an administrator. The password comes from a prompt, or as the first line of standard input.
#[derive(Debug, Clone, Args)]
pub struct CreateAdminArgs {
    #[arg(long)]
    username: String,
    #[arg(long)]
    email: Option<String>,
}

/// Whom it is about.
#[derive(Debug, Clone, Args)]
pub struct UserArgs {
    /// The name, or the address
    user: String,
}

/// Runs `auth create-admin`.
pub async fn create_admin(settings: CreateAdminSettings, args: CreateAdminArgs) -> anyhow::Result<()> {
    let candidate = Candidate {
        username: Some(args.username),
        nickname: None,
        email: args.email,
        password: Some(ask_password().context("no password")?),
    };
    let registration = match Registration::parse(candidate, Chooser::Operator) {
        Ok(registration) => registration,
        Err(errors) => bail!(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
    };
    let password_hash = Passwords::new(&settings.passwords)?.hash(registration.password).await?;
    let user = new_user(registration.username, registration.email, Role::Admin);
    let confirmation = match (settings.email_confirmation.confirmations()?, &user.email) {
        (Some(confirmations), Some(email)) => {
            let key = settings.sign_in_codes.context("sign_in_codes.secret is missing: it seals links")?.codes()?.key;
            Some(confirmations.mail(&key, user.id, email, None, user.created_at))
        }
        (None, _) | (_, None) => None,
    };
    Database::new(&settings.postgres, "auth create-admin")?
        .transaction("create_admin", async |connection| {
            create(connection, &user, Some(&password_hash), None, registration.username_field).await?;
            let event = SecurityEvent::RoleChanged(user.role);
            security_events::record(connection, user.id, event, None, user.created_at).await?;
            if let Some(mail) = &confirmation {
                enqueue(connection, mail).await.map_err(DatabaseError::from)?;
            }
            Ok::<_, AccountError>(())
        })
        .await?;
    writeln!(io::stdout(), "created the administrator {}", user.username)?;
    Ok(())
}

/// Runs `auth suspend`.
pub async fn suspend_user(settings: SuspensionSettings, args: UserArgs) -> anyhow::Result<()> {
    let database = Database::new(&settings.postgres, "auth suspend")?;
    let (user, ended) = suspend(&database, &Identifier::of(&args.user)).await?.context("there is no such user")?;
    tell("suspended", &user, &ended, &settings).await
}

/// Runs `auth delete-user`. A running replica erases the user, when the time has come.
pub async fn delete_user(settings: SuspensionSettings, args: UserArgs) -> anyhow::Result<()> {
    let database = Database::new(&settings.postgres, "auth delete-user")?;
    let user = find(&database, &Identifier::of(&args.user)).await?.context("there is no such user")?;
    let (user, ended) = delete(&database, user.id, Utc::now()).await?.context("the user was deleted before")?;
    tell("deleted", &user, &ended, &settings).await
}

/// Brings what has ended to the other services, and says so.
async fn tell(done: &str, user: &User, ended: &Ended, settings: &SuspensionSettings) -> anyhow::Result<()> {
    let access = Access::new(Verifier::open(&settings.tokens)?, Redis::connect(&settings.redis)?);
    // The bus tells them, too, as soon as a running replica has seen what is stored.
    let announced = timeout(ANNOUNCE_PATIENCE, async {
        for session in &ended.sessions {
            access.revoke_session(session.id, session.tokens_live_for(Utc::now())).await?;
        }
        for key in &ended.keys {
            access.revoke_key(*key).await?;
        }
        anyhow::Ok(())
    });
    let is_known = matches!(announced.await, Ok(Ok(())));
    let (sessions, keys) = (ended.sessions.len(), ended.keys.len());
    writeln!(io::stdout(), "{done} {}: {sessions} sessions and {keys} API keys have ended", user.username)?;
    if !is_known {
        writeln!(io::stdout(), "Redis is away: the services learn of it as soon as one of them is back, Redis or RabbitMQ")?;
    }
    Ok(())
}

/// Runs `auth reinstate`.
pub async fn reinstate_user(settings: SuspensionSettings, args: UserArgs) -> anyhow::Result<()> {
    let database = Database::new(&settings.postgres, "auth reinstate")?;
    let user = reinstate(&database, &Identifier::of(&args.user)).await?.context("there is no such user")?;
    writeln!(io::stdout(), "{} may sign in again", user.username)?;
    Ok(())
}

/// Never an argument: those are in histories, and for everybody to see while the command runs.
fn ask_password() -> io::Result<SecretString> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let password = rpassword::prompt_password("Password: ")?;
        if rpassword::prompt_password("Once more: ")? != password {
            return Err(io::Error::other("the two differ"));
        }
        return Ok(password.into());
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned().into())
}
