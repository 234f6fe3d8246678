use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use url::Url;

use crate::Answer;

const PATIENCE: Duration = Duration::from_secs(30);

/// Sends these bytes on a connection of their own and reads what is answered, up to its end. The request should ask for the end of the
/// connection (`Connection: close`), unless the server ends it anyway.
pub async fn raw_http(base_url: &str, request: &[u8]) -> Result<Answer> {
    timeout(PATIENCE, exchange(base_url, request)).await.context("no end of the answer came")?
}

async fn exchange(base_url: &str, request: &[u8]) -> Result<Answer> {
    let url = Url::parse(base_url)?;
    let mut stream = TcpStream::connect((url.host_str().context("host")?, url.port().context("port")?)).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let text = String::from_utf8(answer)?;
    let (head, body) = text.split_once("\r\n\r\n").with_context(|| format!("no head: {text:?}"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("status")?.parse()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').with_context(|| line.to_owned())?;
        headers.append(name.parse::<HeaderName>()?, HeaderValue::from_str(value.trim())?);
    }
    Ok(Answer { status, headers, body: serde_json::from_str(body).unwrap_or_default() })
}
