//! The only place that knows the tables.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, QueryResult, QueryableByName, delete, insert_into,
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_query,
    sql_types::{Array, BigInt, Bool, Bytea, Double, Nullable, Text, Uuid as SqlUuid},
    table, update,
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_bus::OutgoingMessage;
use zoetrope_postgres::{Connection, PRUNE_BATCH};

table! {
    outbox (id) {
        id -> Uuid,
        exchange -> Text,
        routing_key -> Text,
        message_type -> Text,
        mandatory -> Bool,
        payload -> Bytea,
        traceparent -> Nullable<Text>,
        lease_token -> Nullable<Uuid>,
        lease_expires_at -> Nullable<Timestamptz>,
    }
}

table! {
    inbox (message_id) {
        message_id -> Uuid,
    }
}

pub(crate) struct NewRow {
    pub(crate) id: Uuid,
    pub(crate) exchange: &'static str,
    pub(crate) routing_key: &'static str,
    pub(crate) message_type: String,
    pub(crate) mandatory: bool,
    pub(crate) payload: Vec<u8>,
    pub(crate) traceparent: Option<String>,
}

pub(crate) async fn insert(connection: &Connection, rows: Vec<NewRow>) -> QueryResult<()> {
    Columns::from(rows).execute(&mut &*connection).await?;
    Ok(())
}

/// The insert of rows by columns: the same statement for any number of rows. Not an `sql_query`, which diesel prepares anew each time.
#[derive(Default, QueryId)]
struct Columns {
    id: Vec<Uuid>,
    exchange: Vec<&'static str>,
    routing_key: Vec<&'static str>,
    message_type: Vec<String>,
    mandatory: Vec<bool>,
    payload: Vec<Vec<u8>>,
    traceparent: Vec<Option<String>>,
}

impl QueryFragment<Pg> for Columns {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO outbox (id, exchange, routing_key, message_type, mandatory, payload, traceparent) SELECT * FROM unnest(",
        );
        out.push_bind_param::<Array<SqlUuid>, _>(&self.id)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.exchange)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.routing_key)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.message_type)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Bool>, _>(&self.mandatory)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Bytea>, _>(&self.payload)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.traceparent)?;
        out.push_sql(")");
        Ok(())
    }
}

impl From<Vec<NewRow>> for Columns {
    fn from(rows: Vec<NewRow>) -> Self {
        let mut columns = Self::default();
        for row in rows {
            columns.id.push(row.id);
            columns.exchange.push(row.exchange);
            columns.routing_key.push(row.routing_key);
            columns.message_type.push(row.message_type);
            columns.mandatory.push(row.mandatory);
            columns.payload.push(row.payload);
            columns.traceparent.push(row.traceparent);
        }
        columns
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    exchange: String,
    #[diesel(sql_type = Text)]
    routing_key: String,
    #[diesel(sql_type = Text)]
    message_type: String,
    #[diesel(sql_type = Bool)]
    mandatory: bool,
    #[diesel(sql_type = Bytea)]
    payload: Vec<u8>,
    #[diesel(sql_type = Nullable<Text>)]
    traceparent: Option<String>,
}

/// Leases up to `limit` messages that nobody has leased, the oldest first.
pub(crate) async fn claim(
    connection: &mut Connection,
    token: Uuid,
    limit: i64,
    lease_seconds: f64,
) -> QueryResult<Vec<OutgoingMessage>> {
    let mut rows: Vec<Row> = sql_query(
        "WITH due AS (
             SELECT id FROM outbox
             WHERE lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp()
             ORDER BY created_at, id
             LIMIT $1
             FOR UPDATE SKIP LOCKED
         )
         UPDATE outbox SET lease_token = $2, lease_expires_at = clock_timestamp() + make_interval(secs => $3)
         FROM due WHERE outbox.id = due.id
         RETURNING outbox.id, exchange, routing_key, message_type, mandatory, payload, traceparent",
    )
    .bind::<BigInt, _>(limit)
    .bind::<SqlUuid, _>(token)
    .bind::<Double, _>(lease_seconds)
    .load(connection)
    .await?;
    // An update returns its rows in any order; ids begin with the time.
    rows.sort_unstable_by_key(|row| row.id);
    Ok(rows.into_iter().map(OutgoingMessage::from).collect())
}

impl From<Row> for OutgoingMessage {
    fn from(row: Row) -> Self {
        let Row { id, exchange, routing_key, message_type, mandatory, payload, traceparent } = row;
        Self { message_id: id, exchange, routing_key, message_type, mandatory, traceparent, payload }
    }
}

/// Deletes what was published. What somebody else has leased since stays.
pub(crate) async fn delete_published(connection: &mut Connection, token: Uuid, ids: &[Uuid]) -> QueryResult<()> {
    delete(outbox::table).filter(outbox::lease_token.eq(token)).filter(outbox::id.eq_any(ids)).execute(connection).await?;
    Ok(())
}

/// Ends a lease on what was not published, so that anyone may try at once.
pub(crate) async fn release(connection: &mut Connection, token: Uuid, ids: &[Uuid]) -> QueryResult<()> {
    update(outbox::table)
        .filter(outbox::lease_token.eq(token))
        .filter(outbox::id.eq_any(ids))
        .set((outbox::lease_token.eq(None::<Uuid>), outbox::lease_expires_at.eq(None::<DateTime<Utc>>)))
        .execute(connection)
        .await?;
    Ok(())
}

/// As far as a backlog is counted: it may be of any size, and the count of millions takes as long as publishing thousands.
const COUNTED: i64 = 10_000;

/// What waits in the outbox.
#[derive(Debug, QueryableByName)]
pub(crate) struct Backlog {
    #[diesel(sql_type = BigInt)]
    /// Up to [`COUNTED`].
    pub(crate) pending: i64,
    /// Age of the oldest; 0 when there is none.
    #[diesel(sql_type = Double)]
    pub(crate) oldest_seconds: f64,
}

pub(crate) async fn backlog(connection: &mut Connection) -> QueryResult<Backlog> {
    sql_query(
        "SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT $1) AS counted) AS pending,
                coalesce(extract(epoch FROM clock_timestamp() - (SELECT min(created_at) FROM outbox)), 0)::float8 AS oldest_seconds",
    )
    .bind::<BigInt, _>(COUNTED)
    .get_result(connection)
    .await
}

/// False if the id is there already.
pub(crate) async fn record(connection: &mut Connection, message_id: Uuid) -> QueryResult<bool> {
    let recorded =
        insert_into(inbox::table).values(inbox::message_id.eq(message_id)).on_conflict_do_nothing().execute(connection).await?;
    Ok(recorded == 1)
}

/// Deletes a batch of old ids, and returns how many there were.
pub(crate) async fn prune_inbox(connection: &mut Connection, kept_days: i32) -> QueryResult<usize> {
    sql_query(
        "WITH old AS MATERIALIZED (
             SELECT message_id FROM inbox
             WHERE received_at < now() - make_interval(days => $1)
             ORDER BY received_at
             LIMIT $2
             FOR UPDATE SKIP LOCKED
         )
         DELETE FROM inbox USING old WHERE inbox.message_id = old.message_id",
    )
    .bind::<diesel::sql_types::Integer, _>(kept_days)
    .bind::<BigInt, _>(PRUNE_BATCH)
    .execute(connection)
    .await
}
