//! Names from before names had one normal form.

use diesel::sql_types::{Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use zoetrope_domain::UserId;
use zoetrope_postgres::Statement;

use super::users::{InsertError, Unique};
use crate::rules::login::key;

/// What one sees of a stored name, as the index `users_old_spellings` has it: without what is invisible, in a normal form.
const SEEN: &str = r"lower(normalize(regexp_replace(username_key, '[\u00AD\u034F\u115F\u1160\u200B-\u200F\u202A-\u202E\u2060-\u206F\u3164\uFE00-\uFE0F\uFEFF\uFFA0]', '', 'g'), NFKC))";

#[derive(diesel::QueryableByName)]
struct Found {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    found: bool,
}

/// Refuses a name in its normal form that looks like another user's who was named before names had one. Two names in their normal form cannot
/// be the same: their key is unique.
pub async fn check_free(connection: &mut AsyncPgConnection, user: UserId, username: &str) -> Result<(), InsertError> {
    let statement =
        Statement::new("SELECT EXISTS (SELECT 1 FROM users WHERE octet_length(username_key) <> char_length(username_key) AND ")
            .sql(SEEN)
            .sql(" = lower(normalize(")
            .bind::<Text, _>(key(username))
            .sql(", NFKC)) AND username_key <> ")
            .bind::<Text, _>(key(username))
            .sql(" AND id <> ")
            .bind::<SqlUuid, _>(user.as_uuid())
            .sql(") AS found");
    let found: Found = statement.get_result(connection).await.map_err(|error| InsertError::Database(error.into()))?;
    if found.found { Err(InsertError::Taken(Unique::Username)) } else { Ok(()) }
}
