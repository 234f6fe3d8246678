use anyhow::{Context, Result};
use reqwest::Client;
use serde_json::json;
use url::Url;

use crate::Servers;

/// Makes a virtual host that the servers' user may use, and returns its AMQP URL.
pub async fn create_virtual_host(servers: &Servers, name: &str) -> Result<Url> {
    let http = Client::new();
    let put = async |path: String, body: serde_json::Value| -> Result<()> {
        let url = servers.management.join(&path)?;
        http.put(url).json(&body).send().await?.error_for_status().with_context(|| format!("PUT {path}"))?;
        Ok(())
    };
    let user = servers.amqp.username();
    put(format!("/api/vhosts/{name}"), json!({})).await?;
    put(format!("/api/permissions/{name}/{user}"), json!({ "configure": ".*", "write": ".*", "read": ".*" })).await?;

    let mut url = servers.amqp.clone();
    url.set_path(&format!("/{name}"));
    Ok(url)
}
