//! Names from before names had one normal form.

use diesel::sql_types::{Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use zoetrope_domain::UserId;
use zoetrope_postgres::Statement;

use super::users::{InsertError, Unique};
use crate::rules::login::key;

/// What one sees of a stored name, as the index `users_old_spellings` has it: without what is invisible, in a normal form.
const SEEN: &str = r"regexp_replace(lower(normalize(regexp_replace(username_key, '[\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u2800\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]', '', 'g'), NFKC)), ' +', ' ', 'g')";
/// Which names may look like others, as that index has it.
const UNUSUAL: &str = "octet_length(username_key) <> char_length(username_key) OR username_key LIKE '%  %'";

#[derive(diesel::QueryableByName)]
struct Found {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    found: bool,
}

/// Refuses a name in its normal form that looks like another user's who was named before names had one. Two names in their normal form cannot
/// be the same: their key is unique.
pub async fn check_free(connection: &mut AsyncPgConnection, user: UserId, username: &str) -> Result<(), InsertError> {
    let statement = Statement::new("SELECT EXISTS (SELECT 1 FROM users WHERE (")
        .sql(UNUSUAL)
        .sql(") AND ")
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

#[cfg(test)]
mod tests {
    use zoetrope_domain::characters::is_invisible;

    use super::*;

    /// The characters of the class in [`SEEN`], by their numbers.
    fn removed() -> Vec<(u32, u32)> {
        let class = SEEN.split(['[', ']']).nth(1).unwrap();
        let number = |text: &str| u32::from_str_radix(text.trim_start_matches(['u', 'U']), 16).unwrap();
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let mut to_end = false;
        for part in class.split('\\').skip(1) {
            let one = number(part.trim_end_matches('-'));
            match ranges.last_mut() {
                Some((_, end)) if to_end => *end = one,
                _ => ranges.push((one, one)),
            }
            to_end = part.ends_with('-');
        }
        ranges
    }

    #[test]
    fn the_database_takes_out_what_is_invisible() {
        let removed = removed();
        for character in '\0'..=char::MAX {
            let number = u32::from(character);
            let is_removed = removed.iter().any(|(first, last)| (*first..=*last).contains(&number));
            assert_eq!(is_removed, is_invisible(character), "U+{number:04X}");
        }
        let migration = include_str!("../../../../migrations/auth/2026-12-01-000310_old_spellings/up.sql");
        assert!(migration.contains(SEEN) && migration.contains(UNUSUAL), "the index is of something else");
    }
}
