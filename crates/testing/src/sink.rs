use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::StatusCode, web};
use anyhow::{Context, Result, ensure};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use standardwebhooks::Webhook;

use crate::{User, eventually, ports::free_port};

/// A receiver of webhooks on this machine: keeps what comes, and answers each path as a test wants.
#[derive(Debug)]
pub struct Sink {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    received: Mutex<Vec<Told>>,
    replies: Mutex<HashMap<String, Reply>>,
}

/// How a path answers; 204 at once, unless a test says otherwise.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    /// `Location`, for a redirect.
    pub location: Option<String>,
    pub delay: Duration,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Told {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self { status, location: None, delay: Duration::ZERO }
    }
}

impl Shared {
    fn received(&self) -> MutexGuard<'_, Vec<Told>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replies(&self) -> MutexGuard<'_, HashMap<String, Reply>> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink {
    const PATIENCE: Duration = Duration::from_secs(30);

    /// Listens until the test ends.
    pub fn start() -> Result<Self> {
        let (port, shared) = (free_port()?, Arc::new(Shared::default()));
        let data = web::Data::from(Arc::clone(&shared));
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(take)))
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", port))?
            .run();
        #[expect(clippy::disallowed_methods, reason = "the server ends with the test's runtime")]
        tokio::spawn(server);
        Ok(Self { port, shared })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// From now on, this path answers like this.
    pub fn answer(&self, path: &str, reply: Reply) {
        self.shared.replies().insert(path.to_owned(), reply);
    }

    /// What came to this path, the first one first.
    pub fn received(&self, path: &str) -> Vec<Told> {
        self.shared.received().iter().filter(|received| received.path == path).cloned().collect()
    }

    /// Waits until at least so many requests have come to this path, and returns all of them.
    pub async fn until(&self, path: &str, count: usize) -> Result<Vec<Told>> {
        eventually(&format!("{count} messages at {path}"), Self::PATIENCE, async || {
            let received = self.received(path);
            ensure!(received.len() >= count, "{received:?}");
            Ok(received)
        })
        .await
    }
}

async fn take(shared: web::Data<Shared>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let headers = request.headers().iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    let path = request.path().to_owned();
    let reply = shared.replies().get(&path).cloned().unwrap_or(Reply::status(204));
    shared.received().push(Told { path, headers: headers.collect(), body: body.into() });
    tokio::time::sleep(reply.delay).await;
    let mut response = HttpResponse::build(StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    if let Some(location) = reply.location {
        response.insert_header(("location", location));
    }
    if reply.status == 204 { response.finish() } else { response.body(format!("this is {}", reply.status)) }
}

impl Told {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What the specification's own library says of the signature.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        Webhook::new(secret).is_ok_and(|webhook| webhook.verify(&self.body, &self.headers).is_ok())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The message's type.
    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().to_owned()
    }
}

/// A webhook of a user.
#[derive(Clone, Debug)]
pub struct Hook {
    pub path: String,
    pub secret: String,
}

impl Hook {
    /// Makes one.
    pub async fn create(user: &User, body: Value) -> Result<Self> {
        let created = user.post("/api/webhooks", body).await?;
        ensure!(created.status == 201, "{created:?}");
        let data = &created.body["data"];
        let text = |name: &str| data[name].as_str().map(str::to_owned).with_context(|| format!("no {name}: {data}"));
        Ok(Self { path: format!("/api/webhooks/{}", text("id")?), secret: text("secret")? })
    }

    /// How it is now.
    pub async fn show(&self, user: &User) -> Result<Value> {
        Ok(user.get(&self.path).await?.ok()?["data"].clone())
    }

    /// Sends a test, and returns its delivery's id.
    pub async fn test(&self, user: &User) -> Result<String> {
        let sent = user.post(&format!("{}/test", self.path), Value::Null).await?.ok()?;
        Ok(sent["data"]["id"].as_str().context("no id")?.to_owned())
    }

    /// What was told to it, the newest first.
    pub async fn deliveries(&self, user: &User) -> Result<Vec<Value>> {
        let list = user.get(&format!("{}/deliveries?pageSize=100", self.path)).await?.ok()?;
        Ok(list["data"]["deliveries"].as_array().context("no deliveries")?.clone())
    }

    /// Waits until the newest delivery has this status.
    pub async fn until(&self, user: &User, status: &str) -> Result<Value> {
        eventually(&format!("a delivery that is {status}"), Sink::PATIENCE, async || {
            let newest = self.deliveries(user).await?.into_iter().next().context("nothing was told")?;
            ensure!(newest["status"] == status, "{newest}");
            Ok(newest)
        })
        .await
    }
}
