use diesel::sql_types::BigInt;
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};
use secrecy::SecretString;
use uuid::Uuid;
use zoetrope_postgres::{Connection, Database, DatabaseError, PostgresSettings};

/// A schema of one test.
pub struct Schema {
    name: String,
    url: String,
}

impl Schema {
    pub async fn create() -> Self {
        let url = std::env::var("ZOETROPE_TEST_POSTGRES_URL").expect("run the tests with scripts/test");
        let name = format!("test_{}", Uuid::now_v7().simple());
        let admin = Database::new(&settings(&url), "test").unwrap();
        admin.connection().await.unwrap().batch_execute(&format!("CREATE SCHEMA {name}")).await.unwrap();
        Self { url: format!("{url}?options=-csearch_path%3D{name}"), name }
    }

    pub fn settings(&self) -> PostgresSettings {
        settings(&self.url)
    }

    /// A pool that presents itself by the schema's name.
    pub fn database(&self, settings: &PostgresSettings) -> Database {
        Database::new(settings, &self.name).unwrap()
    }

    /// Creates `numbers (id, value)` with two rows, 1 and 2, whose value is 0.
    pub async fn with_numbers() -> (Self, Database) {
        let schema = Self::create().await;
        let database = schema.database(&schema.settings());
        let statements =
            "CREATE TABLE numbers (id bigint PRIMARY KEY, value bigint NOT NULL); INSERT INTO numbers VALUES (1, 0), (2, 0)";
        database.connection().await.unwrap().batch_execute(statements).await.unwrap();
        (schema, database)
    }

    /// What a restart of the server does to idle connections.
    pub async fn close_all_connections(&self) {
        let query = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{}'", self.name);
        let url = std::env::var("ZOETROPE_TEST_POSTGRES_URL").unwrap();
        let admin = Database::new(&settings(&url), "test").unwrap();
        admin.connection().await.unwrap().batch_execute(&query).await.unwrap();
    }
}

pub fn settings(url: &str) -> PostgresSettings {
    PostgresSettings {
        url: SecretString::from(url),
        password: None,
        ca_certificates: None,
        max_connections: 5,
        connect_timeout_seconds: 5,
        acquire_timeout_seconds: 1,
        statement_timeout_seconds: 5,
    }
}

#[derive(diesel::QueryableByName)]
struct Value {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

/// Runs a query that yields one bigint named `value`.
pub async fn query(connection: &mut Connection, query: &str) -> Result<i64, diesel::result::Error> {
    let row: Value = diesel::sql_query(query).get_result(connection).await?;
    Ok(row.value)
}

pub async fn value_of(database: &Database, id: i64) -> i64 {
    let mut connection = database.connection().await.unwrap();
    query(&mut connection, &format!("SELECT value FROM numbers WHERE id = {id}")).await.unwrap()
}

/// Adds 1, by a statement whose errors surface while its rows are read.
pub async fn increment(connection: &mut Connection, id: i64) -> Result<i64, DatabaseError> {
    Ok(query(connection, &format!("UPDATE numbers SET value = value + 1 WHERE id = {id} RETURNING value")).await?)
}
