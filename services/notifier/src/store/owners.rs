//! The owners that an account has had, and what is dropped of all but the newest.
//!
//! Generations are learned from `auth`'s message, and from whatever else carries one: tokens, API keys, tasks. What is newer than what is known
//! brings the news with it, so that nobody need wait for the message: [`enter`] first drops all that was set before. What is older comes too
//! late. Each transaction that is about a user's settings begins with [`enter`]. It shares a lock of the user that a newer owner takes alone, so
//! each of its changes is either dropped, or not made.

use diesel::{
    OptionalExtension,
    sql_types::{BigInt, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use zoetrope_domain::{AccountOwner, Language, OwnerGeneration, UserId};
use zoetrope_postgres::{Connection, DatabaseError, Statement};

/// The newest owner that is known, until the transaction ends. Only [`enter`] makes one.
#[derive(Debug, Clone, Copy)]
pub struct PresentOwner {
    user: UserId,
}

impl PresentOwner {
    pub fn user(&self) -> UserId {
        self.user
    }
}

/// Statements that leave nothing of what owners before have set. Attempts go with their deliveries.
const DROP: [&str; 4] = [
    "DELETE FROM webhook_endpoints WHERE user_id = ",
    "DELETE FROM webhook_deliveries WHERE user_id = ",
    "DELETE FROM webhook_callback_secrets WHERE user_id = ",
    "UPDATE contacts SET wants_ready_mail = false, language = NULL, updated_at = now() WHERE user_id = ",
];

#[derive(diesel::QueryableByName)]
struct GenerationRow {
    #[diesel(sql_type = BigInt)]
    generation: i64,
}

/// Begins what is done for an owner, and ends what was set before. `None`: there is a newer one. To be called within a transaction.
pub async fn enter(connection: &mut Connection, owner: AccountOwner) -> Result<Option<PresentOwner>, DatabaseError> {
    let AccountOwner { user_id: user, generation } = owner;
    if newest(connection, user).await? < generation {
        lock(connection, "pg_advisory_xact_lock", user).await?;
        // By another, meanwhile.
        if newest(connection, user).await? < generation {
            take_over(connection, owner).await?;
        }
    } else {
        lock(connection, "pg_advisory_xact_lock_shared", user).await?;
    }
    let is_present = newest(connection, user).await? <= generation;
    Ok(is_present.then_some(PresentOwner { user }))
}

async fn newest(connection: &mut Connection, user: UserId) -> Result<OwnerGeneration, DatabaseError> {
    let row: Option<GenerationRow> = Statement::new("SELECT generation FROM owner_generations WHERE user_id = ")
        .bind::<SqlUuid, _>(user.as_uuid())
        .get_result(connection)
        .await
        .optional()?;
    Ok(row.map_or(OwnerGeneration::FIRST, |row| OwnerGeneration::read(row.generation)))
}

async fn lock(connection: &mut Connection, function: &str, user: UserId) -> Result<(), DatabaseError> {
    Statement::new(format!("SELECT {function}(hashtextextended('owner of ' || "))
        .bind::<Text, _>(user.to_string())
        .sql(", 0))")
        .execute(connection)
        .await?;
    Ok(())
}

async fn take_over(connection: &mut Connection, owner: AccountOwner) -> Result<(), DatabaseError> {
    let mut dropped = Vec::new();
    for statement in DROP {
        dropped.push(Statement::new(statement).bind::<SqlUuid, _>(owner.user_id.as_uuid()).execute(connection).await?);
    }
    Statement::new("INSERT INTO owner_generations (user_id, generation) VALUES (")
        .bind::<SqlUuid, _>(owner.user_id.as_uuid())
        .sql(", ")
        .bind::<BigInt, _>(owner.generation.stored())
        .sql(") ON CONFLICT (user_id) DO UPDATE SET generation = excluded.generation, heard_at = now()")
        .execute(connection)
        .await?;
    let [webhooks, deliveries, ..] = dropped[..] else { return Ok(()) };
    tracing::info!(user_id = %owner.user_id, generation = %owner.generation, webhooks, deliveries, "the account has another owner");
    Ok(())
}

/// Which language an owner's client prefers, unless a mail has been written in another by now.
pub async fn note_language(
    connection: &mut Connection,
    owner: &PresentOwner,
    language: Option<Language>,
) -> Result<(), DatabaseError> {
    Statement::new("UPDATE contacts SET language = coalesce(language, ")
        .bind::<Nullable<Text>, _>(language.map(Language::as_str))
        .sql(") WHERE user_id = ")
        .bind::<SqlUuid, _>(owner.user.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}
