use chrono::{DateTime, Utc};
use diesel::{
    dsl::now,
    prelude::*,
    sql_types::{Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use zoetrope_domain::{Language, UserId};
use zoetrope_postgres::{Connection, DatabaseError, Statement};

use super::{owners::PresentOwner, schema::contacts};
use crate::mail::Contact;

/// Keeps what a registration told, unless the user is gone. What is known already came later, and stays; of an owner who came later, the language
/// of the one who registered says nothing.
pub async fn save_registered(
    connection: &mut Connection,
    user: UserId,
    email: Option<&str>,
    language: Option<Language>,
) -> Result<(), DatabaseError> {
    Statement::new("INSERT INTO contacts (user_id, email, language)
         SELECT told.* FROM (SELECT user_id, email,
             CASE WHEN NOT EXISTS (SELECT FROM owner_generations WHERE owner_generations.user_id = given.user_id) THEN language END AS language
         FROM (VALUES (")
        .bind::<SqlUuid, _>(user.as_uuid())
        .sql(", ")
        .bind::<Nullable<Text>, _>(email)
        .sql(", ")
        .bind::<Nullable<Text>, _>(language.map(Language::as_str))
        .sql(
            ")) AS given (user_id, email, language)) AS told
               WHERE NOT EXISTS (SELECT FROM deleted_users WHERE deleted_users.user_id = told.user_id)
               ON CONFLICT (user_id) DO UPDATE
               SET email = coalesce(contacts.email, excluded.email),
                   language = coalesce(contacts.language, excluded.language),
                   updated_at = now()",
        )
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps another address, unless a later one is known or the user is gone.
pub async fn save_change(
    connection: &mut Connection,
    user: UserId,
    email: Option<&str>,
    changed_at: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    Statement::new("INSERT INTO contacts (user_id, email, email_as_of) SELECT told.* FROM (VALUES (")
        .bind::<SqlUuid, _>(user.as_uuid())
        .sql(", ")
        .bind::<Nullable<Text>, _>(email)
        .sql(", ")
        .bind::<Timestamptz, _>(changed_at)
        .sql(
            ")) AS told (user_id, email, email_as_of)
               WHERE NOT EXISTS (SELECT FROM deleted_users WHERE deleted_users.user_id = told.user_id)
               ON CONFLICT (user_id) DO UPDATE
               SET email = excluded.email, email_as_of = excluded.email_as_of, updated_at = now()
               WHERE contacts.email_as_of IS NULL OR contacts.email_as_of < excluded.email_as_of",
        )
        .execute(connection)
        .await?;
    Ok(())
}

/// How to reach a user; `None` when no address is known.
pub async fn find(connection: &mut Connection, user: UserId) -> Result<Option<Contact>, DatabaseError> {
    let row: Option<(Option<String>, Option<String>, bool)> = contacts::table
        .find(user.as_uuid())
        .select((contacts::email, contacts::language, contacts::wants_ready_mail))
        .first(connection)
        .await
        .optional()?;
    Ok(row.and_then(|(email, language, wants_ready_mail)| {
        let language = language.as_deref().and_then(Language::from_tag).unwrap_or_default();
        Some(Contact { user_id: user, email: email?, language, wants_ready_mail })
    }))
}

/// Whether a user wants a mail when a video is ready.
pub async fn wants_ready_mail(connection: &mut Connection, owner: &PresentOwner) -> Result<bool, DatabaseError> {
    let wanted =
        contacts::table.find(owner.user().as_uuid()).select(contacts::wants_ready_mail).first(connection).await.optional()?;
    Ok(wanted.unwrap_or_default())
}

/// Remembers it, also of a user whose registration was not heard of yet.
pub async fn set_wants_ready_mail(connection: &mut Connection, owner: &PresentOwner, wanted: bool) -> Result<(), DatabaseError> {
    let wish = (contacts::wants_ready_mail.eq(wanted), contacts::updated_at.eq(now));
    diesel::insert_into(contacts::table)
        .values((contacts::user_id.eq(owner.user().as_uuid()), wish))
        .on_conflict(contacts::user_id)
        .do_update()
        .set(wish)
        .execute(connection)
        .await?;
    Ok(())
}
