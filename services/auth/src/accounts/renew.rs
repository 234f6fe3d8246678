use chrono::{DateTime, SubsecRound, Utc};
use zoetrope_domain::SessionId;
use zoetrope_service::run_to_end;
use zoetrope_tokens::{Refusal, TokenKind};

use super::{AccountError, Accounts, acting::Evidence, register::now};
use crate::{rules::renewal, store::sessions};

impl Accounts {
    /// Exchanges a session token that is good for one that is good for longer, see [`renewal`].
    ///
    /// Both belong to the same session, and end when it is ended: the session is made as long as its longest token before anybody has that.
    pub async fn renew(&self, presented: &str) -> Result<String, AccountError> {
        let claims = self.0.verifier.verify(presented, Utc::now()).map_err(Refusal::Token)?;
        if claims.kind != TokenKind::Session {
            // It is for minutes: who gets hold of one must not make a week of it.
            return Err(AccountError::NotSignedIn("an access token is renewed with its refresh token"));
        }
        let accounts = self.clone();
        run_to_end(async move { accounts.prolong(claims.session_id, now()).await }).await
    }

    async fn prolong(&self, session: SessionId, now: DateTime<Utc>) -> Result<String, AccountError> {
        let (user, expires_at) = self
            .0
            .database
            .transaction("renew", async |connection| {
                let acting = Evidence::session(session).check(connection).await?;
                let lifetime = self.0.sessions.session_token();
                let expires_at = renewal::until(acting.opened_at(), now, lifetime, self.0.sessions.renewal())
                    .ok_or(AccountError::NotSignedIn("the session is too old to go on: sign in again"))?;
                sessions::extend(connection, session, expires_at).await?;
                Ok::<_, AccountError>((acting.user.clone(), expires_at))
            })
            .await?;
        self.sign_until(&user, session, TokenKind::Session, now, expires_at.trunc_subsecs(0))
    }
}
