use secrecy::ExposeSecret;
use uuid::Uuid;
use zoetrope_domain::{Language, UserId};
use zoetrope_postgres::Connection;
use zoetrope_service::run_to_end;
use zoetrope_tokens::Role;

use super::{
    AccountError, Accounts, Device, Ended, SecurityEvent, User,
    new_password::NewPassword,
    register::now,
    take_over::{NewOwner, draw_username},
};
use crate::{
    credentials::ResetToken,
    lockout::Subject,
    rules::password::PasswordReset,
    store::{
        password_resets,
        users::{self, LockedUser},
    },
};

/// A name that was drawn may be taken.
const ATTEMPTS: u32 = 5;

/// A mailed link and what it leads to.
struct Reset {
    link: Uuid,
    user: UserId,
    new: NewPassword,
    /// The user's name from now on, if the account gets another owner.
    username: String,
}

impl Accounts {
    /// Gives the user to whom a link was mailed another password, and ends all of the user's sessions. The link works once. Whoever receives it
    /// owns the account: if that is the first sign that the user receives any mail, the account is [taken over](NewOwner::take_over).
    pub async fn reset_password(
        &self,
        reset: PasswordReset,
        language: Option<Language>,
        device: Device,
    ) -> Result<(), AccountError> {
        let token = ResetToken::parse(reset.token.expose_secret()).ok_or(AccountError::BadResetToken)?;
        let mut connection = self.0.database.connection().await?;
        let stored = password_resets::find(&mut connection, token.id, now()).await?;
        // Hashing takes long, and others wait for connections.
        drop(connection);

        let stored = stored.filter(|stored| token.matches(&stored.secret_hash)).ok_or(AccountError::BadResetToken)?;
        let hash = self.0.passwords.hash(reset.password).await?;
        let address = device.address;
        let new = NewPassword { hash, spared: None, language, event: SecurityEvent::PasswordReset, device };
        let accounts = self.clone();
        run_to_end(async move {
            let user = accounts.use_link(token.id, stored.user_id, new).await?;
            // Whoever kept guessing must not keep the owner out.
            accounts.0.lockout.open(Subject::Account(user.owner()), address).await;
            Ok(())
        })
        .await
    }

    async fn use_link(&self, link: Uuid, user: UserId, new: NewPassword) -> Result<User, AccountError> {
        for _ in 1..ATTEMPTS {
            let reset = Reset { link, user, new: new.clone(), username: draw_username()? };
            match self.try_to_reset(reset).await {
                Err(AccountError::Overtaken) => {}
                done => return done,
            }
        }
        self.try_to_reset(Reset { link, user, new, username: draw_username()? }).await
    }

    async fn try_to_reset(&self, reset: Reset) -> Result<User, AccountError> {
        let (user, ended) = self
            .0
            .database
            .transaction("reset_password", async |connection| {
                let mut locked = users::lock(connection, reset.user).await?.ok_or(AccountError::BadResetToken)?;
                // Somebody was faster with it, or did what makes it void.
                if !password_resets::take(connection, reset.link).await? {
                    return Err(AccountError::BadResetToken);
                }
                locked.state.let_in()?;
                let mut ended = Ended::default();
                if !locked.email_is_verified && locked.user.email.is_some() {
                    ended = take_over(connection, &locked, &reset).await?;
                    locked = users::lock(connection, reset.user).await?.ok_or(AccountError::BadResetToken)?;
                }
                ended.sessions.extend(reset.new.store(connection, &locked, now()).await?);
                Ok((locked.user, ended))
            })
            .await?;
        self.0.relay.wake();
        self.0.avatars.wake();
        self.announce_ended(&ended).await;
        Ok(user)
    }
}

async fn take_over(connection: &mut Connection, claimed: &LockedUser, reset: &Reset) -> Result<Ended, AccountError> {
    // Such links are not mailed; the user has become an administrator since.
    if claimed.user.role == Role::Admin {
        return Err(AccountError::BadResetToken);
    }
    let NewPassword { language, device, .. } = &reset.new;
    let owner = NewOwner { username: &reset.username, display_name: None, language: *language, device };
    owner.take_over(connection, claimed, now()).await
}
