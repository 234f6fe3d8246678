use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;
use zoetrope_domain::UserId;
use zoetrope_postgres::DatabaseError;

use super::{schema::identities, users::LockedUser};
use crate::rules::linking::Identity;

/// The user who is known as this.
pub async fn user(connection: &mut AsyncPgConnection, identity: &Identity) -> Result<Option<UserId>, DatabaseError> {
    let found: Option<Uuid> = identities::table
        .find((identity.provider.as_str(), &identity.subject))
        .select(identities::user_id)
        .first(connection)
        .await
        .optional()?;
    Ok(found.map(UserId::new))
}

/// Makes the user known as this, unless somebody is already. Tells whether it did.
pub async fn add(
    connection: &mut AsyncPgConnection,
    user: UserId,
    identity: &Identity,
    now: DateTime<Utc>,
) -> Result<bool, DatabaseError> {
    let added = diesel::insert_into(identities::table)
        .values((
            identities::provider.eq(identity.provider.as_str()),
            identities::subject.eq(&identity.subject),
            identities::user_id.eq(user.as_uuid()),
            identities::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(connection)
        .await?;
    Ok(added > 0)
}

/// Tells how many there were.
pub async fn forget_of(connection: &mut AsyncPgConnection, locked: &LockedUser) -> Result<usize, DatabaseError> {
    let own = identities::table.filter(identities::user_id.eq(locked.user.id.as_uuid()));
    Ok(diesel::delete(own).execute(connection).await?)
}
