use std::time::Duration;

use anyhow::{Context, Result};
use tokio_postgres::{Client, NoTls};
use url::Url;

use crate::{Servers, eventually};

/// Made by `scripts/test`: every schema and role, migrated by the service binaries.
const TEMPLATE: &str = "zoetrope_template";

/// Copies the migrated template into a database of this test's own.
pub async fn create_database(servers: &Servers, name: &str) -> Result<()> {
    let admin = connect(&servers.postgres).await?;
    // Another test may be copying the template at this moment, which Postgres refuses.
    eventually("a copy of the template database", Duration::from_secs(60), async || {
        Ok(admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")).await?)
    })
    .await?;
    Ok(())
}

/// The superuser's way into one database.
pub fn superuser_url(servers: &Servers, database: &str) -> Url {
    let mut url = servers.postgres.clone();
    url.set_path(&format!("/{database}"));
    url
}

/// A service's way into it.
pub fn role_url(servers: &Servers, database: &str, schema: &str) -> Result<Url> {
    let mut url = superuser_url(servers, database);
    url.set_username(&format!("zoetrope_{schema}")).ok().context("role name")?;
    url.set_password(Some(&servers.role_password(schema)?)).ok().context("role password")?;
    Ok(url)
}

pub async fn connect(url: &Url) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url.as_str(), NoTls).await?;
    #[expect(clippy::disallowed_methods, reason = "the driver of a test's own connection ends with it")]
    tokio::spawn(async move {
        // An end of the connection shows at the client's next query.
        let _ = connection.await;
    });
    Ok(client)
}
