use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use zoetrope_domain::UserId;
use zoetrope_postgres::DatabaseError;

use super::schema::confirmation_mails;

/// When the user asked for one, since then.
pub async fn asked(
    connection: &mut AsyncPgConnection,
    user: UserId,
    since: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>, DatabaseError> {
    let own = confirmation_mails::table.filter(confirmation_mails::user_id.eq(user.as_uuid()));
    let recent = own.filter(confirmation_mails::asked_at.gt(since)).select(confirmation_mails::asked_at);
    Ok(recent.load(connection).await?)
}

/// Notes that the user asks for one now, and forgets what was `before`.
pub async fn note(
    connection: &mut AsyncPgConnection,
    user: UserId,
    now: DateTime<Utc>,
    before: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let own = confirmation_mails::table.filter(confirmation_mails::user_id.eq(user.as_uuid()));
    diesel::delete(own.filter(confirmation_mails::asked_at.le(before))).execute(connection).await?;
    diesel::insert_into(confirmation_mails::table)
        .values((confirmation_mails::user_id.eq(user.as_uuid()), confirmation_mails::asked_at.eq(now)))
        .execute(connection)
        .await?;
    Ok(())
}
