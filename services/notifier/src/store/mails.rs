use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::{
    dsl::now,
    prelude::*,
    sql_types::{Array, BigInt, Double, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;
use zoetrope_domain::{Language, UserId, masked};
use zoetrope_postgres::{Connection, DatabaseError, PRUNE_BATCH, Statement};
use zoetrope_service::trace::current_traceparent;

use super::schema::mails;
use crate::mail::{Content, Ended, Mail, MailId};

/// A mail that is ours until its lease ends.
pub struct Claimed {
    pub id: MailId,
    /// Of the claim, which may have taken others as well.
    pub token: Uuid,
    pub user_id: Option<UserId>,
    pub template: String,
    pub recipient: String,
    pub language: Language,
    /// As it was stored.
    pub content: Value,
    /// Tries before this one.
    pub attempts: u32,
    pub created_at: DateTime<Utc>,
    /// Since it was asked for.
    pub age: Duration,
    /// Until it is too late; `None`: it never is.
    pub left: Option<Duration>,
    pub traceparent: Option<String>,
}

#[derive(QueryableByName)]
struct ClaimedRow {
    #[diesel(sql_type = Text)]
    mail_id: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    user_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    template: String,
    #[diesel(sql_type = Nullable<Text>)]
    recipient: Option<String>,
    #[diesel(sql_type = Text)]
    language: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    content: Option<Value>,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Double)]
    age: f64,
    #[diesel(sql_type = Nullable<Double>)]
    left_over: Option<f64>,
    #[diesel(sql_type = Nullable<Text>)]
    traceparent: Option<String>,
}

/// Adds a mail. False if one of this id is there already, whatever became of it.
pub async fn insert(connection: &mut Connection, mail: &Mail) -> Result<bool, DatabaseError> {
    let content = serde_json::to_value(&mail.content).map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
    let added = diesel::insert_into(mails::table)
        .values((
            mails::mail_id.eq(mail.id.as_str()),
            mails::user_id.eq(mail.user_id.map(UserId::as_uuid)),
            mails::template.eq(mail.content.template()),
            mails::language.eq(mail.language.as_str()),
            mails::state.eq("queued"),
            mails::recipient.eq(&mail.recipient),
            mails::content.eq(content),
            mails::masked_recipient.eq(masked(&mail.recipient)),
            mails::expires_at.eq(mail.expires_at),
            mails::traceparent.eq(current_traceparent()),
        ))
        .on_conflict_do_nothing()
        .execute(connection)
        .await?;
    Ok(added > 0)
}

/// Claims due mails, at most `limit`, for the time of a lease. Those that another replica is claiming are passed over, and those of
/// templates that only a newer version of this service knows.
pub async fn claim(connection: &mut Connection, limit: usize, lease: Duration) -> Result<Vec<Claimed>, DatabaseError> {
    let token = Uuid::new_v4();
    let rows: Vec<ClaimedRow> = Statement::new("UPDATE mails SET lease_token = ")
        .bind::<SqlUuid, _>(token)
        .sql(", lease_expires_at = now() + make_interval(secs => ")
        .bind::<Double, _>(lease.as_secs_f64())
        .sql(
            ")
             WHERE mail_id = ANY (ARRAY(
                SELECT mail_id FROM mails
                WHERE state = 'queued' AND due_at <= now()
                  AND (lease_expires_at IS NULL OR lease_expires_at <= now())
                  AND (expires_at IS NULL OR expires_at > now())
                  AND template = ANY (",
        )
        .bind::<Array<Text>, _>(Content::TEMPLATES.as_slice())
        .sql(") ORDER BY (expires_at IS NULL), due_at LIMIT ")
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .sql(
            " FOR UPDATE SKIP LOCKED
             ))
             RETURNING mail_id, user_id, template, recipient, language, content, attempts, created_at, traceparent,
                extract(epoch FROM now() - created_at)::float8 AS age,
                extract(epoch FROM expires_at - now())::float8 AS left_over",
        )
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.claimed(token)).collect())
}

