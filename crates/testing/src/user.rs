use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use reqwest::{RequestBuilder, header::HeaderMap, multipart::Form};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Events, Platform, Socket, eventually};

/// What the gateway answered, whether it pleases or not.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// `null` when the body is not JSON.
    pub body: Value,
}

impl Answer {
    /// The body of a success; anything else is an error that shows the body.
    pub fn ok(self) -> Result<Value> {
        ensure!((200..300).contains(&self.status), "{}: {}", self.status, self.body);
        Ok(self.body)
    }

    /// The value of a cookie that was set.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        cookies.filter_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('=')?.split(';').next()).map(str::to_owned).next()
    }
}

/// Somebody in front of the gateway, signed in or not.
#[derive(Clone, Debug)]
pub struct User {
    http: reqwest::Client,
    gateway: String,
    name: String,
    token: Option<String>,
}

impl User {
    pub const PASSWORD: &'static str = "correct horse battery staple";
    const PATIENCE: Duration = Duration::from_secs(60);

    pub(crate) fn nobody(platform: &Platform) -> Self {
        Self { http: reqwest::Client::new(), gateway: platform.gateway_url(), name: String::new(), token: None }
    }

    /// Registers under a name of its own.
    pub(crate) async fn register(platform: &Platform) -> Result<Self> {
        Self::register_as(platform, json!({}), "").await
    }

    /// Registers with more than a name, as a client of this `Accept-Language`.
    pub(crate) async fn register_as(platform: &Platform, mut body: Value, language: &str) -> Result<Self> {
        let nobody = Self::nobody(platform);
        let id = Uuid::new_v4().simple().to_string();
        let name = format!("user-{}", &id[..12]);
        body["username"] = name.as_str().into();
        body["password"] = Self::PASSWORD.into();
        let body = nobody.post_with_header("/api/auth/register", &body, "Accept-Language", language).await?.ok()?;
        let token = body["data"]["token"].as_str().context("register gave no token")?.to_owned();
        Ok(Self { name, token: Some(token), ..nobody })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(self.http.get(self.url(path))).await
    }

    pub async fn get_with_header(&self, path: &str, name: &str, value: &str) -> Result<Answer> {
        self.send(self.http.get(self.url(path)).header(name, value)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Result<Answer> {
        let request = self.http.post(self.url(path));
        self.send(if body.is_null() { request } else { request.json(&body) }).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Result<Answer> {
        self.send(self.http.put(self.url(path)).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Result<Answer> {
        self.send(self.http.patch(self.url(path)).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(self.http.delete(self.url(path))).await
    }

    pub async fn delete_with(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(self.http.delete(self.url(path)).json(body)).await
    }

    pub async fn post_raw(&self, path: &str, content_type: &str, body: &'static str) -> Result<Answer> {
        self.send(self.http.post(self.url(path)).header("content-type", content_type).body(body)).await
    }

    pub async fn post_form(&self, path: &str, form: Form) -> Result<Answer> {
        self.send(self.http.post(self.url(path)).multipart(form)).await
    }

    pub async fn post_with_header(&self, path: &str, body: &Value, name: &str, value: &str) -> Result<Answer> {
        self.send(self.http.post(self.url(path)).header(name, value).json(body)).await
    }

    pub async fn post_with_key(&self, path: &str, body: &Value, idempotency_key: &str) -> Result<Answer> {
        self.post_with_header(path, body, "Idempotency-Key", idempotency_key).await
    }

    /// As a browser does on a page of the gateway's own.
    pub async fn post_with_cookie(&self, path: &str, name: &str, value: &str) -> Result<Answer> {
        let request = self.http.post(self.url(path)).header("origin", &self.gateway);
        self.send(request.header("cookie", format!("{name}={value}"))).await
    }

    /// Posts what is answered with a stream of events.
    pub async fn post_for_events(&self, path: &str, body: &Value) -> Result<Events> {
        Events::open(self.http.post(self.url(path)).bearer_auth(self.token()).json(body)).await
    }

    /// Opens a stream of events, or goes on with one after the event with this id.
    pub async fn events(&self, path: &str, last_id: Option<&str>) -> Result<Events> {
        let request = self.signed(self.http.get(self.url(path)));
        Events::open(match last_id {
            Some(id) => request.header("Last-Event-ID", id),
            None => request,
        })
        .await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway)
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        let response = self.signed(request).timeout(Self::PATIENCE).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        Ok(Answer { status, headers, body })
    }

    /// An authenticated WebSocket in the `sora_ui` dialect.
    pub async fn socket(&self) -> Result<Socket> {
        self.socket_at(&self.gateway).await
    }

    /// The same at one replica, past the gateway.
    pub async fn socket_at(&self, base_url: &str) -> Result<Socket> {
        let mut socket = Socket::connect(base_url).await?;
        ensure!(socket.next().await?.kind == "connected");
        socket.send("auth", json!({ "token": self.token() })).await?;
        let answer = socket.next().await?;
        ensure!(answer.kind == "authSuccess", "{}", answer.raw);
        Ok(socket)
    }

    /// A text-to-video task; returns its `videoId`.
    pub async fn create(&self, prompt: &str) -> Result<String> {
        let body = self.post("/api/video/tasks", json!({ "prompt": prompt, "model": "sora-2" })).await?.ok()?;
        Ok(body["data"]["videoId"].as_str().context("no videoId")?.to_owned())
    }

    /// As a client that retries with an idempotency key until it has an answer, through restarts of the service.
    pub async fn create_insistently(&self, prompt: &str) -> Result<String> {
        let body = json!({ "prompt": prompt, "model": "sora-2" });
        eventually(&format!("the creation of {prompt:?}"), Self::PATIENCE, async || {
            let created = self.post_with_key("/api/video/tasks", &body, prompt).await?.ok()?;
            Ok(created["data"]["videoId"].as_str().context("no videoId")?.to_owned())
        })
        .await
    }

    /// The row of a task.
    pub async fn task(&self, video_id: &str) -> Result<Value> {
        Ok(self.get(&format!("/api/video/tasks/{video_id}")).await?.ok()?["data"].clone())
    }

    pub async fn balance(&self) -> Result<i64> {
        let body = self.get("/api/credits/balance").await?.ok()?;
        body["balance"].as_i64().or_else(|| body["data"]["balance"].as_i64()).context("no balance")
    }

    /// Waits until the task has ended, and returns its row.
    pub async fn until_ended(&self, video_id: &str) -> Result<Value> {
        eventually(&format!("the end of {video_id}"), Self::PATIENCE, async || {
            let row = self.task(video_id).await?;
            ensure!(matches!(row["status"].as_str(), Some("COMPLETED" | "FAILED" | "CANCELLED")), "{row}");
            Ok(row)
        })
        .await
    }

    /// Waits for the completion of the task with this prompt, and returns its row.
    pub async fn until_completed(&self, prompt: &str) -> Result<Value> {
        let list = self.get("/api/video/tasks?pageSize=100").await?.ok()?;
        let rows = list["data"]["tasks"].as_array().context("tasks")?;
        let row = rows.iter().find(|row| row["prompt"] == prompt).with_context(|| format!("no task {prompt:?}"))?;
        let ended = self.until_ended(row["videoId"].as_str().context("videoId")?).await?;
        if ended["status"] != "COMPLETED" {
            bail!("{prompt:?} ended as {ended}");
        }
        Ok(ended)
    }
}
