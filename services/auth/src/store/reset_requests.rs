use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;
use zoetrope_domain::Language;
use zoetrope_postgres::DatabaseError;

use super::schema::reset_requests;
use crate::rules::login::key;

/// Somebody's wish for a link, who may be nobody.
pub struct ResetRequest {
    pub email: String,
    pub language: Option<Language>,
    pub created_at: DateTime<Utc>,
}

pub async fn insert(connection: &mut AsyncPgConnection, request: &ResetRequest) -> Result<(), DatabaseError> {
    diesel::insert_into(reset_requests::table)
        .values((
            reset_requests::id.eq(Uuid::now_v7()),
            reset_requests::email_key.eq(key(&request.email)),
            reset_requests::language.eq(request.language.map(Language::as_str)),
            reset_requests::created_at.eq(request.created_at),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes out the oldest that no other replica has in hand.
pub async fn take(connection: &mut AsyncPgConnection) -> Result<Option<ResetRequest>, DatabaseError> {
    let oldest: Option<(Uuid, String, Option<String>, DateTime<Utc>)> =
        reset_requests::table.order(reset_requests::id).for_update().skip_locked().first(connection).await.optional()?;
    let Some((id, email, language, created_at)) = oldest else { return Ok(None) };
    diesel::delete(reset_requests::table.find(id)).execute(connection).await?;
    let language = language.as_deref().and_then(Language::from_tag);
    Ok(Some(ResetRequest { email, language, created_at }))
}