impl ClaimedRow {
    fn claimed(self, token: Uuid) -> Claimed {
        Claimed {
            id: MailId::stored(self.mail_id),
            token,
            user_id: self.user_id.map(UserId::new),
            template: self.template,
            // Both are there as long as a mail is queued: the table sees to it.
            recipient: self.recipient.unwrap_or_default(),
            content: self.content.unwrap_or_default(),
            language: Language::from_tag(&self.language).unwrap_or_default(),
            attempts: self.attempts.unsigned_abs(),
            created_at: self.created_at,
            age: duration(self.age),
            left: self.left_over.map(duration),
            traceparent: self.traceparent,
        }
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}

/// Ends a mail that was sent. That is a fact, whoever holds the lease by now.
pub async fn sent(connection: &mut Connection, id: &MailId) -> Result<(), DatabaseError> {
    diesel::update(mails::table.find(id.as_str()))
        .filter(mails::state.eq("queued"))
        .set((
            mails::state.eq("sent"),
            mails::attempts.eq(mails::attempts + 1),
            mails::last_error.eq(None::<&str>),
            mails::recipient.eq(None::<&str>),
            mails::content.eq(None::<Value>),
            mails::ended_at.eq(now),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends a mail that is not sent. False if the lease was lost.
pub async fn end(
    connection: &mut Connection,
    id: &MailId,
    token: Uuid,
    ended: Ended,
    last_error: &str,
) -> Result<bool, DatabaseError> {
    let changed = diesel::update(mails::table.find(id.as_str()))
        .filter(mails::state.eq("queued"))
        .filter(mails::lease_token.eq(token))
        .set((
            mails::state.eq(ended.as_str()),
            mails::attempts.eq(mails::attempts + 1),
            mails::last_error.eq(last_error),
            mails::recipient.eq(None::<&str>),
            mails::content.eq(None::<Value>),
            mails::ended_at.eq(now),
        ))
        .execute(connection)
        .await?;
    Ok(changed > 0)
}

/// Gives a mail back to be tried again later. False if the lease was lost.
pub async fn defer(
    connection: &mut Connection,
    id: &MailId,
    token: Uuid,
    wait: Duration,
    last_error: &str,
) -> Result<bool, DatabaseError> {
    let changed =
        Statement::new("UPDATE mails SET attempts = attempts + 1, lease_token = NULL, lease_expires_at = NULL, last_error = ")
            .bind::<Text, _>(last_error)
            .sql(", due_at = now() + make_interval(secs => ")
            .bind::<Double, _>(wait.as_secs_f64())
            .sql(") WHERE state = 'queued' AND mail_id = ")
            .bind::<Text, _>(id.as_str())
            .sql(" AND lease_token = ")
            .bind::<SqlUuid, _>(token)
            .execute(connection)
            .await?;
    Ok(changed > 0)
}

/// Gives a mail back as if it had not been claimed.
pub async fn release(connection: &mut Connection, id: &MailId, token: Uuid) -> Result<(), DatabaseError> {
    diesel::update(mails::table.find(id.as_str()))
        .filter(mails::state.eq("queued"))
        .filter(mails::lease_token.eq(token))
        .set((mails::lease_token.eq(None::<Uuid>), mails::lease_expires_at.eq(None::<DateTime<Utc>>)))
        .execute(connection)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct TemplateRow {
    #[diesel(sql_type = Text)]
    template: String,
}

/// Ends what is too late and in nobody's hands; tells the templates.
pub async fn expire(connection: &mut Connection) -> Result<Vec<String>, DatabaseError> {
    let rows: Vec<TemplateRow> = Statement::new(
        "UPDATE mails SET state = 'expired', recipient = NULL, content = NULL, ended_at = now()
          WHERE mail_id = ANY (ARRAY(
             SELECT mail_id FROM mails
             WHERE state = 'queued' AND expires_at <= now() AND (lease_expires_at IS NULL OR lease_expires_at <= now())
             LIMIT ",
    )
    .bind::<BigInt, _>(PRUNE_BATCH)
    .sql(" FOR UPDATE SKIP LOCKED)) RETURNING template")
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.template).collect())
}

/// As far as the queue is counted.
const COUNTED: i64 = 10_000;

/// What waits to be sent.
#[derive(Debug, QueryableByName)]
pub struct Backlog {
    /// Up to 10,000.
    #[diesel(sql_type = BigInt)]
    pub pending: i64,
    /// Age of the oldest; 0 when there is none.
    #[diesel(sql_type = Double)]
    pub oldest_seconds: f64,
}

pub async fn backlog(connection: &mut Connection) -> Result<Backlog, DatabaseError> {
    let backlog = Statement::new("SELECT (SELECT count(*) FROM (SELECT FROM mails WHERE state = 'queued' LIMIT ")
        .bind::<BigInt, _>(COUNTED)
        .sql(
            ") AS counted) AS pending,
             coalesce(extract(epoch FROM now() - (SELECT min(created_at) FROM mails WHERE state = 'queued')), 0)::float8
                AS oldest_seconds",
        )
        .get_result(connection)
        .await?;
    Ok(backlog)
}

/// Forgets a batch of mails that ended before a moment; tells how many.
pub async fn forget_ended(connection: &mut Connection, before: DateTime<Utc>) -> QueryResult<usize> {
    Statement::new(
        "WITH old AS MATERIALIZED (
             SELECT mail_id FROM mails WHERE state <> 'queued' AND ended_at < ",
    )
    .bind::<Timestamptz, _>(before)
    .sql(" ORDER BY ended_at LIMIT ")
    .bind::<BigInt, _>(PRUNE_BATCH)
    .sql(
        " FOR UPDATE SKIP LOCKED
         )
         DELETE FROM mails USING old WHERE mails.mail_id = old.mail_id",
    )
    .execute(connection)
    .await
}
